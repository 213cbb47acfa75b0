/**
 * The vocabulary of calls and channels: what their machines are told, and what they ask for. As in events.ts, all of it is
 * plain data. `rx.` is the peer, `app.` the user, `calls.` whoever keeps count of the calls, `connection.` what carries them.
 */
import type { ChannelId } from '../src/wire/id.js';
import type { Call, Cancel, Close, GrantCredit, Item, Reset, Response } from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import type { Violation } from './events.js';

// ---- Calls --------------------------------------------------------------------------------------------------------

/** What a call of ours can be told. */
export type CallEvent =
  /** There is room under the peer's `maxConcurrentRequests`, and it is this call's turn. */
  | { type: 'calls.admitted' }
  /** What was to be sent can't be: nothing was. */
  | { type: 'calls.refused'; error: Error }
  | { type: 'rx.Response'; body: Response }
  /** Nobody waits for the answer any more. */
  | { type: 'app.abort'; why: 'aborted' | 'expired' }
  /** It failed on our side. */
  | { type: 'app.fail'; reason: string }
  /** It was cancelled, and the peer has had its time to answer that. */
  | { type: 'calls.forgotten' }
  | { type: 'connection.ended' };

/** What became of a call of ours. */
export type CallOutcome =
  | { readonly type: 'answered'; readonly response: Response }
  | { readonly type: 'aborted' }
  | { readonly type: 'expired' }
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'refused'; readonly error: Error }
  | { readonly type: 'ended' };

/** The effects of one call of ours. */
export interface CallPort {
  transmit(body: Call | Cancel): void;
  /** The caller hears of it; once. */
  settle(outcome: CallOutcome): void;
  /** Holds the connection open for this call, from here to `release`; each once. */
  retain(): void;
  release(): void;
}

/** What a call of the peer's can be told. */
export type AnswerEvent =
  | { type: 'rx.Cancel' }
  /** The handler's answer. */
  | { type: 'app.reply'; response: Response }
  /** The handler has none: it threw, returned nothing, or is not there. `ret` says so to the caller. */
  | { type: 'app.fail'; ret: Uint8Array }
  | { type: 'connection.ended' };

/** The effects of one call of the peer's. */
export interface AnswerPort {
  /** Asks the user's handler. */
  handle(): void;
  transmit(body: Response): void;
  /** Tells the handler that nobody waits for its answer. */
  abort(): void;
  /** Holds the connection open for this handler, from here to `release`; each once. */
  retain(): void;
  release(): void;
}

// ---- Channels -----------------------------------------------------------------------------------------------------

/** The peer's messages on a channel. */
type ReceivedOnChannel =
  | { type: 'rx.Item'; body: Item }
  | { type: 'rx.Close'; body: Close }
  | { type: 'rx.Reset'; body: Reset }
  | { type: 'rx.GrantCredit'; body: GrantCredit };

/** What a channel that nobody has bound yet can be told. */
export type OfferEvent =
  | ReceivedOnChannel
  /** Somebody takes one end of it; what was kept comes next, as if it had just been received. */
  | { type: 'app.bind' }
  /** The call that named it is answered, and its handler took no end. 9a.21 */
  | { type: 'app.release' }
  /** More of the released ones are kept than may be: what comes on it from now on is dropped. 9a.21 */
  | { type: 'channels.forgotten' }
  | { type: 'connection.ended' };

/** What the sender of a channel can be told. */
export type SenderEvent =
  | ReceivedOnChannel
  | { type: 'app.send'; item: Uint8Array }
  /** All is sent. */
  | { type: 'app.close'; metadata: Metadata }
  | { type: 'connection.ended' };

/** What the receiver of a channel can be told. */
export type ReceiverEvent =
  | ReceivedOnChannel
  /** The application has taken an item. */
  | { type: 'app.take' }
  /** Lets the sender send more, by hand; 1 to 2^32 − 1. */
  | { type: 'app.grant'; additional: number }
  /** The application has had enough. */
  | { type: 'app.reset'; metadata: Metadata }
  | { type: 'connection.ended' };

/** How a channel ended, seen from one of its ends. */
export type ChannelEnd =
  /** The sender has finished, or we have as the sender. */
  | { readonly type: 'closed'; readonly metadata: Metadata }
  /** The receiver has had enough, or we have as the receiver. */
  | { readonly type: 'reset'; readonly metadata: Metadata }
  /** The sender has reset it, as only a receiver may: something is missing. 9a.19 */
  | { readonly type: 'withdrawn'; readonly metadata: Metadata }
  /** The peer sent more than it may, and more than there is room for. */
  | { readonly type: 'overrun' }
  /** The connection is closed. */
  | { readonly type: 'ended' };

/** The effects of one end of a channel. */
export interface ChannelPort {
  transmit(body: Item | Close | Reset | GrantCredit): void;
  /** Puts a message by until the channel is bound. */
  keep(body: Item | Close | Reset | GrantCredit): void;
  /** An item for the application. */
  deliver(body: Item): void;
  /** An item waits for credit. */
  wait(item: Uint8Array): void;
  /** There is credit again. */
  resume(): void;
  /** The application hears of it; once. */
  conclude(end: ChannelEnd): void;
  /** The peer broke a rule: the session ends. */
  accuse(violation: Violation): void;
}

/** A message on a channel that has no end here, and what is known of the channel. */
export interface UnknownMessage {
  readonly id: ChannelId;
  readonly body: Item | Close | Reset | GrantCredit;
  /** We allocate ids of its parity. */
  readonly isOurs: boolean;
  /** A Call or a Response has named it: it is over. */
  readonly wasNamed: boolean;
  /** We have reset it, and its Close has not come. Strict mode keeps such ids, at most `limits.channels`. */
  readonly wasReset: boolean;
  /** More ids were reset than are kept: an id that is not kept may be one of them. */
  readonly hasForgotten: boolean;
  /** Channels that no Call has named yet may be kept. */
  readonly hasRoom: boolean;
}

/** What the channels of a connection can be told. */
export type ChannelsEvent = ({ type: 'rx.unknown' } & UnknownMessage) | { type: 'connection.ended' };

/** The effects of the channels of a connection. */
export interface ChannelsPort {
  /** Keeps a message until a Call names its channel. */
  keep(message: Pick<UnknownMessage, 'id' | 'body'>): void;
  /** Forgets an id that we reset: its sender knows. */
  forget(params: { id: ChannelId }): void;
  transmit(params: { id: ChannelId; body: Reset }): void;
  /** The peer broke a rule: the session ends. */
  accuse(violation: Violation): void;
}

/** Items that a sender may send before it hears of more, where a service does not say. `[rpc.flow-control.credit.initial]` */
export const INITIAL_CREDIT = 16;
