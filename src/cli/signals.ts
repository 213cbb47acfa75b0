const SIGNALS = [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const;

/** The time for a command to end after a signal, also when its peers do nothing. Milliseconds. */
const END_MS = 1_500;

/** Resolves with the first signal. The second one ends the process. */
export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    onFirstSignal(() => resolve());
  });
}

/**
 * Calls `stop` at the first signal. The process is ended {@link END_MS} later, or at the second signal at once. The returned
 * function removes the handler. It does not undo a first signal.
 */
export function stopAtSignal(stop: () => void): () => void {
  return onFirstSignal((status) => {
    // The timer does not keep the process alive: a command that has nothing left to do ends earlier.
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
