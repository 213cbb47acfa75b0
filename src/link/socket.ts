import { InvalidArgument, LinkError } from '../base/errors.js';
import { DEFAULT_FRAME, type Link, type LinkEvents, tooLong } from './link.js';
import { Pace } from './pace.js';

/** `readyState` of every WebSocket, by the standard. */
export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSED = 3;

/** Close codes: a normal end, what breaks the protocol, a frame of a kind that we don't accept, and a message that is too long. */
const NORMAL = 1000;
const PROTOCOL_ERROR = 1002;
const UNSUPPORTED_DATA = 1003;
const MESSAGE_TOO_BIG = 1009;
/** Never sent: a WebSocket reports this code when the connection was lost without a close frame. */
const ABNORMAL = 1006;
/** Codes that mean an orderly end: normal, going away, no code given. */
const ORDERLY: ReadonlySet<number> = new Set([NORMAL, 1001, 1005]);

/**
 * The time for an end that already has a failure: for a peer that broke the WebSocket protocol to answer, and for what is left
 * of a peer that we can't reach any more.
 */
const FAILED_TIMEOUT_MS = 1000;

/** Paces the ends of all links of the process: with a proxy, thousands of sockets may be lost at once. */
const ends = new Pace();

/**
 * The base of the links over a `ws` WebSocket, a browser's WebSocket and a byte stream: the order of events, and the end.
 *
 * An end goes through the closing handshake, always within a bound. Its event comes when the socket is closed: so after
 * `ended` or `failed` no socket, timer or listener is left. The first failure stays; messages that arrive after it are
 * discarded.
 */
export abstract class SocketLink implements Link {
  protected state: 'open' | 'closing' | 'over' = 'open';
  protected isPaused = false;
  readonly #closeTimeout: number;
  readonly #maxFrame: number | undefined;
  readonly #late: string;
  #events: LinkEvents | undefined;
  /** Messages that arrived before `start`, until they are delivered. */
  #early: Uint8Array[] | undefined = [];
  #outcome: ((events: LinkEvents) => void) | undefined;
  #failure: Error | undefined;
  #aborted = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `late` is the error text for an end that takes too long. */
  constructor(
    closeTimeout: number,
    maxFrame: number | undefined,
    late = 'the peer did not complete the closing handshake',
  ) {
    this.#closeTimeout = closeTimeout;
    this.#maxFrame = maxFrame;
    this.#late = late;
  }

  /** Bytes that the next message may have, set by the user of the link; undefined if the user sets no limit. */
  get frameLimit(): number | undefined {
    return this.#events?.frameLimit?.();
  }

  /** The longest message that is accepted now, in bytes. */
  protected get most(): number {
    const asked = this.frameLimit ?? this.#maxFrame ?? DEFAULT_FRAME;
    return 2 * Math.min(asked, this.#maxFrame ?? asked);
  }

  abstract get buffered(): number;
  abstract pause(): void;
  abstract resume(): void;

  /** Passes one message to the socket, or keeps it until the socket has room. */
  protected abstract transmit(bytes: Uint8Array): void;
  /** Starts the closing handshake, after all messages passed to `transmit`. */
  protected abstract finishSending(): void;
  /** Starts the closing handshake now. */
  protected abstract hangUp(code: number, reason: string): void;
  /** Ends the connection now. `gone` may follow; this method calls it when the socket itself will emit no event. */
  protected abstract cut(): void;
  /** Removes every listener and timer. */
  protected abstract release(): void;

  start(events: LinkEvents): void {
    if (this.#events !== undefined) throw new InvalidArgument('the link has been started already');
    this.#events = events;
    // Not from within start(), and before messages that arrive from now on.
    queueMicrotask(() => {
      this.#deliverEarly(events);
      // Reading begins here, not above. Otherwise bytes that came with the HTTP upgrade would be passed on before this
      // microtask, several messages together. A violation in the second would take effect before the first had been
      // answered.
      if (!this.isPaused) this.resume();
    });
  }

  send(bytes: Uint8Array): void {
    if (!ArrayBuffer.isView(bytes)) throw new InvalidArgument('a link sends a Uint8Array');
    if (this.state !== 'open') throw this.#failure ?? new LinkError('the link is closed');
    this.transmit(bytes);
  }

  close(): void {
    if (this.state !== 'open') return;
    this.state = 'closing';
    this.#cutAfter(this.#closeTimeout);
    // The peer's close frame comes after its messages: an end that doesn't read could never finish.
    this.resume();
    this.finishSending();
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#early = undefined;
    this.#outcome = undefined;
    if (this.state === 'over') return;
    this.state = 'over';
    clearTimeout(this.#timer);
    this.cut();
  }

  /** One binary message arrived. */
  protected received(bytes: Uint8Array): void {
    if (this.state === 'over' || this.#failure !== undefined) return;
    if (this.#early !== undefined) this.#early.push(bytes);
    else if (bytes.byteLength <= this.most) this.#events?.message(bytes);
    else this.#refuse(bytes);
  }

  #refuse({ byteLength }: Uint8Array): void {
    this.violated(new LinkError(tooLong(byteLength, this.most)), MESSAGE_TOO_BIG, 'the message is too long');
  }

  /** A message arrived that is not binary. */
  protected receivedOther(what: string): void {
    const reason = 'only binary messages are taken';
    this.violated(new LinkError(`the peer sent ${what}; ${reason}`), UNSUPPORTED_DATA, reason);
  }

  /**
   * The peer used the link wrongly. Tells the peer, if it is a WebSocket, discards messages that still arrive, and ends.
   */
  protected violated(error: Error, code = PROTOCOL_ERROR, reason = ''): void {
    if (this.state === 'over' || this.#failure !== undefined) return;
    this.#failure = error;
    this.state = 'closing';
    this.#cutAfter(Math.min(this.#closeTimeout, FAILED_TIMEOUT_MS));
    this.resume();
    this.hangUp(code, reason);
  }

  /**
   * Nothing reaches the peer any more. Tells what the peer has sent, and its end. Fails with the error if that end does not come
   * soon.
   */
  protected cutOff(error: Error): void {
    if (this.state === 'over' || this.#failure !== undefined) return;
    this.state = 'closing';
    this.#cutAfter(Math.min(this.#closeTimeout, FAILED_TIMEOUT_MS), error);
    this.resume();
  }

  /** Some buffered bytes have left. */
  protected drained(): void {
    if (this.state !== 'over' && this.#early === undefined) this.#events?.drained();
  }

  /** The socket is closed: in order, unless there is a failure. The user of the link is told in this turn or a later one. */
  protected gone(error: Error | undefined): void {
    clearTimeout(this.#timer);
    this.release();
    if (this.state === 'over') return;
    this.state = 'over';
    const failure = this.#failure ?? error;
    ends.add(() => {
      if (this.#aborted) return;
      this.#outcome = failure === undefined ? (events) => events.ended() : (events) => events.failed(failure);
      if (this.#events !== undefined && this.#early === undefined) this.#outcome(this.#events);
    });
  }

  #deliverEarly(events: LinkEvents): void {
    for (const bytes of this.#early ?? []) {
      if (this.#aborted) return;
      if (bytes.byteLength > this.most) {
        this.#refuse(bytes);
        break;
      }
      events.message(bytes);
    }
    this.#early = undefined;
    this.#outcome?.(events);
  }

  #cutAfter(timeout: number, late?: Error): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#failure ??= late ?? new LinkError(`${this.#late} within ${String(timeout)} ms`);
      this.cut();
    }, timeout);
  }
}

/** The failure that a close code of a WebSocket means; undefined for an orderly end. `cause` is the known cause, if any. */
export function closeFailure(code: number, reason = '', cause?: unknown): Error | undefined {
  if (ORDERLY.has(code)) return undefined;
  if (code === ABNORMAL) return new LinkError('the connection was lost without a closing handshake', cause);
  const text = reason === '' ? '' : `: ${JSON.stringify(reason)}`;
  return new LinkError(`the peer closed the WebSocket with code ${String(code)}${text}`, cause);
}
