// Memory for frames. V8 needs longer for an ArrayBuffer than the codec for a message, and what many of 16 KiB leave behind
// has its collector mark without a pause: short frames share theirs, and that of long ones is used again where that may be.

/** Short frames are cut from slabs. Who keeps a frame keeps its slab. */
const SLAB = 32 * 1024;
const LONGEST_IN_SLAB = SLAB / 4;

/** Longer ones have memory of their own, in steps of so many bytes, up to a length from which few messages are. */
const STEP = 1024;
const LONGEST_AGAIN = 64 * STEP;

/** So that it is known for ours: a codec around this one may give back frames that are its own. */
class Memory extends ArrayBuffer {}

/** What may lie unused for the next frame, in bytes, of all sessions together. */
const MOST_UNUSED = 2 * 1024 * 1024;

/** Shorter copies are faster in a loop than by `set`. */
const SHORT = 48;

let slab = new Uint8Array(0);
let slabUsed = 0;

/** Unused memory, by its size. */
const unused = new Map(
  Array.from({ length: LONGEST_AGAIN / STEP }, (_, steps) => [(steps + 1) * STEP, [] as Memory[]]),
);
let unusedBytes = 0;

/** Memory for a frame of `length` bytes; what is in it is left over. */
export function allocate(length: number): Uint8Array {
  if (length > LONGEST_IN_SLAB) {
    const size = Math.ceil(length / STEP) * STEP;
    const memory = unused.get(size)?.pop();
    if (memory === undefined) return new Uint8Array(new Memory(size), 0, length);
    unusedBytes -= size;
    return new Uint8Array(memory, 0, length);
  }
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(SLAB);
    slabUsed = 0;
  }
  slabUsed += length;
  return slab.subarray(slabUsed - length, slabUsed);
}

/** Nobody has this frame any more, which `allocate` gave: its memory is for another one. */
export function release({ buffer }: Uint8Array): void {
  if (!(buffer instanceof Memory) || unusedBytes + buffer.byteLength > MOST_UNUSED) return;
  const others = unused.get(buffer.byteLength);
  if (others === undefined) return;
  others.push(buffer);
  unusedBytes += buffer.byteLength;
}

/** Copies `length` bytes of `from`, which begin at `start`, to where `at` is in `to`. */
export function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length <= SHORT) for (let index = 0; index < length; index++) to[at + index] = from[start + index] ?? 0;
  // No subarray: that is whatever the class of `from` makes of it.
  else to.set(length === from.length ? from : new Uint8Array(from.buffer, from.byteOffset + start, length), at);
}
