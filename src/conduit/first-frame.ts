import { offAbort, onAbort } from '../base/abort.js';
import type { Link, LinkEvents } from '../link/link.js';

/** Gets what a link tells before its session is there, makes the session with the first of it, and hands everything on. */
class Relay implements LinkEvents {
  readonly #begin: () => void;
  readonly #limit: number;
  #events: LinkEvents | undefined;

  /** `begin` makes the session, which attaches its own events. `limit` is what its first frame may have, in bytes. */
  constructor(begin: () => void, limit: number) {
    this.#begin = begin;
    this.#limit = limit;
  }

  attach(events: LinkEvents): void {
    this.#events = events;
  }

  // A link may keep these functions without the object that they are of.
  readonly message = (bytes: Uint8Array): void => this.#target.message(bytes);
  readonly drained = (): void => this.#events?.drained();
  readonly ended = (): void => this.#target.ended();
  readonly failed = (error: Error): void => this.#target.failed(error);
  readonly frameLimit = (): number => this.#events?.frameLimit?.() ?? this.#limit;

  get #target(): LinkEvents {
    if (this.#events === undefined) this.#begin();
    return this.#events as unknown as LinkEvents;
  }
}

/** Links that were started before their sessions. */
const relays = new WeakMap<Link, Relay>();

/** Starts a link; of one that waits for its first frame, the events go to `events` from now on. */
export function startLink(link: Link, events: LinkEvents): void {
  const relay = relays.get(link);
  relays.delete(link);
  if (relay === undefined) link.start(events);
  else relay.attach(events);
}

interface Timers {
  setTimeout(callback: () => void, timeout: number): unknown;
  clearTimeout(id: unknown): void;
}

/**
 * Starts a link, and calls `begin` once a whole frame is there, the link is over, the signal aborts, or `timeout` has passed (`isLate`). A
 * session costs some 20 KiB, and a peer that says nothing is to cost a link and a timer.
 */
export function whenFrameComes(
  link: Link,
  {
    timeout,
    timers,
    signal,
    frameLimit,
  }: { timeout: number; timers: Timers; signal: AbortSignal | undefined; frameLimit: number },
  begin: (isLate: boolean) => void,
): void {
  const beginOnce = (isLate = false): void => {
    timers.clearTimeout(timer);
    if (signal !== undefined) offAbort(signal, abort);
    begin(isLate);
  };
  const abort = (): void => beginOnce();
  const relay = new Relay(abort, frameLimit);
  try {
    link.start(relay);
  } catch {
    // It will not start for the session either, which knows what to say then.
    begin(false);
    return;
  }
  relays.set(link, relay);
  const timer = timers.setTimeout(() => beginOnce(true), timeout);
  if (signal?.aborted) abort();
  else if (signal !== undefined) onAbort(signal, abort);
}
