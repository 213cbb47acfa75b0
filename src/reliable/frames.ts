/**
 * The frames after the greetings. Each message of a link is one frame: a byte for its kind, then numbers as varints of up
 * to 53 bits, then the message if the frame has one.
 */

export const DATA = 0;
export const ACK = 1;
export const SETTINGS = 2;
export const CLOSE = 3;
export const PROBE = 4;
export const ANSWER = 5;
export const ABORT = 6;

/** The longest header of a Data frame: its kind and two numbers. */
export const HEADER = 1 + 2 * 8;

/** A frame that was read. `ack` counts messages received, so 0 is the ack of a peer that has received nothing. */
export type Frame =
  | { readonly kind: typeof DATA; readonly seq: number; readonly ack: number; readonly message: Uint8Array }
  | { readonly kind: typeof ACK; readonly ack: number }
  | { readonly kind: typeof SETTINGS; readonly frames: number; readonly bytes: number; readonly grace: number }
  | { readonly kind: typeof CLOSE; readonly total: number; readonly ack: number }
  | { readonly kind: typeof PROBE | typeof ANSWER | typeof ABORT };

function put(bytes: Uint8Array, at: number, value: number): number {
  let left = value;
  let index = at;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes[index++] = (left % 0x80) + 0x80;
  bytes[index++] = left;
  return index;
}

function sizeOf(value: number): number {
  let size = 1;
  for (let left = value; left >= 0x80; left = Math.floor(left / 0x80)) size++;
  return size;
}

/** Returns a frame without a message. */
export function frame(kind: number, ...numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.reduce((size, value) => size + sizeOf(value), 1));
  bytes[0] = kind;
  let at = 1;
  for (const value of numbers) at = put(bytes, at, value);
  return bytes;
}

/** The length of the header of a Data frame. */
export function headerSize(seq: number, ack: number): number {
  return 1 + sizeOf(seq) + sizeOf(ack);
}

/** Writes the header of a Data frame to the first bytes. */
export function putHeader(bytes: Uint8Array, seq: number, ack: number): void {
  bytes[0] = DATA;
  put(bytes, put(bytes, 1, seq), ack);
}

/** The index behind the number that was read last. -1 if there was no number. */
let end = 0;

function take(bytes: Uint8Array, at: number): number {
  let value = 0;
  let scale = 1;
  for (let index = at; index < bytes.length && index < at + 8; index++) {
    const byte = bytes[index] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      end = value <= Number.MAX_SAFE_INTEGER ? index + 1 : -1;
      return value;
    }
    scale *= 0x80;
  }
  end = -1;
  return 0;
}

/** The numbers of the Data frame that was read last. There is one, since an object for each message takes time. */
export const header = { seq: 0, ack: 0 };

/** Reads the header of a Data frame. Returns the message, or undefined if the bytes are no Data frame. */
export function readData(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] !== DATA) return undefined;
  header.seq = take(bytes, 1);
  if (end < 0) return undefined;
  header.ack = take(bytes, end);
  if (end < 0) return undefined;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + end, bytes.byteLength - end);
}

/** Reads a frame. Returns undefined if the bytes are none. */
export function readFrame(bytes: Uint8Array): Frame | undefined {
  const kind = bytes[0];
  if (kind === DATA) {
    const message = readData(bytes);
    return message && { kind, ...header, message };
  }
  const numbers = numbersOf(bytes);
  if (numbers === undefined) return undefined;
  const [first = 0, second = 0, third = 0] = numbers;
  const has = numbers.length;
  if (kind === ACK && has === 1) return { kind, ack: first };
  if (kind === SETTINGS && has === 3) return { kind, frames: first, bytes: second, grace: third };
  if (kind === CLOSE && has === 2) return { kind, total: first, ack: second };
  if ((kind === PROBE || kind === ANSWER || kind === ABORT) && has === 0) return { kind };
  return undefined;
}

/** Returns the numbers after the kind, up to three. Undefined if the bytes are no such numbers. */
function numbersOf(bytes: Uint8Array): readonly number[] | undefined {
  const numbers: number[] = [];
  for (let at = 1; at < bytes.length; at = end) {
    numbers.push(take(bytes, at));
    if (end < 0 || numbers.length > 3) return undefined;
  }
  return numbers;
}
