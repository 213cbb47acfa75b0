/** Bounds what an inspected process says: how long each string is, how deep data is nested, and how much memory it takes. */
import type { Json } from './record.js';

/** Characters of one string, the name of a field included; what is longer is cut, and ends with an ellipsis. */
const MAX_STRING = 1_024;

/** Levels of arrays and objects; what is deeper is an ellipsis. The writer of JSON would run out of stack. */
const MAX_LEVELS = 64;

/** What V8 needs for each, about, in bytes: a short string, a number, an array, an object, and a field of one. */
const STRING_COST = 24;
const NUMBER_COST = 16;
const ARRAY_COST = 32;
const OBJECT_COST = 48;
const FIELD_COST = 16;

/** A copy of what JSON.parse gave, with nothing in it that is too long or too deep. */
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

/** A text cut at {@link MAX_STRING}. */
export function clipped(text: string, most = MAX_STRING): string {
  // Copied: a part of a string keeps the whole of it in memory.
  return text.length <= most ? text : (JSON.parse(JSON.stringify(`${text.slice(0, most - 1)}…`)) as string);
}

/** How much memory a value takes, about, in bytes: small things cost much more than their JSON is long. */
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
