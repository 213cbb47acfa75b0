import { offAbort, onAbort } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import type { Link, LinkEvents } from '../link/link.js';

/**
 * Receives the events of a link before its session exists. The first message, end or failure makes the session. The
 * relay passes all events on to it.
 */
class Relay implements LinkEvents {
  readonly #begin: () => void;
  readonly #limit: number;
  #events: LinkEvents | undefined;
  #isInterrupted = false;

  /**
   * `begin` makes the session, which attaches its own events. `limit` is the size of the session's first frame at most,
   * in bytes.
   */
  constructor(begin: () => void, limit: number) {
    this.#begin = begin;
    this.#limit = limit;
  }

  /** Passes all events to `events` from now on. Its functions need no `this`, so the frequent ones replace our own. */
  attach(events: LinkEvents): void {
    this.#events = events;
    this.message = events.message;
    this.drained = events.drained;
    this.frameLimit = events.frameLimit ?? this.frameLimit;
    if (this.#isInterrupted) events.interrupted?.();
  }

  // Arrow functions, since a link may keep these functions without their object.
  message = (bytes: Uint8Array): void => this.#target.message(bytes);
  drained = (): void => this.#events?.drained();
  readonly ended = (): void => this.#target.ended();
  readonly failed = (error: Error): void => this.#target.failed(error);
  readonly interrupted = (): void => {
    this.#isInterrupted = true;
    this.#events?.interrupted?.();
  };
  readonly restored = (): void => {
    this.#isInterrupted = false;
    this.#events?.restored?.();
  };
  frameLimit = (): number => this.#events?.frameLimit?.() ?? this.#limit;

  get #target(): LinkEvents {
    if (this.#events === undefined) this.#begin();
    return this.#events as unknown as LinkEvents;
  }
}

/** The relays of links that were started before their sessions. */
const relays = new WeakMap<Link, Relay>();

/** Starts a link. If the link was started already, to wait for its first frame, its events go to `events` from now on. */
export function startLink(link: Link, events: LinkEvents): void {
  const relay = relays.get(link);
  relays.delete(link);
  if (relay === undefined) link.start(events);
  else relay.attach(events);
}

/**
 * Starts a link. Calls `begin` when a whole frame has arrived, the link is over, the signal aborts, or `timeout`
 * milliseconds have passed (`isLate`). A session costs some 20 KiB: until then a peer that says nothing costs only a
 * link and a timer.
 */
export function whenFrameComes(
  link: Link,
  {
    timeout,
    timers,
    signal,
    frameLimit,
  }: { timeout: number; timers: Clock; signal: AbortSignal | undefined; frameLimit: number },
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
    // The link will not start for the session either. The session then reports why.
    begin(false);
    return;
  }
  relays.set(link, relay);
  const timer = timers.setTimeout(() => beginOnce(true), timeout);
  if (signal?.aborted) abort();
  else if (signal !== undefined) onAbort(signal, abort);
}
