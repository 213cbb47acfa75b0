import { existsSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { MutantResult } from '@stryker-mutator/api/core';
import { Stryker } from '@stryker-mutator/core';
import { AREAS, filesOf } from './areas.js';
import { choose, isChosen, nameOf } from './choice.js';
import { changedFiles, commitOf, hashOf, LEAST, type Score, store, storedScores } from './scores.js';

// npm run mutate [-- AREA …] [--file FILE …] [--changed] [--minutes N] [--share P --seed S] [--again] [--runs N] [--store]
// [--table] [--concurrency N]: Stryker makes the code wrong in one place after the other. Reports the mistakes that no test detects.
//
// `--changed` takes the files that have changed since their score was stored, and fails if the tests notice too little of them.
// With `--minutes` the mutants that are left when the time is over do not count. `--share 0.2` tries a fifth of the mutants,
// chosen by the seed. `--again` takes the stored scores of files that are the same since, and tries only what no test had
// noticed and is not equivalent: new tests may notice it, or more runs of each property. `--store` keeps the scores. `--table` only writes the table
// once more.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    file: { type: 'string', multiple: true },
    changed: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    again: { type: 'boolean', default: false },
    runs: { type: 'string', default: '30' },
    store: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
    concurrency: { type: 'string', default: '2' },
  },
});

if (values.table) {
  store({});
  process.exit();
}

const unknown = positionals.filter((name) => !Object.hasOwn(AREAS, name));
if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: the areas are ${Object.keys(AREAS).join(', ')}`);

const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes takes a number above 0');
const until = Date.now() + 60_000 * minutes;
// Stryker's child processes read it.
if (Number.isFinite(until)) process.env['ROAM_MUTATE_UNTIL'] = String(until);

process.env['ROAM_MUTATE_RUNS'] = values.runs;

const share = Number(values.share);
if (!(share > 0 && share <= 1)) throw new Error('--share takes a number above 0, up to 1');
/** Stryker's states of mutants that count. Mutants that do not even load do not count. */
const KILLED = ['Killed', 'Timeout'];
const COUNTED = [...KILLED, 'Survived', 'NoCoverage'];

const stored = storedScores();
const same = Object.entries(stored).filter(([file, { text }]) => existsSync(file) && text === hashOf(file));
const chosen = values.again ? same.map(([file]) => file) : values.changed ? changedFiles() : values.file;
const only = same.flatMap(([file, { survivors, equivalent = {} }]) =>
  survivors.filter((survivor) => !(survivor in equivalent)).map((survivor) => `${basename(file)}:${survivor}`),
);
choose({ share, seed: values.seed, ...(values.again ? { only } : {}) });
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
  const mutants = (await mutantsOf(name, files)).filter((mutant) => isChosen(mutant, 1));
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
    timeoutMS: 8_000,
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
    const part = ((100 * killed.length) / counted.length).toFixed(1);
    const late = of.filter(({ status }) => status === 'Timeout').length;
    // The cause is an endless loop, or a machine that is too busy.
    const how = late === 0 ? '' : `, ${late} by taking too long`;
    console.log(`  ${file.padEnd(32)} ${killed.length} of ${counted.length} noticed, ${part} %${how}`);
  }
  return Object.fromEntries(
    files.map((file) => {
      const counted = mutants.filter((mutant) => fileOf(mutant) === file && COUNTED.includes(mutant.status));
      const survivors = counted.filter(({ status }) => !KILLED.includes(status)).map((mutant) => nameOf(mutant, 1));
      const before = stored[file];
      if (values.again && before !== undefined) {
        const left = before.survivors.filter(
          (one) => !counted.some((mutant) => KILLED.includes(mutant.status) && nameOf(mutant, 1) === one),
        );
        return [file, { ...before, noticed: before.mutants - left.length, survivors: left }];
      }
      for (const survivor of survivors) console.log(`  ${file}:${survivor}`);
      const { length } = counted;
      const untried = mutants.filter((mutant) => fileOf(mutant) === file && isUntried(mutant)).length;
      const noticed = length - survivors.length;
      const sample = share < 1 ? { share, seed: values.seed } : {};
      const commit = commitOf(file);
      return [
        file,
        {
          text: hashOf(file),
          commit,
          mutants: length,
          noticed,
          ...(untried === 0 ? {} : { untried }),
          ...sample,
          survivors,
        },
      ];
    }),
  );
}

function isUntried({ statusReason }: MutantResult): boolean {
  return statusReason?.includes('no time is left') === true;
}

/** Nine tenths of the mutants of a changed file must be noticed, or as many as before if those were fewer. */
function judge(file: string, { mutants, noticed, untried }: Score): void {
  const before = stored[file];
  const least = before === undefined || before.mutants === 0 ? LEAST : Math.min(LEAST, before.noticed / before.mutants);
  // The mutants that were tried before the time was over say little of the others, and so do those of a sample.
  if (before?.share !== undefined || untried !== undefined || mutants === 0 || noticed / mutants >= least) return;
  const share = (part: number) => `${(100 * part).toFixed(1)} %`;
  console.log(
    `  ${file}: ${share(noticed / mutants)} noticed, less than ${share(least)}: add tests, and store the score`,
  );
  process.exitCode = 1;
}

if (left > 0) console.log(`\n${left} mutants were not tried within ${minutes} minutes`);
