import { allocatePayload, offer } from '../base/frame-memory.js';

/** Payloads are cut from slabs: for a small payload, allocating a buffer would cost more than everything else. */
const SLAB = 32 * 1024;

/** Longer payloads have a buffer of their own, in which the frame is written around them. */
const LONGEST_IN_SLAB = 2048;

/** The bytes of one payload after another, each written from `begin` to `finish`. */
export abstract class PayloadBytes {
  #slab: Uint8Array = new Uint8Array(SLAB);
  #slabUsed = 0;
  /** The beginning of the payload, and the end of its memory. */
  #start = 0;
  #end = 0;
  /** The memory that the payload is written to: the slab, or a buffer of its own. */
  protected memory: Uint8Array = this.#slab;
  /** The end of the written part of the payload. */
  protected at = 0;

  /** Begins a payload. If the last one was not finished, its bytes are dropped. */
  begin(): void {
    this.memory = this.#slab;
    this.#start = this.#slabUsed;
    this.at = this.#start;
    this.#end = Math.min(this.#slab.length, this.#start + LONGEST_IN_SLAB);
  }

  /** Returns the payload. `isLent` says that only the frame of one message needs it, and that this message is sent next. */
  finish(isLent = false): Uint8Array {
    const payload = this.memory.subarray(this.#start, this.at);
    if (this.memory === this.#slab) this.#slabUsed = this.at;
    else offer(payload, isLent);
    return payload;
  }

  /** Makes room for `length` more bytes. */
  protected reserve(length: number): void {
    if (this.at + length > this.#end) this.#grow(length);
  }

  #grow(length: number): void {
    const written = this.memory.subarray(this.#start, this.at);
    const needed = written.length + length;
    if (needed <= LONGEST_IN_SLAB) {
      this.#slab = new Uint8Array(SLAB);
      this.#slabUsed = 0;
      this.memory = this.#slab;
      this.#end = LONGEST_IN_SLAB;
    } else {
      this.memory = allocatePayload(Math.max(needed, 2 * written.length));
      this.#end = this.memory.length;
    }
    this.memory.set(written);
    this.#start = 0;
    this.at = written.length;
  }
}
