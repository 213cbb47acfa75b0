/**
 * Returns a value as a string. Equal values give the same string, for any order of their keys. A value whose `toJSON` gives
 * undefined is left out: it declares that it is no data.
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

/** Numbers values: each distinct value is kept once and gets a number. */
export class Interner<T> {
  readonly #numbers = new Map<string, number>();
  readonly #values: T[] = [];

  get size(): number {
    return this.#values.length;
  }

  /** Returns the number of a value. `key` is its canonical form. */
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
