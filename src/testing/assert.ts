import { Sensitive } from '../wire/sensitive.js';

// What the suites for codecs and links judge by: they run in any test runner, and in browsers.

/** One case of a suite, for any test runner: `test(name, run)`. */
export interface SuiteCase {
  /** A sentence. Unique in its suite. */
  readonly name: string;
  /** Rejects with an Error that says what is wrong. It has no time limit of its own: the test runner's holds. */
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

/** @throws Error unless `act` throws an error of that class; gives the error. */
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

/** Whether two values are the same data. A Buffer is as good as the Uint8Array that it is. */
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
