import { printable } from '../base/printable.js';

const FLOATS: readonly unknown[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** What JSON has no words for: a u64 as its digits, bytes in hexadecimal. */
export function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

/** A peer's value as one line of JSON, whose control characters are spelled out; undefined, which JSON has not, as `null`. */
export function jsonLine(value: unknown): string {
  return printable(JSON.stringify(value, brief) ?? 'null');
}

/**
 * The same, but a u64 that a number can hold is one; a Map is an object where all keys are strings, and else pairs; a Set is an
 * array.
 */
function brief(this: unknown, key: string, value: unknown): unknown {
  // A Buffer has made an object of itself by now.
  const raw = (this as Record<string, unknown>)[key];
  if (typeof raw === 'bigint' && Number.isSafeInteger(Number(raw))) return Number(raw);
  if (raw instanceof Map) {
    const isObject = [...raw.keys()].every((each) => typeof each === 'string');
    return isObject ? Object.fromEntries(raw) : [...raw];
  }
  if (raw instanceof Set) return [...raw];
  if (FLOATS.includes(raw)) return String(raw);
  return jsonValue(key, raw instanceof Uint8Array ? raw : value);
}
