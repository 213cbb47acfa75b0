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

/** Free bytes before a long payload. A frame's own fields fit there, and so does the length before it in a byte stream. */
const AHEAD = 40;
const PREFIX = 4;

/** Memory of a long payload, and where in it the frame is that was written around the payload. It is never used again. */
class PayloadMemory extends ArrayBuffer {
  frameAt = 0;
  frameLength = 0;
}

/** The last long payload, until a frame is written around it: once only, so that no frame overwrites another. */
let offered: Uint8Array | undefined;

/** Memory for a long payload of up to `length` bytes. */
export function allocatePayload(length: number): Uint8Array {
  return new Uint8Array(new PayloadMemory(AHEAD + length), AHEAD);
}

/** Offers a payload, which begins where `allocatePayload` gave memory, for the next frame to be written around it. */
export function offer(payload: Uint8Array): void {
  offered = payload;
}

/** A frame of `head` bytes and, in its place already, the payload; undefined unless the payload was offered last. */
export function allocateAround(payload: Uint8Array, head: number): Uint8Array | undefined {
  if (payload !== offered) return undefined;
  offered = undefined;
  const { buffer, length } = payload;
  if (!(buffer instanceof PayloadMemory) || head > AHEAD - PREFIX) return undefined;
  buffer.frameAt = AHEAD - head;
  buffer.frameLength = head + length;
  return new Uint8Array(buffer, buffer.frameAt, buffer.frameLength);
}

/** The frame with four bytes before it that are nobody's, if it is one that was written around its payload. */
export function withPrefix({ buffer, byteOffset, length }: Uint8Array): Uint8Array | undefined {
  if (!(buffer instanceof PayloadMemory) || buffer.frameAt !== byteOffset || buffer.frameLength !== length) {
    return undefined;
  }
  return new Uint8Array(buffer, byteOffset - PREFIX, PREFIX + length);
}

/** Copies `length` bytes of `from`, which begin at `start`, to where `at` is in `to`. */
export function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length <= SHORT) for (let index = 0; index < length; index++) to[at + index] = from[start + index] ?? 0;
  // No subarray: that is whatever the class of `from` makes of it.
  else to.set(length === from.length ? from : new Uint8Array(from.buffer, from.byteOffset + start, length), at);
}
