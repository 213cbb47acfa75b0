import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { build, hasCargo } from './build.js';
import { conform } from './conform.js';
import { coverage } from './coverage.js';
import { differential, randomOf } from './differential/part.js';
import { generate } from './generate.js';
import { freeze } from './interop/freeze.js';
import { interop } from './interop/part.js';
import type { Counts, Part } from './part.js';
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
const only = values.coverage ? 'coverage' : values.only;
const PARTS = Object.entries(ALL).filter(([name]) => only === undefined || name === only);

async function run(): Promise<Counts> {
  if (!hasCargo()) {
    console.log('The reference is not tested: there is no cargo here. https://rustup.rs installs it.');
    return process.env['CI'] === 'true' ? { passed: 0, failed: 1 } : { passed: 0, failed: 0, skipped: 1 };
  }
  const started = performance.now();
  const scripts = values.scripts === '-' ? '/dev/stdin' : values.scripts;
  const random = randomOf(values);
  const sessions = Number(values.sessions);
  if (!Number.isSafeInteger(sessions) || sessions < 1) throw new Error('--sessions takes a number from 1');
  const context = { programs: build(), scripts, isVerbose: values.coverage, random, sessions };
  console.log(`build         ${seconds(started)}`);
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, part] of PARTS) {
    const started = performance.now();
    const { passed, failed, skipped = 0 } = await part(context).catch(broken);
    console.log(`${name.padEnd(12)}  ${seconds(started)}  ${summary({ passed, failed, skipped })}`);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
  return total;
}

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s`;
}

function summary({ passed, failed, skipped = 0 }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** Makes one failure of an error that a part, or the build, ended with. */
function broken(error: unknown): Counts {
  console.log(`FAILED  ${error instanceof Error ? error.stack : error}`);
  return { passed: 0, failed: 1 };
}

const counts = await run().catch(broken);
console.log(summary(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;
