import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { json } from './json-codec.js';

/** The codecs of this library, by name, for tests of what holds for each of them. */
export const CODECS = [messagePack, postcard].map((codec) => [codec.name, codec] as const);

/** These codecs, and one that is written from the documentation alone and knows no limits. */
export const ALL_CODECS = [...CODECS, [json.name, json] as const];
