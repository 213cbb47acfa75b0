import { type Figures, Worker } from './control.js';
import { median } from './median.js';
import type { Comparison, Footprint, Growth, Scenario } from './scenarios.js';

/** How long to measure. */
export interface Plan {
  /** Pairs of rounds, one of each side. */
  readonly pairs: number;
  readonly roundMs: number;
  /** Of processor time, for each process. */
  readonly warmUpMs: number;
  /** A thousand connections are open so soon that several times stand for one. */
  readonly fewAtATime: number;
}

export const FULL: Plan = { pairs: 11, roundMs: 300, warmUpMs: 900, fewAtATime: 3 };
export const QUICK: Plan = { pairs: 3, roundMs: 150, warmUpMs: 300, fewAtATime: 1 };

/** What came out of a scenario: the median of its rounds, and the rounds. */
export interface Result {
  readonly name: string;
  readonly title: string;
  readonly processes: 1 | 2;
  readonly headline: {
    readonly value: number;
    readonly unit: 'x' | 'B';
    readonly least: number;
    readonly most: number;
  };
  readonly target?: { readonly bound: '>=' | '<='; readonly value: number };
  readonly isMet?: boolean;
  /** The headline by processor time instead of time: what other programs on the machine disturb less. */
  readonly cpuRatio?: number;
  /** Medians of absolute figures, which depend on the machine. */
  readonly absolute: Readonly<Record<string, number>>;
  readonly rounds: readonly Readonly<Record<string, number>>[];
}

export async function run(scenario: Scenario, plan: Plan): Promise<Result> {
  switch (scenario.type) {
    case 'comparison':
      return compare(scenario, plan);
    case 'growth':
      return grow(scenario, plan);
    case 'footprint':
      return weigh(scenario);
  }
}

/** Raw, ours, raw, ours: what disturbs the machine for longer than a round disturbs both. */
async function compare(scenario: Comparison, plan: Plan): Promise<Result> {
  const { figure, target } = scenario;
  return withWorkers([new Worker(scenario.job('raw')), new Worker(scenario.job('ours'))], async ([raw, ours]) => {
    const warmUpMs = plan.warmUpMs * scenario.patience * scenario.processes;
    await warmUp(raw, warmUpMs);
    await warmUp(ours, warmUpMs);
    const rounds: { raw: number; ours: number; ratio: number; cpuRatio: number }[] = [];
    const details: Figures[] = [];
    while (rounds.length < plan.pairs) {
      const of = { raw: await raw.round(plan.roundMs), ours: await ours.round(plan.roundMs) };
      const [rawFigure, oursFigure] = [numberOf(of.raw, figure), numberOf(of.ours, figure)];
      const cpuRatio = numberOf(of.ours, 'cpu') / numberOf(of.raw, 'cpu');
      rounds.push({ raw: rawFigure, ours: oursFigure, ratio: oursFigure / rawFigure, cpuRatio });
      details.push(of.ours);
    }
    const medianOf = (key: keyof (typeof rounds)[number]) => median(rounds.map((round) => round[key]));
    const ratios = rounds.map(({ ratio }) => ratio);
    return {
      ...headOf(scenario, scenario.processes, 'x', ratios),
      ...judge(target, '>=', median(ratios)),
      cpuRatio: medianOf('cpuRatio'),
      absolute: { raw: medianOf('raw'), ours: medianOf('ours'), ...phasesOf(details) },
      rounds,
    };
  });
}

/** What the time of our side was spent on, where a round tells. */
function phasesOf(rounds: readonly Figures[]): Record<string, number> {
  const names = ['link', 'handshake', 'open', 'reply'].filter((name) => rounds[0]?.[name] !== undefined);
  return Object.fromEntries(names.map((name) => [name, median(rounds.map((round) => numberOf(round, name)))]));
}

const GROWTH_ROUNDS = 3;

async function grow({ few, many, target, job, ...scenario }: Growth, plan: Plan): Promise<Result> {
  return withWorkers([new Worker(job)], async ([worker]) => {
    const both = async (count: number): Promise<{ open: number; close: number }> => {
      const figures = await worker.round(count);
      return { open: numberOf(figures, 'open'), close: numberOf(figures, 'close') };
    };
    for (let i = 0; i < 4; i++) await both(few);
    const rounds: Record<'fewOpen' | 'manyOpen' | 'fewClose' | 'manyClose' | 'ratio' | 'closeRatio', number>[] = [];
    while (rounds.length < GROWTH_ROUNDS) {
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

const FOOTPRINT_ROUNDS = 3;

async function weigh({ job, count, target, ...scenario }: Footprint): Promise<Result> {
  return withWorkers([new Worker(job)], async ([worker]) => {
    // The first ones also pay for what is made once: compiled code, hidden classes.
    await worker.round(count);
    const rounds: { bytes: number }[] = [];
    while (rounds.length < FOOTPRINT_ROUNDS) rounds.push({ bytes: numberOf(await worker.round(count), 'bytes') });
    const bytes = rounds.map((round) => round.bytes);
    return { ...headOf(scenario, 1, 'B', bytes), ...judge(target, '<=', median(bytes)), absolute: {}, rounds };
  });
}

/** Even on the busiest machine. */
const MOST_WARM_UPS = 40;

/**
 * Until the compiler is done, and the worker knows how many messages a round takes. It goes by processor time, of which a
 * busy machine leaves little: half compiled, a side would be measured at a fraction of its speed.
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
  unit: 'x' | 'B',
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
