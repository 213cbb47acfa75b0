import { InvalidArgument, LimitExceeded, LinkError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import type { Limits } from '../base/limits.js';
import type { Codec } from '../codec/codec.js';
import type { Link } from '../link/link.js';
import type { ConnectionId } from '../wire/id.js';
import type { DataMessage, Message } from '../wire/message.js';
import { Lent } from './frame-pool.js';
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
interface Parked {
  readonly connectionId: ConnectionId;
  readonly bytes: Uint8Array;
  /** Absent for a Close of ours: no caller waits for it. */
  readonly resolve?: () => void;
  readonly reject?: (error: Error) => void;
}

/** `send` returns this shared promise when the link took the message at once. Callers that get it need no handlers. */
export const SENT: Promise<void> = Promise.resolve();

/**
 * Bytes that a reply in the link, or a waiting message, counts beside its own. A Pong has 12 bytes, and takes hundreds
 * in memory.
 */
export const ENTRY_COST = 256;

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
  readonly #parked = new Fifo<Parked>();
  /** The number of parked messages, for each connection that has any. */
  readonly #parkedFor = new Map<ConnectionId, number>();
  #parkedBytes = 0;
  #isFull = false;
  #refusal: LinkError | undefined;
  readonly #lent: Lent;
  /** The count of all bytes given to the link. */
  #written = 0;
  /** For each reply that may still lie in the link: the value of `#written` after it was given. */
  readonly #replies = new Fifo<number>();
  /**
   * Bytes that the link may hold once the outbox is full: all that it held at that moment, from any sender, and the
   * reserve for replies.
   */
  #ceiling = 0;

  constructor(link: Link, codec: Codec, limits: Limits, events: OutboxEvents) {
    this.#link = link;
    this.#paced = link instanceof PacedLink ? link : undefined;
    this.#codec = codec;
    this.#limits = limits;
    this.#events = events;
    this.#lent = new Lent(link, codec);
  }

  /** True if the link has refused a message. */
  get isBroken(): boolean {
    return this.#refusal !== undefined;
  }

  /** Sends a message of the protocol at once. But a Close leaves after the messages that wait for its connection. */
  transmit(message: Message): void {
    const bytes = this.#codec.encode(message);
    if (message.type === 'ConnectionClose' && this.#parkedFor.has(message.connectionId)) {
      this.#push({ connectionId: message.connectionId, bytes });
    } else {
      this.#reply(bytes, message);
    }
    if (this.#isFull && this.#isAbove(this.#ceiling)) this.#events.overflowed();
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
    if (!this.#isFull) {
      this.#write(bytes);
      return this.#refusal === undefined ? SENT : refused(this.#refusal);
    }
    return this.#park(message.connectionId, bytes);
  }

  /** Sends waiting messages as far as there is room. Called when bytes that the link buffered have left. */
  onDrained(): void {
    this.#lent.reclaim(this.#written);
    if (!this.#isFull) return;
    while (this.#hasRoom()) {
      const parked = this.#shift();
      if (parked === undefined) {
        this.#isFull = false;
        this.#events.drained();
        return;
      }
      this.#settle(parked);
    }
    this.#events.progressed();
  }

  /** Drops the waiting messages of a connection that is closed. */
  drop(connectionId: ConnectionId, makeError: () => Error): void {
    if (!this.#parkedFor.has(connectionId)) return;
    const error = makeError();
    for (let left = this.#parked.length; left > 0; left--) {
      const parked = this.#shift() as Parked;
      if (parked.connectionId === connectionId) parked.reject?.(error);
      else this.#push(parked);
    }
  }

  /** Sends all waiting messages, room or not. Called when the session ends in order. */
  release(): void {
    for (let parked = this.#shift(); parked !== undefined; parked = this.#shift()) {
      this.#settle(parked);
    }
  }

  /** Drops all waiting messages. Called when the session ends in any other way. */
  dropAll(error: Error): void {
    for (let parked = this.#shift(); parked !== undefined; parked = this.#shift()) parked.reject?.(error);
  }

  /** Notes that the link has refused a message. The outbox gives it no more. */
  refuse(error: unknown): void {
    const why = error instanceof Error ? error : new Error(String(error));
    this.#refusal = why instanceof LinkError ? why : new LinkError(`the link refused a message: ${why.message}`, why);
    this.#events.unsendable(why);
  }

  /** Sends a message that waited. */
  #settle({ bytes, resolve, reject }: Parked): void {
    this.#write(bytes);
    if (this.#refusal === undefined) resolve?.();
    else reject?.(this.#refusal);
  }

  #write(bytes: Uint8Array): void {
    if (!this.#give(bytes) || this.#hasRoom()) return;
    // Count what the link holds: one frame of our own may go past the mark, and the excess is not taken from the
    // reserve.
    this.#fill(this.#link.buffered + this.#replies.length * ENTRY_COST);
  }

  #reply(bytes: Uint8Array, message: Message): void {
    if (!this.#give(bytes, message)) return;
    this.#replies.push(this.#written);
    if (!this.#isFull && !this.#hasRoom()) this.#fill(this.#limits.outboxBytes);
  }

  /** Gives bytes to the link, and returns true if the link took them. `message` is passed for messages of the protocol. */
  #give(bytes: Uint8Array, message?: Message): boolean {
    if (this.#refusal !== undefined) return false;
    try {
      if (message === undefined || this.#paced === undefined) this.#link.send(bytes);
      else this.#paced.transmit(bytes, message);
    } catch (error) {
      this.refuse(error);
      return false;
    }
    this.#written += bytes.length;
    this.#lent.add(bytes, this.#written);
    return true;
  }

  #fill(cost: number): void {
    this.#ceiling = cost + this.#limits.replyBytes;
    if (this.#isFull) return;
    this.#isFull = true;
    this.#events.filled();
  }

  #park(connectionId: ConnectionId, bytes: Uint8Array): Promise<void> {
    if (this.#parkedBytes + this.#parked.length * ENTRY_COST + bytes.length + ENTRY_COST > this.#limits.waitingBytes) {
      const text = `more than limits.waitingBytes (${this.#limits.waitingBytes}) wait to be sent: await what send returns`;
      return refused(new LimitExceeded('waitingBytes', text));
    }
    const sent = new Promise<void>((resolve, reject) => {
      this.#push({ connectionId, bytes, resolve, reject });
    });
    sent.catch(() => {});
    return sent;
  }

  #push(parked: Parked): void {
    this.#parked.push(parked);
    this.#parkedFor.set(parked.connectionId, (this.#parkedFor.get(parked.connectionId) ?? 0) + 1);
    this.#parkedBytes += parked.bytes.length;
  }

  #shift(): Parked | undefined {
    const parked = this.#parked.shift();
    if (parked === undefined) return undefined;
    const left = (this.#parkedFor.get(parked.connectionId) as number) - 1;
    if (left === 0) this.#parkedFor.delete(parked.connectionId);
    else this.#parkedFor.set(parked.connectionId, left);
    this.#parkedBytes -= parked.bytes.length;
    return parked;
  }

  #hasRoom(): boolean {
    return !this.#isAbove(this.#limits.outboxBytes - 1);
  }

  /** True if what the link holds costs more than `bytes`. */
  #isAbove(bytes: number): boolean {
    const { buffered } = this.#link;
    if (buffered + this.#replies.length * ENTRY_COST <= bytes) return false;
    const left = this.#written - buffered;
    for (let end = this.#replies.at(0); end !== undefined && end <= left; end = this.#replies.at(0))
      this.#replies.shift();
    return buffered + this.#replies.length * ENTRY_COST > bytes;
  }
}

/** Returns a rejected promise that never becomes an unhandled rejection. */
export function refused(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
