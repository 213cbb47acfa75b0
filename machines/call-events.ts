/**
 * The vocabulary of calls and channels: the events that their machines take, and the effects that they ask for. As in
 * events.ts, all of it is plain data. `rx.` events come from the peer, `app.` from the application, `calls.` from the owner
 * of the calls, which counts them, and `connection.` from the connection that carries them.
 */
import type { ChannelId, RequestId } from '../src/wire/id.js';
import type { Call, Cancel, Close, GrantCredit, Item, Reset, Response } from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import type { Violation } from './events.js';

// ---- Calls --------------------------------------------------------------------------------------------------------

/** The events of a call of ours. */
export type OutgoingCallEvent =
  /** There is room under the peer's `maxConcurrentRequests`, and it is this call's turn. */
  | { type: 'calls.admitted' }
  /** The Call or Cancel could not be sent, or may not be sent any more. No part of it has left. */
  | { type: 'calls.refused'; error: Error }
  | { type: 'rx.Response'; body: Response }
  /** The caller no longer waits for the answer. */
  | { type: 'app.abort' }
  /** The call failed on our side. */
  | { type: 'app.fail'; reason: string }
  /** The time is over that `startDeadline` named last. */
  | { type: 'deadline.passed' }
  | { type: 'connection.ended' };

/** The outcome of a call of ours. */
export type CallOutcome =
  | { readonly type: 'answered'; readonly response: Response }
  | { readonly type: 'aborted' }
  | { readonly type: 'expired' }
  | { readonly type: 'failed'; readonly reason: string }
  | { readonly type: 'refused'; readonly error: Error }
  | { readonly type: 'ended' };

/** A time that a call of ours may take: to be answered, or to get the Response that it is owed after its Cancel. */
export type CallDeadline = 'timeout' | 'cancelTimeout';

/** The effects of one call of ours. */
export interface OutgoingCallPort {
  transmit(body: Call | Cancel): void;
  /** Asks for `deadline.passed` when the time is over. A session may set no such time. */
  startDeadline(params: { limit: CallDeadline }): void;
  /** Stops the deadline that runs, if one does. */
  stopDeadline(): void;
  /** No end is taken of the channels that a late Response names. */
  decline(channels: readonly ChannelId[]): void;
  /** Tells the caller the outcome; once. */
  settle(outcome: CallOutcome): void;
  /** Holds the connection open for this call, from here to `release`; each once. */
  retain(): void;
  release(): void;
}

/** The events of a call of the peer's. */
export type IncomingCallEvent =
  | { type: 'rx.Cancel' }
  /** The time for the call is over, since the session is drained. */
  | { type: 'session.cut' }
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
  /** Tells the handler that no answer is needed any more. */
  abort(): void;
  /** Holds the connection open for this handler, from here to `release`; each once. */
  retain(): void;
  release(): void;
}

/** A Call of the peer's, and the facts that its host knows of it. */
export interface ReceivedCall {
  readonly id: RequestId;
  readonly body: Call;
  /** The id has the peer's parity. */
  readonly hasPeerParity: boolean;
  /** A Call with this id is not answered yet. */
  readonly isInFlight: boolean;
  /** All connections of the session together have as many handlers at work as they may. */
  readonly isOverLoad: boolean;
  /** The session is drained: it takes no more calls. */
  readonly isDraining: boolean;
}

/** The events of the calls machine of a connection. */
export type CallsEvent =
  /**
   * The application calls. `hasRoom`: there is room for the call to wait for its turn. `isPeerDraining`: the peer takes no more
   * calls in this session.
   */
  | { type: 'app.call'; hasRoom: boolean; isPeerDraining: boolean }
  /** A call of ours is over. `wasWaiting`: it never had its turn. */
  | { type: 'call.done'; wasWaiting: boolean }
  /** A Response to no call of ours that is in flight. */
  | { type: 'rx.Response' }
  /** A Cancel of no Call of the peer's that is in flight. */
  | { type: 'rx.Cancel' }
  | ({ type: 'rx.Call' } & ReceivedCall)
  /** The channels of the Call received last are named, or may not be: one breaks a rule, or they are too many. */
  | ({ type: 'channels.named'; outcome: 'named' | 'wrong' | 'tooMany' } & Omit<
      ReceivedCall,
      'hasPeerParity' | 'isInFlight'
    >)
  /** The Response to a Call of the peer's has left. */
  | { type: 'response.sent' }
  | { type: 'connection.ended' };

/** The effects of the calls machine of a connection. */
export interface CallsPort {
  /** Makes the call that the application asks for. It leaves at once. */
  admit(): void;
  /** Makes the call that the application asks for. It waits for its turn, behind the others. */
  enqueue(): void;
  /** Makes no call: the peer takes none (`none`), or no more (`draining`), or too many wait (`full`). */
  refuse(params: { why: 'none' | 'full' | 'draining' }): void;
  /** It is the turn of the call that has waited longest. */
  admitNext(): void;
  /** Takes the channels that the Call names. The answer is `channels.named`, as the very next event. */
  nameChannels(call: Pick<ReceivedCall, 'id' | 'body'>): void;
  /** Hands the Call to the application's handler. */
  handle(call: Pick<ReceivedCall, 'id' | 'body'>): void;
  /** Answers the Call without a handler: its payload is invalid, too many handlers are at work, or the session is drained. */
  reject(params: { id: RequestId; as: 'invalidPayload' | 'overLoad' | 'draining' }): void;
  /** The peer broke a rule: the session ends. */
  accuse(violation: Violation): void;
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
  /** `hasRoom`: the item may wait here for credit. */
  | { type: 'app.send'; item: Uint8Array; hasRoom: boolean }
  /** The next item that waits for credit may leave. The host sends as many of these as there is credit for. */
  | { type: 'queue.next'; item: Uint8Array }
  /** The application sends no more items. Those that wait still leave. */
  | { type: 'app.close'; metadata: Metadata }
  /** The application gives the channel up. Items that wait do not leave. */
  | { type: 'app.fail'; metadata: Metadata }
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
  /**
   * Refuses what the application asks for: to send an item, since the channel is being closed or too many items wait, or to
   * take an end, since the channel is released.
   */
  refuse(params: { why: 'closing' | 'full' | 'released' }): void;
  /** Frees the place of a released channel. Its id is kept until the peer knows that it is over. */
  free(): void;
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

/** A channel that a Call or a Response of the peer's names, and the facts that its host knows of the channel. */
export interface NamedChannel {
  readonly id: ChannelId;
  /** The id has the peer's parity: the peer allocates such ids. */
  readonly isTheirs: boolean;
  /** The peer has named the channel before. */
  readonly wasNamed: boolean;
  /** The id can't be had: it is 0, or a channel of ours or one that is open has it. */
  readonly isTaken: boolean;
  /** There are fewer than `limits.channels` channels. */
  readonly hasRoom: boolean;
}

/** The events of the channels machine of a connection. */
export type ChannelsEvent =
  | ({ type: 'rx.unknown' } & UnknownMessage)
  | ({ type: 'rx.named' } & NamedChannel)
  | { type: 'connection.ended' };

/** The effects of the channels machine of a connection. */
export interface ChannelsPort {
  /** Offers the application a channel that the peer has named. */
  offer(params: { id: ChannelId }): void;
  /** Takes no channel of the message that names this one: the id may not be named, or there are too many channels. */
  refuse(params: { id: ChannelId; why: 'wrong' | 'tooMany' }): void;
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
