import { Unpackr } from 'msgpackr/unpack';
import { copy, release } from '../../base/frame-memory.js';
import type { Message } from '../../wire/message.js';
import type { Codec, DecodeLimits } from '../codec.js';
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
  encode,
  decode,
  release,
};
