import type { Conformance, Violation } from '../../machines/events.js';
import type { Limits } from '../base/limits.js';
import { metadataOf } from '../codec/metadata.js';
import type { StepObserver } from '../compile/stepper.js';
import type { Conduit } from '../conduit/conduit.js';
import type { Load } from '../conduit/costs.js';
import type { Outbox } from '../conduit/outbox.js';
import type { ConnectionBudget } from '../conduit/receive-queue.js';
import type { ChannelId, ConnectionId, Parity } from '../wire/id.js';
import type { ChannelMessage, ConnectionSettings } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Drain } from './drain.js';
import type { SharedIds } from './shared-ids.js';

/** The parts of a session that all of its connections use. */
export interface SessionScope {
  readonly conduit: Conduit;
  readonly conformance: Conformance;
  readonly drain: Drain;
  /** Milliseconds after which a cancelled call is over without a Response, or Infinity. */
  readonly cancelTimeout: number;
  /** Items of one channel that the peer has not consumed, at most. */
  readonly maxUnconsumed: number;
  /** The owners of all ids, for a peer that answers the calls of all connections on the root. Undefined for other peers. */
  readonly shared: SharedIds | undefined;
  /** Returns the value that `authenticate` has given for the peer. */
  principalOf(): unknown;
  /** Returns an observer that shows the calls and channels of a connection to inspectors; undefined without them. */
  observerOf(id: ConnectionId): StepObserver | undefined;
}

/** The data of an open connection that its calls and channels need. */
interface ConnectionData {
  readonly id: ConnectionId;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
}

/** The fields that all calls and channels of one connection share. */
export class ConnectionScope {
  readonly id: ConnectionId;
  readonly parity: Parity;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  readonly conduit: Conduit;
  readonly outbox: Outbox;
  readonly limits: Limits;
  readonly load: Load;
  readonly conformance: Conformance;
  readonly drain: Drain;
  readonly cancelTimeout: number;
  readonly maxUnconsumed: number;
  readonly shared: SharedIds | undefined;
  readonly observer: StepObserver | undefined;
  /** The bytes that wait to be read on this connection. */
  readonly budget: ConnectionBudget;
  /** The calls that wait, the handlers at work and the ends of channels, for which the connection stays open. */
  shares = 0;
  readonly #onIdle: () => void;
  /** True once the connection is closed. */
  isOver = false;
  #endError: Error | (() => Error) | undefined;

  /** `onIdle` is called whenever the last share was released. */
  constructor(
    session: SessionScope,
    { id, localSettings, peerSettings }: ConnectionData,
    budget: ConnectionBudget,
    onIdle: () => void,
  ) {
    const { conduit, conformance, drain, cancelTimeout, maxUnconsumed, shared } = session;
    this.id = id;
    this.parity = localSettings.parity;
    this.localSettings = localSettings;
    this.peerSettings = peerSettings;
    this.conduit = conduit;
    this.outbox = conduit.outbox;
    this.limits = conduit.limits;
    this.load = conduit.load;
    this.conformance = conformance;
    this.drain = drain;
    this.cancelTimeout = cancelTimeout;
    this.maxUnconsumed = maxUnconsumed;
    this.shared = shared;
    this.observer = session.observerOf(id);
    this.budget = budget;
    this.#onIdle = onIdle;
  }

  /** Notes that the connection is closed. The error is made when it is first needed. */
  endWith(makeError: () => Error): void {
    this.isOver = true;
    this.#endError = makeError;
  }

  /** The error that says why the connection is closed, once it is. */
  get endError(): Error | undefined {
    if (typeof this.#endError === 'function') this.#endError = this.#endError();
    return this.#endError;
  }

  /** Removes a share. The connection hears of the last one. */
  release(): void {
    this.shares--;
    if (this.shares === 0) this.#onIdle();
  }

  /**
   * Returns metadata of the application as it is to be sent: a copy, with every SENSITIVE value in its box.
   *
   * @throws InvalidArgument when the metadata can't be represented, or is over a limit.
   */
  metadataOf(metadata: Metadata | undefined): Metadata {
    return metadataOf(metadata, this.conduit.codec, this.limits);
  }

  /** Ends the session because the peer broke a rule. The charts decide what breaks a rule, in each mode. */
  accuse(violation: Violation): void {
    this.conduit.accuse(violation);
  }
}

/** One end of a channel, or a channel of which it is not known yet which end is ours. */
export interface LiveChannel {
  readonly id: ChannelId;
  /** True once the sender was told to stop. Messages that it has sent before may still come. */
  readonly hasReset?: boolean;
  /** Takes a message of the peer. */
  take(message: ChannelMessage): void;
  connectionEnded(): void;
}

/** A channel that the peer has named and of which no end was taken, until the peer knows that. */
export interface ReleasedChannel extends LiveChannel {
  /** Drops all messages on the channel from now on, since too many such channels are kept. */
  forget(): void;
}
