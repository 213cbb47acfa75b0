import { test } from '@jest/globals';
import fc from 'fast-check';
import { law } from './differential.js';

// `npm run differential:compile` runs many more.
test('a random statechart behaves the same compiled as on XState', async () => {
  await fc.assert(law(30), { numRuns: 60 });
}, 120_000);
