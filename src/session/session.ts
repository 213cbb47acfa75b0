import { type Actor, type AnyActorRef, createActor, type InspectionEvent, type Observer } from 'xstate';
import type { Role, SessionEmitted } from '../../machines/index.js';
import { describe, idOf, objectOf, type SettingsOptions, settingsOf, signalOf } from '../base/check.js';
import type { Clock } from '../base/clock.js';
import { ConnectionClosed, ConnectionRejected, InvalidArgument, Refused } from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import type { Report } from '../base/report.js';
import type { DrainCounts } from '../calls/drain.js';
import { checkMetadata, metadataOf } from '../codec/metadata.js';
import { createRoot } from '../compile/internals.js';
import { whenFrameComes } from '../conduit/first-frame.js';
import type { Link } from '../link/link.js';
import type { ConnectionId } from '../wire/id.js';
import { type Metadata, NOTICE, noticeOf, PROBE, REASON, RENEW, SERVICE } from '../wire/metadata.js';
import { refusalIn } from '../wire/refusal.js';
import { type Authenticate, type Credentials, entriesOf } from './authentication.js';
import type { SessionClosedReason } from './close-reason.js';
import type { Connection } from './connection.js';
import type { OnConnection } from './incoming-opens.js';
import { attached, type SessionActorRef, type SessionLogic, sessionLogic } from './logic.js';
import { attachOf } from './observation.js';
import { checkedInput, configOf, type SessionOptions } from './options.js';
import { SessionRuntime } from './runtime.js';

/** Options of {@link initiate} and {@link accept}. */
export interface StartOptions extends SessionOptions {
  /**
   * Sees every actor, event and snapshot of the session, as XState's `inspect` does. It costs about as much again as
   * the work. The `inspect` of `createInspector` costs nothing while it has no listener.
   */
  readonly inspect?: Observer<InspectionEvent> | ((event: InspectionEvent) => void);
  /** The clock of all timers; the real one by default. */
  readonly clock?: Clock;
}

/** Options of {@link accept}. `P` is the type of the principal, which `authenticate` determines. */
export interface AcceptOptions<P = unknown> extends Omit<StartOptions, 'onConnection' | 'openEarly'> {
  /** Says who the peer is, before there is a session. Without it every peer is taken. */
  readonly authenticate?: Authenticate<P>;
  /** Decides on the connections that the peer opens. Without it every open is rejected. */
  readonly onConnection?: OnConnection<NoInfer<P>>;
}

/** Options of {@link Session.open}. */
export interface OpenOptions extends SettingsOptions {
  readonly metadata?: Metadata;
  /** Gives the open up when it aborts. No effect once the connection is open. */
  readonly signal?: AbortSignal;
}

/** A service, which makes a client of a connection. */
export interface ClientMaker<Client, Options> {
  readonly name: string;
  client(connection: Connection, options?: Options): Client;
  /**
   * Throws when an option is wrong, or when the service does not suit this peer, before a connection is opened.
   * @internal
   */
  checkOptions?(options: Options, maxUnconsumed: number): void;
}

/** Milliseconds that the work of a session may take when it is drained. */
const DRAIN_TIMEOUT = 20_000;

export type { DrainCounts } from '../calls/drain.js';

const NO_RENEWAL = 'the peer takes no new credentials: only a server with authenticate does';

type Listener<T extends SessionEmitted['type']> = (event: Extract<SessionEmitted, { type: T }>) => unknown;

/**
 * A running session: the root connection, and any number of virtual ones beside it. `P` is the type of the principal that
 * `authenticate` gave for the peer.
 */
export class Session<P = unknown> implements AsyncDisposable {
  /** `await using` shuts the session down, and waits for its end. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  readonly #actor: SessionActorRef;
  readonly #runtime: SessionRuntime;
  /** Settles when the renewals so far are over. */
  #renewing: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(actor: SessionActorRef, runtime: SessionRuntime) {
    this.#actor = actor;
    this.#runtime = runtime;
  }

  /** The session's actor. */
  get actor(): SessionActorRef {
    return this.#actor;
  }

  /**
   * The root connection, active from the handshake to the end of the session.
   *
   * @throws InvalidArgument before the session is established.
   */
  get root(): Connection {
    const { root } = this.#runtime;
    if (root === undefined) throw new InvalidArgument('the session has no root connection before it is established');
    return root;
  }

  /** The value that `authenticate` has given for the peer; undefined without it. It appears in no log and no inspection. */
  get principal(): P {
    return this.#runtime.principal() as P;
  }

  /**
   * Resolves once the session is over and nothing of it is left, with the reason and the side that ended it. Never
   * rejects.
   */
  get closed(): Promise<SessionClosedReason> {
    return this.#runtime.closed;
  }

  /**
   * True while the link has no connection, as after `interrupted` and before `restored`; see {@link Session.on}. Only a link
   * that outlives its connections is ever without one. Calls and channels wait, and go on with the next connection.
   */
  get isInterrupted(): boolean {
    return this.#actor.getSnapshot().context.isInterrupted;
  }

  /** True if a call, in either direction, or a channel is not over. @internal */
  get hasWork(): boolean {
    return this.#runtime.hasWork;
  }

  /** The number of channels of all connections. @internal */
  get channels(): number {
    return this.#runtime.conduit.load.channels;
  }

  /** Returns an active connection by its id. */
  connection(id: ConnectionId): Connection | undefined {
    return this.#runtime.connection(id);
  }

  /**
   * Opens a virtual connection for a service, and resolves with a client. The peer finds the service by its name, as
   * `service` in the metadata. Releasing the client closes the connection. The promise rejects as that of the other form
   * does.
   *
   * @example
   * using adder = await session.open(Adder);
   */
  open<Client, Options extends object>(
    service: ClientMaker<Client, Options>,
    options?: OpenOptions & Options,
  ): Promise<Client>;
  /**
   * Opens a virtual connection, and resolves when the peer has accepted it. `[connection.open]`
   *
   * @throws ConnectionRejected when the peer rejects it; ConnectionClosed when either side closes it before that, or the
   * signal aborts; LimitExceeded when `limits.connections` are open, or the peer does not answer within
   * `limits.openTimeout`; SessionClosed when the session ends; InvalidArgument when an option is wrong.
   */
  open(options?: OpenOptions): Promise<Connection>;
  // r[rpc.virtual-connection.open]
  async open(first: OpenOptions | ClientMaker<unknown, OpenOptions> = {}, second: OpenOptions = {}): Promise<unknown> {
    objectOf(first, 'options');
    if (!('client' in first)) return this.#open(first);
    objectOf(second, 'options');
    if (typeof first.client !== 'function')
      throw new InvalidArgument(`client must be a function, not ${describe(first.client)}`);
    const { codec, limits, peer } = this.#runtime.config;
    first.checkOptions?.(second, peer.maxUnconsumed);
    const entry = { key: SERVICE, value: first.name, flags: 0n };
    // Check the application's metadata before adding ours, so that an error cites the application's index.
    const metadata = [entry, ...metadataOf(second.metadata, codec, limits)];
    const early = isPlain(second) ? this.#runtime.takeEarly(first.name) : undefined;
    const connection = (early && (await early)) ?? (await this.#open(second, metadata));
    try {
      return first.client(connection, second);
    } catch (error) {
      // Only this function knows the connection, so it has to release it.
      connection.release();
      throw error;
    }
  }

  /** Resolves when the peer has answered an open for no service, either way. It rejects when the session ends. @internal */
  async probe(): Promise<void> {
    const settings = settingsOf({}, this.#actor.getSnapshot().context.localSettings.parity);
    const metadata: Metadata = [{ key: PROBE, value: 1n, flags: 0n }];
    const opened = this.#runtime.conduit.request<Connection>((request) => ({
      type: 'app.open',
      request,
      settings,
      metadata,
    }));
    await opened.then(
      (connection) => connection.close(),
      (error: unknown) => {
        if (!(error instanceof ConnectionRejected)) throw error;
      },
    );
  }

  async #open(options: OpenOptions, given = options.metadata): Promise<Connection> {
    const { codec, limits } = this.#runtime.config;
    const settings = settingsOf(options, this.#actor.getSnapshot().context.localSettings.parity);
    const metadata = metadataOf(given, codec, limits);
    const signal = signalOf(options.signal);
    if (signal?.aborted) throw new ConnectionClosed('local', 'the open was aborted before it began', signal.reason);
    const named = metadata.find(({ key }) => key === SERVICE)?.value;
    const service = typeof named === 'string' ? named : undefined;
    return this.#runtime.conduit.request(
      (request) => ({ type: 'app.open', request, settings, metadata }),
      signal,
      service,
    );
  }

  /**
   * Closes a virtual connection, after what was sent on it. The peer need not have accepted it yet.
   * `[connection.close]`
   *
   * @throws InvalidArgument for the root, and for an id that is not open; SessionClosed when the session has ended.
   */
  async close(id: ConnectionId, options: { metadata?: Metadata } = {}): Promise<void> {
    objectOf(options, 'options');
    idOf(id, 'id');
    const { conduit } = this.#runtime;
    const metadata = metadataOf(options.metadata, conduit.codec, conduit.limits);
    return conduit.request((request) => ({ type: 'app.close', id, request, metadata }));
  }

  /**
   * Shows the peer new credentials of this side, which travel as those of `connect` do. Resolves when the peer's `authenticate` has
   * accepted them. Calls and opens that leave after that have the new principal; handlers at work keep the old one. Renewals that
   * are made at the same time take turns.
   *
   * It rejects with Refused when the peer refuses them, and nothing has changed then; with InvalidArgument when a value can't be
   * represented, or the peer takes no new credentials, as only servers with `authenticate` do; with LimitExceeded when there is no
   * answer within `limits.openTimeout`, and the peer may still accept them then; with SessionClosed when the session ends, and
   * with Unavailable when it is drained, by either side.
   */
  renew(credentials: Credentials): Promise<void> {
    const renewed = this.#renewing.then(() => this.#renew(credentials));
    // The next one begins in any case.
    this.#renewing = renewed.catch(() => {});
    return renewed;
  }

  async #renew(credentials: Credentials): Promise<void> {
    const { codec, limits } = this.#runtime.config;
    const { localSettings, hearsNotices } = this.#actor.getSnapshot().context;
    const given = metadataOf(entriesOf(credentials, 'credentials'), codec, limits);
    if (!hearsNotices) throw new InvalidArgument(NO_RENEWAL);
    const settings = settingsOf({}, localSettings.parity);
    const metadata = [{ key: NOTICE, value: RENEW, flags: 0n }, ...given];
    checkMetadata(metadata, 'credentials', limits);
    const { conduit } = this.#runtime;
    const opened = conduit.request<Connection>((request) => ({ type: 'app.open', request, settings, metadata }));
    await opened.then(
      async (connection) => {
        await connection.close();
        throw new InvalidArgument(NO_RENEWAL);
      },
      (error: unknown) => {
        if (!(error instanceof ConnectionRejected)) throw error;
        const answer = noticeOf(error.metadata);
        if (answer === 'ok') return;
        const text = error.metadata.find(({ key }) => key === REASON)?.value;
        const refusal = refusalIn(`${String(answer)}: ${typeof text === 'string' ? text : ''}`);
        throw refusal === undefined ? new InvalidArgument(NO_RENEWAL) : new Refused(refusal.reason, refusal.text);
      },
    );
  }

  /**
   * Ends the session. Messages that were sent still leave. Then the link is closed. No effect once the session has
   * ended.
   */
  shutdown(): void {
    this.#runtime.conduit.push({ type: 'app.shutdown' });
  }

  /**
   * Ends the session when its work is done. From now on the peer's calls and opens are refused before any handler, and a peer
   * that made its session with `connect` goes elsewhere with them. Calls at work may take `timeout` milliseconds (20 000 by
   * default, up to 2^31 − 1), and those left then are cancelled. The promise resolves when the session is over. No peer can make
   * that take longer than `limits.flushTimeout` and two seconds more. A second call may shorten the time, and waits for the same
   * end. Calls on a connection that the application reads itself are not refused: the drain waits for their answers.
   *
   * Handlers at work see it by `context.draining`, and may still call the peer. `open` fails with Unavailable.
   *
   * @throws InvalidArgument (the promise rejects) when `timeout` is wrong.
   */
  async drain(options: { readonly timeout?: number } = {}): Promise<DrainCounts> {
    objectOf(options, 'options');
    const { timeout = DRAIN_TIMEOUT } = options;
    if (!(Number.isFinite(timeout) && timeout >= 0 && timeout <= MAX_DELAY)) {
      throw new InvalidArgument(
        `timeout must be a number of milliseconds from 0 to 2^31 − 1, not ${describe(timeout)}`,
      );
    }
    const { conduit, drained } = this.#runtime;
    this.#runtime.startDrain(timeout);
    // Handlers that are cancelled have a second. After that only an interrupted link can hold the end up.
    const { clock, limits } = conduit;
    const timer = clock.setTimeout(() => this.abandon(), Math.min(timeout + limits.flushTimeout + 2_000, MAX_DELAY));
    await this.closed;
    clock.clearTimeout(timer);
    return drained.counts;
  }

  /** Ends the session without its peer, also if it waits for an interrupted link. @internal */
  abandon(): void {
    this.#runtime.conduit.push({ type: 'link.failed', error: new Error('the link was given up') });
  }

  /** True if the peer drains the session: it has sent a notice, and the session emitted `draining`. @internal */
  get isPeerDraining(): boolean {
    return this.#runtime.drained.isPeers;
  }

  /** Listens to the events that the session emits. An exception in the listener is reported, and ends nothing. */
  on<T extends SessionEmitted['type']>(type: T, listener: Listener<T>): { unsubscribe(): void } {
    return this.#actor.on(type, (event) => {
      const { conduit } = this.#runtime;
      conduit.callUser(
        () => listener(event as Extract<SessionEmitted, { type: T }>),
        (error) => conduit.report({ kind: 'listener-failed', message: `a listener of '${type}' failed`, error }),
      );
    });
  }

  static {
    // A browser may not have the symbol yet.
    if (Symbol.asyncDispose !== undefined) {
      Object.defineProperty(Session.prototype, Symbol.asyncDispose, {
        async value(this: Session): Promise<void> {
          this.shutdown();
          await this.closed;
        },
      });
    }
  }
}

/**
 * Starts a session as its initiator: sends Hello, and resolves when the peer has answered it. `[session.handshake]`
 *
 * @throws HandshakeError when there is no session, and the link is closed then; InvalidArgument when an option is wrong.
 *
 * @example
 * const session = await initiate(await connectWebSocket('ws://127.0.0.1:9000'));
 * const connection = await session.open();
 */
export async function initiate(link: Link, options: StartOptions = {}): Promise<Session<undefined>> {
  return (await start('initiator', link, options)) as Session<undefined>;
}

/**
 * Starts a session as its acceptor: waits for the peer's Hello, and answers it. With `authenticate` there is no session before
 * it has said who the peer is. `[session.handshake]`
 *
 * @throws HandshakeError when there is no session, and the link is closed then; its cause is Refused when the peer is refused.
 * InvalidArgument when an option is wrong.
 */
export async function accept<P>(link: Link, options: AcceptOptions<P> = {}): Promise<Session<P>> {
  return (await start('acceptor', link, options as StartOptions)) as Session<P>;
}

/** True if an open has no options of the connection: one that was opened early will do. */
function isPlain({ metadata, signal, parity, maxConcurrentRequests }: OpenOptions): boolean {
  return metadata === undefined && signal === undefined && parity === undefined && maxConcurrentRequests === undefined;
}

/**
 * Returns the Session of a session actor, embedded or not. Before the session is established it has no root, and opens
 * nothing.
 *
 * @throws InvalidArgument when the actor is no session actor.
 */
export function handle(actor: SessionActorRef | AnyActorRef): Session {
  const snapshot: unknown = actor.getSnapshot();
  const runtime = (snapshot as { context?: { port?: unknown } } | undefined)?.context?.port;
  if (!(runtime instanceof SessionRuntime)) throw new InvalidArgument('the actor is no session actor');
  return runtime.sessionOf(() => new Session(actor as SessionActorRef, runtime));
}

async function start(role: Role, link: Link, options: StartOptions): Promise<Session> {
  objectOf(options, 'options');
  const { inspect, clock, ...rest } = options;
  if (clock !== undefined && (typeof clock?.setTimeout !== 'function' || typeof clock.clearTimeout !== 'function')) {
    throw new InvalidArgument('clock must have setTimeout and clearTimeout');
  }
  if (inspect !== undefined && typeof inspect !== 'function' && typeof inspect?.next !== 'function') {
    throw new InvalidArgument('inspect must be a function or an observer');
  }
  // Check the options here: an actor keeps an error in its input to itself, and the caller is to get it at once.
  // V8 gives each copy that `...` makes a shape of its own once a field is added to it, which takes long: fields are assigned.
  const input = Object.assign(rest, { role, link });
  const config = configOf(input);
  const { metadata, onReport, limits, signal, authenticate } = config;
  const attach = attachOf(inspect);
  const begin = (isLate: boolean): Actor<SessionLogic> => {
    const own = isLate ? { ...config, limits: { ...limits, handshakeTimeout: 1 } } : config;
    const logic = attach === undefined ? sessionLogic : attached(attach);
    // Pass the metadata with its SENSITIVE values in their boxes: an inspector sees an actor's input.
    const given = checkedInput(Object.assign(input, { metadata }), own);
    const isPlainActor = config.interpreter === 'xstate' || (inspect !== undefined && attach === undefined);
    const actor: Actor<SessionLogic> = isPlainActor
      ? createActor(logic, {
          input: given,
          ...(inspect === undefined || attach !== undefined ? {} : { inspect: guarded(inspect, onReport) }),
          ...(clock === undefined ? {} : { clock }),
        } as never)
      : createRoot(logic, { input: given, clock });
    actor.start();
    // Open the queue now. The early opens of an initiator leave in one write with Hello. An acceptor's first messages follow at once,
    // and have to be answered in order: a violation may come in the same read.
    if (role === 'acceptor' || config.early.size > 0) runtimeOf(actor).conduit.inputs.open();
    return actor;
  };
  const actor =
    role === 'initiator'
      ? begin(false)
      : await new Promise<Actor<SessionLogic>>((resolve) => {
          // Where the peer has said nothing until its time is nearly over, the handshake times out a millisecond later.
          whenFrameComes(link, { limits, authenticate, signal, clock }, (isLate) => resolve(begin(isLate)));
        });
  const runtime = runtimeOf(actor);
  try {
    await runtime.established;
  } catch (error) {
    // The caller may abort the link when it hears of a failure. The message that tells the peer why has to leave before.
    await runtime.closed;
    throw error;
  }
  return handle(actor);
}

function runtimeOf(actor: SessionActorRef): SessionRuntime {
  return actor.getSnapshot().context.port as SessionRuntime;
}

/** Guards an inspector, which runs in the middle of a step: an exception in it must not interrupt the step. */
function guarded(inspect: NonNullable<StartOptions['inspect']>, onReport: (report: Report) => void) {
  return (event: InspectionEvent): void => {
    try {
      if (typeof inspect === 'function') inspect(event);
      else inspect.next?.(event);
    } catch (error) {
      try {
        onReport({ kind: 'listener-failed', message: 'the inspector failed', error });
      } catch {
        // If the reporter itself throws, the error can't be reported.
      }
    }
  };
}
