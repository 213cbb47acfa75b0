import { mkdirSync, writeFileSync } from 'node:fs';
import { document } from './document.js';

// npm run differences: writes the table of differences into the documentation.

mkdirSync('docs', { recursive: true });
writeFileSync('docs/differences.md', document());
