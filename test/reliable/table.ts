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

/** Returns the table of docs/reliable.md. */
export function chaosTable(results: ChaosResults): string {
  const rows: readonly (readonly [string, string])[] = [
    ['cuts, at random bytes', String(results.cuts)],
    ['links that were opened', String(results.links)],
    ['restarts of the listener', String(results.restarts)],
    ['calls, 64 in flight: each executed once and answered', String(results.calls)],
    ['items of the two streams: each once, in order', String(results.items)],
    ['most that one end held', `${results.mostFrames} messages, ${results.mostBytes} bytes`],
    ['from the opened link to its first message, at the dialer, median', `${results.resumeToDialer} ms`],
    ['the same, at the acceptor', `${results.resumeToAcceptor} ms`],
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  const line = (cells: readonly string[], fill = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] as number, fill)).join(' | ')} |`;
  return [line(['', '']), line(['', ''], '-'), ...rows.map((row) => line(row))].join('\n');
}
