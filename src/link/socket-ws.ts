import { LinkError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { CLOSED, closeFailure, OPEN, SocketLink } from './socket.js';

/** What is used of a WebSocket of the package `ws` (8.23 or later). */
export interface WsWebSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  binaryType: string;
  send(data: Uint8Array, sent?: (error?: Error) => void): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  on(event: 'message', listener: (data: never, isBinary: boolean) => void): unknown;
  on(event: 'close', listener: (code: number, reason: Uint8Array) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'ping', listener: () => void): unknown;
  off(event: 'message', listener: (data: never, isBinary: boolean) => void): unknown;
  off(event: 'close', listener: (code: number, reason: Uint8Array) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'ping', listener: () => void): unknown;
}

/** What is used of the network socket beneath a `ws` WebSocket: any of Node's sockets fits. */
export interface RawSocket extends Addresses {
  cork(): void;
  uncork(): void;
  readonly errored?: Error | null;
}

/** Where the two ends of a network socket are. */
export interface Addresses {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** The addresses of both ends, in an order that is the same at both. */
export function nameOf(raw: Addresses | undefined): string | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = raw ?? {};
  if (localPort === undefined || remotePort === undefined) return undefined;
  return [`${localAddress}:${localPort}`, `${remoteAddress}:${remotePort}`]
    .map((address) => address.replace('::ffff:', ''))
    .sort()
    .join(' – ');
}

/**
 * The bytes that the operating system has not taken of the write under way: Node itself counts its decrease as activity, for
 * its own timeouts, and shows it nowhere in public. Where it is missing, a message counts as unsent until all of it has left.
 */
function unwritten(raw: RawSocket | undefined): number {
  const size = (raw as { _handle?: { writeQueueSize?: unknown } | null } | undefined)?._handle?.writeQueueSize;
  return typeof size === 'number' ? size : 0;
}

/** Bytes buffered above which the socket says when each message has left. What is below it is looked at instead. */
const NOTIFY_ABOVE = 32 * 1024;

/** How often a socket that could not send all at once is looked at. */
const LOOK_INTERVAL_MS = 20;

/**
 * Bytes that may lie in the socket; what is sent beyond them waits here. Node writes all that lies in a socket at
 * once and says nothing before the last byte has left: 4 MiB to a slow peer would look as if nothing moved.
 */
const WINDOW = 256 * 1024;

/**
 * How many messages of one tick leave in one write, and how many bytes. More in one would save little, and the peer, which
 * could be at work on the first of them, would wait for the last.
 */
const BATCH = 32;
const BATCH_BYTES = 128 * 1024;

// Taken from the global scope once, so that a test's fake timers, installed later, don't hold up links. A browser never
// has a raw socket, and so never gets here.
const { process: node } = globalThis as { process?: { nextTick?(callback: () => void): void } };
const afterTick: (callback: () => void) => void = node?.nextTick ?? queueMicrotask;

/** A link over a WebSocket of the package `ws`. */
export class WsLink extends SocketLink {
  readonly name: string | undefined;
  /** `ws` counts what it was given as buffered until the system has it, or has masked it into memory of its own. */
  readonly releasesSent: boolean;
  readonly #ws: WsWebSocket;
  readonly #raw: RawSocket | undefined;
  readonly #waiting = new Fifo<Uint8Array>();
  #waitingBytes = 0;
  #corked = false;
  /** What the next write holds so far. */
  #batch = 0;
  #batchBytes = 0;
  #settling = false;
  #look: ReturnType<typeof setTimeout> | undefined;
  /** All bytes that the socket was given. */
  #given = 0;
  /** At the last look: what of them had left, and what was still unwritten. */
  #left = 0;
  #unwritten = 0;

  constructor(ws: WsWebSocket, raw: RawSocket | undefined, closeTimeout: number, maxFrame: number | undefined) {
    super(closeTimeout, maxFrame);
    this.#ws = ws;
    this.#raw = raw;
    // What only looks like a WebSocket, and has no socket, may do with bytes what it likes.
    this.releasesSent = raw !== undefined;
    // Now: a socket that has ended has no addresses any more.
    this.name = nameOf(raw);
    // A view into what the socket read: `ws` would copy it for an ArrayBuffer.
    ws.binaryType = 'nodebuffer';
    ws.on('message', this.#onMessage);
    ws.on('close', this.#onClose);
    ws.on('error', this.#onError);
    ws.on('ping', this.#onPing);
    this.#limitReceiver();
    // Nothing is read before `start`, so that nothing piles up.
    ws.pause();
    if (ws.readyState === CLOSED) this.gone(closeFailure(1006, ''));
  }

  get buffered(): number {
    return this.state === 'over' ? 0 : this.#ws.bufferedAmount + this.#waitingBytes;
  }

  pause(): void {
    if (this.state !== 'open') return;
    this.isPaused = true;
    this.#ws.pause();
  }

  resume(): void {
    this.isPaused = false;
    if (this.state !== 'over') this.#ws.resume();
  }

  protected transmit(bytes: Uint8Array): void {
    const ws = this.#ws;
    // The connection is ending and our event is under way: the bytes are lost, as on any wire.
    if (ws.readyState !== OPEN) return;
    const inSocket = ws.bufferedAmount;
    // By their number: an empty message that waits has no bytes.
    if (inSocket > WINDOW || this.#waiting.length > 0) {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.byteLength;
    } else {
      this.#write(bytes, inSocket);
    }
  }

  protected finishSending(): void {
    if (this.#waiting.length === 0) this.hangUp(1000, '');
  }

  protected hangUp(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  protected cut(): void {
    this.#drop();
    clearTimeout(this.#look);
    // 'close' follows. Until then our listeners stay: an 'error' without any would be an uncaught exception.
    this.#ws.terminate();
  }

  protected release(): void {
    this.#ws.off('message', this.#onMessage);
    this.#ws.off('close', this.#onClose);
    this.#ws.off('error', this.#onError);
    this.#ws.off('ping', this.#onPing);
    this.#drop();
    clearTimeout(this.#look);
  }

  #write(bytes: Uint8Array, inSocket: number): void {
    if (!this.#corked) {
      // What is sent in one tick leaves together.
      this.#corked = true;
      this.#raw?.cork();
      afterTick(this.#uncork);
    } else if (this.#batch >= BATCH || this.#batchBytes >= BATCH_BYTES) {
      this.#raw?.uncork();
      this.#raw?.cork();
      this.#batch = 0;
      this.#batchBytes = 0;
    }
    this.#batch++;
    this.#batchBytes += bytes.byteLength;
    this.#given += bytes.byteLength;
    // Whenever messages wait here, the one that filled the window was sent with the callback, or it was not the last.
    if (inSocket + bytes.byteLength > NOTIFY_ABOVE) this.#ws.send(bytes, this.#onSent);
    else this.#ws.send(bytes);
  }

  /**
   * `ws` compares each frame with its own limit as soon as the header is there, and has no way to change that limit. Where the
   * field is missing, a message is looked at when it is whole.
   */
  #limitReceiver(): void {
    const receiver = (this.#ws as { _receiver?: { _maxPayload?: unknown } | null })._receiver;
    const own = receiver?._maxPayload;
    if (typeof own !== 'number') return;
    const ceiling = own > 0 ? own : Number.POSITIVE_INFINITY;
    Object.defineProperty(receiver, '_maxPayload', { get: () => Math.min(ceiling, this.most) });
  }

  #drop(): void {
    this.#waiting.truncate(0);
    this.#waitingBytes = 0;
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#batch = 0;
    this.#batchBytes = 0;
    this.#raw?.uncork();
    if (this.state === 'over') return;
    if (this.#ws.bufferedAmount > 0) {
      if (this.#look === undefined) this.#lookLater();
    } else if (this.#waiting.length === 0) {
      // Otherwise the message that filled the window has told, or is about to.
      this.drained();
    }
  };

  #lookLater(): void {
    this.#left = this.#given - this.#ws.bufferedAmount;
    this.#unwritten = unwritten(this.#raw);
    this.#look = setTimeout(this.#onLook, LOOK_INTERVAL_MS);
  }

  /** Node tells of a write when its last byte has left. A big one to a slow peer takes long: each part of it counts. */
  readonly #onLook = (): void => {
    this.#look = undefined;
    const [left, rest] = [this.#left, this.#unwritten];
    if (this.#ws.bufferedAmount > 0) this.#lookLater();
    else this.#left = this.#given;
    if (this.#left > left || this.#unwritten < rest) this.drained();
  };

  /** Called for each message of one write, one after the other: they are settled together. */
  readonly #onSent = (): void => {
    if (this.#settling) return;
    this.#settling = true;
    queueMicrotask(this.#settle);
  };

  readonly #settle = (): void => {
    this.#settling = false;
    if (this.state === 'over') return;
    this.#refill();
    this.drained();
  };

  #refill(): void {
    if (this.#waiting.length === 0) return;
    const ws = this.#ws;
    if (ws.readyState !== OPEN) {
      this.#drop();
      return;
    }
    let inSocket = ws.bufferedAmount;
    while (inSocket <= WINDOW) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) break;
      this.#waitingBytes -= bytes.byteLength;
      this.#write(bytes, inSocket);
      inSocket = ws.bufferedAmount;
    }
    if (this.state === 'closing') this.finishSending();
  }

  readonly #onMessage = (data: Uint8Array, isBinary: boolean): void => {
    if (isBinary) this.received(data);
    else this.receivedOther('a text message');
  };

  readonly #onError = (error: Error & { code?: string }): void => {
    const text =
      error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
        ? `the peer sent a message that is too long: at most ${String(this.most)} bytes are taken`
        : `the WebSocket failed: ${error.message}`;
    // `ws` has already told the peer, with the code that fits; ours changes nothing then.
    this.violated(new LinkError(text, error), 1002, '');
  };

  /** `ws` answers pings by itself. Where too many wait for their answers (60), it ends the connection, and tells no error. */
  readonly #onPing = (): void => {
    if (this.state !== 'open' || this.#ws.readyState === OPEN) return;
    this.violated(
      new LinkError('more WebSocket pings came at once than `ws` answers: it ended the connection'),
      1002,
      '',
    );
  };

  readonly #onClose = (code: number, reason: Uint8Array): void => {
    this.gone(closeFailure(code, String(reason), this.#raw?.errored ?? undefined));
  };
}
