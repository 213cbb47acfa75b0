import { printable } from '../../base/printable.js';
import { Failure } from '../failure.js';
import { type Content, type Description, MAX_DEPTH, type MethodDescription, type Use } from './description.js';

// Checks for types that can't be expressed or would take too long. A method's id is computed from its types written out in
// full. A type that doubles itself thirty times is short in a description, and huge when written out.

/** The maximum number of types of a service, written out in full: the least power of two that takes about a second. */
const MAX_PARTS = 2 ** 20;

/** The most elements that `t.array` takes. */
const MAX_ARRAY = 65_536;

/** A type of the description that contains the current position of the walk. */
interface Open {
  readonly index: number;
  /** The number of containers around it that may be empty. */
  readonly ends: number;
}

/** Walks the types of methods, each written out in full, and notes the types of the description on its way. */
export class Check {
  readonly #description: Description;
  readonly #used = new Set<number>();
  #parts = 0;
  /** The position within the current method. */
  #place: string[] = [];
  readonly #open: Open[] = [];
  #ends = 0;
  #depth = 0;

  constructor(description: Description) {
    this.#description = description;
  }

  /** The types that methods use, in the order of the description. */
  get used(): readonly number[] {
    return [...this.#used].sort((a, b) => a - b);
  }

  /** @throws Failure that names the first type which can't be expressed, its method, and all methods with such types. */
  methods(): void {
    const refusals = this.#description.methods.flatMap((method) => {
      try {
        this.#method(method);
        return [];
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        return [{ name: method.name, error }];
      }
    });
    const [first, ...others] = refusals;
    if (first === undefined) return;
    const skip = printable(refusals.map(({ name }) => `--skip ${name}`).join(' '));
    const effect = others.length === 0 ? 'leaves the method out' : `leaves out all ${refusals.length} such methods`;
    throw new Failure(`${first.error.message} (${skip} ${effect})`);
  }

  #method(method: MethodDescription): void {
    this.#depth = 0;
    this.#place = [`${this.#description.service}.${method.name}`];
    for (const { name, type } of method.args) {
      this.#at(`the argument ${name}`, () => this.#use(type.kind === 'channel' ? type.item : type));
    }
    this.#at('the result', () => this.#use(method.result));
    if (method.error !== undefined) this.#at('the error', () => this.#use(method.error as Use));
  }

  #at(name: string, body: () => void): void {
    this.#place.push(name);
    body();
    this.#place.pop();
  }

  #refuse(use: Use, why: string): Failure {
    const [method = '', ...inner] = this.#place;
    // Only the first parts of a deep position are useful: the user finds these in the method.
    const place = inner.length > 6 ? [...inner.slice(0, 6), '…'] : inner;
    const type = `${place.join(', ')}: ${rust(use, this.#description)}`;
    return new Failure(printable(`${method} can't be expressed: ${type}: ${why}`));
  }

  #use(use: Use): void {
    if (++this.#parts > MAX_PARTS) {
      throw this.#refuse(use, `up to here the types of the service, written out in full, are more than ${MAX_PARTS}`);
    }
    if (++this.#depth > 2 * MAX_DEPTH) throw this.#refuse(use, `it is nested more than ${2 * MAX_DEPTH} deep`);
    switch (use.kind) {
      case 'plain':
        break;
      case 'list':
      case 'set':
      case 'option':
        this.#within(use.inner);
        break;
      case 'array':
        if (use.length > MAX_ARRAY) throw this.#refuse(use, `an array has up to ${MAX_ARRAY} elements`);
        this.#use(use.inner);
        break;
      case 'map':
        this.#within(use.key, use.value);
        break;
      case 'result':
        this.#within(use.ok, use.err);
        break;
      case 'channel':
        throw this.#refuse(use, 'an end of a channel can only be an argument itself');
      case 'type':
        this.#type(use, use.index);
        break;
      case 'unsupported':
        throw this.#refuse(use, use.why);
    }
    this.#depth--;
  }

  /** Walks the inner types of a container that may be empty. A type that contains itself only there has finite values. */
  #within(...inner: readonly Use[]): void {
    this.#ends++;
    for (const each of inner) this.#use(each);
    this.#ends--;
  }

  #type(use: Use, index: number): void {
    const open = this.#open.find((each) => each.index === index);
    if (open !== undefined) {
      if (open.ends === this.#ends) throw this.#refuse(use, 'it contains itself without an end, and so has no values');
      return;
    }
    this.#used.add(index);
    this.#open.push({ index, ends: this.#ends });
    const { content } = this.#description.types[index] as Description['types'][number];
    if (content.kind === 'enum') {
      if (content.variants.length === 0) throw this.#refuse(use, 'it has no variants, and so no values');
      this.#ends++;
      for (const variant of content.variants) this.#at(variant.name, () => this.#content(variant.content));
      this.#ends--;
    } else this.#content(content);
    this.#open.pop();
  }

  #content(content: Content): void {
    if (content.kind === 'tuple') for (const each of content.types) this.#use(each);
    if (content.kind === 'struct') for (const { name, type } of content.fields) this.#at(name, () => this.#use(type));
  }
}

/** The depth and the number of parts of a type that an error shows. */
const SHOWN_DEPTH = 4;
const SHOWN_PARTS = 8;

/** Returns a type in Rust's notation for people. A long one is cut. */
export function rust(use: Use, description: Description, depth = 0): string {
  if (depth > SHOWN_DEPTH) return '…';
  const inner = (each: Use): string => rust(each, description, depth + 1);
  switch (use.kind) {
    case 'plain':
    case 'unsupported':
      return use.name;
    case 'list':
      return `Vec<${inner(use.inner)}>`;
    case 'set':
      return `Set<${inner(use.inner)}>`;
    case 'option':
      return `Option<${inner(use.inner)}>`;
    case 'array':
      return `[${inner(use.inner)}; ${use.length}]`;
    case 'map':
      return `Map<${inner(use.key)}, ${inner(use.value)}>`;
    case 'result':
      return `Result<${inner(use.ok)}, ${inner(use.err)}>`;
    case 'channel': {
      const credit = use.credit === 16 ? '' : `, ${use.credit}`;
      return `${use.direction === 'rx' ? 'Rx' : 'Tx'}<${inner(use.item)}${credit}>`;
    }
    case 'type': {
      const { name, content } = description.types[use.index] as Description['types'][number];
      if (name !== undefined) return name.length > 100 ? `${name.slice(0, 100)}…` : name;
      const types = content.kind === 'tuple' ? content.types : [];
      const more = types.length > SHOWN_PARTS ? ', …' : '';
      return `(${types.slice(0, SHOWN_PARTS).map(inner).join(', ')}${more}${types.length === 1 ? ',' : ''})`;
    }
  }
}
