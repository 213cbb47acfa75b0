import { Socket } from 'node:net';
import { type Duplex, finished, type Readable, type Writable } from 'node:stream';
import { InvalidArgument, LinkError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { copy, withPrefix } from '../base/frame-memory.js';
import { SocketFacts } from './facts.js';
import type { Link, LinkFacts } from './link.js';
import { SocketLink } from './socket.js';
import { type Addresses, nameOf } from './socket-ws.js';
import { checkMaxFrame, checkTimeout } from './websocket.js';

/** The members that a link needs of the half of a stream that is read. Any Readable of Node's has them. */
export interface ReadableHalf {
  readonly readableEncoding: string | null;
  readonly readableObjectMode: boolean;
  pause(): unknown;
  resume(): unknown;
  destroy(error?: Error): unknown;
}

/** The members that a link needs of the half of a stream that is written. Any Writable of Node's has them. */
export interface WritableHalf {
  readonly writableLength: number;
  readonly writableObjectMode: boolean;
  write(chunk: Uint8Array, written?: (error?: Error | null) => void): boolean;
  end(): unknown;
  destroy(error?: Error): unknown;
}

/** The members that a link needs of a stream in both directions. Any Duplex of Node's has them: a socket, TLS, SSH. */
export interface DuplexStream extends ReadableHalf, WritableHalf {
  readonly readable: boolean;
  readonly writable: boolean;
}

/** Options of {@link streamLink}. */
export interface StreamLinkOptions {
  /**
   * The largest frame in bytes, from 1 to 2^30 − 1. It applies in addition to the limit of the session
   * (`limits.handshakeBytes`, then `limits.frame`), which the link asks for at each frame. A message above *twice* the lower
   * of the two breaks the link as soon as its length has arrived: a peer can't make us hold more. A message between the two
   * reaches the session, which can say what is wrong.
   *
   * @defaultValue the session's limit; 1048576 for a user of the link that sets none
   */
  readonly maxFrame?: number | undefined;

  /**
   * Milliseconds that an end may take: sent messages leave, and the peer ends its side. After that the stream is destroyed
   * and the link calls `failed`. From 1 to 2^31 − 1.
   *
   * @defaultValue 5000
   */
  readonly closeTimeout?: number;
}

/** The length before each message, little endian. */
const PREFIX = 4;

/** Bytes allocated for the beginning of a message, also of a long one. The memory grows as the message arrives. */
const LEAST_ROOM = 4096;

/**
 * The number of messages of one tick in one write, and their bytes. As over a WebSocket, larger writes would save little.
 */
const BATCH = 32;
const BATCH_BYTES = 64 * 1024;

/**
 * The longest write. A message that fits leaves in one write with its length: official Rust peers can lose their place in
 * the stream when a message comes in pieces. A longer message leaves in several writes. A slow peer takes one at a time, and
 * each counts as progress.
 */
const LONGEST_WRITE = 256 * 1024;

/** Bytes that may lie in the stream; messages beyond them wait in the link. */
const WINDOW = 256 * 1024;

// Taken once, so that fake timers that a test installs later do not stop links.
const { nextTick } = process;

/** A link over a stream of bytes. Each message is `length: u32 little endian`, followed by that many bytes. */
export class StreamLink extends SocketLink {
  readonly name: string | undefined;
  /** All bytes passed to the stream are copies. */
  readonly releasesSent = true;
  readonly isStream = true;
  /** The two halves of the stream: the same Duplex, unless the stream is a pair. */
  readonly #readable: Readable;
  readonly #writable: Writable;
  /** One stream, or the two of a pair. */
  readonly #streams: readonly (Readable | Writable)[];
  readonly #forget: readonly (() => void)[];
  /** The number of streams that are not over, and the first error of one that is. */
  #left: number;
  #error: NodeJS.ErrnoException | undefined;
  readonly #queue = new Fifo<Uint8Array>();
  #queued = 0;
  /** The bytes of the front of the queue, its length included, that are written already. */
  #written = 0;
  #batch = 0;
  #scheduled = false;
  #settling = false;
  #peerEnded = false;
  /** No message has begun to arrive yet. */
  #isFirst = true;
  #hasMessage = false;
  /** State of the arriving message: its length, the bytes received of that length, and the bytes received of the message. */
  #length = 0;
  #prefix = 0;
  #received = 0;
  #room: Uint8Array | undefined;

  /** Of a Duplex, `readable` and `writable` are that stream itself. */
  constructor(readable: Readable, writable: Writable, maxFrame: number | undefined, closeTimeout: number) {
    super(closeTimeout, maxFrame, 'the connection did not end');
    this.#readable = readable;
    this.#writable = writable;
    this.#streams = [...new Set<Readable | Writable>([readable, writable])];
    this.name = nameOf(writable as Addresses);
    // We end our own side when the sent messages have left, not as soon as the peer ends its side. The readable one of a pair has
    // no other side: it would never be destroyed.
    if (this.#streams.length === 1) (readable as Duplex).allowHalfOpen = true;
    // Nothing is read before `start`, so that no messages pile up.
    readable.pause();
    readable.on('data', this.#onData);
    readable.on('end', this.#onEnd);
    this.#peerEnded = readable.readableEnded;
    this.#left = this.#streams.length;
    this.#forget = this.#streams.map((stream) => {
      // The other half of a socket in a pair is not part of it.
      const half = this.#left === 1 ? {} : stream === readable ? { writable: false } : { readable: false };
      return finished(stream, half, (error) => this.#onFinished(stream, error ?? undefined));
    });
    // A destroyed stream may still emit an error. Without a listener that would be an uncaught exception.
    for (const stream of this.#streams) stream.on('error', ignore);
  }

  facts(): LinkFacts {
    return new SocketFacts(this.#writable as Addresses);
  }

  get buffered(): number {
    return this.state === 'over' ? 0 : this.#writable.writableLength + this.#queued;
  }

  /** The bytes held for the first message, which is not whole yet. Undefined once it is. */
  get pendingBytes(): number | undefined {
    return this.#hasMessage ? undefined : (this.#room?.length ?? 0);
  }

  pause(): void {
    if (this.state !== 'open') return;
    this.isPaused = true;
    this.#readable.pause();
  }

  resume(): void {
    if (this.state === 'over') return;
    this.isPaused = false;
    this.#readable.resume();
  }

  protected transmit(bytes: Uint8Array): void {
    if (bytes.byteLength > 0xffff_ffff) throw new InvalidArgument('a message over a stream has at most 2^32 - 1 bytes');
    // The connection is ending and our event is under way: the bytes are lost, as on a network.
    if (!this.#writable.writable) return;
    if (this.#queued > 0 && this.#queued + PREFIX + bytes.byteLength > BATCH_BYTES) this.#pump();
    this.#queue.push(bytes);
    this.#queued += PREFIX + bytes.byteLength;
    if (++this.#batch >= BATCH) this.#pump();
    else if (!this.#scheduled) {
      // Messages sent in one tick leave together.
      this.#scheduled = true;
      nextTick(this.#flush);
    }
  }

  protected finishSending(): void {
    this.#pump();
  }

  protected hangUp(): void {
    this.cut();
  }

  protected cut(): void {
    this.#drop();
    for (const stream of this.#streams) destroy(stream);
  }

  protected release(): void {
    this.#readable.off('data', this.#onData);
    this.#readable.off('end', this.#onEnd);
    for (const stream of this.#streams) stream.off('error', ignore);
    for (const forget of this.#forget) forget();
    this.#drop();
    this.#room = undefined;
  }

  #drop(): void {
    this.#queue.truncate(0);
    this.#queued = 0;
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.state !== 'over') this.#pump();
  };

  /** Writes waiting messages, as far as the stream has room, and ends our side after the last one. */
  #pump(): void {
    this.#batch = 0;
    const writable = this.#writable;
    if (!writable.writable) {
      this.#drop();
      return;
    }
    let isCorked = false;
    while (this.#queue.length > 0 && writable.writableLength <= WINDOW) {
      const bytes = this.#next();
      if (!isCorked && this.#queue.length > 0) {
        // Sockets write corked data at once.
        isCorked = true;
        writable.cork();
      }
      writable.write(bytes, this.#onWritten);
    }
    if (isCorked) writable.uncork();
    if (this.state === 'closing' && this.#queue.length === 0) writable.end();
  }

  /** The next bytes to write. A long message with free bytes for its length before it is not copied. */
  #next(): Uint8Array {
    const message = this.#queue.at(0);
    const isWritten = this.#writable instanceof Socket;
    const whole = isWritten && message !== undefined && this.#written === 0 ? withPrefix(message) : undefined;
    if (whole === undefined || whole.length > LONGEST_WRITE) return this.#piece();
    putLength(whole, whole.length - PREFIX);
    this.#queue.shift();
    this.#queued -= whole.length;
    return whole;
  }

  /** The next bytes as a copy: as many whole messages as fit, or a part of a long one. */
  #piece(): Uint8Array {
    let size = PREFIX + lengthOf(this.#queue.at(0)) - this.#written;
    for (let index = 1; index < this.#queue.length; index++) {
      const more = PREFIX + lengthOf(this.#queue.at(index));
      if (size + more > BATCH_BYTES) break;
      size += more;
    }
    const piece = Buffer.allocUnsafe(Math.min(size, LONGEST_WRITE));
    let at = 0;
    while (at < piece.length) {
      const message = this.#queue.at(0) as Uint8Array;
      if (this.#written === 0) {
        at = piece.writeUInt32LE(message.byteLength, at);
        this.#written = PREFIX;
      }
      const start = this.#written - PREFIX;
      const part = Math.min(message.byteLength - start, piece.length - at);
      copy(message, start, piece, at, part);
      at += part;
      this.#written += part;
      if (start + part < message.byteLength) break;
      this.#queue.shift();
      this.#written = 0;
    }
    this.#queued -= piece.length;
    return piece;
  }

  /** Called for each write, one after the other: all writes of one turn are settled together. */
  readonly #onWritten = (error?: Error | null): void => {
    if (this.#settling || (error !== undefined && error !== null)) return;
    this.#settling = true;
    queueMicrotask(this.#settle);
  };

  readonly #settle = (): void => {
    this.#settling = false;
    if (this.state === 'over') return;
    this.#pump();
    this.drained();
  };

  readonly #onData = (chunk: Uint8Array): void => {
    let at = 0;
    // A handler of a message may abort the link.
    while (at < chunk.length && this.state !== 'over') {
      if (this.#prefix < PREFIX) {
        at = this.#takeLength(chunk, at);
        if (this.#prefix < PREFIX) return;
        const { most } = this;
        // The first bytes of TLS may read as a length of up to twice the limit.
        const stranger = this.#isFirst && this.#length > most / 2 ? strangerOf(this.#length) : undefined;
        this.#isFirst = false;
        if (this.#length > most || stranger !== undefined) {
          this.violated(new LinkError(stranger ?? announced(this.#length, most)));
          return;
        }
      }
      at = this.#takeMessage(chunk, at);
    }
  };

  #takeLength(chunk: Uint8Array, start: number): number {
    let at = start;
    while (at < chunk.length && this.#prefix < PREFIX) {
      this.#length += (chunk[at++] ?? 0) * 0x100 ** this.#prefix++;
    }
    return at;
  }

  /** Takes the available bytes of the message; returns the index after them. */
  #takeMessage(chunk: Uint8Array, at: number): number {
    const missing = this.#length - this.#received;
    const part = Math.min(missing, chunk.length - at);
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset + at, part);
    if (this.#room === undefined && part === missing) {
      this.#startNext();
      this.received(bytes);
    } else {
      const room = this.#roomFor(this.#received + part);
      room.set(bytes, this.#received);
      this.#received += part;
      if (part === missing) {
        this.#startNext();
        this.received(room);
      }
    }
    return at + part;
  }

  /** Memory for `size` bytes of the message. It grows to four times `size`, but never beyond the length of the message. */
  #roomFor(size: number): Uint8Array {
    const room = this.#room;
    if (room !== undefined && size <= room.length) return room;
    const grown = new Uint8Array(Math.min(this.#length, Math.max(LEAST_ROOM, 4 * size)));
    if (room !== undefined) grown.set(room.subarray(0, this.#received));
    this.#room = grown;
    return grown;
  }

  #startNext(): void {
    this.#hasMessage = true;
    this.#length = 0;
    this.#prefix = 0;
    this.#received = 0;
    this.#room = undefined;
  }

  readonly #onEnd = (): void => {
    this.#peerEnded = true;
    if (this.#prefix === PREFIX) {
      const text = `the stream ended within a message: ${String(this.#received)} of its ${String(this.#length)} bytes came`;
      this.violated(new LinkError(text));
    } else {
      // An end within a length is an orderly end, as for official peers.
      this.close();
    }
  };

  #onFinished(stream: Readable | Writable, error: NodeJS.ErrnoException | undefined): void {
    this.#error ??= error;
    if (--this.#left > 0) {
      // Of a child process that exits, the stdin is gone before its stdout is read to the end.
      if (stream === this.#writable && error !== undefined) this.cutOff(failureOf(error));
      else if (error !== undefined) this.cut();
      return;
    }
    // A peer that has ended its side may destroy the stream while we still send. That is no failure.
    this.gone(this.#error === undefined || this.#peerEnded ? undefined : failureOf(this.#error));
  }
}

function failureOf(error: NodeJS.ErrnoException): LinkError {
  return error.code === 'ERR_STREAM_PREMATURE_CLOSE'
    ? new LinkError('the stream was closed before its end')
    : new LinkError(`the connection was lost: ${error.message}`, error);
}

function ignore(): void {}

function putLength(bytes: Uint8Array, length: number): void {
  bytes[0] = length & 0xff;
  bytes[1] = (length >>> 8) & 0xff;
  bytes[2] = (length >>> 16) & 0xff;
  bytes[3] = length >>> 24;
}

function lengthOf(message: Uint8Array | undefined): number {
  return message?.byteLength ?? 0;
}

/** The first byte of TLS records; the version follows. */
const TLS_ALERT = 0x15;
const TLS_HANDSHAKE = 0x16;

/** The error text for first bytes that are no length, but come from a peer with another protocol; otherwise undefined. */
function strangerOf(length: number): string | undefined {
  const bytes = Buffer.alloc(PREFIX);
  bytes.writeUInt32LE(length);
  const text = bytes.toString('latin1');
  if (/^(GET |HEAD|POST|PUT |DELE|OPTI|PATC|CONN|TRAC|PRI |HTTP)$/.test(text)) {
    return `the peer speaks HTTP (${JSON.stringify(text)}), as a WebSocket does at first, and this link expects messages with their length: use the same kind of link at both ends`;
  }
  const [type = 0, major = 0, minor = 0] = bytes;
  if ((type === TLS_ALERT || type === TLS_HANDSHAKE) && major === 3 && minor <= 4) {
    return 'the peer speaks TLS, and this link does not: use TLS at both ends, with the decrypted stream in streamLink, or at none';
  }
  return /^[ -~]{4}$/.test(text)
    ? `the peer sent the text ${JSON.stringify(text)} where a length is expected`
    : undefined;
}

function announced(length: number, most: number): string {
  return `the peer announced a message of ${String(length)} bytes; at most ${String(most)} are taken`;
}

/** Destroys the stream. The peer of a TCP connection gets an error; on other streams the peer sees an ordinary end. */
function destroy(stream: (Readable | Writable) & { resetAndDestroy?: () => unknown }): void {
  try {
    stream.resetAndDestroy?.();
  } catch {
    // Not TCP: a Unix socket, TLS.
  }
  stream.destroy();
}

/**
 * A link over a stream of bytes, as official peers of roam 7 use over TCP, Unix sockets and stdio. Each message follows its
 * length, in four bytes, little endian. The stream may be any Duplex of Node's (a socket, TLS, a channel of SSH), or a pair
 * of streams. From here on the streams belong to the link.
 *
 * An end of the stream is an orderly end, unless it comes within a message. `abort()` destroys the stream: over TCP the peer
 * gets an error, over other streams it sees an orderly end. While a link is paused it does not notice that the peer has
 * left, unless it sends; `close()` lifts a pause.
 *
 * A child process that exits loses its stdin before its stdout is read to the end. Where the written stream of a pair is lost, the
 * link still tells what the other one has, and its end. It fails if that end does not come within a second.
 *
 * The bytes of a message are a view into a larger buffer, commonly 64 KiB: copy a small message to keep it for long.
 *
 * @example
 * // A child process that speaks on stdin and stdout.
 * const child = spawn('server', ['--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
 * const session = await initiate(streamLink({ readable: child.stdout, writable: child.stdin }), { codec: postcard });
 *
 * @throws InvalidArgument when `stream` is no such stream, has an encoding or is in object mode, or when an option is
 * out of range.
 */
export function streamLink(
  stream: DuplexStream | { readonly readable: ReadableHalf; readonly writable: WritableHalf },
  options: StreamLinkOptions = {},
): Link {
  const maxFrame = checkMaxFrame(options.maxFrame);
  const closeTimeout = checkTimeout('closeTimeout', options.closeTimeout ?? 5000);
  if (typeof stream !== 'object' || stream === null)
    throw new InvalidArgument('the stream must be a Duplex, or a pair');
  if (typeof stream.readable !== 'object') {
    checkReadable(stream as DuplexStream, 'the stream');
    checkWritable(stream as DuplexStream, 'the stream');
    const duplex = stream as unknown as Duplex;
    return new StreamLink(duplex, duplex, maxFrame, closeTimeout);
  }
  const { readable, writable } = stream as { readable: ReadableHalf; writable: WritableHalf };
  checkReadable(readable, 'readable');
  checkWritable(writable, 'writable');
  return new StreamLink(readable as Readable, writable as Writable, maxFrame, closeTimeout);
}

function checkReadable(stream: ReadableHalf | null | undefined, name: string): void {
  if (typeof stream?.pause !== 'function')
    throw new InvalidArgument(`${name} can't be read: it must be a stream of Node's`);
  if (stream.readableObjectMode) throw new InvalidArgument(`${name} is in object mode: a link reads bytes`);
  const { readableEncoding } = stream;
  if (typeof readableEncoding === 'string') {
    throw new InvalidArgument(`${name} has the encoding ${readableEncoding}: a link reads bytes`);
  }
}

function checkWritable(stream: WritableHalf | null | undefined, name: string): void {
  if (typeof stream?.write !== 'function')
    throw new InvalidArgument(`${name} can't be written: it must be a stream of Node's`);
  if (stream.writableObjectMode) throw new InvalidArgument(`${name} is in object mode: a link writes bytes`);
}
