import { InvalidArgument } from '../base/errors.js';
import { settle } from './settle.js';

interface Timer {
  readonly id: number;
  readonly due: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until a test advances it: the option `clock` of `initiate`, `accept` and `createActor`.
 *
 * @example
 * const clock = new VirtualClock();
 * const session = await initiate(link, { clock, keepalive: { pingInterval: 100, pongTimeout: 50 } });
 * await clock.advance(150); // the peer has not answered the first Ping
 * expect(await session.closed).toMatchObject({ cause: 'keepalive' });
 */
export class VirtualClock {
  readonly #timers = new Map<number, Timer>();
  #now = 0;
  #last = 0;

  /** Returns the milliseconds since the clock was made. */
  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, timeout: number): number {
    // An undefined delay would fire at once in XState. Here it throws, so that the mistake shows.
    checkTime('a timer', timeout);
    if (typeof callback !== 'function') {
      throw new InvalidArgument(`a timer calls back a function, not ${String(callback)}`);
    }
    const id = ++this.#last;
    this.#timers.set(id, { id, due: this.#now + timeout, callback });
    return id;
  }

  clearTimeout(id: number): void {
    this.#timers.delete(id);
  }

  /** The number of waiting timers. */
  get size(): number {
    return this.#timers.size;
  }

  /**
   * Advances by `time` ms in one synchronous turn. Timers fire in order, also those that are set meanwhile.
   *
   * @throws InvalidArgument when `time` is not a finite number of at least 0.
   */
  advanceNow(time: number): void {
    checkTime('a clock', time);
    const end = this.#now + time;
    while (this.#fireNext(end));
    this.#now = end;
  }

  /**
   * Advances by `time` ms. All effects of one timer are over before the next one fires.
   *
   * Rejects with InvalidArgument when `time` is not a finite number of at least 0.
   */
  async advance(time: number): Promise<void> {
    checkTime('a clock', time);
    const end = this.#now + time;
    while (this.#fireNext(end)) await settle();
    this.#now = end;
    await settle();
  }

  #fireNext(end: number): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    }
    if (next === undefined) return false;
    this.#timers.delete(next.id);
    this.#now = next.due;
    next.callback();
    return true;
  }
}

function checkTime(what: string, time: number): void {
  if (Number.isFinite(time) && time >= 0) return;
  throw new InvalidArgument(`${what} goes on by a number of milliseconds from 0, not by ${String(time)}`);
}
