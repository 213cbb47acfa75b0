import { describe, expect, test } from '@jest/globals';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import type { Connection } from '../../src/session/connection.js';
import {
  acceptOf,
  brief,
  closeOf,
  established,
  itemOf,
  NOTHING_LEFT,
  numberOf,
  openOf,
  pingOf,
} from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { settle } from '../support/settle.js';

/** The next `count` messages, by their numbers. */
async function read(reader: AsyncIterator<unknown>, count: number): Promise<number[]> {
  const numbers: number[] = [];
  for (let left = count; left > 0; left--) numbers.push(numberOf((await reader.next()).value as never));
  return numbers;
}

function items(connectionId: number, from: number, count: number, padding = 0) {
  return upTo(count).map((index) => itemOf(connectionId, from + index, padding));
}

describe('an inbox that is full', () => {
  test('stops the reading at its limit, and half empty lets it go on, with nothing lost or out of order', async () => {
    const { rig, session } = await established({ limits: { inboxMessages: 8 } });
    const reader = session.root[Symbol.asyncIterator]();
    await rig.say(...items(0, 0, 7));
    expect(await rig.say(pingOf(1))).toHaveLength(1);
    // The eighth message is the last that has room. Messages behind it that need no room are taken.
    await rig.say(itemOf(0, 7));
    expect(await rig.say(pingOf(2))).toHaveLength(1);
    await rig.say(...items(0, 8, 20));
    expect(await rig.say(pingOf(3))).toEqual([]);
    // Eight are there; with four left, eight more minus what is there may come.
    expect(await read(reader, 3)).toEqual([0, 1, 2]);
    await settle();
    expect(session.actor.getSnapshot().value).toMatchObject({ running: { inbound: { paused: 'briefly' } } });
    expect(await read(reader, 1)).toEqual([3]);
    await settle();
    expect(rig.peer.take()).toEqual([]);
    expect(await read(reader, 24)).toEqual(upTo(24).map((index) => index + 4));
    await settle();
    expect(rig.peer.take()).toEqual([{ type: 'Pong', connectionId: 0, nonce: 3n }]);
    expect(session.actor.getSnapshot().value).toMatchObject({ running: { inbound: 'reading' } });
  });

  test('stops nothing by itself: a Ping, an Open, a Close and a message for another connection are taken', async () => {
    const { rig, session } = await established({
      limits: { inboxMessages: 4 },
      onConnection: () => ({ type: 'accept' }),
    });
    const [virtual] = await Promise.all([session.open(), rig.say(acceptOf(1))]);
    await rig.say(...items(0, 0, 4));
    expect(await rig.say(pingOf(1), openOf(2), itemOf(2, 5), closeOf(1))).toMatchObject([
      { type: 'Pong', nonce: 1n },
      { type: 'ConnectionAccept', connectionId: 2 },
    ]);
    expect(virtual.isConnected).toBe(false);
    expect(await read((session.connection(2) as Connection)[Symbol.asyncIterator](), 1)).toEqual([5]);
    expect(await read(session.root[Symbol.asyncIterator](), 4)).toEqual([0, 1, 2, 3]);
  });

  test('leaves opens, closes, sends and shutdown of ours as they are', async () => {
    const { rig, session } = await established({ limits: { inboxMessages: 4 } });
    const [virtual] = await Promise.all([session.open(), rig.say(acceptOf(1))]);
    await rig.say(...items(0, 0, 5));
    rig.track('open', session.open());
    rig.track('send', virtual.send({ type: 'ChannelMessage', id: 1, body: { type: 'GrantCredit', additional: 1 } }));
    rig.track('close', virtual.close());
    await settle();
    expect(rig.peer.take().map(({ type, connectionId }) => [type, connectionId])).toEqual([
      ['ConnectionOpen', 3],
      ['ChannelMessage', 1],
      ['ConnectionClose', 1],
    ]);
    session.shutdown();
    await settle();
    expect(rig.settled).toEqual({
      start: session,
      send: undefined,
      close: undefined,
      open: { name: 'SessionClosed', message: 'session closed' },
    });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('keeps a paused session at a flat cost: the link is paused too, and what it cannot stop is bounded', async () => {
    const { rig, session } = await established({ limits: { inboxMessages: 4, intakeBytes: 2 ** 20 } });
    const padding = 32 * 1024;
    for (let round = 0; round < 64; round++) rig.peer.say(...items(0, round * 16, 16, padding));
    await settle();
    // 32 MiB were sent. Our side has never held more than its limit, or the session would have ended.
    expect(session.root.isConnected).toBe(true);
    const reader = session.root[Symbol.asyncIterator]();
    expect(await read(reader, 64 * 16)).toEqual(upTo(64 * 16));
    expect(await rig.say(pingOf(1))).toHaveLength(1);
  });

  test('is reported as stalled after a second, with its id, and once', async () => {
    const { rig, session } = await established({
      limits: { inboxMessages: 4 },
      onConnection: () => ({ type: 'accept' }),
    });
    const stalled: unknown[] = [];
    session.on('stalled', ({ id }) => stalled.push(id));
    await rig.say(openOf(2), openOf(4), ...items(4, 0, 5));
    await rig.clock.advance(999);
    expect(stalled).toEqual([]);
    await rig.clock.advance(1);
    expect(stalled).toEqual([4]);
    await rig.clock.advance(20_000);
    expect(stalled).toEqual([4]);
    const reader = (session.connection(4) as Connection)[Symbol.asyncIterator]();
    expect(await read(reader, 5)).toEqual([0, 1, 2, 3, 4]);
    await rig.say(...items(2, 0, 5));
    await rig.clock.advance(1_000);
    expect(stalled).toEqual([4, 2]);
  });

  test('lets the reading go on when its connection is closed, and what it held is dropped', async () => {
    const { rig, session } = await established({
      limits: { inboxMessages: 4 },
      onConnection: () => ({ type: 'accept' }),
    });
    await rig.say(openOf(2), ...items(2, 0, 6), itemOf(0, 9), pingOf(1));
    rig.peer.take();
    const virtual = session.connection(2) as Connection;
    await virtual.close();
    await settle();
    expect(rig.peer.take()).toEqual([closeOf(2), { type: 'Pong', connectionId: 0, nonce: 1n }]);
    await expect(virtual[Symbol.asyncIterator]().next()).resolves.toEqual({ value: undefined, done: true });
    expect(await read(session.root[Symbol.asyncIterator](), 1)).toEqual([9]);
  });

  test('lets the reading go on when its reader leaves', async () => {
    const { rig, session } = await established({
      limits: { inboxMessages: 4 },
      onConnection: () => ({ type: 'accept' }),
    });
    await rig.say(openOf(2), ...items(2, 0, 5), pingOf(1));
    rig.peer.take();
    const reader = (session.connection(2) as Connection)[Symbol.asyncIterator]();
    await reader.return?.();
    await settle();
    expect(rig.peer.take()).toEqual([closeOf(2), { type: 'Pong', connectionId: 0, nonce: 1n }]);
  });

  test('and all of them together stop the reading at their bytes, also those of calls and channels', async () => {
    const size = messagePack.encode(itemOf(2, 0, 1000)).length;
    const { rig, session } = await established({
      limits: { inboxBytes: 4 * size },
      onConnection: () => ({ type: 'accept' }),
    });
    await rig.say(openOf(2), openOf(4), ...items(2, 0, 2, 1000), itemOf(4, 0, 1000));
    expect(await rig.say(pingOf(1))).toHaveLength(1);
    expect(await rig.say(itemOf(4, 1, 1000), itemOf(4, 2), pingOf(2))).toEqual([]);
    expect(await read((session.connection(2) as Connection)[Symbol.asyncIterator](), 1)).toEqual([0]);
    await settle();
    expect(rig.peer.take()).toEqual([{ type: 'Pong', connectionId: 0, nonce: 2n }]);
  });

  test('has each of several next() calls get one message, in order', async () => {
    const { rig, session } = await established();
    const reader = session.root[Symbol.asyncIterator]();
    const reads = [reader.next(), reader.next(), reader.next()];
    await rig.say(itemOf(0, 1), itemOf(0, 2), 'end');
    expect(await Promise.all(reads)).toEqual([
      { value: itemOf(0, 1), done: false },
      { value: itemOf(0, 2), done: false },
      { value: undefined, done: true },
    ]);
  });
});

describe('the keepalive of a session that does not read', () => {
  const keepalive = { pingInterval: 1_000, pongTimeout: 500 };
  const ping = (nonce: bigint) => ({ type: 'Ping', connectionId: 0, nonce });
  const pong = (nonce: bigint) => ({ type: 'Pong', connectionId: 0, nonce }) as const;

  test('does not expire while its Pong lies unread', async () => {
    const { rig, session } = await established({ keepalive, limits: { inboxMessages: 4 } });
    await rig.clock.advance(1_000);
    expect(rig.peer.take()).toEqual([ping(1n)]);
    await rig.say(...items(0, 0, 5), pong(1n));
    await rig.clock.advance(60_000);
    expect(rig.peer.take()).toEqual([]);
    expect(await read(session.root[Symbol.asyncIterator](), 5)).toEqual(upTo(5));
    await rig.clock.advance(999);
    expect(rig.peer.take()).toEqual([]);
    await rig.clock.advance(1);
    expect(rig.peer.take()).toEqual([ping(2n)]);
    expect(session.root.isConnected).toBe(true);
  });

  test('does not expire when its Ping leaves while nothing is read', async () => {
    const { rig, session } = await established({ keepalive, limits: { inboxMessages: 4 } });
    await rig.say(...items(0, 0, 5));
    await rig.clock.advance(1_000);
    expect(rig.peer.take()).toEqual([ping(1n)]);
    await rig.clock.advance(60_000);
    expect(session.root.isConnected).toBe(true);
    expect(await read(session.root[Symbol.asyncIterator](), 5)).toEqual(upTo(5));
    // From here on the peer has its full time again.
    await rig.clock.advance(499);
    expect(session.root.isConnected).toBe(true);
    await rig.clock.advance(1);
    expect(brief((await session.closed).error as Error)).toEqual({
      name: 'KeepaliveError',
      message: 'the peer did not answer a Ping within 500 ms',
    });
  });
});
