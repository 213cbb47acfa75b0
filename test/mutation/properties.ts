import fc from 'fast-check';

// Stands in for fast-check. A mutant that a property detects at all is detected in the first few runs. An undetected one
// would take thousands of runs. The seed stays the same: what fails on a mutant passes on the right code.

const MOST_RUNS = Number(process.env['ROAM_MUTATE_RUNS'] ?? 30);

function assert(property: fc.IRawProperty<unknown>, params: fc.Parameters<unknown> = {}): unknown {
  return fc.assert(property, { seed: 1, ...params, numRuns: Math.min(params.numRuns ?? MOST_RUNS, MOST_RUNS) });
}

// biome-ignore lint/style/noDefaultExport: as fast-check has it
export default { ...fc, assert };
