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
import type { Case } from './harness.js';
import { scriptOf, type Tests } from './script.js';

// A runner for Stryker that makes the modules anew for each mutant, and stops at the first test that fails. Jest's own takes
// seconds for that, cannot stop, and has every test of every machine run for whatever is made when a module is loaded: all
// that a statechart is.

/** Longer than this no test takes: it waits for what does not come. */
const ENDLESS = 10_000;

type Context = { -readonly [K in keyof InstrumenterContext]: InstrumenterContext[K] | undefined };

/** What the instrumented code looks at. */
const world = globalThis as unknown as { __stryker__?: Context };
world.__stryker__ ??= {} as Context;
const context = world.__stryker__;

class Runner implements TestRunner {
  readonly #area: Area;
  #make: () => Tests = () => ({ cases: [], preparations: [] });
  /** How long each test took on the right code, in milliseconds. */
  readonly #times = new Map<string, number>();
  #dryRun: DryRunResult = { status: DryRunStatus.Error, errorMessage: 'nothing has been run' };
  #stray: unknown;

  constructor(area: Area) {
    this.#area = area;
  }

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    // What a mutant leaves behind is the test's that is under way, as with Jest.
    for (const event of ['unhandledRejection', 'uncaughtException']) {
      process.on(event, (error) => {
        this.#stray ??= error;
      });
    }
    console.warn = () => {};
    // Where msgpackr has its native accelerator, it spares the codec what the codec is there to do where it has not.
    process.env['MSGPACKR_NATIVE_ACCELERATION_DISABLED'] = 'true';
    this.#make = await scriptOf(this.#area, process.cwd());
    // The right code goes first: what it shows is what wrong code is led through.
    this.#dryRun = await this.#tryRightCode();
  }

  dryRun(): Promise<DryRunResult> {
    return Promise.resolve(this.#dryRun);
  }

  async #tryRightCode(): Promise<DryRunResult> {
    const coverage: MutantCoverage = { static: {}, perTest: {} };
    context.mutantCoverage = coverage;
    const tests: TestResult[] = [];
    for (const one of await this.#casesOf(this.#make())) {
      const started = performance.now();
      context.currentTestId = one.name;
      const failureMessage = await this.#failureOf(one);
      context.currentTestId = undefined;
      const result = { id: one.name, name: one.name, timeSpentMs: performance.now() - started };
      this.#times.set(one.name, result.timeSpentMs);
      if (failureMessage === undefined) tests.push({ ...result, status: TestStatus.Success });
      else tests.push({ ...result, status: TestStatus.Failed, failureMessage });
    }
    return { status: DryRunStatus.Complete, tests, mutantCoverage: coverage };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }: MutantRunOptions): Promise<MutantRunResult> {
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
      this.#stray = undefined;
    }
  }

  async #tryMutant(filter: ReadonlySet<string> | undefined): Promise<MutantRunResult> {
    let cases: readonly Case[];
    try {
      cases = await this.#casesOf(this.#make());
    } catch (error) {
      // Nothing of it works: no test of what it does can say so.
      return { status: MutantRunStatus.Error, errorMessage: textOf(error) };
    }
    const chosen = cases.filter(({ name }) => filter === undefined || filter.has(name));
    // What takes least goes first.
    const timeOf = ({ name }: Case) => this.#times.get(name) ?? 0;
    for (const [index, one] of chosen.toSorted((a, b) => timeOf(a) - timeOf(b)).entries()) {
      const failureMessage = await this.#failureOf(one);
      const endless = determineHitLimitReached(context.hitCount, context.hitLimit);
      if (endless !== undefined) return { status: MutantRunStatus.Timeout, reason: endless.reason ?? '' };
      if (failureMessage === undefined) continue;
      return { status: MutantRunStatus.Killed, killedBy: [one.name], failureMessage, nrOfTests: index + 1 };
    }
    return { status: MutantRunStatus.Survived, nrOfTests: chosen.length };
  }

  async #casesOf({ cases, preparations }: Tests): Promise<readonly Case[]> {
    for (const prepare of preparations) await prepare();
    const { without } = this.#area;
    return without === undefined ? cases : cases.filter(({ name }) => !without.test(name));
  }

  async #failureOf({ run }: Case): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    try {
      const result = run();
      if (result instanceof Promise) {
        const endless = new Promise((_, reject) => {
          timer = setTimeout(reject, ENDLESS, new Error('it does not end'));
        });
        await Promise.race([result, endless]);
        await turns();
      }
      return this.#stray === undefined ? undefined : textOf(this.#stray);
    } catch (error) {
      return textOf(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Some turns of the event loop: time for a rejection that nobody hears to be noticed. */
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
