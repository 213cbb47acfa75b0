import { Unavailable } from '../base/errors.js';

/** The work that a session had when it was drained, and what has become of it. */
export interface DrainCounts {
  /** Calls of the peer that were answered while the session was drained. */
  readonly answered: number;
  /** Calls and opens of the peer that were refused: nothing of them has run. */
  readonly refused: number;
  /** Calls of the peer that had no answer when the time was over. Their handlers were aborted. */
  readonly cancelled: number;
  /** Channels that were open when the time was over. */
  readonly channels: number;
}

/** Hears of the work of a session that is drained. */
export interface WorkWatcher {
  /** A call or a channel has begun or ended. */
  changed(): void;
  /** A Call or an Open of the peer was refused. */
  refused(): void;
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
  /** Set while the session watches its work. */
  watcher: WorkWatcher | undefined;
  /** Those of the handlers at work that have asked for a signal. */
  readonly #controllers = new Set<AbortController>();
  #reason: Unavailable | undefined;

  /**
   * Makes the controller of a signal that tells one handler of the drain; see {@link forget}. Each handler has its own: it may
   * leave its listeners there, and a session may last for years.
   */
  controller(): AbortController {
    const controller = new AbortController();
    if (this.#reason === undefined) this.#controllers.add(controller);
    else controller.abort(this.#reason);
    return controller;
  }

  /** Lets go of a controller, since its handler is done. */
  forget(controller: AbortController): void {
    this.#controllers.delete(controller);
  }

  /** Aborts the signals. Their listeners are the application's. */
  tell(): void {
    const reason = drainingError('local');
    this.#reason = reason;
    for (const controller of this.#controllers) controller.abort(reason);
    this.#controllers.clear();
  }

  /** Returns true if the error is the reason of the signals. */
  isReason(error: unknown): boolean {
    return this.#reason !== undefined && error === this.#reason;
  }

  /** Counts a call of the peer that is answered, while this side drains the session. */
  answer(): void {
    if (!this.isOver) this.answered++;
  }

  /** Counts a Call or an Open of the peer that is refused. */
  refuse(): void {
    this.refused++;
    this.watcher?.refused();
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
