import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type Handler,
  InvalidArgument,
  InvalidPayload,
  type OfferedChannel,
  type Session,
  UnknownMethod,
} from '../../src/index.js';
import type { Message } from '../../src/wire/message.js';
import { established, NOTHING_LEFT, openOf, type Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, callOf, cancelOf, closeOn, INVALID_PAYLOAD, itemOn, resetOn, responseOf } from '../support/traffic.js';

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

/** Works until the call is aborted. Takes no channel. */
const untilAborted: Handler = ({ signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** Answers with the first item of the call's channel. */
const firstItemOf: Handler = async ({ channels }) => {
  for await (const item of channels[0]?.receive() ?? []) return item;
  return bytes();
};

/** Ways in which a call ends although its channel was not taken, and the messages of the peer that follow. */
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
    async (what, serve, rest) => {
      await start({ conformance, limits: { channels: 4, requests: 1_000 } });
      // The first call starts the connection's calls, in case the cause registers no handler.
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
        // No call fails for want of room.
        if (what !== 'arguments that are refused') expect(responses).not.toEqual([INVALID_PAYLOAD]);
      }
    },
  );

  test('of the channels that were not taken at most limits.channels are kept, and the oldest is forgotten first', async () => {
    await start({ conformance, limits: { channels: 2 } });
    session.root.serve(() => bytes());
    for (const id of [2, 4, 6]) await rig.say(callOf(id, bytes(), { channels: [id] }));
    // Channel 2 is forgotten. Messages on it are dropped, since the peer may have sent them earlier.
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

describe('a hundred thousand calls with channels that come to nothing', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  test.each(['reference', 'strict'] as const)(
    'in %s mode, of all five causes, leave no place taken and the heap as it was',
    async (conformance) => {
      await start({ conformance });
      let cause = 0;
      session.root.serve((request) => {
        switch (cause) {
          case 0:
            throw new UnknownMethod();
          case 1:
            return Promise.reject(new Error('no'));
          case 2:
            return untilAborted(request);
          case 3:
            return bytes();
          case 4:
            throw new InvalidPayload('no');
          default:
            return firstItemOf(request);
        }
      });
      let id = 0;
      /** Makes `count` calls of each cause, a hundred in one segment. */
      const round = async (count: number): Promise<void> => {
        for (cause = 0; cause < CAUSES.length; cause++) {
          for (let made = 0; made < count; made += 100) {
            const said: Message[] = [];
            for (let at = 0; at < 50; at++) {
              id += 2;
              said.push(callOf(id, bytes(), { channels: [id] }));
              if (cause === 2) said.push(cancelOf(id));
            }
            expect((await rig.say(...said)).filter(({ type }) => type !== 'RequestMessage')).toEqual([]);
            rig.reports.length = 0;
            // The rig keeps every actor. The actors of the channels that are still remembered are active.
            const atWork = rig.actors.filter((actor) => actor.getSnapshot().status === 'active').map(({ id }) => id);
            expect(atWork.filter((name) => name.startsWith('incomingCall'))).toEqual([]);
            rig.actors.length = 0;
          }
        }
      };
      const heap = async (): Promise<number> => {
        for (let times = 0; times < 3; times++) {
          collect();
          await settle();
        }
        return process.memoryUsage().heapUsed;
      };
      await round(2_000);
      const before = await heap();
      await round(40_000);
      const grown = (await heap()) - before;
      expect(session.root.calls.scope.load).toMatchObject({ requests: 0, channels: 0, kept: 4_096 });
      // 200 bytes a call: the rig's inspector keeps some 80; a leaked handler or channel would take more than 300.
      expect(grown).toBeLessThan(20_000_000);
      // The next call with a channel works.
      cause = CAUSES.length;
      await rig.say(callOf(id + 2, bytes(), { channels: [id + 2] }));
      expect(await rig.say(itemOn(id + 2, 7))).toEqual([resetOn(id + 2), responseOf(id + 2, bytes(7))]);
    },
    240_000,
  );
});

test('where other connections keep all that may be kept, messages on one more are dropped', async () => {
  await start({ limits: { channels: 1 }, onConnection: () => ({ type: 'accept' }) });
  session.root.serve(() => bytes());
  await rig.say(callOf(2, bytes(), { channels: [2] }), openOf(2));
  session.connection(2)?.serve(() => bytes());
  const on2 = (message: Message): Message => ({ ...message, connectionId: 2 });
  await rig.say(on2(callOf(2, bytes(), { channels: [2] })));
  expect(await rig.say(on2(itemOn(2, 1)), on2(closeOn(2)))).toEqual([]);
  expect(await rig.say(itemOn(2, 1))).toEqual([resetOn(2)]);
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
