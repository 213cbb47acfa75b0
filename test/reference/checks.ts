import type { Counts } from './part.js';

/**
 * The time after which a step of a check counts as hung, in milliseconds. On a busy machine a step takes seconds, so no check
 * has a tighter limit.
 */
export const PATIENCE = 30_000;

/** The same for a whole check. It is longer, so that a step that hangs is named, and the check stops its processes. */
const CHECK_LIMIT = 4 * PATIENCE;

/** Runs checks one after the other, and counts them. Each failure is printed at once. */
export class Checks {
  readonly #where: string;
  #passed = 0;
  readonly #failures: string[] = [];

  /** @param where what the checks are about. It stands before the names of failed ones. */
  constructor(where: string) {
    this.#where = where;
  }

  async check(name: string, run: () => unknown): Promise<void> {
    try {
      await within(Promise.resolve(run()), name, CHECK_LIMIT);
      this.#passed++;
    } catch (error) {
      this.fail(name, error);
    }
  }

  pass(): void {
    this.#passed++;
  }

  fail(name: string, why: unknown): void {
    this.#failures.push(`${this.#where}: ${name}`);
    console.log(`FAILED  ${this.#where}: ${name}\n${why instanceof Error ? why.stack : String(why)}`);
  }

  get counts(): Counts {
    return { passed: this.#passed, failures: this.#failures };
  }
}

/** Rejects if the promise takes longer than `milliseconds`: then something hangs. */
export async function within<T>(promise: Promise<T>, what: string, milliseconds = PATIENCE): Promise<T> {
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

/** Waits until `holds` returns true. Rejects if that takes too long. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + PATIENCE;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Reads a channel to its end. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
