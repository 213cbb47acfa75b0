/** Returns the bytes in use, on the heap and outside it, after full collections. */
export async function used(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('memory is measured with --expose-gc');
  for (let i = 0; i < 4; i++) {
    // Callbacks that wait for a turn of the event loop, such as a socket's last one, may still hold objects.
    await new Promise((resolve) => setTimeout(resolve, 10));
    globalThis.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
