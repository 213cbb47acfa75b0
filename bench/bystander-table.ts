import { existsSync, readFileSync } from 'node:fs';

/** A peer's attack on a server, and the latency of an honest session beside it. */
export interface Row {
  readonly attack: string;
  readonly attackers: number;
  /** The time that one session of the server may work in a turn of the event loop, in milliseconds. */
  readonly turnTime: number;
  readonly echoes: number;
  /** Milliseconds that an echo of the honest session took. */
  readonly median: number;
  readonly p99: number;
  readonly longest: number;
  /** The target for the 99th percentile, in milliseconds. */
  readonly target?: number;
}

export interface Figures {
  readonly commit: string;
  readonly node: string;
  readonly rows: readonly Row[];
}

/** The table of the documentation, made of the figures that are kept. */
export function bystanderTable(file: string): string {
  if (!existsSync(file)) return '';
  const { commit, node, rows } = JSON.parse(readFileSync(file, 'utf8')) as Figures;
  const cells = rows.map(({ attack, attackers, turnTime, echoes, median, p99, longest, target }) =>
    [
      attack,
      String(attackers),
      Number.isFinite(turnTime) && turnTime < 1e6 ? `${turnTime} ms` : 'none',
      echoes.toLocaleString('en'),
      `${median} ms`,
      `${p99} ms`,
      target === undefined ? '' : `≤ ${target} ms`,
      `${longest} ms`,
    ].join(' | '),
  );
  return [
    `At ${commit}, Node ${node}.`,
    '',
    '| attack | attackers | `turnTime` | echoes | median | 99th percentile | target | longest |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...cells.map((row) => `| ${row} |`),
  ].join('\n');
}
