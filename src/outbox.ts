import type { Codec } from './codec/codec.js';
import { InvalidArgument, LimitExceeded } from './errors.js';
import type { Limits } from './limits.js';
import { Fifo } from './link/fifo.js';
import type { Link } from './link/link.js';
import type { ConnectionId } from './wire/id.js';
import type { DataMessage, Message } from './wire/message.js';

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

const SENT: Promise<void> = Promise.resolve();

/**
 * What waits to leave. The link buffers; the outbox encodes, keeps count, and makes callers wait once too much lies there.
 * Replies to the peer do not wait: they have a reserve of their own, and using that up ends the session.
 */
export class Outbox {
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #limits: Limits;
  readonly #events: OutboxEvents;
  readonly #parked = new Fifo<Parked>();
  /** How many are parked for each connection that has any. */
  readonly #parkedFor = new Map<ConnectionId, number>();
  #parkedBytes = 0;
  #isFull = false;
  #isBroken = false;

  constructor(link: Link, codec: Codec, limits: Limits, events: OutboxEvents) {
    this.#link = link;
    this.#codec = codec;
    this.#limits = limits;
    this.#events = events;
  }

  /** Whether the link has refused something. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Sends what the protocol asks for, at once; but a Close after what was taken for its connection. */
  transmit(message: Message): void {
    const bytes = this.#codec.encode(message);
    if (message.type === 'ConnectionClose' && this.#parkedFor.has(message.connectionId)) {
      this.#push({ connectionId: message.connectionId, bytes });
    } else {
      this.#write(bytes);
    }
    if (this.#isFull && this.#link.buffered > this.#limits.outboxBytes + this.#limits.replyBytes) {
      this.#events.overflowed();
    }
  }

  /**
   * Takes a user's message. The promise resolves when the link has it: at once while there is room. It never becomes an
   * unhandled rejection.
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
      return SENT;
    }
    return this.#park(message.connectionId, bytes);
  }

  /** Some of what the link buffered has left. */
  onDrained(): void {
    if (!this.#isFull) return;
    while (this.#hasRoom()) {
      const parked = this.#shift();
      if (parked === undefined) {
        this.#isFull = false;
        this.#events.drained();
        return;
      }
      this.#write(parked.bytes);
      parked.resolve?.();
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
      this.#write(parked.bytes);
      parked.resolve?.();
    }
  }

  /** Any other end: nothing that waits goes out. */
  dropAll(error: Error): void {
    for (let parked = this.#shift(); parked !== undefined; parked = this.#shift()) parked.reject?.(error);
  }

  #write(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    try {
      this.#link.send(bytes);
    } catch (error) {
      this.#isBroken = true;
      this.#events.unsendable(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (!this.#isFull && !this.#hasRoom()) {
      this.#isFull = true;
      this.#events.filled();
    }
  }

  #park(connectionId: ConnectionId, bytes: Uint8Array): Promise<void> {
    if (this.#parkedBytes + bytes.length > this.#limits.waitingBytes) {
      const text = `more than limits.waitingBytes (${this.#limits.waitingBytes}) wait to be sent: await what send returns`;
      const refused = Promise.reject(new LimitExceeded('waitingBytes', text));
      refused.catch(() => {});
      return refused;
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
    return this.#link.buffered < this.#limits.outboxBytes;
  }
}
