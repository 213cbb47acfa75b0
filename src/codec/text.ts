const encoder = new TextEncoder();

/** Shorter ASCII strings are faster to write byte by byte than with a TextEncoder. */
const SHORT = 48;

/** Writes the UTF-8 of `text` at the index `at` of `bytes`. It takes `length` bytes. */
export function writeText(text: string, length: number, bytes: Uint8Array, at: number): void {
  if (length === text.length && length <= SHORT) {
    for (let index = 0; index < length; index++) bytes[at + index] = text.charCodeAt(index);
  } else {
    encoder.encodeInto(text, bytes.subarray(at));
  }
}
