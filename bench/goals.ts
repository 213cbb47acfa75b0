// Measures what docs/benchmark.md compares with its goals: fresh processes in turn, in an order that the seed decides.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { ContenderName } from './contenders.js';
import { type Job, type Opener, Worker } from './control.js';
import type { Goals } from './goals-table.js';
import { median } from './median.js';
import { FULL, QUICK, type Result, run } from './run.js';
import { type Comparison, SCENARIOS } from './scenarios.js';

/** Puts things into another order for each seed: the same one, begun elsewhere. */
function turned<T>(things: readonly T[], seed: number): T[] {
  const first = seed % things.length;
  return [...things.slice(first), ...things.slice(0, first)];
}

interface GoalOptions {
  readonly starts: number;
  readonly seed: number;
  readonly isQuick: boolean;
  readonly progress: (text: string) => void;
}

const TRAFFIC = [
  ...['echo-16B-x1', 'echo-16B-x64', 'echo-4KiB-x1', 'echo-4KiB-x64'],
  ...['stream-64B-c16', 'stream-64B-c256', 'stream-16KiB-c16', 'stream-16KiB-c256'],
];

const AMONG: readonly ContenderName[] = ['raw', 'typed', 'session', 'rsocket'];

/** The sessions of a process that are measured by its first one: one process says nothing. */
const LEAST_FIRST = 7;

type Figures = Record<string, number>;

/** Measures all figures. Each has a name of its own in the file. */
export async function measure({ starts, seed, isQuick, progress }: GoalOptions): Promise<Goals['figures']> {
  const plan = isQuick ? QUICK : { ...FULL, starts };
  const figures: Figures = {};
  const comparisons = SCENARIOS.filter((one): one is Comparison => one.type === 'comparison');
  const scenarios = turned(
    [...comparisons.filter(({ name }) => TRAFFIC.includes(name)), ...connects(comparisons)],
    seed,
  );
  for (const scenario of scenarios) {
    progress(scenario.name);
    const [baseline, ...others] = AMONG.filter((name) => scenario.contenders.includes(name));
    const contenders = [baseline as ContenderName, ...turned(others, seed)];
    for (const result of await run({ ...scenario, contenders }, plan)) note(figures, result);
  }
  for (const scenario of SCENARIOS) {
    const { name, type } = scenario;
    const isWanted = type === 'footprint' || /^collections-.*-(typed|rsocket)$/.test(name);
    if (!isWanted) continue;
    progress(name);
    for (const { headline } of await run(scenario, plan)) figures[name] = headline.value;
  }
  progress('first sessions');
  Object.assign(figures, await firsts(isQuick ? 1 : Math.max(starts, LEAST_FIRST), seed));
  progress('many opens');
  Object.assign(figures, await manyOpens(isQuick ? 1 : starts, isQuick ? 100 : 10_000, seed));
  progress('garbage');
  figures['garbage'] = await garbage(isQuick ? 20 : 400);
  progress('bundles');
  return Object.assign(figures, bundles());
}

/** A first reply by `session.open`, and one on the root. */
function connects(comparisons: readonly Comparison[]): Comparison[] {
  return comparisons
    .filter(({ name }) => name === 'connect')
    .flatMap((one) => [
      one,
      {
        ...one,
        name: 'connect-root',
        contenders: ['raw', 'typed'],
        job: (contender) => ({ ...one.job(contender), ...(contender === 'raw' ? {} : { on: 'root' }) }) as Job,
      },
    ]);
}

/** The ratio by processor time, and the microseconds above ws. Of a first reply it is the ratio of the times. */
function note(figures: Figures, { name, contender, cpuRatio, headline, absolute }: Result): void {
  const key = `${name} ${String(contender)}`;
  figures[key] = name.startsWith('connect') ? headline.value : (cpuRatio as number);
  const { above, own, baseline } = absolute;
  if (above !== undefined) figures[`${key} above`] = above;
  else if (own !== undefined && baseline !== undefined) figures[`${key} above`] = (own - baseline) * 1_000;
}

/** The time to the first reply of a process that has loaded its modules, against one of ws. */
async function firsts(processes: number, seed: number): Promise<Figures> {
  const times: Record<'raw' | 'typed', number[]> = { raw: [], typed: [] };
  for (let round = 0; round < processes; round++) {
    for (const contender of turned(['raw', 'typed'] as const, seed + round)) {
      const { milliseconds } = await once({ kind: 'connect', contender, size: 16, processes: 1 }, [0]);
      times[contender].push(milliseconds as number);
    }
  }
  const [raw, typed] = [median(times.raw), median(times.typed)];
  return { first: typed / raw, 'first above': (typed - raw) * 1_000 };
}

/** The processor time of an open among many, against that of a stream of rsocket. */
async function manyOpens(starts: number, count: number, seed: number): Promise<Figures> {
  const openers: readonly Opener[] = ['rsocket', 'session', 'typed'];
  const times: Record<Opener, number[]> = { rsocket: [], session: [], typed: [] };
  for (let start = 0; start < starts; start++) {
    for (const who of turned(openers, seed + start)) {
      const { cpu } = await once({ kind: 'open-many', who }, [count, count, count]);
      times[who].push(cpu as number);
    }
  }
  const of = (who: Opener) => median(times[who]);
  return { 'open-many session': of('session') / of('rsocket'), 'open-many typed': of('typed') / of('rsocket') };
}

async function garbage(samples: number): Promise<number> {
  const { bytes } = await once({ kind: 'garbage' }, [samples, samples, samples]);
  return bytes as number;
}

/** Starts a process, makes its rounds, and returns the figures of the last one. */
async function once(job: Job, rounds: readonly number[]) {
  const worker = new Worker(job);
  try {
    let figures = {} as Awaited<ReturnType<Worker['round']>>;
    for (const amount of rounds) figures = await worker.round(amount);
    return figures;
  } finally {
    worker.stop();
  }
}

/** The kilobytes of each bundle. */
function bundles(): Figures {
  const text = execFileSync(process.execPath, ['.ci/size.mjs', '--json'], { encoding: 'utf8', cwd: ROOT });
  return Object.fromEntries(Object.entries(JSON.parse(text)).map(([name, size]) => [`bundle ${name}`, Number(size)]));
}

const ROOT = new URL('../../', import.meta.url);

/** Keeps the figures in bench/goals.json, with four significant digits. */
export function keep(
  figures: Goals['figures'],
  { starts, seed }: Pick<GoalOptions, 'starts' | 'seed'>,
  seconds: number,
) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: ROOT }).trim();
  const about = { commit, node: process.version, cpu: cpus()[0]?.model ?? 'unknown', seed, starts, seconds };
  const rounded = Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))]),
  );
  writeFileSync(new URL('bench/goals.json', ROOT), `${JSON.stringify({ ...about, figures: rounded }, undefined, 2)}\n`);
}
