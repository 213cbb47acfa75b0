/** The rows of the protocol, one by one, as docs/protocol.md has them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Outcome, type Row, table } from '../../spec/rows/table.js';
import { type Place, Places } from './places.js';
import { filesIn, link } from './trace.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The forms in which comments cite a row: its number or, if it has none, `row "5 inbox"`. */
const CITATION = /\b(?:[356]|9[ab])\.\d\d\b|(?<=\brow ")[^"\n]+(?=")/gi;

/** Files that test peers, show sessions and print. They do not carry out the protocol. */
const ASIDE = /^src\/(testing|viewer|cli|inspect)\//;

const SECTIONS: Readonly<Record<string, string>> = {
  '3': 'The handshake',
  '4': 'Ids',
  '5': 'Connections, and the end of a session',
  '6': 'The keepalive',
  '9a': 'Where the two modes differ',
  '9b': 'Mistakes of the reference that this library does not copy',
};

/** Returns the places that carry out each row, by its number or name. */
export function placesOfRows(): Map<string, Place[]> {
  return new Places(['machines', 'src'].flatMap(filesIn).filter((file) => !ASIDE.test(file))).find(CITATION);
}

/** Returns the text of all rows, each with its demands, the places that carry it out, and the cases that check it. */
export function rowsText(): string {
  const places = placesOfRows();
  const tests = citingTests();
  const definitions = definitionsOf();
  let section: string | undefined;
  const lines: string[] = [];
  for (const row of table) {
    const [name = ''] = /^\d\w?/.exec(row.row) ?? [];
    if (name !== section) lines.push(`## Section ${name}: ${SECTIONS[name] ?? ''}`, '');
    section = name;
    lines.push(...blockOf(row, places.get(row.row) ?? [], definitions.get(row.row), tests.get(row.row) ?? []), '');
  }
  return lines.join('\n');
}

function blockOf(
  row: Row,
  places: readonly Place[],
  definition: string | undefined,
  tests: readonly string[],
): string[] {
  const { reference, strict, rule, situation, cases } = row;
  const isAlike = reference.wire === strict.wire && reference.user === strict.user;
  const played = cases.length === 0 ? [] : [`${countOf(cases.length)} in ${link(definition ?? '')}`];
  return [
    `### Row ${row.row}`,
    '',
    `${escaped(situation.charAt(0).toUpperCase() + situation.slice(1))}.`,
    '',
    ...(isAlike ? [outcome('Both modes', strict)] : [outcome('Reference', reference), outcome('Strict', strict)]),
    ...(rule === undefined ? [] : [`- **Rule**: \`${rule}\``]),
    ...(places.length === 0 ? [] : [`- **Where**: ${placesText(places)}`]),
    `- **Tests**: ${[...played, ...tests.map(link)].join('; ')}`,
    ...cases.map(({ name }) => `  - ${escaped(name)}`),
  ];
}

function countOf(cases: number): string {
  return cases === 1 ? '1 case' : `${cases} cases`;
}

function outcome(mode: string, { wire, user }: Outcome): string {
  return `- **${mode}**: on the wire: ${escaped(wire)}; the user sees: ${escaped(user)}`;
}

/** Returns the states and functions of each file, behind a link to the file. */
function placesText(places: readonly Place[]): string {
  const files = [...new Set(places.map(({ file }) => file))];
  return files
    .map((file) => {
      const names = places
        .filter((place) => place.file === file)
        .map(({ name, event }) => (event === undefined ? `\`${name}\`` : `\`${name}\` at \`${event}\``));
      return `${names.join(', ')} in ${link(file)}`;
    })
    .join('; ');
}

/** Escapes text for Markdown. */
function escaped(text: string): string {
  return text.replace(/[<>*_|[\]{}]/g, (character) => `\\${character}`);
}

/** Returns the file of the table that has each row. */
function definitionsOf(): Map<string, string> {
  const definitions = new Map<string, string>();
  for (const file of filesIn('spec/rows')) {
    const text = readFileSync(join(root, file), 'utf8');
    for (const { row } of table) {
      if (new RegExp(`(row: |\\bfact\\(\\s*)'${row}'`).test(text)) definitions.set(row, file);
    }
  }
  return definitions;
}

/** Returns the tests outside the table that cite each row in a comment. */
function citingTests(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of filesIn('test').filter((one) => one.endsWith('.test.ts'))) {
    const comments = readFileSync(join(root, file), 'utf8').match(/^\s*(?:\/\/|\/?\*).*$/gm) ?? [];
    for (const [row] of comments.join('\n').matchAll(CITATION)) {
      const files = found.get(row) ?? [];
      if (!files.includes(file)) found.set(row, [...files, file]);
    }
  }
  return found;
}
