import type { MalformedFrame } from '../codec.js';

const frame = (name: string, field: string, ...bytes: readonly number[]): MalformedFrame => ({
  name,
  field,
  bytes: Uint8Array.from(bytes),
});

/** The varint of 2^53, the first id that this library refuses. */
const ID = [...new Array<number>(7).fill(0x80), 0x10];

export const MALFORMED: readonly MalformedFrame[] = [
  frame('an unknown tag', 'tag', 1, 11, 0),
  frame('a varint without an end', 'connectionId', ...new Array<number>(11).fill(0x80)),
  frame('a connection id of 2^53', 'connectionId', ...ID, 6, 0),
  frame('a request id of 2^53', 'id', 0, 7, ...ID, 2, 0),
  frame('a channel id of 2^53', 'id', 0, 8, ...ID, 1, 0),
  frame('a request with an unknown body', 'body tag', 0, 7, 1, 3, 0),
  frame('a channel message with an unknown body', 'body tag', 0, 8, 1, 4, 0),
  frame('an open with an unknown parity', 'parity', 1, 3, 2, 64, 0),
  frame('a nonce of 2^64', 'nonce', 0, 9, ...new Array<number>(9).fill(0x80), 2),
  frame('a credit of 2^32', 'additional', 0, 8, 1, 3, 0x80, 0x80, 0x80, 0x80, 0x10),
  frame('a metadata key that is not UTF-8', 'metadata[0].key', 1, 6, 1, 1, 0xff, 0, 0, 0),
  frame('a metadata value of an unknown kind', 'metadata[0].kind', 1, 6, 1, 1, 0x6b, 3, 0, 0),
  frame('a metadata value longer than the frame', 'metadata[0].value', 1, 6, 1, 1, 0x6b, 0, 0x7f, 0x61, 0),
  frame('metadata of more entries than there are', 'metadata', 1, 6, 0x05),
];
