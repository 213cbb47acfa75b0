import type { LinkEvents } from '../link/link.js';

/** Keeps what a link tells, and lets a test wait for it. */
export class Recorder implements LinkEvents {
  readonly messages: Uint8Array[] = [];
  bytes = 0;
  drains = 0;
  /** The end, and an error for each thing that is told after it: one entry, if the link keeps its word. */
  readonly ends: (Error | 'ended')[] = [];
  onMessage: ((bytes: Uint8Array) => void) | undefined;
  /** Bytes that the next message may have, where it says so. */
  limit: number | undefined;
  #waiters: { ready: () => boolean; resolve: () => void }[] = [];

  get events(): number {
    return this.messages.length + this.drains + this.ends.length;
  }

  // A link may keep this function without the object that it is of.
  readonly frameLimit = (): number => this.limit ?? 2 ** 20;

  message(bytes: Uint8Array): void {
    this.#mustNotHaveEnded();
    this.messages.push(bytes);
    this.bytes += bytes.byteLength;
    this.onMessage?.(bytes);
    this.#check();
  }

  drained(): void {
    this.#mustNotHaveEnded();
    this.drains += 1;
    this.#check();
  }

  ended(): void {
    this.ends.push('ended');
    this.#check();
  }

  failed(error: Error): void {
    this.ends.push(error);
    this.#check();
  }

  until(ready: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ ready, resolve });
      this.#check();
    });
  }

  received(count: number): Promise<void> {
    return this.until(() => this.messages.length >= count);
  }

  async end(): Promise<Error | 'ended'> {
    await this.until(() => this.ends.length > 0);
    return this.ends[0] as Error | 'ended';
  }

  #mustNotHaveEnded(): void {
    if (this.ends.length > 0) this.ends.push(new Error('something was told after the end'));
  }

  #check(): void {
    this.#waiters = this.#waiters.filter(({ ready, resolve }) => {
      if (!ready()) return true;
      resolve();
      return false;
    });
  }
}
