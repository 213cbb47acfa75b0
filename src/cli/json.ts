import { printable } from '../printable.js';

/** What JSON has no words for: a u64 as its digits, bytes in hexadecimal. */
export function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

/** A peer's value as one line of JSON, whose control characters are spelled out; undefined, which JSON has not, as `null`. */
export function jsonLine(value: unknown): string {
  return printable(JSON.stringify(value, brief) ?? 'null');
}

/** The same, but a u64 that a number can hold is one. */
function brief(key: string, value: unknown): unknown {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : jsonValue(key, value);
}
