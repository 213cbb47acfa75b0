import type { Conformance, Violation } from '../../machines/events.js';
import type { Limits } from '../base/limits.js';
import type { Report } from '../base/report.js';
import type { Codec } from '../codec/codec.js';
import type { StepObserver } from '../compile/stepper.js';
import type { Holding } from '../conduit/stock.js';
import type { ChannelId, ConnectionId, Parity } from '../wire/id.js';
import type { ChannelMessage, ConnectionSettings, DataMessage } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { SharedIds } from './shared-ids.js';

/** Bytes that a message takes beside its payload, with any codec. A payload has to fit a frame together with them. */
export const ENVELOPE = 64;

/** The work that the peer has given us, on all connections of a session together. */
export interface Load {
  /** Calls whose handlers are at work, also when no caller waits for them any more. */
  requests: number;
  /** Channels that are alive. */
  channels: number;
  /** Ids of channels that are over, and on which the peer may still send: 9a.20, 9a.21. */
  kept: number;
}

/** A connection, as far as its calls and channels need it. */
export interface Line {
  readonly id: ConnectionId;
  readonly parity: Parity;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  readonly conformance: Conformance;
  readonly limits: Limits;
  /** Milliseconds after which a cancelled call is over without a Response, or Infinity. */
  readonly cancelTimeout: number;
  /** Items of one channel that the peer has not consumed, at most. */
  readonly maxUnconsumed: number;
  /** The owners of all ids, for a peer that answers the calls of all connections on the root. Undefined for other peers. */
  readonly shared: SharedIds | undefined;
  /** The bytes that callers get where there is no handler. */
  readonly refusals: NonNullable<Codec['refusals']>;
  /** The bytes that wait to be read on this connection. */
  readonly holding: Holding;
  readonly load: Load;
  readonly observer: StepObserver | undefined;
  /**
   * Sends a message of the application. Returns {@link SENT} when the link has the message already, and another promise
   * when the message waits for room.
   *
   * @throws InvalidArgument when the message can't be represented, or is larger than `limits.frame`.
   */
  send(message: DataMessage): Promise<void>;
  /**
   * Returns metadata of the application as it is to be sent: a copy, with every SENSITIVE value in its box.
   *
   * @throws InvalidArgument when the metadata can't be represented, or is over a limit.
   */
  metadataOf(metadata: Metadata | undefined): Metadata;
  /** Sends a message of the protocol, room or not. */
  reply(message: DataMessage): void;
  /**
   * Ends the session because the peer broke a rule. It has an effect only in strict mode, which alone knows of
   * violations here.
   */
  accuse(violation: Violation): void;
  /** Runs a callback of the application. Inputs made by the callback take effect after the current step. */
  call(callback: () => unknown, onError: (error: unknown) => void): void;
  report(report: Report): void;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
  /** Adds one to the reasons for which the connection stays open; `unhold` takes one away. */
  hold(): void;
  unhold(): void;
}

/** One end of a channel, or a channel of which it is not known yet which end is ours. */
export interface LiveChannel {
  readonly id: ChannelId;
  /** Takes a message of the peer. */
  take(message: ChannelMessage): void;
  connectionEnded(): void;
}

/** A channel that the peer has named and of which no end was taken, until the peer knows that. */
export interface ReleasedChannel extends LiveChannel {
  /** Drops all messages on the channel from now on, since too many such channels are kept. */
  forget(): void;
}

/** The host of the channels of a connection. */
export interface ChannelHost {
  readonly line: Line;
  /** The error that says why the connection is closed, once it is. */
  readonly endError: Error | undefined;
  /** @throws InvalidArgument when the message can't be represented. */
  send(id: ChannelId, body: ChannelMessage['body']): Promise<void>;
  reply(id: ChannelId, body: ChannelMessage['body']): void;
  /** Adds an end that is ours from now on. */
  bind(end: LiveChannel): void;
  /** Removes an end that is over on our side. */
  ended(end: LiveChannel): void;
  /** Frees the place of a channel of which no end will be taken. The peer does not know that yet. */
  released(channel: ReleasedChannel): void;
}
