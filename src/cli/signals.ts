const SIGNALS = [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const;

/** How long a command may take to end after a signal, also when its peers do nothing. Milliseconds. */
const END_MS = 1_500;

/** Resolves with the first signal; the second one ends the process. */
export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    onFirstSignal(() => resolve());
  });
}

/**
 * Calls `stop` at the first signal. A command that has not ended {@link END_MS} later is ended then, and by the second signal
 * at once. Returns what calls it off; what the first signal has begun stays.
 */
export function stopAtSignal(stop: () => void): () => void {
  return onFirstSignal((status) => {
    // It keeps nothing alive: a command that has nothing left to do ends before.
    setTimeout(() => process.exit(status), END_MS).unref();
    stop();
  });
}

function onFirstSignal(listener: (status: number) => void): () => void {
  let isFirst = true;
  const listeners = SIGNALS.map(([signal, number]) => {
    const onSignal = () => {
      const status = 128 + number;
      if (!isFirst) process.exit(status);
      isFirst = false;
      listener(status);
    };
    process.on(signal, onSignal);
    return () => void process.removeListener(signal, onSignal);
  });
  return () => {
    for (const remove of listeners) remove();
  };
}
