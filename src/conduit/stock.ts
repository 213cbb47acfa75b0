import { Fifo } from '../base/fifo.js';
import type { ConnectionId } from '../wire/id.js';

/** What all inboxes of a session have in common: how much they hold, and what hears when that is too much. */
export interface Stock {
  /** Messages that one inbox may hold. */
  readonly maxMessages: number;
  /**
   * Bytes that all of them may hold, with what messages cost beside those of their frames. What is left unread of connections
   * that are over may be as much again before it stops anything.
   */
  readonly maxBytes: number;
  /** What those of living connections hold. */
  bytes: number;
  /** What is left of those that are over. */
  leftBytes: number;
  /** What has stopped the reading: a message for it came, and there was no room. */
  full: Full | undefined;
  /** Reading has to stop, since there is no room for what came on this connection. */
  filled(id: ConnectionId): void;
  drained(): void;
  /** Something was put by in this inbox: what still lies there after this turn of the event loop is to be fastened. */
  loose(inbox: { fasten(): void }): void;
}

interface Full {
  /** Whether it may be filled again, as far as it knows. */
  readonly isRelieved: boolean;
}

/** All bytes are taken, by whichever inbox: any byte that goes makes room. */
const BYTES: Full = { isRelieved: true };

/** A stock that is never full: for what only our own user can fill. */
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

/** What a message in an inbox costs beside its frame; a channel's id and an entry of metadata can be a few bytes there. */
export const MESSAGE_COST = 128;
const CHANNEL_COST = 8;
const ENTRY_COST = 96;

/** What a message costs that lies here, with a frame, or a payload, of `size` bytes. */
export function costOf(message: unknown, size: number): number {
  const { channels, metadata } = (message as { body?: { channels?: unknown[]; metadata?: unknown[] } }).body ?? {};
  return size + MESSAGE_COST + CHANNEL_COST * (channels?.length ?? 0) + ENTRY_COST * (metadata?.length ?? 0);
}

/**
 * A peer could open, fill and close connections for ever, all of which somebody means to read: what is left of them counts
 * together with the rest, but for twice as much.
 */
function hasRoom({ bytes, leftBytes, maxBytes }: Stock): boolean {
  return bytes < maxBytes && bytes + leftBytes < 2 * maxBytes;
}

/**
 * Whether one more message may wait to be read. Where it may not, the reading stops: `inbox` has no room for it (`isFull`), or all
 * of them together have none.
 */
export function admits(stock: Stock, id: ConnectionId, inbox?: Full, isFull = false): boolean {
  if (!isFull && hasRoom(stock)) return true;
  stock.full = isFull ? inbox : BYTES;
  stock.filled(id);
  return false;
}

/** Lets the reading go on once the inbox that stopped it is half empty: one message at a time would stop it again. */
export function relieve(stock: Stock): void {
  if (stock.full?.isRelieved === true && hasRoom(stock)) {
    stock.full = undefined;
    stock.drained();
  }
}

/** What lies unread in the inbox of one connection, or in its channels, and counts in the session's stock. */
export class Holding {
  /** Held weakly once the connection is over: what can still be read keeps no session alive. */
  #stock: Stock | WeakRef<Stock>;
  #bytes = 0;

  constructor(stock: Stock) {
    this.#stock = stock;
  }

  /** Undefined once the session was collected: by then nothing counts any more. */
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

  /** So much less is held, which may let the reading go on. */
  remove(cost: number): void {
    const { stock } = this;
    if (stock === undefined) return;
    this.#bytes -= cost;
    if (this.#stock instanceof WeakRef) stock.leftBytes -= cost;
    else stock.bytes -= cost;
    relieve(stock);
  }

  /** The connection is over: nothing more comes, and what is here can still be read, in its own time. */
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
 * Part of a holding: what one inbox, or one channel, has in it. It leads nowhere else, so that a registry may hold it until the
 * messages themselves are collected.
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

  /** All of it is gone. */
  drop(): void {
    this.remove(this.#bytes);
  }
}

interface Entry<T> {
  item: T;
  readonly cost: number;
}

/**
 * What waits to be read, in order, and counts in a stock. It lies here as it came until the turn of the event loop is over:
 * most is read by then, and a copy costs as much as a message.
 */
export class Shelf<T> {
  /** What it counts for. */
  readonly part: Part;
  readonly #holding: Holding;
  readonly #keep: (item: T) => T;
  readonly #entries = new Fifo<Entry<T>>();
  /** How many of the last entries are as they came. */
  #loose = 0;

  /** `keep` gives what stands in for an item that is not read in the turn of the event loop in which it came. */
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

  /** Gives the front item, or undefined when there is none. */
  shift(): T | undefined {
    const entry = this.#entries.shift();
    if (entry === undefined) return undefined;
    this.part.remove(entry.cost);
    return entry.item;
  }

  /** Drops all of them. */
  drop(): void {
    this.#entries.truncate(0);
    this.part.drop();
  }

  /** Makes what lies here fit to lie here for long. */
  fasten(): void {
    const { length } = this.#entries;
    for (let at = Math.max(0, length - this.#loose); at < length; at++) {
      const entry = this.#entries.at(at) as Entry<T>;
      entry.item = this.#keep(entry.item);
    }
    this.#loose = 0;
  }
}
