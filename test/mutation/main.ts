import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { MutantResult } from '@stryker-mutator/api/core';
import { Stryker } from '@stryker-mutator/core';
import { AREAS, type Area } from './areas.js';

// npm run mutate [-- AREA …] [--file GLOB] [--concurrency N]: Stryker makes the code wrong in one place after the other.
// Reports the mistakes that no test detects.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: { type: 'string', multiple: true }, concurrency: { type: 'string', default: '2' } },
});

const unknown = positionals.filter((name) => !Object.hasOwn(AREAS, name));
if (unknown.length > 0) throw new Error(`${unknown.join(', ')}: the areas are ${Object.keys(AREAS).join(', ')}`);

/** Stryker's states of mutants that count. Mutants that do not even load do not count. */
const KILLED = ['Killed', 'Timeout'];
const COUNTED = [...KILLED, 'Survived', 'NoCoverage'];

for (const [name, area] of Object.entries(AREAS)) {
  if (positionals.length === 0 || positionals.includes(name)) report(name, await mutantsOf(name, area));
}

function mutantsOf(name: string, { mutate }: Area): Promise<MutantResult[]> {
  return new Stryker({
    mutate: values.file ?? [...mutate],
    testRunner: name,
    plugins: [fileURLToPath(new URL('runner.ts', import.meta.url))],
    testRunnerNodeArgs: ['--import', 'tsx'],
    checkerNodeArgs: ['--import', 'tsx'],
    coverageAnalysis: 'perTest',
    concurrency: Number(values.concurrency),
    reporters: ['json', 'progress-append-only'],
    jsonReporter: { fileName: `coverage/mutation/${name}.json` },
    tempDirName: 'coverage/stryker',
    ignorePatterns: ['build', 'dist', 'coverage'],
    timeoutMS: 20_000,
    dryRunTimeoutMinutes: 20,
  }).runMutationTest();
}

function report(name: string, mutants: readonly MutantResult[]): void {
  const fileOf = ({ fileName }: MutantResult) => relative('', fileName);
  const files = [...new Set(mutants.map(fileOf))].sort();
  console.log(`\n${name}`);
  for (const file of [...files, 'all']) {
    const of = file === 'all' ? mutants : mutants.filter((mutant) => fileOf(mutant) === file);
    const counted = of.filter(({ status }) => COUNTED.includes(status));
    const killed = counted.filter(({ status }) => KILLED.includes(status));
    const score = ((100 * killed.length) / counted.length).toFixed(1);
    const late = of.filter(({ status }) => status === 'Timeout').length;
    // The cause is an endless loop, or a machine that is too busy.
    const how = late === 0 ? '' : `, ${late} by taking too long`;
    console.log(`  ${file.padEnd(32)} ${killed.length} of ${counted.length} noticed, ${score} %${how}`);
  }
  for (const mutant of mutants) {
    const { status, location, mutatorName, replacement = '' } = mutant;
    if (status !== 'Survived' && status !== 'NoCoverage') continue;
    const where = `${fileOf(mutant)}:${location.start.line}:${location.start.column}`;
    console.log(`  ${status}  ${where}  ${mutatorName}: ${replacement.replace(/\s+/g, ' ').slice(0, 120)}`);
  }
}
