/** ES2024, in Node since version 20. Where it is missing, a regular expression gives the same result. */
export function isWellFormed(value: string & { isWellFormed?: () => boolean }): boolean {
  return value.isWellFormed?.() ?? !/\p{Surrogate}/u.test(value);
}

// These internals also recognise a Uint8Array of another realm (an iframe, a vm context), unlike instanceof and properties.
// An object that only has the prototype does not deceive them, nor does a subclass that overrides the properties.
const typedArrayName = typedArrayGetter(Symbol.toStringTag) as (this: unknown) => string | undefined;
const typedArrayLength = typedArrayGetter('length') as (this: Uint8Array) => number;

function typedArrayGetter(key: PropertyKey): unknown {
  return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), key)?.get;
}

/** True if a value is a Uint8Array, of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return typedArrayName.call(value) === 'Uint8Array';
}

/** The true length of a Uint8Array of any realm; undefined for any other value. */
export function bytesLength(value: unknown): number | undefined {
  return typedArrayName.call(value) === 'Uint8Array' ? typedArrayLength.call(value as Uint8Array) : undefined;
}

/**
 * The true length. A subclass could report more: frame memory is not cleared, so unwritten parts hold bytes of other frames.
 */
export function lengthOf(bytes: Uint8Array): number {
  return typedArrayLength.call(bytes);
}
