import { Fifo } from '../base/fifo.js';
import { nextTask } from '../base/turn.js';

// Taken from the global scope once, so that fake timers that a test installs later stop no link and no session.
const { setImmediate: nextTurn = nextTask } = globalThis as { setImmediate?: (callback: () => void) => unknown };

/** Milliseconds of one turn of the event loop that a pace gives to its work. */
const TURN_TIME = 10;

/**
 * Does pieces of work in order, only some in each turn of the event loop. Thousands of clients may come or go at once, as with a
 * server that is started anew: the work for the other clients goes on meanwhile.
 */
export class Pace {
  readonly #waiting = new Fifo<() => void>();
  /** The time that this turn has taken so far. */
  #spent = 0;
  #hasNext = false;
  #isBusy = false;

  /** Does `work` in this turn if there is time left, or else in a later one. */
  add(work: () => void): void {
    this.#waiting.push(work);
    if (!this.#hasNext) this.#planNext();
    this.#go();
  }

  #planNext(): void {
    this.#hasNext = true;
    this.#spent = 0;
    nextTurn(() => {
      this.#hasNext = false;
      if (this.#waiting.length === 0) return;
      this.#planNext();
      this.#go();
    });
  }

  #go(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (this.#spent < TURN_TIME) {
        const work = this.#waiting.shift();
        if (work === undefined) return;
        const started = performance.now();
        work();
        this.#spent += performance.now() - started;
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
