import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { accept, type Connection, initiate, method, type Rx, type Session, service } from '../../src/index.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { closeOf, established, itemOf, openOf } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, callOf, itemOn } from '../support/traffic.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/**
 * Returns weak references of a session that has ended. The application's own callback holds its unread connections and an
 * unread end of a channel.
 */
async function finished(ended: 'by us' | 'by the peer'): Promise<WeakRef<Session>> {
  const held: (Connection | Rx)[] = [];
  const { rig, session } = await established({
    onConnection: ({ id }) => ({
      type: 'accept',
      setup: (connection) => {
        held.push(connection);
        if (id === 2) return;
        connection.serve(({ channels }) => {
          held.push(channels[0]?.receive() as Rx);
          return bytes();
        });
      },
    }),
  });
  await rig.say(openOf(2), itemOf(2, 1), openOf(4), { ...callOf(2, bytes(), { channels: [2] }), connectionId: 4 });
  await rig.say({ ...itemOn(2, 7), connectionId: 4 }, openOf(6), itemOf(6, 1), closeOf(6));
  if (ended === 'by us') session.shutdown();
  else await rig.say('end');
  await session.closed;
  await settle();
  expect(held).toHaveLength(4);
  return new WeakRef(session);
}

test.each(['by us', 'by the peer'] as const)(
  'two hundred sessions that ended %s are collected, though their callbacks hold what was left unread',
  async (ended) => {
    const sessions: WeakRef<Session>[] = [];
    for (let count = 0; count < 200; count++) sessions.push(await finished(ended));
    for (let round = 0; round < 10 && sessions.some((session) => session.deref() !== undefined); round++) {
      await settle();
      collectGarbage();
    }
    expect(sessions.filter((session) => session.deref() !== undefined)).toEqual([]);
  },
);

const collectYoung = (): void => (collectGarbage as (options: { type: 'minor' }) => void)({ type: 'minor' });

/** Numbers that take 80 KB. */
const numbers = (): number[] => new Array<number>(10_000).fill(0.5);

test('sessions over WebSocket that ended are collected with the young memory, and wait for no collection of all memory', async () => {
  const Echo = service('Echo', { echo: method<[string], string>() });
  const handler = Echo.handler({ echo: (text) => text });
  /** The function holds numbers, as those of an application hold its state. */
  const withState = (state = numbers()) => ({ onReport: () => void state });
  const ends: Promise<unknown>[] = [];
  await using listener = await listenWebSocket({ port: 0 }, async (link) => {
    const session = await accept(link, withState());
    session.root.serve(handler);
    ends.push(session.closed);
  });
  const run = async (count: number): Promise<number> => {
    collectGarbage();
    for (let round = 0; round < 2; round++) collectYoung();
    const before = memoryUsage().heapUsed;
    for (let done = 0; done < count; done++) {
      await using session = await initiate(await connectWebSocket(listener.url), withState());
      expect(await Echo.client(session.root).echo('a')).toBe('a');
    }
    await Promise.all(ends.splice(0));
    await settle();
    for (let round = 0; round < 2; round++) collectYoung();
    return memoryUsage().heapUsed - before;
  };
  await run(5);
  // V8 moves what is in use at two of its own collections to old memory. On a busy machine that can be some of these sessions.
  const kept: number[] = [];
  for (let round = 0; round < 3; round++) kept.push(await run(60));
  // Each session has 160 KB at both ends together, and its own some 40.
  expect(Math.min(...kept)).toBeLessThan(60 * 80_000);
});
