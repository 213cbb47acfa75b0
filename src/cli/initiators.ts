import type { Link } from '../index.js';
import { Failure } from './failure.js';

/** The maximum number of waiting links. A peer that connects again and again has fewer under way. Further links are cut. */
const MOST_WAITING = 16;

/** The links of initiators in the order of their arrival, for a reader that takes one at a time. */
export class Initiators {
  readonly #waiting: Link[] = [];
  #wanted: { resolve(link: Link): void; reject(error: Error): void } | undefined;
  #end: Error | undefined;

  take(link: Link): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted !== undefined) wanted.resolve(link);
    else if (this.#end === undefined && this.#waiting.length < MOST_WAITING) this.#waiting.push(link);
    else link.abort();
  }

  /** Resolves with the next link, without a time limit. Rejects with a Failure after `stop`. */
  next(): Promise<Link> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const link = this.#waiting.shift();
    if (link !== undefined) return Promise.resolve(link);
    return new Promise((resolve, reject) => {
      this.#wanted = { resolve, reject };
    });
  }

  /** Takes no more links, and cuts those that wait. */
  stop(why: string): void {
    this.#end ??= new Failure(why);
    this.#wanted?.reject(this.#end);
    this.#wanted = undefined;
    for (const link of this.#waiting.splice(0)) link.abort();
  }
}
