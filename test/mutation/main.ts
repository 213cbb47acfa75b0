import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { MutantResult } from '@stryker-mutator/api/core';
import { Stryker } from '@stryker-mutator/core';
import { AREAS, filesOf } from './areas.js';
import { changedFiles, hashOf, LEAST, type Score, store, storedScores } from './scores.js';

// npm run mutate [-- AREA …] [--file FILE …] [--changed] [--minutes N] [--store] [--concurrency N]: Stryker makes the code
// wrong in one place after the other. Reports the mistakes that no test detects.
//
// `--changed` takes the files that have changed since their score was stored, and fails if the tests notice too little of them.
// With `--minutes` the mutants that are left when the time is over do not count. `--store` keeps the scores.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    file: { type: 'string', multiple: true },
    changed: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    store: { type: 'boolean', default: false },
    concurrency: { type: 'string', default: '2' },
  },
});

const unknown = positionals.filter((name) => !Object.hasOwn(AREAS, name));
if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: the areas are ${Object.keys(AREAS).join(', ')}`);

const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes takes a number above 0');
const until = Date.now() + 60_000 * minutes;
// Stryker's child processes read it.
if (Number.isFinite(until)) process.env['ROAM_MUTATE_UNTIL'] = String(until);

/** Stryker's states of mutants that count. Mutants that do not even load do not count. */
const KILLED = ['Killed', 'Timeout'];
const COUNTED = [...KILLED, 'Survived', 'NoCoverage'];

const chosen = values.changed ? changedFiles() : values.file;
const stored = storedScores();
let left = 0;

for (const [name, area] of Object.entries(AREAS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const all = area.mutate.flatMap(filesOf);
  const files = chosen === undefined ? all : all.filter((file) => chosen.includes(file));
  if (files.length === 0) continue;
  if (Date.now() >= until) {
    console.log(`\n${name}: no time is left for ${files.join(', ')}`);
    continue;
  }
  const mutants = await mutantsOf(name, files);
  const scores = report(name, mutants);
  const late = mutants.filter(isUntried).length;
  left += late;
  if (late > 0) console.log(`  ${late} mutants were not tried: no time was left`);
  if (values.store) store(scores);
  if (values.changed) for (const [file, score] of Object.entries(scores)) judge(file, score);
}

function mutantsOf(name: string, files: readonly string[]): Promise<MutantResult[]> {
  return new Stryker({
    mutate: [...files],
    testRunner: name,
    plugins: [fileURLToPath(new URL('runner.ts', import.meta.url))],
    testRunnerNodeArgs: ['--import', 'tsx'],
    checkerNodeArgs: ['--import', 'tsx'],
    coverageAnalysis: 'perTest',
    concurrency: Number(values.concurrency),
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: `coverage/mutation/${name}.json` },
    tempDirName: 'coverage/stryker',
    ignorePatterns: ['build', 'dist', 'coverage', 'diagrams', '**/target'],
    timeoutMS: 20_000,
    dryRunTimeoutMinutes: 20,
  }).runMutationTest();
}

function report(name: string, mutants: readonly MutantResult[]): Record<string, Score> {
  const fileOf = ({ fileName }: MutantResult) => relative('', fileName);
  const files = [...new Set(mutants.map(fileOf))].sort();
  console.log(`\n${name}`);
  for (const file of [...files, 'all']) {
    const of = file === 'all' ? mutants : mutants.filter((mutant) => fileOf(mutant) === file);
    const counted = of.filter(({ status }) => COUNTED.includes(status));
    const killed = counted.filter(({ status }) => KILLED.includes(status));
    const share = ((100 * killed.length) / counted.length).toFixed(1);
    const late = of.filter(({ status }) => status === 'Timeout').length;
    // The cause is an endless loop, or a machine that is too busy.
    const how = late === 0 ? '' : `, ${late} by taking too long`;
    console.log(`  ${file.padEnd(32)} ${killed.length} of ${counted.length} noticed, ${share} %${how}`);
  }
  return Object.fromEntries(
    files.map((file) => {
      const counted = mutants.filter((mutant) => fileOf(mutant) === file && COUNTED.includes(mutant.status));
      const survivors = counted.filter(({ status }) => !KILLED.includes(status)).map((mutant) => told(file, mutant));
      for (const survivor of survivors) console.log(`  ${file}:${survivor}`);
      const { length } = counted;
      const untried = mutants.filter((mutant) => fileOf(mutant) === file && isUntried(mutant)).length;
      const noticed = length - survivors.length;
      return [file, { text: hashOf(file), mutants: length, noticed, ...(untried === 0 ? {} : { untried }), survivors }];
    }),
  );
}

function isUntried({ statusReason }: MutantResult): boolean {
  return statusReason?.includes('no time is left') === true;
}

/** Returns `12:3 StringLiteral: "here" → ""`. */
function told(file: string, { location: { start, end }, mutatorName, replacement = '' }: MutantResult): string {
  const lines = readFileSync(file, 'utf8').split('\n');
  const first = lines[start.line - 1] ?? '';
  const text = start.line === end.line ? first.slice(start.column - 1, end.column - 1) : first.slice(start.column - 1);
  const short = (what: string) => what.replace(/\s+/g, ' ').slice(0, 100);
  return `${start.line}:${start.column} ${mutatorName}: ${short(text)} → ${short(replacement)}`;
}

/** Nine tenths of the mutants of a changed file must be noticed, or as many as before if those were fewer. */
function judge(file: string, { mutants, noticed, untried }: Score): void {
  const before = stored[file];
  const least = before === undefined || before.mutants === 0 ? LEAST : Math.min(LEAST, before.noticed / before.mutants);
  // The mutants that were tried before the time was over say little of the others.
  if (untried !== undefined || mutants === 0 || noticed / mutants >= least) return;
  const share = (part: number) => `${(100 * part).toFixed(1)} %`;
  console.log(
    `  ${file}: ${share(noticed / mutants)} noticed, less than ${share(least)}: add tests, and store the score`,
  );
  process.exitCode = 1;
}

if (left > 0) console.log(`\n${left} mutants were not tried within ${minutes} minutes`);
