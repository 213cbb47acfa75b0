import { spawnSync } from 'node:child_process';
import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildForCoverage, type CoveragePrograms, publishedLines } from './build.js';
import type { Context, Counts } from './part.js';
import { SCRIPTS } from './scripts.js';
import { UNREACHABLE } from './unreachable.js';

/** The files of roam-core that count, and how many percent of their lines the scripts have to reach. */
const GOALS = { 'session/mod.rs': 95, 'driver.rs': 90 } as const;

type File = keyof typeof GOALS;

/** The lines of a file that ran, and those that did not. Lines without code, of tests and for wasm are in neither list. */
interface Lines {
  readonly file: File;
  readonly reached: readonly number[];
  readonly unreached: readonly number[];
}

/**
 * Checks that the scripts of scripts.ts, and those of the file that `--scripts` names, reach as much of the reference as
 * they have to, and that each line which they do not reach is in the table of those that no script can reach.
 */
export async function coverage({ scripts, isVerbose }: Context): Promise<Counts> {
  const programs = buildForCoverage();
  const folder = mkdtempSync(join(tmpdir(), 'coverage-'));
  try {
    const input = join(folder, 'scripts.jsonl');
    writeFileSync(input, scriptLines(SCRIPTS));
    if (scripts !== undefined) appendFileSync(input, readFileSync(scripts));
    const misunderstood = play(programs, folder, input);
    const failures = misunderstood.map((text) => `the oracle did not play a script: ${text}`);
    for (const text of failures) console.log(`FAILED  ${text}`);
    let passed = 0;
    for (const lines of read(programs, folder)) {
      if (check(lines, isVerbose)) passed++;
      else failures.push(`the lines of ${lines.file}`);
    }
    return { passed, failures };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function scriptLines(scripts: Readonly<Record<string, object>>): string {
  return Object.entries(scripts)
    .map(([n, script]) => `${JSON.stringify({ n, ...script })}\n`)
    .join('');
}

/** Plays the scripts. Returns the answers to those that the oracle could not play. */
function play({ oracle }: CoveragePrograms, folder: string, input: string): string[] {
  const output = join(folder, 'answers.jsonl');
  const stdin = openSync(input, 'r');
  const stdout = openSync(output, 'w');
  const env = { ...process.env, LLVM_PROFILE_FILE: join(folder, 'profile.profraw') };
  const { status, signal } = spawnSync(oracle, { env, stdio: [stdin, stdout, 'ignore'] });
  closeSync(stdin);
  closeSync(stdout);
  if (status !== 0) throw new Error(`the oracle ended with ${signal ?? `status ${status}`}`);
  const answers = readFileSync(output, 'utf8').split('\n');
  return answers.filter((answer) => answer.includes('"panic":true'));
}

function read({ oracle, reader }: CoveragePrograms, folder: string): Lines[] {
  // The published file is src/driver.rs; wasm_driver.rs is not compiled.
  const paths = Object.keys(GOALS).map((file) => `src/${file}`);
  const { status, stdout, stderr } = spawnSync(reader, [oracle, join(folder, 'profile.profraw'), ...paths], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the profile cannot be read: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const { file, ...lines } = JSON.parse(line) as Lines & { file: string };
      return { ...lines, file: file.slice('src/'.length) as File };
    });
}

/**
 * Prints the share of a file that was reached. Returns true if the goal is met and unreachable.ts names every line that is
 * left.
 */
function check({ file, reached, unreached }: Lines, isVerbose: boolean): boolean {
  const all = reached.length + unreached.length;
  const percent = (100 * reached.length) / all;
  console.log(`${file}: ${percent.toFixed(1)} % of ${all} lines reached (the goal is ${GOALS[file]} %)`);
  const source = publishedLines(file);
  const known = UNREACHABLE.filter((entry) => entry.file === file);
  let isExpected = percent >= GOALS[file];
  for (const line of unreached) {
    const entry = known.find(({ lines: [first, last] }) => first <= line && line <= last);
    if (entry === undefined) isExpected = false;
    if (isVerbose || entry === undefined) {
      const text = `${String(line).padStart(6)}  ${source[line - 1]?.trim().padEnd(80)}`;
      console.log(`${text} ${entry?.why ?? 'FAILED  not reached, and unreachable.ts does not say why'}`);
    }
  }
  for (const {
    lines: [first, last],
  } of known) {
    if (unreached.some((line) => first <= line && line <= last)) continue;
    isExpected = false;
    console.log(`FAILED  unreachable.ts has lines ${first} to ${last} of ${file}, and all of them are reached`);
  }
  return isExpected;
}
