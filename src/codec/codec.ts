import type { Message } from '../wire/message.js';

/** Limits on the cost of one frame of a peer's. Sizes in bytes. */
export interface DecodeLimits {
  /** Entries in one list of metadata. */
  readonly metadataEntries: number;
  /** Bytes of all keys and values in one list of metadata. */
  readonly metadataBytes: number;
}

/** A frame that is wrong in one field, and that a peer must refuse. */
export interface MalformedFrame {
  /** The mistake in a few words, such as `'a connection id of 2^53'`. Unique within a codec. */
  readonly name: string;
  /** The field, as the error of `decode` names it: `'connectionId'`; `'message'` if the frame is wrong as a whole. */
  readonly field: string;
  readonly bytes: Uint8Array;
}

/** Turns messages into bytes and back. One message is one frame. */
export interface Codec {
  /** The codec's name, for diagnostics. */
  readonly name: string;

  /**
   * Payloads of the Responses that callers get where the session has no handler that answers. The default is the payloads of
   * services that use MessagePack.
   */
  readonly refusals?: {
    readonly unknownMethod: Uint8Array;
    readonly invalidPayload: Uint8Array;
    readonly cancelled: Uint8Array;
  };

  /**
   * True if `decode` checks the limits of metadata while it reads. Otherwise the session checks them, when the whole list is
   * in memory already.
   */
  readonly checksMetadata?: boolean;

  /**
   * A frame for each kind of mistake that the format allows and `decode` refuses. `conformance` sends them to peers. Without
   * this list `conformance` sends an empty frame, a frame cut short and a frame with an extra byte.
   */
  readonly malformed?: readonly MalformedFrame[];

  /**
   * Returns the bytes of `message`. The value of a SENSITIVE entry in its metadata is a `Sensitive`: `reveal()` gives it.
   * The bytes belong to the caller: the codec never writes to them again, unless they are given back.
   *
   * @throws InvalidArgument when a field can't be represented exactly; nothing of the message is produced then.
   */
  encode(message: Message): Uint8Array;

  /**
   * Gives back a frame of `encode` that is no longer used: the codec may write another frame there. Called at most once for
   * a frame, and never for a frame that a link still has. Absent if the codec does not reuse frames.
   */
  release?(frame: Uint8Array): void;

  /**
   * Returns the message in `bytes`. Payload bytes may share memory with `bytes`. SENSITIVE values in metadata are returned
   * as they are: the session puts them into boxes.
   *
   * @throws ProtocolError (side `'remote'`) for bytes that are not exactly one well-formed message within the limits; no
   * input makes it throw another error. The text names the field and never a value, which may be SENSITIVE. `limit` names
   * the limit that the message exceeds, if it does.
   */
  decode(bytes: Uint8Array, limits: DecodeLimits): Message;
}
