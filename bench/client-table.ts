import { existsSync, readFileSync } from 'node:fs';
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

/** Clients that come back to a server that was started anew. */
export interface CrowdRow {
  readonly restart: string;
  readonly clients: number;
  /** Seconds from the moment at which the new server listens, until each client has a session. */
  readonly back: number;
  /** The most attempts of all clients together that began within 100 ms, from that moment on. */
  readonly dials: number;
  /** The longest turn of the event loop of a server in milliseconds of processor time, and by the clock. */
  readonly turn: number;
  readonly clock: number;
}

interface Measured<Row> {
  readonly commit: string;
  readonly node: string;
  /** Seeds the order within each pair, or the times that the clients wait. */
  readonly seed: number;
  readonly rows: readonly Row[];
}

export interface Figures {
  readonly cost?: Measured<CostRow> & { readonly starts: number; readonly rounds: number };
  readonly crowd?: Measured<CrowdRow>;
}

/** The least ratio, and the longest turn. */
export const TARGETS = { ratio: 0.97, turn: 100 } as const;

export function figuresOf(file: string | URL): Figures {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Figures) : {};
}

/** The table of the cost, for docs/client.md. */
export function clientCostTable({ cost }: Figures): string {
  if (cost === undefined) return '';
  const { commit, node, seed, starts, rounds, rows } = cost;
  return [
    `At ${commit}, Node ${node}, seed ${seed}, ${starts} starts of ${rounds} pairs of rounds each. A missed target is bold.`,
    '',
    ...markdown([
      ['', 'on the session', 'with the client', 'ratio', 'target'],
      ...rows.map(({ work, ratio, session, client }) => [
        work,
        `${session} µs`,
        `${client} µs`,
        judged(ratio.toFixed(2), Number(ratio.toFixed(2)) >= TARGETS.ratio),
        `≥ ${TARGETS.ratio}`,
      ]),
    ]),
  ].join('\n');
}

/** The table of the crowd that comes back, for docs/client.md. */
export function crowdTable({ crowd }: Figures): string {
  if (crowd === undefined) return '';
  const { commit, node, seed, rows } = crowd;
  return [
    `At ${commit}, Node ${node}, seed ${seed}. A missed target is bold.`,
    '',
    ...markdown([
      ['', 'clients', 'all are back after', 'most dials in 100 ms', 'longest turn', 'target', 'by the clock'],
      ...rows.map(({ restart, clients, back, dials, turn, clock }) => [
        restart,
        clients.toLocaleString('en').replaceAll(',', ' '),
        `${back} s`,
        String(dials),
        judged(`${turn} ms`, turn < TARGETS.turn),
        `< ${TARGETS.turn} ms`,
        `${clock} ms`,
      ]),
    ]),
  ].join('\n');
}

function judged(text: string, isReached: boolean): string {
  return isReached ? text : `**${text}**`;
}
