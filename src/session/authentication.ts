import type { AuthenticationEvent } from '../../machines/events.js';
import { isWellFormed } from '../base/bytes.js';
import { describe, objectOf } from '../base/check.js';
import { InvalidArgument, LimitExceeded, Refused } from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import { isThenable } from '../base/promise.js';
import type { Conduit } from '../conduit/conduit.js';
import { notePrincipal } from '../link/facts.js';
import type { Link, LinkFacts } from '../link/link.js';
import { type Metadata, type MetadataEntry, NO_PROPAGATE, SENSITIVE } from '../wire/metadata.js';
import { type RefusalReason, UNDECIDED } from '../wire/refusal.js';
import { type MetadataValue, Sensitive } from '../wire/sensitive.js';

type Awaitable<T> = T | PromiseLike<T>;

/** The question who the peer is. */
export interface AuthRequest<P = unknown> {
  /** The metadata of the peer's Hello. The values of credentials are in `Sensitive` boxes; `reveal()` gives them. */
  readonly metadata: Metadata;
  /** What the link shows: cookies, the address, a certificate. */
  readonly link: LinkFacts;
  /** Aborts when the answer no longer matters: the peer has gone, or the time has passed. */
  readonly signal: AbortSignal;
  /** The principal so far, when the peer renews its credentials. */
  readonly current?: P;
}

/**
 * A principal whose rights end: the result of `authenticate` for credentials that expire. At `expiresAt`, in milliseconds since
 * 1970, the session drains: calls at work are finished, and the peer needs a new session, unless it has renewed its credentials
 * by `session.renew`.
 *
 * @throws InvalidArgument when `expiresAt` is no number.
 */
export class Authenticated<P> {
  readonly expiresAt: number;
  // No property: loggers print those.
  readonly #principal: P;

  constructor(principal: P, options: { readonly expiresAt: number }) {
    objectOf(options, 'options');
    const { expiresAt } = options;
    if (typeof expiresAt !== 'number' || Number.isNaN(expiresAt)) {
      throw new InvalidArgument(`expiresAt must be a number of milliseconds since 1970, not ${describe(expiresAt)}`);
    }
    this.#principal = principal;
    this.expiresAt = expiresAt;
  }

  get principal(): P {
    return this.#principal;
  }
}

/**
 * Says who the peer is, at once or by a promise. The result is the principal: any value, which handlers get as `principal`.
 * `refuse` refuses the peer. If the function throws anything else, or takes longer than `limits.authenticateTimeout`, the peer
 * is refused as `unavailable`, and the error is reported.
 */
// A method, so that an application may give the request the type AuthRequest<User> to read `current`.
export type Authenticate<P = unknown> = {
  authenticate(request: AuthRequest): Awaitable<P | Authenticated<P>>;
}['authenticate'];

/** The reasons that an application may give. */
const REASONS: readonly RefusalReason[] = ['unauthenticated', 'forbidden', 'unavailable'];

/** The longest text of a refusal, in characters: an error's `message` shows no more of a peer's text. */
const MAX_TEXT = 512;

/**
 * Refuses the peer, in `authenticate`. The peer reads `reason` and `text`, as the cause of its HandshakeError. Give one text for
 * an unknown user and a wrong password: otherwise a peer can guess users.
 *
 * With `unauthenticated` the peer may try again with other credentials; a client of `connect` does so once. With `forbidden`
 * it gives up. With `unavailable` it tries again later.
 *
 * @throws Refused, or InvalidArgument when the reason is none of these, or the text has more than 512 characters.
 */
export function refuse(reason: 'unauthenticated' | 'forbidden' | 'unavailable', text: string): never {
  if (!REASONS.includes(reason)) {
    throw new InvalidArgument(`reason must be one of ${REASONS.join(', ')}, not ${describe(reason)}`);
  }
  if (typeof text !== 'string' || text.length > MAX_TEXT || !isWellFormed(text)) {
    throw new InvalidArgument(`text must be a string of at most ${MAX_TEXT} characters, without a lone surrogate`);
  }
  throw new Refused(reason, text);
}

/** What a peer shows of itself, in its Hello or later. */
export type Credentials = Readonly<Record<string, MetadataValue>>;

/** The entries of credentials in metadata. @throws InvalidArgument when the credentials are no object of values. */
export function entriesOf(credentials: Credentials, name: string): Metadata {
  objectOf(credentials, name);
  return Object.entries(credentials).map(
    ([key, value]): MetadataEntry => ({
      key,
      value: value instanceof Sensitive ? value : new Sensitive(value),
      flags: SENSITIVE | NO_PROPAGATE,
    }),
  );
}

/** Milliseconds that the work of a session may take when the rights of its peer have ended. */
const EXPIRED_TIMEOUT = 20_000;

/** The facts of a link that shows none. */
const NO_FACTS: LinkFacts = {
  url: undefined,
  remoteAddress: undefined,
  certificate: undefined,
  header: () => undefined,
  toJSON: () => ({}),
};

/**
 * Asks the application who the peer of a session is, and keeps the answer. The principal is in a private field: the charts, and
 * so their inspectors, never see it.
 */
export class Authentication {
  readonly #authenticate: Authenticate | undefined;
  readonly #conduit: Conduit;
  readonly #link: Link;
  readonly #drain: (timeout: number) => void;
  #principal: unknown;
  /** The question that is open. */
  #asking: AbortController | undefined;
  /** The timer for the end of the principal's rights. */
  #expiry: unknown;

  /** `drain` drains the session, whose work may take so many milliseconds. */
  constructor(authenticate: Authenticate | undefined, conduit: Conduit, link: Link, drain: (timeout: number) => void) {
    this.#authenticate = authenticate;
    this.#conduit = conduit;
    this.#link = link;
    this.#drain = drain;
  }

  /** The value that `authenticate` has given for the peer; undefined before, or without it. */
  get principal(): unknown {
    return this.#principal;
  }

  /**
   * Asks the application about the credentials in a Hello, or in a notice of a peer that renews them. Never throws: a function
   * that throws has refused the peer.
   */
  ask(metadata: Metadata, isRenewal: boolean): void {
    const asking = new AbortController();
    this.#asking = asking;
    const { inputs } = this.#conduit;
    try {
      const facts = { metadata, link: this.#link.facts?.() ?? NO_FACTS, signal: asking.signal };
      const request = isRenewal ? { ...facts, current: this.#principal } : facts;
      const answer = this.#authenticate?.(request);
      if (isThenable(answer)) {
        answer.then(
          (principal) => this.#conduit.push(this.#accept(asking, principal)),
          (error: unknown) => this.#conduit.push(this.#refuse(asking, error)),
        );
      } else {
        // An answer at once belongs to the step of the peer's Hello.
        inputs.pushNext(this.#accept(asking, answer));
      }
    } catch (error) {
      inputs.pushNext(this.#refuse(asking, error));
    }
  }

  /** Forgets the question, if it is open: an answer has no effect any more. */
  drop(makeReason: () => unknown): void {
    const asking = this.#asking;
    this.#asking = undefined;
    asking?.abort(makeReason());
  }

  /** Forgets everything but the principal: the session is over. */
  stop(makeReason: () => unknown): void {
    this.drop(makeReason);
    this.#expireAt(Number.POSITIVE_INFINITY);
  }

  /** Reports that the time for the answer has passed. */
  reportUnanswered(): void {
    const { authenticateTimeout } = this.#conduit.limits;
    this.#report(new LimitExceeded('authenticateTimeout', `no answer within ${authenticateTimeout} ms`));
  }

  /** Takes an answer in its turn. */
  readonly #accept = (asking: AbortController, answer: unknown) => (): AuthenticationEvent | undefined => {
    if (this.#asking !== asking) return undefined;
    this.#asking = undefined;
    const isLimited = answer instanceof Authenticated;
    this.#principal = isLimited ? answer.principal : answer;
    notePrincipal(this.#link, this.#principal);
    this.#expireAt(isLimited ? answer.expiresAt : Number.POSITIVE_INFINITY);
    return { type: 'auth.accepted' };
  };

  readonly #refuse = (asking: AbortController, error: unknown) => (): AuthenticationEvent | undefined => {
    if (this.#asking !== asking) return undefined;
    this.#asking = undefined;
    if (error instanceof Refused) return { type: 'auth.refused', reason: error.reason, text: error.fullMessage };
    this.#report(error);
    return { type: 'auth.refused', ...UNDECIDED };
  };

  /** Drains the session at that time, and not at an earlier one that was set before. */
  #expireAt(time: number): void {
    const { clock } = this.#conduit;
    clock.clearTimeout(this.#expiry);
    this.#expiry = undefined;
    if (time === Number.POSITIVE_INFINITY) return;
    const left = Math.max(0, time - Date.now());
    this.#expiry = clock.setTimeout(
      // A timer can't run longer.
      () => (left > MAX_DELAY ? this.#expireAt(time) : this.#drain(EXPIRED_TIMEOUT)),
      Math.min(left, MAX_DELAY),
    );
  }

  #report(error: unknown): void {
    const message = 'authenticate failed, and the peer was refused as unavailable';
    this.#conduit.report({ kind: 'authenticate-failed', message, error });
  }
}
