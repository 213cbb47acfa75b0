import { afterEach, describe, expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { QUEUED_MESSAGE_COST } from '../../src/conduit/costs.js';
import type { Link } from '../../src/link/link.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import type { Connection } from '../../src/session/connection.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session } from '../../src/session/session.js';
import { frame, Host, rawPeer } from '../link/peers.js';
import { VirtualClock } from '../support/clock.js';
import { brief, established, HELLO, itemOf, NOTHING_LEFT, numberOf, openOf, pingOf } from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { settle } from '../support/settle.js';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function webSocketPair(): Promise<[Link, Link]> {
  const arrived: ((link: Link) => void)[] = [];
  const arrival = new Promise<Link>((resolve) => arrived.push(resolve));
  const listener = await listenWebSocket({ port: 0, host: '127.0.0.1' }, (link) => arrived[0]?.(link));
  cleanups.push(() => listener.close());
  const near = await connectWebSocket(`ws://127.0.0.1:${String(listener.port)}`);
  return [near, await arrival];
}

const PAIRS: readonly [string, () => [Link, Link] | Promise<[Link, Link]>][] = [
  ['a memory link', () => memoryLinkPair()],
  ['WebSockets', webSocketPair],
];

async function sessions([near, far]: [Link, Link], options = {}): Promise<[Session, Session]> {
  const pair = await Promise.all([initiate(near, options), accept(far, options)]);
  cleanups.push(() => Promise.all(pair.map((session) => session[Symbol.asyncDispose]())));
  return pair;
}

async function write(connection: Connection, count: number, padding: number): Promise<void> {
  for (const number of upTo(count)) {
    const { type, id, body } = itemOf(0, number, padding);
    await connection.send({ type, id, body });
  }
}

async function read(connection: Connection, count: number): Promise<number> {
  let next = 0;
  for await (const message of connection) {
    if (numberOf(message) !== next) throw new Error(`${String(numberOf(message))} instead of ${String(next)}`);
    next += 1;
    // A slow reader.
    if (next % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (next === count) break;
  }
  return next;
}

describe('two peers that flood each other', () => {
  test.each(PAIRS)('with readers and writers that do not wait for each other never stall, over %s', async (_, pair) => {
    const [left, right] = await sessions(await pair(), {
      limits: { outboxBytes: 256 * 1024, inboxMessages: 16, stallTimeout: 5_000 },
    });
    const [count, padding] = [600, 16 * 1024];
    const done = await Promise.all([
      write(left.root, count, padding),
      write(right.root, count, padding),
      read(left.root, count),
      read(right.root, count),
    ]);
    expect(done).toEqual([undefined, undefined, count, count]);
  });

  test('and only send, while neither reads, are cut after the stall time, with an error that says so', async () => {
    const clocks = [new VirtualClock(), new VirtualClock()] as const;
    const [near, far] = memoryLinkPair();
    const limits = { outboxBytes: 64 * 1024 };
    const [left, right] = await Promise.all([
      initiate(near, { clock: clocks[0], limits }),
      accept(far, { clock: clocks[1], limits }),
    ]);
    const writing = [left, right].map((session) => write(session.root, 100_000, 4_096).catch(brief));
    await settle();
    await clocks[0].advance(9_999);
    expect(left.root.isConnected).toBe(true);
    await clocks[0].advance(1);
    const error = {
      name: 'LimitExceeded',
      message: 'the outbox was full and made no progress for limits.stallTimeout: the peer does not read',
    };
    const { cause, by, error: why } = await left.closed;
    expect({ cause, by, error: why && brief(why) }).toEqual({ cause: 'limit', by: 'local', error });
    expect(await writing[0]).toEqual({ name: 'SessionClosed', message: 'session closed', cause: error });
    // The peer does not read, so it does not notice the end. Its own timeout passes nevertheless.
    await clocks[1].advance(10_000);
    expect((await right.closed).cause).toBe('limit');
    expect(await writing[1]).toEqual(await writing[0]);
    expect(clocks.map((clock) => clock.size)).toEqual([0, 0]);
  });
});

describe('a hostile peer', () => {
  const limits = { outboxBytes: 1_000, replyBytes: 500 };

  test('that asks with Pings and reads no Pong is cut past replyBytes', async () => {
    const { rig, session } = await established({ limits });
    rig.link.hold();
    const size = messagePack.encode({ type: 'Pong', connectionId: 0, nonce: 1n }).length;
    const most = Math.floor(1_500 / (size + QUEUED_MESSAGE_COST));
    await rig.say(...upTo(most).map(() => pingOf(1)));
    expect(session.root.isConnected).toBe(true);
    await rig.say(pingOf(1));
    expect(brief((await session.closed).error as Error)).toEqual({
      name: 'LimitExceeded',
      message: 'replies that the peer does not read went past limits.replyBytes',
    });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('that asks and reads all the same is not cut, however much it asks', async () => {
    const { rig, session } = await established({ limits });
    for (let round = 0; round < 20; round++) {
      rig.link.hold();
      await rig.say(...upTo(5).map(() => pingOf(1)));
      rig.link.takeFirst();
      rig.link.take();
      expect(await rig.say()).toHaveLength(5);
    }
    expect(session.root.isConnected).toBe(true);
    expect(session.actor.getSnapshot().value).toMatchObject({ running: { outbound: 'flowing' } });
  });

  test('that opens for ever and reads no answer is cut past replyBytes', async () => {
    const { rig, session } = await established({ limits });
    rig.link.hold();
    await rig.say(...upTo(2_000).map((index) => openOf(2 * index + 2)));
    expect(await session.closed).toMatchObject({ cause: 'limit', error: { limit: 'replyBytes' } });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('that opens for ever gets no more connections and no more questions than the limits say', async () => {
    const asked: number[] = [];
    const { rig, session } = await established({
      limits: { connections: 5, undecided: 3 },
      onConnection: ({ id }) => {
        asked.push(id);
        return id <= 4 ? { type: 'accept' } : new Promise(() => {});
      },
    });
    const answers = await rig.say(...upTo(2_000).map((index) => openOf(2 * index + 2)));
    expect(asked).toEqual([2, 4, 6, 8, 10]);
    expect(answers.filter(({ type }) => type === 'ConnectionReject')).toHaveLength(1_995);
    expect(session.actor.getSnapshot().context.live.toJSON()).toEqual([2, 4, 6, 8, 10]);
  });

  test('that sends empty frames, or garbage, is cut', async () => {
    for (const frame of [new Uint8Array(0), Uint8Array.of(0xff, 0xfe), new Uint8Array(1_000)]) {
      const { rig, session } = await established();
      await rig.say(frame, frame, pingOf(1));
      expect(await session.closed).toMatchObject({
        cause: 'protocol',
        by: 'local',
        error: { rule: 'session.message' },
      });
      expect(rig.peer.take()).toEqual([]);
      expect(rig.leftovers).toEqual(NOTHING_LEFT);
    }
  });

  test('that goes on with empty frames while we do not read, on a link that cannot be paused, is cut', async () => {
    const first = messagePack.encode(itemOf(0, 1)).length + 64;
    const { rig, session } = await established({ limits: { inboxMessages: 1, intakeBytes: first + 64_000 } });
    rig.link.pause = () => {};
    await rig.say(itemOf(0, 0), itemOf(0, 1));
    for (let left = 1_000; left > 0; left--) rig.peer.say(new Uint8Array(0));
    await settle();
    expect(session.root.isConnected).toBe(true);
    await rig.say(new Uint8Array(0));
    expect(brief((await session.closed).error as Error)).toEqual({
      name: 'LimitExceeded',
      message: 'the peer went on sending while reading was paused, past limits.intakeBytes',
    });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });
});

/** Returns the messages in a server's bytes, which are short frames. A close frame is given as its opcode. */
function saidIn(received: Buffer): unknown[] {
  const said: unknown[] = [];
  for (let at = 0; at < received.length; ) {
    const [opcode, length] = [(received[at] ?? 0) & 15, received[at + 1] ?? 0];
    const payload = received.subarray(at + 2, at + 2 + length);
    said.push(opcode === 2 ? messagePack.decode(new Uint8Array(payload), DEFAULT_LIMITS) : opcode);
    at += 2 + length;
  }
  return said;
}

// Closing a socket with unread data sends a reset, and a reset discards data that the peer has not read yet.
test('a peer that breaks a rule, floods on and heeds no close frame hears why, as long as it reads', async () => {
  const host = await Host.listen();
  cleanups.push(() => host.close());
  const arrival = host.next();
  const { socket, received } = await rawPeer(host.listener.port);
  const starting = accept(await arrival, { conformance: 'strict', limits: { flushTimeout: 100 } });
  socket.write(frame(2, messagePack.encode(HELLO)));
  const session = await starting;
  session.root.serve(({ args }) => args);
  // On a channel that no Call has named.
  const item = frame(2, messagePack.encode(itemOf(0, 1, 4096)));
  const gone = new Promise((resolve) => socket.once('close', resolve));
  while (!socket.destroyed) {
    const hasRoom = socket.write(item);
    await (hasRoom
      ? new Promise((resolve) => setImmediate(resolve))
      : Promise.race([gone, new Promise((resolve) => socket.once('drain', resolve))]));
  }
  expect(saidIn(received())).toMatchObject([{ type: 'HelloYourself' }, { type: 'ProtocolError' }, 8]);
  expect(await session.closed).toMatchObject({ cause: 'protocol', by: 'local' });
});
