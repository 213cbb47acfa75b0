import { IdSet } from './idset.js';
import { SENSITIVE } from './metadata.js';

/** A value that `JSON.parse` returns. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The most that is shown of a value: levels, entries of one object or list, characters of one text, characters in all. */
const DEPTH = 8;
const ENTRIES = 100;
const TEXT = 1_000;
const TOTAL = 32_768;

/**
 * Shows any value as JSON. It shows the number of bytes instead of bytes, no SENSITIVE value, only the class name of objects
 * that are more than data, and the beginning of long or deep values. A bigint is `'7n'`. Never throws. Returns undefined if
 * there is nothing to show.
 */
// r[rpc.metadata.flags.sensitive]
export function plain(value: unknown): Json | undefined {
  return shown(value, DEPTH, { left: TOTAL });
}

interface Room {
  left: number;
}

function shown(value: unknown, depth: number, room: Room): Json | undefined {
  switch (typeof value) {
    case 'string':
      return text(value, room);
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return `[function ${value.name}]`;
    case 'symbol':
      return `[${String(value)}]`;
    case 'undefined':
      return undefined;
    default:
  }
  if (value === null) return null;
  try {
    return shownObject(value as object, depth, room);
  } catch {
    // A getter or a toJSON that throws.
    return '[unreadable]';
  }
}

function shownObject(value: object, depth: number, room: Room): Json | undefined {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (value instanceof IdSet) return `[${value.size} ids]`;
  const { sessionId, getSnapshot, toJSON } = value as Record<string, unknown>;
  if (typeof sessionId === 'string' && typeof getSnapshot === 'function') return `[actor ${sessionId}]`;
  if (depth === 0 || room.left <= 0) return Array.isArray(value) ? '[…]' : '{…}';
  if (value instanceof Error) return shownError(value, depth, room);
  if (typeof toJSON === 'function') return shown(toJSON.call(value, ''), depth - 1, room);
  if (Array.isArray(value)) return list(value, value.length, depth, room);
  if (value instanceof Map || value instanceof Set) return list(value, value.size, depth, room);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return `[${String((value.constructor as { name?: unknown } | undefined)?.name ?? 'object')}]`;
  }
  return entries(value as Record<string, unknown>, depth, room);
}

function entries(value: Record<string, unknown>, depth: number, room: Room): Json {
  const result: Record<string, Json> = {};
  const { flags } = value;
  const isSecret = typeof flags === 'bigint' && (flags & SENSITIVE) !== 0n;
  const keys = Object.keys(value);
  for (const key of keys.slice(0, ENTRIES)) {
    const name = text(key, room);
    const entry = isSecret && key === 'value' ? '[sensitive]' : shown(value[key], depth - 1, room);
    // Defined as an own property: a name such as `__proto__` must not have an effect.
    if (entry !== undefined) Object.defineProperty(result, name, { ...OWN, value: entry });
  }
  if (keys.length > ENTRIES) result['…'] = `${keys.length - ENTRIES} more`;
  return result;
}

const OWN = { enumerable: true, configurable: true, writable: true } as const;

function list(values: Iterable<unknown>, length: number, depth: number, room: Room): Json {
  const result: Json[] = [];
  for (const value of values) {
    if (result.length === ENTRIES || room.left <= 0) break;
    room.left -= 2;
    result.push(shown(value, depth - 1, room) ?? null);
  }
  if (length > result.length) result.push(`… ${length - result.length} more`);
  return result;
}

function shownError(error: Error, depth: number, room: Room): Json {
  const { name, message, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    name: text(String(name), room),
    message: text(String(message), room),
    ...(typeof code === 'string' ? { code: text(code, room) } : {}),
    ...(cause === undefined ? {} : { cause: shown(cause, depth - 1, room) ?? null }),
  };
}

function text(value: string, room: Room): string {
  const most = Math.min(TEXT, Math.max(0, room.left));
  room.left -= Math.min(value.length, most) + 2;
  return value.length <= most ? value : `${value.slice(0, most)}… ${value.length - most} more`;
}
