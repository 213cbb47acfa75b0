import { copy } from '../../base/frame-memory.js';
import { sizeOf } from '../../wire/metadata.js';
import { PayloadBytes } from '../payload-bytes.js';

/** Shorter ASCII strings are faster to write byte by byte than with a TextEncoder. */
const SHORT = 48;

const encoder = new TextEncoder();
const float = new DataView(new ArrayBuffer(8));

/** Writes one payload after another, each from `begin` to `finish`. */
export class PayloadWriter extends PayloadBytes {
  /** The depth of the value within recursive types. */
  depth = 0;

  byte(value: number): void {
    this.reserve(1);
    this.memory[this.at++] = value;
  }

  /** Writes a safe integer that is not negative. */
  varint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.memory[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.memory[this.at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.memory[this.at++] = rest;
  }

  /** Writes an integer of up to 128 bits that is not negative. */
  bigint(value: bigint): void {
    let rest = value;
    // 49 bits at a time, as numbers.
    while (rest > 0x1_ffff_ffff_ffffn) {
      let low = Number(rest & 0x1_ffff_ffff_ffffn);
      this.reserve(7);
      for (let count = 0; count < 7; count++) {
        this.memory[this.at++] = (low % 0x80) | 0x80;
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
    this.reserve(length);
    for (let index = 0; index < length; index++) this.memory[this.at++] = float.getUint8(index);
  }

  text(value: string): void {
    const length = sizeOf(value);
    this.varint(length);
    this.reserve(length);
    if (length === value.length && length <= SHORT) {
      for (let index = 0; index < length; index++) this.memory[this.at++] = value.charCodeAt(index);
    } else {
      this.at += encoder.encodeInto(value, this.memory.subarray(this.at)).written;
    }
  }

  bytes(value: Uint8Array, length: number): void {
    this.varint(length);
    this.reserve(length);
    copy(value, 0, this.memory, this.at, length);
    this.at += length;
  }

  override begin(): void {
    super.begin();
    this.depth = 0;
  }
}
