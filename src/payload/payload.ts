import type { ApplicationError, Cancelled, InvalidPayload, UnknownMethod } from '../base/errors.js';
import type { Rx, Tx } from '../calls/channel.js';
import type { StandardSchema } from './standard-schema.js';

/** An end of a channel, of whatever items. */
export type ChannelHandle = Tx<unknown> | Rx<unknown>;

/** Which end the receiver of a payload gets: the one that it receives from, or the one that it sends on. */
export type ChannelKind = 'rx' | 'tx';

/** Gives the end of the channel at an index of the message's list of channels. */
export type TakeChannel = (kind: ChannelKind, index: number) => ChannelHandle;

/**
 * How arguments, results and items become bytes, and what they were, by what they are: without types. A value is an array of
 * the method's arguments, a result in its envelope (an array, too), or one item of a channel. A codec that goes by types is a
 * {@link TypedPayloadCodec}.
 */
export interface PayloadCodec {
  /**
   * Appends each end of a channel that it meets to `ends`, and writes down which end it is and its index there; without
   * `ends`, there must be none.
   *
   * @throws InvalidArgument for what it can't represent.
   */
  encode(value: unknown, ends?: ChannelHandle[]): Uint8Array;
  /**
   * The value; `take` gives the end of a channel for what was written for it. Anything that it throws becomes an
   * InvalidPayload.
   */
  decode(bytes: Uint8Array, take?: TakeChannel): unknown;
}

/** A method, as a codec that goes by types gets to know it. */
export interface PayloadMethod {
  readonly service: string;
  readonly name: string;
  readonly args: StandardSchema | undefined;
  readonly result: StandardSchema | undefined;
  readonly error: StandardSchema | undefined;
  readonly itemsIn: StandardSchema | undefined;
  readonly itemsOut: StandardSchema | undefined;
  /** Items that the sender of a channel begins with, where the types say nothing else. */
  readonly credit: number;
}

/** A codec of payloads that goes by the types of each method, and has an envelope for results of its own. */
export interface TypedPayloadCodec {
  /** What callers get where no method answers. */
  readonly refusals: {
    readonly unknownMethod: Uint8Array;
    readonly invalidPayload: Uint8Array;
    readonly cancelled: Uint8Array;
  };
  /**
   * The codec of one method; asked for once, when its service is defined.
   *
   * @throws InvalidArgument when the method has no types that it could go by.
   */
  method(method: PayloadMethod): MethodCodec;
}

/** What a call was answered with: a value, behind the 0 that says so, or an error. */
export type Outcome =
  | readonly [kind: 0, value: unknown]
  | ApplicationError
  | UnknownMethod
  | InvalidPayload
  | Cancelled;

/** The payloads of one method. What encodes throws InvalidArgument; anything that decoding throws becomes an InvalidPayload. */
export interface MethodCodec {
  /** The method's id, where the codec derives one. An id that the method is given wins. */
  readonly id?: bigint | undefined;
  /** The most items that the sender of any of its channels begins with, where the types say so. */
  readonly credit?: number | undefined;
  /** What errors call the arguments that are its channels, in their order, where the types say which these are. */
  readonly channelNames?: readonly string[] | undefined;
  /** Whether what it decodes was held to the method's schemas. */
  readonly isChecked: boolean;
  encodeArgs(args: readonly unknown[], ends: ChannelHandle[]): Uint8Array;
  decodeArgs(bytes: Uint8Array, take: TakeChannel): unknown;
  encodeResult(value: unknown, ends: ChannelHandle[]): Uint8Array;
  /** The error that the service declares. */
  encodeError(error: unknown): Uint8Array;
  decodeOutcome(bytes: Uint8Array, take: TakeChannel): Outcome;
  /** The items of the channel at this index of a message's channels. */
  channel(index: number): ItemPayloads;
}

/** The items of a channel. */
export interface ItemPayloads {
  /** Items that its sender begins with, where the types say so. */
  readonly credit?: number | undefined;
  encode(item: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}
