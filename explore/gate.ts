import type { Event } from './local.js';

/** An input, or one that is made only when its turn comes. */
export type Pushed = Event | (() => Event | undefined);

/** The gate, as src/conduit/input-queue.ts has it, but for the stream: that the search hands in one by one, or `held` has it. */
export class ModelGate {
  readonly #send: (event: Event) => void;
  readonly #held: () => Event | undefined;
  readonly #next: Event[] = [];
  readonly #queue: Pushed[] = [];
  #isBusy = false;

  /** `held` gives the next of what arrived while reading was paused, if it goes on by now. */
  constructor(send: (event: Event) => void, held: () => Event | undefined) {
    this.#send = send;
    this.#held = held;
  }

  /** An input in its turn. */
  push(input: Pushed): void {
    this.#queue.push(input);
    this.drain();
  }

  /** What belongs to the step under way. */
  pushNext(event: Event): void {
    this.#next.push(event);
    this.drain();
  }

  /** A callback runs: what it asks for waits until {@link release}, which a microtask brings. */
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
