import type { ReliableEnd } from '../../machines/reliable.js';
import { describe, objectOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { isThenable } from '../base/promise.js';
import { warn } from '../base/report.js';
import { principalOf } from '../link/facts.js';
import type { Link, LinkEvents, LinkFacts } from '../link/link.js';
import { networkOf } from '../link/network.js';
import { Sensitive } from '../wire/sensitive.js';
import { Beneath, End, type EndOwner, type ReliableLink } from './end.js';
import { CLOSE, frame } from './frames.js';
import { type ClientHello, isClientHello, readClientHello, rejection, serverHello } from './hello.js';
import { hashOf, nameOf, newKey } from './key.js';
import { commonOf, countOf, type ReliableOptions, timeOf } from './options.js';

/** What `onLink` is told of a link. */
export interface AcceptedLink<Info> {
  /** True for a link that outlives its connections; false for a peer that does not ask for one. */
  readonly isReliable: boolean;
  /** What `take` was given with the link, or with the first of several. */
  readonly info: Info;
}

/** What `onResume` is asked about: a peer that knows the session's key. */
export interface ResumeRequest<Info> {
  /** What `take` was given with the new link, and with the first link of the session. */
  readonly link: Info;
  readonly first: Info;
  /** The value that `authenticate` has given for the peer of the session; undefined without it. */
  readonly principal: unknown;
}

/** Options of {@link reliableAcceptor}. */
export interface ReliableAcceptorOptions<Info = unknown> extends ReliableOptions {
  /**
   * Called with each new link: a reliable one for a peer that asks for it, or else the bare link, unchanged. When it
   * throws, or its promise rejects, the error goes to `onError` and the link is aborted.
   */
  readonly onLink: (link: Link | ReliableLink, accepted: AcceptedLink<Info>) => void | Promise<void>;
  /**
   * Decides if a peer that knows the key of a session may resume it: compare what the links show, such as a certificate or
   * a cookie. A resume brings no Hello and no metadata. Without this function, the key is enough. When it throws, the resume
   * is refused, and the session stays as it was.
   */
  readonly onResume?: (request: ResumeRequest<Info>) => boolean | Promise<boolean>;
  /** Called with errors of `onLink` and `onResume`. By default they are warnings on the console. */
  readonly onError?: (error: unknown) => void;
  /**
   * The time that a session waits for its peer to come back. It must be longer than the dialer's `giveUpAfter` and
   * `helloTimeout` together. The dialer is told.
   *
   * @defaultValue 90000
   */
  readonly grace?: number;
  /**
   * The number of sessions without a link, and the bytes that they hold. Beyond them the session that has waited longest
   * ends. Stops memory held for those who have left.
   *
   * @defaultValue 1024
   */
  readonly detachedSessions?: number;
  /** @defaultValue 64 MiB */
  readonly detachedBytes?: number;
  /**
   * The number of sessions that have ended in order and are remembered, for `grace` or up to twice as long, so that a peer
   * whose link was cut at that moment hears of the end. Each takes some 150 bytes. Beyond the number the oldest is forgotten,
   * and its peer is refused. Stops memory held for sessions that begin and end all the time.
   *
   * @defaultValue 32768
   */
  readonly endedSessions?: number;
  /**
   * Bytes that all sessions together may hold for their peers. Beyond them a session sends one message at a time. Stops
   * thousands of peers that do not acknowledge.
   *
   * @defaultValue 256 MiB
   */
  readonly keptBytes?: number;
  /**
   * Links that have not greeted yet. Beyond them the oldest link of the address with the most of them is aborted: an honest
   * peer that comes last gets in. Stops links that say nothing.
   *
   * @defaultValue 256
   */
  readonly pendingHellos?: number;
}

/** Turns links into reliable links, and gives each session the links of its peer. */
export interface ReliableAcceptor<Info = unknown> {
  /** The number of sessions, with a link or without one. */
  readonly sessions: number;
  /**
   * Takes a link that was not started. `info` is anything that tells what the link shows; `onLink` and `onResume` get it.
   * Links are counted by the `remoteAddress` of `info` or of its `socket`, or else by the one that the link itself knows. The
   * IPv6 addresses of one network (64 bits) count as one.
   */
  take(link: Link, info?: Info): void;
  /** Takes no more links. Sessions with a link go on until they lose it; the others end. Idempotent. */
  close(): void;
}

/** The first message of a bare peer may have so many bytes, as that of any session. */
const FIRST_FRAME = 64 * 1024;

const TEXTS: Readonly<Partial<Record<ReliableEnd, string>>> = {
  gaveUp: 'the peer did not come back within grace',
  mismatch: 'the counts of the two ends do not fit: the peer breaks the protocol',
  flush: 'the peer did not end within flushTimeout',
  abandoned: 'the peer has given the link up',
  oversize: 'the peer sent a message above twice the frame limit',
  unused: 'the link was lost before anything was sent on it',
};

/** A link whose peer has not greeted, or has been refused and is leaving. */
interface Pending<Info> {
  readonly link: Link;
  readonly info: Info;
  readonly address: string;
  readonly timer: unknown;
  /** Where the events go once the link has an owner. */
  events: LinkEvents | undefined;
  isDecided: boolean;
}

/** A session that has ended in order. A peer that has missed the end is told it. */
interface Tombstone {
  readonly received: number;
  readonly total: number;
}

class Acceptor<Info> implements ReliableAcceptor<Info> {
  readonly options: ReliableAcceptorOptions<Info>;
  readonly config;
  readonly #limits: Readonly<
    Record<'detachedSessions' | 'detachedBytes' | 'endedSessions' | 'keptBytes' | 'pendingHellos', number>
  >;
  readonly #sessions = new Map<string, Session<Info>>();
  /** One timer makes the young ones old and forgets the old ones: a timer for each would take more memory than they do. */
  #tombstones = new Map<string, Tombstone>();
  #oldTombstones = new Map<string, Tombstone>();
  #burial: unknown;
  /** Oldest first. */
  readonly #pending = new Set<Pending<Info>>();
  readonly #detached = new Set<Session<Info>>();
  readonly #starved = new Set<Session<Info>>();
  #kept = 0;
  #detachedBytes = 0;
  #isClosed = false;

  constructor(options: ReliableAcceptorOptions<Info>) {
    const { onLink, onResume, onError, grace = 90_000 } = options;
    for (const [name, value] of Object.entries({ onLink, onResume, onError })) {
      if (typeof value !== 'function' && (name === 'onLink' || value !== undefined)) {
        throw new InvalidArgument(`${name} must be a function, not ${describe(value)}`);
      }
    }
    this.options = options;
    this.config = {
      ...commonOf(options, timeOf(grace, 'grace'), 1),
      isDialer: false,
      retriesFirst: false,
      grace,
      backoff: () => 0,
    };
    this.#limits = {
      detachedSessions: countOf(options.detachedSessions ?? 1024, 'detachedSessions'),
      detachedBytes: countOf(options.detachedBytes ?? 64 * 2 ** 20, 'detachedBytes'),
      endedSessions: countOf(options.endedSessions ?? 32 * 1024, 'endedSessions'),
      keptBytes: countOf(options.keptBytes ?? 256 * 2 ** 20, 'keptBytes'),
      pendingHellos: countOf(options.pendingHellos ?? 256, 'pendingHellos'),
    };
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  take(link: Link, info?: Info): void {
    if (this.#isClosed) {
      link.abort();
      return;
    }
    const pending: Pending<Info> = {
      link,
      info: info as Info,
      address: addressOf(info, link),
      timer: this.config.clock.setTimeout(() => this.#drop(pending), this.config.times.hello),
      events: undefined,
      isDecided: false,
    };
    this.#pending.add(pending);
    if (this.#pending.size > this.#limits.pendingHellos) this.#drop(this.#busiest());
    link.start({
      message: (bytes) =>
        pending.events === undefined ? this.#greeted(pending, bytes) : pending.events.message(bytes),
      drained: () => pending.events?.drained(),
      ended: () => (pending.events === undefined ? this.#forget(pending) : pending.events.ended()),
      failed: (error) => (pending.events === undefined ? this.#forget(pending) : pending.events.failed(error)),
      frameLimit: () => pending.events?.frameLimit?.() ?? FIRST_FRAME,
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const pending of [...this.#pending]) this.#drop(pending);
    this.config.clock.clearTimeout(this.#burial);
    this.#tombstones.clear();
    this.#oldTombstones.clear();
    for (const session of [...this.#detached]) session.evict('the acceptor was closed');
  }

  // ---- For the sessions

  /** Counts what a session holds, and ends the oldest sessions without a link while they are too many. */
  changed(session: Session<Info>): void {
    const { end, counted } = session;
    const bytes = session.isOver ? 0 : end.bytes;
    const isDetached = !session.isOver && end.isDetached;
    this.#kept += bytes - counted.bytes;
    this.#detachedBytes += (isDetached ? bytes : 0) - (counted.isDetached ? counted.bytes : 0);
    if (isDetached && !counted.isDetached) this.#detached.add(session);
    if (!isDetached && counted.isDetached) this.#detached.delete(session);
    const isLess = bytes < counted.bytes;
    counted.bytes = bytes;
    counted.isDetached = isDetached;
    if (isLess) this.#feed();
    if (!isDetached) return;
    if (this.#isClosed) session.evict('the acceptor was closed');
    const { detachedSessions, detachedBytes } = this.#limits;
    for (const [oldest] of this.#detached.entries()) {
      if (this.#detached.size > detachedSessions) oldest.evict('detachedSessions was reached');
      else if (this.#detachedBytes > detachedBytes) oldest.evict('detachedBytes was reached');
      else break;
    }
  }

  hasShare(session: Session<Info>): boolean {
    if (this.#kept <= this.#limits.keptBytes) return true;
    this.#starved.add(session);
    return false;
  }

  ended(session: Session<Info>, end: ReliableEnd): void {
    const { hash, end: over } = session;
    session.isOver = true;
    this.#sessions.delete(hash);
    this.#starved.delete(session);
    this.changed(session);
    if (end !== 'closed' || this.#isClosed) return;
    const { received, total } = over.counts;
    this.#tombstones.set(hash, { received, total });
    if (this.#tombstones.size + this.#oldTombstones.size > this.#limits.endedSessions) {
      const older = this.#oldTombstones.size > 0 ? this.#oldTombstones : this.#tombstones;
      const [oldest = ''] = older.keys();
      older.delete(oldest);
    }
    if (this.#burial === undefined) this.#ageTombstones();
  }

  /** Begins a time of `grace`, after which the young tombstones are old. */
  #ageTombstones(): void {
    const { clock, grace } = this.config;
    this.#burial = clock.setTimeout(() => {
      this.#oldTombstones = this.#tombstones;
      this.#tombstones = new Map();
      this.#burial = undefined;
      if (this.#oldTombstones.size > 0) this.#ageTombstones();
    }, grace);
    (this.#burial as { unref?(): void }).unref?.();
  }

  report(message: string, error: unknown): void {
    const { onError } = this.options;
    if (onError === undefined) warn({ kind: 'acceptor-failed', message, error });
    else onError(error);
  }

  // ---- Links that greet

  #busiest(): Pending<Info> {
    const counts = new Map<string, number>();
    for (const { address } of this.#pending) counts.set(address, (counts.get(address) ?? 0) + 1);
    const most = Math.max(...counts.values());
    for (const pending of this.#pending) if (counts.get(pending.address) === most) return pending;
    throw new Error('no link is pending');
  }

  #drop(pending: Pending<Info>): void {
    this.#forget(pending);
    pending.link.abort();
  }

  #forget(pending: Pending<Info>): void {
    this.config.clock.clearTimeout(pending.timer);
    this.#pending.delete(pending);
  }

  #greeted(pending: Pending<Info>, bytes: Uint8Array): void {
    // A dialer waits for our greeting before it sends anything else.
    if (pending.isDecided) {
      if (this.#pending.has(pending)) this.#drop(pending);
      return;
    }
    pending.isDecided = true;
    if (!isClientHello(bytes)) {
      this.#forget(pending);
      const bare = new BareLink(pending.link, bytes);
      pending.events = bare;
      this.#hand(bare, { isReliable: false, info: pending.info });
      return;
    }
    const hello = readClientHello(bytes);
    if (hello === undefined || !hello.isExtended) this.#reject(pending);
    else if (hello.key === undefined) this.#begin(pending);
    else this.#resume(pending, hello, hashOf(hello.key));
  }

  #begin(pending: Pending<Info>): void {
    const session = new Session(this, newKey(), pending.info);
    this.#sessions.set(session.hash, session);
    this.#attach(pending, session, 0);
    this.#hand(session.end, { isReliable: true, info: pending.info });
  }

  #resume(pending: Pending<Info>, hello: ClientHello, hash: string): void {
    const { onResume } = this.options;
    const session = this.#sessions.get(hash);
    if (session === undefined) {
      this.#sayEnd(pending, hello, this.#tombstones.get(hash) ?? this.#oldTombstones.get(hash));
      return;
    }
    const decide = (isAllowed: boolean): void => {
      // The link, or the session, may have ended meanwhile.
      if (!this.#pending.has(pending)) return;
      if (isAllowed === true && this.#sessions.has(hash)) this.#attach(pending, session, hello.received);
      else this.#reject(pending);
    };
    const fail = (error: unknown): void => {
      decide(false);
      this.report('onResume failed', error);
    };
    try {
      const allowed =
        onResume?.({ link: pending.info, first: session.info, principal: principalOf(session.end) }) ?? true;
      if (isThenable(allowed)) (allowed as PromiseLike<boolean>).then(decide, fail);
      else decide(allowed as boolean);
    } catch (error) {
      fail(error);
    }
  }

  #attach(pending: Pending<Info>, session: Session<Info>, low: number): void {
    const { end } = session;
    const beneath = new Beneath(pending.link, end.nextEpoch, true);
    session.offering = pending;
    pending.events = {
      message: (bytes) => end.message(beneath, bytes),
      drained: () => end.drained(beneath),
      ended: () => end.lost(beneath, undefined),
      failed: (error) => end.lost(beneath, error),
      frameLimit: () => end.frameLimit(beneath),
    };
    end.attach(beneath, low);
    // Unless it was refused.
    if (session.offering !== undefined) this.#forget(pending);
    session.offering = undefined;
  }

  /** Tells a peer that its session has ended in order, or that there is none. */
  #sayEnd(pending: Pending<Info>, hello: ClientHello, tombstone: Tombstone | undefined): void {
    if (tombstone === undefined || tombstone.total % 2 ** 32 !== hello.received % 2 ** 32) {
      this.#reject(pending);
      return;
    }
    const { received, total } = tombstone;
    this.#leave(pending, [serverHello(hello.key as Uint8Array, received), frame(CLOSE, total, received)]);
  }

  /** Refuses a peer. The link stays pending until the peer has left. */
  rejectOffer(session: Session<Info>): void {
    const { offering } = session;
    session.offering = undefined;
    if (offering === undefined) return;
    offering.events = undefined;
    this.#reject(offering);
  }

  #reject(pending: Pending<Info>): void {
    this.#leave(pending, [rejection()]);
  }

  #leave(pending: Pending<Info>, last: readonly Uint8Array[]): void {
    try {
      for (const bytes of last) pending.link.send(bytes);
      pending.link.close();
    } catch {
      // The link is over already.
      this.#drop(pending);
    }
  }

  #hand(link: Link, accepted: AcceptedLink<Info>): void {
    const fail = (error: unknown): void => {
      link.abort();
      this.report('onLink failed', error);
    };
    try {
      const result = this.options.onLink(link, accepted);
      if (isThenable(result)) (result as PromiseLike<void>).then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }

  /** Lets sessions write on that waited for memory. */
  #feed(): void {
    if (this.#starved.size === 0 || this.#kept > this.#limits.keptBytes) return;
    const starved = [...this.#starved];
    this.#starved.clear();
    queueMicrotask(() => {
      for (const { end } of starved) end.pump();
    });
  }
}

/** A session of an acceptor. */
class Session<Info> implements EndOwner {
  readonly hash: string;
  readonly info: Info;
  readonly end: End;
  /** What the acceptor's sums have of this session. */
  counted = { bytes: 0, isDetached: false };
  isOver = false;
  /** The link that the end is deciding on. */
  offering: Pending<Info> | undefined;
  readonly #acceptor: Acceptor<Info>;
  readonly #key: Sensitive<Uint8Array>;
  #eviction = '';

  constructor(acceptor: Acceptor<Info>, key: Uint8Array, info: Info) {
    this.#acceptor = acceptor;
    this.#key = new Sensitive(key);
    this.hash = hashOf(key);
    this.info = info;
    this.end = new End(acceptor.config, this);
    this.end.name = nameOf(key);
  }

  evict(why: string): void {
    this.#eviction = why;
    this.end.evict();
  }

  dial(): void {}

  greeting(received: number): Uint8Array {
    return serverHello(this.#key.reveal(), received);
  }

  welcomed(): 'malformed' {
    return 'malformed';
  }

  refuse(): void {
    this.#acceptor.rejectOffer(this);
  }

  hasShare(): boolean {
    return this.#acceptor.hasShare(this);
  }

  changed(): void {
    this.#acceptor.changed(this);
  }

  ended(end: ReliableEnd): void {
    this.#acceptor.ended(this, end);
  }

  explain(end: ReliableEnd): string {
    return end === 'evicted'
      ? `the session was ended: ${this.#eviction}`
      : (TEXTS[end] ?? `the link has ended: ${end}`);
  }
}

/** The link of a bare peer. Its first message was read already, and comes first again. */
class BareLink implements Link, LinkEvents {
  readonly #link: Link;
  readonly #early = new Fifo<Uint8Array>();
  #events: LinkEvents | undefined;
  #ending: 'ended' | Error | undefined;
  #isPaused = false;
  #isOver = false;

  constructor(link: Link, first: Uint8Array) {
    this.#link = link;
    this.#early.push(first);
    link.pause();
  }

  get name(): string | undefined {
    return this.#link.name;
  }

  get buffered(): number {
    return this.#link.buffered;
  }

  get releasesSent(): boolean {
    return this.#link.releasesSent === true;
  }

  facts(): LinkFacts | undefined {
    return this.#link.facts?.();
  }

  get isStream(): boolean {
    return this.#link.isStream === true;
  }

  start(events: LinkEvents): void {
    if (this.#events !== undefined) throw new InvalidArgument('the link has been started already');
    this.#events = events;
    this.resume();
  }

  send(bytes: Uint8Array): void {
    this.#link.send(bytes);
  }

  pause(): void {
    this.#isPaused = true;
    this.#link.pause();
  }

  resume(): void {
    this.#isPaused = false;
    queueMicrotask(() => this.#goOn());
  }

  close(): void {
    this.#link.close();
    this.resume();
  }

  abort(): void {
    this.#isOver = true;
    this.#link.abort();
  }

  // ---- The events of the link

  message(bytes: Uint8Array): void {
    if (this.#events === undefined || this.#early.length > 0) this.#early.push(bytes);
    else this.#events.message(bytes);
  }

  drained(): void {
    this.#events?.drained();
  }

  ended(): void {
    this.#finish('ended');
  }

  failed(error: Error): void {
    this.#finish(error);
  }

  readonly frameLimit = (): number => this.#events?.frameLimit?.() ?? FIRST_FRAME;

  #finish(ending: 'ended' | Error): void {
    this.#ending = ending;
    this.#goOn();
  }

  /** Passes on what came early, then the end. */
  #goOn(): void {
    const events = this.#events;
    if (events === undefined || this.#isPaused) return;
    while (this.#early.length > 0 && !this.#isPaused && !this.#isOver)
      events.message(this.#early.shift() as Uint8Array);
    if (this.#isPaused || this.#isOver) return;
    if (this.#ending === undefined) {
      this.#link.resume();
      return;
    }
    this.#isOver = true;
    if (this.#ending === 'ended') events.ended();
    else events.failed(this.#ending);
  }
}

/** The network that the links of a peer are counted by. */
function addressOf(info: unknown, link: Link): string {
  const { remoteAddress, socket } = (info ?? {}) as { remoteAddress?: unknown; socket?: { remoteAddress?: unknown } };
  return networkOf(String(remoteAddress ?? socket?.remoteAddress ?? link.facts?.()?.remoteAddress ?? ''));
}

/**
 * Accepts links that outlive the links beneath them; the other ends are {@link reliableLink}s. Each raw link of a listener
 * goes to `take`. A new peer gets a new link, and `onLink` is called. A peer that comes back with its session's key goes on
 * where it was. A peer that does not ask for a reliable link is passed to `onLink` as it is, so one listener serves both.
 *
 * @example
 * const acceptor = reliableAcceptor({ onLink: async (link) => void (await accept(link, { onConnection })) });
 * await using listener = await listenTcp({ port: 9000 }, (link, socket) => acceptor.take(link, socket));
 *
 * @throws InvalidArgument at once, when an option is out of range.
 */
export function reliableAcceptor<Info = unknown>(options: ReliableAcceptorOptions<Info>): ReliableAcceptor<Info> {
  objectOf(options, 'options');
  return new Acceptor(options);
}
