import { type ActorRef, createActor, type SnapshotFrom } from 'xstate';
import { type AttemptFailure, type ClientEvent, clientMachine } from '../../machines/client.js';
import { describe, objectOf } from '../base/check.js';
import { type Clock, REAL_CLOCK } from '../base/clock.js';
import {
  HandshakeError,
  InvalidArgument,
  KeepaliveError,
  LimitExceeded,
  LinkError,
  ProtocolError,
  Refused,
  type RoamError,
  SessionClosed,
  Unavailable,
} from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import type { Link } from '../link/link.js';
import type { Methods } from '../service/calls.js';
import type { Client, ClientOptions } from '../service/client.js';
import type { Service } from '../service/service.js';
import { entriesOf } from '../session/authentication.js';
import { initiate } from '../session/default-codec.js';
import type { Session } from '../session/session.js';
import type { Metadata } from '../wire/metadata.js';
import { type DialedLink, Dialer, heard, type OpenUrl } from './dialer.js';
import { type NetworkEvent, watchNetwork } from './network.js';
import {
  type Attempt,
  type ClientConfig,
  type ConnectOptions,
  checkedTargets,
  configOf,
  type Target,
  type Targets,
  type TestOptions,
} from './options.js';
import { type HandleOwner, type OpenSession, RetryBudget, ServiceHandle } from './service-handle.js';
import { type ClientStatus, StatusFeed } from './status.js';

/** A client's actor: its state, for inspectors and for `waitFor`. */
export type ClientActorRef = ActorRef<SnapshotFrom<typeof clientMachine>, ClientEvent>;

/** Milliseconds that the answer to a probe may take. With the rest, a device that wakes has a session within 5 s. */
const PROBE_TIMEOUT = 2_500;

/** Milliseconds that a session that was left may take to end its calls and channels. */
const LEFT_TIMEOUT = 60_000;

/** Sessions that were left, at most. Beyond them the oldest one ends at once. */
const MOST_LEFT = 4;

/** Milliseconds between two looks at the channels of a session without calls. */
const LOOK_INTERVAL = 1_000;

const CLOSE_TIMEOUT = 5_000;

/** A session, its link, and its calls. */
interface Entry extends OpenSession {
  calls: number;
  isProbing: boolean;
  /** Its link outlives its connections, and has none for now. */
  isInterrupted: boolean;
  /** When the client has left it, by its clock. */
  leftAt: number;
  /** Why the client itself has declared the peer lost. */
  lose(error: Error): void;
}

/** An attempt that is under way. */
interface Running {
  readonly controller: AbortController;
  /** Once the handshake is over. */
  entry?: Entry;
}

/** A caller of `session()`. */
interface SessionWaiter {
  start(session: Session): void;
  fail(error: Error): void;
}

/** A client that has a session whenever it can; see {@link connect}. */
export class ReconnectingClient implements AsyncDisposable {
  /** `await using` closes the client. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  /** The state, now and as it changes. */
  readonly status: AsyncIterable<ClientStatus, undefined> & {
    readonly current: ClientStatus;
    subscribe(listener: () => void): () => void;
  };
  readonly actor: ClientActorRef;

  readonly #config: ClientConfig;
  readonly #dialer: Dialer;
  readonly #clock: Clock & { now?(): number };
  readonly #feed: StatusFeed;
  readonly #handles = new Set<ServiceHandle<Methods>>();
  /** The handles of `use` without options, by service. */
  readonly #shared = new Map<object, unknown>();
  readonly #sessionWaiters = new Set<SessionWaiter>();
  readonly #budget = new RetryBudget();
  readonly #owner: HandleOwner;
  readonly #stopWatching: () => void;
  #waitingCalls = 0;
  #waitingBytes = 0;
  #attempt: Running | undefined;
  /** The number of attempts since there was a session. */
  #attempts = 0;
  #round: readonly Target[];
  /** The place in the round of the target that is next. */
  #next = 0;
  #current: Entry | undefined;
  /** True if the chart was told that the current session has no work. Each call looks at it, so it is no state of the chart. */
  #isQuiet = false;
  /** True once the chart waits for the last calls. */
  #isClosing = false;
  /** The timer of the next look at the channels of the current session. */
  #looking: unknown;
  readonly #left = new Map<Entry, unknown>();
  /** All sessions that are not over. */
  readonly #entries = new Set<Entry>();
  #reason: RoamError | undefined;
  /** The chart's state that `status` shows. */
  #told = '';
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => {};

  /** @internal */
  constructor(openUrl: OpenUrl, to: Targets, options: ConnectOptions & TestOptions) {
    const config = configOf(to, options);
    const { clock, inspect } = config.session;
    this.#config = config;
    this.#dialer = new Dialer(openUrl, config.resumes, config.settings.attemptTimeout, clock);
    this.#clock = clock ?? REAL_CLOCK;
    this.#round = config.targets;
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#feed = new StatusFeed({ state: 'idle', since: this.#now() });
    this.status = this.#feed;
    this.#owner = this.#makeOwner();
    const port = {
      dial: () => this.#dial(),
      prepare: () => this.#prepare(),
      adopt: () => this.#adopt(),
      abandon: () => this.#abandon(),
      leave: () => this.#leave(),
      probe: () => this.#probe(),
      failCalls: ({ why }: { why: 'gave up' | 'closed' }) => {
        // No more calls leave. Those that have left are answered.
        this.#current = undefined;
        this.#failCalls(why === 'closed' ? new SessionClosed('local') : this.#unavailable());
      },
      awaitCalls: () => this.#awaitCalls(),
      dispose: () => this.#dispose(),
      // Snapshots go to inspectors.
      toJSON: () => undefined,
    };
    const actor = createActor(clientMachine, {
      input: { port, settings: config.settings },
      // Waiting for a better time keeps no process alive.
      clock: clock ?? UNREFERENCED,
      ...(inspect === undefined ? {} : { inspect }),
    });
    this.actor = actor;
    actor.subscribe((snapshot) => this.#tell(snapshot));
    actor.start();
    this.#stopWatching = watchNetwork(
      (event) => this.#onNetwork(event),
      () => this.#now(),
    );
    if (!config.isLazy) this.reconnect();
  }

  /**
   * Uses a service of the server. The client is good across sessions: its calls wait for a session if there is none, and
   * leave in the order in which they were made. In each session it opens a connection of its own, at the first call there;
   * with `on: 'root'` it calls on the root. `using` gives it back.
   *
   * Its calls reject as those of `service.client` do. They also reject with LimitExceeded when they wait for a session
   * longer than `waitTimeout`, or more calls wait than `waitingCalls` or `waitingBytes`; with Unavailable when the client has
   * given up; with SessionClosed when it is closed.
   *
   * @throws InvalidArgument when `service` is no service, or an option is wrong.
   */
  use<M extends Methods>(service: Service<M>, options: ClientOptions<M> & { readonly on?: 'root' } = {}): Client<M> {
    if (typeof service?.encodeArgs !== 'function') throw new InvalidArgument('use takes a service, as service() gives');
    objectOf(options, 'options');
    const { on, ...rest } = options;
    if (on !== undefined && on !== 'root')
      throw new InvalidArgument(`on must be 'root', or absent, not ${describe(on)}`);
    service.checkOptions(rest as ClientOptions<M>, Number.POSITIVE_INFINITY);
    // Clients without options of their own share one connection: `client.use(Adder).add(3, 5)` opens none for each call.
    const isShared = Object.keys(options).length === 0;
    let handle = isShared ? (this.#shared.get(service) as ServiceHandle<M> | undefined) : undefined;
    if (handle === undefined) {
      handle = new ServiceHandle(this.#owner, service, rest as ClientOptions<M>, on === 'root');
      this.#handles.add(handle as unknown as ServiceHandle<Methods>);
      if (isShared) this.#shared.set(service, handle);
    }
    return handle.share();
  }

  /**
   * Resolves with the current session, once there is one. It rejects as a call of `use` does that waits.
   */
  session(): Promise<Session> {
    if (this.#current !== undefined) return Promise.resolve(this.#current.session);
    const error = this.#refusal() ?? this.#enter(0);
    if (error !== undefined) return Promise.reject(error);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#clock.clearTimeout(timer);
        this.#sessionWaiters.delete(waiter);
        this.#exit(0);
      };
      const waiter: SessionWaiter = {
        start: (session) => {
          end();
          resolve(session);
        },
        fail: (why) => {
          end();
          reject(why);
        },
      };
      const { waitTimeout } = this.#config;
      const timer = this.#clock.setTimeout(
        () =>
          waiter.fail(new LimitExceeded('waitTimeout', `no session within ${waitTimeout} ms${this.#owner.trouble}`)),
        waitTimeout,
      );
      this.#sessionWaiters.add(waiter);
      this.#owner.want();
    });
  }

  /**
   * Dials now, with fresh credentials. A session that is open gets no more calls; it ends when its calls and channels have,
   * within 60 s. No effect while an attempt is under way.
   */
  reconnect(): void {
    this.#send({ type: 'app.reconnect' });
  }

  /**
   * Closes the client: calls that wait fail with SessionClosed, calls that have left may take `timeout` milliseconds more
   * (5 000 by default), and then all ends. Resolves when nothing of it is left.
   */
  async close(options: { readonly timeout?: number } = {}): Promise<void> {
    objectOf(options, 'options');
    const { timeout = CLOSE_TIMEOUT } = options;
    if (!(Number.isFinite(timeout) && timeout >= 0 && timeout <= MAX_DELAY)) {
      throw new InvalidArgument(
        `timeout must be a number of milliseconds from 0 to 2^31 − 1, not ${describe(timeout)}`,
      );
    }
    this.#send({ type: 'app.close', timeout });
    return this.#closed;
  }

  toJSON(): unknown {
    return { status: this.#feed.current };
  }

  static {
    // A browser may not have the symbol yet.
    if (Symbol.asyncDispose !== undefined) {
      Object.defineProperty(ReconnectingClient.prototype, Symbol.asyncDispose, {
        value(this: ReconnectingClient): Promise<void> {
          return this.close();
        },
      });
    }
  }

  #send(event: ClientEvent): void {
    if (this.actor.getSnapshot().status === 'active') this.actor.send(event);
  }

  // ---- The chart's effects ----

  #dial(): void {
    this.#abandon();
    this.#attempts++;
    const controller = new AbortController();
    const attempt: Running = { controller };
    this.#attempt = attempt;
    this.#connect({ number: this.#attempts, signal: controller.signal }).then(
      (entry) => {
        if (this.#attempt !== attempt) {
          entry.session.shutdown();
          return;
        }
        attempt.entry = entry;
        // The session may have ended together with the handshake.
        if (this.#entries.has(entry)) this.#send({ type: 'attempt.established' });
        else this.#fail(new LinkError('the session ended at once'));
      },
      (error: unknown) => {
        if (this.#attempt === attempt) this.#fail(error);
      },
    );
  }

  #fail(error: unknown): void {
    const why = failureOf(error);
    this.#reason = asRoamError(error);
    // Fresh credentials are for the same target.
    if (why === 'unauthenticated') this.#next--;
    const isRoundOver = this.#next >= this.#round.length;
    this.#send({ type: 'attempt.failed', why, isRoundOver, jitter: this.#config.random() });
  }

  /** Resolves with a new session, or rejects with the reason why there is none. */
  async #connect(attempt: Attempt): Promise<Entry> {
    const { credentials, session: options } = this.#config;
    const target = this.#nextTarget();
    const secret =
      credentials === undefined
        ? []
        : entriesOf(await within(attempt.signal, credentials(attempt)), 'the result of credentials');
    const dialed = await this.#open(target, attempt);
    const { link } = dialed;
    let entry: Entry;
    try {
      entry = this.#watch(dialed);
      const metadata: Metadata = [...(options.metadata ?? []), ...secret];
      const session = await initiate(link, { ...options, metadata, signal: attempt.signal, notices: true });
      Object.assign(entry, { session });
      session.on('draining', () => this.#onDraining(entry));
      // The notice may come with the handshake.
      if (session.isPeerDraining) throw new Unavailable('the peer takes no more calls');
    } catch (error) {
      link.abort();
      throw error;
    }
    dialed.established();
    this.#entries.add(entry);
    void entry.session.closed.then(({ error }) => this.#over(entry, error));
    return entry;
  }

  #nextTarget(): Target {
    if (this.#next >= this.#round.length) {
      this.#round = this.#config.targets;
      this.#next = 0;
    }
    return this.#round[this.#next++] as Target;
  }

  async #open(target: Target, attempt: Attempt): Promise<DialedLink> {
    const { signal } = attempt;
    if (typeof target !== 'function') return this.#dialer.open(target, signal);
    const given: unknown = await within(signal, target(attempt), (late) => (late as Partial<Link>)?.abort?.());
    if (!Array.isArray(given)) return heard(given as Link);
    // A function gave the targets of this round.
    this.#round = checkedTargets(given, this.#config.isInsecureAllowed);
    this.#next = 1;
    const [first] = this.#round as [Target];
    if (typeof first !== 'function') return this.#dialer.open(first, signal);
    return heard(await within(signal, first(attempt), (late) => late.abort()));
  }

  /** Makes the entry of a session to come. */
  #watch(dialed: DialedLink): Entry {
    dialed.onInterrupted = (isInterrupted) => {
      entry.isInterrupted = isInterrupted;
      if (entry === this.#current) this.#send({ type: isInterrupted ? 'session.interrupted' : 'session.restored' });
    };
    const entry: Omit<Entry, 'session'> = {
      calls: 0,
      isProbing: false,
      isInterrupted: false,
      leftAt: 0,
      begin: () => {
        entry.calls++;
        if (this.#isQuiet && entry === this.#current) this.#tellOfWork(true);
      },
      finish: () => {
        entry.calls--;
        if (entry.calls === 0) this.#onQuiet(entry as Entry);
      },
      lose: (error) => dialed.lose(error),
    };
    return entry as Entry;
  }

  #prepare(): void {
    const attempt = this.#attempt;
    const entry = attempt?.entry;
    if (attempt === undefined || entry === undefined) return;
    const { onSession } = this.#config;
    if (onSession === undefined) {
      this.#send({ type: 'attempt.prepared' });
      return;
    }
    (async () => onSession(entry.session))().then(
      () => {
        if (this.#attempt === attempt) this.#send({ type: 'attempt.prepared' });
      },
      (error: unknown) => {
        if (this.#attempt === attempt) this.#fail(error);
      },
    );
  }

  #adopt(): void {
    const entry = this.#attempt?.entry as Entry;
    this.#attempt = undefined;
    this.#attempts = 0;
    this.#current = entry;
    this.#isQuiet = false;
    this.#reason = undefined;
    // Behind the step: XState warns when an effect of one machine starts another one.
    queueMicrotask(() => {
      if (this.#current !== entry) return;
      if (entry.isInterrupted) this.#send({ type: 'session.interrupted' });
      for (const waiter of this.#sessionWaiters) waiter.start(entry.session);
      for (const handle of this.#handles) handle.sessionOpened();
      if (entry.calls === 0) this.#onQuiet(entry);
    });
  }

  #abandon(): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.controller.abort();
    attempt?.entry?.session.shutdown();
  }

  #leave(): void {
    const entry = this.#current;
    this.#current = undefined;
    if (entry === undefined) return;
    this.#left.set(entry, undefined);
    entry.leftAt = this.#now();
    this.#look(entry);
    if (this.#left.size > MOST_LEFT) this.#left.keys().next().value?.session.shutdown();
  }

  /** Ends a session that was left if its work is done, or has taken too long. */
  #look(entry: Entry): void {
    this.#clock.clearTimeout(this.#left.get(entry));
    const isDone = entry.calls === 0 && !entry.session.hasWork;
    if (isDone || this.#now() - entry.leftAt >= LEFT_TIMEOUT) entry.session.shutdown();
    else
      this.#left.set(
        entry,
        this.#clock.setTimeout(() => this.#look(entry), LOOK_INTERVAL),
      );
  }

  /** An Open that the peer has to answer: accepted or rejected, the peer is there. */
  #probe(): void {
    const entry = this.#current;
    if (entry === undefined || entry.isProbing) return;
    entry.isProbing = true;
    const timer = this.#clock.setTimeout(
      () => entry.lose(new KeepaliveError(`the peer did not answer a probe within ${PROBE_TIMEOUT} ms`)),
      PROBE_TIMEOUT,
    );
    const answered = (): void => {
      this.#clock.clearTimeout(timer);
      entry.isProbing = false;
    };
    // Behind the step, as in `#adopt`.
    queueMicrotask(() => {
      entry.session.probe().then(answered, answered);
    });
  }

  #failCalls(error: Error): void {
    for (const waiter of this.#sessionWaiters) waiter.fail(error);
    for (const handle of this.#handles) handle.fail(error);
  }

  #awaitCalls(): void {
    this.#isClosing = true;
    if ([...this.#entries].every(({ calls }) => calls === 0)) this.#send({ type: 'calls.none' });
  }

  #dispose(): void {
    this.#stopWatching();
    this.#clock.clearTimeout(this.#looking);
    for (const timer of this.#left.values()) this.#clock.clearTimeout(timer);
    this.#left.clear();
    this.#current = undefined;
    const sessions = [...this.#entries].map(({ session }) => session);
    for (const session of sessions) {
      if (session.isInterrupted) session.abandon();
      else session.shutdown();
    }
    this.#handles.clear();
    void Promise.all(sessions.map((session) => session.closed)).then(() => this.#resolveClosed());
  }

  // ---- What happens ----

  #over(entry: Entry, error: RoamError | undefined): void {
    this.#entries.delete(entry);
    this.#clock.clearTimeout(this.#left.get(entry));
    this.#left.delete(entry);
    const isCurrent = this.#current === entry;
    if (isCurrent) this.#current = undefined;
    if (!isCurrent && this.#attempt?.entry !== entry) return;
    this.#reason = error;
    this.#send({ type: 'session.ended', jitter: this.#config.random() });
  }

  #onDraining(entry: Entry): void {
    if (entry !== this.#current && entry !== this.#attempt?.entry) return;
    this.#send({ type: 'session.draining', jitter: this.#config.random() });
  }

  #onQuiet(entry: Entry): void {
    if (this.#left.has(entry)) this.#look(entry);
    if (entry === this.#current && this.#config.settings.idleTimeout < MAX_DELAY) this.#lookForWork(entry);
    if (this.#isClosing) this.#awaitCalls();
  }

  /** Tells the chart that the session has no work, once no channel is left: a channel may outlive its call. */
  #lookForWork(entry: Entry): void {
    this.#clock.clearTimeout(this.#looking);
    if (entry !== this.#current || entry.calls > 0) return;
    if (entry.session.channels === 0) this.#tellOfWork(false);
    else this.#looking = this.#clock.setTimeout(() => this.#lookForWork(entry), LOOK_INTERVAL);
  }

  #tellOfWork(isSome: boolean): void {
    this.#isQuiet = !isSome;
    this.#send({ type: isSome ? 'work.some' : 'work.none' });
  }

  #onNetwork(type: NetworkEvent): void {
    if (type === 'network.offline') this.#send({ type });
    else this.#send({ type, jitter: this.#config.random() });
  }

  // ---- Calls that wait ----

  #makeOwner(): HandleOwner {
    const { waitTimeout } = this.#config;
    const current = (): Entry | undefined => this.#current;
    const trouble = (): string => (this.#reason === undefined ? '' : `; the last trouble: ${this.#reason.message}`);
    return {
      get current() {
        return current();
      },
      get trouble() {
        return trouble();
      },
      waitTimeout,
      budget: this.#budget,
      refusal: () => this.#refusal(),
      enter: (bytes) => this.#enter(bytes),
      leave: (bytes) => this.#exit(bytes),
      want: () => this.#send({ type: 'call.made' }),
      setTimeout: (callback, milliseconds) => this.#clock.setTimeout(callback, milliseconds),
      clearTimeout: (timer) => this.#clock.clearTimeout(timer),
      now: () => this.#now(),
      keep: (handle) => void this.#handles.add(handle as ServiceHandle<Methods>),
      forget: (handle) => {
        for (const [service, shared] of this.#shared) if (shared === handle) this.#shared.delete(service);
        // Calls that wait leave in the next session; then nothing refers to the handle.
        if (!(handle as ServiceHandle<Methods>).isWaiting) this.#handles.delete(handle as ServiceHandle<Methods>);
      },
    };
  }

  /** The error of calls that are made now, if the chart lets none wait. */
  #refusal(): Error | undefined {
    const snapshot = this.actor.getSnapshot();
    if (!snapshot.hasTag('refuses')) return undefined;
    return snapshot.matches('failed') ? this.#unavailable() : new SessionClosed('local');
  }

  #unavailable(): Unavailable {
    const reason = this.#reason;
    return new Unavailable(`the client has given up${reason === undefined ? '' : `: ${reason.message}`}`, reason);
  }

  #enter(bytes: number): LimitExceeded | undefined {
    const { waitingCalls, waitingBytes, waitTimeout } = this.#config;
    if (waitTimeout === 0) return new LimitExceeded('waitTimeout', `there is no session${this.#owner.trouble}`);
    if (this.#waitingCalls >= waitingCalls) {
      return new LimitExceeded('waitingCalls', `${waitingCalls} calls wait for a session already`);
    }
    if (this.#waitingBytes + bytes > waitingBytes) {
      return new LimitExceeded('waitingBytes', `more than ${waitingBytes} bytes of calls would wait for a session`);
    }
    this.#waitingCalls++;
    this.#waitingBytes += bytes;
    return undefined;
  }

  #exit(bytes: number): void {
    this.#waitingCalls--;
    this.#waitingBytes -= bytes;
  }

  // ---- Status ----

  #tell(snapshot: SnapshotFrom<typeof clientMachine>): void {
    const state = stateOf(snapshot);
    const isWaiting = snapshot.matches('connecting') && !snapshot.matches({ connecting: 'attempt' });
    const delay = snapshot.matches({ connecting: 'paused' }) ? this.#config.settings.maxDelay : snapshot.context.delay;
    const before = this.#feed.current;
    const phase = JSON.stringify([snapshot.value, state === 'connecting' ? this.#attempts : 0]);
    if (phase === this.#told) return;
    this.#told = phase;
    const now = this.#now();
    const status: ClientStatus = {
      state,
      since: before.state === state ? before.since : now,
      ...(state === 'connecting' ? { attempt: this.#attempts } : {}),
      ...(isWaiting ? { retryAt: now + delay } : {}),
      ...(this.#reason === undefined ? {} : { reason: this.#reason }),
    };
    if (!isSame(before, status)) this.#feed.set(status);
  }

  /** The time in milliseconds since 1970; by a simulated clock, since its start. */
  #now(): number {
    return this.#clock.now?.() ?? Date.now();
  }
}

/** The clock of the chart. Its timers keep no process alive. */
const UNREFERENCED: Clock = {
  setTimeout: (callback, time) => {
    const timer: unknown = setTimeout(callback, time);
    (timer as { unref?(): void }).unref?.();
    return timer;
  },
  clearTimeout: (timer) => clearTimeout(timer as number),
};

function stateOf(snapshot: SnapshotFrom<typeof clientMachine>): ClientStatus['state'] {
  const { value } = snapshot;
  if (typeof value === 'object' && 'connecting' in value) return 'connecting';
  if (typeof value === 'object') return value.open.link === 'interrupted' ? 'interrupted' : 'open';
  return value === 'closing' ? 'closed' : (value as ClientStatus['state']);
}

function isSame(one: ClientStatus, other: ClientStatus): boolean {
  return (['state', 'since', 'attempt', 'retryAt', 'reason'] as const).every((key) => one[key] === other[key]);
}

/** Rejects when the signal aborts. A result that comes later goes to `drop`. */
function within<T>(signal: AbortSignal, result: T | PromiseLike<T>, drop: (late: T) => void = () => {}): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    Promise.resolve(result).then(
      (value) => {
        signal.removeEventListener('abort', abort);
        if (signal.aborted) drop(value);
        else resolve(value);
      },
      (error: Error) => {
        signal.removeEventListener('abort', abort);
        reject(error);
      },
    );
  });
}

/** The kind of a failed attempt. */
function failureOf(error: unknown): AttemptFailure {
  if (error instanceof InvalidArgument) return 'invalid';
  if (!(error instanceof HandshakeError)) return 'other';
  if (error.cause instanceof Refused) {
    const { reason } = error.cause;
    return reason === 'unauthenticated' || reason === 'forbidden' ? reason : 'other';
  }
  if (error.message.includes('version mismatch')) return 'version';
  // A message that no peer sends there, or no message at all: the server speaks something else.
  return error.cause instanceof ProtocolError && error.cause.side === 'remote' && !error.message.includes('timed out')
    ? 'no peer'
    : 'other';
}

function asRoamError(error: unknown): RoamError {
  if (error instanceof Error && 'code' in error && 'fullMessage' in error) return error as RoamError;
  return new LinkError(`the attempt failed: ${error instanceof Error ? error.message : String(error)}`, error);
}
