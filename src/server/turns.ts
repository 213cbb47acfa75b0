/** Lets so many pieces of work run at a time. The others wait; the one that came first is next. */
export class Turns {
  readonly #most: number;
  #running = 0;
  /** Each begins its work. */
  readonly #waiting = new Set<() => void>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Runs `work` when it is its turn, and returns its result. The turn is over when the work has ended, or nothing needs its
   * result any more: then `signal` aborts, and the promise rejects with the reason.
   */
  async run<T>(signal: AbortSignal, work: () => T | PromiseLike<T>): Promise<T> {
    await this.#begin(signal);
    try {
      signal.throwIfAborted();
      return await new Promise<T>((resolve, reject) => {
        const abort = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', abort, { once: true });
        // A function of the application may throw instead of rejecting.
        const result = (async () => work())();
        void result.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
      });
    } finally {
      this.#end();
    }
  }

  #begin(signal: AbortSignal): Promise<void> | undefined {
    if (this.#running < this.#most) {
      this.#running++;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(begin);
        reject(signal.reason as Error);
      };
      const begin = (): void => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      this.#waiting.add(begin);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** Gives the turn to the next one that waits. */
  #end(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
