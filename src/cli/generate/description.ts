import { describe } from '../../base/check.js';
import { Failure } from '../failure.js';

// A description of a service as describe.rs writes it. It is checked here once, so that all other code may rely on it. It
// may come from a stranger, and its names end up in a program.

/** The version of descriptions that this program reads. It equals `VERSION` of describe.rs. */
const VERSION = 1;

/** The maximum depth of nested types. Each level of a recursion over them is a frame on the stack. */
export const MAX_DEPTH = 64;

/** The types without parts, as Rust names them. */
export const PLAIN = {
  '()': 'unit',
  bool: 'bool',
  char: 'char',
  String: 'string',
  f32: 'f32',
  f64: 'f64',
  u8: 'u8',
  u16: 'u16',
  u32: 'u32',
  u64: 'u64',
  u128: 'u128',
  usize: 'usize',
  i8: 'i8',
  i16: 'i16',
  i32: 'i32',
  i64: 'i64',
  i128: 'i128',
  isize: 'isize',
} as const;

export type PlainName = keyof typeof PLAIN;

/** A type where it is used. */
export type Use =
  | { readonly kind: 'plain'; readonly name: PlainName }
  | { readonly kind: 'list' | 'set' | 'option'; readonly inner: Use }
  | { readonly kind: 'array'; readonly inner: Use; readonly length: number }
  | { readonly kind: 'map'; readonly key: Use; readonly value: Use }
  | { readonly kind: 'result'; readonly ok: Use; readonly err: Use }
  | { readonly kind: 'channel'; readonly direction: 'rx' | 'tx'; readonly item: Use; readonly credit: number }
  /** A struct, an enum or a tuple, by its index among the types. */
  | { readonly kind: 'type'; readonly index: number }
  | { readonly kind: 'unsupported'; readonly name: string; readonly why: string };

export interface Field {
  readonly name: string;
  readonly doc: string | undefined;
  readonly type: Use;
}

/** The content of a struct, a tuple or a variant of an enum. */
export type Content =
  | { readonly kind: 'unit' }
  | { readonly kind: 'tuple'; readonly types: readonly Use[] }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] };

export interface Variant {
  readonly name: string;
  readonly doc: string | undefined;
  readonly content: Content;
}

export interface TypeDescription {
  /** Undefined for a tuple. */
  readonly name: string | undefined;
  readonly doc: string | undefined;
  readonly content: Content | { readonly kind: 'enum'; readonly variants: readonly Variant[] };
}

export interface MethodDescription {
  readonly name: string;
  readonly doc: string | undefined;
  readonly id: bigint;
  readonly args: readonly { readonly name: string; readonly type: Use }[];
  readonly result: Use;
  readonly error: Use | undefined;
}

export interface Description {
  readonly service: string;
  readonly doc: string | undefined;
  readonly methods: readonly MethodDescription[];
  readonly types: readonly TypeDescription[];
}

/**
 * Reads a description.
 *
 * @throws Failure that names the place of the error.
 */
export function readDescription(text: string): Description {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Failure(`it is not JSON: ${(cause as Error).message}`, { cause });
  }
  const { format, version, ...content } = (typeof json === 'object' && json !== null ? json : {}) as {
    format?: unknown;
    version?: unknown;
  };
  if (format !== 'roam service') {
    throw new Failure('it is no description of a service: the file of generate --rust writes one');
  }
  if (version !== VERSION) {
    const advice = 'take the file of generate --rust of the same version of roam-actors';
    throw new Failure(`its version is ${describe(version)}, and this program reads version ${VERSION}: ${advice}`);
  }
  const root = membersOf(content, 'the description', ['service', 'methods', 'types'], ['doc']);
  const types = listOf(root['types'], 'types');
  return {
    service: nameOf(root['service'], 'service'),
    doc: docOf(root, 'the description'),
    methods: unique(listOf(root['methods'], 'methods').map((method, index) => methodOf(method, index, types.length))),
    types: types.map((type, index) => typeOf(type, `types[${index}]`, types.length)),
  };
}

type Members = Readonly<Record<string, unknown>>;

function wrong(path: string, expected: string, value: unknown): Failure {
  return new Failure(`${path} must be ${expected}, not ${describe(value)}`);
}

/** Returns the members of an object. It must have all of `needed`, and no others than those and `optional`. */
function membersOf(value: unknown, path: string, needed: readonly string[], optional: readonly string[] = []): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(path, 'an object', value);
  for (const name of needed) if (!Object.hasOwn(value, name)) throw new Failure(`${path} has no ${name}`);
  for (const name of Object.keys(value)) {
    if (!needed.includes(name) && !optional.includes(name)) {
      throw new Failure(`${path} has ${describe(name)}, which means nothing here`);
    }
  }
  return value as Members;
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(path, 'an array', value);
  return value;
}

function textOf(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '') throw wrong(path, 'a text', value);
  return value;
}

function docOf(members: Members, path: string): string | undefined {
  return members['doc'] === undefined ? undefined : textOf(members['doc'], `${path}.doc`);
}

/** Checks and returns a name of Rust. No character in it can end a string or a comment. */
function nameOf(value: unknown, path: string): string {
  const name = typeof value === 'string' ? value.replace(/^r#/, '') : '';
  if (!/^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(name)) throw wrong(path, 'an identifier of Rust', value);
  return value as string;
}

function integerOf(value: unknown, path: string, most: number): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return value as number;
  throw wrong(path, `an integer from 0 to ${most}`, value);
}

function unique<T extends { readonly name: string }>(all: readonly T[], path = 'methods'): readonly T[] {
  const names = new Set<string>();
  for (const { name } of all) {
    if (names.has(name)) throw new Failure(`${path} has ${name} twice`);
    names.add(name);
  }
  return all;
}

function methodOf(value: unknown, index: number, types: number): MethodDescription {
  const path = `methods[${index}]`;
  const members = membersOf(value, path, ['name', 'id', 'args', 'result'], ['doc', 'error']);
  const id = textOf(members['id'], `${path}.id`);
  if (!/^0x[\da-f]{16}$/.test(id)) throw wrong(`${path}.id`, '0x and 16 hexadecimal digits', id);
  const args = listOf(members['args'], `${path}.args`).map((arg, index) => {
    const place = `${path}.args[${index}]`;
    const { name, type } = membersOf(arg, place, ['name', 'type']);
    return { name: nameOf(name, `${place}.name`), type: useOf(type, `${place}.type`, types) };
  });
  return {
    name: nameOf(members['name'], `${path}.name`),
    doc: docOf(members, path),
    id: BigInt(id),
    args,
    result: useOf(members['result'], `${path}.result`, types),
    error: members['error'] === undefined ? undefined : useOf(members['error'], `${path}.error`, types),
  };
}

function typeOf(value: unknown, path: string, types: number): TypeDescription {
  const members = membersOf(value, path, [], ['name', 'doc', 'tuple', 'struct', 'enum']);
  const { tuple, name } = members;
  if (['tuple', 'struct', 'enum'].filter((kind) => members[kind] !== undefined).length > 1) {
    throw new Failure(`${path} must be one of tuple, struct and enum`);
  }
  return {
    name: name === undefined && tuple !== undefined ? undefined : textOf(name, `${path}.name`),
    doc: docOf(members, path),
    content:
      members['enum'] === undefined
        ? contentOf(members, path, types)
        : { kind: 'enum', variants: variantsOf(members['enum'], `${path}.enum`, types) },
  };
}

function variantsOf(value: unknown, path: string, types: number): readonly Variant[] {
  const variants = listOf(value, path).map((variant, index) => {
    const place = `${path}[${index}]`;
    const members = membersOf(variant, place, ['name'], ['doc', 'tuple', 'struct']);
    return {
      name: nameOf(members['name'], `${place}.name`),
      doc: docOf(members, place),
      content: contentOf(members, place, types),
    };
  });
  return unique(variants, path);
}

function contentOf({ tuple, struct }: Members, path: string, types: number): Content {
  if (tuple !== undefined) {
    if (struct !== undefined) throw new Failure(`${path} must be one of tuple and struct`);
    const place = `${path}.tuple`;
    return { kind: 'tuple', types: listOf(tuple, place).map((type, i) => useOf(type, `${place}[${i}]`, types)) };
  }
  if (struct === undefined) return { kind: 'unit' };
  const fields = listOf(struct, `${path}.struct`).map((field, index) => {
    const place = `${path}.struct[${index}]`;
    const members = membersOf(field, place, ['name', 'type'], ['doc']);
    return {
      name: nameOf(members['name'], `${place}.name`),
      doc: docOf(members, place),
      type: useOf(members['type'], `${place}.type`, types),
    };
  });
  return { kind: 'struct', fields: unique(fields, `${path}.struct`) };
}

/** Reads a use of a type. `types` is the number of types in the description. */
function useOf(value: unknown, path: string, types: number, depth = 0): Use {
  if (depth > MAX_DEPTH) throw new Failure(`${path.slice(0, 80)}… is nested more than ${MAX_DEPTH} deep`);
  if (typeof value === 'string' && Object.hasOwn(PLAIN, value)) return { kind: 'plain', name: value as PlainName };
  if (typeof value !== 'object' || value === null) throw wrong(path, `a type, such as 'u32'`, value);
  const inner = (part: unknown, name: string): Use => useOf(part, `${path}.${name}`, types, depth + 1);
  const [kind = ''] = Object.keys(value);
  switch (kind) {
    case 'list':
    case 'set':
    case 'option':
      return { kind, inner: inner(membersOf(value, path, [kind])[kind], kind) };
    case 'array': {
      const { array, length } = membersOf(value, path, ['array', 'length']);
      return { kind, inner: inner(array, kind), length: integerOf(length, `${path}.length`, Number.MAX_SAFE_INTEGER) };
    }
    case 'map': {
      const [key, of] = pairOf(membersOf(value, path, [kind])[kind], `${path}.map`);
      return { kind, key: inner(key, 'map[0]'), value: inner(of, 'map[1]') };
    }
    case 'result': {
      const [ok, err] = pairOf(membersOf(value, path, [kind])[kind], `${path}.result`);
      return { kind, ok: inner(ok, 'result[0]'), err: inner(err, 'result[1]') };
    }
    case 'rx':
    case 'tx': {
      const members = membersOf(value, path, [kind, 'credit']);
      const credit = integerOf(members['credit'], `${path}.credit`, 2 ** 32 - 1);
      return { kind: 'channel', direction: kind, item: inner(members[kind], kind), credit };
    }
    case 'type': {
      const { type } = membersOf(value, path, ['type']);
      if (types === 0) throw new Failure(`${path} names a type, and there are none`);
      return { kind, index: integerOf(type, `${path}.type`, types - 1) };
    }
    case 'unsupported': {
      const { unsupported, why } = membersOf(value, path, ['unsupported', 'why']);
      return { kind, name: textOf(unsupported, `${path}.unsupported`), why: textOf(why, `${path}.why`) };
    }
    default:
      throw new Failure(`${path} has ${describe(kind)}, which is no kind of type`);
  }
}

function pairOf(value: unknown, path: string): readonly [unknown, unknown] {
  const list = listOf(value, path);
  if (list.length !== 2) throw new Failure(`${path} must have 2 elements, not ${list.length}`);
  return list as [unknown, unknown];
}
