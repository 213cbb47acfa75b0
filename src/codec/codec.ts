import type { Message } from '../wire/message.js';

/** What stops one frame of a peer's from costing too much. Sizes in bytes. */
export interface DecodeLimits {
  /** Entries in one list of metadata. */
  readonly metadataEntries: number;
  /** Bytes of all keys and values in one list of metadata. */
  readonly metadataBytes: number;
}

/** A frame that is wrong in one field, and that a peer refuses therefore. */
export interface MalformedFrame {
  /** The mistake in a few words, such as `'a connection id of 2^53'`. No two frames of a codec have the same. */
  readonly name: string;
  /** The field, as the error of `decode` names it: `'connectionId'`; `'message'` where it is wrong as a whole. */
  readonly field: string;
  readonly bytes: Uint8Array;
}

/** Turns messages into bytes and back. One message is one frame. */
export interface Codec {
  /** The codec's name, for diagnostics. */
  readonly name: string;

  /**
   * What callers get where a session has no handler that answers: the payload of a Response that says so. By default what
   * services that speak MessagePack say.
   */
  readonly refusals?: {
    readonly unknownMethod: Uint8Array;
    readonly invalidPayload: Uint8Array;
    readonly cancelled: Uint8Array;
  };

  /**
   * True of a codec whose `decode` checks the limits of metadata while it reads. After any other, the session checks them,
   * when the whole list is in memory already.
   */
  readonly checksMetadata?: boolean;

  /**
   * A frame for each kind of mistake that the format allows and `decode` refuses. `conformance` sends them to peers. Without
   * the list it tries an empty frame, a frame cut short and a frame with a byte too many.
   */
  readonly malformed?: readonly MalformedFrame[];

  /**
   * The bytes of `message`. The value of a SENSITIVE entry in its metadata is in a box, a `Sensitive`: `reveal()` gives it. The
   * result is the caller's: the codec never writes to it again, unless it is given back.
   *
   * @throws InvalidArgument when a field can't be represented exactly; nothing of the message is produced then.
   */
  encode(message: Message): Uint8Array;

  /**
   * Gives back a frame of `encode`'s that nobody has any more: the codec may write another one there. Called at most once for
   * a frame, and for none that a link still has; absent where the codec has no use for it.
   */
  release?(frame: Uint8Array): void;

  /**
   * The message in `bytes`. Payload bytes may share memory with `bytes`. SENSITIVE values in metadata are given as they are:
   * the session puts them into boxes.
   *
   * @throws ProtocolError (side `'remote'`) for whatever is not exactly one well-formed message within the limits, and
   * nothing else, whatever the bytes. Its text names the field and never a value, which may be SENSITIVE. Its `limit` names the limit, where the message is over one.
   */
  decode(bytes: Uint8Array, limits: DecodeLimits): Message;
}
