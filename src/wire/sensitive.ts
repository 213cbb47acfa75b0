/** The value of a metadata entry: a string, bytes, or an unsigned integer of 64 bits. */
export type MetadataValue = string | Uint8Array | bigint;

const REDACTED = '[sensitive]';

/**
 * A box around a metadata value that must not be seen by accident. Code that prints, serialises, clones or inspects it gets
 * `[sensitive]`. Only `reveal()` gives the value. `[rpc.metadata.flags.sensitive]`
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

  /** The value itself. The caller must keep it out of logs. */
  reveal(): T {
    return this.#value;
  }

  toJSON(): string {
    return REDACTED;
  }

  toString(): string {
    return REDACTED;
  }

  /** For Node's `util.inspect`, and so for `console.log`. The symbol is registered, so no import of Node's is needed. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}
