interface Timer {
  readonly delay: number;
  readonly due: number;
  readonly callback: () => void;
}

/**
 * A clock whose timers go off one at a time, as a path says. With real time, timers that are due earlier would go off too.
 * Each timer of a machine has its own delay, which identifies it.
 */
export class StepClock {
  readonly #timers = new Map<number, Timer>();
  #now = 0;
  #last = 0;

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delay: number): number {
    if (!Number.isFinite(delay) || delay < 0) throw new RangeError(`a timer of ${String(delay)} ms`);
    this.#timers.set(++this.#last, { delay, due: this.#now + delay, callback });
    return this.#last;
  }

  clearTimeout(id: number): void {
    this.#timers.delete(id);
  }

  /** The delays of the timers that run, by the numbers of the timers. */
  get running(): ReadonlyMap<number, number> {
    return new Map([...this.#timers].map(([id, { delay }]) => [id, delay]));
  }

  fire(delay: number): void {
    const found = [...this.#timers].find(([, timer]) => timer.delay === delay);
    if (found === undefined) throw new Error(`no timer of ${String(delay)} ms runs`);
    const [id, { due, callback }] = found;
    this.#timers.delete(id);
    this.#now = Math.max(this.#now, due);
    callback();
  }
}
