/** Frames are cut from slabs, since memory of its own costs a frame more than all the rest. Who keeps a frame keeps its slab. */
const SLAB = 32 * 1024;

/** Longer frames get memory of their own. */
const SLAB_SHARE = SLAB / 4;

/** Shorter copies are faster in a loop than by `set`. */
const SHORT = 48;

let slab = new Uint8Array(0);
let slabUsed = 0;

/** Memory for a frame of `length` bytes; what is in it is left over. */
export function allocate(length: number): Uint8Array {
  if (length > SLAB_SHARE) return new Uint8Array(length);
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(SLAB);
    slabUsed = 0;
  }
  slabUsed += length;
  return slab.subarray(slabUsed - length, slabUsed);
}

/** Copies `length` bytes of `from`, which begin at `start`, to where `at` is in `to`. */
export function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length > SHORT) to.set(from.subarray(start, start + length), at);
  else for (let index = 0; index < length; index++) to[at + index] = from[start + index] ?? 0;
}
