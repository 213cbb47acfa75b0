import { Unpackr } from 'msgpackr/unpack';
import { copy, release } from '../../base/frame-memory.js';
import type { Message } from '../../wire/message.js';
import type { Codec, DecodeLimits, MalformedFrame } from '../codec.js';
import { readDirectly, writeDirectly } from './data-frames.js';
import { pack } from './pack.js';
import { messageOf } from './reader.js';
import { restoreMarks, scan } from './scan.js';
import { partsOf } from './writer.js';

// msgpackr decodes all but the payload of Call, Response and Item. The payload is the last element of the array, and opaque.
// It is not copied: msgpackr sees a 0 in its place, and so handles only a few dozen bytes for a payload of any size.
//
// 'msgpackr/unpack' is the same module in Node and in browsers. In Node, the main entry also loads streams and a native addon.

const unpackr = new Unpackr({
  useRecords: false,
  moreTypes: false,
  bundleStrings: false,
  int64AsType: 'bigint',
  // Bytes in metadata live longer than `scratch`.
  copyBuffers: true,
});

// msgpackr keeps a view of the array that it read last. One array for all messages saves making a new view each time.
const scratch = new Uint8Array(4096);

function encode(message: Message): Uint8Array {
  return writeDirectly(message) ?? pack(partsOf(message));
}

function decode(bytes: Uint8Array, limits: DecodeLimits): Message {
  return readDirectly(bytes) ?? decodeAny(bytes, limits);
}

function decodeAny(bytes: Uint8Array, limits: DecodeLimits): Message {
  const { last, marks } = scan(bytes, limits.metadataEntries);
  const format = bytes[last];
  const payload = format === 0xc4 ? last + 2 : format === 0xc5 ? last + 3 : format === 0xc6 ? last + 5 : 0;
  const head = payload === 0 ? bytes.length : last + 1;
  const source = head > scratch.length ? new Uint8Array(head) : scratch;
  copy(bytes, 0, source, 0, head);
  if (payload !== 0) source[last] = 0;
  const parts = unpackr.unpack(source, head) as unknown[];
  if (marks !== 0) restoreMarks(parts, bytes, 0);
  // A plain Uint8Array, also if a link gives Node's Buffer: the slice and toString of a Buffer differ.
  if (payload !== 0) {
    parts[parts.length - 1] = new Uint8Array(bytes.buffer, bytes.byteOffset + payload, bytes.length - payload);
  }
  return messageOf(parts, limits);
}

const MALFORMED: readonly MalformedFrame[] = [
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

/**
 * MessagePack, plain: arrays, unsigned integers, strings and bytes, so that any library in any language can speak it.
 * docs/wire-format.md has the layout.
 *
 * A frame that `encode` returns may share its ArrayBuffer with other frames: copy the frame before you transfer or clone a
 * whole ArrayBuffer. Payloads that `decode` returns are plain views of the frame; bytes in metadata are copies. The limit of
 * metadata bytes counts UTF-8 for keys and strings, and 8 for an integer.
 */
export const messagePack: Codec = {
  name: 'msgpack',
  checksMetadata: true,
  malformed: MALFORMED,
  encode,
  decode,
  release,
};
