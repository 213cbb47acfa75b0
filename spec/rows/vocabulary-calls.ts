import type { RequestId } from '../../src/wire/id.js';
import type { Metadata } from '../../src/wire/metadata.js';

// The oracle's vocabulary for calls and channels: the actions of the application, and their results.

/**
 * A connection's name: `root` from the establishment on, the `as` of the open that gave it, or `#2` for the handle that
 * the setup of the peer's connection 2 got last.
 */
export type ConnectionName = string;

/** A channel's name: our end of it. */
export type ChannelName = string;

/** A channel that a Call or a Response of ours names: the peer gets `pass`, and the other end is ours. */
export interface PassedChannel {
  readonly pass: 'tx' | 'rx';
  readonly as: ChannelName;
  /** Default: 16. */
  readonly credit?: number;
}

/** The answer of a handler. */
export interface Answer {
  readonly ret: Uint8Array;
  readonly metadata?: Metadata;
  readonly channels?: readonly PassedChannel[];
}

export type CallsAction =
  /**
   * `caller.call(1n, args, …)`, by the caller named `by`, or else by the one caller of that connection, made at the first call
   * and never released. `signal` names an AbortSignal not aborted yet.
   */
  | {
      readonly user: 'call';
      readonly on: ConnectionName;
      readonly by?: string;
      readonly as: string;
      readonly args: Uint8Array;
      readonly channels?: readonly PassedChannel[];
      readonly metadata?: Metadata;
      readonly signal?: string;
      readonly timeout?: number;
    }
  /** `connection.markFailure(requestId, reason)`. */
  | {
      readonly user: 'markFailure';
      readonly on: ConnectionName;
      readonly requestId: RequestId;
      readonly reason: string;
    }
  /**
   * `connection.serve(handler, { credit, refusals })`, the handler waiting for `reply` or `fail`. Where it can't answer, the
   * caller gets one byte: see {@link REFUSED}.
   */
  | { readonly user: 'serve'; readonly on: ConnectionName; readonly credit?: number }
  /** The handler answers. Of requests with that id, the last one is meant. */
  | { readonly user: 'reply'; readonly request: RequestId; readonly answer: Answer }
  /** It throws UnknownMethod. */
  | { readonly user: 'fail'; readonly request: RequestId }
  /** Takes one end of the `index`th channel that the request has named. The default credit is that of `serve`. */
  | {
      readonly user: 'bind';
      readonly request: RequestId;
      readonly index?: number;
      readonly end: 'tx' | 'rx';
      readonly as: ChannelName;
      readonly credit?: number;
    }
  /** `tx.send(item)`. */
  | { readonly user: 'sendItem'; readonly channel: ChannelName; readonly item: Uint8Array; readonly as: string }
  /** `tx.close({ metadata })`. */
  | { readonly user: 'closeChannel'; readonly channel: ChannelName; readonly metadata?: Metadata; readonly as: string }
  /** Takes the next item, with the channel's one iterator. */
  | { readonly user: 'take'; readonly channel: ChannelName; readonly as: string }
  /** `rx.grant(additional)`. */
  | { readonly user: 'grant'; readonly channel: ChannelName; readonly additional: number }
  /** `rx.reset({ metadata })`. */
  | { readonly user: 'resetChannel'; readonly channel: ChannelName; readonly metadata?: Metadata };

/** The results that callers get where the handler of a case gives no answer. */
export const REFUSED = {
  unknownMethod: new Uint8Array([4]),
  invalidPayload: new Uint8Array([5]),
  cancelled: new Uint8Array([3]),
} as const;

/** A call of the peer's as its handler gets it. */
export interface Handled {
  readonly id: RequestId;
  readonly methodId: bigint;
  readonly args: Uint8Array;
  readonly metadata: Metadata;
  /** The number of channels that it has named. */
  readonly offers: number;
}

/** The answer to a call, an item that was taken, or the end of the items. */
export type CallsSettlement =
  | { readonly answered: { readonly ret: Uint8Array; readonly metadata: Metadata; readonly offers: number } }
  | { readonly item: Uint8Array }
  | { readonly taken: 'all' };

/** Further results of a step. */
export interface CallsExpectation {
  /** The calls that the handler got, in order. A bare id checks the id only. Default: none. */
  readonly handled?: readonly (RequestId | Handled)[];
  /** The requests whose handler's `signal` gets aborted. Default: none. */
  readonly givenUp?: readonly RequestId[];
}
