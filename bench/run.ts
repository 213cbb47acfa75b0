import { BASELINE, type ContenderName } from './contenders.js';
import { type Figures, Worker } from './control.js';
import { median } from './median.js';
import type { Check, Comparison, Footprint, Growth, Scenario } from './scenarios.js';

/** The durations and numbers of rounds. */
export interface Plan {
  /** The number of times that the processes of a comparison are started anew: two of the same code differ by 10 %. */
  readonly starts: number;
  /** Rounds of each contender, after each start. */
  readonly rounds: number;
  readonly roundMs: number;
  /** The processor time to warm up, in milliseconds, for each process. */
  readonly warmUpMs: number;
  /**
   * The number of measurements with few connections in a round: a thousand connections open too fast for one measurement.
   */
  readonly fewAtATime: number;
  /** The number of rounds of long scenarios, which do not take turns with others. */
  readonly repeats: number;
  /** The share of a check's amount that is measured. */
  readonly share: number;
}

export const FULL: Plan = { starts: 7, rounds: 3, roundMs: 100, warmUpMs: 1500, fewAtATime: 3, repeats: 3, share: 1 };
export const QUICK: Plan = { starts: 1, rounds: 1, roundMs: 50, warmUpMs: 50, fewAtATime: 1, repeats: 1, share: 0.01 };

type Unit = 'x' | Check['unit'];

/** The result of a scenario for one contender: the median of its rounds, and the rounds. */
export interface Result {
  readonly name: string;
  readonly title: string;
  readonly processes: 1 | 2;
  readonly contender?: ContenderName;
  /** Bytes of one message. */
  readonly size?: number;
  readonly headline: {
    readonly value: number;
    readonly unit: Unit;
    readonly least: number;
    readonly most: number;
  };
  readonly target?: { readonly bound: '>=' | '<='; readonly value: number };
  readonly isMet?: boolean;
  /** The headline by processor time instead of time. Other programs on the machine disturb it less. */
  readonly cpuRatio?: number;
  /** Medians of absolute figures, which depend on the machine. */
  readonly absolute: Readonly<Record<string, number>>;
  readonly rounds: readonly Readonly<Record<string, number>>[];
}

export async function run(scenario: Scenario, plan: Plan): Promise<Result[]> {
  switch (scenario.type) {
    case 'comparison':
      return compare(scenario, plan);
    case 'growth':
      return [await grow(scenario, plan)];
    case 'footprint':
      return [await weigh(scenario, plan)];
    case 'check':
      return [await check(scenario, plan)];
  }
}

/**
 * Measures all contenders in turn, in processes that are started anew several times, and the baseline before and after each.
 * A disturbance of the machine that lasts longer than a round disturbs both. A contender is compared with the two rounds of
 * the baseline that are next to its own.
 */
async function compare(scenario: Comparison, plan: Plan): Promise<Result[]> {
  const { figure, name, title, size, processes, targets } = scenario;
  const others = scenario.contenders.filter((contender) => contender !== BASELINE);
  const turns: Turn[][] = others.map(() => []);
  for (let start = 0; start < plan.starts; start++) {
    for (const [at, taken] of (await startedAnew(scenario, others, plan)).entries()) turns[at]?.push(...taken);
  }
  return others.map((contender, at): Result => {
    const rounds = (turns[at] ?? []).map((turn) => ratiosOf(turn, figure));
    const medianOf = (key: keyof (typeof rounds)[number]) => median(rounds.map((round) => round[key]));
    const ratios = rounds.map(({ ratio }) => ratio);
    return {
      ...headOf({ name, title }, processes, 'x', ratios),
      contender,
      size,
      ...judge(targets[contender], '>=', median(ratios)),
      cpuRatio: medianOf('cpuRatio'),
      absolute: {
        baseline: medianOf('baseline'),
        own: medianOf('own'),
        ...(figure === 'rate' ? { above: medianOf('above') } : {}),
        ...phasesOf((turns[at] ?? []).map(({ own }) => own)),
      },
      rounds,
    };
  });
}

/** Starts all contenders, warms them up, and returns the turns of each of `others`. */
async function startedAnew(scenario: Comparison, others: readonly ContenderName[], plan: Plan): Promise<Turn[][]> {
  const { name, patience, processes } = scenario;
  const workers = [BASELINE as ContenderName, ...others].map((contender) => new Worker(scenario.job(contender)));
  return withWorkers(workers, async ([baseline, ...contenders]) => {
    if (baseline === undefined) throw new Error(`${name} has nothing to compare with`);
    for (const worker of [baseline, ...contenders]) await warmUp(worker, plan.warmUpMs * patience * processes);
    const turns: Turn[][] = others.map(() => []);
    let before = await baseline.round(plan.roundMs);
    for (let round = 0; round < plan.rounds; round++) {
      for (const [at, contender] of contenders.entries()) {
        const own = await contender.round(plan.roundMs);
        const after = await baseline.round(plan.roundMs);
        turns[at]?.push({ before, own, after });
        before = after;
      }
    }
    return turns;
  });
}

/** A round of a contender, between two of the baseline. */
interface Turn {
  readonly before: Figures;
  readonly own: Figures;
  readonly after: Figures;
}

function ratiosOf({ before, own, after }: Turn, figure: Comparison['figure']) {
  const around = (name: string): number => (numberOf(before, name) + numberOf(after, name)) / 2;
  return {
    baseline: around(figure),
    own: numberOf(own, figure),
    ratio: numberOf(own, figure) / around(figure),
    cpuRatio: numberOf(own, 'cpu') / around('cpu'),
    /** The microseconds of processor time that a message takes above one of the baseline. */
    above: 1e6 / numberOf(own, 'cpu') - 1e6 / around('cpu'),
  };
}

/** Returns the phases of the time, if the rounds have them. */
function phasesOf(rounds: readonly Figures[]): Record<string, number> {
  const names = ['link', 'handshake', 'open', 'reply'].filter((name) => rounds[0]?.[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => numberOf(round, name)))]));
}

async function grow({ few, many, target, job, ...scenario }: Growth, plan: Plan): Promise<Result> {
  return withWorkers([new Worker(job)], async ([worker]) => {
    const both = async (count: number): Promise<{ open: number; close: number }> => {
      const figures = await worker.round(count);
      return { open: numberOf(figures, 'open'), close: numberOf(figures, 'close') };
    };
    for (let i = 0; i <= plan.repeats; i++) await both(few);
    const rounds: Record<'fewOpen' | 'manyOpen' | 'fewClose' | 'manyClose' | 'ratio' | 'closeRatio', number>[] = [];
    while (rounds.length < plan.repeats) {
      const small: { open: number; close: number }[] = [];
      while (small.length < plan.fewAtATime) small.push(await both(few));
      const fewOpen = median(small.map(({ open }) => open));
      const fewClose = median(small.map(({ close }) => close));
      const { open: manyOpen, close: manyClose } = await both(many);
      const times = many / few;
      const [ratio, closeRatio] = [(manyOpen * times) / fewOpen, (manyClose * times) / fewClose];
      rounds.push({ fewOpen, manyOpen, fewClose, manyClose, ratio, closeRatio });
    }
    const medianOf = (key: keyof (typeof rounds)[number]) => median(rounds.map((round) => round[key]));
    const absolute = {
      fewOpen: medianOf('fewOpen'),
      manyOpen: medianOf('manyOpen'),
      fewClose: medianOf('fewClose'),
      manyClose: medianOf('manyClose'),
      closeRatio: medianOf('closeRatio'),
    };
    const ratios = rounds.map(({ ratio }) => ratio);
    return { ...headOf(scenario, 1, 'x', ratios), ...judge(target, '<=', median(ratios)), absolute, rounds };
  });
}

async function weigh({ job, count, target, ...scenario }: Footprint, plan: Plan): Promise<Result> {
  return withWorkers([new Worker(job)], async ([worker]) => {
    // The first rounds also pay for compiled code and hidden classes, which are made once.
    await worker.round(count);
    const rounds: { bytes: number }[] = [];
    while (rounds.length < plan.repeats) rounds.push({ bytes: numberOf(await worker.round(count), 'bytes') });
    const bytes = rounds.map((round) => round.bytes);
    return { ...headOf(scenario, 1, 'B', bytes), ...judge(target, '<=', median(bytes)), absolute: {}, rounds };
  });
}

async function check(
  { job, warmUp: before, amount, times, target, contender, unit, ...scenario }: Check,
  plan: Plan,
): Promise<Result> {
  return withWorkers([new Worker(job)], async ([worker]) => {
    if (before > 0) await worker.round(before * plan.share);
    const rounds: { value: number }[] = [];
    while (rounds.length < times) {
      rounds.push({ value: numberOf(await worker.round(amount * plan.share), 'value') });
    }
    const value = Math.min(...rounds.map((round) => round.value));
    return {
      ...headOf(scenario, 1, unit, [value]),
      contender,
      ...judge(target, '<=', value),
      absolute: {},
      rounds,
    };
  });
}

/** The largest number of rounds to warm up, even on the busiest machine. */
const MOST_WARM_UPS = 40;

/**
 * Runs rounds until the compiler is done, and the worker knows the number of messages for a round. It counts processor time,
 * of which a busy machine leaves little: half compiled, a side would be measured at a fraction of its speed.
 */
async function warmUp(worker: Worker, milliseconds: number): Promise<void> {
  let busy = 0;
  for (let rounds = 0; busy < milliseconds && rounds < MOST_WARM_UPS; rounds++) {
    busy += numberOf(await worker.round(milliseconds / 5), 'busy');
  }
}

async function withWorkers<const W extends readonly Worker[], T>(
  workers: W,
  use: (workers: W) => Promise<T>,
): Promise<T> {
  try {
    return await use(workers);
  } finally {
    for (const worker of workers) worker.stop();
  }
}

function headOf(
  { name, title }: Pick<Scenario, 'name' | 'title'>,
  processes: 1 | 2,
  unit: Unit,
  values: readonly number[],
) {
  const headline = { value: median(values), unit, least: Math.min(...values), most: Math.max(...values) };
  return { name, title, processes, headline };
}

function judge(target: number | undefined, bound: '>=' | '<=', value: number): Pick<Result, 'target' | 'isMet'> {
  if (target === undefined) return {};
  return { target: { bound, value: target }, isMet: bound === '>=' ? value >= target : value <= target };
}

function numberOf(figures: Figures, name: string): number {
  const value = figures[name];
  if (typeof value !== 'number') throw new Error(`a round without ${name}`);
  return value;
}
