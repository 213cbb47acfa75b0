import type { ConnectionId } from '../wire/id.js';
import { admits, costOf, type Holding, type Part, relieve, Shelf } from './stock.js';

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/** The messages of one connection that its reader has not taken. */
export class Inbox<T> {
  readonly #holding: Holding;
  readonly #maxMessages: number;
  readonly #messages: Shelf<T>;
  /** Calls of `next` that wait: each gets one message, in the order in which they were made. */
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #isEnded = false;

  /** `keep` returns the replacement for a message that is not read in the turn of the event loop in which it came. */
  constructor(holding: Holding, keep: (message: T) => T = (message) => message) {
    this.#holding = holding;
    this.#maxMessages = holding.stock?.maxMessages ?? 0;
    this.#messages = new Shelf(holding, keep);
  }

  /** The part of the holding in which the unread messages count. */
  get part(): Part {
    return this.#messages.part;
  }

  /** Returns true if a message for connection `id` may come. If there is no room for it, reading stops. */
  admits(id: ConnectionId): boolean {
    const { stock } = this.#holding;
    // A message that goes to a reader, or is dropped, needs no room.
    if (stock === undefined || this.#isEnded || this.#waiting.length > 0) return true;
    return admits(stock, id, this, this.#messages.length >= this.#maxMessages);
  }

  /** Takes a message that came in a frame of `size` bytes. */
  push(message: T, size: number): void {
    // The reader has left, and the connection does not know it yet: drop the message.
    if (this.#isEnded) return;
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

  /** Takes the next message, now or when it comes. After the last message of an ended inbox it returns `done`. */
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

  /** True if the inbox is half empty, or takes no more messages. */
  get isRelieved(): boolean {
    return this.#isEnded || this.#messages.length <= this.#maxMessages / 2;
  }

  /** Ends the inbox: it takes no more messages. The messages that are here can still be read. */
  end(): void {
    this.#isEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(DONE);
    const { stock } = this.#holding;
    if (stock !== undefined) relieve(stock);
  }

  /** Ends the inbox, and drops the messages that are here. */
  drop(): void {
    this.#isEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(DONE);
    this.#messages.drop();
  }
}
