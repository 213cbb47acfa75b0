import { type Figures, Worker } from './control.js';
import { median } from './median.js';
import type { Comparison, Footprint, Growth, Scenario } from './scenarios.js';

/** How long to measure. */
export interface Plan {
  /** Pairs of rounds, one of each side. */
  readonly pairs: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
}

export const FULL: Plan = { pairs: 11, roundMs: 300, warmUpMs: 900 };
export const QUICK: Plan = { pairs: 3, roundMs: 150, warmUpMs: 450 };

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
    await warmUp(raw, plan);
    await warmUp(ours, plan);
    const rounds: { raw: number; ours: number; ratio: number; cpuRatio: number }[] = [];
    while (rounds.length < plan.pairs) {
      const of = { raw: await raw.round(plan.roundMs), ours: await ours.round(plan.roundMs) };
      const [rawFigure, oursFigure] = [numberOf(of.raw, figure), numberOf(of.ours, figure)];
      const cpuRatio = numberOf(of.ours, 'cpu') / numberOf(of.raw, 'cpu');
      rounds.push({ raw: rawFigure, ours: oursFigure, ratio: oursFigure / rawFigure, cpuRatio });
    }
    const medianOf = (key: keyof (typeof rounds)[number]) => median(rounds.map((round) => round[key]));
    const ratios = rounds.map(({ ratio }) => ratio);
    return {
      ...headOf(scenario, scenario.processes, 'x', ratios),
      ...judge(target, '>=', median(ratios)),
      cpuRatio: medianOf('cpuRatio'),
      absolute: { raw: medianOf('raw'), ours: medianOf('ours') },
      rounds,
    };
  });
}

/** A round of few is over so soon that several stand for one. */
const FEW_AT_A_TIME = 5;
const GROWTH_ROUNDS = 3;

async function grow(scenario: Growth, plan: Plan): Promise<Result> {
  const { few, many, target } = scenario;
  return withWorkers([new Worker(scenario.job(few)), new Worker(scenario.job(many))], async ([small, large]) => {
    await warmUp(small, plan);
    await large.round(0);
    const rounds: {
      fewOpen: number;
      manyOpen: number;
      fewClose: number;
      manyClose: number;
      ratio: number;
      closeRatio: number;
    }[] = [];
    while (rounds.length < GROWTH_ROUNDS) {
      const opens: number[] = [];
      const closes: number[] = [];
      for (let i = 0; i < FEW_AT_A_TIME; i++) {
        const figures = await small.round(0);
        opens.push(numberOf(figures, 'open'));
        closes.push(numberOf(figures, 'close'));
      }
      const figures = await large.round(0);
      const manyOpen = numberOf(figures, 'open');
      const manyClose = numberOf(figures, 'close');
      const times = many / few;
      const ratio = (manyOpen * times) / median(opens);
      const closeRatio = (manyClose * times) / median(closes);
      rounds.push({ fewOpen: median(opens), manyOpen, fewClose: median(closes), manyClose, ratio, closeRatio });
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

async function weigh(scenario: Footprint): Promise<Result> {
  return withWorkers([new Worker(scenario.job)], async ([worker]) => {
    // The first ones also pay for what is made once: compiled code, hidden classes.
    await worker.round(0);
    const rounds: { bytes: number }[] = [];
    while (rounds.length < FOOTPRINT_ROUNDS) rounds.push({ bytes: numberOf(await worker.round(0), 'bytes') });
    const bytes = rounds.map((round) => round.bytes);
    return { ...headOf(scenario, 1, 'B', bytes), ...judge(scenario.target, '<=', median(bytes)), absolute: {}, rounds };
  });
}

/** Until the compiler is done, and the worker knows how many messages a round takes. */
async function warmUp(worker: Worker, { warmUpMs }: Plan): Promise<void> {
  const until = performance.now() + warmUpMs;
  while (performance.now() < until) await worker.round(warmUpMs / 4);
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

function headOf({ name, title }: Scenario, processes: 1 | 2, unit: 'x' | 'B', values: readonly number[]) {
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
