import type { Conformance, Violation } from '../../machines/events.js';
import type { Limits } from '../base/limits.js';
import type { Report } from '../base/report.js';
import type { Line, Load } from '../calls/scope.js';
import { servingBy } from '../calls/serving.js';
import type { SharedIds } from '../calls/shared-ids.js';
import type { Codec } from '../codec/codec.js';
import { metadataOf } from '../codec/metadata.js';
import type { StepObserver } from '../compile/stepper.js';
import type { Holding } from '../conduit/stock.js';
import type { ConnectionId, Parity } from '../wire/id.js';
import type { ConnectionSettings, DataMessage } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { PeerConfig } from './peers.js';

/** The session behind a connection, as far as calls and channels need it. */
export interface LineHost {
  readonly conformance: Conformance;
  readonly config: { readonly limits: Limits; readonly codec: Codec; readonly peer: PeerConfig };
  /** The owners of all ids, for a peer that answers the calls of all connections on the root. Undefined for other peers. */
  readonly shared: SharedIds | undefined;
  readonly load: Load;
  send(message: DataMessage): Promise<void>;
  /** Sends a message of the protocol, room or not. */
  transmit(message: DataMessage): void;
  accuse(violation: Violation): void;
  call(callback: () => unknown, onError: (error: unknown) => void): void;
  report(report: Report): void;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
  observerOf(id: ConnectionId): StepObserver | undefined;
}

/** The connection itself, as far as calls and channels need it. */
interface LineOwner {
  readonly id: ConnectionId;
  readonly parity: Parity;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  readonly holding: Holding;
  hold(): void;
  unhold(): void;
}

/** A connection as its calls and channels see it. */
export class ConnectionLine implements Line {
  readonly id: ConnectionId;
  readonly parity: Parity;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  readonly conformance: Conformance;
  readonly limits: Limits;
  readonly cancelTimeout: number;
  readonly maxUnconsumed: number;
  readonly shared: Line['shared'];
  readonly refusals: Line['refusals'];
  readonly holding: Holding;
  readonly load: Load;
  readonly observer: StepObserver | undefined;
  readonly #connection: LineOwner;
  readonly #host: LineHost;

  constructor(connection: LineOwner, host: LineHost) {
    this.id = connection.id;
    this.parity = connection.parity;
    this.localSettings = connection.localSettings;
    this.peerSettings = connection.peerSettings;
    this.conformance = host.conformance;
    this.limits = host.config.limits;
    this.cancelTimeout = host.config.peer.cancelTimeout;
    this.maxUnconsumed = host.config.peer.maxUnconsumed;
    this.shared = host.shared;
    this.refusals = servingBy(host.config.codec).refusals;
    this.holding = connection.holding;
    this.load = host.load;
    this.observer = host.observerOf(connection.id);
    this.#connection = connection;
    this.#host = host;
  }

  send(message: DataMessage): Promise<void> {
    return this.#host.send(message);
  }

  metadataOf(metadata: Metadata | undefined): Metadata {
    const { codec, limits } = this.#host.config;
    return metadataOf(metadata, codec, limits);
  }

  reply(message: DataMessage): void {
    this.#host.transmit(message);
  }

  accuse(violation: Violation): void {
    if (this.conformance === 'strict') this.#host.accuse(violation);
  }

  call(callback: () => unknown, onError: (error: unknown) => void): void {
    this.#host.call(callback, onError);
  }

  report(report: Report): void {
    this.#host.report(report);
  }

  setTimeout(callback: () => void, milliseconds: number): unknown {
    return this.#host.setTimeout(callback, milliseconds);
  }

  clearTimeout(timer: unknown): void {
    this.#host.clearTimeout(timer);
  }

  hold(): void {
    this.#connection.hold();
  }

  unhold(): void {
    this.#connection.unhold();
  }
}
