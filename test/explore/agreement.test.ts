import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { prepare } from '../../explore/configuration.js';
import { CONFIGURATIONS } from '../../explore/configurations.js';
import { Replay } from '../../explore/replay.js';
import type { World } from '../../explore/world.js';

// Those in which the link has no bounds and inboxes are not full: there the real ones count bytes.
const NAMES = [
  'handshake-reference',
  'handshake-strict',
  'handshake-even',
  'opens-reference',
  'opens-strict',
  'closes-strict',
  'roots-strict',
  'limits-strict',
  'no-acceptor',
  'dead-peer',
  'large',
];

test.each(NAMES)('two real sessions do what the explorer says, step by step, on any schedule of %s', async (name) => {
  const configuration = CONFIGURATIONS.find((one) => one.name === name);
  if (configuration === undefined) throw new Error(`there is no configuration ${name}`);
  const world = prepare(configuration, undefined, false).world as World;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 1_000 }), { maxLength: 40 }), async (choices) => {
      const replay = new Replay(world);
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
    { numRuns: 50 },
  );
});
