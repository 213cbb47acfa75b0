import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { build, hasCargo } from './build.js';
import { conform } from './conform.js';
import { coverage } from './coverage.js';
import { differential, randomOf } from './differential/part.js';
import { generate } from './generate.js';
import { freeze } from './interop/freeze.js';
import { interop } from './interop/part.js';
import { type Counts, type Part, total } from './part.js';
import { sensitivity } from './sensitivity/part.js';
import { smoke } from './smoke.js';

// npm run test:reference: builds the reference, roam 7.3.0 in Rust, and holds the library against it. docs/reference.md
// describes its parts and options.

const { values } = parseArgs({
  options: {
    coverage: { type: 'boolean', default: false },
    scripts: { type: 'string' },
    only: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    count: { type: 'string', default: '10000' },
    kind: { type: 'string' },
    interpreter: { type: 'string' },
    sessions: { type: 'string', default: '60' },
    pair: { type: 'string', default: '' },
  },
});

const ALL: Readonly<Record<string, Part>> = {
  smoke,
  generate,
  interop,
  freeze,
  conform,
  coverage,
  differential,
  sensitivity,
};
/** The number of failed checks that the end lists. */
const LISTED = 30;

const only = values.coverage ? 'coverage' : values.only;
const PARTS = Object.entries(ALL).filter(([name]) => only === undefined || name === only);

async function run(): Promise<Counts> {
  if (!hasCargo()) {
    console.log('The reference is not tested: there is no cargo here. https://rustup.rs installs it.');
    return process.env['CI'] === 'true'
      ? { passed: 0, failures: ['there is no cargo'] }
      : { passed: 0, failures: [], skipped: 1 };
  }
  const started = performance.now();
  const scripts = values.scripts === '-' ? '/dev/stdin' : values.scripts;
  const random = randomOf(values);
  const sessions = Number(values.sessions);
  if (!Number.isSafeInteger(sessions) || sessions < 1) throw new Error('--sessions takes a number from 1');
  const { coverage: isVerbose, pair } = values;
  const context = { programs: build(), scripts, isVerbose, random, sessions, pair };
  console.log(`build         ${seconds(started)}`);
  const all: Counts[] = [];
  for (const [name, part] of PARTS) {
    const started = performance.now();
    const { failures, ...counts } = await part(context).catch(broken);
    all.push({ ...counts, failures: failures.map((failure) => `${name}: ${failure}`) });
    console.log(`${name.padEnd(12)}  ${seconds(started)}  ${summary({ ...counts, failures })}`);
  }
  return total(all);
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;
}

function summary({ passed, failures, skipped = 0 }: Counts): string {
  return `${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Makes one failure of an error that a part, or the build, ended with. */
function broken(error: unknown): Counts {
  console.log(`FAILED  ${error instanceof Error ? error.stack : error}`);
  return { passed: 0, failures: [String(error)] };
}

/** Prints the names of the failed checks again, one a line: a log that is cut to its end still has them. */
function list(failures: readonly string[]): void {
  for (const failure of failures.slice(0, LISTED)) console.log(`FAILED  ${failure.split('\n')[0]}`);
  if (failures.length > LISTED) console.log(`FAILED  … and ${failures.length - LISTED} more`);
}

const counts = await run().catch(broken);
list(counts.failures);
console.log(summary(counts));
process.exitCode = counts.failures.length > 0 ? 1 : 0;
