import { buildForSpeed, hasCargo } from './build.js';

// Builds the peer with all optimizations, and prints its path; nothing where there is no cargo. bench/wire.ts runs it.

if (hasCargo()) console.log(buildForSpeed());
