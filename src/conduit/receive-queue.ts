import { Fifo } from '../base/fifo.js';
import type { Limits } from '../base/limits.js';
import { afterTurn } from '../base/turn.js';
import type { ConnectionId } from '../wire/id.js';
import type { DataMessage } from '../wire/message.js';
import { costOf } from './costs.js';

/** Bytes of its buffer that a view may keep alive beside its own without being copied. */
const SLACK = 1024;

/**
 * Returns the same bytes, copied if their buffer is much larger. A link gives views of what it read, up to 64 KiB. A
 * view of a few bytes that is kept for long would keep all of that alive, and a peer could make us keep many.
 */
export function detached(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.byteLength + SLACK ? new Uint8Array(bytes) : bytes;
}

/** Returns the same message, with its payload detached. */
export function detachedMessage(message: DataMessage): DataMessage {
  const { body } = message;
  switch (body.type) {
    case 'Call':
      return { ...message, body: { ...body, args: detached(body.args) } } as DataMessage;
    case 'Response':
      return { ...message, body: { ...body, ret: detached(body.ret) } } as DataMessage;
    case 'Item':
      return { ...message, body: { ...body, item: detached(body.item) } } as DataMessage;
    default:
      return message;
  }
}

/** The functions with which a budget stops reading and lets it go on. */
interface Reading {
  pause(): void;
  resume(): void;
  push(event: { type: 'inbox.filled'; id: ConnectionId } | { type: 'inbox.drained' }): void;
}

interface Full {
  /** True if it may be filled again, as far as it knows. */
  readonly isDrained: boolean;
}

/** The cause when all bytes are taken, in any queues. Any byte that is freed makes room. */
const BYTES: Full = { isDrained: true };

/**
 * The room for messages that wait to be read, of all connections of a session together. When there is none, the budget
 * stops reading. The machines hear of it only when that lasts beyond a turn of the event loop: a reader that keeps up
 * empties a queue many times in each turn, and no timer can fire within one.
 */
export class ReceiveBudget {
  /** Messages that the queue of one connection may hold. */
  readonly maxMessages: number;
  /**
   * Bytes that all queues may hold together: those of the frames, and the costs of the messages. Messages left unread
   * on connections that are over may take as much again before they stop reading.
   */
  readonly maxBytes: number;
  /** Bytes that the queues of living connections hold. */
  bytes = 0;
  /** Bytes that are left unread on connections that are over. */
  leftBytes = 0;
  readonly #reading: Reading | undefined;
  /** The cause for which reading has stopped: a queue without room for a message, or the bytes of all queues. */
  #full: Full | undefined;
  /** The connection whose message had no room. */
  #fullId: ConnectionId | undefined;
  #isTold = false;
  #isLooking = false;
  /** Queues that have new messages, which may point into the link's buffer. */
  #borrowing: { copyOut(): void }[] = [];

  /** A budget without `reading` has limits that are never reached. */
  constructor({ inboxMessages, inboxBytes }: Pick<Limits, 'inboxMessages' | 'inboxBytes'>, reading?: Reading) {
    this.maxMessages = inboxMessages;
    this.maxBytes = inboxBytes;
    this.#reading = reading;
  }

  /**
   * Returns true if one more message may wait to be read. Otherwise reading stops: `queue` has no room for the message
   * (`isFull`), or all queues together have none.
   */
  admits(id: ConnectionId, queue?: Full, isFull = false): boolean {
    if (!isFull && this.#hasRoom) return true;
    this.#full = isFull ? queue : BYTES;
    this.#fullId = id;
    this.#reading?.pause();
    if (!this.#isLooking) {
      this.#isLooking = true;
      afterTurn(() => this.#tell());
    }
    return false;
  }

  /**
   * Lets reading go on once the queue that stopped it is half empty. With room for one message only, the next one would
   * stop it again.
   */
  resumeIfDrained(): void {
    if (this.#full?.isDrained !== true || !this.#hasRoom) return;
    this.#full = undefined;
    this.#fullId = undefined;
    if (this.#isTold) {
      this.#isTold = false;
      this.#reading?.push({ type: 'inbox.drained' });
    } else {
      this.#reading?.resume();
    }
  }

  /**
   * Calls `copyOut` after this turn of the event loop. A copy costs as much as a message, and most messages are read
   * before then.
   */
  copyLater(queue: { copyOut(): void }): void {
    this.#borrowing.push(queue);
    if (this.#borrowing.length > 1) return;
    afterTurn(() => {
      const queues = this.#borrowing;
      this.#borrowing = [];
      for (const borrowing of queues) borrowing.copyOut();
    });
  }

  /**
   * True if the queues have room. A peer could open, fill and close connections for ever, while the application means to
   * read them all. So messages left on closed connections count together with the rest, against twice the limit.
   */
  get #hasRoom(): boolean {
    return this.bytes < this.maxBytes && this.bytes + this.leftBytes < 2 * this.maxBytes;
  }

  #tell(): void {
    this.#isLooking = false;
    if (this.#fullId === undefined || this.#isTold) return;
    this.#isTold = true;
    this.#reading?.push({ type: 'inbox.filled', id: this.#fullId });
  }
}

/** A budget that is never used up, for items that only our own application can add. */
export const UNBOUNDED = new ReceiveBudget({
  inboxMessages: Number.POSITIVE_INFINITY,
  inboxBytes: Number.POSITIVE_INFINITY,
});

/** The bytes that lie unread in the queue of one connection and in its channels. They count in the session's budget. */
export class ConnectionBudget {
  readonly id: ConnectionId;
  /** Held weakly once the connection is over: messages that can still be read keep no session alive. */
  #budget: ReceiveBudget | WeakRef<ReceiveBudget>;
  #bytes = 0;

  constructor(budget: ReceiveBudget, id: ConnectionId) {
    this.#budget = budget;
    this.id = id;
  }

  /** The session's budget. Undefined once the session was garbage-collected: nothing counts then. */
  get session(): ReceiveBudget | undefined {
    return this.#budget instanceof WeakRef ? this.#budget.deref() : this.#budget;
  }

  /** Returns true if one more message may wait on this connection; see {@link ReceiveBudget.admits}. */
  admits(queue?: Full, isFull?: boolean): boolean {
    const session = this.#budget instanceof WeakRef ? this.#budget.deref() : this.#budget;
    return session === undefined || session.admits(this.id, queue, isFull);
  }

  add(cost: number): void {
    const { session } = this;
    if (session === undefined) return;
    this.#bytes += cost;
    if (this.#budget instanceof WeakRef) session.leftBytes += cost;
    else session.bytes += cost;
  }

  /** Counts `cost` less, which may let reading go on. */
  remove(cost: number): void {
    const { session } = this;
    if (session === undefined) return;
    this.#bytes -= cost;
    if (this.#budget instanceof WeakRef) session.leftBytes -= cost;
    else session.bytes -= cost;
    session.resumeIfDrained();
  }

  /**
   * Counts the bytes as left unread, since the connection is over. No more messages come. Those that are here can still
   * be read at any time.
   */
  leave(): void {
    const session = this.#budget;
    if (session instanceof WeakRef) return;
    this.#budget = new WeakRef(session);
    session.bytes -= this.#bytes;
    session.leftBytes += this.#bytes;
    session.resumeIfDrained();
  }
}

/**
 * The part of a connection's budget that belongs to one queue. It refers to nothing else, so a registry may hold it
 * until the messages themselves are garbage-collected.
 */
export class QueueBudget {
  readonly #connection: ConnectionBudget;
  #bytes = 0;

  constructor(connection: ConnectionBudget) {
    this.#connection = connection;
  }

  add(cost: number): void {
    this.#bytes += cost;
    this.#connection.add(cost);
  }

  remove(cost: number): void {
    this.#bytes -= cost;
    this.#connection.remove(cost);
  }

  /** Counts the whole part as gone. */
  drop(): void {
    this.remove(this.#bytes);
  }
}

interface Entry<T> {
  item: T;
  readonly cost: number;
}

/**
 * Items that wait to be read, in order, and count in a budget. A new item is borrowed: it may point into the link's
 * buffer. After the current turn of the event loop, `keep` replaces the items that are left. Most are read before, so
 * few are copied: a copy costs as much as a message.
 */
export class ReceiveQueue<T> {
  /** The part of the budget in which the items count. */
  readonly budget: QueueBudget;
  readonly #connection: ConnectionBudget;
  readonly #keep: ((item: T) => T) | undefined;
  readonly #entries = new Fifo<Entry<T>>();
  /** The number of borrowed entries, which are the last ones. */
  #borrowed = 0;
  /** The number of items. Only this class sets it: a field costs less than a getter. */
  length = 0;

  /**
   * `keep` returns the replacement for an item that is not read in the turn of the event loop in which it came. Without
   * it, items stay as they came.
   */
  constructor(connection: ConnectionBudget, keep?: (item: T) => T) {
    this.#connection = connection;
    this.budget = new QueueBudget(connection);
    this.#keep = keep;
  }

  push(item: T, cost: number): void {
    this.#entries.push({ item, cost });
    this.length++;
    this.#borrowed++;
    if (this.#borrowed === 1 && this.#keep !== undefined) this.#connection.session?.copyLater(this);
    this.budget.add(cost);
  }

  /** Takes the front item. Returns undefined when there is none. */
  shift(): T | undefined {
    const entry = this.#entries.shift();
    if (entry === undefined) return undefined;
    this.length--;
    this.budget.remove(entry.cost);
    return entry.item;
  }

  /** Drops all items. */
  drop(): void {
    this.#entries.truncate(0);
    this.length = 0;
    this.budget.drop();
  }

  /** Replaces the borrowed items by what `keep` returns, so that they may wait for long. */
  copyOut(): void {
    const { length } = this.#entries;
    const keep = this.#keep as (item: T) => T;
    for (let at = Math.max(0, length - this.#borrowed); at < length; at++) {
      const entry = this.#entries.at(at) as Entry<T>;
      entry.item = keep(entry.item);
    }
    this.#borrowed = 0;
  }
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/** The messages of one connection that its reader has not taken. */
export class MessageQueue<T> {
  readonly #connection: ConnectionBudget;
  readonly #maxMessages: number;
  readonly #messages: ReceiveQueue<T>;
  /** Calls of `next` that wait: each gets one message, in the order in which they were made. */
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  readonly #onMessage: ((message: T) => void) | undefined;
  #isEnded = false;

  /** `keep` is as in {@link ReceiveQueue}. `onMessage` hears of each message that comes. */
  constructor(connection: ConnectionBudget, keep?: (message: T) => T, onMessage?: (message: T) => void) {
    this.#connection = connection;
    this.#onMessage = onMessage;
    this.#maxMessages = connection.session?.maxMessages ?? 0;
    this.#messages = new ReceiveQueue(connection, keep);
  }

  /** The part of the budget in which the unread messages count. */
  get budget(): QueueBudget {
    return this.#messages.budget;
  }

  /** Returns true if a message may come. If there is no room for it, reading stops, and it comes again later. */
  admits(_message: T): boolean {
    // A message that goes to a reader, or is dropped, needs no room.
    if (this.#isEnded || this.#waiting.length > 0) return true;
    return this.#connection.admits(this, this.#messages.length >= this.#maxMessages);
  }

  /** Takes a message that came in a frame of `size` bytes. */
  receive(message: T, size: number): void {
    // The reader has left, and the connection does not know it yet: drop the message.
    if (this.#isEnded) return;
    this.#onMessage?.(message);
    const resolve = this.#waiting.shift();
    if (resolve !== undefined) {
      resolve({ value: message, done: false });
      return;
    }
    this.#messages.push(message, costOf(message, size));
  }

  /** Takes the next message, if one is here. */
  shift(): T | undefined {
    return this.#messages.shift();
  }

  /** Takes the next message, now or when it comes. After the last message of an ended queue it returns `done`. */
  next(): Promise<IteratorResult<T, undefined>> {
    const message = this.shift();
    if (message !== undefined) return Promise.resolve({ value: message, done: false });
    if (this.#isEnded) return Promise.resolve(DONE);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** The number of messages that wait to be read. */
  get length(): number {
    return this.#messages.length;
  }

  /** True if the queue is half empty, or takes no more messages. */
  get isDrained(): boolean {
    return this.#isEnded || this.#messages.length <= this.#maxMessages / 2;
  }

  /** Ends the queue: it takes no more messages. The messages that are here can still be read. */
  end(): void {
    this.#isEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(DONE);
    this.#connection.session?.resumeIfDrained();
  }

  /** Ends the queue, and drops the messages that are here. */
  drop(): void {
    this.#isEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(DONE);
    this.#messages.drop();
  }
}
