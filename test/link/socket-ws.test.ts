import { EventEmitter } from 'node:events';
import { describe, expect, jest, test } from '@jest/globals';
import { LinkError } from '../../src/base/errors.js';
import type { Link } from '../../src/link/link.js';
import { type WebSocketLinkOptions, type WsWebSocket, webSocketLink } from '../../src/link/websocket.js';
import { turns } from './contract.js';
import { type Recorder, record } from './recorder.js';
import { playTimers } from './sockets.js';

// A link over a WebSocket of `ws` whose socket the test plays: what it takes, and when it has sent it.

/** A WebSocket like that of `ws`, and the network socket beneath it, which note what is done to them. */
class FakeWs extends EventEmitter {
  readyState = 1;
  bufferedAmount = 0;
  binaryType = 'arraybuffer';
  /** What is done to the WebSocket and its socket, in order. A message is given as its length. */
  readonly done: unknown[] = [];
  /** The callbacks of messages that were sent with one. */
  readonly callbacks: (() => void)[] = [];
  /** True if messages stay in the socket. */
  keeps = false;
  readonly raw = {
    cork: () => void this.done.push('cork'),
    uncork: () => void this.done.push('uncork'),
    _handle: { writeQueueSize: 0 },
    localAddress: '::ffff:127.0.0.1',
    localPort: 9000,
    remoteAddress: '::ffff:10.0.0.1',
    remotePort: 1234,
    errored: null as Error | null,
  };

  send(data: Uint8Array, sent?: () => void): void {
    this.done.push(data.length);
    if (this.keeps) this.bufferedAmount += data.length;
    if (sent !== undefined) this.callbacks.push(sent);
  }

  close(code?: number, reason?: string): void {
    this.done.push(['close', code, reason]);
  }

  terminate(): void {
    this.done.push('terminate');
  }

  pause(): void {
    this.done.push('pause');
  }

  resume(): void {
    this.done.push('resume');
  }

  /** What was done since the last look. */
  take(): unknown[] {
    return this.done.splice(0);
  }

  /** All that was sent leaves, but so many bytes. */
  leave(left = 0): void {
    this.bufferedAmount = left;
    for (const sent of this.callbacks.splice(0)) sent();
  }
}

function linked(options: WebSocketLinkOptions = {}, change: (ws: FakeWs) => void = () => {}) {
  const ws = new FakeWs();
  change(ws);
  const link = webSocketLink(ws as unknown as WsWebSocket, { socket: ws.raw, ...options });
  return { ws, link };
}

/** A link that has started, and of which nothing is noted yet. */
async function started(options: WebSocketLinkOptions = {}): Promise<{ ws: FakeWs; link: Link; events: Recorder }> {
  const { ws, link } = linked(options);
  const events = record(link);
  await turns(1);
  ws.take();
  return { ws, link, events };
}

const bytes = (length: number) => new Uint8Array(length);
const KIB = 1024;

playTimers();

describe('a link over a WebSocket of `ws`', () => {
  test('reads nothing before it starts, and gets messages without a copy', async () => {
    const { ws, link } = linked();
    expect([ws.take(), ws.binaryType]).toEqual([['pause'], 'nodebuffer']);
    record(link);
    await turns(1);
    expect(ws.take()).toEqual(['resume']);
  });

  test('that is paused before its first turn stays paused, until it resumes', async () => {
    const { ws, link } = linked();
    record(link);
    link.pause();
    ws.take();
    await turns(1);
    expect(ws.take()).toEqual([]);
    link.resume();
    expect(ws.take()).toEqual(['resume']);
    link.pause();
    expect(ws.take()).toEqual(['pause']);
  });

  test('does nothing to the reading of a WebSocket that it has let go', async () => {
    const { ws, link } = await started();
    link.abort();
    expect(ws.take()).toEqual(['terminate']);
    link.pause();
    link.resume();
    expect(ws.take()).toEqual([]);
  });

  test('goes on reading while it closes', async () => {
    const { ws, link } = await started();
    link.pause();
    ws.take();
    link.close();
    expect(ws.take()).toEqual(['resume', ['close', 1000, '']]);
    link.pause();
    expect(ws.take()).toEqual([]);
    link.abort();
  });

  test.each<[string, (ws: FakeWs) => void, string | undefined]>([
    ['of the addresses of both ends, in order', () => {}, '10.0.0.1:1234 – 127.0.0.1:9000'],
    ['unless our port is unknown', ({ raw }) => Object.assign(raw, { localPort: undefined }), undefined],
    ['unless the port of the peer is', ({ raw }) => Object.assign(raw, { remotePort: undefined }), undefined],
  ])('has a name %s', (_, change, name) => {
    expect(linked({}, change).link.name).toBe(name);
  });

  test('lets memory be used again only if the network socket is known to be one of Node', () => {
    expect(linked().link.releasesSent).toBe(true);
    expect(linked({}, ({ raw }) => Object.assign(raw, { _handle: undefined })).link.releasesSent).toBe(false);
    expect(webSocketLink(new FakeWs() as unknown as WsWebSocket).releasesSent).toBe(false);
  });

  test('is over from the start if its WebSocket is closed', async () => {
    const { link } = linked({}, (ws) => Object.assign(ws, { readyState: 3 }));
    expect(await record(link).end()).toEqual(new LinkError('the connection was lost without a closing handshake'));
  });
});

describe('messages of one tick', () => {
  test('leave in one write', async () => {
    const { ws, link } = await started();
    for (const length of [1, 2, 3]) link.send(bytes(length));
    expect(ws.take()).toEqual(['cork', 1, 2, 3]);
    await turns(1);
    expect(ws.take()).toEqual(['uncork']);
    link.send(bytes(4));
    await turns(1);
    expect(ws.take()).toEqual(['cork', 4, 'uncork']);
    link.abort();
  });

  test('leave in writes of 32', async () => {
    const { ws, link } = await started();
    const ones = (count: number) => Array.from({ length: count }, () => 1);
    for (const length of ones(65)) link.send(bytes(length));
    await turns(1);
    const write = ['uncork', 'cork'];
    expect(ws.take()).toEqual(['cork', ...ones(32), ...write, ...ones(32), ...write, 1, 'uncork']);
    for (const length of ones(32)) link.send(bytes(length));
    await turns(1);
    expect(ws.take()).toEqual(['cork', ...ones(32), 'uncork']);
    link.abort();
  });

  test('leave in writes of 128 KiB, or just beyond', async () => {
    const { ws, link } = await started();
    const sizes = [64 * KIB - 1, 64 * KIB, 1, 100 * KIB, 28 * KIB, 5];
    for (const length of sizes) link.send(bytes(length));
    await turns(1);
    const [a, b, c, d, e, f] = sizes;
    expect(ws.take()).toEqual(['cork', a, b, c, 'uncork', 'cork', d, e, 'uncork', 'cork', f, 'uncork']);
    // Each tick begins anew.
    link.send(bytes(128 * KIB - 1));
    await turns(1);
    link.send(bytes(2));
    link.send(bytes(3));
    await turns(1);
    expect(ws.take()).toEqual(['cork', 128 * KIB - 1, 'uncork', 'cork', 2, 3, 'uncork']);
    link.abort();
  });
});

describe('messages that do not leave at once', () => {
  test('wait in the link while more than 256 KiB are in the socket, and follow in order when there is room', async () => {
    const { ws, link, events } = await started();
    ws.keeps = true;
    for (const length of [256 * KIB, 1, 2, 0, 3]) link.send(bytes(length));
    await turns(1);
    expect(ws.take()).toEqual(['cork', 256 * KIB, 'uncork', 'cork', 1, 'uncork']);
    expect([ws.bufferedAmount, link.buffered]).toEqual([256 * KIB + 1, 256 * KIB + 6]);
    ws.leave(256 * KIB);
    await turns(1);
    expect([ws.take(), link.buffered, events.drains]).toEqual([['cork', 2, 'uncork'], 256 * KIB + 5, 1]);
    ws.leave();
    await turns(1);
    expect([ws.take(), link.buffered, events.drains]).toEqual([['cork', 0, 3, 'uncork'], 3, 2]);
    ws.leave();
    link.abort();
  });

  test('are told of as they leave: those behind more than 32 KiB each, and the others by looking', async () => {
    const { ws, link } = await started();
    ws.keeps = true;
    link.send(bytes(32 * KIB));
    expect(ws.callbacks).toHaveLength(0);
    link.send(bytes(1));
    expect(ws.callbacks).toHaveLength(1);
    link.send(bytes(0));
    expect(ws.callbacks).toHaveLength(2);
    ws.leave();
    link.send(bytes(32 * KIB + 1));
    expect(ws.callbacks).toHaveLength(1);
    link.abort();
  });

  test('that leave in one write are told of once, in the turn in which they have left', async () => {
    const { ws, link, events } = await started();
    ws.keeps = true;
    for (const length of [40 * KIB, 1, 1]) link.send(bytes(length));
    await turns(1);
    expect(events.drains).toBe(0);
    ws.leave();
    await turns(1);
    expect(events.drains).toBe(1);
    jest.advanceTimersByTime(20);
    link.abort();
  });

  test('that leave in their tick are told of at its end', async () => {
    const { link, events } = await started();
    link.send(bytes(1));
    expect(events.drains).toBe(0);
    await turns(1);
    expect(events.drains).toBe(1);
    link.abort();
  });

  test('are looked at every 20 ms: each part that has left counts, and what has not does not', async () => {
    const { ws, link, events } = await started();
    ws.keeps = true;
    link.send(bytes(1_000));
    await turns(1);
    jest.advanceTimersByTime(19);
    ws.leave(400);
    expect([events.drains, jest.getTimerCount()]).toEqual([0, 1]);
    jest.advanceTimersByTime(1);
    expect([events.drains, jest.getTimerCount()]).toEqual([1, 1]);
    jest.advanceTimersByTime(20);
    expect(events.drains).toBe(1);
    // A message that is sent meanwhile has not left.
    link.send(bytes(100));
    await turns(1);
    jest.advanceTimersByTime(20);
    expect([events.drains, jest.getTimerCount()]).toEqual([1, 1]);
    ws.leave();
    jest.advanceTimersByTime(20);
    expect([events.drains, jest.getTimerCount()]).toEqual([2, 0]);
    link.send(bytes(100));
    await turns(1);
    expect(jest.getTimerCount()).toBe(1);
    link.abort();
  });

  test('count as they leave the process, within one write, if Node says so', async () => {
    const { ws, link, events } = await started();
    ws.keeps = true;
    ws.raw._handle.writeQueueSize = 900;
    link.send(bytes(1_000));
    await turns(1);
    jest.advanceTimersByTime(20);
    expect(events.drains).toBe(0);
    ws.raw._handle.writeQueueSize = 899;
    jest.advanceTimersByTime(20);
    expect(events.drains).toBe(1);
    ws.raw._handle.writeQueueSize = 950;
    jest.advanceTimersByTime(20);
    expect(events.drains).toBe(1);
    Object.assign(ws.raw, { _handle: null });
    jest.advanceTimersByTime(20);
    expect(events.drains).toBe(2);
    link.abort();
  });

  test('leave before an end in order, of whose message nothing is lost', async () => {
    const { ws, link } = await started();
    ws.keeps = true;
    for (const length of [256 * KIB + 1, 40 * KIB]) link.send(bytes(length));
    link.close();
    await turns(1);
    expect(ws.take()).toEqual(['cork', 256 * KIB + 1, 'resume', 'uncork']);
    ws.leave();
    await turns(1);
    expect(ws.take()).toEqual(['cork', 40 * KIB, ['close', 1000, ''], 'uncork']);
    ws.leave();
    await turns(1);
    expect(ws.take()).toEqual([]);
    ws.emit('close', 1000, Buffer.from(''));
  });

  test.each<[string, (link: Link, ws: FakeWs) => void]>([
    ['abort', (link) => link.abort()],
    ['the end of the connection', (_, ws) => ws.emit('close', 1006, Buffer.from(''))],
  ])('are dropped by %s, and nothing is told of them', async (_, end) => {
    const { ws, link, events } = await started();
    ws.keeps = true;
    for (const length of [256 * KIB + 1, 1]) link.send(bytes(length));
    await turns(1);
    end(link, ws);
    expect(link.buffered).toBe(0);
    ws.take();
    ws.leave();
    await turns(1);
    expect([ws.take(), events.drains]).toEqual([[], 0]);
  });

  test('and are sent as the connection ends, are lost', async () => {
    const { ws, link, events } = await started();
    ws.keeps = true;
    for (const length of [256 * KIB + 1, 1]) link.send(bytes(length));
    await turns(1);
    ws.readyState = 2;
    link.send(bytes(5));
    expect([ws.take(), link.buffered]).toEqual([['cork', 256 * KIB + 1, 'uncork'], 256 * KIB + 2]);
    ws.leave();
    await turns(1);
    expect([ws.take(), link.buffered, events.ends]).toEqual([[], 0, []]);
    ws.emit('close', 1001, Buffer.from(''));
    expect(events.ends).toEqual(['ended']);
  });
});

describe('an end', () => {
  test('leaves no listener, and no timer', async () => {
    const { ws, link, events } = await started();
    ws.keeps = true;
    link.send(bytes(1_000));
    await turns(1);
    ws.emit('close', 1001, Buffer.from(''));
    expect([ws.eventNames(), events.ends, jest.getTimerCount()]).toEqual([[], ['ended'], 0]);
  });

  test('by abort is told of no more, but an error of the WebSocket has a listener until it is closed', async () => {
    const { ws, link, events } = await started();
    link.abort();
    ws.emit('error', new Error('late'));
    ws.emit('message', bytes(1), true);
    ws.emit('ping');
    ws.emit('close', 1006, Buffer.from(''));
    expect([events.events, ws.eventNames(), ws.take()]).toEqual([0, [], ['terminate']]);
  });

  test('with an error says so, has its cause, and waits for the connection to close', async () => {
    const { ws, events } = await started();
    const error = new Error('out of order');
    ws.emit('error', error);
    expect([events.ends, ws.take()]).toEqual([[], ['resume', ['close', 1002, '']]]);
    ws.emit('close', 1006, Buffer.from(''));
    const [end] = events.ends as LinkError[];
    expect([end, end?.cause]).toEqual([new LinkError('the WebSocket failed: out of order'), error]);
  });

  test('with an error of the socket has its cause', async () => {
    const { ws, events } = await started();
    ws.raw.errored = new Error('ECONNRESET');
    ws.emit('close', 1006, Buffer.from(''));
    const [end] = events.ends as LinkError[];
    expect([end, end?.cause]).toEqual([
      new LinkError('the connection was lost without a closing handshake'),
      ws.raw.errored,
    ]);
  });

  test('that `ws` makes at too many pings is one that the peer has caused, and pings before that are none', async () => {
    const { ws, events } = await started();
    ws.emit('ping');
    expect(ws.take()).toEqual([]);
    ws.readyState = 2;
    ws.emit('ping');
    ws.emit('close', 1006, Buffer.from(''));
    expect([ws.take(), events.ends]).toEqual([
      ['resume', ['close', 1002, '']],
      [new LinkError('more WebSocket pings came at once than `ws` answers: it ended the connection')],
    ]);
  });

  test('in order is begun once, and its time with it', async () => {
    const { ws, link, events } = await started({ closeTimeout: 100 });
    link.close();
    jest.advanceTimersByTime(60);
    link.close();
    expect(ws.take()).toEqual(['resume', ['close', 1000, '']]);
    jest.advanceTimersByTime(40);
    ws.emit('close', 1006, Buffer.from(''));
    link.close();
    expect([ws.take(), events.ends.length]).toEqual([['terminate'], 1]);
  });

  test('with a second error is that of the first', async () => {
    const { ws, events } = await started();
    for (const text of ['one', 'two']) ws.emit('error', new Error(text));
    ws.emit('message', bytes(1), true);
    ws.emit('close', 1006, Buffer.from(''));
    expect(ws.take()).toEqual(['resume', ['close', 1002, '']]);
    expect([events.messages, events.ends]).toEqual([[], [new LinkError('the WebSocket failed: one')]]);
  });

  test.each([
    [5_000, 1_000],
    [100, 100],
  ])('with an error and a closeTimeout of %i ms waits for its peer for %i ms', async (closeTimeout, most) => {
    const { ws } = await started({ closeTimeout });
    ws.emit('error', new Error('out of order'));
    ws.take();
    jest.advanceTimersByTime(most - 1);
    expect(ws.take()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ws.take()).toEqual(['terminate']);
    ws.emit('close', 1006, Buffer.from(''));
  });

  test('that comes as the link starts is told once, behind what came before', async () => {
    const { ws, link } = linked();
    ws.emit('message', bytes(1), true);
    const events = record(link);
    ws.emit('message', bytes(2), true);
    ws.emit('close', 1000, Buffer.from(''));
    expect(events.events).toBe(0);
    await turns(1);
    expect([events.messages.map(({ length }) => length), events.ends]).toEqual([[1, 2], ['ended']]);
  });

  test('of our own, during which a ping comes, is in order', async () => {
    const { ws, link, events } = await started();
    link.close();
    ws.readyState = 2;
    ws.emit('ping');
    ws.emit('close', 1000, Buffer.from(''));
    expect(events.ends).toEqual(['ended']);
  });

  test('waits for closeTimeout, and then cuts the connection', async () => {
    const { ws, link, events } = await started({ closeTimeout: 100 });
    link.close();
    ws.take();
    jest.advanceTimersByTime(99);
    expect(ws.take()).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(ws.take()).toEqual(['terminate']);
    ws.emit('close', 1006, Buffer.from(''));
    expect(events.ends).toEqual([new LinkError('the peer did not complete the closing handshake within 100 ms')]);
  });
});

describe('the limit of a message', () => {
  /** A receiver of `ws`: compares each length with its own limit, as `haveLength` says. */
  class Receiver {
    _maxPayload: number;
    constructor(most: number) {
      this._maxPayload = most;
    }
    haveLength(length: number): boolean {
      return length <= this._maxPayload;
    }
  }

  async function receiving(receiver: object | null, limit: number | undefined) {
    const { ws, link } = linked({}, (fake) => Object.assign(fake, { _receiver: receiver }));
    const events = record(link);
    events.limit = limit;
    await turns(1);
    return { ws, link, events };
  }

  test.each([
    ['twice that of the session', 1_000, 500, 1_000],
    ['that of the WebSocket, if it is lower', 900, 500, 900],
    ['that of the session, if the WebSocket has none', 0, 500, 1_000],
  ])('is %s, when its length has arrived', async (_, own, limit, most) => {
    const receiver = new Receiver(own);
    const { ws, link, events } = await receiving(receiver, limit);
    expect([receiver.haveLength(most), receiver.haveLength(most + 1)]).toEqual([true, false]);
    events.limit = 10;
    expect([receiver.haveLength(20), receiver.haveLength(21)]).toEqual([true, false]);
    link.abort();
    ws.emit('close', 1006, Buffer.from(''));
    // The link is let go: `ws` keeps the receiver for long.
    expect(receiver.haveLength).toBe(Receiver.prototype.haveLength);
  });

  test('is kept by a receiver without that function, too', async () => {
    const receiver = { _maxPayload: 900 };
    const { link, events } = await receiving(receiver, 500);
    expect(receiver._maxPayload).toBe(900);
    events.limit = 10;
    expect(receiver._maxPayload).toBe(20);
    link.abort();
  });

  test.each([[null], [{}], [{ _maxPayload: '900' }]])(
    'is looked at when the message is whole, with the receiver %j',
    async (receiver) => {
      const before = JSON.stringify(receiver);
      const { ws, link, events } = await receiving(receiver, 500);
      expect(JSON.stringify(receiver)).toBe(before);
      ws.emit('message', bytes(1_000), true);
      ws.emit('message', bytes(1_001), true);
      ws.emit('close', 1006, Buffer.from(''));
      expect([events.messages.length, events.ends]).toEqual([
        1,
        [new LinkError('the peer sent a message of 1001 bytes; at most 1000 are taken')],
      ]);
      expect(ws.done.at(-1)).toEqual(['close', 1009, 'the message is too long']);
      link.abort();
    },
  );

  test('is named where `ws` finds a message too long', async () => {
    const { ws, events } = await receiving(new Receiver(0), 500);
    ws.emit('error', Object.assign(new RangeError('no'), { code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' }));
    ws.emit('close', 1006, Buffer.from(''));
    expect(events.ends).toEqual([
      new LinkError('the peer sent a message that is too long: at most 1000 bytes are taken'),
    ]);
  });
});
