import { bytesLength, isWellFormed, lengthOf } from '../../base/bytes.js';
import { describe } from '../../base/check.js';
import { InvalidArgument } from '../../base/errors.js';
import { isThenable } from '../../base/promise.js';
import { creditOf, Rx, Tx } from '../../calls/channel.js';
import type { SchemaIssue, SchemaResult, StandardSchema } from '../standard-schema.js';
import type { PayloadReader } from './reader.js';
import type { Signature } from './signature.js';
import type { PayloadWriter } from './writer.js';

// Types of the wire as values. Each type has four functions: it writes a value, reads a value, finds the mistake in a value
// that is not of the type, and writes itself into a signature. Writing only reports that a value does not fit. The place and
// the reason are searched for afterwards, so correct values cost nothing extra.

/** A type of the wire as a value; `T` is its type in TypeScript. It is a Standard Schema. */
export interface Type<T = unknown> extends StandardSchema<T, T> {
  /** The name of the type, for errors: `u8`, `struct`. */
  readonly kind: string;
}

/** The TypeScript type of a type of the wire. */
export type TypeOf<V> = V extends Type<infer T> ? T : never;

/** The type of an end of a channel, among the arguments of a method. */
export interface ChannelType<C = unknown> {
  readonly direction: 'rx' | 'tx';
  readonly item: Type;
  /** Items that its sender may send at first; undefined if the method sets the number. */
  readonly credit: number | undefined;
  /** Never set: it carries the TypeScript type. */
  readonly end?: C;
}

/** Thrown when a value does not fit its type. */
export const UNFIT = new Error('the value does not fit its type');

/** The greatest depth of values of recursive types: deeper ones would exhaust the stack before they exhaust a frame. */
const MAX_DEPTH = 256;

type Path = readonly (string | number)[];

/**
 * The parts of a type, for a program that makes values of it from another notation. A `plain` type has no parts. A `same`
 * type has the same bytes as its inner type. An `option` is boxed if its value is `{ some }`.
 */
export type Shape =
  | { readonly of: 'plain' }
  | { readonly of: 'same' | 'list' | 'set'; readonly inner: WireType }
  | { readonly of: 'option'; readonly inner: WireType; readonly isBoxed: boolean }
  | { readonly of: 'map'; readonly key: WireType; readonly value: WireType }
  | { readonly of: 'tuple'; readonly elements: readonly WireType[] }
  | { readonly of: 'struct'; readonly fields: readonly (readonly [name: string, type: WireType])[] }
  | {
      readonly of: 'enum';
      readonly variants: readonly { readonly name: string; readonly type: WireType | undefined }[];
    };

/** The mistake in a value, and its path. */
interface Issue extends SchemaIssue {
  readonly path: Path;
}

/** State of a check of a value. */
interface Look {
  /** True if refinements are checked, too. */
  readonly refine: boolean;
  depth: number;
}

/** The base of all types. */
export abstract class WireType implements Type {
  readonly kind: string;
  readonly '~standard' = {
    version: 1,
    vendor: 'roam-actors',
    validate: (value: unknown): SchemaResult<unknown> => {
      const issue = this.issue(value, [], { refine: true, depth: 0 });
      return issue === undefined ? { value } : { issues: [issue] };
    },
  } as const;

  constructor(kind: string) {
    this.kind = kind;
  }

  /** The fewest bytes that a value can take. */
  abstract readonly least: number;
  /** True if null or undefined is a value of the type: then an option of it needs a box. */
  get isNullable(): boolean {
    return false;
  }
  get shape(): Shape {
    return { of: 'plain' };
  }
  /** @throws UNFIT */
  abstract write(writer: PayloadWriter, value: unknown): void;
  /** @throws InvalidPayload */
  abstract read(reader: PayloadReader): unknown;
  abstract sign(signature: Signature): void;
  /** Returns the mistake in the value, if there is one. */
  abstract issue(value: unknown, path: Path, look: Look): Issue | undefined;
}

/** Returns the error for a value that can't be written: `args[0].x must be …`. */
export function unfit(type: WireType, value: unknown, name: string): InvalidArgument {
  const issue = type.issue(value, [], { refine: false, depth: 0 });
  // A value with getters may change between the two checks, and be right the second time.
  if (issue === undefined) return new InvalidArgument(`${name} does not fit its type`);
  return new InvalidArgument(`${nameOf(name, issue.path)} ${issue.message}`);
}

function nameOf(name: string, path: Path): string {
  return path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${key}`), name);
}

function wrong(path: Path, expected: string, value: unknown): Issue {
  return { path, message: `must be ${expected}, not ${describe(value)}` };
}

// ---- Without parts ----

/** A type without parts. `fits` checks a value; `expected` describes the right values, for errors. */
class Plain extends WireType {
  readonly least: number;
  readonly #code: number;
  readonly #expected: string;
  readonly #fits: (value: unknown) => boolean;
  readonly #write: (writer: PayloadWriter, value: never) => void;
  readonly #read: (reader: PayloadReader) => unknown;

  constructor(
    kind: string,
    code: number,
    least: number,
    expected: string,
    fits: (value: unknown) => boolean,
    write: (writer: PayloadWriter, value: never) => void,
    read: (reader: PayloadReader) => unknown,
  ) {
    super(kind);
    this.#code = code;
    this.least = least;
    this.#expected = expected;
    this.#fits = fits;
    this.#write = write;
    this.#read = read;
  }

  override get isNullable(): boolean {
    return this.kind === 'unit';
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (!this.#fits(value)) throw UNFIT;
    this.#write(writer, value as never);
  }

  read(reader: PayloadReader): unknown {
    return this.#read(reader);
  }

  sign(signature: Signature): void {
    signature.byte(this.#code);
  }

  issue(value: unknown, path: Path): Issue | undefined {
    return this.#fits(value) ? undefined : wrong(path, this.#expected, value);
  }
}

type Integers = readonly [from: string, to: string];

function range([from, to]: Integers): string {
  return `from ${from} to ${to}`;
}

function unsigned(bits: 8 | 16 | 32, code: number): WireType {
  const largest = 2 ** bits - 1;
  const most = Math.ceil(bits / 7);
  return new Plain(
    `u${bits}`,
    code,
    1,
    `an integer ${range(['0', bits === 32 ? '2^32 - 1' : String(largest)])}`,
    (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= largest,
    bits === 8 ? (writer, value: number) => writer.byte(value) : (writer, value: number) => writer.varint(value),
    bits === 8 ? (reader) => reader.byte() : (reader) => reader.varint(largest, most),
  );
}

function signed(bits: 8 | 16 | 32, code: number): WireType {
  const half = 2 ** (bits - 1);
  const largest = 2 ** bits - 1;
  const most = Math.ceil(bits / 7);
  const names: Integers = bits === 32 ? ['-2^31', '2^31 - 1'] : [String(-half), String(half - 1)];
  return new Plain(
    `i${bits}`,
    code,
    1,
    `an integer ${range(names)}`,
    (value) => Number.isInteger(value) && (value as number) >= -half && (value as number) < half,
    bits === 8
      ? (writer, value: number) => writer.byte(value & 0xff)
      : (writer, value: number) => writer.varint(((value << 1) ^ (value >> 31)) >>> 0),
    bits === 8
      ? (reader) => (reader.byte() << 24) >> 24
      : (reader) => {
          const zigzag = reader.varint(largest, most);
          return (zigzag >>> 1) ^ -(zigzag & 1);
        },
  );
}

function bigUnsigned(kind: string, bits: 64 | 128, code: number): WireType {
  return new Plain(
    kind,
    code,
    1,
    `a bigint ${range(['0', `2^${bits} - 1`])}`,
    (value) => typeof value === 'bigint' && BigInt.asUintN(bits, value) === value,
    (writer, value: bigint) => writer.bigint(value),
    (reader) => reader.bigint(bits),
  );
}

function bigSigned(kind: string, bits: 64 | 128, code: number): WireType {
  return new Plain(
    kind,
    code,
    1,
    `a bigint ${range([`-2^${bits - 1}`, `2^${bits - 1} - 1`])}`,
    (value) => typeof value === 'bigint' && BigInt.asIntN(bits, value) === value,
    (writer, value: bigint) => writer.bigint(value < 0n ? -2n * value - 1n : 2n * value),
    (reader) => {
      const zigzag = reader.bigint(bits);
      return (zigzag & 1n) === 0n ? zigzag >> 1n : -(zigzag >> 1n) - 1n;
    },
  );
}

const isText = (value: unknown): value is string => typeof value === 'string' && isWellFormed(value);

const isCharacter = (value: unknown): boolean =>
  isText(value) && value.length > 0 && value.length === String.fromCodePoint(value.codePointAt(0) ?? 0).length;

const isNumber = (value: unknown): value is number => typeof value === 'number';

const PLAIN = {
  bool: new Plain(
    'bool',
    0x01,
    1,
    'a boolean',
    (value) => typeof value === 'boolean',
    (writer, value: boolean) => writer.byte(value ? 1 : 0),
    (reader) => {
      const byte = reader.byte();
      if (byte > 1) throw reader.malformed('is neither true nor false');
      return byte === 1;
    },
  ),
  u8: unsigned(8, 0x02),
  u16: unsigned(16, 0x03),
  u32: unsigned(32, 0x04),
  u64: bigUnsigned('u64', 64, 0x05),
  usize: bigUnsigned('usize', 64, 0x05),
  u128: bigUnsigned('u128', 128, 0x06),
  i8: signed(8, 0x07),
  i16: signed(16, 0x08),
  i32: signed(32, 0x09),
  i64: bigSigned('i64', 64, 0x0a),
  isize: bigSigned('isize', 64, 0x0a),
  i128: bigSigned('i128', 128, 0x0b),
  f32: new Plain(
    'f32',
    0x0c,
    4,
    'a number of up to 32 bits',
    // Values are rounded, as Rust does. A finite value that would round to infinity is refused.
    (value) => isNumber(value) && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value)),
    (writer, value: number) => writer.f32(value),
    (reader) => reader.f32(),
  ),
  f64: new Plain(
    'f64',
    0x0d,
    8,
    'a number',
    isNumber,
    (writer, value: number) => writer.f64(value),
    (reader) => reader.f64(),
  ),
  char: new Plain(
    'char',
    0x0e,
    2,
    'a string of one character',
    isCharacter,
    (writer, value: string) => writer.text(value),
    (reader) => {
      const text = reader.text();
      if (!isCharacter(text)) throw reader.malformed('is not one character');
      return text;
    },
  ),
  string: new Plain(
    'string',
    0x0f,
    1,
    'a string without lone surrogates',
    isText,
    (writer, value: string) => writer.text(value),
    (reader) => reader.text(),
  ),
  unit: new Plain(
    'unit',
    0x10,
    0,
    'undefined',
    (value) => value === undefined,
    () => {},
    () => undefined,
  ),
  bytes: new Plain(
    'bytes',
    0x11,
    1,
    'a Uint8Array',
    (value) => (bytesLength(value) ?? Number.POSITIVE_INFINITY) <= 0xffff_ffff,
    (writer, value: Uint8Array) => writer.bytes(value, lengthOf(value)),
    (reader) => reader.bytes(),
  ),
};

// ---- With parts ----

class OptionType extends WireType {
  readonly least = 1;
  readonly #inner: WireType;

  constructor(inner: WireType) {
    super('option');
    this.#inner = inner;
  }

  override get isNullable(): boolean {
    return true;
  }

  override get shape(): Shape {
    return { of: 'option', inner: this.#inner, isBoxed: this.#inner.isNullable };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (value === null) {
      writer.byte(0);
      return;
    }
    writer.byte(1);
    if (!this.#inner.isNullable) this.#inner.write(writer, value);
    else if (isBoxed(value)) this.#inner.write(writer, value.some);
    else throw UNFIT;
  }

  read(reader: PayloadReader): unknown {
    const byte = reader.byte();
    if (byte > 1) throw reader.malformed('is neither None nor Some');
    if (byte === 0) return null;
    if (!this.#inner.isNullable) return this.#inner.read(reader);
    reader.object();
    return { some: this.#inner.read(reader) };
  }

  sign(signature: Signature): void {
    signature.byte(0x21);
    this.#inner.sign(signature);
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (value === null) return undefined;
    if (!this.#inner.isNullable) {
      // The error of the inner type would not mention null, so a missing value has its own text.
      return value === undefined
        ? wrong(path, `null, or ${this.#inner.kind}`, value)
        : this.#inner.issue(value, path, look);
    }
    if (!isBoxed(value)) return wrong(path, 'null, or { some }', value);
    return this.#inner.issue(value.some, [...path, 'some'], look);
  }
}

function isBoxed(value: unknown): value is { readonly some: unknown } {
  return typeof value === 'object' && value !== null && 'some' in value;
}

class ListType extends WireType {
  readonly least = 1;
  readonly #element: WireType;

  constructor(element: WireType) {
    super('list');
    this.#element = element;
  }

  override get shape(): Shape {
    return { of: 'list', inner: this.#element };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (!Array.isArray(value)) throw UNFIT;
    // A getter of an element may change the list.
    const { length } = value;
    writer.varint(length);
    for (let index = 0; index < length; index++) this.#element.write(writer, value[index]);
  }

  read(reader: PayloadReader): unknown {
    reader.object();
    const list: unknown[] = [];
    for (let left = reader.count(this.#element.least); left > 0; left--) list.push(this.#element.read(reader));
    return list;
  }

  sign(signature: Signature): void {
    // A list of u8 is Vec<u8>, which has its own code.
    if (this.#element === PLAIN.u8) {
      signature.byte(0x11);
      return;
    }
    signature.byte(0x20);
    this.#element.sign(signature);
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (!Array.isArray(value)) return wrong(path, 'an array', value);
    return firstIssue(value, path, look, () => this.#element);
  }
}

class ArrayType extends WireType {
  readonly #element: WireType;
  readonly #length: number;

  constructor(element: WireType, length: number) {
    super('array');
    this.#element = element;
    this.#length = length;
  }

  get least(): number {
    return this.#length * this.#element.least;
  }

  override get shape(): Shape {
    return { of: 'list', inner: this.#element };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (!Array.isArray(value) || value.length !== this.#length) throw UNFIT;
    for (let index = 0; index < this.#length; index++) this.#element.write(writer, value[index]);
  }

  read(reader: PayloadReader): unknown {
    reader.object();
    const list: unknown[] = [];
    for (let left = this.#length; left > 0; left--) list.push(this.#element.read(reader));
    return list;
  }

  sign(signature: Signature): void {
    signature.byte(0x22);
    signature.count(this.#length);
    this.#element.sign(signature);
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (!Array.isArray(value)) return wrong(path, 'an array', value);
    if (value.length !== this.#length) {
      return { path, message: `must have ${this.#length} elements, not ${value.length}` };
    }
    return firstIssue(value, path, look, () => this.#element);
  }
}

class MapType extends WireType {
  readonly least = 1;
  readonly #key: WireType;
  readonly #value: WireType;

  constructor(key: WireType, value: WireType) {
    super('map');
    this.#key = key;
    this.#value = value;
  }

  override get shape(): Shape {
    return { of: 'map', key: this.#key, value: this.#value };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (!(value instanceof Map)) throw UNFIT;
    // A getter of a value may change the map.
    const entries = [...value];
    writer.varint(entries.length);
    for (const [key, inner] of entries) {
      this.#key.write(writer, key);
      this.#value.write(writer, inner);
    }
  }

  read(reader: PayloadReader): unknown {
    reader.object();
    const map = new Map<unknown, unknown>();
    for (let left = reader.count(this.#key.least + this.#value.least); left > 0; left--) {
      const key = this.#key.read(reader);
      map.set(key, this.#value.read(reader));
    }
    return map;
  }

  sign(signature: Signature): void {
    signature.byte(0x23);
    this.#key.sign(signature);
    this.#value.sign(signature);
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (!(value instanceof Map)) return wrong(path, 'a Map', value);
    const entries = [...value];
    return firstIssue(
      entries.flat(),
      path,
      look,
      (index) => (index % 2 === 0 ? this.#key : this.#value),
      (index) => (index % 2 === 0 ? `key ${index / 2}` : `value ${(index - 1) / 2}`),
    );
  }
}

class SetType extends WireType {
  readonly least = 1;
  readonly #element: WireType;

  constructor(element: WireType) {
    super('set');
    this.#element = element;
  }

  override get shape(): Shape {
    return { of: 'set', inner: this.#element };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (!(value instanceof Set)) throw UNFIT;
    const elements = [...value];
    writer.varint(elements.length);
    for (const element of elements) this.#element.write(writer, element);
  }

  read(reader: PayloadReader): unknown {
    reader.object();
    const set = new Set<unknown>();
    for (let left = reader.count(this.#element.least); left > 0; left--) set.add(this.#element.read(reader));
    return set;
  }

  sign(signature: Signature): void {
    signature.byte(0x24);
    this.#element.sign(signature);
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (!(value instanceof Set)) return wrong(path, 'a Set', value);
    return firstIssue([...value], path, look, () => this.#element);
  }
}

class TupleType extends WireType {
  readonly #elements: readonly WireType[];

  constructor(elements: readonly WireType[]) {
    super('tuple');
    this.#elements = elements;
  }

  get least(): number {
    return sum(this.#elements);
  }

  override get shape(): Shape {
    return { of: 'tuple', elements: this.#elements };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (!Array.isArray(value) || value.length !== this.#elements.length) throw UNFIT;
    for (const [index, element] of this.#elements.entries()) element.write(writer, value[index]);
  }

  read(reader: PayloadReader): unknown {
    reader.object();
    return this.#elements.map((element) => element.read(reader));
  }

  sign(signature: Signature): void {
    signature.within(this, () => {
      signature.byte(0x25);
      signature.count(this.#elements.length);
      for (const element of this.#elements) element.sign(signature);
    });
  }

  /** Writes the elements as the fields of an enum's variant: a struct with numbers as names. */
  signFields(signature: Signature): void {
    signature.count(this.#elements.length);
    for (const [index, element] of this.#elements.entries()) {
      signature.text(String(index));
      element.sign(signature);
    }
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (!Array.isArray(value)) return wrong(path, 'an array', value);
    const { length } = this.#elements;
    if (value.length !== length) return { path, message: `must have ${length} elements, not ${value.length}` };
    return firstIssue(value, path, look, (index) => this.#elements[index] as WireType);
  }
}

/** A type whose values have the bytes of another type. */
class SameType extends WireType {
  protected readonly inner: WireType;

  constructor(kind: string, inner: WireType) {
    super(kind);
    this.inner = inner;
  }

  get least(): number {
    return this.inner.least;
  }

  override get isNullable(): boolean {
    return this.inner.isNullable;
  }

  override get shape(): Shape {
    return { of: 'same', inner: this.inner };
  }

  write(writer: PayloadWriter, value: unknown): void {
    this.inner.write(writer, value);
  }

  read(reader: PayloadReader): unknown {
    return this.inner.read(reader);
  }

  sign(signature: Signature): void {
    this.inner.sign(signature);
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    return this.inner.issue(value, path, look);
  }
}

/** A struct of one field without a name, not marked transparent. On the wire it has the same bytes as its field. */
class NewtypeType extends SameType {
  constructor(inner: WireType) {
    super('newtype', inner);
  }

  override sign(signature: Signature): void {
    signature.within(this, () => {
      signature.byte(0x25);
      signature.count(1);
      this.inner.sign(signature);
    });
  }
}

class StructType extends WireType {
  readonly #fields: readonly (readonly [name: string, type: WireType])[];
  /** The same names and types as separate lists: hot loops use indices. */
  readonly #names: readonly string[];
  readonly #types: readonly WireType[];

  constructor(fields: readonly (readonly [string, WireType])[]) {
    super('struct');
    this.#fields = fields;
    this.#names = fields.map(([name]) => name);
    this.#types = fields.map(([, type]) => type);
  }

  get least(): number {
    return sum(this.#types);
  }

  override get shape(): Shape {
    return { of: 'struct', fields: this.#fields };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (typeof value !== 'object' || value === null) throw UNFIT;
    const types = this.#types;
    for (let index = 0; index < types.length; index++) {
      (types[index] as WireType).write(writer, fieldOf(value, this.#names[index] as string));
    }
  }

  read(reader: PayloadReader): unknown {
    reader.object();
    const struct: Record<string, unknown> = {};
    const types = this.#types;
    for (let index = 0; index < types.length; index++) {
      const name = this.#names[index] as string;
      reader.field = name;
      put(struct, name, (types[index] as WireType).read(reader));
    }
    return struct;
  }

  sign(signature: Signature): void {
    signature.within(this, () => {
      signature.byte(0x30);
      this.signFields(signature);
    });
  }

  signFields(signature: Signature): void {
    signature.count(this.#fields.length);
    for (const [name, type] of this.#fields) {
      signature.text(name);
      type.sign(signature);
    }
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (typeof value !== 'object' || value === null) return wrong(path, 'an object', value);
    for (const [name, type] of this.#fields) {
      const issue = type.issue(fieldOf(value, name), [...path, name], look);
      if (issue !== undefined) return issue;
    }
    return undefined;
  }
}

/** Reads a field. Every object inherits `__proto__`; only an own property of that name is a field. */
function fieldOf(value: object, name: string): unknown {
  if (name === '__proto__' && !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function put(struct: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') struct[name] = value;
  else Object.defineProperty(struct, name, { value, enumerable: true, configurable: true, writable: true });
}

interface Variant {
  readonly name: string;
  readonly index: number;
  /** Undefined for a variant without a value. */
  readonly type: WireType | undefined;
  /** True if the variant has fields of its own, and not a type that holds them. */
  readonly isInline: boolean;
}

class EnumType extends WireType {
  readonly #variants: readonly Variant[];
  readonly #byName: ReadonlyMap<string, Variant>;

  constructor(kind: string, variants: readonly Variant[]) {
    super(kind);
    this.#variants = variants;
    this.#byName = new Map(variants.map((variant) => [variant.name, variant]));
  }

  get least(): number {
    return 1;
  }

  override get shape(): Shape {
    return { of: 'enum', variants: this.#variants };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (typeof value !== 'object' || value === null) throw UNFIT;
    const variant = this.#byName.get((value as { tag?: unknown }).tag as string);
    if (variant === undefined) throw UNFIT;
    writer.varint(variant.index);
    variant.type?.write(writer, (value as { value?: unknown }).value);
  }

  read(reader: PayloadReader): unknown {
    reader.object();
    const index = reader.varint(0xffff_ffff, 5);
    const variant = this.#variants[index];
    if (variant === undefined) throw reader.malformed(`is of an unknown variant, ${index}`);
    const { name: tag, type } = variant;
    if (type === undefined) return { tag };
    reader.field = tag;
    return { tag, value: type.read(reader) };
  }

  sign(signature: Signature): void {
    // The official hash does not include the types inside a Result.
    if (this.kind === 'result') {
      signature.byte(0x10);
      return;
    }
    signature.within(this, () => {
      signature.byte(0x31);
      signature.count(this.#variants.length);
      for (const { name, type, isInline } of this.#variants) {
        signature.text(name);
        if (type === undefined) signature.byte(0x00);
        else if (isInline) {
          signature.byte(0x02);
          (type as StructType | TupleType).signFields(signature);
        } else {
          signature.byte(0x01);
          type.sign(signature);
        }
      }
    });
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (typeof value !== 'object' || value === null) return wrong(path, 'an object with a tag', value);
    const { tag } = value as { tag?: unknown };
    const variant = typeof tag === 'string' ? this.#byName.get(tag) : undefined;
    if (variant === undefined) {
      const names = this.#variants.slice(0, 8).map(({ name }) => `'${name}'`);
      const more = this.#variants.length > names.length ? ', …' : '';
      return wrong([...path, 'tag'], `${names.join(', ')}${more}`, tag);
    }
    return variant.type?.issue((value as { value?: unknown }).value, [...path, 'value'], look);
  }
}

/** A type that is not defined yet when it is named: for a type that contains itself. */
class LazyType extends WireType {
  readonly #get: () => unknown;
  #inner: WireType | undefined;
  #isMeasured = false;

  constructor(get: () => unknown) {
    super('lazy');
    this.#get = get;
  }

  get #type(): WireType {
    this.#inner ??= wireType(this.#get(), 'the type that t.lazy gives');
    return this.#inner;
  }

  get least(): number {
    // A recursive type whose recursion can never end has no values.
    if (this.#isMeasured) return 0;
    this.#isMeasured = true;
    const { least } = this.#type;
    this.#isMeasured = false;
    return least;
  }

  override get isNullable(): boolean {
    return this.#type.isNullable;
  }

  override get shape(): Shape {
    return { of: 'same', inner: this.#type };
  }

  write(writer: PayloadWriter, value: unknown): void {
    if (++writer.depth > MAX_DEPTH) throw UNFIT;
    this.#type.write(writer, value);
    writer.depth--;
  }

  read(reader: PayloadReader): unknown {
    if (++reader.depth > MAX_DEPTH) throw reader.malformed(`is nested more than ${MAX_DEPTH} deep`);
    const value = this.#type.read(reader);
    reader.depth--;
    return value;
  }

  sign(signature: Signature): void {
    this.#type.sign(signature);
  }

  issue(value: unknown, path: Path, look: Look): Issue | undefined {
    if (++look.depth > MAX_DEPTH) return { path: path.slice(0, 3), message: `is nested more than ${MAX_DEPTH} deep` };
    const issue = this.#type.issue(value, path, look);
    look.depth--;
    return issue;
  }
}

class CheckedType extends SameType {
  readonly #schema: StandardSchema;

  constructor(inner: WireType, schema: StandardSchema) {
    super(inner.kind, inner);
    this.#schema = schema;
  }

  override read(reader: PayloadReader): unknown {
    const { field } = reader;
    const value = this.inner.read(reader);
    const issue = this.#refused(value, []);
    if (issue === undefined) return value;
    reader.field = field;
    throw reader.malformed(`is refused: ${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`);
  }

  override issue(value: unknown, path: Path, look: Look): Issue | undefined {
    return this.inner.issue(value, path, look) ?? (look.refine ? this.#refused(value, path) : undefined);
  }

  #refused(value: unknown, path: Path): Issue | undefined {
    const result = this.#schema['~standard'].validate(value);
    if (isThenable(result)) {
      Promise.resolve(result).catch(() => {});
      return { path, message: 'the schema of t.check answers later, and it must at once' };
    }
    const { issues } = result as SchemaResult<unknown>;
    const first = issues?.[0];
    if (first === undefined) return undefined;
    const keys = (first.path ?? []).map((key) => String(typeof key === 'object' ? key.key : key));
    return { path: [...path, ...keys], message: first.message };
  }
}

function sum(types: readonly WireType[]): number {
  return types.reduce((total, { least }) => total + least, 0);
}

function firstIssue(
  values: readonly unknown[],
  path: Path,
  look: Look,
  typeAt: (index: number) => WireType,
  keyAt: (index: number) => string | number = (index) => index,
): Issue | undefined {
  for (let index = 0; index < values.length; index++) {
    const issue = typeAt(index).issue(values[index], [...path, keyAt(index)], look);
    if (issue !== undefined) return issue;
  }
  return undefined;
}

// ---- Arguments ----

/** The arguments of a method: a tuple that may also contain ends of channels. */
export class ArgsType implements StandardSchema<readonly unknown[]> {
  readonly elements: readonly (WireType | ChannelEnd)[];
  readonly '~standard' = {
    version: 1,
    vendor: 'roam-actors',
    validate: (value: unknown): SchemaResult<readonly unknown[]> => {
      const issue = this.issue(value, true);
      return issue === undefined ? { value: value as readonly unknown[] } : { issues: [issue] };
    },
  } as const;

  constructor(elements: readonly (WireType | ChannelEnd)[]) {
    this.elements = elements;
  }

  issue(value: unknown, refine: boolean): Issue | undefined {
    if (!Array.isArray(value)) return wrong([], 'an array', value);
    const { length } = this.elements;
    if (value.length !== length) return { path: [], message: `must have ${length} elements, not ${value.length}` };
    for (const [index, element] of this.elements.entries()) {
      const issue =
        element instanceof ChannelEnd
          ? element.issue(value[index], [index])
          : element.issue(value[index], [index], { refine, depth: 0 });
      if (issue !== undefined) return issue;
    }
    return undefined;
  }

  sign(signature: Signature): void {
    if (this.elements.length === 0) {
      signature.byte(0x10);
      return;
    }
    signature.within(this, () => {
      signature.byte(0x25);
      signature.count(this.elements.length);
      for (const element of this.elements) element.sign(signature);
    });
  }
}

export class ChannelEnd implements ChannelType {
  readonly direction: 'rx' | 'tx';
  readonly item: WireType;
  readonly credit: number | undefined;

  constructor(direction: 'rx' | 'tx', item: WireType, credit: number | undefined) {
    this.direction = direction;
    this.item = item;
    this.credit = credit;
  }

  fits(value: unknown): value is Rx<unknown> | Tx<unknown> {
    return this.direction === 'rx' ? value instanceof Rx : value instanceof Tx;
  }

  issue(value: unknown, path: Path): Issue | undefined {
    const end = this.direction === 'rx' ? 'an Rx' : 'a Tx';
    return this.fits(value) ? undefined : wrong(path, `${end} of a channel`, value);
  }

  sign(signature: Signature): void {
    signature.byte(this.direction === 'rx' ? 0x27 : 0x26);
    this.item.sign(signature);
  }
}

/** @throws InvalidArgument when `value` is no type that `t` has made. */
function wireType(value: unknown, name: string): WireType {
  if (value instanceof WireType) return value;
  if (value instanceof ChannelEnd) {
    throw new InvalidArgument(`${name} is an end of a channel, which can only be an argument of a method: t.args(…)`);
  }
  throw new InvalidArgument(`${name} must be a type that t gives, not ${describe(value)}`);
}

// ---- What users write ----

interface Fields {
  readonly [name: string]: Type;
}
type StructOf<F> = { -readonly [Name in keyof F]: TypeOf<F[Name]> };
type TupleOf<E extends readonly unknown[]> = { -readonly [Index in keyof E]: TypeOf<E[Index]> };

/** A value that may be missing; then it is null. If the value itself may be null or undefined, it is in a box. */
export type OptionOf<T> = undefined extends T ? Boxed<T> | null : null extends T ? Boxed<T> | null : T | null;
export interface Boxed<T> {
  some: T;
}

/** The contents of a variant of an enum: nothing, a type, several types, or fields. */
type VariantSpec = null | Type | readonly [Type, Type, ...Type[]] | Fields;
type VariantOf<Tag, V> = V extends null
  ? { tag: Tag }
  : V extends Type<infer T>
    ? { tag: Tag; value: T }
    : V extends readonly unknown[]
      ? { tag: Tag; value: TupleOf<V> }
      : { tag: Tag; value: StructOf<V> };
type EnumOf<V> = { [Tag in keyof V]: VariantOf<Tag, V[Tag]> }[keyof V];

/** The type of `Result<T, E>` within a value. */
export type ResultValue<T, E> = { tag: 'Ok'; value: T } | { tag: 'Err'; value: E };

type ArgOf<A> = A extends ChannelType<infer C> ? C : TypeOf<A>;
type ArgsOf<A extends readonly unknown[]> = { -readonly [Index in keyof A]: ArgOf<A[Index]> };

/** Options of `t.rx` and `t.tx`. */
export interface ChannelTypeOptions {
  /**
   * Items that the sender may send at first, 0 to 2^32 − 1: `N` of Rust's `Rx<T, N>`. By default the method's number, or 16.
   */
  readonly credit?: number;
}

function structOf(fields: unknown, name: string): StructType {
  if (typeof fields !== 'object' || fields === null) throw new InvalidArgument(`${name} must be an object of types`);
  return new StructType(
    Object.entries(fields).map(([key, type]) => {
      checkName(key, name);
      return [key, wireType(type, `${name}.${key}`)] as const;
    }),
  );
}

/** Refuses number names: JavaScript puts them before all other names, and the wire depends on the order of the fields. */
function checkName(name: string, where: string): void {
  if (!isText(name)) throw new InvalidArgument(`a name in ${where} has a lone surrogate, which UTF-8 can't represent`);
  if (/^(0|[1-9]\d*)$/.test(name)) throw new InvalidArgument(`${where} can't have ${name} for a name: it is a number`);
}

function variantOf(name: string, index: number, spec: unknown): Variant {
  const where = `the variant ${name}`;
  checkName(name, 'an enum');
  if (spec === null) return { name, index, type: undefined, isInline: false };
  if (Array.isArray(spec)) {
    if (spec.length < 2) throw new InvalidArgument(`${where} needs two types in its array; give a single one as it is`);
    return { name, index, type: new TupleType(typesOf(spec, where)), isInline: true };
  }
  if (spec instanceof WireType || spec instanceof ChannelEnd || typeof spec !== 'object') {
    return { name, index, type: wireType(spec, where), isInline: false };
  }
  return { name, index, type: structOf(spec, where), isInline: true };
}

function typesOf(types: readonly unknown[], where: string): WireType[] {
  return types.map((type, index) => wireType(type, `${where}[${index}]`));
}

function channelEnd(direction: 'rx' | 'tx', item: unknown, { credit }: ChannelTypeOptions): ChannelEnd {
  return new ChannelEnd(
    direction,
    wireType(item, `the item of t.${direction}`),
    credit === undefined ? undefined : creditOf(credit),
  );
}

/**
 * The types of the wire. TypeScript's types are derived from them ({@link TypeOf}). They are Standard Schemas, so they also
 * check values that come over MessagePack. Names of fields and variants are as in Rust, and so is their order.
 *
 * @example
 * const Person = t.struct({ name: t.string, age: t.u8, email: t.option(t.string) });
 * const Shape = t.enum({ Circle: { radius: t.f64 }, Scaled: [t.u8, t.f64], Named: t.string, Point: null });
 * type Shape = TypeOf<typeof Shape>; // { tag: 'Circle'; value: { radius: number } } | …
 */
export const t = {
  bool: PLAIN.bool as Type as Type<boolean>,
  u8: PLAIN.u8 as Type as Type<number>,
  u16: PLAIN.u16 as Type as Type<number>,
  u32: PLAIN.u32 as Type as Type<number>,
  u64: PLAIN.u64 as Type as Type<bigint>,
  u128: PLAIN.u128 as Type as Type<bigint>,
  usize: PLAIN.usize as Type as Type<bigint>,
  i8: PLAIN.i8 as Type as Type<number>,
  i16: PLAIN.i16 as Type as Type<number>,
  i32: PLAIN.i32 as Type as Type<number>,
  i64: PLAIN.i64 as Type as Type<bigint>,
  i128: PLAIN.i128 as Type as Type<bigint>,
  isize: PLAIN.isize as Type as Type<bigint>,
  f32: PLAIN.f32 as Type as Type<number>,
  f64: PLAIN.f64 as Type as Type<number>,
  char: PLAIN.char as Type as Type<string>,
  string: PLAIN.string as Type as Type<string>,
  /** `()`, and a struct without fields. */
  unit: PLAIN.unit as Type as Type<void>,
  /** `Vec<u8>`. */
  bytes: PLAIN.bytes as Type as Type<Uint8Array>,

  /** `Option<T>`: null, or the value; `{ some: value }` if the value itself may be null or undefined. */
  option: <T>(type: Type<T>): Type<OptionOf<T>> =>
    new OptionType(wireType(type, 'the type of t.option')) as Type as Type<OptionOf<T>>,
  /** `Vec<T>`. */
  list: <T>(type: Type<T>): Type<T[]> => new ListType(wireType(type, 'the type of t.list')) as Type as Type<T[]>,
  /** `[T; length]`. */
  array: <T>(type: Type<T>, length: number): Type<T[]> => {
    if (!Number.isInteger(length) || length < 0 || length > 65_536) {
      throw new InvalidArgument(`the length of t.array must be an integer from 0 to 65536, not ${describe(length)}`);
    }
    return new ArrayType(wireType(type, 'the type of t.array'), length) as Type as Type<T[]>;
  },
  map: <K, V>(key: Type<K>, value: Type<V>): Type<Map<K, V>> =>
    new MapType(wireType(key, 'the key of t.map'), wireType(value, 'the value of t.map')) as Type as Type<Map<K, V>>,
  set: <T>(type: Type<T>): Type<Set<T>> => new SetType(wireType(type, 'the type of t.set')) as Type as Type<Set<T>>,
  /** A tuple, or a struct of several fields without names. */
  tuple: <const E extends readonly Type[]>(...types: E): Type<TupleOf<E>> =>
    new TupleType(typesOf(types, 't.tuple')) as Type as Type<TupleOf<E>>,
  /** A struct of one field without a name. If it is marked transparent in Rust, use the type of its field instead. */
  newtype: <T>(type: Type<T>): Type<T> => new NewtypeType(wireType(type, 'the type of t.newtype')) as Type as Type<T>,
  struct: <const F extends Fields>(fields: F): Type<StructOf<F>> =>
    structOf(fields, 't.struct') as Type as Type<StructOf<F>>,
  /**
   * An enum: each variant holds nothing (null), a type, several types in an array, or fields in an object. A value is
   * `{ tag: 'Name' }`, or `{ tag: 'Name', value }`.
   */
  enum: <const V extends { readonly [name: string]: VariantSpec }>(variants: V): Type<EnumOf<V>> => {
    if (typeof variants !== 'object' || variants === null)
      throw new InvalidArgument('t.enum takes an object of variants');
    const list = Object.entries(variants).map(([name, spec], index) => variantOf(name, index, spec));
    if (list.length === 0) throw new InvalidArgument('t.enum needs a variant');
    return new EnumType('enum', list) as Type as Type<EnumOf<V>>;
  },
  /** `Result<T, E>` within a value. For the error of a method itself, use the method's `error`. */
  result: <T, E>(ok: Type<T>, err: Type<E>): Type<ResultValue<T, E>> =>
    new EnumType('result', [
      { name: 'Ok', index: 0, type: wireType(ok, 'the Ok of t.result'), isInline: false },
      { name: 'Err', index: 1, type: wireType(err, 'the Err of t.result'), isInline: false },
    ]) as Type as Type<ResultValue<T, E>>,
  /** A type that contains itself: `const Node: Type<Node> = t.struct({ next: t.option(t.lazy(() => Node)) })`. */
  lazy: <T>(get: () => Type<T>): Type<T> => {
    if (typeof get !== 'function') throw new InvalidArgument('t.lazy takes a function that gives a type');
    return new LazyType(get) as Type as Type<T>;
  },
  /** `type`, with a schema that checks values of the peer. The schema must answer at once, and must not change the value. */
  check: <T>(type: Type<T>, schema: StandardSchema<T>): Type<T> => {
    if (typeof schema?.['~standard']?.validate !== 'function') {
      throw new InvalidArgument('the second argument of t.check must be a Standard Schema');
    }
    return new CheckedType(wireType(type, 'the type of t.check'), schema as StandardSchema) as Type as Type<T>;
  },
  /** The arguments of a method. Ends of channels can only be here. */
  args: <const A extends readonly (Type | ChannelType)[]>(...elements: A): StandardSchema<ArgsOf<A>, ArgsOf<A>> =>
    new ArgsType(
      elements.map((element, index) =>
        element instanceof ChannelEnd ? element : wireType(element, `t.args[${index}]`),
      ),
    ) as StandardSchema as StandardSchema<ArgsOf<A>, ArgsOf<A>>,
  /** The end of a channel that the handler receives from: `Rx<T, credit>`. */
  rx: <T>(item: Type<T>, options: ChannelTypeOptions = {}): ChannelType<Rx<T>> =>
    channelEnd('rx', item, options) as ChannelType as ChannelType<Rx<T>>,
  /** The end of a channel that the handler sends on: `Tx<T, credit>`. */
  tx: <T>(item: Type<T>, options: ChannelTypeOptions = {}): ChannelType<Tx<T>> =>
    channelEnd('tx', item, options) as ChannelType as ChannelType<Tx<T>>,
};
