import type { Duplex } from 'node:stream';
import { InvalidArgument } from '../base/errors.js';
import { excerpt, stackOf } from '../base/printable.js';
import { sparing } from '../base/report.js';
import { networkOf } from './network.js';
import { Pace } from './pace.js';

// The parts that the listeners in Node share.

/** Host and port, in the form of a URL. */
export function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

/** Wraps a callback. If it throws, the error goes to `failed`, and the result is undefined. */
export function guard<Args extends unknown[], Result>(
  callback: (...args: Args) => Result,
  failed: (error: unknown) => void,
): (...args: Args) => Result | undefined {
  return (...args) => {
    try {
      return callback(...args);
    } catch (error) {
      failed(error);
      return undefined;
    }
  };
}

/** Reports an error as a warning of the process. */
export function warn(error: unknown): void {
  tell({ kind: 'server', message: excerpt(String(error)), detail: error instanceof Error ? stackOf(error) : '' });
}

/** Limited, because any client may cause a warning with each attempt to connect. */
const tell = sparing(
  ({ message, detail }: { readonly kind: 'server'; readonly message: string; readonly detail: string }) =>
    process.emitWarning(message, { type: 'RoamActorsWarning', detail }),
);

/** Takes the new sockets of a listener, only some in each turn of the event loop. */
export class Intake {
  readonly #pace = new Pace();
  readonly #waiting = new Set<Duplex>();

  /** Calls `take` in its turn, unless the socket is gone by then. */
  add(socket: Duplex, take: () => void): void {
    this.#waiting.add(socket);
    socket.on('error', ignore);
    this.#pace.add(() => {
      if (this.#waiting.delete(socket) && !socket.destroyed) take();
      socket.off('error', ignore);
    });
  }

  /** Ends the sockets that wait: nothing takes them any more. */
  drop(end: (socket: Duplex) => void = (socket) => void socket.destroy()): void {
    for (const socket of this.#waiting) end(socket);
    this.#waiting.clear();
  }
}

/** Hears of a socket that fails while it waits. Without a listener the process would end. */
function ignore(): void {}

/** The default of `pendingBytes`. */
const PENDING_BYTES = 16 * 1024 * 1024;

/** A socket whose first message is not whole yet. There may be thousands: it is an object of a class, without closures. */
export class Newcomer {
  readonly network: string;
  /** Destroys the socket. */
  readonly cut: (why: string) => void;
  cost = 0;
  readonly #all: Newcomers;

  constructor(all: Newcomers, address: string | undefined, cut: (why: string) => void) {
    this.#all = all;
    this.network = networkOf(address ?? '');
    this.cut = cut;
    all.sockets.add(this);
  }

  /** Counts so many bytes more. */
  count(cost: number): void {
    if (this.#all.sockets.has(this)) this.#all.count(this, cost);
  }

  /** Counts nothing any more: its first message is whole, or it is gone. */
  settle(): void {
    if (this.#all.sockets.delete(this)) this.#all.count(this, -this.cost);
  }
}

/**
 * Bounds the memory of first messages that are not whole, of all sockets of a listener together. Beyond it the oldest
 * socket of the network that has most is cut: refusing the newest socket would lock out honest peers.
 */
export class Newcomers {
  /** The oldest first. */
  readonly sockets = new Set<Newcomer>();
  readonly #most: number;
  /** By network. */
  readonly #costs = new Map<string, number>();
  #cost = 0;

  /** @throws InvalidArgument when `most` is out of range. */
  constructor(most = PENDING_BYTES) {
    checkBytes('pendingBytes', most, Number.MAX_SAFE_INTEGER);
    this.#most = most;
  }

  count(socket: Newcomer, cost: number): void {
    socket.cost += cost;
    this.#cost += cost;
    const sum = (this.#costs.get(socket.network) ?? 0) + cost;
    if (sum === 0) this.#costs.delete(socket.network);
    else this.#costs.set(socket.network, sum);
    if (this.#cost > this.#most && cost > 0) this.#relieve();
  }

  #relieve(): void {
    let [busiest, most] = ['', 0];
    for (const [network, cost] of this.#costs) if (cost > most) [busiest, most] = [network, cost];
    for (const socket of this.sockets) {
      if (socket.network !== busiest || socket.cost === 0) continue;
      socket.settle();
      socket.cut(`first messages that are not whole took more than ${this.#most} bytes (pendingBytes)`);
      return;
    }
  }
}

/** @throws InvalidArgument unless `value` is a number of bytes from 1 to `most`. */
export function checkBytes(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  throw new InvalidArgument(`${name} must be an integer from 1 to ${most}, not ${String(value)}`);
}
