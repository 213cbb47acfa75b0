import type { MalformedFrame } from '../codec.js';

export const MALFORMED: readonly MalformedFrame[] = [
  { name: 'a byte that means nothing', field: 'message', bytes: Uint8Array.of(0xc1) },
  { name: 'a map', field: 'message', bytes: Uint8Array.of(0x80) },
  { name: 'an array without a tag', field: 'tag', bytes: Uint8Array.of(0x91, 1) },
  { name: 'a message with an element too many', field: 'elements', bytes: Uint8Array.of(0x94, 1, 6, 0x90, 0) },
  { name: 'a connection id of 2^53', field: 'connectionId', bytes: withId([0x93], [6, 0x90]) },
  { name: 'a negative connection id', field: 'message', bytes: Uint8Array.of(0x93, 0xff, 6, 0x90) },
  { name: 'a request id of 2^53', field: 'id', bytes: withId([0x95, 0, 7], [2, 0x90]) },
  { name: 'a channel id of 2^53', field: 'id', bytes: withId([0x95, 0, 8], [1, 0x90]) },
  { name: 'an unknown tag', field: 'tag', bytes: Uint8Array.of(0x93, 1, 11, 0x90) },
  { name: 'a request with an unknown body', field: 'body tag', bytes: Uint8Array.of(0x95, 0, 7, 1, 3, 0x90) },
  { name: 'a channel message with an unknown body', field: 'body tag', bytes: Uint8Array.of(0x95, 0, 8, 1, 4, 0x90) },
  { name: 'an open with an unknown parity', field: 'parity', bytes: Uint8Array.of(0x94, 1, 3, 0x92, 2, 64, 0x90) },
  { name: 'a nonce that is no integer', field: 'nonce', bytes: Uint8Array.of(0x93, 0, 9, 0xa0) },
  {
    name: 'a credit of 2^32',
    field: 'additional',
    bytes: Uint8Array.of(0x95, 0, 8, 1, 3, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0),
  },
  {
    name: 'a metadata key that is not UTF-8',
    field: 'message',
    bytes: Uint8Array.of(0x93, 1, 6, 0x91, 0x94, 0xa1, 0xff, 0, 0xa0, 0),
  },
  {
    name: 'a metadata value of an unknown kind',
    field: 'metadata[0].kind',
    bytes: Uint8Array.of(0x93, 1, 6, 0x91, 0x94, 0xa0, 3, 0xa0, 0),
  },
  {
    name: 'metadata of more entries than there are',
    field: 'message',
    bytes: Uint8Array.of(0x93, 1, 6, 0xdd, 255, 255, 255, 255),
  },
];

function withId(before: readonly number[], after: readonly number[]): Uint8Array {
  return Uint8Array.of(...before, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0, ...after);
}
