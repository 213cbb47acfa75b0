// Memory for frames. Allocating an ArrayBuffer takes V8 longer than the codec needs for a message, and many discarded
// buffers of 16 KiB keep its collector marking without a pause. So short frames share one buffer, and buffers of long frames
// are reused where possible.

/** Short frames are cut from slabs. A frame that is kept keeps its whole slab alive. */
const SLAB = 32 * 1024;

/** Longer frames have a buffer of their own, in steps of so many bytes. Few messages are longer than the last step. */
const STEP = 1024;
const LONGEST_AGAIN = 64 * STEP;

/** Frames up to this length share their memory with others, so it is not reused; in bytes. */
export const SHORT_FRAME = STEP;

/** Marks buffers of ours: a codec that wraps this one may give back frames of its own. */
class Memory extends ArrayBuffer {}

/** The bytes that may lie unused for later frames, of all sessions together. */
const MOST_UNUSED = 2 * 1024 * 1024;

/** Shorter copies are faster in a loop than by `set`. */
const SHORT = 48;

let slab = new Uint8Array(0);
let slabUsed = 0;

/** Unused buffers of one kind, by their size. */
type Unused<T extends Memory> = ReadonlyMap<number, T[]>;

function noneUnused<T extends Memory>(): Unused<T> {
  return new Map(Array.from({ length: LONGEST_AGAIN / STEP }, (_, steps) => [(steps + 1) * STEP, []]));
}

const unusedFrames: Unused<Memory> = noneUnused();
const unusedPayloads: Unused<PayloadMemory> = noneUnused();
let unusedBytes = 0;

function sizeFor(length: number): number {
  return Math.ceil(length / STEP) * STEP;
}

function takeUnused<T extends Memory>(unused: Unused<T>, length: number): T | undefined {
  const memory = unused.get(sizeFor(length))?.pop();
  if (memory !== undefined) unusedBytes -= memory.byteLength;
  return memory;
}

/** Memory for a frame of `length` bytes. It is not cleared: it may hold bytes of earlier frames. */
export function allocate(length: number): Uint8Array {
  if (length > SHORT_FRAME) {
    return new Uint8Array(takeUnused(unusedFrames, length) ?? new Memory(sizeFor(length)), 0, length);
  }
  if (slabUsed + AHEAD / 2 + length > slab.length) {
    slab = new Uint8Array(SLAB);
    slabUsed = 0;
  }
  slabUsed += AHEAD / 2 + length;
  freeAhead = AHEAD / 2;
  lastFrame = new Uint8Array(slab.buffer, slabUsed - length, length);
  return lastFrame;
}

/** True if this frame was written around the payload in `memory`. */
function isAround({ byteOffset, length }: Uint8Array, memory: PayloadMemory): boolean {
  return memory.frameAt === byteOffset && memory.frameLength === length;
}

/** Takes back a frame of `allocate` or `allocateAround` that is no longer used. Its memory serves another frame. */
export function release(frame: Uint8Array): void {
  const { buffer } = frame;
  if (!(buffer instanceof PayloadMemory)) {
    if (buffer instanceof Memory) keep(unusedFrames, buffer);
  } else if (buffer.isLent && isAround(frame, buffer)) {
    buffer.isLent = false;
    keep(unusedPayloads, buffer);
  }
}

function keep<T extends Memory>(unused: Unused<T>, memory: T): void {
  const others = unused.get(memory.byteLength);
  if (others === undefined || unusedBytes + memory.byteLength > MOST_UNUSED) return;
  others.push(memory);
  unusedBytes += memory.byteLength;
}

/** Free bytes before a payload: for fields of the frame, the header of a reliable link, the length of a byte stream. */
export const AHEAD = 40;
const PREFIX = 4;

/** The short payload that was lent last, until a frame is written around it. */
let lastShort: Uint8Array | undefined;

/** The frame that was made last, unless its payload is long, and the free bytes before it. */
let lastFrame: Uint8Array | undefined;
let freeAhead = 0;

/** Memory of a long payload, and the place of the frame that was written around it. */
class PayloadMemory extends Memory {
  /** The payload that was lent, until a frame is written around it. That happens once only, so that no frame overwrites another. */
  payload: Uint8Array | undefined;
  /** True until the frame was sent. Then the memory is used again. */
  isLent = false;
  frameAt = 0;
  frameLength = 0;
  /** Bytes of a header that was written before the frame. */
  headerLength = 0;
}

/** Memory for a long payload of up to `length` bytes. It is not cleared: it may hold bytes of earlier payloads. */
export function allocatePayload(length: number): Uint8Array {
  const memory = takeUnused(unusedPayloads, AHEAD + length) ?? new PayloadMemory(sizeFor(AHEAD + length));
  return new Uint8Array(memory, AHEAD, length);
}

/**
 * Lends a payload to the frame of one message, which is written around it. Only that frame needs the payload from now on. A
 * long payload stands at the start of memory from `allocatePayload`. A short one has free bytes before it.
 */
export function lend(payload: Uint8Array): void {
  const { buffer } = payload;
  if (buffer instanceof PayloadMemory) {
    buffer.payload = payload;
    buffer.isLent = true;
  } else {
    lastShort = payload;
  }
}

/** True for a long payload that only its frame needs. Nothing changes its bytes while it waits. */
export function isLent(payload: Uint8Array): boolean {
  const { buffer } = payload;
  return buffer instanceof PayloadMemory && buffer.payload === payload;
}

/** A frame of `head` bytes, followed by the payload in its place. Undefined unless this payload was lent. */
export function allocateAround(payload: Uint8Array, head: number): Uint8Array | undefined {
  const { buffer, length } = payload;
  if (payload === lastShort) {
    lastShort = undefined;
    if (head > AHEAD) return undefined;
    freeAhead = AHEAD - head;
    lastFrame = new Uint8Array(buffer, payload.byteOffset - head, head + length);
    return lastFrame;
  }
  if (!(buffer instanceof PayloadMemory) || buffer.payload !== payload || head > AHEAD - PREFIX) return undefined;
  buffer.payload = undefined;
  buffer.frameAt = AHEAD - head;
  buffer.frameLength = head + length;
  buffer.headerLength = 0;
  return new Uint8Array(buffer, buffer.frameAt, buffer.frameLength);
}

/**
 * The frame with `length` free bytes for a header before it, if they are there; otherwise undefined. A frame that is not the
 * last one has them only if it was written around a long payload.
 */
export function withHeader(frame: Uint8Array, length: number): Uint8Array | undefined {
  const { buffer, byteOffset } = frame;
  if (frame === lastFrame) {
    lastFrame = undefined;
    return length > freeAhead ? undefined : new Uint8Array(buffer, byteOffset - length, length + frame.length);
  }
  if (!(buffer instanceof PayloadMemory) || !isAround(frame, buffer) || byteOffset < length + PREFIX) return undefined;
  buffer.headerLength = length;
  return new Uint8Array(buffer, byteOffset - length, length + frame.length);
}

/**
 * The frame with four free bytes before it, if the frame was written around its payload; otherwise undefined. The frame may
 * have a header.
 */
export function withPrefix(frame: Uint8Array): Uint8Array | undefined {
  const { buffer, byteOffset, length } = frame;
  if (!(buffer instanceof PayloadMemory)) return undefined;
  const { frameAt, frameLength, headerLength } = buffer;
  if (byteOffset !== frameAt - headerLength || length !== headerLength + frameLength) return undefined;
  return new Uint8Array(buffer, byteOffset - PREFIX, PREFIX + length);
}

/** Frames of more bytes than this leave garbage behind, and a frame counts up to the second number of bytes. */
export const LONG_READ = 8 * 1024;
const MOST_OF_READ = 64 * 1024;

/** The bytes that are read for each word of garbage. */
const READ_PER_WORD = 32;

let garbage: unknown[] = [];

/**
 * Leaves garbage on V8's heap for a long frame that was read: a quarter of its length. V8 collects young objects when they
 * fill a part of its heap. The buffers that sockets read into lie outside of the heap, and are freed with the young objects
 * only. So a receiver that leaves little on the heap has tens of MB of dead buffers between two collections. V8 counts them
 * as old, and marks the whole heap every 40 ms to find them.
 */
export function leaveGarbage(length: number): void {
  const { length: before } = garbage;
  garbage = new Array(Math.ceil(Math.min(length, MOST_OF_READ) / READ_PER_WORD));
  // Read and written, since bundlers and V8 leave out what has no use.
  garbage[0] = before;
}

/** Copies `length` bytes of `from`, beginning at `start`, to the index `at` of `to`. */
export function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  if (length <= SHORT) for (let index = 0; index < length; index++) to[at + index] = from[start + index] ?? 0;
  // Not `subarray`: a subclass of Uint8Array may override it.
  else to.set(length === from.length ? from : new Uint8Array(from.buffer, from.byteOffset + start, length), at);
}
