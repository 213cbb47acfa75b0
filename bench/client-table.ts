import { markdown } from './markdown.js';

/** Calls through the client of `connect` on an open session, beside the same calls without it. */
export interface CostRow {
  readonly work: string;
  /** The median of pairs of rounds that were measured next to each other: speeds by processor time. */
  readonly ratio: number;
  /** Microseconds of processor time for each call, of both ends together. */
  readonly session: number;
  readonly client: number;
}

export interface Figures {
  readonly commit: string;
  readonly node: string;
  /** Seeds the order within each pair. */
  readonly seed: number;
  readonly starts: number;
  readonly rounds: number;
  readonly rows: readonly CostRow[];
}

/** The least ratio. */
export const LEAST = 0.97;

/** The table of the cost, for docs/client.md. */
export function clientTable({ commit, node, seed, starts, rounds, rows }: Figures): string {
  return [
    `At ${commit}, Node ${node}, seed ${seed}, ${starts} starts of ${rounds} pairs of rounds each. A missed target is bold.`,
    '',
    ...markdown([
      ['', 'on the session', 'with the client', 'ratio', 'target'],
      ...rows.map(({ work, ratio, session, client }) => [
        work,
        `${session} µs`,
        `${client} µs`,
        ratio < LEAST ? `**${ratio.toFixed(2)}**` : ratio.toFixed(2),
        `≥ ${LEAST}`,
      ]),
    ]),
  ].join('\n');
}
