import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { DIFFERENCES } from '../differences.js';
import { Match } from '../differential/compare.js';
import { Oracle } from '../differential/oracle.js';
import { printed } from '../differential/print.js';
import type { Script } from '../differential/script.js';
import type { Part } from '../part.js';
import { FAULTS, type Fault } from './faults.js';

/** The number of scripts within which a fault has to be found. */
const SCRIPTS = 8_000;

/** The time within which a fault has to be found, in milliseconds. */
const TIMEOUT = 240_000;

/** The number of faults that are looked for at a time. */
const AT_ONCE = 2;

const HERE = new URL('.', import.meta.url);
const run = promisify(execFile);

/** Plants faults in the library, one after the other. The differential test has to find each. */
export const sensitivity: Part = async ({ programs, random: { seed } }) => {
  console.log(`sensitivity: ${FAULTS.length} faults, --seed ${seed}`);
  const left = [...FAULTS];
  const found: { readonly fault: Fault; readonly script: Script }[] = [];
  const problems: string[] = [];
  const work = async () => {
    for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
      const script = await find(fault, seed, programs.oracle);
      if (typeof script === 'string') problems.push(`${fault.name} (${fault.file}): ${script}`);
      else found.push({ fault, script });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  // The script has found the fault only if there is no difference without it.
  const oracle = new Oracle(programs.oracle);
  for (const { fault, script } of found) {
    const { disagreement } = await new Match(script, oracle, DIFFERENCES).judge();
    if (disagreement === undefined) continue;
    const shown = printed(script, disagreement);
    problems.push(`${fault.name} (${fault.file}): the two disagree without it, too\n${shown}`);
  }
  oracle.stop();
  for (const problem of problems) console.log(`  not found: ${problem}`);
  return { passed: FAULTS.length - problems.length, failures: problems };
};

/** Returns a script that finds the fault, or the reason why there is none. */
async function find({ file, text, instead, kind }: Fault, seed: number, program: string): Promise<Script | string> {
  const count = readFileSync(file, 'utf8').split(text).length - 1;
  if (count !== 1) return `its text stands there ${count} times`;
  const plant = fileURLToPath(new URL('plant.mjs', HERE));
  const args = [program, seed, SCRIPTS, kind].map(String);
  try {
    const script = await play(plant, args, { url: pathToFileURL(file).href, text, instead });
    return script ?? `${SCRIPTS} scripts agree`;
  } catch (error) {
    return String(error);
  }
}

async function play(plant: string, args: readonly string[], fault: object): Promise<Script | null> {
  const child = fileURLToPath(new URL('child.ts', HERE));
  const { stdout } = await run(process.execPath, ['--import', 'tsx', '--import', plant, child, ...args], {
    env: { ...process.env, FAULT: JSON.stringify(fault) },
    timeout: TIMEOUT,
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout) as Script | null;
}
