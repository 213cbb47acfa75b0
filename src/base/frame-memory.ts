// Memory for frames. Allocating an ArrayBuffer takes V8 longer than the codec needs for a message, and many discarded
// buffers of 16 KiB keep its collector marking without a pause. So short frames share one buffer, and buffers of long frames
// are reused where possible.

/** Short frames are cut from slabs. A frame that is kept keeps its whole slab alive. */
const SLAB = 32 * 1024;
const LONGEST_IN_SLAB = SLAB / 4;

/** Longer frames have a buffer of their own, in steps of so many bytes. Few messages are longer than the last step. */
const STEP = 1024;
const LONGEST_AGAIN = 64 * STEP;

/** Marks buffers of ours: a codec that wraps this one may give back frames of its own. */
class Memory extends ArrayBuffer {}

/** The bytes that may lie unused for later frames, of all sessions together. */
const MOST_UNUSED = 2 * 1024 * 1024;

/** Shorter copies are faster in a loop than by `set`. */
const SHORT = 48;

let slab = new Uint8Array(0);
let slabUsed = 0;

/** Unused buffers, by their size. */
const unused = new Map(
  Array.from({ length: LONGEST_AGAIN / STEP }, (_, steps) => [(steps + 1) * STEP, [] as Memory[]]),
);
let unusedBytes = 0;

/** Memory for a frame of `length` bytes. It is not cleared: it may hold bytes of earlier frames. */
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

/** Takes back a frame that `allocate` gave and that is no longer used: its memory serves another frame. */
export function release({ buffer }: Uint8Array): void {
  if (!(buffer instanceof Memory) || unusedBytes + buffer.byteLength > MOST_UNUSED) return;
  const others = unused.get(buffer.byteLength);
  if (others === undefined) return;
  others.push(buffer);
  unusedBytes += buffer.byteLength;
}

/** Free bytes before a long payload. The frame's own fields fit there, and so does the length prefix of a byte stream. */
const AHEAD = 40;
const PREFIX = 4;

/** Memory of a long payload, and the place of the frame that was written around it. It is never reused. */
class PayloadMemory extends ArrayBuffer {
  frameAt = 0;
  frameLength = 0;
}

/**
 * The last long payload, until a frame is written around it. That happens once only, so that no frame overwrites another.
 */
let offered: Uint8Array | undefined;

/** Memory for a long payload of up to `length` bytes. */
export function allocatePayload(length: number): Uint8Array {
  return new Uint8Array(new PayloadMemory(AHEAD + length), AHEAD);
}

/**
 * Offers a payload for the next frame to be written around it. It must begin at the start of memory from `allocatePayload`.
 */
export function offer(payload: Uint8Array): void {
  offered = payload;
}

/** A frame of `head` bytes, followed by the payload in its place. Undefined unless this payload was offered last. */
export function allocateAround(payload: Uint8Array, head: number): Uint8Array | undefined {
  if (payload !== offered) return undefined;
  offered = undefined;
  const { buffer, length } = payload;
  if (!(buffer instanceof PayloadMemory) || head > AHEAD - PREFIX) return undefined;
  buffer.frameAt = AHEAD - head;
  buffer.frameLength = head + length;
  return new Uint8Array(buffer, buffer.frameAt, buffer.frameLength);
}

/** The frame with four free bytes before it, if the frame was written around its payload; otherwise undefined. */
export function withPrefix({ buffer, byteOffset, length }: Uint8Array): Uint8Array | undefined {
  if (!(buffer instanceof PayloadMemory) || buffer.frameAt !== byteOffset || buffer.frameLength !== length) {
    return undefined;
  }
  return new Uint8Array(buffer, byteOffset - PREFIX, PREFIX + length);
}

/** Copies `length` bytes of `from`, beginning at `start`, to the index `at` of `to`. */
export function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length <= SHORT) for (let index = 0; index < length; index++) to[at + index] = from[start + index] ?? 0;
  // Not `subarray`: a subclass of Uint8Array may override it.
  else to.set(length === from.length ? from : new Uint8Array(from.buffer, from.byteOffset + start, length), at);
}
