import { ProtocolError } from '../../base/errors.js';

// msgpackr trusts its input. It runs out of stack on deep nesting, accepts broken UTF-8, makes dates, sets and errors of
// extensions, and allocates arrays by the size in their headers. So all input is checked here first: in one pass, without
// allocation, and without reading past the end. What passes is arrays of unsigned integers, strings and bytes: all that a
// message consists of (docs/wire-format.md).

/** The result of the scan of a message. */
export interface Scan {
  /** The index at which the last element of the message begins. */
  readonly last: number;
  /** The number of strings whose byte order mark {@link restoreMarks} has to restore. */
  readonly marks: number;
}

/** The levels: the message, a list of metadata in it, an entry in that list. */
const MAX_DEPTH = 3;

/** msgpackr decodes longer strings with a TextDecoder, which drops a leading byte order mark. */
const MARK_DROPPED_ABOVE = 64;

let marks = 0;

/**
 * Checks that `bytes` are exactly one array of the values that a message can hold. Then msgpackr decodes them correctly, at
 * a cost in proportion to their number.
 *
 * @param maxLists - The number of lists that one field can hold: the limit of metadata entries. It stops a frame of empty
 * lists, of one byte each, from becoming as many arrays before the structure of the message is checked.
 * @throws ProtocolError (side `'remote'`) for anything else.
 */
// r[session.message]
export function scan(bytes: Uint8Array, maxLists: number): Scan {
  marks = 0;
  if (bytes.length === 0) throw malformed('no bytes');
  let at = headerEnd(bytes, 0);
  if (at === 0) throw malformed('not an array');
  let last = at;
  for (let left = elements(bytes, 0, at); left > 0; left--) {
    last = at;
    at = skip(bytes, at, 2, maxLists);
  }
  if (at !== bytes.length) throw malformed('bytes after the end of the message');
  return { last, marks };
}

/** Returns the end of the value at `at`. `depth` is the depth that it would have as an array; the message itself has 1. */
function skip(bytes: Uint8Array, at: number, depth: number, maxLists: number): number {
  const format = bytes[at];
  if (format === undefined) throw truncated();
  if (format < 0x80) return at + 1;
  if (format < 0x90) throw malformed('a map');
  if (format < 0xa0) return skipArray(bytes, at, at + 1, depth, maxLists);
  if (format < 0xc0) return skipString(bytes, at + 1, format & 0x1f);
  switch (format) {
    case 0xcc: // unsigned integers of 8, 16, 32 and 64 bits
      return within(bytes, at + 2);
    case 0xcd:
      return within(bytes, at + 3);
    case 0xce:
      return within(bytes, at + 5);
    case 0xcf:
      return within(bytes, at + 9);
    case 0xd0: // signed integers: some libraries write every integer so; the sign is what matters
    case 0xd1:
    case 0xd2:
    case 0xd3:
      if ((bytes[at + 1] ?? 0) >= 0x80) throw malformed('a negative integer');
      return within(bytes, at + 1 + (1 << (format - 0xd0)));
    case 0xc4: // bytes: skipped, not walked
    case 0xc5:
    case 0xc6: {
      const start = within(bytes, at + 1 + (1 << (format - 0xc4)));
      return within(bytes, start + unsigned(bytes, at + 1, start));
    }
    case 0xd9:
    case 0xda:
    case 0xdb: {
      const start = within(bytes, at + 1 + (1 << (format - 0xd9)));
      return skipString(bytes, start, unsigned(bytes, at + 1, start));
    }
    case 0xdc:
    case 0xdd:
      return skipArray(bytes, at, headerEnd(bytes, at), depth, maxLists);
    default:
      throw malformed(refused(format));
  }
}

function skipArray(bytes: Uint8Array, at: number, start: number, depth: number, maxLists: number): number {
  if (depth > MAX_DEPTH) throw malformed(`arrays nested deeper than ${MAX_DEPTH}`);
  const count = elements(bytes, at, start);
  // At the deepest level, arrays are refused by their depth, so their number does not matter.
  const crowded = depth < MAX_DEPTH && count > maxLists;
  let end = start;
  for (let left = count; left > 0; left--) {
    if (crowded && headerEnd(bytes, end) !== 0) {
      throw malformed(`metadata has more than ${String(maxLists)} entries`, 'metadataEntries');
    }
    end = skip(bytes, end, depth + 1, maxLists);
  }
  return end;
}

/** The end of the header of the array at `at`; 0 if there is no array. */
function headerEnd(bytes: Uint8Array, at: number): number {
  const format = bytes[at] ?? 0;
  if ((format & 0xf0) === 0x90) return at + 1;
  if (format === 0xdc) return within(bytes, at + 3);
  if (format === 0xdd) return within(bytes, at + 5);
  return 0;
}

/** The number of elements that the array at `at` claims to have; `start` is the end of its header. */
function elements(bytes: Uint8Array, at: number, start: number): number {
  return start - at === 1 ? (bytes[at] ?? 0) & 0x0f : unsigned(bytes, at + 1, start);
}

function skipString(bytes: Uint8Array, start: number, length: number): number {
  const end = within(bytes, start + length);
  if (length > MARK_DROPPED_ABOVE && isMarked(bytes, start)) marks++;
  let at = start;
  while (at < end) {
    if ((bytes[at] ?? 0) < 0x80) at++;
    else at = skipSequence(bytes, at, end);
  }
  return end;
}

/**
 * The end of the UTF-8 sequence of two to four bytes at `at`. Refuses overlong ones, surrogates and values above U+10FFFF.
 */
function skipSequence(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  // The narrower range of the second byte excludes each of those three.
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (length === 0 || at + length > end || second < low || second > high) throw malformed('a string that is not UTF-8');
  for (let next = at + 2; next < at + length; next++) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) throw malformed('a string that is not UTF-8');
  }
  return at + length;
}

function isMarked(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
}

/** `end`, if the bytes reach that far. */
function within(bytes: Uint8Array, end: number): number {
  if (end > bytes.length) throw truncated();
  return end;
}

/** The big-endian integer from `at` to `end`: at most four bytes, which exist. */
function unsigned(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let next = at; next < end; next++) value = value * 0x100 + (bytes[next] ?? 0);
  return value;
}

function refused(format: number): string {
  if (format === 0xc0) return 'nil';
  if (format === 0xc1) return 'the byte 0xc1, which MessagePack never uses';
  if (format === 0xc2 || format === 0xc3) return 'a boolean';
  if (format === 0xca || format === 0xcb) return 'a floating-point number';
  if (format === 0xde || format === 0xdf) return 'a map';
  return format >= 0xe0 ? 'a negative integer' : 'an extension';
}

function truncated(): ProtocolError {
  return malformed('it ends too early');
}

function malformed(what: string, limit?: 'metadataEntries'): ProtocolError {
  return new ProtocolError('remote', `malformed message: ${what}`, 'session.message', limit);
}

/**
 * Restores the byte order marks that msgpackr's TextDecoder dropped. `list` is the array that msgpackr decoded from the
 * scanned `bytes` at `at`. Returns the end of that array.
 */
export function restoreMarks(list: unknown[], bytes: Uint8Array, at: number): number {
  let end = headerEnd(bytes, at);
  for (let index = 0; index < list.length; index++) {
    const start = end;
    const value = list[index];
    if (Array.isArray(value)) {
      end = restoreMarks(value, bytes, start);
      continue;
    }
    end = skip(bytes, start, MAX_DEPTH, 0);
    if (typeof value !== 'string') continue;
    const format = bytes[start] ?? 0;
    const text = start + 1 + (format < 0xd9 ? 0 : 1 << (format - 0xd9));
    // With msgpackr's native accelerator the mark survives. Any other user of msgpackr in the process can switch that on.
    if (end - text > MARK_DROPPED_ABOVE && isMarked(bytes, text)) {
      list[index] = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(text, end));
    }
  }
  return end;
}
