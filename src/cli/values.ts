import type { Shape } from '../payload/postcard/types.js';
import { UsageError } from './failure.js';

/** The parts of a wire type that are needed to read JSON by it. */
interface JsonType {
  readonly kind: string;
  readonly shape: Shape;
}

const BIG = new Set(['u64', 'i64', 'u128', 'i128', 'usize', 'isize']);
const FLOATS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/**
 * Makes a value of the type from JSON. Values that JSON lacks are converted: a bigint from a number or its digits, bytes
 * from hexadecimal or base64, a Map from an object or from pairs, a Set from an array, undefined from null. All other values
 * stay as they are, and the codec checks them.
 *
 * @throws UsageError that names the place.
 */
export function fromJson(type: JsonType, value: unknown, name: string): unknown {
  const { shape } = type;
  switch (shape.of) {
    case 'plain':
      return plain(type.kind, value, name);
    case 'same':
      return fromJson(shape.inner, value, name);
    case 'option':
      return option(shape, value, name);
    case 'list':
      return listOf(value, name).map((each, index) => fromJson(shape.inner, each, `${name}[${index}]`));
    case 'set':
      return new Set(listOf(value, name).map((each, index) => fromJson(shape.inner, each, `${name}[${index}]`)));
    case 'map':
      return mapOf(shape, value, name);
    case 'tuple':
      return listOf(value, name).map((each, index) => {
        const element = shape.elements[index];
        return element === undefined ? each : fromJson(element, each, `${name}[${index}]`);
      });
    case 'struct':
      return struct(shape, value, name);
    case 'enum':
      return variant(shape, value, name);
  }
}

function plain(kind: string, value: unknown, name: string): unknown {
  if (BIG.has(kind)) return big(value, name);
  if (kind === 'bytes') return bytes(value, name);
  if (kind === 'unit' && value === null) return undefined;
  if ((kind === 'f32' || kind === 'f64') && typeof value === 'string' && Object.hasOwn(FLOATS, value)) {
    return FLOATS[value];
  }
  return value;
}

function big(value: unknown, name: string): unknown {
  if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value);
  if (typeof value !== 'number') return value;
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw new UsageError(`${name}: JSON numbers are exact to 2^53 - 1: give its digits in a string, not ${value}`);
}

/**
 * Reads bytes from hexadecimal, as they are printed, or from base64. The prefix `base64:` decides where a text could be
 * either.
 */
function bytes(value: unknown, name: string): unknown {
  if (Array.isArray(value) && value.every((each) => Number.isInteger(each) && each >= 0 && each <= 255)) {
    return Uint8Array.from(value);
  }
  if (typeof value !== 'string') return value;
  if (/^([0-9a-f]{2})*$/i.test(value)) return new Uint8Array(Buffer.from(value, 'hex'));
  const text = value.replace(/^base64:/, '');
  if (/^[a-z0-9+/]*={0,2}$/i.test(text) && text.replace(/=+$/, '').length % 4 !== 1) {
    return new Uint8Array(Buffer.from(text, 'base64'));
  }
  throw new UsageError(`${name} must be bytes in hexadecimal or base64, not ${JSON.stringify(value)}`);
}

function option({ inner, isBoxed }: Extract<Shape, { of: 'option' }>, value: unknown, name: string): unknown {
  if (value === null) return null;
  if (!isBoxed) return fromJson(inner, value, name);
  if (typeof value !== 'object' || !('some' in value)) {
    throw new UsageError(`${name} must be null, or {"some": …}, not ${JSON.stringify(value)}`);
  }
  return { some: fromJson(inner, value.some, `${name}.some`) };
}

function mapOf({ key, value }: Extract<Shape, { of: 'map' }>, given: unknown, name: string): unknown {
  const pairs = Array.isArray(given) ? given : Object.entries(objectOf(given, name));
  return new Map(
    pairs.map((pair, index) => {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new UsageError(`${name}[${index}] must be a pair [key, value], not ${JSON.stringify(pair)}`);
      }
      // In an object every key is a string.
      const isText = !Array.isArray(given) && !['string', 'char', 'bytes'].includes(key.kind) && !BIG.has(key.kind);
      const read = isText ? parsed(pair[0] as string, `${name}: the key`) : pair[0];
      const at = `${name}[${JSON.stringify(pair[0])}]`;
      return [fromJson(key, read, `${name}: the key`), fromJson(value, pair[1], at)] as const;
    }),
  );
}

function parsed(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new UsageError(`${name} must be JSON in a string, not ${JSON.stringify(text)}`, { cause });
  }
}

function struct({ fields }: Extract<Shape, { of: 'struct' }>, value: unknown, name: string): unknown {
  const given = objectOf(value, name);
  const known = new Set(fields.map(([field]) => field));
  const unknown = Object.keys(given).find((field) => !known.has(field));
  if (unknown !== undefined) {
    throw new UsageError(`${name} has no field '${unknown}', but ${[...known].join(', ') || 'none'}`);
  }
  // Not by assignment: a field may have the name `__proto__`.
  return Object.fromEntries(
    fields.map(([field, type]) => {
      if (!Object.hasOwn(given, field) && type.kind !== 'unit') throw new UsageError(`${name}.${field} is missing`);
      return [field, fromJson(type, Object.hasOwn(given, field) ? given[field] : null, `${name}.${field}`)];
    }),
  );
}

function variant({ variants }: Extract<Shape, { of: 'enum' }>, value: unknown, name: string): unknown {
  const { tag, value: inner = null } = objectOf(value, name);
  const found = variants.find((each) => each.name === tag);
  if (found === undefined) {
    const tags = variants.map((each) => `'${each.name}'`).join(', ');
    throw new UsageError(`${name}.tag must be one of ${tags}, not ${JSON.stringify(tag)}`);
  }
  return found.type === undefined ? { tag } : { tag, value: fromJson(found.type, inner, `${name}.value`) };
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new UsageError(`${name} must be an array, not ${JSON.stringify(value)}`);
}

function objectOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError(`${name} must be an object, not ${JSON.stringify(value)}`);
}
