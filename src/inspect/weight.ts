/** Limits the data of an inspected process: the length of each string, the depth of nested data, and its memory. */
import type { Json } from './record.js';

/** The maximum length of a string or a field's name, in characters. A longer one is cut and ends with an ellipsis. */
const MAX_STRING = 1_024;

/** The maximum depth of arrays and objects. Deeper data becomes an ellipsis: the writer of JSON would run out of stack. */
const MAX_LEVELS = 64;

/** The approximate bytes that V8 needs for a short string, a number, an array, an object, and a field of one. */
const STRING_COST = 24;
const NUMBER_COST = 16;
const ARRAY_COST = 32;
const OBJECT_COST = 48;
const FIELD_COST = 16;

/** Copies a result of JSON.parse without data that is too long or too deep. */
export function bounded<T>(value: T): T {
  return boundedAt(value as Json, 0) as T;
}

function boundedAt(value: Json, level: number): Json {
  if (typeof value === 'string') return clipped(value);
  if (typeof value !== 'object' || value === null) return value;
  if (level === MAX_LEVELS) return '…';
  if (Array.isArray(value)) return (value as readonly Json[]).map((each) => boundedAt(each, level + 1));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [clipped(key), boundedAt(each, level + 1)]));
}

/** Cuts a text at {@link MAX_STRING}. */
export function clipped(text: string, most = MAX_STRING): string {
  // The text is copied: a part of a string keeps the whole string in memory.
  return text.length <= most ? text : (JSON.parse(JSON.stringify(`${text.slice(0, most - 1)}…`)) as string);
}

/** Returns the approximate memory of a value in bytes. Small values take much more memory than their JSON has characters. */
export function weightOf(value: unknown): number {
  if (typeof value === 'string') return STRING_COST + 2 * value.length;
  if (typeof value !== 'object' || value === null) return NUMBER_COST;
  let weight: number;
  if (Array.isArray(value)) {
    weight = ARRAY_COST;
    for (const each of value) weight += FIELD_COST / 2 + weightOf(each);
    return weight;
  }
  weight = OBJECT_COST;
  for (const [key, each] of Object.entries(value)) weight += FIELD_COST + weightOf(key) + weightOf(each);
  return weight;
}
