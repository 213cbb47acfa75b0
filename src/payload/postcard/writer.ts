import { allocatePayload, copy, offer } from '../../base/frame-memory.js';
import { sizeOf } from '../../wire/metadata.js';

/** Payloads are cut from slabs: for a small payload, allocating a buffer would cost more than everything else. */
const SLAB = 32 * 1024;

/** Longer payloads have a buffer of their own, in which the frame is written around them. */
const LONGEST_IN_SLAB = 2048;

/** Shorter ASCII strings are faster to write byte by byte than with a TextEncoder. */
const SHORT = 48;

const encoder = new TextEncoder();
const float = new DataView(new ArrayBuffer(8));

/** Writes one payload after another, each from `begin` to `finish`. */
export class PayloadWriter {
  #slab: Uint8Array = new Uint8Array(SLAB);
  #slabUsed = 0;
  /** The memory that the payload is written to: the slab, or a buffer of its own. */
  #bytes: Uint8Array = this.#slab;
  /** The beginning of the payload, the end of its written part, and the end of its memory. */
  #start = 0;
  #at = 0;
  #end = 0;
  /** The depth of the value within recursive types. */
  depth = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** Writes a safe integer that is not negative. */
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

  /** Writes an integer of up to 128 bits that is not negative. */
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

  /** Begins a payload. If the last one was not finished, its bytes are dropped. */
  begin(): void {
    this.#bytes = this.#slab;
    this.#start = this.#slabUsed;
    this.#at = this.#start;
    this.#end = Math.min(this.#slab.length, this.#start + LONGEST_IN_SLAB);
    this.depth = 0;
  }

  /** Returns the payload. */
  finish(): Uint8Array {
    const payload = this.#bytes.subarray(this.#start, this.#at);
    if (this.#bytes === this.#slab) this.#slabUsed = this.#at;
    else offer(payload);
    return payload;
  }

  #reserve(length: number): void {
    if (this.#at + length > this.#end) this.#grow(length);
  }

  #grow(length: number): void {
    const written = this.#bytes.subarray(this.#start, this.#at);
    const needed = written.length + length;
    if (needed <= LONGEST_IN_SLAB) {
      this.#slab = new Uint8Array(SLAB);
      this.#slabUsed = 0;
      this.#bytes = this.#slab;
      this.#end = LONGEST_IN_SLAB;
    } else {
      this.#bytes = allocatePayload(Math.max(needed, 2 * written.length));
      this.#end = this.#bytes.length;
    }
    this.#bytes.set(written);
    this.#start = 0;
    this.#at = written.length;
  }
}
