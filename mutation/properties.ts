import fc from 'fast-check';

// Stands in for fast-check: a mutant that is wrong at all is so in the first few runs, and one that nobody notices would
// have to wait for thousands.

const MOST_RUNS = 30;

function assert(property: fc.IRawProperty<unknown>, params: fc.Parameters<unknown> = {}): unknown {
  return fc.assert(property, { ...params, numRuns: Math.min(params.numRuns ?? MOST_RUNS, MOST_RUNS) });
}

// biome-ignore lint/style/noDefaultExport: as fast-check has it
export default { ...fc, assert };
