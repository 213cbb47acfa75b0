/**
 * The vocabulary of calls and channels: the events that their machines take, and the effects that they ask for. As in
 * events.ts, all of it is plain data. `rx.` events come from the peer, `app.` from the application, `calls.` from the owner
 * of the calls, which counts them, and `connection.` from the connection that carries them.
 */
import type { ChannelId } from '../src/wire/id.js';
import type { Call, Cancel, Close, GrantCredit, Item, Reset, Response } from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import type { Violation } from './events.js';

// ---- Calls --------------------------------------------------------------------------------------------------------

/** The events of a call of ours. */
export type OutgoingCallEvent =
  /** There is room under the peer's `maxConcurrentRequests`, and it is this call's turn. */
  | { type: 'calls.admitted' }
  /** The Call or Cancel could not be sent. No part of it has left. */
  | { type: 'calls.refused'; error: Error }
  | { type: 'rx.Response'; body: Response }
  /** The caller no longer waits for the answer. */
  | { type: 'app.abort'; why: 'aborted' | 'expired' }
  /** The call failed on our side. */
  | { type: 'app.fail'; reason: string }
  /** The call was cancelled, and the time that the peer had to answer it is over. */
  | { type: 'calls.forgotten' }
  | { type: 'connection.ended' };

/** The outcome of a call of ours. */
export type CallOutcome =
  | { readonly type: 'answered'; readonly response: Response }
  | { readonly type: 'aborted' }
  | { readonly type: 'expired' }
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'refused'; readonly error: Error }
  | { readonly type: 'ended' };

/** The effects of one call of ours. */
export interface OutgoingCallPort {
  transmit(body: Call | Cancel): void;
  /** Tells the caller the outcome; once. */
  settle(outcome: CallOutcome): void;
  /** Holds the connection open for this call, from here to `release`; each once. */
  retain(): void;
  release(): void;
}

/** The events of a call of the peer's. */
export type IncomingCallEvent =
  | { type: 'rx.Cancel' }
  /** The handler's answer. */
  | { type: 'app.reply'; response: Response }
  /** The handler has no answer: it threw, returned nothing, or does not exist. `ret` says so to the caller. */
  | { type: 'app.fail'; ret: Uint8Array }
  | { type: 'connection.ended' };

/** The effects of one call of the peer's. */
export interface IncomingCallPort {
  /** Calls the application's handler. */
  handle(): void;
  transmit(body: Response): void;
  /** Tells the handler that the caller no longer waits for the answer. */
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

/** The events of a channel that is not bound yet: the application has taken no end of it. */
export type UnboundChannelEvent =
  | ReceivedOnChannel
  /** The application takes one end of the channel. The kept messages follow, as if they had just been received. */
  | { type: 'app.bind' }
  /** The call that named the channel is answered, and its handler took no end. 9a.21 */
  | { type: 'app.release' }
  /** Too many released channels are kept: this one is forgotten, and later messages on it are dropped. 9a.21 */
  | { type: 'channels.forgotten' }
  | { type: 'connection.ended' };

/** The events of the sending end of a channel. */
export type SenderEvent =
  | ReceivedOnChannel
  | { type: 'app.send'; item: Uint8Array }
  /** All items are sent. */
  | { type: 'app.close'; metadata: Metadata }
  | { type: 'connection.ended' };

/** The events of the receiving end of a channel. */
export type ReceiverEvent =
  | ReceivedOnChannel
  /** The application has taken an item. */
  | { type: 'app.take' }
  /** Gives the sender credit by hand, for 1 to 2^32 − 1 items. */
  | { type: 'app.grant'; additional: number }
  /** The application wants no more items. */
  | { type: 'app.reset'; metadata: Metadata }
  | { type: 'connection.ended' };

/** The end of a channel, seen from one of its ends. */
export type ChannelEnd =
  /** The sender has finished; the sender may be us. */
  | { readonly type: 'closed'; readonly metadata: Metadata }
  /** The receiver wants no more items; the receiver may be us. */
  | { readonly type: 'reset'; readonly metadata: Metadata }
  /** The sender has sent Reset, which only a receiver may do: items are missing. 9a.19 */
  | { readonly type: 'withdrawn'; readonly metadata: Metadata }
  /** The peer sent more items than it had credit for, and more than there is room for. */
  | { readonly type: 'overrun' }
  /** The connection is closed. */
  | { readonly type: 'ended' };

/** The effects of one end of a channel. */
export interface ChannelPort {
  transmit(body: Item | Close | Reset | GrantCredit): void;
  /** Keeps a message until the channel is bound. */
  keep(body: Item | Close | Reset | GrantCredit): void;
  /** Passes an item to the application. */
  deliver(body: Item): void;
  /** Keeps an item that waits for credit. */
  wait(item: Uint8Array): void;
  /** Reports that there is credit again. */
  resume(): void;
  /** Tells the application how the channel ended; once. */
  conclude(end: ChannelEnd): void;
  /** The peer broke a rule: the session ends. */
  accuse(violation: Violation): void;
}

/** A message on a channel that has no end here, and the facts that its host knows of the channel. */
export interface UnknownMessage {
  readonly id: ChannelId;
  readonly body: Item | Close | Reset | GrantCredit;
  /** The id has our parity: we allocate such ids. */
  readonly isOurs: boolean;
  /** A Call or a Response has named the channel: it is over. */
  readonly wasNamed: boolean;
  /** We have reset the channel, and its Close has not come. Strict mode keeps such ids, at most `limits.channels`. */
  readonly wasReset: boolean;
  /** More ids were reset than are kept: an id that is not kept may have been reset too. */
  readonly hasForgotten: boolean;
  /** There is room to keep messages of channels that no Call has named yet. */
  readonly hasRoom: boolean;
}

/** The events of the channels machine of a connection. */
export type ChannelsEvent = ({ type: 'rx.unknown' } & UnknownMessage) | { type: 'connection.ended' };

/** The effects of the channels machine of a connection. */
export interface ChannelsPort {
  /** Keeps a message until a Call names its channel. */
  keep(message: Pick<UnknownMessage, 'id' | 'body'>): void;
  /** Forgets an id that we reset: the Close shows that the sender knows of the Reset. */
  forget(params: { id: ChannelId }): void;
  transmit(params: { id: ChannelId; body: Reset }): void;
  /** The peer broke a rule: the session ends. */
  accuse(violation: Violation): void;
}

/** Items that a sender may send before the first grant, where a service does not say. `[rpc.flow-control.credit.initial]` */
export const INITIAL_CREDIT = 16;
