import { AHEAD, allocatePayload, lend, SHORT_FRAME } from '../base/frame-memory.js';

/** Short payloads are cut from slabs, with free bytes before each, in which the frame is written around it. */
const SLAB = 32 * 1024;

/** Longer payloads have a buffer of their own, since their frames are not short. */
const LONGEST_IN_SLAB = SHORT_FRAME - AHEAD;

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
    if (this.#slabUsed + AHEAD > SLAB) this.#renew();
    this.memory = this.#slab;
    this.#start = this.#slabUsed + AHEAD;
    this.at = this.#start;
    this.#end = Math.min(SLAB, this.#start + LONGEST_IN_SLAB);
  }

  /** Returns the payload. `isLent` says that only the frame of one message needs it, and that this message is sent next. */
  finish(isLent = false): Uint8Array {
    const { memory, at } = this;
    const payload = new Uint8Array(memory.buffer, memory.byteOffset + this.#start, at - this.#start);
    if (memory === this.#slab) this.#slabUsed = at;
    if (isLent) lend(payload);
    return payload;
  }

  /** Makes room for `length` more bytes. */
  protected reserve(length: number): void {
    if (this.at + length > this.#end) this.#grow(length);
  }

  #renew(): void {
    this.#slab = new Uint8Array(SLAB);
    this.#slabUsed = 0;
  }

  #grow(length: number): void {
    const written = this.memory.subarray(this.#start, this.at);
    const needed = written.length + length;
    if (needed <= LONGEST_IN_SLAB) {
      this.#renew();
      this.memory = this.#slab;
      this.#start = AHEAD;
      this.#end = AHEAD + LONGEST_IN_SLAB;
    } else {
      this.memory = allocatePayload(Math.max(needed, 2 * written.length));
      this.#start = 0;
      this.#end = this.memory.length;
    }
    this.memory.set(written, this.#start);
    this.at = this.#start + written.length;
  }
}
