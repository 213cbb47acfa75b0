/** ES2024, in Node since version 20; a pattern finds the same where it is missing. */
export function isWellFormed(value: string & { isWellFormed?: () => boolean }): boolean {
  return value.isWellFormed?.() ?? !/\p{Surrogate}/u.test(value);
}

// Unlike instanceof and properties, these internals also know the Uint8Arrays of another realm (an iframe, a vm context), and
// are not taken in by an object that has only the prototype, nor by a class that says something else of itself.
const typedArrayName = typedArrayGetter(Symbol.toStringTag) as (this: unknown) => string | undefined;
const typedArrayLength = typedArrayGetter('length') as (this: Uint8Array) => number;

function typedArrayGetter(key: PropertyKey): unknown {
  return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), key)?.get;
}

/** Whether a value is a Uint8Array, of any realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return typedArrayName.call(value) === 'Uint8Array';
}

/** How many bytes there are, for sure: memory for frames is not empty, and parts that are not written hold bytes of other frames. */
export function lengthOf(bytes: Uint8Array): number {
  return typedArrayLength.call(bytes);
}
