import type { Codec, MalformedFrame } from '../codec/codec.js';
import { MALFORMED as MSGPACK } from '../codec/msgpack/malformed.js';
import { messagePack } from '../codec/msgpack/msgpack.js';
import { MALFORMED as POSTCARD } from '../codec/postcard/malformed.js';
import { postcard } from '../codec/postcard/postcard.js';

/** The frames of this library's codecs. They are kept apart from the codecs, since only tests need them. */
const FRAMES = new Map([
  [messagePack.decode, MSGPACK],
  [postcard.decode, POSTCARD],
]);

/** Returns the frames that `codec` refuses: its own list, or that of the codec of this library whose `decode` it has. */
export function malformedOf(codec: Codec): readonly MalformedFrame[] {
  return codec.malformed ?? FRAMES.get(codec.decode) ?? [];
}
