import type { ReliableEnd } from '../../machines/reliable.js';
import { offAbort, onAbort } from '../base/abort.js';
import { describe, objectOf, signalOf } from '../base/check.js';
import { InvalidArgument, LinkError } from '../base/errors.js';
import { deferred } from '../base/promise.js';
import type { Link } from '../link/link.js';
import { Sensitive } from '../wire/sensitive.js';
import { End, type EndOwner, type ReliableLink } from './end.js';
import { clientHello, readServerHello } from './hello.js';
import { nameOf } from './key.js';
import { commonOf, type ReliableOptions, timeOf } from './options.js';

/** Options of {@link reliableLink}. */
export interface ReliableLinkOptions extends ReliableOptions {
  /**
   * Opens a link to the acceptor, each time anew. Called for the first link, and again whenever a link was lost. The
   * signal aborts when the link is no longer wanted: when `dialTimeout` has passed, or the reliable link has ended.
   */
  readonly connect: (signal: AbortSignal) => Promise<Link>;
  /**
   * The time of one attempt to connect.
   *
   * @defaultValue 10000
   */
  readonly dialTimeout?: number;
  /**
   * The time between attempts: from 0 to `first` before the second attempt, chosen at random. The upper bound doubles each
   * time, up to `most`. A link that has brought something forward, or lived for a second, is replaced at once.
   *
   * @defaultValue 100 and 5000
   */
  readonly backoff?: { readonly first?: number; readonly most?: number };
  /**
   * The time without a working link after which the link calls `failed`. It is never longer than the acceptor's `grace`.
   *
   * @defaultValue 60000
   */
  readonly giveUpAfter?: number;
  /**
   * Tries again, too, when the first attempt fails, within `giveUpAfter`. Otherwise a wrong address would look like
   * patience.
   *
   * @defaultValue false
   */
  readonly retryFirst?: boolean;
  /** Gives up before the first link is there; no effect afterwards. */
  readonly signal?: AbortSignal;
}

/** What ended a link, and the option that sets it. */
const TEXTS: Readonly<Record<ReliableEnd, string>> = {
  closed: 'the link was closed',
  unreachable: 'cannot connect: the first attempt failed (retryFirst: true would try again)',
  gaveUp: 'no working link within giveUpAfter',
  rejected: 'the acceptor does not know the session: its grace is over, or it has restarted',
  mismatch: 'the counts of the two ends do not fit: the acceptor has lost its state, or breaks the protocol',
  flush: 'the peer did not end within flushTimeout',
  abandoned: 'the peer has given the link up',
  aborted: 'the link was aborted',
  oversize: 'the peer sent a message above twice the frame limit',
  unused: 'the link was lost before it was used',
  evicted: 'the session was ended to keep a limit',
};

class Dialer implements EndOwner {
  readonly end: End;
  /** Settles when the first link is there, or can't be. */
  readonly first = deferred<void>();
  readonly #connect: ReliableLinkOptions['connect'];
  #key: Sensitive<Uint8Array> | undefined;
  #attempt: AbortController | undefined;

  constructor(options: ReliableLinkOptions) {
    const { connect, backoff = {}, dialTimeout = 10_000, giveUpAfter = 60_000, retryFirst = false } = options;
    if (typeof connect !== 'function') {
      throw new InvalidArgument(`connect must be a function that gives a promise of a link, not ${describe(connect)}`);
    }
    objectOf(backoff, 'backoff');
    if (typeof retryFirst !== 'boolean')
      throw new InvalidArgument(`retryFirst must be a boolean, not ${describe(retryFirst)}`);
    const first = timeOf(backoff.first ?? 100, 'backoff.first');
    const most = timeOf(backoff.most ?? 5000, 'backoff.most');
    this.#connect = connect;
    const giveUp = timeOf(giveUpAfter, 'giveUpAfter');
    this.end = new End(
      {
        ...commonOf(options, giveUp, timeOf(dialTimeout, 'dialTimeout')),
        isDialer: true,
        retriesFirst: retryFirst,
        grace: 0,
        // Full jitter: clients of a server that restarts do not come back at the same moment.
        backoff: (attempts) => Math.random() * Math.min(most, first * 2 ** (attempts - 1)),
      },
      this,
    );
  }

  dial(epoch: number): void {
    this.#attempt?.abort();
    const attempt = new AbortController();
    this.#attempt = attempt;
    // In a microtask: `connect` is the application's, and must not run within a step.
    Promise.resolve()
      .then(() => this.#connect(attempt.signal))
      .then(
        (link) => {
          if (typeof link?.send === 'function' && typeof link.start === 'function') this.end.opened(link, epoch);
          else this.end.notOpened(epoch, new InvalidArgument(`connect must give a Link, not ${describe(link)}`));
        },
        (error: unknown) => this.end.notOpened(epoch, error),
      );
  }

  greeting(received: number): Uint8Array {
    return clientHello(this.#key?.reveal(), received);
  }

  welcomed(bytes: Uint8Array): number | 'rejected' | 'malformed' {
    const hello = readServerHello(bytes);
    if (hello === undefined) {
      this.end.cause = new LinkError('the peer does not greet as the acceptor of a reliable link');
      return 'malformed';
    }
    if (hello.isRejected) return 'rejected';
    if (!hello.isExtended) {
      this.end.cause = new LinkError('the peer speaks the stable conduit of roam 7, which has no reliable links');
      return 'malformed';
    }
    // The key stays the same for the session's life, so a greeting that is lost costs nothing.
    this.#key ??= new Sensitive(hello.key);
    this.end.name ??= nameOf(hello.key);
    this.first.resolve();
    return hello.received;
  }

  refuse(link: Link): void {
    link.abort();
  }

  hasShare(): boolean {
    return true;
  }

  changed(): void {}

  ended(end: ReliableEnd): void {
    this.#attempt?.abort();
    this.#key = undefined;
    this.first.reject(new LinkError(this.explain(end), this.end.cause));
  }

  explain(end: ReliableEnd): string {
    return TEXTS[end];
  }
}

/**
 * Opens a link that outlives the links beneath it: each message arrives exactly once and in order, although links may break.
 * The other end is a {@link reliableAcceptor}. Resolves when the acceptor has answered for the first time.
 *
 * A link that was lost is replaced, and both ends send again what the other one lacks. The link calls `interrupted` and
 * `restored`. It calls `failed` with a LinkError that names the option when it gives up, and `ended` after an orderly end.
 *
 * Rejects with LinkError when the first attempt fails; `cause` says why.
 *
 * @example
 * const link = await reliableLink({ connect: (signal) => connectTcp({ port: 9000, signal }) });
 * const session = await initiate(link);
 *
 * @throws InvalidArgument at once, when an option is out of range.
 */
export function reliableLink(options: ReliableLinkOptions): Promise<ReliableLink> {
  objectOf(options, 'options');
  const signal = signalOf(options.signal);
  const dialer = new Dialer(options);
  return opened(dialer, signal);
}

async function opened({ end, first }: Dialer, signal: AbortSignal | undefined): Promise<ReliableLink> {
  const abort = (): void => {
    end.cause = signal?.reason;
    end.abort();
  };
  end.dialFirst();
  if (signal?.aborted === true) abort();
  else if (signal !== undefined) onAbort(signal, abort);
  try {
    await first.promise;
    return end;
  } finally {
    if (signal !== undefined) offAbort(signal, abort);
  }
}
