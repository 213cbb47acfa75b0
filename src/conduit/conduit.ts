import type { RequestNumber, Violation } from '../../machines/events.js';
import type { SessionEvent } from '../../machines/session/context.js';
import { ProtocolError, type SessionClosed } from '../base/errors.js';
import { LONG_READ, leaveGarbage } from '../base/frame-memory.js';
import { firstFrameLimit, type Limits } from '../base/limits.js';
import { isThenable } from '../base/promise.js';
import type { Report } from '../base/report.js';
import type { Codec } from '../codec/codec.js';
import { decodeFrame } from '../codec/metadata.js';
import type { Link } from '../link/link.js';
import type { DataMessage, Message, MessageType } from '../wire/message.js';
import { type Json, plain } from '../wire/plain.js';
import type { Rule } from '../wire/rule.js';
import type { Load } from './costs.js';
import { startLink } from './first-frame.js';
import { otherFormat } from './format.js';
import { InputQueue } from './input-queue.js';
import { Outbox } from './outbox.js';
import { PacedLink } from './paced-link.js';
import { PendingRequests } from './pending-requests.js';
import { detached, ReceiveBudget } from './receive-queue.js';

/**
 * A local input, or a function that makes one when its turn comes. The function returns undefined if the input no
 * longer matters.
 */
export type Input = SessionEvent | (() => SessionEvent | undefined);

/** Maps each message type to its event type. The table avoids building a string for each message. */
const RECEIVED = {
  Hello: 'rx.Hello',
  HelloYourself: 'rx.HelloYourself',
  ProtocolError: 'rx.ProtocolError',
  ConnectionOpen: 'rx.ConnectionOpen',
  ConnectionAccept: 'rx.ConnectionAccept',
  ConnectionReject: 'rx.ConnectionReject',
  ConnectionClose: 'rx.ConnectionClose',
  RequestMessage: 'rx.RequestMessage',
  ChannelMessage: 'rx.ChannelMessage',
  Ping: 'rx.Ping',
  Pong: 'rx.Pong',
} as const satisfies Record<MessageType, `rx.${MessageType}`>;

/**
 * When more bytes than this wait while reading is paused, the link itself is paused. A burst that one read brings stays
 * below it.
 */
const PAUSE_LINK_AT = 256 * 2 ** 10;
/**
 * The same limit while the stream waits for the next turn. It is lower, because splitting what the link reads into
 * frames costs time, too.
 */
const PAUSE_YIELDING_LINK_AT = 16 * 2 ** 10;

/**
 * The event of a received message. Inspectors serialise every event: `toJSON` then shows how many bytes the payload
 * has, and none of the bytes.
 */
class ReceivedEvent {
  readonly type: string;
  readonly message: Message;

  constructor(type: string, message: Message) {
    this.type = type;
    this.message = message;
  }

  toJSON(): Json | undefined {
    return plain({ ...this });
  }
}

/** The clock of a session, in milliseconds. */
export interface SessionClock {
  now(): number;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

/**
 * The result of offering a data message to its connection: the connection took it; it has no room, and reading was
 * paused; or the charts have to decide about it.
 */
export type Delivery = 'taken' | 'full' | 'undecided';

export interface ConduitOptions {
  readonly link: Link;
  readonly codec: Codec;
  readonly limits: Limits;
  /** True if messages wait for the answers to our queries; see {@link PacedLink}. */
  readonly awaitAnswers: boolean;
  readonly clock: SessionClock;
  readonly onReport: (report: Report) => void;
  /** Offers a data message of the peer to its connection. `size` is that of its frame, in bytes. Never throws. */
  readonly deliver: (message: DataMessage, size: number) => Delivery;
  /** Gets the error of a defect that has left the actors stuck. No input follows. */
  readonly crashed: (error: unknown) => void;
}

/**
 * Carries the messages of one session, in order and within its limits. It joins a link and a codec: arriving frames
 * become events of the session, one whole step at a time, and messages leave through the outbox. It also has what all
 * parts of a session share: the requests of the application that wait, the clock, and the way to call the application.
 */
export class Conduit {
  readonly codec: Codec;
  readonly limits: Limits;
  readonly clock: SessionClock;
  readonly outbox: Outbox;
  readonly inputs: InputQueue<Input>;
  readonly requests = new PendingRequests();
  /** The room for messages that wait to be read, of all connections together. */
  readonly budget: ReceiveBudget;
  readonly load: Load = { calls: 0, requests: 0, unanswered: 0, channels: 0, kept: 0 };
  /** True once the session has ended. */
  isOver = false;
  /** Bytes of the frame whose message is being handed on. */
  frameSize = 0;
  /** Frames that have arrived so far. */
  frames = 0;
  readonly #link: Link;
  readonly #paced: PacedLink | undefined;
  readonly #deliver: ConduitOptions['deliver'];
  readonly #onReport: (report: Report) => void;
  #send: (event: SessionEvent) => void = () => {};
  #endError: SessionClosed | (() => SessionClosed) | undefined;
  #isLinkPaused = false;
  /** The peer has ended the link. */
  #hasEnded = false;
  #hasOverflowed = false;
  #isStarted = false;
  #isShaking = true;

  constructor({ link, codec, limits, awaitAnswers, clock, onReport, deliver, crashed }: ConduitOptions) {
    this.codec = codec;
    this.limits = limits;
    this.clock = clock;
    this.#onReport = onReport;
    this.#deliver = deliver;
    this.#paced = awaitAnswers ? new PacedLink(link, codec, limits, (error) => this.outbox.refuse(error)) : undefined;
    this.#link = this.#paced ?? link;
    this.inputs = new InputQueue(
      this.#receive,
      (input) => {
        const event = typeof input === 'function' ? input() : input;
        if (event !== undefined) this.#send(event);
      },
      crashed,
      { now: () => clock.now(), milliseconds: limits.turnTime, resumed: () => this.#resumeLink() },
    );
    this.outbox = new Outbox(this.#link, codec, limits, {
      filled: () => this.push({ type: 'outbox.filled' }),
      progressed: () => this.push({ type: 'outbox.progressed' }),
      drained: () => this.push({ type: 'outbox.drained' }),
      overflowed: () => this.push({ type: 'outbox.overflowed' }),
      unsendable: (error) => {
        // Frames that came before the end of the link may wait for their turn. Nothing can be sent then, and the end follows.
        if (!this.#hasEnded) this.inputs.pushNext({ type: 'link.unsendable', error });
      },
    });
    this.budget = new ReceiveBudget(limits, this);
  }

  /** Notes that the session has ended. The error is made when it is first needed: its stack costs as much as a call. */
  endWith(makeError: () => SessionClosed): void {
    this.isOver = true;
    this.#endError = makeError;
  }

  /** The error that says why the session ended, once it has. */
  get endError(): SessionClosed | undefined {
    if (typeof this.#endError === 'function') this.#endError = this.#endError();
    return this.#endError;
  }

  // ---- The link ----

  /** Starts reading. `send` hands one event to the session. It returns when all effects of the event are complete. */
  start(send: (event: SessionEvent) => void): void {
    this.#send = send;
    startLink(this.#link, {
      message: this.#take,
      drained: this.outbox.onDrained,
      ended: () => {
        this.#hasEnded = true;
        this.inputs.afterFrames({ type: 'link.ended' });
      },
      // A failure does not wait for the frames received before it: the application may never read them, and no reply
      // can reach the peer.
      failed: (error) => this.push({ type: 'link.failed', error }),
      interrupted: () => this.push({ type: 'link.interrupted' }),
      restored: () => this.push({ type: 'link.restored' }),
      // Count frames that have arrived, not frames that were decoded: one read of the link may bring several frames.
      frameLimit: () =>
        this.frames === 0 || this.inputs.passesEvents ? firstFrameLimit(this.limits) : this.limits.frame,
    });
    this.#isStarted = true;
    // Wait for a microtask: the session is still starting, and its first events would come between the events of its
    // children.
    queueMicrotask(() => this.inputs.open());
  }

  /** Stops handing on frames, and aborts the link. */
  stop(): void {
    this.inputs.close();
    this.close(false);
  }

  /**
   * Closes the link after what was sent (`isOrderly`), or aborts it at once. A link that would not start has another
   * owner, and is left alone.
   */
  close(isOrderly: boolean): void {
    if (!this.#isStarted) return;
    if (isOrderly) this.#link.close();
    else this.#link.abort();
  }

  pause(): void {
    this.inputs.pause();
    if (this.#isLinkPaused) this.#paced?.block();
  }

  /**
   * Keeps the frames of a peer that is not known yet. The link is read a little further, so that its end is noticed: an end
   * does not wait for the frames before it.
   */
  pauseFrames(): void {
    this.inputs.pause(true);
  }

  resume(): void {
    this.inputs.resume();
    this.#resumeLink();
  }

  /** Resumes the link, unless frames that it has read still wait. */
  #resumeLink(): void {
    if (!this.#isLinkPaused || this.inputs.isPaused || this.inputs.isYielding) return;
    this.#isLinkPaused = false;
    this.#link.resume();
  }

  /** Takes a frame from the link. */
  readonly #take = (bytes: Uint8Array): void => {
    if (this.#hasOverflowed) return;
    this.frames++;
    if (bytes.length > LONG_READ) leaveGarbage(bytes.length);
    const { inputs } = this;
    const before = inputs.bytes;
    inputs.frame(inputs.isPaused ? detached(bytes) : bytes);
    const { bytes: waiting, isPaused, isYielding, passesEvents } = inputs;
    if (waiting === 0) return;
    const pauseAt = passesEvents ? Math.min(PAUSE_LINK_AT, this.limits.handshakeBytes) : PAUSE_LINK_AT;
    // One frame is always taken, however small the limit is.
    if (waiting > this.limits.intakeBytes && before > 0 && isPaused) {
      this.#hasOverflowed = true;
      inputs.pushNext({ type: 'conduit.overflowed' });
    } else if (
      !this.#isLinkPaused &&
      ((isPaused && waiting > pauseAt) || (isYielding && waiting > PAUSE_YIELDING_LINK_AT))
    ) {
      this.#isLinkPaused = true;
      this.#link.pause();
      if (isPaused) this.#paced?.block();
    }
    // The peer may send faster than this session works, on a link that can't be paused. Go on at once, so that frames
    // do not fill the memory.
    if (isYielding && waiting > this.limits.intakeBytes / 2) inputs.hurry();
  };

  // ---- What comes in ----

  /** Hands on the message in a frame. Returns false if there is no room for it. */
  readonly #receive = (frame: Uint8Array): boolean => {
    this.frameSize = frame.length;
    const message = this.#decode(frame);
    if (message.type === 'conduit.malformed') {
      this.#send(message);
      return true;
    }
    if (message.type === 'RequestMessage' || message.type === 'ChannelMessage') {
      const delivery = this.#deliver(message, frame.length);
      if (delivery !== 'undecided') return delivery === 'taken';
    }
    this.#send(new ReceivedEvent(RECEIVED[message.type], message) as SessionEvent);
    return true;
  };

  /** Decodes a frame. A frame that is no message becomes an event: 9a.12. */
  #decode(frame: Uint8Array): Message | MalformedEvent {
    const isFirst = this.#isShaking;
    this.#isShaking = false;
    // The first frame is the peer's part of the handshake.
    const limit = isFirst && this.limits.handshakeBytes < this.limits.frame ? 'handshakeBytes' : 'frame';
    const most = this.limits[limit];
    if (frame.length > most) {
      return malformed(`a frame of ${frame.length} bytes is over the limit of ${most}`, limit);
    }
    try {
      const message = decodeFrame(this.codec, frame, this.limits);
      if (RECEIVED[message.type] === undefined) throw new TypeError('it gave no message');
      return message;
    } catch (error) {
      const other = isFirst ? otherFormat(frame, this.codec.name) : undefined;
      if (other !== undefined) return malformed(other);
      if (error instanceof ProtocolError) return malformed(error.message, error.limit, error.rule);
      // Leave out the error's text. That of `JSON.parse`, for example, quotes the input, which may hold SENSITIVE
      // values.
      const name = error instanceof Error ? error.name : typeof error;
      return malformed(`the codec ${this.codec.name} can't read a frame: it threw ${name}`);
    }
  }

  /** Adds a local input. It takes effect in its turn. */
  push(input: Input): void {
    this.inputs.push(input);
  }

  /**
   * Makes a request of the application: an input of the session, whose outcome settles the promise.
   *
   * The promise rejects with SessionClosed when the session has ended, or ends. `service` is the service that an open is
   * for.
   */
  request<T>(make: (request: RequestNumber) => Input, signal?: AbortSignal, service?: string): Promise<T> {
    if (this.isOver) return Promise.reject(this.endError as SessionClosed);
    const { request, promise } = this.requests.add<T>(signal, service);
    this.push(make(request));
    return promise;
  }

  /**
   * Ends the session, since a call or a channel has found that the peer broke a rule. No other input comes before the
   * end.
   */
  accuse(violation: Violation): void {
    this.inputs.pushNext({ type: 'calls.violated', ...violation });
  }

  // ---- The application ----

  /**
   * Runs a callback of the application. An exception in it, or a rejection of the promise that it returns, is passed to
   * `onError` and ends nothing. Inputs made by the callback take effect after the current step.
   */
  callUser(callback: () => unknown, onError: (error: unknown) => void): void {
    this.inputs.hold(() => {
      try {
        const result = callback();
        if (isThenable(result)) result.then(undefined, onError);
      } catch (error) {
        onError(error);
      }
    });
  }

  /** Reports to the application an event that ends nothing. */
  report(report: Report): void {
    this.callUser(
      () => this.#onReport(report),
      // If the reporter itself throws, the error can't be reported.
      () => {},
    );
  }
}

type MalformedEvent = Extract<SessionEvent, { type: 'conduit.malformed' }>;

function malformed(description: string, limit?: string, rule: Rule = 'session.message'): MalformedEvent {
  return { type: 'conduit.malformed', rule, description, limit };
}
