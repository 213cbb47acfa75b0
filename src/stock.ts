import { Fifo } from './link/fifo.js';
import type { ConnectionId } from './wire/id.js';

/** What all inboxes of a session have in common: how much they hold, and who hears when that is too much. */
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
  /** The inbox that has stopped the reading. */
  full: { readonly isRelieved: boolean } | undefined;
  /** Reading has to stop, since the inbox of this connection is full. */
  filled(id: ConnectionId): void;
  drained(): void;
  /** Something was put by in this inbox: what still lies there after this turn of the event loop is to be fastened. */
  loose(inbox: { fasten(): void }): void;
}

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

/** Lets the reading go on once the inbox that stopped it is half empty: one message at a time would stop it again. */
export function relieve(stock: Stock): void {
  if (stock.full?.isRelieved === true && hasRoom(stock)) {
    stock.full = undefined;
    stock.drained();
  }
}

/** What lies unread in the inbox of one connection, or in its channels, and counts in the session's stock. */
export class Holding {
  readonly stock: Stock;
  readonly #id: ConnectionId;
  #bytes = 0;
  #isLeft = false;

  constructor(id: ConnectionId, stock: Stock) {
    this.#id = id;
    this.stock = stock;
  }

  /** `holder` holds `cost` more: too much by itself (`isFull`), or with all the others. */
  add(cost: number, holder: { readonly isRelieved: boolean }, isFull = false): void {
    const { stock } = this;
    this.#bytes += cost;
    stock.bytes += cost;
    if (stock.full === undefined && (isFull || !hasRoom(stock))) {
      stock.full = holder;
      stock.filled(this.#id);
    }
  }

  /** So much less is held. Whether the reading can go on is to be seen, by {@link relieve}. */
  remove(cost: number): void {
    this.#bytes -= cost;
    if (this.#isLeft) this.stock.leftBytes -= cost;
    else this.stock.bytes -= cost;
  }

  /** The connection is over: nothing more comes, and what is here can still be read, in its own time. */
  leave(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.stock.bytes -= this.#bytes;
    this.stock.leftBytes += this.#bytes;
    relieve(this.stock);
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
  readonly #holding: Holding;
  readonly #holder: { readonly isRelieved: boolean };
  readonly #keep: (item: T) => T;
  readonly #entries = new Fifo<Entry<T>>();
  /** How many of the last entries are as they came. */
  #loose = 0;

  /** `keep` gives what stands in for an item that is not read in the turn of the event loop in which it came. */
  constructor(holding: Holding, holder: { readonly isRelieved: boolean }, keep: (item: T) => T) {
    this.#holding = holding;
    this.#holder = holder;
    this.#keep = keep;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Takes an item; the reading stops when it is the last of `most`, or the stock is full. */
  push(item: T, cost: number, most = Number.POSITIVE_INFINITY): void {
    this.#entries.push({ item, cost });
    this.#loose++;
    if (this.#loose === 1) this.#holding.stock.loose(this);
    this.#holding.add(cost, this.#holder, this.#entries.length >= most);
  }

  /** Gives the front item, or undefined when there is none. */
  shift(): T | undefined {
    const entry = this.#entries.shift();
    if (entry === undefined) return undefined;
    this.#release(entry.cost);
    return entry.item;
  }

  /** Drops all of them. */
  drop(): void {
    let cost = 0;
    for (let entry = this.#entries.shift(); entry !== undefined; entry = this.#entries.shift()) cost += entry.cost;
    this.#release(cost);
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

  #release(cost: number): void {
    this.#holding.remove(cost);
    relieve(this.#holding.stock);
  }
}
