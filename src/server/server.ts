import { offAbort, onAbort } from '../base/abort.js';
import { arrayOf, describe, objectOf } from '../base/check.js';
import { REAL_CLOCK } from '../base/clock.js';
import { HandshakeError, InvalidArgument, Refused, SessionClosed, Unavailable } from '../base/errors.js';
import { DEFAULT_LIMITS, MAX_DELAY } from '../base/limits.js';
import { afterTurn } from '../base/turn.js';
import type { Link } from '../link/link.js';
import { Pace } from '../link/pace.js';
import type { ServiceHandler } from '../service/handler.js';
import { routes } from '../service/routes.js';
import type { Authenticate } from '../session/authentication.js';
import { accept } from '../session/default-codec.js';
import type { AcceptOptions, DrainCounts, Session, StartOptions } from '../session/session.js';
import { Turns } from './turns.js';

/** Options of {@link createServer}. Those of a session hold for each session. `P` is the type of the principals. */
export interface ServerOptions<P = unknown> extends Omit<StartOptions, 'signal' | 'onConnection'> {
  /** The handlers of the services that clients may open, as `Service.handler()` gives them. */
  readonly services: readonly ServiceHandler<P>[];
  /**
   * Says who a client is, before there is a session with it; its result is the `principal` in handlers. It runs for 256 clients
   * at a time. Others wait, within `limits.authenticateTimeout`. A function that has been at work for that time does not count.
   */
  readonly authenticate?: Authenticate<P> | undefined;
  /** Called with each new session. If it throws, the session ends. */
  readonly onSession?: (session: Session<NoInfer<P>>) => void;
}

/** Handlers that need a principal need a hook that gives one. */
type HookFor<P> = unknown extends P ? unknown : { readonly authenticate: Authenticate<P> };

/** Clients that `authenticate` is at work for, at a time. */
const AUTHENTICATING = 256;

/** A part that makes links, such as `listenWebSocket` and `listenTcp` give. */
export interface Listener {
  /** Stops listening. Links that are there stay. */
  close(): Promise<void>;
  /** Takes no more links, and tells clients so if it can. Without this function a drain closes the listener. */
  drain?(): Promise<void>;
}

/** Options of {@link Server.drain}. All times are in milliseconds, up to 2^31 − 1. */
export interface DrainOptions {
  /** The time that the work of the sessions may take; 20 000 by default. */
  readonly timeout?: number;
  /**
   * The time before all else in which `ready` is false and the server takes everything, so that load balancers turn away; 0 by
   * default.
   */
  readonly unreadyFor?: number;
  /** The time over which the sessions are told, so that their clients do not all come to the successor at once; 1 000 by default. */
  readonly spread?: number;
  /**
   * `close`, the default, closes the listeners first: the port is free for a successor. On an HTTP server that is shared,
   * clients are answered 503 then. `keep` closes them last, for processes with a port each. New sessions are refused either way.
   */
  readonly listeners?: 'close' | 'keep';
}

/** Milliseconds of one turn of the event loop in which sessions are drained. */
const TURN_TIME = 10;

/** Serves services on any number of listeners; see {@link createServer}. */
export class Server<P = unknown> implements AsyncDisposable {
  /** `await using` closes the server. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  // Not typed by `P`: a server of any principals is a `Server`.
  readonly #options: AcceptOptions<never>;
  readonly #onSession: ((session: Session<never>) => void) | undefined;
  readonly #sessions = new Set<Session<P>>();
  readonly #listeners = new Set<Listener>();
  /** Aborts the handshakes when the server is drained or closed. */
  readonly #refusing = new AbortController();
  /** Ends the waits of a drain when the server is closed. */
  readonly #closing = new AbortController();
  /** Handshakes that are under way, and listeners that start. */
  readonly #starting = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;
  #drained: Promise<DrainCounts> | undefined;
  /** Drains a new session, once the sessions are drained. */
  #drainSession: ((session: Pick<Session, 'drain'>) => void) | undefined;

  /** @internal */
  constructor(options: ServerOptions<P>) {
    objectOf(options, 'options');
    const { services, onSession, authenticate, ...rest } = options;
    arrayOf(services, 'services', ' of handlers, as Service.handler() gives them');
    if (onSession !== undefined && typeof onSession !== 'function') {
      throw new InvalidArgument(`onSession must be a function, not ${describe(onSession)}`);
    }
    if (authenticate !== undefined && typeof authenticate !== 'function') {
      throw new InvalidArgument(`authenticate must be a function, not ${describe(authenticate)}`);
    }
    for (const name of ['signal', 'onConnection']) {
      if (name in rest) throw new InvalidArgument(`${name} is no option of createServer`);
    }
    const turns = new Turns(AUTHENTICATING);
    const ask: Authenticate<P> | undefined =
      authenticate && ((request) => turns.run(request.signal, () => authenticate(request)));
    // Without `authenticate`, every handler suits.
    this.#options = {
      ...rest,
      ...(ask === undefined ? {} : { authenticate: ask }),
      onConnection: routes(services),
      signal: this.#refusing.signal,
      notices: true,
    } as unknown as AcceptOptions<never>;
    this.#onSession = onSession;
  }

  /** The sessions that are open. */
  get sessions(): ReadonlySet<Session<P>> {
    return this.#sessions;
  }

  /** True until the server is drained or closed: for the answer to a health check. */
  get ready(): boolean {
    return this.#drained === undefined && !this.#isClosed;
  }

  get #isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /**
   * Takes the links of a listener. `start` gets the function to call with each link. The result is the listener that it
   * gives, which `close()` closes. A server may have several.
   *
   * @throws SessionClosed when the server is closed; any error of `start`.
   *
   * @example
   * await server.listen((onLink) => listenWebSocket({ server: http, path: '/rpc' }, onLink));
   */
  async listen<L extends Listener>(start: (onLink: (link: Link) => Promise<void>) => L | PromiseLike<L>): Promise<L> {
    if (typeof start !== 'function') throw new InvalidArgument('listen takes a function that starts a listener');
    if (this.#isClosed) throw new SessionClosed('local');
    const onLink = async (link: Link): Promise<void> => {
      try {
        await this.take(link);
      } catch (error) {
        // To refuse a client is no error of the server, and any client may cause it.
        if (!(error instanceof HandshakeError && error.cause instanceof Refused)) throw error;
      }
    };
    const starting = (async () => start(onLink))();
    const listener = await this.#during(starting);
    if (typeof listener?.close !== 'function') {
      throw new InvalidArgument('listen: the function must give a listener, with close()');
    }
    if (this.#isClosed) {
      await listener.close();
      throw new SessionClosed('local');
    }
    this.#listeners.add(listener);
    return listener;
  }

  /**
   * Takes one link, and resolves with its session after the handshake.
   *
   * @throws HandshakeError when there is no session, as when the server is drained; SessionClosed when the server is closed. The
   * link is closed then.
   */
  async take(link: Link): Promise<Session<P>> {
    if (this.#isClosed) {
      link.abort();
      throw new SessionClosed('local');
    }
    const session = await this.#during(accept<P>(link, this.#options as unknown as AcceptOptions<P>));
    this.#sessions.add(session);
    void session.closed.then(() => this.#sessions.delete(session));
    try {
      if (this.#isClosed) session.shutdown();
      else this.#onSession?.(session as Session<never>);
      this.#drainSession?.(session);
    } catch (error) {
      session.shutdown();
      throw error;
    }
    return session;
  }

  /**
   * Ends the server when its work is done: it refuses new sessions, drains those that are open, and closes. Calls at work may
   * take `timeout`. Resolves when nothing of the server is left, with the sums of the sessions. No peer can make it take longer
   * than `unreadyFor + timeout` and three seconds. A second call waits for the same end; `close()` ends it at once.
   *
   * @throws InvalidArgument (the promise rejects) when an option is wrong.
   *
   * @example
   * process.once('SIGTERM', () => void server.drain({ unreadyFor: 5_000 }).then(() => http.close()));
   */
  async drain(options: DrainOptions = {}): Promise<DrainCounts> {
    objectOf(options, 'options');
    const { timeout = 20_000, unreadyFor = 0, spread = 1_000, listeners = 'close' } = options;
    for (const [name, time] of Object.entries({ timeout, unreadyFor, spread })) {
      if (Number.isFinite(time) && time >= 0 && time <= MAX_DELAY) continue;
      throw new InvalidArgument(`${name} must be a number of milliseconds from 0 to 2^31 − 1, not ${describe(time)}`);
    }
    if (listeners !== 'close' && listeners !== 'keep') {
      throw new InvalidArgument(`listeners must be 'close' or 'keep', not ${describe(listeners)}`);
    }
    this.#drained ??= this.#drain({ timeout, unreadyFor, spread, listeners });
    return this.#drained;
  }

  async #drain({ timeout, unreadyFor, spread, listeners }: Required<DrainOptions>): Promise<DrainCounts> {
    await this.#sleep(unreadyFor);
    const sums = { answered: 0, refused: 0, cancelled: 0, channels: 0 };
    const draining = new Set<Promise<void>>();
    const started = performance.now();
    let waited = 0;
    // Another clock than the real one has gone on by what was waited.
    const elapsed = (): number => (this.#options.clock === undefined ? performance.now() - started : waited);
    const drainOne = async (session: Pick<Session, 'drain'>): Promise<void> => {
      const counts = await session.drain({ timeout: Math.max(0, timeout - elapsed()) });
      for (const name of ['answered', 'refused', 'cancelled', 'channels'] as const) sums[name] += counts[name];
    };
    // A session whose handshake was over when the others were refused.
    this.#drainSession = (session) => void draining.add(drainOne(session));
    this.#refusing.abort(new Unavailable('the server takes no more sessions'));
    // An error of a listener is that of `close` below.
    if (listeners === 'close') {
      Promise.all([...this.#listeners].map(async (listener) => listener.drain?.() ?? listener.close())).catch(() => {});
      // Their peers can't come back.
      for (const session of this.#sessions) if (session.isInterrupted) session.abandon();
    }
    const sessions = [...this.#sessions];
    const step = Math.min(spread, timeout) / sessions.length;
    let turn = performance.now();
    for (const [index, session] of sessions.entries()) {
      const left = Math.floor(index * step - elapsed());
      if (left > 0) {
        await this.#sleep(left);
        waited += left;
        turn = performance.now();
      } else if (performance.now() - turn > TURN_TIME) {
        // Thousands of sessions may be due at once, and other work has to go on.
        await new Promise<void>(afterTurn);
        turn = performance.now();
      }
      draining.add(drainOne(session));
    }
    await Promise.allSettled(this.#starting);
    await Promise.all(draining);
    await this.close();
    return sums;
  }

  /** Resolves after so many milliseconds, or when the server is closed. */
  #sleep(time: number): Promise<void> {
    const { signal } = this.#closing;
    if (time === 0 || signal.aborted) return Promise.resolve();
    const { clock = REAL_CLOCK } = this.#options;
    return new Promise((resolve) => {
      const wake = (): void => {
        clock.clearTimeout(timer);
        offAbort(signal, wake);
        resolve();
      };
      const timer = clock.setTimeout(wake, time);
      onAbort(signal, wake);
    });
  }

  #closeListeners(): Promise<unknown> {
    return Promise.all([...this.#listeners].map((listener) => listener.close()));
  }

  /**
   * Closes the listeners, then ends all sessions: their messages that were sent still leave, and calls at work are not waited
   * for. Resolves when nothing of the server is left. A second call waits for the same end.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#refusing.abort(new SessionClosed('local'));
    this.#closing.abort();
    // Also listeners that are only being started, and handshakes that have just ended.
    await Promise.allSettled(this.#starting);
    const listeners = this.#closeListeners();
    // The sessions end, too, where a listener fails.
    await listeners.catch(() => {});
    const sessions = [...this.#sessions];
    const pace = new Pace();
    for (const session of sessions) {
      pace.add(() => {
        if (session.isInterrupted) session.abandon();
        else session.shutdown();
      });
    }
    // A session whose link is interrupted from now on would wait for its peer to come back.
    const { clock = REAL_CLOCK, limits: { flushTimeout = DEFAULT_LIMITS.flushTimeout } = {} } = this.#options;
    const abandon = (): void => {
      for (const session of this.#sessions) session.abandon();
    };
    const timer = clock.setTimeout(abandon, Math.min(flushTimeout + 1_000, MAX_DELAY));
    await Promise.all(sessions.map((session) => session.closed));
    clock.clearTimeout(timer);
    await listeners;
  }

  async #during<T>(work: Promise<T>): Promise<T> {
    this.#starting.add(work);
    try {
      return await work;
    } finally {
      this.#starting.delete(work);
    }
  }

  static {
    // An older runtime may not have the symbol yet.
    if (Symbol.asyncDispose !== undefined) {
      Object.defineProperty(Server.prototype, Symbol.asyncDispose, {
        value(this: Server): Promise<void> {
          return this.close();
        },
      });
    }
  }
}

/**
 * Makes a server of services. It has sessions with the peers of the links that it takes, from listeners and by hand.
 *
 * @throws InvalidArgument when an option is wrong, or two handlers are of the same service.
 *
 * @example
 * const server = createServer({ services: [Adder.handler(adder)] });
 * const listener = await server.listen((onLink) => listenWebSocket({ port: 9000 }, onLink));
 */
export function createServer<P>(options: ServerOptions<P> & HookFor<NoInfer<P>>): Server<P> {
  return new Server(options);
}
