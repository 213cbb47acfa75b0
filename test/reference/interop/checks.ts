import type { Counts } from '../part.js';
import { TIME_LIMIT } from './rust.js';

/** Runs checks one after the other, each within a time limit, and counts them. */
export class Checks {
  readonly #where: string;
  #passed = 0;
  #failed = 0;

  constructor(where: string) {
    this.#where = where;
  }

  async check(name: string, run: () => Promise<void>): Promise<void> {
    try {
      await within(run(), TIME_LIMIT, name);
      this.#passed++;
    } catch (error) {
      this.#failed++;
      console.log(`FAILED  ${this.#where}: ${name}\n${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  get counts(): Counts {
    return { passed: this.#passed, failed: this.#failed };
  }
}

/** Rejects if the promise takes longer than `milliseconds`: then some part of the session hangs. */
export async function within<T>(promise: Promise<T>, milliseconds: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not settled within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `holds` returns true, and rejects after a time. */
export async function until(holds: () => boolean, milliseconds: number, what: string): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Reads a channel to its end. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
