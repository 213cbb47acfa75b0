import { Sensitive } from '../wire/sensitive.js';

// The assertions of the suites for codecs and links. They run in any test runner, and in browsers.

/** One case of a suite, for any test runner: `test(name, run)`. */
export interface SuiteCase {
  /** A sentence. Unique in its suite. */
  readonly name: string;
  /** Rejects with an Error that describes the defect. The case has no time limit of its own: the test runner's applies. */
  run(): Promise<void>;
}

/** @throws Error with `text` unless `condition` holds. */
export function ok(condition: boolean, text: string): asserts condition {
  if (!condition) throw new Error(text);
}

/** @throws Error that shows both, unless they are alike in every field and byte. */
export function equal(actual: unknown, expected: unknown, what = 'this'): void {
  ok(alike(actual, expected), `${what} is ${show(actual)}, and should be ${show(expected)}`);
}

/**
 * Returns the error that `act` throws.
 *
 * @throws Error unless `act` throws an error of that class.
 */
export function throws<E>(act: () => unknown, type: abstract new (...args: never[]) => E): E {
  let thrown: unknown;
  try {
    act();
  } catch (error) {
    thrown = error;
  }
  isA(thrown, type);
  return thrown;
}

/** @throws Error unless `value` is of that class. */
export function isA<E>(value: unknown, type: abstract new (...args: never[]) => E): asserts value is E {
  ok(value instanceof type, `${show(value)} is no ${type.name}`);
}

/** True if two values are the same data. A Buffer equals a Uint8Array with the same bytes. */
export function alike(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (left instanceof Sensitive || right instanceof Sensitive) return false;
  if (left instanceof Uint8Array || right instanceof Uint8Array) {
    if (!(left instanceof Uint8Array && right instanceof Uint8Array) || left.length !== right.length) return false;
    for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
    return true;
  }
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && alike(left[key as never], right[key as never]));
}

function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    return part instanceof Uint8Array ? `[${part.length} bytes]` : part;
  });
  return text === undefined ? String(value) : text.slice(0, 500);
}
