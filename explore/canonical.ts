/**
 * A value as a string: two that are equal give the same one, whatever the order of their keys. What says of itself that
 * it is nobody's data (its `toJSON` gives undefined) is left out.
 */
export function canonical(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return '';
    case 'bigint':
      return `${value}n`;
    case 'object':
      return value === null ? 'null' : canonicalObject(value);
    default:
      return JSON.stringify(value);
  }
}

function canonicalObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value instanceof Error) return `Error(${JSON.stringify(value.message)})`;
  if (value instanceof Uint8Array) return `bytes(${Buffer.from(value).toString('hex')})`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return canonical(value.toJSON());
  const parts: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const part = canonical((value as Record<string, unknown>)[key]);
    if (part !== '') parts.push(`${key}:${part}`);
  }
  return `{${parts.join()}}`;
}

/** Numbers for values: each value is kept once, and from then on is its number. */
export class Interner<T> {
  readonly #numbers = new Map<string, number>();
  readonly #values: T[] = [];

  get size(): number {
    return this.#values.length;
  }

  /** The number of a value, whose canonical form is `key`. */
  add(value: T, key = canonical(value)): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#values.length);
    this.#values.push(value);
    return this.#values.length - 1;
  }

  of(number: number): T {
    return this.#values[number] as T;
  }
}
