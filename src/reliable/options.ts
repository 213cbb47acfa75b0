import { describe, objectOf } from '../base/check.js';
import { REAL_CLOCK } from '../base/clock.js';
import { InvalidArgument } from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import type { EndConfig, ReliableClock } from './end.js';

/** Options of both ends of a reliable link. Times are in milliseconds, from 1 to 2^31 − 1. */
export interface ReliableOptions {
  /**
   * What may be unacknowledged, in bytes and in messages: integers of at least 1. Further messages wait, and count in
   * `buffered`. One message always fits, however long it is. Stops a buffer without end behind a peer that reads and does
   * not acknowledge.
   *
   * @defaultValue 4 MiB and 1 024 messages
   */
  readonly window?: { readonly bytes?: number; readonly frames?: number };
  /**
   * The time until an acknowledgement leaves without a message, if there is no message to carry it. A quarter of the
   * peer's window is acknowledged at once.
   *
   * @defaultValue 50
   */
  readonly ackDelay?: number;
  /**
   * The time for the peer's greeting. Stops a mute peer.
   *
   * @defaultValue 5000
   */
  readonly helloTimeout?: number;
  /**
   * The silence after which the peer is asked for a sign of life. Suspended while reading is paused.
   *
   * @defaultValue 15000
   */
  readonly probe?: number;
  /**
   * The time for that sign. Then the link beneath is cut: it may be half open.
   *
   * @defaultValue 5000
   */
  readonly answer?: number;
  /**
   * The time that an orderly end may take while there is a link beneath. After that the link calls `failed`.
   *
   * @defaultValue 5000
   */
  readonly flushTimeout?: number;
  /** The clock of all timers, for example a `VirtualClock`. The real time by default. */
  readonly clock?: ReliableClock;
}

/** A link that lives this long has proven itself. */
const STEADY = 1000;

type Common = Omit<EndConfig, 'isDialer' | 'retriesFirst' | 'backoff' | 'grace'>;

/** @throws InvalidArgument that names the first option that is wrong. */
export function commonOf(options: ReliableOptions, giveUp: number, dial: number): Common {
  const { window = {}, clock = REAL_CLOCK } = options;
  objectOf(window, 'window');
  if (typeof clock?.setTimeout !== 'function' || typeof clock.clearTimeout !== 'function') {
    throw new InvalidArgument('clock must have setTimeout and clearTimeout');
  }
  return {
    windowBytes: countOf(window.bytes ?? 4 * 2 ** 20, 'window.bytes'),
    windowFrames: countOf(window.frames ?? 1024, 'window.frames'),
    times: {
      ack: timeOf(options.ackDelay ?? 50, 'ackDelay'),
      hello: timeOf(options.helloTimeout ?? 5000, 'helloTimeout'),
      probe: timeOf(options.probe ?? 15_000, 'probe'),
      answer: timeOf(options.answer ?? 5000, 'answer'),
      flush: timeOf(options.flushTimeout ?? 5000, 'flushTimeout'),
      steady: STEADY,
      giveUp,
      dial,
    },
    clock,
  };
}

/** @throws InvalidArgument when `value` is no time of a timer. */
export function timeOf(value: number, name: string): number {
  if (Number.isFinite(value) && value >= 1 && value <= MAX_DELAY) return value;
  throw new InvalidArgument(`${name} must be from 1 to 2^31 − 1 milliseconds, not ${describe(value)}`);
}

/** @throws InvalidArgument when `value` is no integer of at least 1, or above 2^31 − 1. */
export function countOf(value: number, name: string): number {
  if (Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value;
  throw new InvalidArgument(`${name} must be an integer from 1 to 2^31 − 1, not ${describe(value)}`);
}
