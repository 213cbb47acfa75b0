// Frames of WebSockets (RFC 6455), as nearly all messages have them: one frame for a whole binary message. `ws` makes several
// views and objects for each frame, gives the socket header and payload apart, and masks byte by byte.

/** The first byte of the only frame of a binary message. */
const BINARY = 0x82;
const IS_MASKED = 0x80;
const LENGTH_16 = 126;

/** Shorter payloads are masked byte by byte. */
const SHORT = 32;

/** A mask, as bytes and as the four of them in one integer. */
const key = new Uint8Array(4);
const keyAsInteger = new Int32Array(key.buffer);

/** Random bytes for masks: a peer's page must not be able to foresee a mask. */
const random = new Uint8Array(4096);
let randomUsed = random.length;

/** The length of the frame for a message of `length` bytes, less than 65 536. */
export function frameLength(length: number, isMasked: boolean): number {
  return (length < LENGTH_16 ? 2 : 4) + (isMasked ? 4 : 0) + length;
}

/** Writes the frame of a message to `target`, beginning at `start`. Returns the index after it. */
export function writeFrame(message: Uint8Array, isMasked: boolean, target: Uint8Array, start: number): number {
  const { byteLength: length } = message;
  let at = start;
  target[at++] = BINARY;
  const bit = isMasked ? IS_MASKED : 0;
  if (length < LENGTH_16) {
    target[at++] = bit | length;
  } else {
    target[at++] = bit | LENGTH_16;
    target[at++] = length >> 8;
    target[at++] = length;
  }
  const maskAt = at;
  if (isMasked) at = putMask(target, at);
  if (length < SHORT) for (let index = 0; index < length; index++) target[at + index] = message[index] as number;
  else target.set(message, at);
  if (isMasked) mask(target, at, length, maskAt);
  return at + length;
}

function putMask(target: Uint8Array, at: number): number {
  if (randomUsed === random.length) {
    globalThis.crypto.getRandomValues(random);
    randomUsed = 0;
  }
  for (let index = 0; index < 4; index++) target[at + index] = random[randomUsed++] as number;
  return at + 4;
}

/** The memory that `integers` covers. Frames of one write, and of one read, lie in the same memory. */
let integers = new Int32Array(0);

/** Masks or unmasks `length` bytes, in place, with the mask at the index `maskAt`. */
function mask(bytes: Uint8Array, start: number, length: number, maskAt: number): void {
  for (let index = 0; index < 4; index++) key[index] = bytes[maskAt + index] as number;
  let at = start;
  const end = start + length;
  if (length >= SHORT) {
    const { buffer, byteOffset } = bytes;
    if (integers.buffer !== buffer) integers = new Int32Array(buffer as ArrayBuffer, 0, buffer.byteLength >> 2);
    while (((byteOffset + at) & 3) !== 0) bytes[at] = (bytes[at] as number) ^ (key[(at++ - start) & 3] as number);
    const turn = at - start;
    for (let index = 0; index < 4; index++) key[index] = bytes[maskAt + ((turn + index) & 3)] as number;
    const [four] = keyAsInteger as unknown as [number];
    const last = (byteOffset + end) >> 2;
    for (let index = (byteOffset + at) >> 2; index < last; index++)
      integers[index] = (integers[index] as number) ^ four;
    at += (last << 2) - (byteOffset + at);
    for (let index = 0; index < 4; index++) key[index] = bytes[maskAt + index] as number;
  }
  for (; at < end; at++) bytes[at] = (bytes[at] as number) ^ (key[(at - start) & 3] as number);
}
