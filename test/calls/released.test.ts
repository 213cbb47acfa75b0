import { afterEach, describe, expect, test } from '@jest/globals';
import { type Handler, InvalidArgument, InvalidPayload, type OfferedChannel, type Session } from '../../src/index.js';
import type { Message } from '../../src/wire/message.js';
import { established, NOTHING_LEFT, type Rig, type RigOptions } from '../support/rig.js';
import { bytes, callOf, cancelOf, closeOn, itemOn, resetOn } from '../support/traffic.js';

// 9a.21: channels that a Call named and that no handler took. The test plays the peer; its ids are even.

let rig: Rig;
let session: Session;

async function start(options: RigOptions = {}): Promise<void> {
  ({ rig, session } = await established(options));
}

afterEach(async () => {
  session.shutdown();
  await session.closed;
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

/** Works until the call is given up, and then takes nothing. */
const untilAborted: Handler = ({ signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** How a call can come to an end with its channel not taken, and what the peer says to that end. */
const CAUSES: readonly (readonly [string, () => void, (id: number) => readonly Message[]])[] = [
  ['an unknown method', () => {}, () => []],
  ['a handler that throws', () => session.root.serve(() => Promise.reject(new Error('no'))), () => []],
  ['a call that is cancelled', () => session.root.serve(untilAborted), (id) => [cancelOf(id)]],
  ['a handler that takes no end', () => session.root.serve(() => bytes()), () => []],
  [
    'arguments that are refused',
    () =>
      session.root.serve(() => {
        throw new InvalidPayload('no');
      }),
    () => [],
  ],
];

describe.each(['reference', 'strict'] as const)('in %s mode', (conformance) => {
  test.each(CAUSES)(
    'more calls than limits.channels come to an end by %s, and each gives its place back',
    async (_, serve, rest) => {
      await start({ conformance, limits: { channels: 4, requests: 1_000 } });
      // What makes the driver run, where the cause serves nothing.
      const caller = session.root.caller();
      serve();
      void caller.call(1n, bytes()).catch(() => {});
      for (let id = 2; id <= 40; id += 2) {
        const answers = await rig.say(callOf(id, bytes(), { channels: [id] }), ...rest(id));
        expect(answers.filter(({ type }) => type === 'ProtocolError')).toEqual([]);
        const responses = answers.flatMap((message) =>
          message.type === 'RequestMessage' && message.body.type === 'Response' ? [message.body.ret] : [],
        );
        expect(responses).toHaveLength(1);
      }
    },
  );

  test('of the channels that were not taken at most limits.channels are kept, and the oldest is forgotten first', async () => {
    await start({ conformance, limits: { channels: 2 } });
    session.root.serve(() => bytes());
    for (const id of [2, 4, 6]) await rig.say(callOf(id, bytes(), { channels: [id] }));
    // Channel 2 is forgotten: what comes on it may have been under way.
    expect(await rig.say(itemOn(2, 1), closeOn(2))).toEqual([]);
    expect(await rig.say(itemOn(4, 1), itemOn(6, 1))).toEqual([resetOn(4), resetOn(6)]);
    expect(session.root.isConnected).toBe(true);
  });

  test('a channel can’t be taken after its call was answered, and the error says so', async () => {
    await start({ conformance });
    const offers: OfferedChannel[] = [];
    session.root.serve(({ channels }) => {
      offers.push(...channels);
      return bytes();
    });
    await rig.say(callOf(2, bytes(), { channels: [2, 4] }));
    const text = 'channel 2 was not taken before its call was answered: take it earlier';
    expect(() => offers[0]?.receive()).toThrow(new InvalidArgument(text));
    expect(() => offers[0]?.send()).toThrow(new InvalidArgument(text));
    expect(await rig.say(itemOn(2, 1))).toEqual([resetOn(2)]);
    expect(() => offers[0]?.receive()).toThrow(InvalidArgument);
  });
});

// 9a.20
test('in strict mode late items after our Reset are legal as long as their channel is kept, and beyond', async () => {
  await start({ conformance: 'strict', limits: { channels: 2 } });
  session.root.serve(({ channels }) => {
    for (const channel of channels) channel.receive().reset();
    return bytes();
  });
  for (const id of [2, 4, 6, 8]) await rig.say(callOf(id, bytes(), { channels: [id] }));
  // 2 and 4 are forgotten, 6 and 8 kept.
  for (const id of [2, 4, 6, 8]) expect(await rig.say(itemOn(id, 1), closeOn(id))).toEqual([]);
  expect(session.root.isConnected).toBe(true);
});
