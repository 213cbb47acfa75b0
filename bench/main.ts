import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Job, Worker } from './control.js';
import { selfTimes } from './profile.js';
import { machine, table } from './report.js';
import { FULL, QUICK, type Result, run } from './run.js';
import { SCENARIOS, type Scenario } from './scenarios.js';
import type { Side } from './traffic.js';

const HELP = `Measures roam-actors against the package ws, in the same run: rounds of one and of the other take turns, each side
in processes of its own, and what is printed first is the median of their ratios. Absolute figures depend on the machine.

  npm run bench                        everything; never more than four minutes
  npm run bench -- --quick             everything, roughly, in about one
  npm run bench -- --only echo-16B     the scenarios whose names begin so
  npm run bench -- --json FILE         every round's figures, too
  npm run bench -- --list              the names of the scenarios
  npm run bench -- --profile echo-16B-x64 [--raw] [--seconds 3]
        where the time goes: a CPU profile of one scenario, of the caller's process and without its start.
        Prints the functions with the most time of their own, and leaves a .cpuprofile for Chrome's DevTools.

After a build, node dist/bench/main.js does the same without another one.`;

/** When so much time has passed, what is left is measured as with --quick. */
const HURRY_AFTER_MS = 150_000;

/** From here on nothing is begun: with other programs on the machine, the last scenarios may be left out. */
const STOP_AFTER_MS = 220_000;

const { values: options } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    list: { type: 'boolean' },
    quick: { type: 'boolean' },
    only: { type: 'string' },
    json: { type: 'string' },
    profile: { type: 'string' },
    raw: { type: 'boolean' },
    seconds: { type: 'string', default: '3' },
  },
});

try {
  if (options.help) console.log(HELP);
  else if (options.list) console.log(SCENARIOS.map(({ name }) => name).join('\n'));
  else if (options.profile === undefined) await bench();
  else await profile(options.profile, options.raw ? 'raw' : 'ours', Number(options.seconds));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function bench(): Promise<void> {
  const { only = '', json } = options;
  const chosen = SCENARIOS.filter(({ name }) => name.startsWith(only));
  if (chosen.length === 0) throw new Error(`no scenario's name begins with ${only}: see --list`);
  const started = performance.now();
  const results: Result[] = [];
  const failures: string[] = [];
  for (const scenario of chosen) {
    if (performance.now() - started > STOP_AFTER_MS) {
      failures.push(`${scenario.name}: no time left`);
      continue;
    }
    progress(`${results.length + 1} of ${chosen.length}: ${scenario.name}`);
    const plan = options.quick || performance.now() - started > HURRY_AFTER_MS ? QUICK : FULL;
    try {
      results.push(await run(scenario, plan));
    } catch (error) {
      failures.push(`${scenario.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  progress('');
  const about = machine();
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(
    Object.entries(about)
      .map(([key, value]) => `${key} ${value}`)
      .join(', '),
  );
  console.log(`\n${table(results)}\n`);
  console.log(
    `× is ours divided by ws (for connections, 10 000 by 1 000), the median of its rounds; ${seconds} s in all.`,
  );
  for (const failure of failures) console.error(`FAILED ${failure}`);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ machine: about, seconds, results, failures }, null, 2)}\n`);
  if (failures.length > 0) process.exitCode = 1;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function profile(name: string, side: Side, seconds: number): Promise<void> {
  const scenario: Scenario | undefined = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`${name} is no scenario: see --list`);
  const { job, warmUp, amount } = profilable(scenario, side, seconds);
  const path = join(tmpdir(), `${name}-${side}.cpuprofile`);
  const worker = new Worker(job);
  for (let i = 0; i < 3; i++) await worker.round(warmUp);
  const figures = await worker.round(amount, path);
  worker.stop();
  console.log(`${name}, ${side}: ${JSON.stringify(figures)}\n`);
  const { functions, packages } = selfTimes(JSON.parse(readFileSync(path, 'utf8')));
  const print = ({ share, where }: { share: number; where: string }) =>
    console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${where}`);
  packages.forEach(print);
  console.log('');
  functions.slice(0, 30).forEach(print);
  console.log(`\n${path}`);
}

function profilable(scenario: Scenario, side: Side, seconds: number): { job: Job; warmUp: number; amount: number } {
  switch (scenario.type) {
    case 'comparison':
      return { job: scenario.job(side), warmUp: FULL.warmUpMs / 3, amount: seconds * 1000 };
    case 'growth':
      return { job: scenario.job, warmUp: scenario.few, amount: scenario.many };
    case 'footprint':
      return { job: scenario.job, warmUp: scenario.count, amount: scenario.count };
  }
}
