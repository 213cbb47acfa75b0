import type { SessionEvent } from '../../machines/session/context.js';
import { ProtocolError } from '../base/errors.js';
import { firstFrameLimit, type Limits } from '../base/limits.js';
import type { Codec } from '../codec/codec.js';
import { decodeFrame } from '../codec/metadata.js';
import type { Link } from '../link/link.js';
import type { DataMessage, Message, MessageType } from '../wire/message.js';
import { type Json, plain } from '../wire/plain.js';
import { detached } from './detach.js';
import { startLink } from './first-frame.js';
import { otherFormat } from './format.js';
import { Gate, type TurnBudget } from './input-queue.js';
import { PacedLink } from './paced-link.js';

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

/** Joins a link and a codec. Arriving frames become events of the session, one whole step at a time. */
export class Conduit {
  readonly gate: Gate<Input>;
  readonly #link: Link;
  readonly #paced: PacedLink | undefined;
  readonly #codec: Codec;
  readonly #limits: Limits;
  readonly #onDrained: () => void;
  #send: (event: SessionEvent) => void = () => {};
  #isLinkPaused = false;
  #hasOverflowed = false;
  /** Bytes of the frame whose message is being handed on. */
  frameSize = 0;
  /** Frames that have arrived so far. */
  frames = 0;

  #isStarted = false;
  #isShaking = true;

  /** `admits` returns true if there is room for a message of the peer. If it returns false, it has paused reading. */
  constructor(
    link: Link,
    codec: Codec,
    limits: Limits,
    onDrained: () => void,
    admits: (message: DataMessage) => boolean,
    crashed: (error: unknown) => void,
    budget: Omit<TurnBudget, 'milliseconds'>,
  ) {
    this.#link = link;
    this.#paced = link instanceof PacedLink ? link : undefined;
    this.#codec = codec;
    this.#limits = limits;
    this.#onDrained = onDrained;
    this.gate = new Gate(
      (frame) => {
        const event = this.#read(frame);
        if ((event.type === 'rx.RequestMessage' || event.type === 'rx.ChannelMessage') && !admits(event.message)) {
          return false;
        }
        this.#send(event);
        return true;
      },
      (input) => {
        const event = typeof input === 'function' ? input() : input;
        if (event !== undefined) this.#send(event);
      },
      crashed,
      {
        ...budget,
        milliseconds: limits.turnTime,
        resumed: () => this.#resumeLink(),
      },
    );
  }

  /** Starts reading. `send` hands one event to the session. It returns when all effects of the event are complete. */
  start(send: (event: SessionEvent) => void): void {
    this.#send = send;
    startLink(this.#link, {
      message: (bytes) => this.#take(bytes),
      drained: this.#onDrained,
      ended: () => this.gate.afterFrames({ type: 'link.ended' }),
      // A failure does not wait for the frames received before it: the application may never read them, and no reply
      // can reach the peer.
      failed: (error) => this.gate.push({ type: 'link.failed', error }),
      // Count frames that have arrived, not frames that were decoded: one read of the link may bring several frames.
      frameLimit: () => (this.frames === 0 ? firstFrameLimit(this.#limits) : this.#limits.frame),
    });
    this.#isStarted = true;
    // Wait for a microtask: the session is still starting, and its first events would come between the events of its
    // children.
    queueMicrotask(() => this.open());
  }

  /**
   * Starts to hand on frames: those that have arrived, and those that will. Called when the session and its children
   * have started.
   */
  open(): void {
    this.gate.open();
  }

  /** Stops handing on frames, and aborts the link. */
  stop(): void {
    this.gate.close();
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
    this.gate.pause();
    if (this.#isLinkPaused) this.#paced?.block();
  }

  resume(): void {
    this.gate.resume();
    this.#resumeLink();
  }

  /** Resumes the link, unless frames that it has read still wait. */
  #resumeLink(): void {
    if (!this.#isLinkPaused || this.gate.isPaused || this.gate.isYielding) return;
    this.#isLinkPaused = false;
    this.#link.resume();
  }

  #take(bytes: Uint8Array): void {
    if (this.#hasOverflowed) return;
    this.frames++;
    const before = this.gate.bytes;
    this.gate.frame(this.gate.isPaused ? detached(bytes) : bytes);
    const waiting = this.gate.bytes;
    const { isPaused, isYielding } = this.gate;
    // One frame is always taken, however small the limit is.
    if (waiting > this.#limits.intakeBytes && before > 0 && isPaused) {
      this.#hasOverflowed = true;
      this.gate.pushNext({ type: 'conduit.overflowed' });
    } else if (
      !this.#isLinkPaused &&
      ((isPaused && waiting > PAUSE_LINK_AT) || (isYielding && waiting > PAUSE_YIELDING_LINK_AT))
    ) {
      this.#isLinkPaused = true;
      this.#link.pause();
      if (isPaused) this.#paced?.block();
    }
    // The peer may send faster than this session works, on a link that can't be paused. Go on at once, so that frames
    // do not fill the memory.
    if (isYielding && waiting > this.#limits.intakeBytes / 2) this.gate.hurry();
  }

  /** Decodes a frame to its event. A frame that is no message becomes an event, too: 9a.12. */
  #read(frame: Uint8Array): SessionEvent {
    this.frameSize = frame.length;
    const { handshakeBytes } = this.#limits;
    // The first frame is the peer's part of the handshake.
    const limit = this.#isShaking && handshakeBytes < this.#limits.frame ? 'handshakeBytes' : 'frame';
    const isFirst = this.#isShaking;
    this.#isShaking = false;
    const most = this.#limits[limit];
    if (frame.length > most) {
      const description = `a frame of ${frame.length} bytes is over the limit of ${most}`;
      return { type: 'conduit.malformed', rule: 'session.message', description, limit };
    }
    try {
      const message = decodeFrame(this.#codec, frame, this.#limits);
      const type = RECEIVED[message.type];
      if (type === undefined) throw new TypeError('it gave no message');
      return new ReceivedEvent(type, message) as SessionEvent;
    } catch (error) {
      const other = isFirst ? otherFormat(frame, this.#codec.name) : undefined;
      if (other !== undefined) return { type: 'conduit.malformed', rule: 'session.message', description: other };
      if (!(error instanceof ProtocolError)) {
        // Leave out the error's text. That of `JSON.parse`, for example, quotes the input, which may hold SENSITIVE
        // values.
        const name = error instanceof Error ? error.name : typeof error;
        const description = `the codec ${this.#codec.name} can't read a frame: it threw ${name}`;
        return { type: 'conduit.malformed', rule: 'session.message', description };
      }
      const { rule = 'session.message', limit, message: description } = error;
      return { type: 'conduit.malformed', rule, description, limit };
    }
  }
}
