import { InvalidArgument, LimitExceeded, LinkError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import type { Limits } from '../base/limits.js';
import type { Codec } from '../codec/codec.js';
import type { Link } from '../link/link.js';
import type { ConnectionId } from '../wire/id.js';
import type { DataMessage, Message } from '../wire/message.js';
import { Lent } from './frame-pool.js';
import { PacedLink } from './paced-link.js';

/** What the outbox tells the session. */
export interface OutboxEvents {
  filled(): void;
  progressed(): void;
  drained(): void;
  overflowed(): void;
  /** The link takes nothing any more. */
  unsendable(error: Error): void;
}

/** A message that waits for room. */
interface Parked {
  readonly connectionId: ConnectionId;
  readonly bytes: Uint8Array;
  /** Absent for a Close of ours, which nobody waits for. */
  readonly resolve?: () => void;
  readonly reject?: (error: Error) => void;
}

/** What `send` gives while there is room: one promise for all, so that nobody has to look behind it. */
export const SENT: Promise<void> = Promise.resolve();

/** What a reply in the link, or a message that waits, costs beside its bytes: a Pong has 12, and takes hundreds. */
export const ENTRY_COST = 256;

/**
 * What waits to leave. The link buffers; the outbox encodes, keeps count, and makes callers wait once too much lies there.
 * Replies to the peer do not wait: they have a reserve of their own, and using that up ends the session.
 */
export class Outbox {
  readonly #link: Link;
  readonly #paced: PacedLink | undefined;
  readonly #codec: Codec;
  readonly #limits: Limits;
  readonly #events: OutboxEvents;
  readonly #parked = new Fifo<Parked>();
  /** How many are parked for each connection that has any. */
  readonly #parkedFor = new Map<ConnectionId, number>();
  #parkedBytes = 0;
  #isFull = false;
  #refusal: LinkError | undefined;
  readonly #lent: Lent;
  /** All bytes that the link was given. */
  #written = 0;
  /** For each reply that may still lie in the link: what `written` was behind it. */
  readonly #replies = new Fifo<number>();
  /** What the link may hold once it is full: what it held then, whoever put it there, and the reserve for replies. */
  #ceiling = 0;

  constructor(link: Link, codec: Codec, limits: Limits, events: OutboxEvents) {
    this.#link = link;
    this.#paced = link instanceof PacedLink ? link : undefined;
    this.#codec = codec;
    this.#limits = limits;
    this.#events = events;
    this.#lent = new Lent(link, codec);
  }

  /** Whether the link has refused something. */
  get isBroken(): boolean {
    return this.#refusal !== undefined;
  }

  /** Sends what the protocol asks for, at once; but a Close after what was taken for its connection. */
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
   * Takes a user's message. The promise resolves when the link has it: at once while there is room. It rejects when the
   * link refuses it, and never becomes an unhandled rejection.
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

  /** Some of what the link buffered has left. */
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

  /** A connection is closed: what waits for it will not be sent. */
  drop(connectionId: ConnectionId, makeError: () => Error): void {
    if (!this.#parkedFor.has(connectionId)) return;
    const error = makeError();
    for (let left = this.#parked.length; left > 0; left--) {
      const parked = this.#shift() as Parked;
      if (parked.connectionId === connectionId) parked.reject?.(error);
      else this.#push(parked);
    }
  }

  /** The end of an orderly session: what waits goes out, room or not. */
  release(): void {
    for (let parked = this.#shift(); parked !== undefined; parked = this.#shift()) {
      this.#settle(parked);
    }
  }

  /** Any other end: nothing that waits goes out. */
  dropAll(error: Error): void {
    for (let parked = this.#shift(); parked !== undefined; parked = this.#shift()) parked.reject?.(error);
  }

  /** The link refuses what it is given: it takes nothing any more. */
  refuse(error: unknown): void {
    const why = error instanceof Error ? error : new Error(String(error));
    this.#refusal = why instanceof LinkError ? why : new LinkError(`the link refused a message: ${why.message}`, why);
    this.#events.unsendable(why);
  }

  /** Sends what waited. */
  #settle({ bytes, resolve, reject }: Parked): void {
    this.#write(bytes);
    if (this.#refusal === undefined) resolve?.();
    else reject?.(this.#refusal);
  }

  #write(bytes: Uint8Array): void {
    if (!this.#give(bytes) || this.#hasRoom()) return;
    // Our own: one frame may go past the mark by itself, and that is not taken from the reserve.
    this.#fill(this.#link.buffered + this.#replies.length * ENTRY_COST);
  }

  #reply(bytes: Uint8Array, message: Message): void {
    if (!this.#give(bytes, message)) return;
    this.#replies.push(this.#written);
    if (!this.#isFull && !this.#hasRoom()) this.#fill(this.#limits.outboxBytes);
  }

  /** Whether the link took it. The message is given where the protocol asks for it. */
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

  /** Whether what the link holds costs more than that. */
  #isAbove(bytes: number): boolean {
    const { buffered } = this.#link;
    if (buffered + this.#replies.length * ENTRY_COST <= bytes) return false;
    const left = this.#written - buffered;
    for (let end = this.#replies.at(0); end !== undefined && end <= left; end = this.#replies.at(0))
      this.#replies.shift();
    return buffered + this.#replies.length * ENTRY_COST > bytes;
  }
}

/** A rejection that is no unhandled one if nobody looks. */
export function refused(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
