import type { ApplicationError, Cancelled, InvalidPayload, UnknownMethod } from '../base/errors.js';
import type { Rx, Tx } from '../calls/channel.js';
import type { StandardSchema } from './standard-schema.js';

/** An end of a channel, for items of any type. */
export type ChannelHandle = Tx<unknown> | Rx<unknown>;

/** The end that the receiver of a payload gets: the one that it receives from, or the one that it sends on. */
export type ChannelKind = 'rx' | 'tx';

/** Returns the end of the channel at an index of the message's list of channels. */
export type TakeChannel = (kind: ChannelKind, index: number) => ChannelHandle;

/**
 * Encodes arguments, results and items by their values, without types. A value is an array of the method's arguments, a
 * result in its envelope (an array, too), or one item of a channel. A codec that uses types is a {@link TypedPayloadCodec}.
 */
export interface PayloadCodec {
  /**
   * Encodes `value`. Appends each end of a channel in it to `ends`, and encodes its kind and its index in `ends`. Without
   * `ends`, the value must contain no channels.
   *
   * `isLent` says that the session sends the bytes at once, and does not use them after that. A codec may then write
   * another payload to their memory, when the session gives their frame back by {@link Codec.release}.
   *
   * @throws InvalidArgument for values that it can't represent.
   */
  encode(value: unknown, ends?: ChannelHandle[], isLent?: boolean): Uint8Array;
  /**
   * Decodes a value. `take` returns the end of a channel for its encoded kind and index. Any error that `decode` throws
   * becomes an InvalidPayload.
   */
  decode(bytes: Uint8Array, take?: TakeChannel): unknown;
}

/** A method, as a codec that uses types sees it. */
export interface PayloadMethod {
  readonly service: string;
  readonly name: string;
  readonly args: StandardSchema | undefined;
  readonly result: StandardSchema | undefined;
  readonly error: StandardSchema | undefined;
  readonly itemsIn: StandardSchema | undefined;
  readonly itemsOut: StandardSchema | undefined;
  /** Items that the sender of a channel may send at first, unless the types say otherwise. */
  readonly credit: number;
}

/** A codec of payloads that uses the types of each method, and has its own envelope for results. */
export interface TypedPayloadCodec {
  /** The payloads that callers get when no method answers. */
  readonly refusals: {
    readonly unknownMethod: Uint8Array;
    readonly invalidPayload: Uint8Array;
    readonly cancelled: Uint8Array;
  };
  /**
   * Returns the codec of one method. Called once, when its service is defined.
   *
   * @throws InvalidArgument when the method has no types that the codec can use.
   */
  method(method: PayloadMethod): MethodCodec;
}

/** The answer to a call: a value, after a 0 as its kind, or an error. */
export type Outcome =
  | readonly [kind: 0, value: unknown]
  | ApplicationError
  | UnknownMethod
  | InvalidPayload
  | Cancelled;

/**
 * The payloads of one method. Encoding throws InvalidArgument; any error of decoding becomes an InvalidPayload. `isLent` is
 * that of {@link PayloadCodec.encode}.
 */
export interface MethodCodec {
  /** The method's id, if the codec derives one. An id in the method's options takes precedence. */
  readonly id?: bigint | undefined;
  /** The most items that the sender of any of its channels may send at first, if the types say so. */
  readonly credit?: number | undefined;
  /**
   * The names, for errors, of the arguments that are channels, in their order, if the types say which arguments these are.
   */
  readonly channelNames?: readonly string[] | undefined;
  /** True if decoding checks values against the method's schemas. */
  readonly isChecked: boolean;
  encodeArgs(args: readonly unknown[], ends: ChannelHandle[], isLent?: boolean): Uint8Array;
  decodeArgs(bytes: Uint8Array, take: TakeChannel): unknown;
  encodeResult(value: unknown, ends: ChannelHandle[], isLent?: boolean): Uint8Array;
  /** Encodes the error that the service declares. */
  encodeError(error: unknown): Uint8Array;
  decodeOutcome(bytes: Uint8Array, take: TakeChannel): Outcome;
  /** The codec for items of the channel at this index of a message's channels. */
  channel(index: number): ItemPayloads;
}

/** The codec for items of a channel. `isLent` is that of {@link PayloadCodec.encode}. */
export interface ItemPayloads {
  /** Items that its sender may send at first, if the types say so. */
  readonly credit?: number | undefined;
  encode(item: unknown, isLent?: boolean): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}
