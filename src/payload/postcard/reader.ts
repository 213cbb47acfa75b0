import { InvalidPayload } from '../../base/errors.js';

/** Shorter ASCII strings are faster to read byte by byte than with a TextDecoder. */
const SHORT = 24;

/**
 * Bytes of at least this share of the payload are a view of it. A smaller view would keep the rest of the payload in memory.
 */
const VIEW_SHARE = 2;

/** The most elements that official peers accept in one list. */
const MOST_ELEMENTS = 2 ** 24;

/** The most objects in one payload. An empty one takes a byte or two on the wire, and a few hundred bytes in memory. */
const MOST_OBJECTS = 262_144;

/** The most elements that take no bytes: otherwise a count of a few bytes could create any number of them. */
const MOST_EMPTY = 65_536;

/** Strict; a leading U+FEFF is part of the string. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const float = new DataView(new ArrayBuffer(8));

/**
 * Reads one payload, from its first byte to its last. Each length and count is checked before memory is allocated for it.
 */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #objects = 0;
  /** The depth of the value within recursive types. */
  depth = 0;
  /** The field that is being read, for errors. */
  field: string;

  constructor(bytes: Uint8Array, field: string) {
    this.#bytes = bytes;
    this.field = field;
  }

  /** @throws InvalidPayload unless all bytes were read. */
  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new InvalidPayload('malformed payload: bytes after the end of the value');
  }

  malformed(what: string): InvalidPayload {
    return new InvalidPayload(`malformed payload: ${this.field} ${what}`);
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw this.malformed('is not there in full');
    return byte;
  }

  /** An unsigned integer of up to 32 bits, in at most `most` bytes. */
  varint(largest: number, most: number): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let unit = 0x80;
    for (let left = most - 1; left > 0; left--) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) {
        if (value > largest) throw this.malformed(`is above ${String(largest)}`);
        return value;
      }
      unit *= 0x80;
    }
    throw this.malformed(`has more than ${String(most)} bytes`);
  }

  /** An unsigned integer of so many bits, above 32. */
  bigint(bits: number): bigint {
    const most = Math.ceil(bits / 7);
    let value = 0n;
    for (let left = most, shift = 0n; left > 0; left -= 7, shift += 49n) {
      let part = 0;
      let unit = 1;
      for (let count = Math.min(left, 7); count > 0; count--) {
        const byte = this.byte();
        part += (byte & 0x7f) * unit;
        if (byte < 0x80) {
          if (shift === 0n) return BigInt(part);
          value |= BigInt(part) << shift;
          if (value >> BigInt(bits) !== 0n) throw this.malformed(`is above 2^${String(bits)} - 1`);
          return value;
        }
        unit *= 0x80;
      }
      value |= BigInt(part) << shift;
    }
    throw this.malformed(`has more than ${String(most)} bytes`);
  }

  /** Counts one more object: a list, a struct, an enum. Each takes many times its bytes in memory. */
  object(): void {
    if (++this.#objects > MOST_OBJECTS)
      throw new InvalidPayload(`malformed payload: more than ${MOST_OBJECTS} objects`);
  }

  f32(): number {
    this.#float(4);
    return float.getFloat32(0, true);
  }

  f64(): number {
    this.#float(8);
    return float.getFloat64(0, true);
  }

  #float(length: number): void {
    for (let index = 0; index < length; index++) float.setUint8(index, this.byte());
  }

  /** The number of elements that follow. Each element takes `least` bytes or more. */
  count(least: number): number {
    const count = this.#length();
    if (least === 0 ? count > MOST_EMPTY : count * least > this.#bytes.length - this.#at) {
      throw this.malformed(least === 0 ? `has more than ${String(MOST_EMPTY)} elements` : 'is not there in full');
    }
    if (count > MOST_ELEMENTS) throw this.malformed(`has more than ${String(MOST_ELEMENTS)} elements`);
    return count;
  }

  text(): string {
    const length = this.#within(this.#length());
    const start = this.#at;
    this.#at += length;
    if (length <= SHORT) {
      let text = '';
      let next = start;
      for (; next < this.#at; next++) {
        const byte = this.#bytes[next] ?? 0;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (next === this.#at) return text;
    }
    const text = decodedText(this.#bytes.subarray(start, this.#at));
    if (text === undefined) throw this.malformed('is not UTF-8');
    return text;
  }

  bytes(): Uint8Array {
    const length = this.#within(this.#length());
    const view = new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, length);
    this.#at += length;
    return length * VIEW_SHARE >= this.#bytes.length ? view : view.slice();
  }

  /** A length. Above 2^53 it is rounded, which is more than the bytes left in any case. */
  #length(): number {
    let value = 0;
    let unit = 1;
    for (let left = 10; left > 0; left--) {
      const byte = this.byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
    throw this.malformed('has a length of more than 10 bytes');
  }

  #within(length: number): number {
    if (length > this.#bytes.length - this.#at) throw this.malformed('is not there in full');
    return length;
  }
}

function decodedText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
