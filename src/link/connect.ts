import { offAbort, onAbort } from '../base/abort.js';
import { InvalidArgument, LinkError } from '../base/errors.js';
import type { Link } from './link.js';
import { checkMaxFrame, checkTimeout } from './websocket.js';

/** Options of `connectWebSocket`, in Node and in browsers. */
export interface ConnectWebSocketOptions {
  /**
   * Milliseconds until the WebSocket must be open: name resolution, TCP, TLS and the opening handshake together. From 1
   * to 2^31 − 1.
   *
   * @defaultValue 10000
   */
  readonly connectTimeout?: number;

  /**
   * Milliseconds that `close()` may take. From 1 to 2^31 − 1.
   *
   * @defaultValue 5000
   */
  readonly closeTimeout?: number;

  /**
   * The largest frame in bytes, from 1 to 2^30 − 1. It applies in addition to the limit of the session
   * (`limits.handshakeBytes`, then `limits.frame`), which the link asks for at each frame. A message above *twice* the lower
   * of the two breaks the link before it is received: a peer can't make us hold more. A message between the two reaches the
   * session, which can say what is wrong. A browser receives messages of any size: there the link breaks when the message is
   * whole.
   *
   * @defaultValue the session's limit; 1048576 for a user of the link that sets none
   */
  readonly maxFrame?: number;

  /** Gives up while connecting; no effect once the link is open. */
  readonly signal?: AbortSignal;
}

/** The options with their defaults; `url` is checked. */
export interface CheckedConnect {
  readonly url: URL;
  readonly connectTimeout: number;
  readonly closeTimeout: number;
  readonly maxFrame: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** @throws InvalidArgument when the URL isn't one of a WebSocket, or an option is out of range. */
export function checkConnect(url: string | URL, options: ConnectWebSocketOptions): CheckedConnect {
  return {
    url: checkUrl(url),
    connectTimeout: checkTimeout('connectTimeout', options.connectTimeout ?? 10_000),
    closeTimeout: checkTimeout('closeTimeout', options.closeTimeout ?? 5000),
    maxFrame: checkMaxFrame(options.maxFrame),
    signal: options.signal,
  };
}

/** @throws InvalidArgument when `url` is only a host and a port. Other text may hold a password, and is not quoted. */
export function checkScheme(url: unknown, name: string): void {
  if (/^(?:[\w.-]+|\[[\da-f:]+\]):\d{1,5}\/?$/i.test(String(url))) {
    throw new InvalidArgument(`${name} begins with ws: or wss:; did you mean ws://${String(url)}`);
  }
}

function checkUrl(url: string | URL): URL {
  checkScheme(url, 'a WebSocket URL');
  if (!URL.canParse(url)) throw new InvalidArgument('this is not a URL');
  const checked = new URL(url);
  if (checked.protocol !== 'ws:' && checked.protocol !== 'wss:') {
    throw new InvalidArgument(`a WebSocket URL begins with ws: or wss:, not ${checked.protocol}`);
  }
  if (checked.hash !== '') throw new InvalidArgument('a WebSocket URL has no fragment');
  return checked;
}

/** The URL without user, password and query, for the text of errors, which may be logged. */
export function targetOf(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** The two ways in which an attempt to connect ends. */
export interface Attempt {
  opened(link: Link): void;
  failed(reason: string, cause?: unknown): void;
}

/**
 * Runs one attempt to connect to `target` within its time and its signal. `begin` starts the attempt and returns a function
 * that gives it up. That function is called unless the attempt has opened.
 */
export function attemptToConnect(
  target: string,
  { connectTimeout, signal }: Pick<CheckedConnect, 'connectTimeout' | 'signal'>,
  begin: (attempt: Attempt) => () => void,
): Promise<Link> {
  const errorFor = (reason: string, cause?: unknown) => new LinkError(`cannot connect to ${target}: ${reason}`, cause);
  if (signal?.aborted === true) return Promise.reject(errorFor('aborted', signal.reason));

  return new Promise((resolve, reject) => {
    let over = false;
    const end = (): boolean => {
      if (over) return false;
      over = true;
      clearTimeout(timer);
      if (signal !== undefined) offAbort(signal, giveUpAborted);
      return true;
    };
    const fail = (reason: string, cause?: unknown): void => {
      if (!end()) return;
      giveUp();
      reject(errorFor(reason, cause));
    };
    const giveUpAborted = (): void => fail('aborted', signal?.reason);
    const timer = setTimeout(() => fail(`not open after ${String(connectTimeout)} ms`), connectTimeout);
    if (signal !== undefined) onAbort(signal, giveUpAborted);
    // An attempt ends asynchronously, so `giveUp` is assigned by then.
    const giveUp = begin({ opened: (link) => void (end() ? resolve(link) : link.abort()), failed: fail });
  });
}
