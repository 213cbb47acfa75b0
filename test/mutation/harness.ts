import { format } from 'node:util';
import { expect as jestExpect } from 'expect';

// Stands in for '@jest/globals' where the tests of one area are one script (bundle.ts). It collects the tests, in order. The
// runner runs them.

/** One test. */
export interface Case {
  /** The names of its groups and its own, as Jest would put them; unique. */
  readonly name: string;
  readonly run: () => unknown;
}

type Body = (...args: never[]) => unknown;

export const cases: Case[] = [];
/** Functions to run before the first test. */
export const preparations: (() => unknown)[] = [];

const groups: string[] = [];
const names = new Map<string, number>();

function each(register: (name: string, body: () => unknown) => void) {
  return (rows: readonly unknown[]) => (name: string, body: Body) => {
    for (const row of rows) {
      const args = Array.isArray(row) ? row : [row];
      const places = name.match(/%[sdijopf]/g)?.length ?? 0;
      const title = format(name.replaceAll('%p', '%s'), ...args.slice(0, places));
      register(title, () => body(...(args as never[])));
    }
  };
}

function addTest(name: string, run: () => unknown): void {
  const full = [...groups, name].join(' ');
  const count = (names.get(full) ?? 0) + 1;
  names.set(full, count);
  cases.push({ name: count === 1 ? full : `${full} (${String(count)})`, run });
}

function addGroup(name: string, body: () => unknown): void {
  groups.push(name);
  body();
  groups.pop();
}

function withEach(register: (name: string, body: () => unknown) => void) {
  return Object.assign((name: string, body: () => unknown) => register(name, body), { each: each(register) });
}

export const test = withEach(addTest);
export const it = withEach(addTest);
export const describe = withEach(addGroup);
export const expect = jestExpect;
export const jest = { setTimeout: (): void => {} };

export function beforeAll(prepare: () => unknown): void {
  preparations.push(prepare);
}

/** Does nothing: a mutant's run has nothing to clean up. */
export function afterAll(): void {}
