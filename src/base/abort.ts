/** The callbacks that wait for a signal, and the one listener that calls them. */
interface Waiting {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/**
 * An entry exists only while callbacks wait for its signal. A WeakMap, because V8 gives a Map that changes this often a new
 * table each time, and the contents of an old table live until the next full collection.
 */
const waiting = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back once when `signal` aborts. One listener serves all callbacks of the same signal: many calls, or opens, often
 * share one signal, and Node warns of a leak from eleven listeners on.
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

/** Removes a callback that `onAbort` added. */
export function offAbort(signal: AbortSignal, callback: () => void): void {
  const there = waiting.get(signal);
  if (there === undefined || !there.callbacks.delete(callback) || there.callbacks.size > 0) return;
  waiting.delete(signal);
  signal.removeEventListener('abort', there.listener);
}
