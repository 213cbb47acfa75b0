import { describe, expect, test } from '@jest/globals';
import { InvalidArgument, LimitExceeded } from '../../src/base/errors.js';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { MESSAGE_COST, QUEUED_MESSAGE_COST } from '../../src/conduit/costs.js';
import type { SessionClosedReason } from '../../src/session/close-reason.js';
import type { Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import {
  acceptOf,
  brief,
  established,
  HELLO_YOURSELF,
  itemOf,
  NOTHING_LEFT,
  openOf,
  pingOf,
  Rig,
} from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { settle } from '../support/settle.js';

const PONG: Message = { type: 'Pong', connectionId: 0, nonce: 1n };

/** Checks that the session is over for this limit, or else still answers. */
async function expectEnded(rig: Rig, closed: Promise<SessionClosedReason>, limit: string): Promise<void> {
  expect(await closed).toMatchObject({ cause: 'limit', by: 'local', error: { code: 'limit', limit } });
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
}

function sizeOf(message: Message): number {
  return messagePack.encode(message).length;
}

/** An item whose frame has exactly this many bytes. */
function itemOfSize(size: number, connectionId = 0): Message & { type: 'ChannelMessage' } {
  const padding = size - sizeOf(itemOf(connectionId, 0, size)) + size;
  const item = itemOf(connectionId, 0, padding);
  expect(sizeOf(item)).toBe(size);
  return item;
}

function rejected(metadata: Metadata): Message {
  return { type: 'ConnectionReject', connectionId: 1, metadata };
}

describe('what arrives', () => {
  test.each([
    ['frame', 499, 500],
    ['frame', 500, 500],
    ['frame', 501, 500],
  ])('limits.%s: %i bytes of %i', async (limit, size, most) => {
    const { rig, session } = await established({ limits: { frame: most } });
    const answer = await rig.say(itemOfSize(size), pingOf(1));
    if (size > most) await expectEnded(rig, session.closed, limit);
    else expect(answer).toEqual([PONG]);
  });

  test.each([2, 3, 4])('limits.metadataEntries: %i of 3', async (count) => {
    const { rig, session } = await established({ limits: { metadataEntries: 3 } });
    const metadata = upTo(count).map(() => ({ key: '', value: '', flags: 0n }));
    const answer = await rig.say(rejected(metadata), pingOf(1));
    if (count > 3) await expectEnded(rig, session.closed, 'metadataEntries');
    else expect(answer).toEqual([PONG]);
  });

  test.each([99, 100, 101])('limits.metadataBytes: %i of 100', async (size) => {
    const { rig, session } = await established({ limits: { metadataBytes: 100 } });
    const metadata: Metadata = [
      // In UTF-8: 3 bytes for the key, 10 for the value, and 8 for an integer.
      { key: '€', value: new Uint8Array(10), flags: 0n },
      { key: '', value: 1n, flags: 0n },
      { key: 'k', value: 'v'.repeat(size - 22), flags: 0n },
    ];
    const answer = await rig.say(rejected(metadata), pingOf(1));
    if (size > 100) await expectEnded(rig, session.closed, 'metadataBytes');
    else expect(answer).toEqual([PONG]);
  });

  test.each([
    [{ frame: 50 }, 'frame'],
    [{ metadataEntries: 0 }, 'metadataEntries'],
    [{ metadataBytes: 3 }, 'metadataBytes'],
  ])('%j holds in the handshake too', async (limits, limit) => {
    const rig = new Rig({ limits });
    await rig.say({ ...HELLO_YOURSELF, metadata: [{ key: 'key', value: 'v'.repeat(50), flags: 0n }] } as Message);
    await expect(rig.starting).rejects.toMatchObject({ name: 'HandshakeError', cause: { code: 'limit', limit } });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });
});

describe('connections', () => {
  test('limits.connections: the last one is opened, the one after it is LimitExceeded and takes no id', async () => {
    const { rig, session } = await established({ limits: { connections: 2 } });
    rig.track('first', session.open());
    rig.track('second', session.open());
    rig.track('third', session.open());
    await settle();
    expect(rig.settled).toEqual({
      start: session,
      third: brief(new LimitExceeded('connections', '2 connections are open already')),
    });
    expect(rig.peer.take().map(({ connectionId }) => connectionId)).toEqual([1, 3]);
    await rig.say({ type: 'ConnectionReject', connectionId: 1, metadata: [] });
    rig.track('fourth', session.open());
    await settle();
    expect(rig.peer.take().map(({ connectionId }) => connectionId)).toEqual([5]);
  });

  test('limits.connections: the peer is rejected past it; connections of both sides count', async () => {
    const { rig, session } = await established({
      limits: { connections: 3 },
      onConnection: ({ id }) => (id === 2 ? { type: 'accept' } : new Promise(() => {})),
    });
    await Promise.all([session.open(), rig.say(acceptOf(1))]);
    const answers = await rig.say(openOf(2), openOf(4), openOf(6));
    expect(answers.map(({ type, connectionId }) => [type, connectionId])).toEqual([
      ['ConnectionAccept', 2],
      ['ConnectionReject', 6],
    ]);
  });

  test('limits.connections: 0 allows none', async () => {
    const { rig, session } = await established({
      limits: { connections: 0 },
      onConnection: () => ({ type: 'accept' }),
    });
    await expect(session.open()).rejects.toEqual(new LimitExceeded('connections', '0 connections are open already'));
    expect((await rig.say(openOf(2))).map(({ type }) => type)).toEqual(['ConnectionReject']);
  });

  test('limits.undecided: the last one is asked about, the one after it rejected, until one is decided', async () => {
    const answers: ((answer: { type: 'accept' }) => void)[] = [];
    const asked: number[] = [];
    const { rig } = await established({
      limits: { undecided: 2 },
      onConnection: ({ id }) => {
        asked.push(id);
        return new Promise((resolve) => answers.push(resolve));
      },
    });
    expect((await rig.say(openOf(2), openOf(4), openOf(6))).map(({ connectionId }) => connectionId)).toEqual([6]);
    answers[0]?.({ type: 'accept' });
    await settle();
    expect((await rig.say(openOf(8), openOf(10))).map(({ type, connectionId }) => [type, connectionId])).toEqual([
      ['ConnectionAccept', 2],
      ['ConnectionReject', 10],
    ]);
    expect(asked).toEqual([2, 4, 8]);
  });
});

describe('what is kept', () => {
  test.each([
    [7, 1],
    [8, 1],
    [9, 0],
  ])('limits.inboxMessages: behind %i of 8 the peer has %i answers', async (count, answers) => {
    const { rig } = await established({ limits: { inboxMessages: 8 } });
    expect(await rig.say(...upTo(count).map((number) => itemOf(0, number)), pingOf(1))).toHaveLength(answers);
  });

  test.each([
    [999, 1],
    [1_000, 0],
    [1_001, 0],
  ])('limits.inboxBytes: behind %i of 1000 and one message more the peer has %i answers', async (size, answers) => {
    const { rig } = await established({ limits: { inboxBytes: 1_000 } });
    const sizes = [400, size - 400].map((cost) => cost - MESSAGE_COST);
    const messages = sizes.map((bytes) => itemOfSize(bytes));
    expect(await rig.say(...messages, pingOf(1))).toHaveLength(1);
    expect(await rig.say(itemOf(0, 0), pingOf(2))).toHaveLength(answers);
  });

  test('limits.inboxBytes: counts what a channel id costs, not the byte that it has on the wire', async () => {
    const { rig } = await established({ limits: { inboxBytes: 8_000 } });
    const channels = upTo(1_000).map((index) => 2 * index + 2);
    const call = { type: 'Call', methodId: 0n, channels, metadata: [], args: new Uint8Array(0) } as const;
    const message: Message = { type: 'RequestMessage', connectionId: 0, id: 2, body: call };
    expect(sizeOf(message)).toBeLessThan(4_000);
    expect(await rig.say(message, itemOf(0, 0), pingOf(1))).toEqual([]);
  });

  test('limits.intakeBytes: one frame is taken, however small the limit is', async () => {
    const { rig, session } = await established({ limits: { inboxMessages: 1, intakeBytes: 1 } });
    rig.link.pause = () => {};
    await rig.say(itemOf(0, 0), itemOfSize(5_000));
    const reader = session.root[Symbol.asyncIterator]();
    expect([await reader.next(), await reader.next()]).toEqual([
      { value: itemOf(0, 0), done: false },
      { value: itemOfSize(5_000), done: false },
    ]);
    await rig.say(itemOf(0, 0), itemOfSize(5_000), itemOf(0, 0));
    await expectEnded(rig, session.closed, 'intakeBytes');
  });

  test.each([9_999, 10_000, 10_001])(
    'limits.intakeBytes: %i of 10000, on a link that cannot be paused',
    async (cost) => {
      const { rig, session } = await established({ limits: { inboxMessages: 1, intakeBytes: 10_000 } });
      rig.link.pause = () => {};
      await rig.say(itemOf(0, 0));
      // Neither message has room. Each costs 64 bytes beside its own size.
      await rig.say(itemOfSize(5_000 - 64), itemOfSize(cost - 5_000 - 64));
      if (cost > 10_000) await expectEnded(rig, session.closed, 'intakeBytes');
      else expect(session.root.isConnected).toBe(true);
    },
  );

  test.each([
    [1_999, 2],
    [2_000, 2],
    [2_001, 3],
  ])('limits.outboxBytes: of %i, %i messages of 1000 bytes go without waiting', async (outboxBytes, count) => {
    const { rig, session } = await established({ limits: { outboxBytes } });
    rig.link.hold();
    for (const number of upTo(5)) rig.track(`send ${number}`, session.root.send(itemOfSize(1_000)));
    await settle();
    expect(Object.keys(rig.settled)).toEqual(['start', ...upTo(count).map((number) => `send ${number}`)]);
  });

  test.each([-1, 0, 1])('limits.waitingBytes: with %i bytes to spare', async (spare) => {
    const waitingBytes = 2 * (1_000 + QUEUED_MESSAGE_COST) + spare;
    const { rig, session } = await established({ limits: { outboxBytes: 1, waitingBytes } });
    rig.link.hold();
    await session.root.send(itemOfSize(100));
    for (const number of upTo(2)) rig.track(`send ${number}`, session.root.send(itemOfSize(1_000)));
    await settle();
    const error = expect.objectContaining({ name: 'LimitExceeded' });
    expect(rig.settled).toEqual({ start: session, ...(spare < 0 ? { 'send 1': error } : {}) });
  });

  test.each([-1, 0, 1])('limits.replyBytes: with %i bytes beyond it', async (beyond) => {
    const replies = 100 * (sizeOf(PONG) + QUEUED_MESSAGE_COST) - 200;
    const { rig, session } = await established({ limits: { outboxBytes: 200, replyBytes: replies - beyond } });
    rig.link.hold();
    await rig.say(...upTo(100).map(() => pingOf(1)));
    if (beyond > 0) await expectEnded(rig, session.closed, 'replyBytes');
    else expect(session.root.isConnected).toBe(true);
  });

  test.each([-1, 0, 1])(
    'limits.replyBytes: with %i bytes beyond it, behind a frame of our own past outboxBytes',
    async (beyond) => {
      const replyBytes = 3 * (sizeOf(PONG) + QUEUED_MESSAGE_COST) - beyond;
      const { rig, session } = await established({ limits: { outboxBytes: 200, replyBytes } });
      rig.link.hold();
      await session.root.send(itemOfSize(100_000));
      await rig.say(...upTo(3).map(() => pingOf(1)));
      if (beyond > 0) await expectEnded(rig, session.closed, 'replyBytes');
      else expect(session.root.isConnected).toBe(true);
    },
  );
});

describe('what is sent', () => {
  test.each([499, 500, 501])('limits.frame: a message of %i bytes of 500', async (size) => {
    const { rig, session } = await established({ limits: { frame: 500 } });
    const send = () => session.root.send(itemOfSize(size));
    if (size > 500) {
      expect(send).toThrow(new InvalidArgument('the message takes 501 bytes, more than limits.frame: 500'));
    } else {
      await send();
    }
    await settle();
    expect(rig.peer.take()).toEqual(size > 500 ? [] : [itemOfSize(size)]);
    expect(session.root.isConnected).toBe(true);
  });

  test('limits.frame: metadata that does not fit is InvalidArgument, and takes no id', async () => {
    const { rig, session } = await established({ limits: { frame: 500 } });
    const metadata = [{ key: 'k', value: 'v'.repeat(500), flags: 0n }];
    await expect(session.open({ metadata })).rejects.toThrow(
      /^metadata takes 5\d\d bytes and does not fit limits.frame: 500$/,
    );
    rig.track('open', session.open());
    expect((await rig.say()).map(({ connectionId }) => connectionId)).toEqual([1]);
  });
});

describe('times', () => {
  const { acceptTimeout, openTimeout } = DEFAULT_LIMITS;

  test('limits.openTimeout: the open is given up, and the peer told, at most a tenth of it or a second later', async () => {
    const { rig, session } = await established();
    rig.track('open', session.open());
    await rig.clock.advance(openTimeout - 1);
    rig.peer.take();
    expect(rig.settled).toEqual({ start: session });
    await rig.clock.advance(1_001);
    expect(rig.settled).toEqual({
      start: session,
      open: brief(new LimitExceeded('openTimeout', 'the peer did not answer the open of connection 1 within 30000 ms')),
    });
    expect(rig.peer.take()).toEqual([{ type: 'ConnectionClose', connectionId: 1, metadata: [] }]);
    expect(rig.clock.size).toBe(0);
  });

  test('limits.acceptTimeout: the open is rejected, and that is reported', async () => {
    const { rig } = await established({ onConnection: () => new Promise(() => {}) });
    await rig.say(openOf(2));
    await rig.clock.advance(acceptTimeout - 1);
    expect(rig.peer.take()).toEqual([]);
    await rig.clock.advance(1_001);
    expect(rig.peer.take()).toEqual([{ type: 'ConnectionReject', connectionId: 2, metadata: [] }]);
    expect(rig.reports).toEqual([
      {
        kind: 'acceptor-failed',
        id: 2,
        message: 'onConnection failed for connection 2',
        error: new LimitExceeded('acceptTimeout', 'onConnection did not answer within 10000 ms'),
      },
    ]);
    expect(rig.clock.size).toBe(0);
  });
});
