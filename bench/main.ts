import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BASELINE, CONTENDERS, type ContenderName, NAMES } from './contenders.js';
import { type Job, Worker } from './control.js';
import { keep, measure } from './goals.js';
import { selfTimes } from './profile.js';
import { draw, publish } from './publish.js';
import { machine, table } from './report.js';
import { FULL, QUICK, type Result, run } from './run.js';
import { SCENARIOS, type Scenario } from './scenarios.js';

const HELP = `Measures roam-actors beside other packages and the package ws alone, in the same run: rounds of all take turns, each
contender in processes of its own, and what is printed first is the median of its ratios to ws. Absolute figures depend on
the machine.

  npm run bench                        everything, in an hour or so: processes are started anew seven times
  npm run bench -- --starts 2          the same with fewer starts
  npm run bench -- --goals --write     the figures of the goals alone, into bench/goals.json and docs/benchmark.md; with --starts 3
                                       in less than 15 minutes; --seed N repeats an order
  npm run bench -- --quick             a few scenarios, too short to tell anything but whether they work
  npm run bench -- --only echo-16B     the scenarios whose names begin so
  npm run bench -- --of rsocket,birpc  these contenders alone, beside ws
  npm run bench -- --write             everything, and what came out into bench/results.json, the plots and docs/benchmark.md
  npm run bench -- --json FILE         every round's figures, too
  npm run bench -- --list              the names of the scenarios and of the contenders
  npm run bench -- --profile echo-16B-x64 [--of raw] [--seconds 3]
        where the time goes: a CPU profile of one scenario, of the caller's process and without its start.
        Prints the functions with the most time of their own, and leaves a .cpuprofile for Chrome's DevTools.

After a build, node bench/dist/main.js does the same without another one.`;

/** One scenario of each kind, and each contender: for --quick. */
const SMOKE = [
  'echo-16B-x64',
  'stream-16KiB-c16-2p',
  ...NAMES.map((name) => `unread-${name}`),
  ...NAMES.map((name) => `heap-${name}`),
  'send-16B',
  'connect',
  'memory-session',
];

const { values: options } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    list: { type: 'boolean' },
    quick: { type: 'boolean' },
    only: { type: 'string' },
    starts: { type: 'string', default: String(FULL.starts) },
    of: { type: 'string' },
    goals: { type: 'boolean' },
    seed: { type: 'string', default: String(Math.trunc(Math.random() * 2 ** 31)) },
    write: { type: 'boolean' },
    json: { type: 'string' },
    profile: { type: 'string' },
    seconds: { type: 'string', default: '3' },
  },
});

try {
  if (options.help) console.log(HELP);
  else if (options.list) list();
  else if (options.goals) await goals();
  else if (options.profile === undefined) await bench();
  else await profile(options.profile, contenders()[0] ?? 'session', Number(options.seconds));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function list(): void {
  for (const { name } of SCENARIOS) console.log(name);
  console.log('');
  for (const name of NAMES) console.log(`${name}: ${CONTENDERS[name].title}`);
}

/** Returns the contenders that --of names. */
function contenders(): ContenderName[] {
  return (options.of?.split(',') ?? []).map((wanted) => {
    const name = NAMES.find((one) => one === wanted);
    if (name === undefined) throw new Error(`${wanted} is no contender: see --list`);
    return name;
  });
}

/** The scenarios that were asked for, each with the contenders that were asked for. */
function chosen(): Scenario[] {
  const { quick, only = '' } = options;
  const wanted = contenders();
  const among = quick && only === '' ? SCENARIOS.filter(({ name }) => SMOKE.includes(name)) : SCENARIOS;
  const scenarios = among
    .filter(({ name }) => name.startsWith(only))
    .flatMap((scenario): Scenario[] => {
      if (wanted.length === 0) return [scenario];
      if (scenario.type === 'check') return wanted.includes(scenario.contender) ? [scenario] : [];
      if (scenario.type !== 'comparison') return [];
      const left = scenario.contenders.filter((name) => name === BASELINE || wanted.includes(name));
      return left.length > 1 ? [{ ...scenario, contenders: left }] : [];
    });
  if (scenarios.length === 0) throw new Error('no scenario is left: see --list');
  return scenarios;
}

async function bench(): Promise<void> {
  const { quick, write, json, only, of } = options;
  if (write && (quick || only !== undefined || of !== undefined)) throw new Error('--write publishes whole runs only');
  const scenarios = chosen();
  const started = performance.now();
  const results: Result[] = [];
  const failures: string[] = [];
  for (const [index, scenario] of scenarios.entries()) {
    progress(`${index + 1} of ${scenarios.length}: ${scenario.name}`);
    try {
      const found = await run(scenario, quick ? QUICK : { ...FULL, starts: Number(options.starts) });
      results.push(...(quick ? found.map(unjudged) : found));
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
    `× is who is named divided by ${CONTENDERS[BASELINE].title} (for connections, 10 000 by 1 000), the median of its rounds; ${seconds} s in all.`,
  );
  for (const failure of failures) console.error(`FAILED ${failure}`);
  if (json !== undefined) {
    writeFileSync(json, `${JSON.stringify({ machine: about, seconds, results, failures }, null, 2)}\n`);
  }
  if (failures.length > 0) process.exitCode = 1;
  else if (write) publish(new URL('../../', import.meta.url), { machine: about, results });
}

/** Measures the figures of the goals, and prints their table's source. A quick run is not kept. */
async function goals(): Promise<void> {
  const { quick: isQuick = false, write } = options;
  if (write && isQuick) throw new Error('--write publishes whole runs only');
  const [starts, seed] = [Number(options.starts), Number(options.seed)];
  const started = performance.now();
  const figures = await measure({ starts, seed, isQuick, progress });
  progress('');
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(JSON.stringify(figures, undefined, 2));
  console.log(`seed ${seed}, ${seconds} s in all`);
  if (!write) return;
  keep(figures, { starts, seed }, seconds);
  draw(new URL('../../', import.meta.url));
}

/** Returns the result without a verdict: a run as short as this one meets no target, and misses none. */
function unjudged({ target, isMet, ...rest }: Result): Result {
  return rest;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function profile(name: string, contender: ContenderName, seconds: number): Promise<void> {
  const scenario: Scenario | undefined = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`${name} is no scenario: see --list`);
  const { job, warmUp, amount } = profilable(scenario, contender, seconds);
  const path = join(tmpdir(), `${name}-${contender}.cpuprofile`);
  const worker = new Worker(job);
  for (let i = 0; i < 3; i++) await worker.round(warmUp);
  const figures = await worker.round(amount, path);
  worker.stop();
  console.log(`${name}, ${contender}: ${JSON.stringify(figures)}\n`);
  const { functions, packages } = selfTimes(JSON.parse(readFileSync(path, 'utf8')));
  const print = ({ share, where }: { share: number; where: string }) =>
    console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${where}`);
  packages.forEach(print);
  console.log('');
  functions.slice(0, 30).forEach(print);
  console.log(`\n${path}`);
}

function profilable(
  scenario: Scenario,
  contender: ContenderName,
  seconds: number,
): { job: Job; warmUp: number; amount: number } {
  switch (scenario.type) {
    case 'comparison':
      return { job: scenario.job(contender), warmUp: FULL.warmUpMs / 3, amount: seconds * 1000 };
    case 'growth':
      return { job: scenario.job, warmUp: scenario.few, amount: scenario.many };
    case 'footprint':
      return { job: scenario.job, warmUp: scenario.count, amount: scenario.count };
    case 'check':
      return { job: scenario.job, warmUp: scenario.warmUp, amount: scenario.amount };
  }
}
