import { DIFFERENCES } from './differences.js';

const HEAD = `# Differences from the reference

This page lists where this library behaves differently from the official Rust crates, on purpose.

The reference is the session and the driver of roam-core 7.3.0. \`npm run test:reference\` plays random scripts on both: what a
peer sends, what a user asks, and what becomes of the link. It compares the frames in order, the messages of each connection in
order, and everything else that a user sees. A script is played on this library in its default mode, \`conformance:
'reference'\`.

The table has every difference that is wanted. Each row changes what the reference is given in the place of one step, or what
is expected of it; everything else of that step, and every later step, has to be equal. Each row has an example, on which the
two differ without the row and agree with it. Rows are numbered as in
[protocol.md](protocol.md); 9.28 is a row of what real peers do. Lines are those of the published crate.

This page is made from \`test/reference/differences.ts\` by \`npm run differences\`.

`;

const COLUMNS = ['row', 'line', 'the reference', 'this library'] as const;

/** The page of the documentation that has the table. */
export function document(): string {
  const rows = DIFFERENCES.map(({ row, line, reference, ours }) => [row, line, reference, ours]);
  const cells = rows.map((row) => row.map((text) => text.replaceAll('|', '\\|')));
  const widths = COLUMNS.map((name, index) => Math.max(name.length, ...cells.map((row) => (row[index] ?? '').length)));
  const lineOf = (row: readonly string[]) =>
    `| ${row.map((text, index) => text.padEnd(widths[index] ?? 0)).join(' | ')} |\n`;
  return [HEAD, lineOf(COLUMNS), lineOf(widths.map((width) => '-'.repeat(width))), ...cells.map(lineOf)].join('');
}
