/** The results of mutation testing that are kept: test/mutation/scores.json, and the table of docs/testing.md. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { AREAS, filesOf } from './areas.js';

/** The result of one file. */
export interface Score {
  /** The SHA-256 of the file's text. A file with another text has changed since. */
  readonly text: string;
  /** The mutants that count: those that were tried, and load. */
  readonly mutants: number;
  readonly noticed: number;
  /** Mutants that were not tried, since no time was left. */
  readonly untried?: number;
  /** The mutants that no test has noticed: the place, the text there, and the text in its stead. */
  readonly survivors: readonly string[];
}

export type Scores = Readonly<Record<string, Score>>;

const FILE = 'test/mutation/scores.json';
const PAGE = 'docs/testing.md';

/** The share of mutants that the tests have to notice, in every area. */
export const LEAST = 0.9;

export function storedScores(): Scores {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Scores;
}

/** Keeps scores beside those of other files, and writes the table. Scores of files that are gone are dropped. */
export function store(scores: Scores): void {
  const known = new Set(Object.values(AREAS).flatMap(({ mutate }) => mutate.flatMap(filesOf)));
  const all = Object.entries({ ...storedScores(), ...scores }).filter(([file]) => known.has(file));
  const sorted = Object.fromEntries(all.sort(([one], [other]) => (one < other ? -1 : 1)));
  writeFileSync(FILE, `${JSON.stringify(sorted, undefined, 2)}\n`);
  const page = readFileSync(PAGE, 'utf8');
  writeFileSync(
    PAGE,
    page.replace(
      /(<!-- mutation -->\n)[\s\S]*?(<!-- end -->)/,
      (_, begin, end) => `${begin}\n${tableOf(sorted)}\n${end}`,
    ),
  );
}

/** Returns the sums of an area's files that have a score. */
function sumOf(area: string, scores: Scores): Pick<Score, 'mutants' | 'noticed'> & { readonly missing: number } {
  const files = (AREAS[area]?.mutate ?? []).flatMap(filesOf);
  const known = files.flatMap((file) => scores[file] ?? []);
  const sum = (of: (score: Score) => number) => known.reduce((total, score) => total + of(score), 0);
  return {
    mutants: sum(({ mutants }) => mutants),
    noticed: sum(({ noticed }) => noticed),
    missing: files.length - known.filter(({ untried }) => untried === undefined).length,
  };
}

/** Returns the table of docs/testing.md. An area without mutants, or with a file that was never run, says so. */
export function tableOf(scores: Scores): string {
  const rows = Object.keys(AREAS).map((area) => {
    const { mutants, noticed, missing } = sumOf(area, scores);
    const note = missing === 0 ? '' : mutants === 0 ? 'not run' : 'in part';
    const share = mutants === 0 ? '' : `${((100 * noticed) / mutants).toFixed(1)} %`;
    return [`\`${area}\``, String(mutants), String(noticed), share, note];
  });
  const table = [['area', 'mutants', 'noticed', 'share', 'files'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  const lines = table.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1), ''].join('\n');
}

export function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
}

/** Returns the files of all areas that have a score, and have changed since. */
export function changedFiles(): readonly string[] {
  const scores = storedScores();
  return Object.values(AREAS)
    .flatMap(({ mutate }) => mutate.flatMap(filesOf))
    .filter((file) => scores[file] !== undefined && scores[file].text !== hashOf(file));
}
