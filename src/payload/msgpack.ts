import { decode } from './msgpack-reader.js';
import { encode } from './msgpack-writer.js';
import type { PayloadCodec } from './payload.js';

/**
 * MessagePack. It represents `null`, `undefined`, booleans, numbers, bigints of 64 bits, strings, bytes (a Uint8Array), arrays and plain
 * objects, and gives back exactly what it was given: a number is one, however large, and a bigint however small.
 * docs/payloads.md has the layout.
 */
export const messagePackPayload: PayloadCodec = { encode, decode };
