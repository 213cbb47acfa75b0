/** The results of mutation testing that are kept: test/mutation/scores.json, and the table of docs/testing.md. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { AREAS, filesOf } from './areas.js';

/** The result of one file. */
export interface Score {
  /** The SHA-256 of the file's text. A file with another text has changed since. */
  readonly text: string;
  /** The last commit that changed the file. */
  readonly commit: string;
  /** The mutants that count: those that were tried, and load. */
  readonly mutants: number;
  readonly noticed: number;
  /** Mutants that were not tried, since no time was left. */
  readonly untried?: number;
  /** The part of the mutants that was tried, if not all, and the seed by which they were chosen. */
  readonly share?: number;
  readonly seed?: string;
  /** The mutants that no test has noticed: the place, the text there, and the text in its stead. */
  readonly survivors: readonly string[];
  /** The survivors that were read and are equivalent to the code as it is, each with the reason. Written by hand. */
  readonly equivalent?: Readonly<Record<string, string>>;
}

export type Scores = Readonly<Record<string, Score>>;

const FILE = 'test/mutation/scores.json';
const PAGE = 'docs/testing.md';

/** The mutants of a whole area and those noticed, from before scores were stored by file, and the commit of that time. */
const EARLIER: Readonly<Record<string, readonly [mutants: number, noticed: number, commit: string]>> = {
  'machines/handshake': [186, 179, 'da7c1c7'],
  'machines/keepalive': [90, 87, 'da7c1c7'],
  'machines/connection': [281, 266, 'da7c1c7'],
  'machines/session': [674, 644, '72212d8'],
  'machines/call': [71, 69, 'f94fdcd'],
  'machines/channel': [256, 247, 'f94fdcd'],
  wire: [335, 325, 'd6f45b1'],
  codec: [1325, 1301, 'd6f45b1'],
};

/** The share of mutants that the tests have to notice, in every area. */
export const LEAST = 0.9;

export function storedScores(): Scores {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Scores;
}

/** Keeps scores beside those of other files, and writes the table. Scores of files that are gone are dropped. */
export function store(scores: Scores): void {
  const known = new Set(Object.values(AREAS).flatMap(({ mutate }) => mutate.flatMap(filesOf)));
  const before = storedScores();
  const all = Object.entries({ ...before, ...scores })
    .filter(([file]) => known.has(file))
    .map(([file, score]): [string, Score] => [file, withReasons(score, before[file]?.equivalent ?? {})]);
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

/** Keeps the reasons of mutants that are left again: at the same place, or the only ones of their text. */
function withReasons({ equivalent: _, ...score }: Score, reasons: Readonly<Record<string, string>>): Score {
  const { survivors } = score;
  const textOf = (mutant: string) => mutant.slice(mutant.indexOf(' '));
  const placed = Object.entries(reasons).flatMap(([mutant, reason]) => {
    const alike = survivors.filter((survivor) => textOf(survivor) === textOf(mutant));
    const [now] = alike.length === 1 ? alike : alike.filter((survivor) => survivor === mutant);
    return now === undefined ? [] : [[now, reason] as const];
  });
  return placed.length === 0 ? score : { ...score, equivalent: Object.fromEntries(placed) };
}

/** Returns the table of docs/testing.md. An area that was tried in part says so. */
export function tableOf(scores: Scores): string {
  const rows = Object.entries(AREAS).map(([area, { mutate }]) => {
    const files = mutate.flatMap(filesOf);
    const found = files.flatMap((file) => scores[file] ?? []);
    const earlier = EARLIER[area];
    if (found.length === 0 && earlier !== undefined) {
      const [mutants, noticed, commit] = earlier;
      const counts = [mutants, noticed, percent(noticed / mutants), '', mutants - noticed].map(String);
      return [`\`${area}\``, ...counts, `all, at ${commit}`];
    }
    const sum = (of: (score: Score) => number) => found.reduce((total, score) => total + of(score), 0);
    const mutants = sum((score) => score.mutants);
    const noticed = sum((score) => score.noticed);
    const share = mutants === 0 ? '' : percent(noticed / mutants);
    const same = sum(({ equivalent = {} }) => Object.keys(equivalent).length);
    const left = mutants - noticed - same;
    return [
      `\`${area}\``,
      ...[mutants, noticed].map(String),
      share,
      ...[same, left].map(String),
      triedOf(found, files.length),
    ];
  });
  const table = [['area', 'mutants', 'noticed', 'share', 'equivalent', 'left', 'tried'], ...rows];
  const widths = [0, 1, 2, 3, 4, 5, 6].map((at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  const lines = table.map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1), ''].join('\n');
}

/** Says how much of an area of so many files has been tried. */
function triedOf(known: readonly Score[], files: number): string {
  if (known.length === 0) return 'nothing';
  const parts = known.map(({ share = 1, seed }) => (share < 1 ? `${percent(share)} by seed ${seed}` : 'all'));
  const late = known.some(({ untried }) => untried !== undefined) ? ['what there was time for'] : [];
  const whole = known.length === files ? [] : [`${known.length} of ${files} files`];
  return [...new Set(parts), ...late, ...whole].join(', ');
}

function percent(part: number): string {
  return `${Number((100 * part).toFixed(1))} %`;
}

export function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16);
}

export function commitOf(file: string): string {
  return execFileSync('git', ['log', '-1', '--format=%h', '--', file], { encoding: 'utf8' }).trim();
}

/** Returns the files of all areas that have a score, and have changed since. */
export function changedFiles(): readonly string[] {
  const scores = storedScores();
  return Object.values(AREAS)
    .flatMap(({ mutate }) => mutate.flatMap(filesOf))
    .filter((file) => scores[file] !== undefined && scores[file].text !== hashOf(file));
}
