import type { Event } from './local.js';

/** An input, or a function that makes one when its turn comes. */
export type Pushed = Event | (() => Event | undefined);

/**
 * A model of the input queue of src/conduit/input-queue.ts, without the stream: the search supplies messages one by one, or
 * `held` does.
 */
export class ModelQueue {
  readonly #send: (event: Event) => void;
  readonly #held: () => Event | undefined;
  readonly #next: Event[] = [];
  readonly #queue: Pushed[] = [];
  #isBusy = false;

  /** `held` returns the next message that arrived while reading was paused, once reading goes on. */
  constructor(send: (event: Event) => void, held: () => Event | undefined) {
    this.#send = send;
    this.#held = held;
  }

  /** Queues an input. */
  push(input: Pushed): void {
    this.#queue.push(input);
    this.drain();
  }

  /** Queues an event that belongs to the current step. */
  pushNext(event: Event): void {
    this.#next.push(event);
    this.drain();
  }

  /** Marks the run of a callback. Its inputs wait until {@link release}, which a microtask calls. */
  hold(): void {
    this.#isBusy = true;
  }

  release(): void {
    this.#isBusy = false;
    this.drain();
  }

  close(): void {
    this.#next.length = 0;
    this.#queue.length = 0;
  }

  drain(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let input = this.#shift(); input !== undefined; input = this.#shift()) {
      const event = typeof input === 'function' ? input() : input;
      if (event !== undefined) this.#send(event);
    }
    this.#isBusy = false;
  }

  #shift(): Pushed | undefined {
    return this.#next.shift() ?? this.#held() ?? this.#queue.shift();
  }
}
