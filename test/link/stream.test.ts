import { spawn } from 'node:child_process';
import { createServer, Socket } from 'node:net';
import { Duplex, PassThrough, Readable, Writable } from 'node:stream';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import { allocateAround, allocatePayload, lend } from '../../src/base/frame-memory.js';
import type { Link } from '../../src/link/link.js';
import { type StreamLinkOptions, streamLink } from '../../src/link/tcp.js';
import { numbered, turns } from './contract.js';
import { drainsAtRest, type Recorder, readSome, record } from './recorder.js';
import { socketPair } from './sockets.js';

/** A duplex without a peer: the test gives what is read, and sees each write. */
function scripted(): { duplex: Duplex; writes: Buffer[] } {
  const writes: Buffer[] = [];
  const duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, written) {
      writes.push(chunk);
      written();
    },
  });
  return { duplex, writes };
}

/** The same as a socket, which holds no bytes of a write that it has called back for. */
function scriptedSocket(): { duplex: Duplex; writes: Buffer[] } {
  const writes: Buffer[] = [];
  const duplex = Object.assign(new Socket(), {
    _read() {},
    _write(chunk: Buffer, _encoding: string, written: () => void) {
      writes.push(chunk);
      written();
    },
    _writev: null,
  });
  return { duplex, writes };
}

/** Frames of so many bytes each, one behind the other. */
function frames(...messages: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(message.length);
      return [length, message];
    }),
  );
}

/** A frame as the codec writes it around a long payload. */
function aroundPayload(length: number, byte: number): Uint8Array {
  const payload = allocatePayload(length);
  lend(payload);
  return (allocateAround(payload, 10) as Uint8Array).fill(byte);
}

const over = (duplex: Duplex, options?: StreamLinkOptions): { link: Link; events: Recorder } => {
  const link = streamLink(duplex, options);
  return { link, events: record(link) };
};

describe('a message over a stream', () => {
  test('has its length before it, in four bytes, little endian', async () => {
    const { duplex, writes } = scripted();
    const { link, events } = over(duplex);
    link.send(Buffer.from('0001014000', 'hex'));
    link.send(new Uint8Array(0));
    await events.until(() => link.buffered === 0);
    expect(Buffer.concat(writes).toString('hex')).toBe('05000000000101400000000000');
    duplex.push(Buffer.from('05000000000101400000000000', 'hex'));
    await events.received(2);
    expect(events.messages).toEqual([Uint8Array.from(Buffer.from('0001014000', 'hex')), new Uint8Array(0)]);
    link.abort();
  });

  test.each([0, 1, 100, 64 * 1024 - 4, 64 * 1024, 256 * 1024 - 4])(
    'of %i bytes leaves in one write with its length',
    async (length) => {
      const { duplex, writes } = scripted();
      const { link, events } = over(duplex);
      for (const byte of [1, 2]) {
        link.send(new Uint8Array(length).fill(byte));
        await events.until(() => link.buffered === 0);
      }
      expect(writes.map((bytes) => bytes.length)).toEqual([length + 4, length + 4]);
      expect(Buffer.concat(writes)).toEqual(frames(new Uint8Array(length).fill(1), new Uint8Array(length).fill(2)));
      link.abort();
    },
  );

  test('leaves with the others of its tick, up to 32 and 64 KiB in one write, each of them whole', async () => {
    const { duplex, writes } = scripted();
    const { link, events } = over(duplex);
    for (const bytes of numbered(100)) link.send(bytes);
    await events.until(() => link.buffered === 0);
    expect(writes.splice(0).map((bytes) => bytes.length)).toEqual([256, 256, 256, 32]);
    for (const bytes of numbered(6, 20_000)) link.send(bytes);
    await events.until(() => link.buffered === 0);
    expect(writes.map((bytes) => bytes.length)).toEqual([60_012, 60_012]);
    link.abort();
  });

  test('leaves with those that have waited for room, in one write of the stream', async () => {
    const held: (() => void)[] = [];
    const writes: number[][] = [];
    const duplex = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, written) {
        writes.push([chunk.length]);
        held.push(written);
      },
      writev(chunks, written) {
        writes.push(chunks.map(({ chunk }) => chunk.length));
        held.push(written);
      },
    });
    const { link } = over(duplex);
    const size = 60_000;
    link.send(new Uint8Array(300_000));
    for (let count = 0; count < 4; count++) link.send(new Uint8Array(size));
    await turns(2);
    while (writes.length < 2 && held.length > 0) {
      held.shift()?.();
      await turns(2);
    }
    expect(writes).toEqual([
      [2 ** 18, 300_004 - 2 ** 18],
      [size + 4, size + 4, size + 4, size + 4],
    ]);
    link.abort();
  });

  test('that was written around its payload is not copied, and leaves whole, with its length, among others', async () => {
    const { duplex, writes } = scriptedSocket();
    const { link, events } = over(duplex);
    const [long, cut, short] = [aroundPayload(3000, 1), aroundPayload(5000, 2), new Uint8Array(9).fill(3)];
    for (const bytes of [long, short, long, cut.subarray(0, 100), cut.subarray(100)]) link.send(bytes);
    await events.until(() => link.buffered === 0);
    expect(Buffer.concat(writes)).toEqual(frames(long, short, long, cut.subarray(0, 100), cut.subarray(100)));
    expect(writes[0]?.buffer).toBe(long.buffer);
    expect(writes.map((bytes) => bytes.length)).toEqual([3014, 9 + 4 + 3014 + 104 + 4914]);
    link.abort();
  });

  test('that was written around its payload is copied for a stream that may hold what it has called back for', async () => {
    const { duplex, writes } = scripted();
    const { link, events } = over(duplex);
    const long = aroundPayload(3000, 1);
    link.send(long);
    await events.until(() => link.buffered === 0);
    long.fill(2);
    expect(Buffer.compare(Buffer.concat(writes), frames(new Uint8Array(long.length).fill(1)))).toBe(0);
    link.abort();
  });

  test('that was written around its payload is cut like any other where it is above the longest write', async () => {
    const { duplex, writes } = scriptedSocket();
    const { link, events } = over(duplex, { maxFrame: 2 ** 20 });
    const long = aroundPayload(600_000, 1);
    link.send(long);
    await events.until(() => link.buffered === 0);
    expect(Buffer.compare(Buffer.concat(writes), frames(long))).toBe(0);
    expect(writes.map((bytes) => bytes.length)).toEqual([262_144, 262_144, 75_726]);
    link.abort();
  });

  test('is whole however long it is, and in however many pieces it comes', async () => {
    const { duplex, writes } = scripted();
    const { link, events } = over(duplex, { maxFrame: 2 ** 20 });
    const messages = [numbered(1, 2 ** 20)[0], new Uint8Array(0), numbered(1, 2 ** 20 + 7)[0]] as Uint8Array[];
    for (const bytes of messages) link.send(bytes.slice());
    await events.until(() => link.buffered === 0);
    const sent = Buffer.concat(writes);
    expect(Buffer.compare(sent, frames(...messages))).toBe(0);
    for (let at = 0; at < sent.length; at += 70_001) duplex.push(sent.subarray(at, at + 70_001));
    await events.received(3);
    expect(events.messages.map((bytes, index) => Buffer.compare(bytes, messages[index] as Uint8Array))).toEqual([
      0, 0, 0,
    ]);
    link.abort();
  });

  test('arrives the same in pieces of one byte, of any size, and all at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 60 })),
        async (messages, sizes) => {
          const { duplex } = scripted();
          const { link, events } = over(duplex);
          const bytes = frames(...messages);
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value as number;
            duplex.push(bytes.subarray(at, at + size));
            at += size;
          }
          await events.received(messages.length);
          expect(events.messages).toEqual(messages);
          link.abort();
        },
      ),
      { numRuns: 200 },
    );
    const { duplex } = scripted();
    const { link, events } = over(duplex);
    for (const byte of frames(...numbered(30, 9))) duplex.push(Buffer.of(byte));
    await events.received(30);
    expect(events.messages).toEqual(numbered(30, 9));
    link.abort();
  });

  test('is a plain Uint8Array', async () => {
    const { duplex } = scripted();
    const { link, events } = over(duplex);
    const read = frames(new Uint8Array(3));
    duplex.push(read);
    await events.received(1);
    expect(events.messages[0]?.constructor).toBe(Uint8Array);
    // A view: what arrives whole is not copied.
    expect(events.messages[0]?.buffer).toBe(read.buffer);
    link.abort();
  });
});

describe('a length is checked before memory is taken:', () => {
  test.each([
    [200, undefined],
    [201, 'the peer announced a message of 201 bytes; at most 200 are taken'],
    [2 ** 32 - 1, 'the peer announced a message of 4294967295 bytes; at most 200 are taken'],
    [
      0x20544547,
      'the peer speaks HTTP ("GET "), as a WebSocket does at first, and this link expects messages with their length: use the same kind of link at both ends',
    ],
  ])('%i bytes, where a frame may have 100 and the link takes twice that', async (length, text) => {
    const { duplex } = scripted();
    const { link, events } = over(duplex, { maxFrame: 100 });
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(length);
    duplex.push(prefix);
    if (text === undefined) {
      duplex.push(Buffer.alloc(length));
      await events.received(1);
      link.abort();
    } else {
      expect(await events.end()).toEqual(new LinkError(text));
      expect([events.messages, duplex.destroyed]).toEqual([[], true]);
    }
  });

  test('what arrived before such a length is told, and nothing behind it', async () => {
    const { duplex } = scripted();
    const { events } = over(duplex, { maxFrame: 100 });
    duplex.push(Buffer.concat([frames(Uint8Array.of(1)), Buffer.from('ffffffff', 'hex'), frames(Uint8Array.of(2))]));
    expect(await events.end()).toBeInstanceOf(LinkError);
    expect(events.messages).toEqual([Uint8Array.of(1)]);
  });

  test('a message that is announced, and of which little comes, takes little', async () => {
    const allocated: number[] = [];
    const { Uint8Array: Original } = globalThis;
    const { duplex } = scripted();
    const { link } = over(duplex, { maxFrame: 2 ** 29 });
    const spy = jest.spyOn(Original.prototype, 'set').mockImplementation(function (this: Uint8Array) {
      allocated.push(this.length);
    });
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(2 ** 30);
    duplex.push(prefix);
    for (let piece = 0; piece < 10; piece++) {
      duplex.push(Buffer.alloc(1000));
      await turns(1);
    }
    spy.mockRestore();
    expect(allocated.length).toBeGreaterThan(0);
    expect(Math.max(...allocated)).toBeLessThanOrEqual(20_480);
    link.abort();
  });
});

describe('the end of a stream', () => {
  test.each([
    ['between messages', '', 'ended'],
    ['within a length', '050000', 'ended'],
    ['behind a length', '05000000', new LinkError('the stream ended within a message: 0 of its 5 bytes came')],
    ['within a message', '05000000ffffff', new LinkError('the stream ended within a message: 3 of its 5 bytes came')],
  ])('%s', async (_where, hex, expected) => {
    const { duplex } = scripted();
    const { events } = over(duplex);
    duplex.push(frames(Uint8Array.of(7)));
    if (hex !== '') duplex.push(Buffer.from(hex, 'hex'));
    duplex.push(null);
    expect(await events.end()).toEqual(expected);
    expect([events.messages, duplex.destroyed]).toEqual([[Uint8Array.of(7)], true]);
  });

  test('is waited for without a pause', async () => {
    const { duplex } = scripted();
    const { link, events } = over(duplex);
    await turns(1);
    link.close();
    link.pause();
    expect(duplex.isPaused()).toBe(false);
    duplex.push(null);
    expect(await events.end()).toBe('ended');
  });

  test('is in order where the peer has ended its side and destroys the stream while we send', async () => {
    const duplex = new Duplex({ read() {}, write() {} });
    const { link, events } = over(duplex);
    link.send(new Uint8Array(5));
    duplex.push(null);
    await turns(3);
    expect(events.ends).toEqual([]);
    duplex.destroy(new Error('EPIPE'));
    expect(await events.end()).toBe('ended');
  });

  test('of a pair is a failure as soon as what is read fails', async () => {
    const [readable, writable] = [new PassThrough(), new PassThrough()];
    const events = record(streamLink({ readable, writable }));
    readable.destroy(new Error('no route'));
    expect(await events.end()).toEqual(new LinkError('the connection was lost: no route'));
    expect(writable.destroyed).toBe(true);
  });

  test('of what is read, of a pair, leaves the messages that are sent', async () => {
    const [readable, writable] = [new PassThrough(), new PassThrough()];
    const link = streamLink({ readable, writable });
    const events = record(link);
    await turns(1);
    link.send(Uint8Array.of(7));
    readable.end();
    expect(await events.end()).toBe('ended');
    expect(writable.read()).toEqual(frames(Uint8Array.of(7)));
  });

  test('that another destroys is a failure, with the error where there is one', async () => {
    const first = scripted();
    const { events } = over(first.duplex);
    first.duplex.destroy();
    expect(await events.end()).toEqual(new LinkError('the stream was closed before its end'));
    const second = scripted();
    const others = over(second.duplex);
    second.duplex.destroy(new Error('no route'));
    const end = (await others.events.end()) as LinkError;
    expect([end, end.cause]).toEqual([new LinkError('the connection was lost: no route'), new Error('no route')]);
  });

  test('that had come before the link was made is told once it starts', async () => {
    const { duplex } = scripted();
    duplex.push(frames(Uint8Array.of(1)));
    duplex.push(null);
    await turns(3);
    const { events } = over(duplex);
    expect(await events.end()).toBe('ended');
    expect(events.messages).toEqual([Uint8Array.of(1)]);
    const gone = scripted();
    gone.duplex.destroy();
    await turns(3);
    expect(await over(gone.duplex).events.end()).toBeInstanceOf(LinkError);
  });

  test('leaves no listener at the stream, whichever way it came', async () => {
    for (const end of ['close', 'abort'] as const) {
      const { duplex } = scripted();
      const before = duplex.eventNames();
      const { link, events } = over(duplex);
      link.send(new Uint8Array(1));
      await events.until(() => link.buffered === 0);
      const closed = new Promise((resolve) => duplex.once('close', resolve));
      link[end]();
      duplex.push(null);
      await closed;
      await turns(2);
      expect(duplex.eventNames()).toEqual(before);
    }
  });
});

describe('over a socket', () => {
  let link: Link | undefined;
  let peer: Socket | undefined;

  afterEach(() => {
    link?.abort();
    peer?.destroy();
  });

  async function toRawPeer(options?: StreamLinkOptions): Promise<{ link: Link; peer: Socket; events: Recorder }> {
    const server = createServer({ allowHalfOpen: true });
    const [client, accepted] = await socketPair(server, { allowHalfOpen: true });
    server.close();
    client.on('error', () => {});
    link = streamLink(accepted, options);
    peer = client;
    return { link, peer: client, events: record(link) };
  }

  test('a peer that ends its side gets what was sent before and while it did, then the end', async () => {
    const { link, peer, events } = await toRawPeer();
    peer.pause();
    const messages = numbered(100, 64 * 1024);
    for (const bytes of messages) link.send(bytes.slice());
    peer.end(frames(Uint8Array.of(1)));
    await events.received(1);
    await turns(5);
    expect(events.ends).toEqual([]);
    const chunks: Buffer[] = [];
    peer.on('data', (chunk) => chunks.push(chunk));
    peer.resume();
    await new Promise((resolve) => peer.once('end', resolve));
    expect(Buffer.compare(Buffer.concat(chunks), frames(...messages))).toBe(0);
    expect(await events.end()).toBe('ended');
  });

  test('a peer that ends its side and reads nothing is cut after closeTimeout', async () => {
    const { link, peer, events } = await toRawPeer({ closeTimeout: 50 });
    peer.pause();
    for (const bytes of numbered(512, 64 * 1024)) link.send(bytes);
    peer.end();
    expect(await events.end()).toEqual(new LinkError('the connection did not end within 50 ms'));
  });

  test('a peer that does not end its side after our close is cut after closeTimeout', async () => {
    const { link, peer, events } = await toRawPeer({ closeTimeout: 50 });
    const ended = new Promise((resolve) => peer.once('end', resolve));
    peer.resume();
    link.close();
    await ended;
    expect(await events.end()).toEqual(new LinkError('the connection did not end within 50 ms'));
  });

  test('a peer that destroys its socket while we send is an orderly end behind its last message', async () => {
    const { link, peer, events } = await toRawPeer();
    events.onMessage = () => setImmediate(() => events.ends.length === 0 && link.send(new Uint8Array(10)));
    peer.write(frames(Uint8Array.of(1)));
    peer.end();
    peer.destroySoon();
    expect(await events.end()).toBe('ended');
  });

  test('a connection that is reset is a failure, with the cause', async () => {
    const { peer, events } = await toRawPeer();
    peer.resetAndDestroy();
    const end = (await events.end()) as LinkError;
    expect(end).toEqual(new LinkError('the connection was lost: read ECONNRESET'));
    expect(end.cause).toMatchObject({ code: 'ECONNRESET' });
  });

  test('drained is told as a peer takes one big message a piece at a time, and only then', async () => {
    const { link, peer, events } = await toRawPeer();
    peer.pause();
    link.send(new Uint8Array(48 * 2 ** 20));
    const drains = await drainsAtRest(events);
    expect(events.drains).toBe(drains);
    readSome(peer);
    await events.until(() => events.drains > drains);
    expect(link.buffered).toBeGreaterThan(24 * 2 ** 20);
    expect(link.buffered).toBeLessThan(48 * 2 ** 20);
  });

  test('a flood of empty messages stops with a pause', async () => {
    const { link, peer, events } = await toRawPeer();
    events.onMessage = () => void (events.messages.length === 1 && link.pause());
    peer.write(Buffer.alloc(4 * 2 ** 20));
    await events.received(1);
    await turns(50);
    // What one read had brought came, too.
    expect(events.messages.length).toBeLessThanOrEqual(16 * 1024);
    link.resume();
    await events.received(2 ** 20);
    expect(events.bytes).toBe(0);
  });
});

describe('streamLink takes', () => {
  test('a pair of streams, as a child process has them', async () => {
    const echo = 'process.stdin.pipe(process.stdout)';
    const child = spawn(process.execPath, ['--eval', echo], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const link = streamLink({ readable: child.stdout, writable: child.stdin });
    const events = record(link);
    const messages = numbered(20, 50_000);
    for (const bytes of messages) link.send(bytes.slice());
    await events.received(20);
    expect(events.messages.map((bytes) => Buffer.from(bytes))).toEqual(messages.map((bytes) => Buffer.from(bytes)));
    link.close();
    expect(await events.end()).toBe('ended');
    expect(await exited).toBe(0);
  });

  /** The two halves of a stream, as a child process has them. A write that is `held` is never called back. */
  const halves = (held = false) => {
    const readable = new PassThrough();
    const writable = new Writable({ write: (_chunk, _encoding, written) => void (held || written()) });
    const link = streamLink({ readable, writable }, { closeTimeout: 60_000 });
    link.send(Uint8Array.of(1));
    return { readable, writable, link };
  };
  const SENT = numbered(20, 2000);
  const ENDINGS: readonly (readonly [name: string, end: (readable: PassThrough, writable: Writable) => unknown])[] = [
    ['before the other ends', (readable, writable) => [writable.destroy(), setImmediate(() => readable.end())]],
    ['by an error before that', (readable, writable) => [writable.destroy(new Error('no')), readable.end()]],
    ['at once', (readable, writable) => [readable.end(), writable.destroy()]],
    [
      'as soon as the other has ended',
      (readable, writable) => [readable.on('end', () => writable.destroy()), readable.end()],
    ],
    [
      'later',
      (readable, writable) => [readable.on('end', () => setImmediate(() => writable.destroy())), readable.end()],
    ],
  ];

  test.each(ENDINGS.flatMap(([name, end]) => [false, true].map((held) => [name, held, end] as const)))(
    'a pair whose written half is lost %s (a write is held: %p), and tells all that has come, and the end',
    async (_name, held, end) => {
      const { readable, writable, link } = halves(held);
      readable.write(frames(...SENT));
      await turns(3);
      end(readable, writable);
      await turns(3);
      const events = record(link);
      expect(await events.end()).toBe('ended');
      expect(events.messages.map((bytes) => Buffer.from(bytes))).toEqual(SENT.map((bytes) => Buffer.from(bytes)));
      expect([readable.destroyed, writable.destroyed, link.buffered]).toEqual([true, true, 0]);
    },
  );

  test('a pair whose written half is lost for good, and fails with the cause after a second', async () => {
    for (const [error, expected] of [
      [new Error('no'), 'the connection was lost: no'],
      [undefined, 'the stream was closed before its end'],
    ] as const) {
      const { readable, writable, link } = halves();
      const events = record(link);
      await turns(3);
      jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
      try {
        writable.destroy(error);
        await turns(3);
        readable.write(frames(Uint8Array.of(2)));
        await turns(3);
        jest.advanceTimersByTime(999);
        await turns(3);
        expect([events.messages, events.ends, readable.destroyed]).toEqual([[Uint8Array.of(2)], [], false]);
        jest.advanceTimersByTime(1);
        await turns(3);
      } finally {
        jest.useRealTimers();
      }
      expect([await events.end(), readable.destroyed]).toEqual([new LinkError(expected), true]);
    }
  });

  test('a pair whose written half is lost only after the end of the link, and leaves nothing', async () => {
    for (const [end, expected] of [
      ['abort', []],
      ['close', [new LinkError('the connection did not end within 60000 ms')]],
    ] as const) {
      let finish = (): void => {};
      const readable = new Readable({
        read() {},
        destroy(error, done) {
          finish = () => done(error);
        },
      });
      const writable = new Writable({ write() {} });
      jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
      try {
        const link = streamLink({ readable, writable }, { closeTimeout: 60_000 });
        const events = record(link);
        await turns(3);
        link.send(Uint8Array.of(1));
        link[end]();
        jest.advanceTimersByTime(60_000);
        // The written half is gone now, and the read one is not.
        await turns(3);
        expect([writable.closed, readable.closed, jest.getTimerCount()]).toEqual([true, false, 0]);
        finish();
        await turns(3);
        expect([events.ends, jest.getTimerCount()]).toEqual([expected, 0]);
      } finally {
        jest.useRealTimers();
      }
    }
  });

  test.each([
    ['nothing', undefined, 'the stream must be a Duplex, or a pair'],
    ['what is no stream', {}, "the stream can't be read: it must be a stream of Node's"],
    ['objects', new PassThrough({ objectMode: true }), 'the stream is in object mode: a link reads bytes'],
    [
      'objects to write',
      new PassThrough({ writableObjectMode: true }),
      'the stream is in object mode: a link writes bytes',
    ],
    ['text', new PassThrough({ encoding: 'utf8' }), 'the stream has the encoding utf8: a link reads bytes'],
    ['half a pair', { readable: new PassThrough() }, "writable can't be written: it must be a stream of Node's"],
    [
      'half a pair',
      { readable: null, writable: new PassThrough() },
      "readable can't be read: it must be a stream of Node's",
    ],
  ])('no %s', (_what, stream, text) => {
    expect(() => streamLink(stream as unknown as Duplex)).toThrow(new InvalidArgument(text));
  });

  test.each([
    [{ maxFrame: 0 }, 'maxFrame must be an integer from 1 to 2^30 - 1, not 0'],
    [{ maxFrame: 2 ** 30 }, 'maxFrame must be an integer from 1 to 2^30 - 1, not 1073741824'],
    [{ closeTimeout: 0 }, 'closeTimeout must be from 1 to 2^31 - 1 milliseconds, not 0'],
    [{ closeTimeout: 2 ** 31 }, 'closeTimeout must be from 1 to 2^31 - 1 milliseconds, not 2147483648'],
  ])('no option out of range: %p', (options, text) => {
    expect(() => streamLink(scripted().duplex, options)).toThrow(new InvalidArgument(text));
  });
});
