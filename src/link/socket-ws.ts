import { LinkError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import type { LinkFacts } from './link.js';
import { CLOSED, closeFailure, OPEN, SocketLink } from './socket.js';

/** The members that a link needs of a WebSocket of the package `ws` (8.23 or later). */
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

/** The members that a link needs of the network socket beneath a `ws` WebSocket. Any of Node's sockets has them. */
export interface RawSocket extends Addresses {
  cork(): void;
  uncork(): void;
  readonly errored?: Error | null;
}

/** The addresses of both ends of a network socket. */
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
 * The bytes of the current write that the operating system has not taken yet. Node counts their decrease as activity for its
 * own timeouts, but does not publish the number. Where it is missing, a message counts as unsent until all of it has left.
 */
function unwritten(raw: RawSocket | undefined): number {
  const size = (raw as { _handle?: { writeQueueSize?: unknown } | null } | undefined)?._handle?.writeQueueSize;
  return typeof size === 'number' ? size : 0;
}

/** Above this number of buffered bytes, the socket reports each message that has left. Below it, the link polls. */
const NOTIFY_ABOVE = 32 * 1024;

/** The polling interval for a socket that could not send everything at once. */
const LOOK_INTERVAL_MS = 20;

/**
 * Bytes that may lie in the socket; messages beyond them wait in the link. Node writes all that lies in a socket at once,
 * and reports only when the last byte has left: 4 MiB to a slow peer would look like no progress.
 */
const WINDOW = 256 * 1024;

/**
 * The number of messages of one tick in one write, and their bytes. Larger writes would save little. The peer could work on
 * the first message already, but would wait for the last one.
 */
const BATCH = 32;
const BATCH_BYTES = 128 * 1024;

// Taken from the global scope once, so that fake timers that a test installs later do not stop links. A browser never has a
// raw socket, so this is not used there.
const { process: node } = globalThis as { process?: { nextTick?(callback: () => void): void } };
const afterTick: (callback: () => void) => void = node?.nextTick ?? queueMicrotask;

/** The parts of the receiver of `ws` that decide on the length of a frame. They are not documented. */
interface Receiver {
  _maxPayload?: unknown;
  haveLength?: (...args: unknown[]) => unknown;
}

/** A link over a WebSocket of the package `ws`. */
export class WsLink extends SocketLink {
  readonly name: string | undefined;
  /** `ws` counts bytes as buffered until the system has them, or until it has masked them into memory of its own. */
  readonly releasesSent: boolean;
  readonly #ws: WsWebSocket;
  readonly #raw: RawSocket | undefined;
  #facts: LinkFacts | undefined;
  readonly #waiting = new Fifo<Uint8Array>();
  #waitingBytes = 0;
  #corked = false;
  /** The messages and bytes of the next write so far. */
  #batch = 0;
  #batchBytes = 0;
  #settling = false;
  #look: ReturnType<typeof setTimeout> | undefined;
  /** All bytes that the socket was given. */
  #given = 0;
  /** At the last check: the bytes that had left, and the bytes of the current write that were still unwritten. */
  #left = 0;
  #unwritten = 0;

  constructor(ws: WsWebSocket, raw: RawSocket | undefined, closeTimeout: number, maxFrame: number | undefined) {
    super(closeTimeout, maxFrame);
    this.#ws = ws;
    this.#raw = raw;
    // Without a raw socket, this may be another implementation of a WebSocket, which may keep the bytes.
    this.releasesSent = (raw as { _handle?: unknown } | undefined)?._handle !== undefined;
    // Read now: a socket that has ended has no addresses any more.
    this.name = nameOf(raw);
    // With this type a message is a view into the socket's buffer. For an ArrayBuffer `ws` would copy it.
    ws.binaryType = 'nodebuffer';
    ws.on('message', this.#onMessage);
    ws.on('close', this.#onClose);
    ws.on('error', this.#onError);
    ws.on('ping', this.#onPing);
    this.#limitReceiver();
    // Nothing is read before `start`, so that no messages pile up.
    ws.pause();
    if (ws.readyState === CLOSED) this.gone(closeFailure(1006));
  }

  /** Notes what the link shows of its peer; for listeners. */
  show(facts: LinkFacts): void {
    this.#facts = facts;
  }

  facts(): LinkFacts | undefined {
    return this.#facts;
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
    // The connection is ending and our event is under way: the bytes are lost, as on a network.
    if (ws.readyState !== OPEN) return;
    const inSocket = ws.bufferedAmount;
    // Checked by the number of messages: a waiting message may be empty.
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
    // 'close' follows. Our listeners stay until then: an 'error' without a listener would be an uncaught exception.
    this.#ws.terminate();
  }

  protected release(): void {
    this.#ws.off('message', this.#onMessage);
    this.#ws.off('close', this.#onClose);
    this.#ws.off('error', this.#onError);
    this.#ws.off('ping', this.#onPing);
    // `ws` and its receiver stay until V8 collects all memory. This function would keep the session as long.
    const receiver = (this.#ws as { _receiver?: Receiver | null })._receiver;
    if (receiver?.haveLength !== undefined) receiver.haveLength = Object.getPrototypeOf(receiver).haveLength;
    this.#drop();
    clearTimeout(this.#look);
  }

  #write(bytes: Uint8Array, inSocket: number): void {
    if (!this.#corked) {
      // Messages sent in one tick leave together.
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
    // If messages wait here, the message that filled the window was sent with the callback, or others were sent after it.
    if (inSocket + bytes.byteLength > NOTIFY_ABOVE) this.#ws.send(bytes, this.#onSent);
    else this.#ws.send(bytes);
  }

  /**
   * `ws` compares each frame with its own limit as soon as the header has arrived, and has no method to change that limit.
   * If the field is missing, a message is checked when it is whole.
   */
  #limitReceiver(): void {
    const receiver = (this.#ws as { _receiver?: Receiver | null })._receiver;
    if (receiver == null) return;
    const own = receiver._maxPayload;
    if (typeof own !== 'number') return;
    const ceiling = own > 0 ? own : Number.POSITIVE_INFINITY;
    const limit = () => Math.min(ceiling, this.most);
    const { haveLength } = receiver;
    if (typeof haveLength === 'function') {
      // Set before each comparison. A getter would make the receiver a dictionary, of almost 2 KB.
      const limited = (...args: unknown[]): unknown => {
        receiver._maxPayload = limit();
        return haveLength.apply(receiver, args);
      };
      receiver.haveLength = limited;
    } else {
      Object.defineProperty(receiver, '_maxPayload', { get: limit });
    }
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
      // Otherwise the message that filled the window has called `drained`, or will soon.
      this.drained();
    }
  };

  #lookLater(): void {
    this.#left = this.#given - this.#ws.bufferedAmount;
    this.#unwritten = unwritten(this.#raw);
    this.#look = setTimeout(this.#onLook, LOOK_INTERVAL_MS);
  }

  /** Node reports a write when its last byte has left. A big write to a slow peer takes long, so each part of it counts. */
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
    // `ws` has already told the peer, with the right code; ours has no effect then.
    this.violated(new LinkError(text, error));
  };

  /** `ws` answers pings itself. If more than 60 wait for their answers, it ends the connection without an error. */
  readonly #onPing = (): void => {
    if (this.state !== 'open' || this.#ws.readyState === OPEN) return;
    this.violated(new LinkError('more WebSocket pings came at once than `ws` answers: it ended the connection'));
  };

  readonly #onClose = (code: number, reason: Uint8Array): void => {
    this.gone(closeFailure(code, String(reason), this.#raw?.errored ?? undefined));
  };
}
