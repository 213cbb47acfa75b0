import { isWellFormed, lengthOf } from '../base/bytes.js';

/** Payloads are cut from slabs: memory of its own costs a small one more than all the rest. */
const SIZE = 32 * 1024;

/** Longer strings go through TextEncoder. */
const SHORT = 64;

const textEncoder = new TextEncoder();

/** MessagePack's formats, as bytes: one payload after another, each from `begin` to `cut` or `abandon`. */
export class Slab {
  #bytes = new Uint8Array(SIZE);
  #view = new DataView(this.#bytes.buffer);
  /** Where the payload begins, and how far it is written. */
  #start = 0;
  #at = 0;

  begin(): void {
    this.#start = this.#at;
  }

  /** The payload. */
  cut(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#at);
  }

  abandon(): void {
    this.#at = this.#start;
  }

  extension(type: number, data: number): void {
    this.#reserve(3);
    this.#bytes[this.#at++] = 0xd4;
    this.#bytes[this.#at++] = type;
    this.#bytes[this.#at++] = data;
  }

  number(value: number): void {
    this.#reserve(9);
    // Also tells -0 from 0, which no integer format does.
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= 0) this.#unsigned(value);
      else this.#negative(value);
    } else if (value >>> 0 === value && value > 0) {
      this.#unsigned(value);
    } else {
      this.#bytes[this.#at] = 0xcb;
      this.#view.setFloat64(this.#at + 1, value);
      this.#at += 9;
    }
  }

  /** Below 2^32; the room is there. */
  #unsigned(value: number): void {
    const bytes = this.#bytes;
    if (value < 0x80) {
      bytes[this.#at++] = value;
    } else if (value < 0x100) {
      bytes[this.#at++] = 0xcc;
      bytes[this.#at++] = value;
    } else if (value < 0x1_0000) {
      bytes[this.#at] = 0xcd;
      this.#view.setUint16(this.#at + 1, value);
      this.#at += 3;
    } else {
      bytes[this.#at] = 0xce;
      this.#view.setUint32(this.#at + 1, value);
      this.#at += 5;
    }
  }

  /** From −2^31. */
  #negative(value: number): void {
    const bytes = this.#bytes;
    if (value >= -0x20) {
      bytes[this.#at++] = value;
    } else if (value >= -0x80) {
      bytes[this.#at++] = 0xd0;
      bytes[this.#at++] = value;
    } else if (value >= -0x8000) {
      bytes[this.#at] = 0xd1;
      this.#view.setInt16(this.#at + 1, value);
      this.#at += 3;
    } else {
      bytes[this.#at] = 0xd2;
      this.#view.setInt32(this.#at + 1, value);
      this.#at += 5;
    }
  }

  /** False where it has more than 64 bits. */
  bigint(value: bigint): boolean {
    this.#reserve(9);
    if (BigInt.asIntN(64, value) === value) {
      this.#bytes[this.#at] = 0xd3;
      this.#view.setBigInt64(this.#at + 1, value);
    } else if (BigInt.asUintN(64, value) === value) {
      this.#bytes[this.#at] = 0xcf;
      this.#view.setBigUint64(this.#at + 1, value);
    } else {
      return false;
    }
    this.#at += 9;
    return true;
  }

  /** False where it has a lone surrogate. */
  string(value: string): boolean {
    const { length } = value;
    // UTF-8 takes up to three bytes for a unit of UTF-16; a header up to five.
    this.#reserve(5 + 3 * length);
    if (length <= SHORT && this.#ascii(value)) return true;
    // As long as its characters are of one byte each; moved where they are not.
    const guess = stringHeader(length);
    const body = this.#at + guess;
    const { written } = textEncoder.encodeInto(value, this.#bytes.subarray(body));
    const header = stringHeader(written);
    if (header !== guess) this.#bytes.copyWithin(this.#at + header, body, body + written);
    if (written !== length && !isWellFormed(value)) return false;
    if (written < 32) this.byte(0xa0 | written);
    else this.header(written, 0xd9, 0xda);
    this.#at += written;
    return true;
  }

  /** Whether it was ASCII, and is written. */
  #ascii(value: string): boolean {
    const { length } = value;
    const bytes = this.#bytes;
    let at = this.#at;
    if (length < 32) {
      bytes[at++] = 0xa0 | length;
    } else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      if (unit >= 0x80) return false;
      bytes[at++] = unit;
    }
    this.#at = at;
    return true;
  }

  binary(value: Uint8Array): void {
    const length = lengthOf(value);
    this.header(length, 0xc4, 0xc5);
    this.#reserve(length);
    this.#bytes.set(value, this.#at);
    this.#at += length;
  }

  /** A format with a length of 8 bits, where there is one, or of 16; the one of 32 bits comes next to that. */
  header(length: number, format8: number, format16: number): void {
    this.#reserve(5);
    if (length < 0x100 && format8 !== 0) {
      this.#bytes[this.#at++] = format8;
      this.#bytes[this.#at++] = length;
    } else if (length < 0x1_0000) {
      this.#bytes[this.#at] = format16;
      this.#view.setUint16(this.#at + 1, length);
      this.#at += 3;
    } else {
      this.#bytes[this.#at] = format16 + 1;
      this.#view.setUint32(this.#at + 1, length);
      this.#at += 5;
    }
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  #reserve(count: number): void {
    if (this.#at + count > this.#bytes.length) this.#grow(count);
  }

  /** Goes on in a new slab, with what there is of this payload. */
  #grow(count: number): void {
    const written = this.#bytes.subarray(this.#start, this.#at);
    const needed = written.length + count;
    this.#bytes = new Uint8Array(needed <= SIZE ? SIZE : Math.max(needed, 2 * written.length));
    this.#view = new DataView(this.#bytes.buffer);
    this.#bytes.set(written);
    this.#start = 0;
    this.#at = written.length;
  }
}

function stringHeader(length: number): number {
  return length < 32 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5;
}
