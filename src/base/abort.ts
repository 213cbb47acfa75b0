/** What waits for a signal, and the one listener that tells it. */
interface Waiting {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/**
 * Nothing is kept of a signal that nothing waits for. Not a plain Map: V8 gives one that changes so much a new table each
 * time, and what an old table has held lives until the next full collection.
 */
const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back once when `signal` aborts. One listener serves all that wait for the same signal: many calls, or opens, often share
 * one, and from eleven listeners on Node warns of a leak.
 */
export function onAbort(signal: AbortSignal, callback: () => void): void {
  const there = waiting.get(signal);
  if (there !== undefined) {
    there.callbacks.add(callback);
    return;
  }
  const callbacks = new Set([callback]);
  const listener = (): void => {
    waiting.delete(signal);
    for (const each of callbacks) each();
  };
  waiting.set(signal, { callbacks, listener });
  signal.addEventListener('abort', listener, { once: true });
}

/** Calls it off. */
export function offAbort(signal: AbortSignal, callback: () => void): void {
  const there = waiting.get(signal);
  if (there === undefined || !there.callbacks.delete(callback) || there.callbacks.size > 0) return;
  waiting.delete(signal);
  signal.removeEventListener('abort', there.listener);
}
