import { format } from 'node:util';
import { ModernFakeTimers } from '@jest/fake-timers';
import { expect as jestExpect } from 'expect';
import { ModuleMocker } from 'jest-mock';

// Stands in for '@jest/globals' where the tests of one area are one script (script.ts). It collects the tests, in order. The
// runner runs them.

/** One test. */
export interface Case {
  /** The names of its groups and its own, as Jest would put them; unique. */
  readonly name: string;
  readonly run: () => unknown;
}

type Body = (...args: never[]) => unknown;
type Hook = () => unknown;

/** A `describe`, or the file around all of them. */
interface Group {
  readonly name: string;
  readonly before: Hook[];
  readonly after: Hook[];
}

export const cases: Case[] = [];

let current: readonly Group[] = [];
const names = new Map<string, number>();

/** Begins a file: its hooks are for its own tests. */
export function beginFile(): void {
  current = [{ name: '', before: [], after: [] }];
}

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
  const around = current;
  const full = [...around.map((group) => group.name), name].filter(Boolean).join(' ');
  const count = (names.get(full) ?? 0) + 1;
  names.set(full, count);
  const hasHooks = () => around.some(({ before, after }) => before.length + after.length > 0);
  cases.push({
    name: count === 1 ? full : `${full} (${String(count)})`,
    run: () => (hasHooks() ? surrounded(around, run) : run()),
  });
}

async function surrounded(around: readonly Group[], run: () => unknown): Promise<void> {
  try {
    for (const { before } of around) for (const hook of before) await hook();
    await run();
  } finally {
    for (const { after } of around.toReversed()) for (const hook of after) await hook();
  }
}

function addGroup(name: string, body: () => unknown): void {
  const outside = current;
  current = [...outside, { name, before: [], after: [] }];
  body();
  current = outside;
}

function withEach(register: (name: string, body: () => unknown) => void) {
  return Object.assign((name: string, body: () => unknown) => register(name, body), { each: each(register) });
}

function hookOf(kind: 'before' | 'after') {
  return (hook: Hook): void => {
    current.at(-1)?.[kind].push(hook);
  };
}

const mocker = new ModuleMocker(globalThis);
const timers = new ModernFakeTimers({ global: globalThis, config: { fakeTimers: {} } as never });

export const test = withEach(addTest);
export const it = withEach(addTest);
export const describe = withEach(addGroup);
export const expect = jestExpect;
export const jest = {
  setTimeout: (): void => {},
  fn: mocker.fn.bind(mocker),
  spyOn: mocker.spyOn.bind(mocker),
  restoreAllMocks: mocker.restoreAllMocks.bind(mocker),
  useFakeTimers: timers.useFakeTimers.bind(timers),
  useRealTimers: timers.useRealTimers.bind(timers),
  advanceTimersByTime: timers.advanceTimersByTime.bind(timers),
  getTimerCount: timers.getTimerCount.bind(timers),
};

export const beforeEach = hookOf('before');
export const afterEach = hookOf('after');
/** Prepares each test by itself: a mutant's run begins with any of them. */
export const beforeAll = hookOf('before');

/** Does nothing: a mutant's run has nothing to clean up. */
export function afterAll(): void {}
