import { markdown } from './markdown.js';

export const INTERPRETERS = ['xstate', 'compiled'] as const;
export type Interpreter = (typeof INTERPRETERS)[number];

/** The medians of one machine on one interpreter. */
export interface Measures {
  /** Events in a second of CPU time. */
  readonly events: number;
  /** Bytes that an event allocates. */
  readonly bytes: number;
  /** Bytes that a started actor keeps. */
  readonly idle: number;
}

export interface Row extends Readonly<Record<Interpreter, Measures>> {
  readonly machine: string;
}

export interface Figures {
  readonly commit: string;
  readonly node: string;
  /** Seeds the order in which the processes run. */
  readonly seed: number;
  /** The number of processes for each machine on each interpreter. */
  readonly rounds: number;
  readonly rows: readonly Row[];
}

/** The ratios to reach, against XState in the same run. */
const TARGETS = { events: 3, idle: 1 } as const;

/** The table of the documentation, made of the figures that are kept. */
export function compileTable({ commit, node, seed, rounds, rows }: Figures): string {
  const cells = rows.map(({ machine, xstate, compiled }) => [
    machine,
    ...[xstate, compiled].map(({ events }) => thousands(events / 1_000)),
    judged(compiled.events / xstate.events, (ratio) => ratio >= TARGETS.events),
    ...[xstate, compiled].map(({ bytes }) => thousands(bytes)),
    (compiled.bytes / xstate.bytes).toFixed(2),
    ...[xstate, compiled].map(({ idle }) => thousands(idle)),
    judged(compiled.idle / xstate.idle, (ratio) => ratio <= TARGETS.idle),
  ]);
  const head = ['', 'XState', 'compiled', 'ratio', 'XState', 'compiled', 'ratio', 'XState', 'compiled', 'ratio'];
  const what = ['machine', '1 000 events a second', '', '', 'bytes an event', '', '', 'bytes an idle actor', '', ''];
  return [
    `At ${commit}, Node ${node}, seed ${seed}: medians of ${rounds} processes each, which ran in turn. A missed target is bold.`,
    '',
    ...markdown([what, head, ...cells]),
  ].join('\n');
}

function judged(ratio: number, isReached: (ratio: number) => boolean): string {
  const text = ratio.toFixed(2);
  // The judgment is of what the table shows.
  return isReached(Number(text)) ? text : `**${text}**`;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
}
