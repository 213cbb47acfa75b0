import type { ClientSettings } from '../../machines/client.js';
import { describe, objectOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import { checkScheme } from '../link/connect.js';
import type { Link } from '../link/link.js';
import type { Credentials } from '../session/authentication.js';
import type { Session, StartOptions } from '../session/session.js';

type Awaitable<T> = T | PromiseLike<T>;

/** One attempt to get a session, as `credentials` and the functions among the targets see it. */
export interface Attempt {
  /** 1 for the first attempt since there was a session. */
  readonly number: number;
  /** Aborts when the attempt is given up. */
  readonly signal: AbortSignal;
}

/** Where a server is: the URL of a WebSocket, or a function that opens a link of any kind. */
export type Target = string | URL | ((attempt: Attempt) => Promise<Link>);

/** One target, a list of which each attempt takes the next, or a function that gives the list anew for each round. */
export type Targets = Target | readonly Target[] | (() => Awaitable<readonly Target[]>);

/** Options of `connect`. Those of a session hold for each session; `signal` does not exist here: use `close()`. */
export interface ConnectOptions extends Omit<StartOptions, 'signal'> {
  /** False to dial at once, and not at the first call. True by default. */
  readonly lazy?: boolean;
  /**
   * Gives the credentials of each attempt. They travel in the metadata of the Hello, marked SENSITIVE and NO_PROPAGATE, and
   * are kept nowhere. Without TLS they go to loopback addresses only, unless `allowInsecure` says otherwise.
   */
  readonly credentials?: (attempt: Attempt) => Awaitable<Credentials>;
  /** True to send credentials over `ws:` to other machines, too. A function among the targets sees to this itself. */
  readonly allowInsecure?: boolean;
  /** Prepares each new session, before the waiting calls leave. If it throws or rejects, the attempt has failed. */
  readonly onSession?: (session: Session) => Awaitable<void>;
  /**
   * `'auto'` asks each server by URL for a link that outlives its connections, so that a session goes on when its WebSocket
   * is lost. A server that has none gets an ordinary session, and is not asked again. A function among the targets gives
   * such links itself. `false` by default. Official peers have no such links.
   */
  readonly resume?: 'auto' | false;
  /** Milliseconds for one attempt, from the credentials to the end of `onSession`; 15 000 by default. */
  readonly attemptTimeout?: number;
  /**
   * Milliseconds to wait between attempts: a random time below `first`, twice as much after each failure, up to `max`. 200
   * and 30 000 by default. It starts again behind a session that was open for 10 s.
   */
  readonly backoff?: { readonly first?: number; readonly max?: number };
  /** Milliseconds without a session after which the client gives up; never by default. */
  readonly giveUpAfter?: number;
  /** Milliseconds without calls and channels after which the session ends, until the next call; never by default. */
  readonly idleTimeout?: number;
  /** Milliseconds that a call waits for a session; 30 000 by default. With 0 it does not wait. */
  readonly waitTimeout?: number;
  /** The number of calls that may wait for a session; 1 000 by default. */
  readonly waitingCalls?: number;
  /** The bytes of the arguments of waiting calls, each call with 256 more; 4 MiB by default. */
  readonly waitingBytes?: number;
}

/** Options for tests. */
export interface TestOptions {
  /** Gives numbers from 0 to 1, in place of `Math.random`. */
  readonly random?: () => number;
}

/** The options, checked and complete. */
export interface ClientConfig {
  readonly targets: readonly Target[];
  readonly session: StartOptions;
  readonly isLazy: boolean;
  readonly credentials: ((attempt: Attempt) => Awaitable<Credentials>) | undefined;
  readonly isInsecureAllowed: boolean;
  readonly onSession: ((session: Session) => Awaitable<void>) | undefined;
  readonly settings: ClientSettings;
  /** True to ask for links that outlive their connections. */
  readonly resumes: boolean;
  readonly waitTimeout: number;
  readonly waitingCalls: number;
  readonly waitingBytes: number;
  readonly random: () => number;
}

/** A dead peer is noticed within 25 s. */
const KEEPALIVE = { pingInterval: 20_000, pongTimeout: 5_000 };

/** @throws InvalidArgument that names the first option that is wrong. */
export function configOf(to: Targets, options: ConnectOptions & TestOptions): ClientConfig {
  objectOf(options, 'options');
  const {
    lazy = true,
    credentials,
    allowInsecure = false,
    onSession,
    resume = false,
    attemptTimeout = 15_000,
    backoff = {},
    giveUpAfter = Number.POSITIVE_INFINITY,
    idleTimeout = Number.POSITIVE_INFINITY,
    waitTimeout = 30_000,
    waitingCalls = 1_000,
    waitingBytes = 4 * 1024 * 1024,
    random = Math.random,
    ...session
  } = options;
  for (const [name, value] of Object.entries({ lazy, allowInsecure })) {
    if (typeof value !== 'boolean') throw new InvalidArgument(`${name} must be true or false, not ${describe(value)}`);
  }
  for (const [name, value] of Object.entries({ credentials, onSession })) {
    if (value !== undefined && typeof value !== 'function') throw new InvalidArgument(`${name} must be a function`);
  }
  if (resume !== 'auto' && resume !== false) {
    throw new InvalidArgument(`resume must be 'auto' or false, not ${describe(resume)}`);
  }
  if ('signal' in session) throw new InvalidArgument('signal is no option of connect: close the client instead');
  objectOf(backoff, 'backoff');
  const { first = 200, max = 30_000 } = backoff;
  const settings: ClientSettings = {
    firstDelay: timeOf(first, 'backoff.first', 1),
    maxDelay: timeOf(max, 'backoff.max', 1),
    attemptTimeout: timeOf(attemptTimeout, 'attemptTimeout', 1),
    giveUpAfter: timeOf(giveUpAfter, 'giveUpAfter', 1, true),
    idleTimeout: timeOf(idleTimeout, 'idleTimeout', 1, true),
    stableAfter: 10_000,
  };
  const isInsecureAllowed = allowInsecure || credentials === undefined;
  return {
    targets: checkedTargets(Array.isArray(to) ? to : [to], isInsecureAllowed),
    session: {
      ...session,
      ...(session.keepalive === undefined && session.peer === undefined ? { keepalive: KEEPALIVE } : {}),
    },
    isLazy: lazy,
    credentials,
    isInsecureAllowed,
    onSession,
    settings,
    resumes: resume === 'auto',
    waitTimeout: timeOf(waitTimeout, 'waitTimeout', 0),
    waitingCalls: countOf(waitingCalls, 'waitingCalls'),
    waitingBytes: countOf(waitingBytes, 'waitingBytes'),
    random,
  };
}

function timeOf(value: number, name: string, least: number, isEndless = false): number {
  if (isEndless && value === Number.POSITIVE_INFINITY) return value;
  if (Number.isFinite(value) && value >= least && value <= MAX_DELAY) return value;
  const range = `from ${least} to 2^31 − 1${isEndless ? ', or Infinity' : ''}`;
  throw new InvalidArgument(`${name} must be a number of milliseconds ${range}, not ${describe(value)}`);
}

function countOf(value: number, name: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgument(`${name} must be an integer from 0 to 2^53 − 1, not ${describe(value)}`);
}

/** @throws InvalidArgument when a target is none, or credentials would go to it in the clear. */
export function checkedTargets(targets: unknown, isInsecureAllowed: boolean): readonly Target[] {
  if (!Array.isArray(targets) || targets.length === 0) {
    throw new InvalidArgument('connect needs a target: a URL, a function that gives a link, or an array of these');
  }
  for (const [index, target] of targets.entries()) {
    if (typeof target === 'function') continue;
    if (typeof target === 'string') checkScheme(target, `target ${index}: a WebSocket URL`);
    // Not quoted: a URL may hold a password.
    if (!(target instanceof URL || (typeof target === 'string' && URL.canParse(target)))) {
      throw new InvalidArgument(`target ${index} must be a URL, or a function that gives a link`);
    }
    const { protocol, hostname } = new URL(target);
    if (protocol !== 'ws:' && protocol !== 'wss:') {
      throw new InvalidArgument(`target ${index} must begin with ws: or wss:; for other links give a function`);
    }
    if (protocol === 'ws:' && !isInsecureAllowed && !isLoopback(hostname)) {
      throw new InvalidArgument(
        `target ${index}: credentials would travel unencrypted to ${hostname}: use wss:, or allowInsecure`,
      );
    }
  }
  return targets as readonly Target[];
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
