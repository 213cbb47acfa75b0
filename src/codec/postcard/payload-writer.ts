import { sizeOf } from '../../wire/metadata.js';
import { copy } from '../frames.js';

/** Payloads are cut from slabs: memory of its own costs a small one more than all the rest. */
const SLAB = 32 * 1024;

/** Shorter strings of ASCII are faster to write one by one than with a TextEncoder. */
const SHORT = 48;

const encoder = new TextEncoder();
const float = new DataView(new ArrayBuffer(8));

/** Writes one payload after another, each from `begin` to `finish`. */
export class PayloadWriter {
  #bytes = new Uint8Array(SLAB);
  /** Where the payload begins, and how far it is written. */
  #start = 0;
  #at = 0;
  /** How deep in recursive types the value is. */
  depth = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** A safe integer that is not negative. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Up to 128 bits, not negative. */
  bigint(value: bigint): void {
    let rest = value;
    // 49 bits at a time, as numbers.
    while (rest > 0x1_ffff_ffff_ffffn) {
      let low = Number(rest & 0x1_ffff_ffff_ffffn);
      this.#reserve(7);
      for (let count = 0; count < 7; count++) {
        this.#bytes[this.#at++] = (low % 0x80) | 0x80;
        low = Math.floor(low / 0x80);
      }
      rest >>= 49n;
    }
    this.varint(Number(rest));
  }

  f32(value: number): void {
    float.setFloat32(0, value, true);
    this.#float(4);
  }

  f64(value: number): void {
    float.setFloat64(0, value, true);
    this.#float(8);
  }

  #float(length: number): void {
    this.#reserve(length);
    for (let index = 0; index < length; index++) this.#bytes[this.#at++] = float.getUint8(index);
  }

  text(value: string): void {
    const length = sizeOf(value);
    this.varint(length);
    this.#reserve(length);
    if (length === value.length && length <= SHORT) {
      for (let index = 0; index < length; index++) this.#bytes[this.#at++] = value.charCodeAt(index);
    } else {
      this.#at += encoder.encodeInto(value, this.#bytes.subarray(this.#at)).written;
    }
  }

  bytes(value: Uint8Array, length: number): void {
    this.varint(length);
    this.#reserve(length);
    copy(value, 0, this.#bytes, this.#at, length);
    this.#at += length;
  }

  /** Begins a payload; what was written of one that came to nothing is dropped. */
  begin(): void {
    this.#at = this.#start;
    this.depth = 0;
  }

  /** The payload. */
  finish(): Uint8Array {
    const payload = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return payload;
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const written = this.#at - this.#start;
    const grown = new Uint8Array(Math.max(SLAB, 2 * written, written + length));
    grown.set(this.#bytes.subarray(this.#start, this.#at));
    this.#bytes = grown;
    this.#start = 0;
    this.#at = written;
  }
}
