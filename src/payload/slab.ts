import { isWellFormed } from '../base/bytes.js';
import { PayloadBytes } from './payload-bytes.js';

/** Longer strings are encoded with a TextEncoder. */
const SHORT = 64;

const textEncoder = new TextEncoder();

/** Writes MessagePack's formats as bytes: one payload after another, each from `begin` to `finish`. */
export class Slab extends PayloadBytes {
  #view = new DataView(this.memory.buffer);

  extension(type: number, data: number): void {
    this.reserve(3);
    this.memory[this.at++] = 0xd4;
    this.memory[this.at++] = type;
    this.memory[this.at++] = data;
  }

  number(value: number): void {
    this.reserve(9);
    // Also separates -0 from 0, since no integer format has a -0.
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= 0) this.#unsigned(value);
      else this.#negative(value);
    } else if (value >>> 0 === value && value > 0) {
      this.#unsigned(value);
    } else {
      this.memory[this.at] = 0xcb;
      this.#numbers.setFloat64(this.at + 1, value);
      this.at += 9;
    }
  }

  /** Writes an integer from 0 to 2^32 − 1. The caller has reserved room. */
  #unsigned(value: number): void {
    const bytes = this.memory;
    if (value < 0x80) {
      bytes[this.at++] = value;
    } else if (value < 0x100) {
      bytes[this.at++] = 0xcc;
      bytes[this.at++] = value;
    } else if (value < 0x1_0000) {
      bytes[this.at] = 0xcd;
      this.#numbers.setUint16(this.at + 1, value);
      this.at += 3;
    } else {
      bytes[this.at] = 0xce;
      this.#numbers.setUint32(this.at + 1, value);
      this.at += 5;
    }
  }

  /** Writes a negative integer from −2^31. The caller has reserved room. */
  #negative(value: number): void {
    const bytes = this.memory;
    if (value >= -0x20) {
      bytes[this.at++] = value;
    } else if (value >= -0x80) {
      bytes[this.at++] = 0xd0;
      bytes[this.at++] = value;
    } else if (value >= -0x8000) {
      bytes[this.at] = 0xd1;
      this.#numbers.setInt16(this.at + 1, value);
      this.at += 3;
    } else {
      bytes[this.at] = 0xd2;
      this.#numbers.setInt32(this.at + 1, value);
      this.at += 5;
    }
  }

  /** Returns false if the bigint has more than 64 bits. */
  bigint(value: bigint): boolean {
    this.reserve(9);
    if (BigInt.asIntN(64, value) === value) {
      this.memory[this.at] = 0xd3;
      this.#numbers.setBigInt64(this.at + 1, value);
    } else if (BigInt.asUintN(64, value) === value) {
      this.memory[this.at] = 0xcf;
      this.#numbers.setBigUint64(this.at + 1, value);
    } else {
      return false;
    }
    this.at += 9;
    return true;
  }

  /** Returns false if the string has a lone surrogate. */
  string(value: string): boolean {
    const { length } = value;
    // UTF-8 takes up to three bytes for a unit of UTF-16; a header up to five.
    this.reserve(5 + 3 * length);
    if (length <= SHORT && this.#ascii(value)) return true;
    // Guesses the header for characters of one byte each, and moves the text if that was wrong.
    const guess = stringHeader(length);
    const body = this.at + guess;
    const { written } = textEncoder.encodeInto(value, this.memory.subarray(body));
    const header = stringHeader(written);
    if (header !== guess) this.memory.copyWithin(this.at + header, body, body + written);
    if (written !== length && !isWellFormed(value)) return false;
    if (written < 32) this.byte(0xa0 | written);
    else this.header(written, 0xd9, 0xda);
    this.at += written;
    return true;
  }

  /** Writes an ASCII string. Returns false if the string is not ASCII; then nothing is written. */
  #ascii(value: string): boolean {
    const { length } = value;
    const bytes = this.memory;
    let at = this.at;
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
    this.at = at;
    return true;
  }

  /** Writes bytes. `length` is their true length. */
  binary(value: Uint8Array, length: number): void {
    this.header(length, 0xc4, 0xc5);
    this.reserve(length);
    this.memory.set(value, this.at);
    this.at += length;
  }

  /**
   * Writes a format with a length of 8 bits, if it exists, or of 16 or 32. The format byte of 32 bits follows that of 16.
   */
  header(length: number, format8: number, format16: number): void {
    this.reserve(5);
    if (length < 0x100 && format8 !== 0) {
      this.memory[this.at++] = format8;
      this.memory[this.at++] = length;
    } else if (length < 0x1_0000) {
      this.memory[this.at] = format16;
      this.#numbers.setUint16(this.at + 1, length);
      this.at += 3;
    } else {
      this.memory[this.at] = format16 + 1;
      this.#numbers.setUint32(this.at + 1, length);
      this.at += 5;
    }
  }

  byte(value: number): void {
    this.reserve(1);
    this.memory[this.at++] = value;
  }

  /** A view of the memory that the payload is written to. */
  get #numbers(): DataView {
    const { buffer, byteOffset } = this.memory;
    if (this.#view.buffer !== buffer) this.#view = new DataView(buffer, byteOffset);
    return this.#view;
  }
}

function stringHeader(length: number): number {
  return length < 32 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5;
}
