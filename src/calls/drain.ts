import { Unavailable } from '../base/errors.js';

/** The work that a session had when it was drained, and what has become of it. */
export interface DrainCounts {
  /** Calls of the peer that were answered while the session was drained. */
  readonly answered: number;
  /** Calls and opens of the peer that were refused: nothing of them has run. */
  readonly refused: number;
  /** Calls of the peer that were at work when the time was over. Their handlers were aborted. */
  readonly cancelled: number;
  /** Channels that were open when the time was over. */
  readonly channels: number;
}

/** What the calls of a session know of its drain, by this side or by the peer. */
export class Drain {
  /** True if the peer's calls are refused. */
  isOurs = false;
  /** True if calls of ours are refused, since the peer takes no more. */
  isPeers = false;
  /** True once the time for the calls at work is over. */
  isOver = false;
  answered = 0;
  refused = 0;
  cancelled = 0;
  channels = 0;
  #controller: AbortController | undefined;

  /** Tells handlers that the session is drained. Made when it is first read: few handlers read it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.isOurs) this.tell();
    }
    return this.#controller.signal;
  }

  /** Aborts the signal. Its listeners are the application's. */
  tell(): void {
    this.#controller?.abort(drainingError('local'));
  }

  get counts(): DrainCounts {
    const { answered, refused, cancelled, channels } = this;
    return { answered, refused, cancelled, channels };
  }
}

/** Returns the error of a call or an open that a draining session does not send, or of work that it gives up. */
export function drainingError(by: 'local' | 'peer'): Unavailable {
  return new Unavailable(
    by === 'local' ? 'this session is being drained' : 'the peer takes no more calls and opens in this session',
  );
}
