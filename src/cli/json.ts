import { printable } from '../base/printable.js';

const FLOATS: readonly unknown[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** Converts values that JSON lacks: a u64 becomes its digits, bytes become hexadecimal. */
export function jsonValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}

/**
 * Returns a peer's value as one line of JSON with escaped control characters. Undefined, which JSON lacks, becomes `null`.
 */
export function jsonLine(value: unknown): string {
  return printable(JSON.stringify(value, brief) ?? 'null');
}

/**
 * Converts like `jsonValue`, but a u64 that a number can hold becomes a number. A Map becomes an object if all keys are
 * strings, otherwise pairs. A Set becomes an array.
 */
function brief(this: unknown, key: string, value: unknown): unknown {
  // `value` is too late: a Buffer's `toJSON` has already turned it into an object.
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
