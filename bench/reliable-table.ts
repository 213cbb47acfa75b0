import { existsSync, readFileSync } from 'node:fs';
import { markdown } from './markdown.js';

/** The cost of a reliable link while nothing is cut: speeds by processor time, as ratios to the bare link. */
export interface CostRow {
  readonly link: 'TCP' | 'WebSocket';
  readonly work: string;
  /** The median of pairs of rounds that were measured next to each other. */
  readonly ratio: number;
  /** The least ratio. */
  readonly target?: number;
  /** Microseconds of processor time for each call or item, of both ends together. */
  readonly bare: number;
  readonly reliable: number;
}

/** Calls over a socket that is destroyed again and again. */
export interface CutsRow {
  readonly contender: string;
  readonly runs: number;
  readonly calls: number;
  readonly inFlight: number;
  readonly cuts: number;
  /** Medians of the runs. */
  readonly answered: number;
  readonly failed: number;
  readonly unsettled: number;
  readonly twice: number;
  readonly milliseconds: number;
}

/** Figures, and how they were measured. */
export interface Measured<Row> {
  readonly commit: string;
  readonly node: string;
  readonly rows: readonly Row[];
}

export interface Figures {
  readonly cost?: Measured<CostRow> & { readonly starts: number; readonly rounds: number };
  readonly cuts?: Measured<CutsRow>;
}

export function figuresOf(file: string | URL): Figures {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Figures) : {};
}

/** The table of the cost, for docs/reliable.md. */
export function costTable({ cost }: Figures): string {
  if (cost === undefined) return '';
  const { commit, node, starts, rounds, rows } = cost;
  return [
    `At ${commit}, Node ${node}, ${starts} starts of ${rounds} pairs of rounds each.`,
    '',
    ...markdown([
      ['', 'bare link', 'reliable link', 'ratio', 'target'],
      ...rows.map(({ link, work, ratio, target, bare, reliable }) => [
        `${work}, ${link}`,
        `${bare} µs`,
        `${reliable} µs`,
        ratio.toFixed(2),
        target === undefined ? '' : `≥ ${target}`,
      ]),
    ]),
  ].join('\n');
}

/** The table of calls over a socket that is destroyed, for docs/reliable.md. */
export function cutsTable({ cuts }: Figures): string {
  if (cuts === undefined) return '';
  const { commit, node, rows } = cuts;
  return [
    `At ${commit}, Node ${node}, medians of ${rows[0]?.runs} runs.`,
    '',
    ...markdown([
      ['', 'answered', 'failed', 'not settled', 'executed twice', 'time'],
      ...rows.map(({ contender, answered, failed, unsettled, twice, milliseconds }) => [
        contender,
        ...[answered, failed, unsettled, twice].map(String),
        `${milliseconds} ms`,
      ]),
    ]),
  ].join('\n');
}

/** The results of `npm run chaos -- --write`. */
export interface ChaosResults {
  readonly commit: string;
  readonly seed: number;
  readonly cuts: number;
  readonly links: number;
  readonly restarts: number;
  readonly seconds: number;
  readonly calls: number;
  readonly items: number;
  readonly mostBytes: number;
  readonly mostFrames: number;
  readonly resumeToDialer: number;
  readonly resumeToAcceptor: number;
}

/** The table of the chaos, for docs/reliable.md. */
export function chaosTable(results: ChaosResults): string {
  const { commit, seed, seconds } = results;
  return [
    `One run, at ${commit}, seed ${seed}, ${seconds} s, on two cores that other work shared:`,
    '',
    ...markdown([
      ['', ''],
      ['cuts, at random bytes', String(results.cuts)],
      ['links that were opened', String(results.links)],
      ['restarts of the listener', String(results.restarts)],
      ['calls, 64 in flight: each executed once and answered', String(results.calls)],
      ['items of the two streams: each once, in order', String(results.items)],
      ['most that one end held', `${results.mostFrames} messages, ${results.mostBytes} bytes`],
      ['from the opened link to its first message, at the dialer, median', `${results.resumeToDialer} ms`],
      ['the same, at the acceptor', `${results.resumeToAcceptor} ms`],
    ]),
  ].join('\n');
}
