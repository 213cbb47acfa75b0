import type { Metadata } from '../wire/metadata.js';

/** The key in a Close's metadata that says that the sender did not come to its end. */
const ABORTED = 'aborted';

export const ABORTED_METADATA: Metadata = [{ key: ABORTED, value: 1n, flags: 0n }];

export function isAborted(metadata: Metadata): boolean {
  return metadata.some(({ key }) => key === ABORTED);
}

/** Returns a stream that takes an item when one is read, and none ahead: credit is granted for the items that are taken. */
// r[rpc.flow-control.credit]
export function readableOf<T>(items: AsyncIterator<T, undefined>): ReadableStream<T> {
  return new ReadableStream<T>(
    {
      pull: async (controller) => {
        const { value, done } = await items.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => {
        await items.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** Returns a stream of which each write waits for the receiver's credit. */
export function writableOf<T>(sender: {
  send(item: T): Promise<void>;
  close(): Promise<void>;
  abort(): void;
}): WritableStream<T> {
  return new WritableStream<T>({
    // Abort by the signal: the sink's own `abort` is called only after the write that is under way, which may wait for
    // ever.
    start: ({ signal }) => signal.addEventListener('abort', () => sender.abort()),
    write: (item) => sender.send(item),
    close: () => sender.close(),
  });
}
