/** A clock for timers, such as XState's `SimulatedClock`. */
export interface Clock {
  setTimeout(callback: () => void, timeout: number): unknown;
  clearTimeout(id: unknown): void;
}

/** The real time. The functions of a browser throw if they are called as methods of another object. */
export const REAL_CLOCK: Clock = {
  setTimeout: (callback, timeout) => setTimeout(callback, timeout),
  clearTimeout: (id) => clearTimeout(id as number),
};
