/** Bytes in use, on the heap and outside it, after collections that leave nothing to collect. */
export async function used(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('memory is measured with --expose-gc');
  for (let i = 0; i < 4; i++) {
    // What waits for a turn of the loop, such as a socket's last callback, may still hold on to something.
    await new Promise((resolve) => setTimeout(resolve, 10));
    globalThis.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
