import type { ConnectionId } from '../wire/id.js';
import { admits, costOf, type Holding, type Part, relieve, Shelf } from './stock.js';

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/** The messages of one connection that its reader has not taken. */
export class Inbox<T> {
  readonly #holding: Holding;
  readonly #maxMessages: number;
  readonly #messages: Shelf<T>;
  /** Readers that ask ahead: each gets one message, in the order in which they asked. */
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #isEnded = false;

  /** `keep` gives what stands in for a message that is not read in the turn of the event loop in which it came. */
  constructor(holding: Holding, keep: (message: T) => T = (message) => message) {
    this.#holding = holding;
    this.#maxMessages = holding.stock?.maxMessages ?? 0;
    this.#messages = new Shelf(holding, keep);
  }

  /** What its messages count for. */
  get part(): Part {
    return this.#messages.part;
  }

  /** Whether a message for connection `id` may come. Where there is no room for it, the reading stops. */
  admits(id: ConnectionId): boolean {
    const { stock } = this.#holding;
    // A message that goes to a reader, or is dropped, needs no room.
    if (stock === undefined || this.#isEnded || this.#waiting.length > 0) return true;
    return admits(stock, id, this, this.#messages.length >= this.#maxMessages);
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
    this.#messages.push(message, costOf(message, size));
  }

  /** The next message, if it is here. */
  shift(): T | undefined {
    return this.#messages.shift();
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

  /** How many messages wait to be read. */
  get length(): number {
    return this.#messages.length;
  }

  /** Half empty, or never to be filled again. */
  get isRelieved(): boolean {
    return this.#isEnded || this.#messages.length <= this.#maxMessages / 2;
  }

  /** No more comes; what is here can still be read. */
  end(): void {
    this.#isEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(DONE);
    const { stock } = this.#holding;
    if (stock !== undefined) relieve(stock);
  }

  /** No more comes, and what is here is dropped. */
  drop(): void {
    this.#isEnded = true;
    for (const resolve of this.#waiting.splice(0)) resolve(DONE);
    this.#messages.drop();
  }
}
