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

/** What a message takes beside its payload, with any codec: a payload has to fit a frame together with it. */
export const ENVELOPE = 64;

/** How much work the peer has given us, on all connections of a session together. */
export interface Load {
  /** Calls whose handlers are at work, also for nobody any more. */
  requests: number;
  /** Channels that are alive. */
  channels: number;
  /** Ids of channels that are over and that the peer may still speak on: 9a.20, 9a.21. */
  kept: number;
}

/** What carries calls and channels: a connection, as far as those need it. */
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
  /** Whose ids are whose, where the peer answers on the root whatever was called elsewhere. */
  readonly shared: SharedIds | undefined;
  /** What callers get where there is no handler. */
  readonly refusals: NonNullable<Codec['refusals']>;
  /** What waits to be read here. */
  readonly holding: Holding;
  readonly load: Load;
  readonly observer: StepObserver | undefined;
  /**
   * Sends what users have given: {@link SENT} when the link has it already, another promise where it waits for room.
   *
   * @throws InvalidArgument when it can't be represented, or is larger than `limits.frame`.
   */
  send(message: DataMessage): Promise<void>;
  /**
   * A user's metadata as it is to be sent: a copy, with every SENSITIVE value in its box.
   *
   * @throws InvalidArgument when it can't be represented, or is over a limit.
   */
  metadataOf(metadata: Metadata | undefined): Metadata;
  /** Sends what the protocol asks for, room or not. */
  reply(message: DataMessage): void;
  /** The peer broke a rule: the session ends. Of no effect but in strict mode, which alone knows of violations here. */
  accuse(violation: Violation): void;
  /** Calls a user's callback: whatever it asks for comes after the step that is under way. */
  call(callback: () => unknown, onError: (error: unknown) => void): void;
  report(report: Report): void;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
  /** One more that the connection has to stay open for, and one less. */
  hold(): void;
  unhold(): void;
}

/** One end of a channel, or a channel of which it is not known yet which end is ours. */
export interface LiveChannel {
  readonly id: ChannelId;
  /** A message of the peer's. */
  take(message: ChannelMessage): void;
  connectionEnded(): void;
}

/** A channel of the peer's of which no end was taken, until the peer knows. */
export interface ReleasedChannel extends LiveChannel {
  /** Too many are kept: what comes on it from now on is dropped. */
  forget(): void;
}

/** What keeps the channels of a connection. */
export interface ChannelHost {
  readonly line: Line;
  /** Why the connection is closed, once it is. */
  readonly endError: Error | undefined;
  /** @throws InvalidArgument when it can't be represented. */
  send(id: ChannelId, body: ChannelMessage['body']): Promise<void>;
  reply(id: ChannelId, body: ChannelMessage['body']): void;
  /** An end is ours from now on. */
  bind(end: LiveChannel): void;
  /** It is over, on our side. */
  ended(end: LiveChannel): void;
  /** No end of it will be taken, and the peer does not know yet: its place is free. */
  released(channel: ReleasedChannel): void;
}
