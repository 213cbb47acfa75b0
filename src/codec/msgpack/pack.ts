import { lengthOf } from '../../base/bytes.js';
import { allocate, copy } from '../../base/frame-memory.js';
import { sizeOf } from '../../wire/metadata.js';
import { writeText } from '../text.js';
import type { Part } from './writer.js';

// Writes the parts of a message in the shortest form of each, as msgpackr and other libraries do. The length is counted first, so
// that each byte is written once, into the frame. This is all that a message needs of a writer. That of msgpackr also writes
// maps, records and classes, which is 6 KB of a page, and it writes integers above 32 bits as signed ones.

/** A number below `limit` is a part of the byte `fixed`. Any other number follows the byte `long`, or one of the two after it. */
interface Format {
  readonly fixed: number;
  readonly limit: number;
  readonly long: number;
}

const INTEGER: Format = { fixed: 0, limit: 0x80, long: 0xcc };
const STRING: Format = { fixed: 0xa0, limit: 0x20, long: 0xd9 };
const BYTES: Format = { fixed: 0, limit: 0, long: 0xc4 };
/** MessagePack has no list with a count of one byte. */
const LIST: Format = { fixed: 0x90, limit: 0x10, long: 0xdb };

/** The index of the next byte of the frame. */
let at = 0;

/** The frame of the parts that `partsOf` returned. */
export function pack(parts: Part[]): Uint8Array {
  const frame = allocate(partLength(parts));
  at = 0;
  put(frame, parts);
  return frame;
}

function partLength(part: Part): number {
  if (typeof part === 'number') return 1 + width(part, INTEGER);
  if (typeof part === 'bigint') return 9;
  if (Array.isArray(part)) {
    let length = 1 + width(part.length, LIST);
    for (const inner of part) length += partLength(inner);
    return length;
  }
  const isText = typeof part === 'string';
  const length = isText ? sizeOf(part) : lengthOf(part);
  return 1 + width(length, isText ? STRING : BYTES) + length;
}

/** The number of bytes that a number, a length or a count takes behind the first byte. */
function width(value: number, format: Format): number {
  if (value < format.limit) return 0;
  if (value < 0x100 && format !== LIST) return 1;
  return value < 0x1_0000 ? 2 : 4;
}

function put(frame: Uint8Array, part: Part): void {
  if (typeof part === 'number') putHeader(frame, part, INTEGER);
  else if (typeof part === 'bigint') {
    frame[at] = 0xcf;
    new DataView(frame.buffer, frame.byteOffset).setBigUint64(at + 1, part);
    at += 9;
  } else if (typeof part === 'string') {
    const length = sizeOf(part);
    putHeader(frame, length, STRING);
    writeText(part, length, frame, at);
    at += length;
  } else if (Array.isArray(part)) {
    putHeader(frame, part.length, LIST);
    for (const inner of part) put(frame, inner);
  } else {
    const length = lengthOf(part);
    putHeader(frame, length, BYTES);
    copy(part, 0, frame, at, length);
    at += length;
  }
}

function putHeader(frame: Uint8Array, value: number, format: Format): void {
  const bytes = width(value, format);
  if (bytes === 0) {
    frame[at++] = format.fixed | value;
    return;
  }
  frame[at++] = format.long + (bytes >>> 1);
  for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) frame[at++] = value >>> shift;
}
