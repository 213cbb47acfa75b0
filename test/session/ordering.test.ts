import { describe, expect, test } from '@jest/globals';
import { accept, call, close, helloYourself, open, ping, pong, reject } from '../../spec/rows/messages.js';
import { type Connection, messagePack, type Session } from '../../src/index.js';
import { established, Rig } from '../support/rig.js';

// The order of inputs. An input takes effect completely, in the whole actor tree, before the next one does. This also holds
// if the next one comes from an application's code that runs inside the step.

const SESSION_CLOSED = { code: 'session-closed', by: 'local' };

/** Returns the error of a promise that may have rejected long ago. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

/** Opens a connection that the peer accepts. */
async function opened(rig: Rig, session: Session, id: number): Promise<Connection> {
  const opening = session.open();
  expect(await rig.say(accept(id))).toEqual([open(id)]);
  return opening;
}

// r[session.handshake]
describe('in one segment with HelloYourself', () => {
  test('an open, its messages and its close find the session established, in order', async () => {
    const seen: unknown[] = [];
    const rig = new Rig({
      onConnection: ({ id }) => {
        seen.push(`asked ${String(id)}`);
        return {
          type: 'accept',
          setup: (connection) => {
            seen.push(`setup ${String(connection.id)}`);
            void readAll(connection).then((messages) => seen.push(messages));
          },
        };
      },
    });
    void rig.starting.then(({ root }) => seen.push(`root ${String(root.isConnected)}`));
    const replies = await rig.say(helloYourself(), open(2), call(2, 2), call(0, 2), close(2), ping(1n));
    expect(replies.slice(1)).toEqual([accept(2), pong(1n)]);
    expect(seen).toEqual(['asked 2', 'setup 2', 'root true', [call(2, 2)]]);
    const { root } = await rig.starting;
    expect(await root[Symbol.asyncIterator]().next()).toEqual({ value: call(0, 2), done: false });
    expect(rig.reports).toEqual([]);
  });

  test('a message that ends the session ends one that its user still gets', async () => {
    const rig = new Rig();
    await rig.say(helloYourself(), close(0));
    const session = await rig.starting;
    expect(await session.closed).toEqual({ cause: 'peer', by: 'peer' });
    expect(session.root.isConnected).toBe(false);
    // `closed` is read for the first time only now.
    expect(await session.root.closed).toEqual({ by: 'session', metadata: [] });
    expect(await outcome(session.open())).toMatchObject({ code: 'session-closed', by: 'peer' });
  });

  test('what the user opens as soon as there is a session comes behind the answers to what was there', async () => {
    const rig = new Rig();
    const opening = rig.starting.then((session) => session.open());
    const replies = await rig.say(helloYourself(), ping(1n), open(2));
    expect(replies.slice(1)).toEqual([pong(1n), reject(2), open(1)]);
    await rig.say(accept(1));
    expect((await opening).id).toBe(1);
  });
});

describe('a user who opens', () => {
  /** The events of a closing connection that an application can listen to. */
  const callbacks: [string, (session: Session, connection: Connection, callback: () => void) => void][] = [
    ['closed.then', (_, connection, callback) => void connection.closed.then(callback)],
    ["on('connectionClosed')", (session, _, callback) => void session.on('connectionClosed', callback)],
  ];

  describe.each(callbacks)('in %s', (_, listen) => {
    test('gets the next connection', async () => {
      const { rig, session } = await established();
      const connection = await opened(rig, session, 1);
      const openings: Promise<Connection>[] = [];
      listen(session, connection, () => openings.push(session.open()));
      expect(await rig.say(close(1))).toEqual([open(3)]);
      await rig.say(accept(3));
      expect((await Promise.all(openings)).map(({ id }) => id)).toEqual([3]);
    });

    // r[rpc.caller.liveness.root-teardown-condition]
    test('does not get in between the last close of a released root and the end', async () => {
      const { rig, session } = await established();
      const connection = await opened(rig, session, 1);
      const openings: Promise<unknown>[] = [];
      listen(session, connection, () => openings.push(outcome(session.open())));
      session.root.caller().release();
      expect(await rig.say(close(1))).toEqual([]);
      expect(await session.closed).toEqual({ cause: 'released', by: 'local' });
      expect(await Promise.all(openings)).toMatchObject([SESSION_CLOSED]);
    });
  });

  test('inside a setup comes behind the Accept', async () => {
    const opening: Promise<Connection>[] = [];
    const { rig, session } = await established({
      onConnection: () => ({ type: 'accept', setup: () => opening.push(session.open()) }),
    });
    expect(await rig.say(open(2), ping(1n))).toEqual([accept(2), open(1), pong(1n)]);
    await rig.say(accept(1));
    expect((await Promise.all(opening)).map(({ id }) => id)).toEqual([1]);
  });

  test('inside onConnection comes behind the answer that it gives at once, which belongs to the step of the Open', async () => {
    const opening: Promise<Connection>[] = [];
    const { rig, session } = await established({
      onConnection: () => {
        opening.push(session.open());
        return { type: 'accept' };
      },
    });
    expect(await rig.say(open(2), ping(1n))).toEqual([accept(2), open(1), pong(1n)]);
    await rig.say(accept(1));
    expect((await Promise.all(opening)).map(({ id }) => id)).toEqual([1]);
    expect(session.connection(2)?.isConnected).toBe(true);
  });

  // r[rpc.caller.liveness.root-teardown-condition]
  test('when a question is withdrawn does not get in between the last of a released root and the end', async () => {
    const openings: Promise<unknown>[] = [];
    const { rig, session } = await established({
      onConnection: ({ signal }) => {
        signal.addEventListener('abort', () => openings.push(outcome(session.open())));
        return new Promise(() => {});
      },
    });
    await rig.say(open(2));
    session.root.caller().release();
    expect(await rig.say(close(2))).toEqual([]);
    expect(await session.closed).toEqual({ cause: 'released', by: 'local' });
    expect(await Promise.all(openings)).toMatchObject([SESSION_CLOSED]);
  });

  test('inside onConnection at the limit of connections counts the one that is asked about', async () => {
    const refused: Promise<unknown>[] = [];
    const { rig, session } = await established({
      limits: { connections: 1 },
      onConnection: () => {
        refused.push(outcome(session.open()));
        return { type: 'accept' };
      },
    });
    expect(await rig.say(open(2))).toEqual([accept(2)]);
    expect(await Promise.all(refused)).toMatchObject([{ code: 'limit', limit: 'connections' }]);
  });
});

describe('a user who ends things', () => {
  // r[connection.close]
  test('closes inside a setup: the Close comes behind the Accept, and what follows on the id is dropped', async () => {
    const { rig, session } = await established({
      conformance: 'strict',
      onConnection: () => ({ type: 'accept', setup: (connection) => void connection.close() }),
    });
    expect(await rig.say(open(2), call(2, 2), ping(1n))).toEqual([accept(2), close(2), pong(1n)]);
    expect(session.connection(2)).toBeUndefined();
  });

  test('shuts down inside onConnection: what it answers at once leaves first, and nothing behind it is handled', async () => {
    const asked: number[] = [];
    const { rig, session } = await established({
      onConnection: ({ id }) => {
        asked.push(id);
        session.shutdown();
        return { type: 'accept', setup: () => asked.push(-id) };
      },
    });
    expect(await rig.say(open(2), open(4), ping(1n))).toEqual([accept(2)]);
    expect(asked).toEqual([2, -2]);
    expect(await session.closed).toEqual({ cause: 'shutdown', by: 'local' });
  });

  test('shuts down inside a setup: the Accept leaves first', async () => {
    const { rig, session } = await established({
      onConnection: () => ({ type: 'accept', setup: () => session.shutdown() }),
    });
    expect(await rig.say(open(2), ping(1n))).toEqual([accept(2)]);
    expect(await session.closed).toEqual({ cause: 'shutdown', by: 'local' });
  });

  test('closes while the open is pending: the answer that was under way is dropped, and the id is spent', async () => {
    const { rig, session } = await established({ conformance: 'strict' });
    const opening = session.open();
    const closing = session.close(1);
    expect(await rig.say(accept(1), call(1, 2), close(1))).toEqual([open(1), close(1)]);
    await expect(closing).resolves.toBeUndefined();
    expect(await outcome(opening)).toMatchObject({ code: 'connection-closed', by: 'local' });
    expect((await opened(rig, session, 3)).id).toBe(3);
  });
});

test('of two opens that expire together the second does not begin to before the first is done', async () => {
  const { rig, session } = await established({ limits: { openTimeout: 1_000 } });
  const outcomes = [session.open(), session.open()].map(outcome);
  await rig.say();
  rig.link.hold();
  const sent: number[] = [];
  session.on('connectionClosed', () => sent.push(rig.link.buffered));
  await rig.clock.advance(1_100);
  const bytes = messagePack.encode(close(1)).length;
  expect(sent).toEqual([bytes, 2 * bytes]);
  await Promise.all(outcomes);
});

describe('a user who opens when an open has expired', () => {
  test('comes behind the closes of all that expired with it', async () => {
    const { rig, session } = await established({ limits: { openTimeout: 1_000 } });
    const outcomes = [session.open(), session.open()].map(outcome);
    expect(await rig.say()).toEqual([open(1), open(3)]);
    session.on('connectionClosed', ({ id }) => id === 1 && outcomes.push(outcome(session.open())));
    await rig.clock.advance(1_100);
    expect(await rig.say(reject(5))).toEqual([close(1), close(3), open(5)]);
    const expired = { code: 'limit', limit: 'openTimeout' };
    expect(await Promise.all(outcomes)).toMatchObject([expired, expired, { code: 'rejected' }]);
  });

  // r[rpc.caller.liveness.root-teardown-condition]
  test('does not get in between the last of a released root and the end', async () => {
    const { rig, session } = await established({ limits: { openTimeout: 1_000 } });
    const outcomes = [outcome(session.open())];
    session.root.caller().release();
    session.on('connectionClosed', () => outcomes.push(outcome(session.open())));
    await rig.clock.advance(1_100);
    expect(rig.peer.take()).toEqual([open(1), close(1)]);
    expect(await session.closed).toEqual({ cause: 'released', by: 'local' });
    expect(await Promise.all(outcomes)).toMatchObject([{ code: 'limit', limit: 'openTimeout' }, SESSION_CLOSED]);
  });
});

async function readAll(connection: Connection): Promise<unknown[]> {
  const messages: unknown[] = [];
  for await (const message of connection) messages.push(message);
  return messages;
}
