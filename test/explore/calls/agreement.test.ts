import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CONFIGURATIONS, SHIPPED } from './configurations.js';
import { Replay } from './replay.js';
import { World } from './world.js';

/** Worlds that real sessions cannot reach, each with the reason. */
const MODELLED_ONLY: Readonly<Record<string, string>> = {
  'unsendable-reference': 'nothing that a link does makes a call, and nothing else, impossible to send',
  'unsendable-strict': 'nothing that a link does makes a call, and nothing else, impossible to send',
  ...Object.fromEntries(
    ['names-1', 'names-2', 'adversary-namer'].flatMap((name) =>
      ['reference', 'strict'].map((mode) => [`${name}-${mode}`, 'rows 9a.18 to 9a.21 of the table, on real sessions']),
    ),
  ),
};

const names = CONFIGURATIONS.map(({ name }) => name);

describe('real sessions do what the model of calls and channels says', () => {
  test.each(CONFIGURATIONS.filter(({ name }) => !(name in MODELLED_ONLY)).map((one) => [one.name, one] as const))(
    'step by step, on any schedule of %s',
    async (_, configuration) => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat({ max: 1_000 }), { maxLength: 40 }), async (choices) => {
          const world = new World(configuration.worldOf(SHIPPED));
          const replay = await Replay.of(world);
          const path: string[] = [];
          for (const choice of choices) {
            const { labels } = replay;
            const label = labels[choice % labels.length];
            if (label === undefined) break;
            path.push(world.describe(label));
            const comparison = await replay.step(label);
            if (comparison === undefined) continue;
            expect({ path, ...comparison.actual }).toEqual({ path, ...comparison.explored });
            // The session is over now. The model only notes the accusation.
            if (comparison.explored.isAccused) break;
          }
          await replay.end();
        }),
        { numRuns: 20 },
      );
    },
  );

  test('but for worlds that have a reason', () => {
    expect(Object.keys(MODELLED_ONLY).filter((name) => !names.includes(name))).toEqual([]);
  });
});
