import { InvalidArgument, LimitExceeded, LinkError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { SHORT_FRAME } from '../base/frame-memory.js';
import type { Limits } from '../base/limits.js';
import { rejected, SENT } from '../base/promise.js';
import type { Codec } from '../codec/codec.js';
import type { Link } from '../link/link.js';
import type { ConnectionId } from '../wire/id.js';
import type { ConnectionReject, DataMessage, Message } from '../wire/message.js';
import { QUEUED_MESSAGE_COST } from './costs.js';
import { FramePool } from './frame-pool.js';
import { PacedLink } from './paced-link.js';

/** Events that the outbox reports to the session. */
export interface OutboxEvents {
  filled(): void;
  progressed(): void;
  drained(): void;
  overflowed(): void;
  /** The link takes no more messages. */
  unsendable(error: Error): void;
}

/** A message that waits for room. */
interface QueuedMessage {
  readonly connectionId: ConnectionId;
  readonly bytes: Uint8Array;
  /** Absent for a Close of ours: no caller waits for it. */
  readonly resolve?: () => void;
  readonly reject?: (error: Error) => void;
}

/**
 * Sends the session's messages. The link buffers them. The outbox encodes them, counts them, and makes callers wait
 * when too much lies in the link. Replies to the peer do not wait. They have a reserve of their own, and the session
 * ends when that is used up.
 */
export class Outbox {
  readonly #link: Link;
  readonly #paced: PacedLink | undefined;
  readonly #codec: Codec;
  readonly #limits: Limits;
  readonly #events: OutboxEvents;
  readonly #queued = new Fifo<QueuedMessage>();
  /** The number of queued messages, for each connection that has any. Made when it is first needed. */
  #queuedFor: Map<ConnectionId, number> | undefined;
  #queuedBytes = 0;
  #isFull = false;
  #refusal: LinkError | undefined;
  readonly #framePool: FramePool;
  /** The count of all bytes given to the link. */
  #written = 0;
  /** For each reply that may still lie in the link: the value of `#written` after it was given. */
  readonly #replies = new Fifo<number>();
  /**
   * Bytes that the link may hold once the outbox is full: all that it held at that moment, from any sender, and the
   * reserve for replies.
   */
  #ceiling = 0;
  /** Called when all messages have left. */
  onEmpty: (() => void) | undefined;
  #watchers: Set<(message: DataMessage) => void> | undefined;

  constructor(link: Link, codec: Codec, limits: Limits, events: OutboxEvents) {
    this.#link = link;
    this.#paced = link instanceof PacedLink ? link : undefined;
    this.#codec = codec;
    this.#limits = limits;
    this.#events = events;
    this.#framePool = new FramePool(link, codec);
  }

  /** True if the link has refused a message. */
  get isBroken(): boolean {
    return this.#refusal !== undefined;
  }

  /** True if all messages have left. */
  get isEmpty(): boolean {
    return this.#queued.length === 0 && this.#link.buffered === 0;
  }

  /** Sends a message of the protocol at once. But a Close leaves after the messages that wait for its connection. */
  transmit(message: Message): void {
    const bytes = this.#codec.encode(message);
    if (message.type === 'ConnectionClose' && this.#queuedFor?.has(message.connectionId) === true) {
      this.#push({ connectionId: message.connectionId, bytes });
    } else {
      this.#write(bytes, message);
    }
    if (this.#isFull && this.#isAbove(this.#ceiling)) this.#events.overflowed();
  }

  /** Sends a message of the protocol behind all messages that wait for room. */
  transmitLast(message: ConnectionReject): void {
    if (this.#queued.length === 0) this.transmit(message);
    else this.#push({ connectionId: message.connectionId, bytes: this.#codec.encode(message) });
  }

  /**
   * Takes a message of the application. The promise resolves when the link has the message, which is at once while
   * there is room. It rejects when the link refuses the message. It never becomes an unhandled rejection.
   *
   * @throws InvalidArgument when the message can't be represented, or its frame is larger than `limits.frame`.
   */
  send(message: DataMessage): Promise<void> {
    const bytes = this.#codec.encode(message);
    if (bytes.length > this.#limits.frame) {
      throw new InvalidArgument(
        `the message takes ${bytes.length} bytes, more than limits.frame: ${this.#limits.frame}`,
      );
    }
    let sent = SENT;
    if (this.#isFull) {
      sent = this.#enqueue(message.connectionId, bytes);
    } else {
      this.#write(bytes);
      if (this.#refusal !== undefined) sent = rejected(this.#refusal);
    }
    if (this.#watchers !== undefined) for (const watcher of this.#watchers) watcher(message);
    return sent;
  }

  /**
   * Shows the messages of {@link send} to `watcher`, until the returned function is called. No actor sees these
   * messages. Messages of the machines are seen in the machines' actions, and arriving messages in the session's
   * events. The watcher must not throw.
   */
  watch(watcher: (message: DataMessage) => void): () => void {
    this.#watchers ??= new Set();
    const watchers = this.#watchers;
    watchers.add(watcher);
    return () => void watchers.delete(watcher);
  }

  /** Sends waiting messages as far as there is room. Called when bytes that the link buffered have left. */
  readonly onDrained = (): void => {
    if (!this.#framePool.isEmpty) this.#framePool.reclaim(this.#written);
    if (this.#isFull) this.#sendWaiting();
    // The link may have taken all at once, and then calls no more.
    if (this.onEmpty !== undefined && this.isEmpty) this.onEmpty();
  };

  #sendWaiting(): void {
    while (!this.#isAbove(this.#limits.outboxBytes - 1)) {
      const queued = this.#shift();
      if (queued === undefined) {
        this.#isFull = false;
        this.#events.drained();
        return;
      }
      this.#settle(queued);
    }
    this.#events.progressed();
  }

  /** Drops the waiting messages of a connection that is closed. */
  drop(connectionId: ConnectionId, makeError: () => Error): void {
    if (this.#queuedFor?.has(connectionId) !== true) return;
    const error = makeError();
    for (let left = this.#queued.length; left > 0; left--) {
      const queued = this.#shift() as QueuedMessage;
      if (queued.connectionId === connectionId) queued.reject?.(error);
      else this.#push(queued);
    }
  }

  /** Sends all waiting messages, room or not. Called when the session ends in order. */
  release(): void {
    for (let queued = this.#shift(); queued !== undefined; queued = this.#shift()) {
      this.#settle(queued);
    }
  }

  /** Drops all waiting messages. Called when the session ends in any other way. */
  dropAll(makeError: () => Error): void {
    for (let queued = this.#shift(); queued !== undefined; queued = this.#shift()) queued.reject?.(makeError());
  }

  /** Notes that the link has refused a message. The outbox gives it no more. */
  refuse(error: unknown): void {
    const why = error instanceof Error ? error : new Error(String(error));
    this.#refusal = why instanceof LinkError ? why : new LinkError(`the link refused a message: ${why.message}`, why);
    this.#events.unsendable(why);
  }

  /** Sends a message that waited. */
  #settle({ bytes, resolve, reject }: QueuedMessage): void {
    this.#write(bytes);
    if (this.#refusal === undefined) resolve?.();
    else reject?.(this.#refusal);
  }

  /** Gives bytes to the link. `message` is passed for messages of the protocol, which do not wait for room. */
  #write(bytes: Uint8Array, message?: Message): void {
    if (this.#refusal !== undefined) return;
    try {
      if (message === undefined || this.#paced === undefined) this.#link.send(bytes);
      else this.#paced.transmit(bytes, message);
    } catch (error) {
      this.refuse(error);
      return;
    }
    this.#written += bytes.length;
    if (bytes.length > SHORT_FRAME) this.#framePool.add(bytes, this.#written);
    if (message !== undefined) this.#replies.push(this.#written);
    const { outboxBytes } = this.#limits;
    // Most of the time the link holds little, and then the replies need no look.
    if (this.#link.buffered + this.#replies.length * QUEUED_MESSAGE_COST < outboxBytes) return;
    if (!this.#isAbove(outboxBytes - 1)) return;
    // Count what the link holds: one frame of our own may go past the mark, and the excess is not taken from the
    // reserve.
    if (message === undefined) this.#fill(this.#link.buffered + this.#replies.length * QUEUED_MESSAGE_COST);
    else if (!this.#isFull) this.#fill(outboxBytes);
  }

  #fill(cost: number): void {
    this.#ceiling = cost + this.#limits.replyBytes;
    if (this.#isFull) return;
    this.#isFull = true;
    this.#events.filled();
  }

  #enqueue(connectionId: ConnectionId, bytes: Uint8Array): Promise<void> {
    if (
      this.#queuedBytes + this.#queued.length * QUEUED_MESSAGE_COST + bytes.length + QUEUED_MESSAGE_COST >
      this.#limits.waitingBytes
    ) {
      const text = `more than limits.waitingBytes (${this.#limits.waitingBytes}) wait to be sent: await what send returns`;
      return rejected(new LimitExceeded('waitingBytes', text));
    }
    const sent = new Promise<void>((resolve, reject) => {
      this.#push({ connectionId, bytes, resolve, reject });
    });
    sent.catch(() => {});
    return sent;
  }

  #push(queued: QueuedMessage): void {
    this.#queued.push(queued);
    this.#queuedFor ??= new Map();
    this.#queuedFor.set(queued.connectionId, (this.#queuedFor.get(queued.connectionId) ?? 0) + 1);
    this.#queuedBytes += queued.bytes.length;
  }

  #shift(): QueuedMessage | undefined {
    const queued = this.#queued.shift();
    if (queued === undefined) return undefined;
    const { connectionId } = queued;
    const queuedFor = this.#queuedFor as Map<ConnectionId, number>;
    const left = (queuedFor.get(connectionId) as number) - 1;
    if (left === 0) queuedFor.delete(connectionId);
    else queuedFor.set(connectionId, left);
    this.#queuedBytes -= queued.bytes.length;
    return queued;
  }

  /** True if what the link holds costs more than `bytes`. */
  #isAbove(bytes: number): boolean {
    const { buffered } = this.#link;
    if (buffered + this.#replies.length * QUEUED_MESSAGE_COST <= bytes) return false;
    const left = this.#written - buffered;
    while ((this.#replies.at(0) ?? Number.POSITIVE_INFINITY) <= left) this.#replies.shift();
    return buffered + this.#replies.length * QUEUED_MESSAGE_COST > bytes;
  }
}
