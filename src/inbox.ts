import { Fifo } from './link/fifo.js';
import type { ConnectionId } from './wire/id.js';

/** What all inboxes of a session have in common: how much they hold, and who hears when that is too much. */
export interface Stock {
  /** Messages that one inbox may hold. */
  readonly maxMessages: number;
  /** Bytes that all of them may hold, with what messages cost beside those of their frames. */
  readonly maxBytes: number;
  bytes: number;
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
  full: undefined,
  filled: () => {},
  drained: () => {},
  loose: () => {},
};

interface Entry<T> {
  message: T;
  readonly cost: number;
}

/** What a message in an inbox costs beside its frame; a channel's id and an entry of metadata can be a few bytes there. */
export const MESSAGE_COST = 128;
const CHANNEL_COST = 8;
const ENTRY_COST = 96;

/** What a message costs that lies here, with a frame, or a payload, of `size` bytes. */
export function costOf(message: unknown, size: number): number {
  const { channels, metadata } = (message as { body?: { channels?: unknown[]; metadata?: unknown[] } }).body ?? {};
  return size + MESSAGE_COST + CHANNEL_COST * (channels?.length ?? 0) + ENTRY_COST * (metadata?.length ?? 0);
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/** The messages of one connection that its reader has not taken. */
export class Inbox<T> {
  readonly #id: ConnectionId;
  readonly #stock: Stock;
  readonly #keep: (message: T) => T;
  readonly #entries = new Fifo<Entry<T>>();
  /** Readers that ask ahead: each gets one message, in the order in which they asked. */
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #isEnded = false;
  /** How many of the last entries are as they came. */
  #loose = 0;

  /** `keep` gives what stands in for a message that is not read in the turn of the event loop in which it came. */
  constructor(id: ConnectionId, stock: Stock, keep: (message: T) => T = (message) => message) {
    this.#keep = keep;
    this.#id = id;
    this.#stock = stock;
  }

  /** Takes a message that came in a frame of `size` bytes. */
  push(message: T, size: number): void {
    // The reader has left, and the connection has not heard of it yet.
    if (this.#isEnded) return;
    const resolve = this.#waiting.shift();
    if (resolve !== undefined) {
      resolve({ value: message, done: false });
      return;
    }
    const cost = costOf(message, size);
    this.#entries.push({ message, cost });
    const stock = this.#stock;
    this.#loose++;
    if (this.#loose === 1) stock.loose(this);
    stockUp(stock, cost, this, this.#id, this.#entries.length >= stock.maxMessages);
  }

  /** The next message, if it is here. */
  shift(): T | undefined {
    const entry = this.#entries.shift();
    if (entry !== undefined) this.#release(entry.cost);
    return entry?.message;
  }

  /** The next message, now or later; the end once no more can come and all is read. */
  next(): Promise<IteratorResult<T, undefined>> {
    const message = this.shift();
    if (message !== undefined) return Promise.resolve({ value: message, done: false });
    if (this.#isEnded) return Promise.resolve(DONE);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Makes what lies here fit to lie here for long. */
  fasten(): void {
    const { length } = this.#entries;
    for (let at = Math.max(0, length - this.#loose); at < length; at++) {
      const entry = this.#entries.at(at) as Entry<T>;
      entry.message = this.#keep(entry.message);
    }
    this.#loose = 0;
  }

  /** How many messages wait to be read. */
  get length(): number {
    return this.#entries.length;
  }

  /** Half empty, or never to be filled again. */
  get isRelieved(): boolean {
    return this.#isEnded || this.#entries.length <= this.#stock.maxMessages / 2;
  }

  /** No more comes; what is here can still be read. */
  end(): void {
    this.#isEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(DONE);
    this.#relieve();
  }

  /** No more comes, and what is here is dropped. */
  drop(): void {
    let cost = 0;
    for (let entry = this.#entries.shift(); entry !== undefined; entry = this.#entries.shift()) cost += entry.cost;
    this.#isEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(DONE);
    this.#release(cost);
  }

  #release(cost: number): void {
    this.#stock.bytes -= cost;
    this.#relieve();
  }

  #relieve(): void {
    relieve(this.#stock);
  }
}

/** `holder`, of the connection `id`, holds `cost` more: too much by itself (`isFull`), or with all the others. */
export function stockUp(
  stock: Stock,
  cost: number,
  holder: { readonly isRelieved: boolean },
  id: ConnectionId,
  isFull = false,
): void {
  stock.bytes += cost;
  if (stock.full === undefined && (isFull || stock.bytes >= stock.maxBytes)) {
    stock.full = holder;
    stock.filled(id);
  }
}

/** Lets the reading go on once the inbox that stopped it is half empty: one message at a time would stop it again. */
export function relieve(stock: Stock): void {
  if (stock.full?.isRelieved === true && stock.bytes < stock.maxBytes) {
    stock.full = undefined;
    stock.drained();
  }
}
