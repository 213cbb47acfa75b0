import { offAbort, onAbort } from '../base/abort.js';
import { type Clock, REAL_CLOCK } from '../base/clock.js';
import { firstFrameLimit, type Limits } from '../base/limits.js';
import type { Link, LinkEvents } from '../link/link.js';
import { Pace } from '../link/pace.js';
import { detached } from './receive-queue.js';

/** Paces the sessions that begin, of all listeners of the process. */
const pace = new Pace();

/** Bytes of messages that wait for their sessions, of all links together. */
let keptBytes = 0;
/** What may wait: bytes of all links, and messages of one, which may be empty. Beyond that a session begins at once. */
const [MOST_KEPT, MOST_MESSAGES] = [16 * 1024 * 1024, 64];

interface Options {
  readonly limits: Limits;
  readonly authenticate?: object | undefined;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock | undefined;
}

/**
 * Receives the events of a link before its session exists. The first message, end or failure makes the session. The
 * relay passes all events on to it.
 */
class Relay implements LinkEvents {
  readonly #link: Link;
  readonly #options: Options;
  readonly #makeSession: (isLate: boolean) => void;
  #timer: unknown;
  #isLate = false;
  #events: LinkEvents | undefined;
  /** The events that wait for the session, from the first one until it has begun. */
  #kept: ((events: LinkEvents) => void)[] | undefined;
  #bytes = 0;
  #isPaused = false;
  #hasBegun = false;
  #isInterrupted = false;

  /** `makeSession` makes the session, which attaches its own events. */
  constructor(link: Link, options: Options, makeSession: (isLate: boolean) => void) {
    this.#link = link;
    this.#options = options;
    this.#makeSession = makeSession;
  }

  /** Makes the session also when its time is nearly over, or when the signal aborts. */
  watch(): void {
    const { limits, signal, clock = REAL_CLOCK } = this.#options;
    this.#timer = clock.setTimeout(() => {
      this.#isLate = true;
      this.#begin();
    }, limits.handshakeTimeout - 1);
    if (signal?.aborted) this.#begin();
    else if (signal !== undefined) onAbort(signal, this.#begin);
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
  message = (bytes: Uint8Array): void => {
    if (this.#events !== undefined) {
      this.#events.message(bytes);
    } else {
      const kept = detached(bytes);
      this.#bytes += kept.length;
      keptBytes += kept.length;
      this.#pass((events) => events.message(kept));
    }
  };
  drained = (): void => this.#events?.drained();
  readonly ended = (): void => this.#pass((events) => events.ended());
  readonly failed = (error: Error): void => this.#pass((events) => events.failed(error));
  readonly interrupted = (): void => {
    this.#isInterrupted = true;
    this.#events?.interrupted?.();
  };
  readonly restored = (): void => {
    this.#isInterrupted = false;
    this.#events?.restored?.();
  };
  // One read may bring more than the first message. Until the peer is known, no message may be longer than the first.
  frameLimit = (): number => {
    const { limits, authenticate } = this.#options;
    const isNext = this.#bytes > 0 && authenticate === undefined;
    return this.#events?.frameLimit?.() ?? (isNext ? limits.frame : firstFrameLimit(limits));
  };

  #pass(event: (events: LinkEvents) => void): void {
    if (this.#events !== undefined) {
      event(this.#events);
    } else if (this.#kept !== undefined) {
      this.#kept.push(event);
      if (this.#kept.length > MOST_MESSAGES) this.#start();
    } else {
      this.#kept = [event];
      this.#begin();
    }
  }

  /** Makes the session, in a later turn if this one has no time left. */
  readonly #begin = (): void => {
    this.#kept ??= [];
    const { signal, clock } = this.#options;
    (clock ?? REAL_CLOCK).clearTimeout(this.#timer);
    if (signal !== undefined) offAbort(signal, this.#begin);
    if (clock === undefined && keptBytes <= MOST_KEPT) pace.add(this.#start);
    else this.#start();
    // A peer that says more meanwhile waits, too.
    this.#isPaused = this.#kept !== undefined;
    if (this.#isPaused) this.#link.pause();
  };

  readonly #start = (): void => {
    if (this.#hasBegun) return; // Before its turn, since too much waited.
    this.#hasBegun = true;
    // Before the session exists, which may pause the link itself.
    if (this.#isPaused) this.#link.resume();
    keptBytes -= this.#bytes;
    this.#makeSession(this.#isLate);
    for (const event of this.#kept ?? []) event(this.#events as LinkEvents);
    this.#kept = undefined;
  };
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
 * Starts a link. Calls `begin` when a whole frame has arrived, the link is over, the signal aborts, or all but a millisecond of
 * `limits.handshakeTimeout` has passed (`isLate`). Until then a peer that says nothing costs a link and a timer, not the 20 KiB of
 * a session. Of many sessions some begin in later turns of the event loop; with a `clock` of its own, each begins at once.
 */
export function whenFrameComes(link: Link, options: Options, begin: (isLate: boolean) => void): void {
  const relay = new Relay(link, options, begin);
  try {
    link.start(relay);
  } catch {
    // The link will not start for the session either. The session then reports why.
    begin(false);
    return;
  }
  relays.set(link, relay);
  relay.watch();
}
