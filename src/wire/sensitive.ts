/** What a metadata entry can hold: a string, bytes, or an unsigned integer of 64 bits. */
export type MetadataValue = string | Uint8Array | bigint;

const REDACTED = '[sensitive]';

/**
 * A box around a metadata value that must not be seen by accident: whatever prints, serialises, clones or inspects it
 * gets `[sensitive]`. Only `reveal()` gives the value. `[rpc.metadata.flags.sensitive]`
 *
 * @example
 * const entry = { key: 'token', value: new Sensitive('s3cret'), flags: SENSITIVE };
 */
// r[rpc.metadata.flags.sensitive]
export class Sensitive<T extends MetadataValue = MetadataValue> {
  // A private field, not a property: structuredClone, JSON, console.log and the debugger's previews do not reach it.
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  /** The value itself. Whoever calls this takes it over, and keeps it out of logs. */
  reveal(): T {
    return this.#value;
  }

  toJSON(): string {
    return REDACTED;
  }

  toString(): string {
    return REDACTED;
  }

  /** Node's `util.inspect`, and so `console.log`, by its registered symbol: no import of Node's. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}
