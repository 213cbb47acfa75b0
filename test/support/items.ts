import type { Rx } from '../../src/index.js';

/** Takes so many items, and notes them. */
export async function take(rx: Rx, count: number): Promise<number[]> {
  const items: number[] = [];
  const iterator = rx[Symbol.asyncIterator]();
  while (items.length < count) {
    const { value, done } = await iterator.next();
    if (done) break;
    items.push(value[0] as number);
  }
  return items;
}
