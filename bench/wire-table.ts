import { markdown } from './markdown.js';

/** The caller and the callee of each pair. The reference is roam 7.3.0 in Rust. */
export const PAIRS = {
  ours: 'ours → ours',
  messagePack: 'the same, MessagePack',
  toRust: 'ours → Rust',
  fromRust: 'Rust → ours',
  rust: 'Rust → Rust',
} as const;

export type Pair = keyof typeof PAIRS;

/** One kind of work over one link. All figures are medians of ratios of speeds that were measured next to each other. */
export interface Row {
  readonly link: 'TCP' | 'WebSocket';
  readonly work: string;
  /** The ratio to the package ws alone, at the same work. */
  readonly toWs: Readonly<Partial<Record<Pair, number>>>;
  /** The ratio of ours → ours to Rust → Rust. */
  readonly toRust?: number;
  /** The least `toRust`. */
  readonly target: number;
  /** The ratio of ours → ours with postcard to the same with MessagePack. */
  readonly toMessagePack: number;
}

export interface Figures {
  readonly commit: string;
  readonly node: string;
  /** Seeds the order in which the work is done. */
  readonly seed: number;
  /** The number of times that each process was started, and the number of rounds of each start. */
  readonly starts: number;
  readonly rounds: number;
  readonly rows: readonly Row[];
}

/** The table for docs/benchmark-wire.md. */
export function wireTable({ commit, node, seed, starts, rounds, rows }: Figures): string {
  const names = Object.keys(PAIRS) as Pair[];
  const cells = rows.map(({ link, work, toWs, toRust, target, toMessagePack }) => [
    `${link}, ${work}`,
    ...names.map((name) => text(toWs[name])),
    `${text(toRust)}${judged(toRust, target)}`,
    `${text(toMessagePack)}${judged(toMessagePack, 1)}`,
  ]);
  return [
    `At ${commit}, Node ${node}, seed ${seed}, ${starts} ${starts === 1 ? 'start' : 'starts'} of ${rounds} rounds each.`,
    '',
    ...markdown([['work', ...Object.values(PAIRS), 'ours to Rust’s', 'postcard to MessagePack'], ...cells]),
  ].join('\n');
}

function text(ratio: number | undefined): string {
  return ratio === undefined ? '' : ratio.toFixed(2);
}

function judged(ratio: number | undefined, target: number): string {
  if (ratio === undefined) return '';
  return ratio >= target ? ` ≥ ${target}` : ` **< ${target}**`;
}
