import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { json } from './json-codec.js';

/** The codecs of this library, by name, for tests of what holds for each of them. */
export const CODECS = [messagePack, postcard].map((codec) => [codec.name, codec] as const);

/** One that a user wrote with what is documented, and that knows no limits. */
export const ALL_CODECS = [...CODECS, [json.name, json] as const];
