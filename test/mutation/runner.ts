import type { InstrumenterContext, MutantCoverage, StrykerOptions } from '@stryker-mutator/api/core';
import { commonTokens, declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';
import {
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  MutantRunStatus,
  type TestResult,
  type TestRunner,
  TestStatus,
} from '@stryker-mutator/api/test-runner';
import { AREAS, type Area } from './areas.js';
import { isAgain, isChosen } from './choice.js';
import type { Case } from './harness.js';
import { scriptOf, type Tests } from './script.js';

// A runner for Stryker that loads the modules anew for each mutant, and stops at the first test that fails. Jest's own
// runner takes seconds for that, and cannot stop. It also runs every test of every machine for code that runs when a module
// is loaded, which is all of a statechart.

/** The time after which a test counts as endless, in milliseconds, on top of ten times what it takes on the right code. */
const ENDLESS = 1_500;

/** The time that a test may take on the right code, in milliseconds. */
const SLOWEST = 1_000;

/** The number of tests that are known to fail often. */
const MOST_FAILED = 10;

/** The time at which no more mutants are run, in milliseconds since the epoch. */
const UNTIL = Number(process.env['ROAM_MUTATE_UNTIL'] ?? Number.POSITIVE_INFINITY);

type Context = { -readonly [K in keyof InstrumenterContext]: InstrumenterContext[K] | undefined };

/** The global state that the instrumented code reads. */
const world = globalThis as unknown as { __stryker__?: Context };
world.__stryker__ ??= {} as Context;
const context = world.__stryker__;

class Runner implements TestRunner {
  readonly #area: Area;
  #make: () => Tests = () => ({ cases: [] });
  /** The duration of each test on the right code, in milliseconds. */
  readonly #times = new Map<string, number>();
  #dryRun: DryRunResult = { status: DryRunStatus.Error, errorMessage: 'nothing has been run' };
  /** The tests that have failed on the right code. */
  readonly #useless = new Set<string>();
  /** The tests that have failed on a mutant, the latest first. Mutants beside each other often fail the same test. */
  #failed: readonly string[] = [];
  /** Rejections that no handler has taken so far, and errors that no code has caught. */
  readonly #strays = new Map<unknown, unknown>();

  constructor(area: Area) {
    this.#area = area;
  }

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    // As with Jest, an unhandled error belongs to the test that is running.
    process.on('unhandledRejection', (error, promise) => this.#strays.set(promise, error));
    process.on('rejectionHandled', (promise) => this.#strays.delete(promise));
    process.on('uncaughtException', (error) => this.#strays.set(error, error));
    console.warn = () => {};
    // Without this, msgpackr's native accelerator would do work that the codec does otherwise, and mutants of the codec
    // would survive.
    process.env['MSGPACKR_NATIVE_ACCELERATION_DISABLED'] = 'true';
    this.#make = await scriptOf(this.#area, process.cwd());
    // Run the right code first: the paths that it finds are replayed on the mutants.
    this.#dryRun = await this.#tryRightCode();
  }

  dryRun(): Promise<DryRunResult> {
    return Promise.resolve(this.#dryRun);
  }

  async #tryRightCode(): Promise<DryRunResult> {
    const coverage: MutantCoverage = { static: {}, perTest: {} };
    context.mutantCoverage = coverage;
    const tests: TestResult[] = [];
    for (const one of this.#casesOf(this.#make())) {
      const started = performance.now();
      context.currentTestId = one.name;
      // A test may fail once on a busy machine.
      const failureMessage = (await this.#failureOf(one)) && (await this.#failureOf(one));
      context.currentTestId = undefined;
      const result = { id: one.name, name: one.name, timeSpentMs: performance.now() - started };
      this.#times.set(one.name, result.timeSpentMs);
      // A test that fails on the right code says nothing of a mutant. Jest says that it fails.
      if (failureMessage === undefined) tests.push({ ...result, status: TestStatus.Success });
      else this.#useless.add(one.name);
    }
    return { status: DryRunStatus.Complete, tests, mutantCoverage: coverage };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }: MutantRunOptions): Promise<MutantRunResult> {
    if (!isChosen(activeMutant, 0)) return { status: MutantRunStatus.Error, errorMessage: 'not chosen' };
    if (Date.now() >= UNTIL) return { status: MutantRunStatus.Error, errorMessage: 'no time is left' };
    Object.assign(context, {
      activeMutant: activeMutant.id,
      hitLimit,
      hitCount: hitLimit === undefined ? undefined : 0,
    });
    try {
      return await this.#tryMutant(testFilter === undefined ? undefined : new Set(testFilter));
    } finally {
      Object.assign(context, { activeMutant: undefined, hitLimit: undefined, hitCount: undefined });
      await turns();
    }
  }

  async #tryMutant(filter: ReadonlySet<string> | undefined): Promise<MutantRunResult> {
    let cases: readonly Case[];
    try {
      cases = this.#casesOf(this.#make());
    } catch (error) {
      // The mutant does not even load, so no test can judge it.
      return { status: MutantRunStatus.Error, errorMessage: textOf(error) };
    }
    const isTried = ({ name }: Case) => !this.#useless.has(name) && (filter === undefined || filter.has(name));
    const chosen = cases.filter(isTried);
    // The tests that failed last go first, then the fastest ones.
    const rankOf = ({ name }: Case) =>
      this.#failed.includes(name) ? this.#failed.indexOf(name) - MOST_FAILED : this.#timeOf(name);
    for (const [index, one] of chosen.toSorted((a, b) => rankOf(a) - rankOf(b)).entries()) {
      const started = performance.now();
      const failureMessage = await this.#failureOf(one);
      const endless = determineHitLimitReached(context.hitCount, context.hitLimit);
      if (endless !== undefined) return { status: MutantRunStatus.Timeout, reason: endless.reason ?? '' };
      if (failureMessage === undefined) continue;
      if (performance.now() - started < ENDLESS) this.#remember(one.name);
      return { status: MutantRunStatus.Killed, killedBy: [one.name], failureMessage, nrOfTests: index + 1 };
    }
    return { status: MutantRunStatus.Survived, nrOfTests: chosen.length };
  }

  #timeOf(name: string): number {
    return this.#times.get(name) ?? 0;
  }

  #remember(name: string): void {
    this.#failed = [name, ...this.#failed.filter((other) => other !== name)].slice(0, MOST_FAILED);
  }

  #casesOf({ cases }: Tests): readonly Case[] {
    const { without, slow } = this.#area;
    return cases.filter(({ name }) => !without?.test(name) && (isAgain() || !slow?.test(name)));
  }

  async #failureOf({ name, run }: Case): Promise<string | undefined> {
    this.#strays.clear();
    let giveUp: (error: Error) => void = () => {};
    // It runs before the test begins: some tests count the timers of the process at their beginning and at their end.
    const timer = setTimeout(
      () => giveUp(new Error('it does not end')),
      ENDLESS + 10 * (this.#times.get(name) ?? SLOWEST),
    );
    try {
      const result = run();
      if (result instanceof Promise) {
        const endless = new Promise((_, reject) => {
          giveUp = reject;
        });
        await Promise.race([result, endless]);
        await turns();
      }
      const [stray] = this.#strays.values();
      return stray === undefined ? undefined : textOf(stray);
    } catch (error) {
      return textOf(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Waits some turns of the event loop, so that unhandled rejections are reported. */
async function turns(): Promise<void> {
  for (let count = 0; count < 3; count++) await new Promise((resolve) => setImmediate(resolve));
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

export const strykerPlugins = Object.entries(AREAS).map(([name, area]) => {
  class AreaRunner extends Runner {
    static readonly inject = tokens(commonTokens.options);

    constructor(_: StrykerOptions) {
      super(area);
    }
  }
  return declareClassPlugin(PluginKind.TestRunner, name, AreaRunner);
});
