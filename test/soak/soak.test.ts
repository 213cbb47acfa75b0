import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { type Figures, type Sample, soakTable, verdict } from './results.js';

describe('the figures of a soak', () => {
  const sample: Sample = { second: 0, heap: 10 * 2 ** 20, handles: 1, timers: 0, files: 20 };
  const run = (samples: readonly Partial<Sample>[], problems: readonly string[] = []): Figures => ({
    commit: '0000000',
    seed: 1,
    minutes: 1,
    counts: {},
    samples: samples.map((one, second) => ({ ...sample, second, ...one })),
    problems,
  });

  test('are flat where nothing more is held at the end', () => {
    expect(verdict(run([{}, {}, {}, {}, {}])).every((line) => line.startsWith('flat'))).toBe(true);
  });

  test.each<[string, Figures]>([
    ['the heap has grown by 10.0 MiB', run([{}, {}, {}, {}, ...new Array(4).fill({ heap: 20 * 2 ** 20 })])],
    ['timers: 0 became 2', run([{}, {}, {}, { timers: 2 }])],
    ['files: 20 became 21', run([{}, {}, {}, { files: 21 }])],
    ['never settled: close', run([{}, {}, {}, {}], ['never settled: close'])],
    ['no sample was taken', run([])],
  ])('say so where something is not: %s', (text, figures) => {
    expect(verdict(figures)).toContain(text);
  });

  test('that are kept stand in the documentation', () => {
    // The formatter pads the cells of tables.
    const unpadded = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{2,}/g, '--');
    expect(unpadded(readFileSync('docs/soak.md', 'utf8'))).toContain(unpadded(soakTable()));
  });
});
