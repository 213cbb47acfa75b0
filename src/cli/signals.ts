/** Resolves with the first signal; the second one ends the process. */
export function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    let isFirst = true;
    for (const [signal, number] of [
      ['SIGINT', 2],
      ['SIGTERM', 15],
    ] as const) {
      process.on(signal, () => {
        if (!isFirst) process.exit(128 + number);
        isFirst = false;
        resolve();
      });
    }
  });
}
