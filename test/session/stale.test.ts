import { expect, jest, test } from '@jest/globals';
import { type Connection, messagePack } from '../../src/index.js';
import type { LinkEvents } from '../../src/link/link.js';
import { ControlledLink } from '../support/link.js';
import { closeOf, established, openOf } from '../support/rig.js';
import { bytes, callOf } from '../support/traffic.js';

// 9b.18: a peer may open one of its ids again. A handle of the earlier connection with that id must not affect the new one.

/** The handles of two connections that the peer has opened with the same id, one after the other. */
async function twice() {
  const opened: Connection[] = [];
  const { rig, session } = await established({
    onConnection: () => ({ type: 'accept', setup: (connection) => void opened.push(connection) }),
  });
  await rig.say(openOf(2));
  const caller = opened[0]?.caller();
  await rig.say(closeOf(2), openOf(2));
  const [old, current] = opened as [Connection, Connection];
  return { rig, session, old, current, caller };
}

test.each<[what: string, act: (old: Connection, caller: { release(): void } | undefined) => unknown]>([
  ['closed', (old) => old.close()],
  ['disposed of', (old) => old[Symbol.asyncDispose]()],
  ['released', (_old, caller) => caller?.release()],
  ['no longer read', (old) => old[Symbol.asyncIterator]().return?.()],
])('a connection stays open when an older one of its id is %s', async (_what, act) => {
  const { rig, session, old, current, caller } = await twice();
  await act(old, caller);
  await rig.say({ ...callOf(1, bytes(7)), connectionId: 2 });
  expect(await rig.heard()).toEqual([]);
  expect([old.isConnected, current.isConnected, session.connection(2) === current]).toEqual([false, true, true]);
  expect((await current[Symbol.asyncIterator]().next()).value).toMatchObject({ body: { type: 'Call' } });
  session.shutdown();
  await session.closed;
});

test('closing a handle in the midst of a step, behind which its id is opened anew, resolves and closes nothing', async () => {
  const opened: Connection[] = [];
  let closing: Promise<void> | undefined;
  let events: LinkEvents | undefined;
  const start = jest.spyOn(ControlledLink.prototype, 'start').mockImplementationOnce(function (
    this: ControlledLink,
    heard,
  ) {
    events = heard;
    start.mockRestore();
    this.start(heard);
  });
  const { rig, session } = await established({
    onConnection: ({ id }) => {
      if (id === 4) {
        // The messages arrive while this callback runs, and so before the callback's own requests.
        for (const message of [closeOf(2), openOf(2)]) events?.message(messagePack.encode(message));
        closing = opened[0]?.close();
      }
      return { type: 'accept', setup: (connection) => void (connection.id === 2 && opened.push(connection)) };
    },
  });
  await rig.say(openOf(2));
  expect((await rig.say(openOf(4))).map(({ type, connectionId }) => [type, connectionId])).toEqual([
    ['ConnectionAccept', 4],
    ['ConnectionAccept', 2],
  ]);
  await closing;
  expect(opened.map(({ isConnected }) => isConnected)).toEqual([false, true]);
  session.shutdown();
  await session.closed;
});
