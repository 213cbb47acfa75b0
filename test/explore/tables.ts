/** The tables in docs/testing.md: the configurations, the properties, and the mutants. */
import type { Configuration } from './configuration.js';
import type { Kill } from './hunt.js';
import type { Mutant } from './mutant.js';
import { PROPERTIES } from './properties.js';

/** The counts of each configuration, by its name: see counts.json. */
export type Counts = Record<string, { states: number; transitions: number; depth: number }>;

/** Returns a table in Markdown. The first row is its heading. */
export function markdown(rows: readonly (readonly string[])[]): string {
  const [heading = [], ...body] = rows;
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return `${[line(heading), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')}\n`;
}

/** Returns the table of configurations. Two modes with the same counts share a row. */
export function configurationsTable(configurations: readonly Configuration[], counts: Counts): string {
  const rows = configurations.map(({ name, text }) => {
    const { states = 0, transitions = 0, depth = 0 } = counts[name] ?? {};
    return [name, text, ...[states, transitions, depth].map((count) => count.toLocaleString('en'))];
  });
  const merged = rows.flatMap(([name = '', ...rest]) => {
    const twin = (suffix: string) => rows.find(([other]) => other === name.replace(/reference$|strict$/, suffix));
    const isSame = twin('reference')?.slice(1).join() === twin('strict')?.slice(1).join();
    if (!isSame) return [[`\`${name}\``, ...rest]];
    return name.endsWith('strict') ? [] : [[`\`${name.replace(/reference$/, '*')}\``, ...rest]];
  });
  return markdown([['configuration', 'what is in it', 'states', 'transitions', 'depth'], ...merged]);
}

export function propertiesTable(): string {
  const rows = Object.entries(PROPERTIES).map(([name, { rule, text }]) => [`\`${name}\``, `\`${rule}\``, text]);
  return markdown([['property', 'rule', 'what has to hold'], ...rows]);
}

export function mutantsTable(kills: readonly { readonly mutant: Mutant; readonly kill: Kill | undefined }[]): string {
  const rows = kills.map(({ mutant: { name, text }, kill }) => [
    `\`${name}\``,
    text,
    kill === undefined ? 'nothing' : `\`${kill.failure.finding.property}\``,
    kill === undefined ? '' : String(kill.failure.path.length),
  ]);
  return markdown([['mutant', 'the mistake', 'found by', 'steps'], ...rows]);
}
