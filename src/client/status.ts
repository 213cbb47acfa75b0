import type { RoamError } from '../base/errors.js';

/** The state of a client made by `connect`. */
export interface ClientStatus {
  readonly state: /** No session yet, and none wanted: the first call begins one. */
    | 'idle'
    /** An attempt is under way, or waits for its time. Calls wait. */
    | 'connecting'
    /** There is a session. Calls leave. */
    | 'open'
    /** The session goes on, and its link has no connection for now. Calls wait in the link, and leave when it is back. */
    | 'interrupted'
    /** The client has given up, until `reconnect()`. Calls fail. */
    | 'failed'
    /** The client is closed. */
    | 'closed';
  /** When it began, in milliseconds since 1970. */
  readonly since: number;
  /** The number of the attempt since there was a session; while connecting. */
  readonly attempt?: number;
  /** When the next attempt begins, in milliseconds since 1970; while the client waits for that. */
  readonly retryAt?: number;
  /** Why the last attempt failed, or the last session ended. */
  readonly reason?: RoamError;
}

/** The state of a client, and its changes. */
export class StatusFeed implements AsyncIterable<ClientStatus, undefined> {
  #current: ClientStatus;
  readonly #listeners = new Set<() => void>();

  constructor(current: ClientStatus) {
    this.#current = current;
  }

  /** The same object until something changes, as `useSyncExternalStore` needs it. */
  get current(): ClientStatus {
    return this.#current;
  }

  /** Calls back at each change, until the returned function is called. An exception in the listener becomes uncaught. */
  readonly subscribe = (listener: () => void): (() => void) => {
    // A listener of its own, so that the same function may subscribe twice.
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  /** @internal */
  set(status: ClientStatus): void {
    this.#current = status;
    for (const listener of [...this.#listeners]) {
      try {
        listener();
      } catch (error) {
        // A listener of the application must not disturb the client.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Iterates from the current status on. A slow reader gets the newest one only. Ends behind `closed`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ClientStatus, undefined> {
    let told: ClientStatus | undefined;
    let wake: (() => void) | undefined;
    const stop = this.subscribe(() => wake?.());
    try {
      for (;;) {
        if (told === this.#current) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        told = this.#current;
        yield told;
        if (told.state === 'closed') return undefined;
      }
    } finally {
      stop();
    }
  }
}
