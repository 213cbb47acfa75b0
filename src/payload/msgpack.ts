import { decode } from './msgpack-reader.js';
import { encode } from './msgpack-writer.js';
import type { PayloadCodec } from './payload.js';

/**
 * MessagePack. It represents `null`, `undefined`, booleans, numbers, bigints of 64 bits, strings, bytes (a Uint8Array),
 * arrays and plain objects. Decoding returns exactly the value that was encoded: a large number stays a number, and a small
 * bigint stays a bigint. docs/payloads.md has the layout.
 */
export const messagePackPayload: PayloadCodec = { encode, decode };
