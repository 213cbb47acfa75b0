import { describe, expect, test } from '@jest/globals';
import { ConnectionClosed, InvalidArgument, SessionClosed } from '../../src/base/errors.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import type { Connection } from '../../src/session/connection.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Message } from '../../src/wire/message.js';
import { VirtualClock } from '../support/clock.js';
import { acceptOf, closeOf, established, NOTHING_LEFT, openOf, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, callOf } from '../support/traffic.js';

/** A session with a virtual connection that it has opened. */
async function opened(options: RigOptions = {}) {
  const { rig, session } = await established(options);
  const [virtual] = await Promise.all([session.open(), rig.say(acceptOf(1))]);
  rig.peer.take();
  return { rig, session, virtual };
}

const cancel = { type: 'RequestMessage', id: 1, body: { type: 'Cancel', metadata: [] } } as const;

describe('a connection that is closed says by whom', () => {
  test.each([
    ['us', 'local', ({ virtual }) => virtual.close()],
    ['the peer', 'peer', ({ rig }) => rig.say(closeOf(1))],
    ['the end of the session', 'session', ({ session }) => session.shutdown()],
  ] as const satisfies readonly [string, string, (all: Awaited<ReturnType<typeof opened>>) => unknown][])(
    'by %s',
    async (whom, by, end) => {
      const all = await opened();
      const { session, virtual } = all;
      const early = virtual.closed;
      const caller = virtual.caller();
      await end(all);
      await settle();
      const message = `connection 1 was closed by ${whom}`;
      const error = expect.objectContaining({ name: 'ConnectionClosed', by, message });
      await expect(virtual.send(cancel)).rejects.toEqual(error);
      await expect(virtual.sendResponse(2, { ret: bytes() })).rejects.toEqual(error);
      expect(() => virtual.caller()).toThrow(message);
      expect(() => virtual.serve(() => bytes())).toThrow(ConnectionClosed);
      await expect(caller.call(1n, bytes())).rejects.toMatchObject({ name: 'ConnectionClosed', message, ran: 'no' });
      expect([await early, await virtual.closed]).toEqual([
        { by, metadata: [] },
        { by, metadata: [] },
      ]);
      expect([virtual.isConnected, virtual.actor]).toEqual([false, undefined]);
      session.shutdown();
      await session.closed;
    },
  );

  test('and the end of the session is its cause', async () => {
    const { session, virtual } = await opened();
    session.shutdown();
    await session.closed;
    const error = await virtual.send(cancel).catch((reason) => reason as ConnectionClosed);
    expect((error as ConnectionClosed).cause).toEqual(new SessionClosed('local'));
  });
});

describe('sendResponse', () => {
  test.each([[null], [undefined], [5], ['ret']])('takes an object, not %j', async (response) => {
    const { virtual } = await opened();
    expect(() => virtual.sendResponse(2, response as never)).toThrow(
      new InvalidArgument('sendResponse takes a response'),
    );
  });

  test('leaves channels and metadata empty unless they are given', async () => {
    const { rig, virtual } = await opened();
    await virtual.sendResponse(2, { ret: bytes(7) });
    expect(await rig.heard()).toEqual([
      {
        type: 'RequestMessage',
        connectionId: 1,
        id: 2,
        body: { type: 'Response', channels: [], metadata: [], ret: bytes(7) },
      },
    ]);
  });
});

describe('calls of the peer that the application reads itself', () => {
  // A drain waits for their answers, until their connection is closed. No more than limits.requests are told apart.
  test.each([1, 2, 5])('are forgotten with their connection, of %i that are told apart', async (requests) => {
    const held: Connection[] = [];
    const { rig, session } = await established({
      limits: { requests },
      onConnection: () => ({ type: 'accept', setup: (connection) => held.push(connection) }),
    });
    await rig.say(openOf(2));
    const reader = (held[0] as Connection)[Symbol.asyncIterator]();
    for (const id of [2, 4, 6]) await rig.say({ ...callOf(id, bytes()), connectionId: 2 });
    for (let count = 0; count < 3; count++) await reader.next();
    rig.track('drain', session.drain());
    await rig.clock.advance(10_000);
    expect(Object.keys(rig.settled)).toEqual(['start']);
    await rig.say(closeOf(2));
    await rig.clock.advance(2_000);
    expect(rig.settled).toMatchObject({ drain: { answered: 0, refused: 0, channels: 0 } });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('are over when they are answered, also those that are not told apart', async () => {
    const held: Connection[] = [];
    const { rig, session } = await established({
      limits: { requests: 1 },
      onConnection: () => ({ type: 'accept', setup: (connection) => held.push(connection) }),
    });
    await rig.say(openOf(2));
    const [connection] = held as [Connection];
    const reader = connection[Symbol.asyncIterator]();
    for (const id of [2, 4, 6]) await rig.say({ ...callOf(id, bytes()), connectionId: 2 });
    for (let count = 0; count < 3; count++) await reader.next();
    rig.track('drain', session.drain());
    for (const id of [6, 2, 4]) {
      await settle();
      expect(Object.keys(rig.settled)).toEqual(['start']);
      await connection.sendResponse(id, { ret: bytes() });
    }
    await rig.clock.advance(2_000);
    expect(rig.settled).toMatchObject({ drain: { answered: 3 } });
  });
});

test('while the peer drains the session, all but calls can be sent', async () => {
  const clock = new VirtualClock();
  const [near, far] = memoryLinkPair();
  const [client, server] = await Promise.all([
    initiate(near, { clock, notices: true }),
    accept(far, { clock, notices: true }),
  ]);
  const arrived: unknown[] = [];
  void (async () => {
    for await (const { body } of server.root) arrived.push(body.type);
  })();
  const drained = server.drain();
  await settle();
  expect(client.isPeerDraining).toBe(true);
  const { root } = client;
  await root.send(cancel);
  await root.send({ type: 'ChannelMessage', id: 1, body: { type: 'GrantCredit', additional: 1 } });
  const call = {
    type: 'RequestMessage',
    id: 1,
    body: { type: 'Call', methodId: 1n, channels: [], metadata: [], args: bytes() },
  } as const;
  await expect(root.send(call)).rejects.toMatchObject({ name: 'Unavailable', ran: 'no' });
  await settle();
  expect(arrived).toEqual(['Cancel', 'GrantCredit']);
  client.shutdown();
  await drained;
});

describe('with `using`', () => {
  test('a session is shut down, and waits for its end', async () => {
    const { rig, session } = await opened();
    await session[Symbol.asyncDispose]();
    expect(await session.closed).toEqual({ cause: 'shutdown', by: 'local' });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('a virtual connection is closed, and a root is released', async () => {
    const { rig, session, virtual } = await opened();
    await session.root[Symbol.asyncDispose]();
    await settle();
    expect(session.root.isConnected).toBe(true);
    await virtual[Symbol.asyncDispose]();
    expect(await rig.heard()).toEqual([closeOf(1)]);
    expect(await session.closed).toEqual({ cause: 'released', by: 'local' });
  });

  test('a caller is released, once', async () => {
    const { rig, virtual } = await opened();
    const [one, other] = [virtual.caller(), virtual.caller()];
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    one.release();
    expect(await rig.heard()).toEqual([]);
    expect(() => one.call(1n, bytes())).toThrow('the caller was released');
    other[Symbol.dispose]();
    expect(await rig.heard()).toEqual([closeOf(1)]);
  });
});

test('a root that the peer closes is reported, and the session goes on while it has other connections', async () => {
  const { rig, session } = await opened();
  await rig.say(closeOf(0));
  expect(rig.reports).toEqual([{ kind: 'root-closed-by-peer', message: 'the peer closed the root connection', id: 0 }]);
  session.shutdown();
  await session.closed;
});

describe('an open for a service', () => {
  test('whose client can not be made closes its connection, and rejects with the error', async () => {
    const { rig, session } = await opened();
    const broken = {
      name: 'clock',
      client: () => {
        throw new Error('no client');
      },
    };
    rig.track('open', session.open(broken as never));
    await settle();
    rig.peer.take();
    expect(await rig.say(acceptOf(3))).toEqual([closeOf(3)]);
    expect(rig.settled).toMatchObject({ open: { message: 'no client' } });
  });

  test('takes a service, and options that are an object', async () => {
    const { rig, session } = await opened();
    await expect(session.open({ name: 'clock', client: 5 } as never)).rejects.toThrow(
      new InvalidArgument('client must be a function, not 5'),
    );
    await expect(session.open({ name: 'clock', client: () => {} } as never, 5 as never)).rejects.toThrow(
      new InvalidArgument('options must be an object, not 5'),
    );
    expect(await rig.heard()).toEqual([]);
  });
});

test('a session that is abandoned ends at once, as if its link had broken', async () => {
  const { rig, session } = await opened();
  session.abandon();
  expect(await session.closed).toMatchObject({ cause: 'link', error: { message: 'the link was given up' } });
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

describe('an open that only asks if the peer is there', () => {
  const probe: Message = {
    ...openOf(3),
    connectionSettings: { parity: 'odd', maxConcurrentRequests: 64 },
    metadata: [{ key: 'roam-actors.probe', value: 1n, flags: 0n }],
  } as Message;

  test.each<[string, Message, Message[]]>([
    ['rejects', { type: 'ConnectionReject', connectionId: 3, metadata: [] }, []],
    ['accepts, whose connection is closed', acceptOf(3), [closeOf(3)]],
  ])('is done when the peer %s', async (_, answer, said) => {
    const { rig, session } = await opened();
    rig.track('probe', session.probe());
    expect(await rig.heard()).toEqual([probe]);
    expect(Object.keys(rig.settled)).toEqual(['start']);
    expect(await rig.say(answer)).toEqual(said);
    expect(rig.settled).toMatchObject({ probe: undefined });
    expect(Object.keys(rig.settled)).toEqual(['start', 'probe']);
  });

  test('fails when the session ends', async () => {
    const { rig, session } = await opened();
    rig.track('probe', session.probe());
    session.shutdown();
    await session.closed;
    await settle();
    expect(rig.settled).toMatchObject({ probe: { name: 'SessionClosed' } });
  });
});

test('an open whose signal has aborted before is not sent, and spends no id', async () => {
  const { rig, session } = await opened();
  await expect(session.open({ signal: AbortSignal.abort('enough') })).rejects.toMatchObject({
    name: 'ConnectionClosed',
    by: 'local',
    message: 'the open was aborted before it began',
    cause: 'enough',
  });
  expect(await rig.heard()).toEqual([]);
  rig.track('open', session.open());
  expect(await rig.heard()).toMatchObject([{ type: 'ConnectionOpen', connectionId: 3 }]);
});
