import { afterEach, describe, expect, test } from '@jest/globals';
import { accept, call, close, open, reject } from '../../spec/rows/messages.js';
import { type Connection, ConnectionClosed, ConnectionRejected, type Session } from '../../src/index.js';
import { established, NOTHING_LEFT, type Rig } from '../support/rig.js';
import { settle } from '../support/settle.js';

// The unit tests of the reference's session, on the public interface. They look into the connection table; these look at the
// effects that a peer and an application can see.

let rig: Rig;
let session: Session;

/** An odd session with an open of connection 1 that the peer has not answered. */
async function opening(): Promise<{ opened: Promise<Connection> }> {
  ({ rig, session } = await established());
  const opened = session.open();
  // The promise may reject before the test awaits it.
  opened.catch(() => {});
  expect(await rig.say()).toEqual([open(1)]);
  return { opened };
}

afterEach(async () => {
  session.shutdown();
  await settle();
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

// r[connection.open]
describe('as in the reference,', () => {
  test('a duplicate Accept is ignored after the first', async () => {
    const { opened } = await opening();
    await rig.say(accept(1));
    const connection = await opened;
    expect(connection.id).toBe(1);

    expect(await rig.say(accept(1))).toEqual([]);
    expect(session.connection(1)).toBe(connection);
    expect(connection.isConnected).toBe(true);
    // The active connection is still the first one: messages go both ways.
    await connection.send(call(1, 1));
    expect(await rig.say(call(1, 2))).toEqual([call(1, 1)]);
    expect(await connection[Symbol.asyncIterator]().next()).toEqual({ value: call(1, 2), done: false });
  });

  // r[connection.open.rejection]
  test('a duplicate Reject is ignored after the first', async () => {
    const { opened } = await opening();
    await rig.say(reject(1));
    await expect(opened).rejects.toBeInstanceOf(ConnectionRejected);

    expect(await rig.say(reject(1))).toEqual([]);
    expect(session.connection(1)).toBeUndefined();
    await expect(session.close(1)).rejects.toThrow('connection not found');
    expect(rig.link.isClosed).toBe(false);
  });

  test('an Accept or a Reject without a pending open is ignored', async () => {
    ({ rig, session } = await established());
    expect(await rig.say(accept(99), reject(99))).toEqual([]);
    expect(session.connection(99)).toBeUndefined();
    // No id was spent, and no place was taken: the next open is the first one.
    const opened = session.open();
    expect(await rig.say()).toEqual([open(1)]);
    await rig.say(accept(1));
    expect((await opened).id).toBe(1);
    expect(session.connection(99)).toBeUndefined();
  });

  // r[connection.close]
  test('a close request clears a pending open', async () => {
    const { opened } = await opening();
    await expect(session.close(1)).resolves.toBeUndefined();
    await expect(opened).rejects.toMatchObject({ code: 'connection-closed', by: 'local' });
    await expect(opened).rejects.toBeInstanceOf(ConnectionClosed);

    expect(await rig.say(accept(1))).toEqual([close(1)]);
    expect(session.connection(1)).toBeUndefined();
    await expect(session.close(1)).rejects.toThrow('connection not found');
  });
});
