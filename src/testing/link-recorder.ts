import type { LinkEvents } from '../link/link.js';

/** Records the events of a link, and lets a test wait for them. */
export class Recorder implements LinkEvents {
  readonly messages: Uint8Array[] = [];
  bytes = 0;
  drains = 0;
  /** The link's end, and an error for each event after it. A correct link gives one entry. */
  readonly ends: (Error | 'ended')[] = [];
  onMessage: ((bytes: Uint8Array) => void) | undefined;
  /** The limit for the next message in bytes. Undefined for the default. */
  limit: number | undefined;
  #waiters: { ready: () => boolean; resolve: () => void }[] = [];

  get events(): number {
    return this.messages.length + this.drains + this.ends.length;
  }

  // A link may call this function without its object, so it is an arrow function.
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
