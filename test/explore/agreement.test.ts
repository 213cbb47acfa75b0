import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { prepare } from './configuration.js';
import { CONFIGURATIONS } from './configurations.js';
import { configurationOf } from './hunt.js';
import { Replay } from './replay.js';

test.each(CONFIGURATIONS.map(({ name }) => name))(
  'real sessions do what the explorer says, step by step, on any schedule of %s',
  async (name) => {
    const { system } = prepare(configurationOf(name), undefined, false);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 1_000 }), { maxLength: 40 }), async (choices) => {
        const replay = new Replay(system);
        const begun = await replay.begin();
        expect(begun.actual).toEqual(begun.explored);
        for (const choice of choices) {
          const { labels } = replay;
          const label = labels[choice % labels.length];
          if (label === undefined) return;
          const { explored, actual } = await replay.step(label);
          expect(actual).toEqual(explored);
        }
      }),
      { numRuns: 20 },
    );
  },
);
