import { messagePack } from '../../src/codec/msgpack.js';
import { postcard } from '../../src/codec/postcard/index.js';

/** The codecs of this library, by name, for tests of what holds for each of them. */
export const CODECS = [messagePack, postcard].map((codec) => [codec.name, codec] as const);
