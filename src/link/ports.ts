import { describe, objectOf } from '../base/check.js';
import { InvalidArgument, LinkError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { copy } from '../base/frame-memory.js';
import type { Link } from './link.js';
import { SocketLink } from './socket.js';
import { checkMaxFrame, checkTimeout } from './websocket.js';

/** Options of {@link messagePortLink}, {@link workerLink} and {@link parentLink}. */
export interface PortLinkOptions {
  /**
   * Bytes that may be under way in each direction, from 1 to 2^30. A message costs 64 bytes more than its length. The lower
   * window of the two ends holds for both. A message goes if it fits, or if less than half of the window is under way, so a
   * message of any length goes at some time. A peer that posts more breaks the link.
   *
   * @defaultValue 1048576
   */
  readonly window?: number;

  /**
   * The largest message in bytes, from 1 to 2^30 − 1, in addition to the limit of the session. A message above *twice* the
   * lower of the two breaks the link.
   *
   * @defaultValue the session's limit; 1048576 for a user of the link that sets none
   */
  readonly maxFrame?: number;

  /**
   * Milliseconds that an end may take: sent messages leave, and the peer ends its side. Then the port is closed and the link
   * calls `failed`. From 1 to 2^31 − 1.
   *
   * @defaultValue 5000
   */
  readonly closeTimeout?: number;
}

/** The options with their defaults. */
interface Checked {
  readonly window: number;
  readonly maxFrame: number | undefined;
  readonly closeTimeout: number;
}

type PortEvent = 'message' | 'messageerror' | 'close';
type PortListener = (event: { readonly data?: unknown }) => void;

/** The members that a link needs of a port. The `MessagePort` of browsers and that of Node have them. */
export interface StandardMessagePort {
  // biome-ignore lint/suspicious/noExplicitAny: the two standards have different types for what a port carries.
  postMessage(message: any, transfer: any[]): void;
  start(): void;
  close(): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  addEventListener(type: PortEvent, listener: (event: any) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  removeEventListener(type: PortEvent, listener: (event: any) => void): void;
}

/** A worker: the `Worker` of browsers, or that of `node:worker_threads`. */
export interface StandardWorker {
  // biome-ignore lint/suspicious/noExplicitAny: the two standards have different types for what a worker is sent.
  postMessage(message: any, transfer: any[]): void;
}

/**
 * The values on a port are arrays that begin with one of these.
 *
 * WINDOW, once and first: the bytes that may be under way to the sender. FRAMES: messages, each an ArrayBuffer. CREDIT: the
 * cost of messages that have been delivered. END: no message follows; the link is over when both ends have sent it. ABORT:
 * the sender has closed its port.
 */
const WINDOW = 0;
const FRAMES = 1;
const CREDIT = 2;
const END = 3;
const ABORT = 4;

const DEFAULT_WINDOW = 2 ** 20;

/** The cost of a message beside its bytes. */
const FRAME_COST = 64;

/** Long messages are transferred. For short ones a port is faster if it copies them. */
const TRANSFERRED = 4096;

interface Host {
  readonly process?: {
    nextTick?(callback: () => void): void;
    getBuiltinModule?(name: string): { readonly parentPort?: Parent | null } | undefined;
  };
}

// Taken once, so that fake timers that a test installs later do not stop links. In Node a tick is over when the microtasks
// are: what handlers of many messages send then leaves together.
const atEndOfTick = (globalThis as Host).process?.nextTick ?? queueMicrotask;

/** A link over a port. Messages are copied when they are posted, so nothing of the sender's memory goes with them. */
class PortLink extends SocketLink {
  readonly releasesSent = true;
  readonly #port: StandardMessagePort;
  readonly #ours: number;
  /** The window of both directions; 0 until the peer has told its own. */
  #window = 0;
  /** What leaves at the end of this tick. */
  #batch: unknown[] = [FRAMES];
  #transfers: ArrayBuffer[] = [];
  #isScheduled = false;
  /** Messages that have no room in the window, and their bytes. */
  readonly #waiting = new Fifo<Uint8Array>();
  #waitingBytes = 0;
  /** The cost of messages that were posted, and that the peer has not credited. */
  #underWay = 0;
  /** Messages that wait for the user of the link. */
  readonly #incoming = new Fifo<ArrayBuffer>();
  /** The cost of messages that came and are not credited; and of those of them that are delivered. */
  #received = 0;
  #delivered = 0;
  #isReading = false;
  #hasEnded = false;
  #hasPeerEnded = false;

  constructor(port: StandardMessagePort, { window, maxFrame, closeTimeout }: Checked) {
    super(closeTimeout, maxFrame, 'the peer did not end the link');
    this.#port = port;
    this.#ours = window;
    // Read before `start`, too: a port has no bound of its own. Messages are kept here, within the window.
    port.addEventListener('message', this.#onMessage);
    port.addEventListener('messageerror', this.#onUnreadable);
    port.addEventListener('close', this.#onClose);
    port.start();
    port.postMessage([WINDOW, window], []);
  }

  get buffered(): number {
    return this.#waitingBytes;
  }

  pause(): void {
    if (this.state !== 'open') return;
    this.isPaused = true;
    this.#isReading = false;
  }

  resume(): void {
    this.isPaused = false;
    if (this.#isReading) return;
    this.#isReading = true;
    queueMicrotask(this.#deliver);
  }

  protected transmit(bytes: Uint8Array): void {
    if (this.#waiting.length === 0 && this.#hasRoom(this.#underWay, bytes.byteLength)) {
      this.#post(bytes);
    } else {
      this.#waiting.push(bytes);
      this.#waitingBytes += bytes.byteLength;
    }
  }

  protected finishSending(): void {
    this.#endIfSent();
  }

  protected hangUp(): void {
    this.cut();
  }

  protected cut(): void {
    this.#port.postMessage([ABORT], []);
    // Tells that the link is over: in a browser our own close() brings about no event.
    this.gone(undefined);
  }

  protected release(): void {
    this.#port.removeEventListener('message', this.#onMessage);
    this.#port.removeEventListener('messageerror', this.#onUnreadable);
    this.#port.removeEventListener('close', this.#onClose);
    this.#port.close();
    this.#waiting.truncate(0);
    this.#incoming.truncate(0);
    this.#waitingBytes = 0;
    this.#batch = [FRAMES];
    this.#transfers = [];
  }

  /** True if a message may be under way besides those that are. Both ends judge by this rule. */
  #hasRoom(underWay: number, length: number): boolean {
    return underWay + length + FRAME_COST <= this.#window || underWay < this.#window / 2;
  }

  #post(bytes: Uint8Array): void {
    const length = bytes.byteLength;
    // A port copies all memory behind a view, or takes it away.
    const own = new Uint8Array(length);
    copy(bytes, 0, own, 0, length);
    this.#batch.push(own.buffer);
    if (length >= TRANSFERRED) this.#transfers.push(own.buffer);
    this.#underWay += length + FRAME_COST;
    if (this.#isScheduled) return;
    // Messages sent in one tick leave together.
    this.#isScheduled = true;
    atEndOfTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const [batch, transfers] = [this.#batch, this.#transfers];
    if (batch.length === 1) return;
    this.#batch = [FRAMES];
    this.#transfers = [];
    this.#port.postMessage(batch, transfers);
  };

  /** Posts waiting messages, as far as there is room. */
  #pump(): void {
    let hasMoved = false;
    for (let next = this.#waiting.at(0); next !== undefined; next = this.#waiting.at(0)) {
      if (!this.#hasRoom(this.#underWay, next.byteLength)) break;
      hasMoved = true;
      this.#waitingBytes -= next.byteLength;
      this.#waiting.shift();
      this.#post(next);
    }
    this.#endIfSent();
    if (hasMoved) this.drained();
    // The end of both sides, if ours was the last one.
    this.#deliver();
  }

  #endIfSent(): void {
    if (this.state !== 'closing' || this.#hasEnded || this.#waiting.length > 0) return;
    this.#hasEnded = true;
    this.#flush();
    this.#port.postMessage([END], []);
  }

  readonly #onMessage: PortListener = ({ data }) => {
    if (this.state === 'over') return;
    const wrong = this.#take(data);
    if (wrong !== undefined) this.violated(new LinkError(wrong));
  };

  readonly #onUnreadable: PortListener = () => {
    this.violated(new LinkError('the peer posted a value that this side cannot read'));
  };

  readonly #onClose: PortListener = () => {
    this.gone(new LinkError('the port was closed without an end: the peer has closed it, or its thread has ended'));
  };

  /** Takes one value of the peer. Returns the text of an error if the peer has broken the rules. */
  #take(data: unknown): string | undefined {
    const value: readonly unknown[] = Array.isArray(data) ? data : [];
    const [kind, amount] = value;
    if ((kind === WINDOW) !== (this.#window === 0)) return FOREIGN;
    if (kind === WINDOW && isAmount(amount)) {
      this.#window = Math.min(amount, this.#ours);
      this.#pump();
    } else if (kind === FRAMES && !this.#hasPeerEnded) {
      return this.#takeFrames(value);
    } else if (kind === CREDIT && isAmount(amount)) {
      if (amount > this.#underWay) return 'the peer credited more than was sent';
      this.#underWay -= amount;
      this.#pump();
    } else if (kind === END && !this.#hasPeerEnded) {
      this.#hasPeerEnded = true;
      this.#deliver();
    } else if (kind === ABORT) {
      this.gone(new LinkError('the peer aborted the link'));
    } else {
      return FOREIGN;
    }
    return undefined;
  }

  #takeFrames(value: readonly unknown[]): string | undefined {
    for (let index = 1; index < value.length; index++) {
      const frame = value[index];
      if (!isBuffer(frame)) return FOREIGN;
      if (!this.#hasRoom(this.#received, frame.byteLength)) {
        return `the peer sent more than its window of ${String(this.#window)} bytes`;
      }
      this.#received += frame.byteLength + FRAME_COST;
      this.#incoming.push(frame);
    }
    this.#deliver();
    return undefined;
  }

  readonly #deliver = (): void => {
    while (this.#isReading && this.state !== 'over') {
      const frame = this.#incoming.shift();
      if (frame === undefined) {
        if (this.#hasPeerEnded) this.#answerEnd();
        return;
      }
      this.#delivered += frame.byteLength + FRAME_COST;
      if (this.#delivered >= this.#window / 2) this.#credit();
      this.received(new Uint8Array(frame));
    }
  };

  #credit(): void {
    // A peer that has ended sends nothing more.
    if (!this.#hasPeerEnded) this.#port.postMessage([CREDIT, this.#delivered], []);
    this.#received -= this.#delivered;
    this.#delivered = 0;
  }

  /** The peer has ended, and all that it sent is delivered: our side ends, too. */
  #answerEnd(): void {
    this.close();
    if (this.#hasEnded) this.gone(undefined);
  }
}

const FOREIGN = 'the peer posted a value that is not of this link: both ends need a link, and the port to themselves';

function isAmount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

/** Checked by tag: an ArrayBuffer of another realm is no instance of ours. */
function isBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}

/**
 * A link over a port of a `MessageChannel`, to a worker, a frame, or any other part of the program; in browsers and in Node.
 * The other port needs a link, too. From here on the port belongs to the link.
 *
 * Messages of one tick leave together. Each is copied once, and then transferred. Within `window` they go at once. Further
 * ones wait in `buffered` until the peer has delivered what it has.
 *
 * Values of another kind on the port, and a port that is closed without an end, break the link. In a browser that has no
 * event `close` of ports, the end of the peer's thread goes unnoticed: sessions have the `keepalive` for that.
 *
 * @throws InvalidArgument when `port` is no port, or an option is out of range.
 *
 * @example
 * const { port1, port2 } = new MessageChannel();
 * frame.contentWindow.postMessage('roam', '*', [port2]);
 * const session = await initiate(messagePortLink(port1));
 */
export function messagePortLink(port: StandardMessagePort, options: PortLinkOptions = {}): Link {
  return linkOf(port, checked(options));
}

function checked(options: PortLinkOptions): Checked {
  objectOf(options, 'options');
  const { window = DEFAULT_WINDOW, maxFrame, closeTimeout = 5000 } = options;
  if (!isAmount(window) || window > 2 ** 30) {
    throw new InvalidArgument(`window must be an integer from 1 to 2^30, not ${describe(window)}`);
  }
  return { window, maxFrame: checkMaxFrame(maxFrame), closeTimeout: checkTimeout('closeTimeout', closeTimeout) };
}

function linkOf(port: StandardMessagePort, options: Checked): Link {
  const { postMessage, start, close, addEventListener } = (port ?? {}) as Partial<StandardMessagePort>;
  if ([postMessage, start, close, addEventListener].some((member) => typeof member !== 'function')) {
    throw new InvalidArgument('port must be a MessagePort, such as a MessageChannel has two of');
  }
  return new PortLink(port, options);
}

/** The name of the message that takes a port to a worker. */
const PASSED = 'roam-actors.port';

/**
 * A link to a worker, of a browser or of `node:worker_threads`. It passes the worker a port, for which the worker calls
 * {@link parentLink}. Other messages of the worker stay the application's own. A worker may have several links.
 *
 * @throws InvalidArgument when `worker` is no worker, or an option is out of range.
 *
 * @example
 * const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
 * const session = await initiate(workerLink(worker));
 */
export function workerLink(worker: StandardWorker, options: PortLinkOptions = {}): Link {
  if (typeof worker?.postMessage !== 'function') throw new InvalidArgument('worker must be a Worker');
  const use = checked(options);
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ type: PASSED, port: port2 }, [port2]);
  return linkOf(port1, use);
}

/** The parent, as a worker sees it: `parentPort` of Node, the global scope of a browser's worker. */
interface Parent {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  removeEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

function parentOf(host: Host): Parent | undefined {
  const threads = host.process?.getBuiltinModule?.('node:worker_threads');
  if (threads !== undefined) return threads.parentPort ?? undefined;
  return 'DedicatedWorkerGlobalScope' in host ? (host as unknown as Parent) : undefined;
}

/** The calls of `parentLink` that wait for a port, the first one first. */
const waiting: ((port: StandardMessagePort) => void)[] = [];

/**
 * A link to the program that made this worker and calls {@link workerLink}. Resolves when the port has come. Each call takes
 * one link. Call it before the worker's script awaits anything: a message that finds no listener is lost.
 *
 * @throws InvalidArgument at once, when this is no worker, or an option is out of range.
 *
 * @example
 * const session = await accept(await parentLink(), { onConnection: routes([resizer]) });
 */
export function parentLink(options: PortLinkOptions = {}): Promise<Link> {
  const use = checked(options);
  const parent = parentOf(globalThis as Host);
  if (parent === undefined) throw new InvalidArgument('parentLink is for workers; their parent calls workerLink');
  const passed = new Promise<StandardMessagePort>((resolve) => waiting.push(resolve));
  if (waiting.length === 1) {
    const onMessage = ({ data }: { readonly data: unknown }): void => {
      const { type, port } = (data ?? {}) as { readonly type?: unknown; readonly port?: StandardMessagePort };
      if (type !== PASSED || port === undefined) return;
      waiting.shift()?.(port);
      if (waiting.length === 0) parent.removeEventListener('message', onMessage);
    };
    parent.addEventListener('message', onMessage);
  }
  return passed.then((port) => linkOf(port, use));
}
