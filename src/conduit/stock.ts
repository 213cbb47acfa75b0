import { Fifo } from '../base/fifo.js';
import type { ConnectionId } from '../wire/id.js';

/**
 * The state that all inboxes of a session share: the bytes that they hold, and callbacks that stop reading and let it
 * go on.
 */
export interface Stock {
  /** Messages that one inbox may hold. */
  readonly maxMessages: number;
  /**
   * Bytes that all inboxes may hold together: those of the frames, and the costs of the messages. Messages left unread
   * on connections that are over may take as much again before they stop reading.
   */
  readonly maxBytes: number;
  /** Bytes that the inboxes of living connections hold. */
  bytes: number;
  /** Bytes that are left unread on connections that are over. */
  leftBytes: number;
  /** The cause for which reading has stopped: an inbox without room for a message, or the bytes of all inboxes. */
  full: Full | undefined;
  /** Stops reading, since there is no room for a message that came on connection `id`. */
  filled(id: ConnectionId): void;
  drained(): void;
  /** Notes that an inbox has a new message. Messages that still lie there after this turn of the event loop are fastened. */
  loose(inbox: { fasten(): void }): void;
}

interface Full {
  /** True if it may be filled again, as far as it knows. */
  readonly isRelieved: boolean;
}

/** The cause when all bytes are taken, in any inboxes. Any byte that is freed makes room. */
const BYTES: Full = { isRelieved: true };

/** A stock that is never full, for items that only our own application can add. */
export const UNBOUNDED: Stock = {
  maxMessages: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  bytes: 0,
  leftBytes: 0,
  full: undefined,
  filled: () => {},
  drained: () => {},
  loose: () => {},
};

/**
 * Bytes that a message in an inbox counts beside its frame. Channel ids and metadata entries count extra: in the frame
 * they can be a few bytes each.
 */
export const MESSAGE_COST = 128;
const CHANNEL_COST = 8;
const ENTRY_COST = 96;

/** Returns the cost of keeping a message, in bytes. `size` is the size of its frame, or of its payload. */
export function costOf(message: unknown, size: number): number {
  const { channels, metadata } = (message as { body?: { channels?: unknown[]; metadata?: unknown[] } }).body ?? {};
  return size + MESSAGE_COST + CHANNEL_COST * (channels?.length ?? 0) + ENTRY_COST * (metadata?.length ?? 0);
}

/**
 * Returns true if the inboxes have room. A peer could open, fill and close connections for ever, while the application
 * means to read them all. So messages left on closed connections count together with the rest, against twice the limit.
 */
function hasRoom({ bytes, leftBytes, maxBytes }: Stock): boolean {
  return bytes < maxBytes && bytes + leftBytes < 2 * maxBytes;
}

/**
 * Returns true if one more message may wait to be read. Otherwise reading stops: `inbox` has no room for the message
 * (`isFull`), or all inboxes together have none.
 */
export function admits(stock: Stock, id: ConnectionId, inbox?: Full, isFull = false): boolean {
  if (!isFull && hasRoom(stock)) return true;
  stock.full = isFull ? inbox : BYTES;
  stock.filled(id);
  return false;
}

/**
 * Lets reading go on once the inbox that stopped it is half empty. With room for one message only, the next one would
 * stop it again.
 */
export function relieve(stock: Stock): void {
  if (stock.full?.isRelieved === true && hasRoom(stock)) {
    stock.full = undefined;
    stock.drained();
  }
}

/** The bytes that lie unread in the inbox of one connection and in its channels. They count in the session's stock. */
export class Holding {
  /** Held weakly once the connection is over: messages that can still be read keep no session alive. */
  #stock: Stock | WeakRef<Stock>;
  #bytes = 0;

  constructor(stock: Stock) {
    this.#stock = stock;
  }

  /** Undefined once the session was garbage-collected. Nothing counts then. */
  get stock(): Stock | undefined {
    return this.#stock instanceof WeakRef ? this.#stock.deref() : this.#stock;
  }

  add(cost: number): void {
    const { stock } = this;
    if (stock === undefined) return;
    this.#bytes += cost;
    if (this.#stock instanceof WeakRef) stock.leftBytes += cost;
    else stock.bytes += cost;
  }

  /** Counts `cost` less, which may let reading go on. */
  remove(cost: number): void {
    const { stock } = this;
    if (stock === undefined) return;
    this.#bytes -= cost;
    if (this.#stock instanceof WeakRef) stock.leftBytes -= cost;
    else stock.bytes -= cost;
    relieve(stock);
  }

  /**
   * Counts the bytes as left unread, since the connection is over. No more messages come. Those that are here can still
   * be read at any time.
   */
  leave(): void {
    const { stock } = this;
    if (stock === undefined || this.#stock instanceof WeakRef) return;
    this.#stock = new WeakRef(stock);
    stock.bytes -= this.#bytes;
    stock.leftBytes += this.#bytes;
    relieve(stock);
  }
}

/**
 * The part of a holding that belongs to one inbox or one channel. It refers to nothing else, so a registry may hold it
 * until the messages themselves are garbage-collected.
 */
export class Part {
  readonly #holding: Holding;
  #bytes = 0;

  constructor(holding: Holding) {
    this.#holding = holding;
  }

  add(cost: number): void {
    this.#bytes += cost;
    this.#holding.add(cost);
  }

  remove(cost: number): void {
    this.#bytes -= cost;
    this.#holding.remove(cost);
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
 * Items that wait to be read, in order, and count in a stock. A new item may point into the link's buffer. After the
 * current turn of the event loop, `keep` replaces the items that are left. Most are read before, so few are copied: a
 * copy costs as much as a message.
 */
export class Shelf<T> {
  /** The part in which the items count. */
  readonly part: Part;
  readonly #holding: Holding;
  readonly #keep: (item: T) => T;
  readonly #entries = new Fifo<Entry<T>>();
  /** The number of entries at the end that are not fastened yet. */
  #loose = 0;

  /** `keep` returns the replacement for an item that is not read in the turn of the event loop in which it came. */
  constructor(holding: Holding, keep: (item: T) => T) {
    this.#holding = holding;
    this.part = new Part(holding);
    this.#keep = keep;
  }

  get length(): number {
    return this.#entries.length;
  }

  push(item: T, cost: number): void {
    this.#entries.push({ item, cost });
    this.#loose++;
    if (this.#loose === 1) this.#holding.stock?.loose(this);
    this.part.add(cost);
  }

  /** Takes the front item. Returns undefined when there is none. */
  shift(): T | undefined {
    const entry = this.#entries.shift();
    if (entry === undefined) return undefined;
    this.part.remove(entry.cost);
    return entry.item;
  }

  /** Drops all items. */
  drop(): void {
    this.#entries.truncate(0);
    this.part.drop();
  }

  /** Replaces the new items by what `keep` returns, so that they may wait for long. */
  fasten(): void {
    const { length } = this.#entries;
    for (let at = Math.max(0, length - this.#loose); at < length; at++) {
      const entry = this.#entries.at(at) as Entry<T>;
      entry.item = this.#keep(entry.item);
    }
    this.#loose = 0;
  }
}
