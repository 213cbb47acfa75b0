import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Interpreter } from '../../../src/session/options.js';
import { DIFFERENCES } from '../differences.js';
import type { Counts, Part, RandomOptions } from '../part.js';
import { Match, TRIES } from './compare.js';
import { type Kind, ScriptBuilder } from './generate.js';
import { Oracle } from './oracle.js';
import { printed } from './print.js';
import { Random } from './random.js';
import type { Difference } from './rewriting.js';
import type { Script } from './script.js';
import { shrunk } from './shrink.js';

/** The number of scripts that the reference plays ahead. */
const AHEAD = 8;

/** The kinds of the scripts, in turn. */
const KINDS: readonly Kind[] = ['bare', 'calls', 'bare', 'calls', 'proxies'];

const INTERPRETERS = ['compiled', 'xstate'] as const;

/** XState's own step plays each of so many scripts, and the compiled machines play the others. */
const SHARE = 4;

/** The number of disagreements after which the run stops: more of them show nothing new. */
const ENOUGH = 10;

/** @throws Error when the command line has invalid options. */
export function randomOf(values: {
  readonly seed: string;
  readonly count: string;
  readonly kind?: string | undefined;
  readonly interpreter?: string | undefined;
}): RandomOptions {
  const [seed, count] = [Number(values.seed), Number(values.count)];
  const kind = KINDS.find((one) => one === values.kind);
  const interpreter = INTERPRETERS.find((one) => one === values.interpreter);
  const isUnknown = (values.kind !== undefined && !kind) || (values.interpreter !== undefined && !interpreter);
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || isUnknown) {
    throw new Error('the options are --seed N, --count N, --kind bare|calls|proxies and --interpreter compiled|xstate');
  }
  return { seed, count, kind, interpreter };
}

/** Plays random scripts on the reference and on our session, and the examples of the table. */
export const differential: Part = async ({ programs, random }) => {
  console.log(`differential: ${random.count} scripts, --seed ${random.seed}`);
  const oracle = new Oracle(programs.oracle);
  try {
    const run = new Run(oracle, random);
    run.lines(join(dirname(programs.oracle), '../roam-core/src'));
    await run.examples();
    await run.random();
    return run.counts();
  } finally {
    oracle.stop();
  }
};

/** Yields random scripts. The reference already plays some of them ahead. */
export function* randomMatches(
  oracle: Oracle,
  table: readonly Difference[],
  seed: number,
  count: number,
  kind: Kind | undefined,
): Generator<{ readonly n: number; readonly script: Script; readonly match: Match }> {
  const ahead: { readonly n: number; readonly script: Script; readonly match: Match }[] = [];
  for (let n = 0; n < count; n++) {
    const script = new ScriptBuilder(new Random(seed, n), kind ?? (KINDS[n % KINDS.length] as Kind)).make();
    ahead.push({ n, script, match: new Match(script, oracle, table) });
    const first = ahead.length > AHEAD ? ahead.shift() : undefined;
    if (first !== undefined) yield first;
  }
  yield* ahead;
}

class Run {
  readonly #oracle: Oracle;
  readonly #options: RandomOptions;
  readonly #excused = new Map<Difference, number>();
  readonly #shown = new Set<Difference>();
  #passed = 0;
  readonly #failures: string[] = [];
  #groups = 0;
  #byChance = 0;

  constructor(oracle: Oracle, options: RandomOptions) {
    this.#oracle = oracle;
    this.#options = options;
  }

  /** Checks that each row names its line of the reference, whose sources are in `folder`. */
  lines(folder: string): void {
    for (const { row, line, code } of DIFFERENCES) {
      const [file = '', number] = line.split(':');
      const there = readFileSync(join(folder, file), 'utf8').split('\n')[Number(number) - 1]?.trim();
      if (there === code) this.#passed++;
      else this.#fail(`row ${row}: in ${line} stands ${there}, not ${code}`);
    }
  }

  /**
   * Checks that each row's example shows it: the two sessions disagree on the example, and agree once the row is applied.
   */
  async examples(): Promise<void> {
    for (const difference of DIFFERENCES) {
      const { row, reference, example } = difference;
      const isShown = await this.#isShown(example);
      const { disagreement, excused } = await new Match(example, this.#oracle, DIFFERENCES).judge();
      if (!isShown) {
        this.#fail(`row ${row} (${reference}): its example shows no difference`);
      } else if (disagreement !== undefined) {
        this.#fail(`row ${row} (${reference}): its example is not what it says\n${printed(example, disagreement)}`);
      } else if (!excused.includes(difference)) {
        this.#fail(`row ${row} (${reference}): its example is excused by another row`);
      } else {
        this.#shown.add(difference);
        this.#passed++;
      }
    }
  }

  /**
   * Returns true if the two sessions disagree on a script as it is: always, or only when the reference takes its ready
   * inputs in another order.
   */
  async #isShown(example: Script): Promise<boolean> {
    for (let tries = 0; tries < TRIES; tries++) {
      try {
        const { disagreement } = await new Match(example, this.#oracle, [], tries).judge(1);
        if (disagreement !== undefined) return true;
      } catch {
        // The reference panics, or dies.
        return true;
      }
    }
    return false;
  }

  async random(): Promise<void> {
    const { count, seed, kind } = this.#options;
    for (const { n, script, match } of randomMatches(this.#oracle, DIFFERENCES, seed, count, kind)) {
      await this.#judge(n, script, match);
      if (this.#failures.length >= ENOUGH) return;
    }
  }

  counts(): Counts {
    console.log(
      `  ${this.#passed} passed, ${this.#groups} groups of steps, ${this.#byChance} where the reference left it to chance`,
    );
    console.log('  steps that each row of the table has excused:');
    for (const difference of DIFFERENCES) {
      const { row, reference } = difference;
      const count = this.#excused.get(difference) ?? 0;
      console.log(
        `  ${row.padEnd(6)} ${String(count).padStart(6)}${this.#shown.has(difference) ? ' and its example' : ''}  ${reference}`,
      );
      if (count === 0 && !this.#shown.has(difference)) this.#fail(`row ${row} excuses nothing: ${reference}`);
    }
    return { passed: this.#passed, failures: this.#failures };
  }

  async #judge(n: number, script: Script, match: Match): Promise<void> {
    try {
      const { disagreement, groups, excused, isByChance } = await match.judge(TRIES, this.#interpreterOf(n));
      this.#groups += groups;
      if (isByChance) this.#byChance++;
      for (const difference of excused) this.#excused.set(difference, (this.#excused.get(difference) ?? 0) + 1);
      if (disagreement === undefined) this.#passed++;
      else await this.#differs(n, script);
    } catch (error) {
      this.#fail(`script ${n}: ${String(error)}\n  again: ${JSON.stringify(script)}`);
    }
  }

  #interpreterOf(n: number): Interpreter {
    return this.#options.interpreter ?? (n % SHARE === 0 ? 'xstate' : 'compiled');
  }

  async #differs(n: number, script: Script): Promise<void> {
    const judge = async (one: Script) =>
      new Match(one, this.#oracle, DIFFERENCES).judge(TRIES, this.#interpreterOf(n)).catch(() => undefined);
    const shortest = await shrunk(script, async (one) => (await judge(one))?.disagreement !== undefined);
    const disagreement = (await judge(shortest))?.disagreement;
    const shown = disagreement === undefined ? `  again: ${JSON.stringify(script)}` : printed(shortest, disagreement);
    this.#fail(`script ${n} (${this.#interpreterOf(n)}): the reference and we disagree\n${shown}`);
  }

  #fail(text: string): void {
    this.#failures.push(text);
    console.log(text);
  }
}
