import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { DIFFERENCES } from '../differences.js';
import { Match } from '../differential/compare.js';
import { Oracle } from '../differential/oracle.js';
import { optionsOf } from '../differential/part.js';
import type { Script } from '../differential/script.js';
import type { Part } from '../part.js';
import { FAULTS, type Fault } from './faults.js';

/** How many scripts a fault may take to be found. */
const SCRIPTS = 3_000;

/** How long that may take, in milliseconds. */
const TIMEOUT = 120_000;

/** How many faults are looked for at a time. */
const AT_ONCE = 2;

const HERE = new URL('.', import.meta.url);
const run = promisify(execFile);

/** Plants faults in the library, one after the other: the differential has to find each. */
export const sensitivity: Part = async ({ programs }) => {
  const { seed } = optionsOf();
  const oracle = new Oracle(programs.oracle);
  const counts = { passed: 0, failed: 0 };
  const left = [...FAULTS];
  const work = async () => {
    for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
      const problem = await problemWith(fault, seed, oracle, programs.oracle);
      if (problem === undefined) {
        counts.passed++;
        continue;
      }
      counts.failed++;
      console.log(`  not found: ${fault.name} (${fault.file}): ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  oracle.stop();
  return counts;
};

/** Why a fault does not count as found. */
async function problemWith(fault: Fault, seed: number, oracle: Oracle, program: string): Promise<string | undefined> {
  const { file, text, instead, kind } = fault;
  const count = readFileSync(file, 'utf8').split(text).length - 1;
  if (count !== 1) return `its text stands there ${count} times`;
  const script = await play(['--import', fileURLToPath(new URL('plant.mjs', HERE))], [program, seed, SCRIPTS, kind], {
    url: pathToFileURL(file).href,
    text,
    instead,
  });
  if (script === null) return `${SCRIPTS} scripts agree, --seed ${seed}`;
  const { disagreement } = await new Match(script, oracle, DIFFERENCES).judge();
  return disagreement === undefined ? undefined : 'the script that finds it finds a difference without it, too';
}

async function play(imports: string[], args: readonly (string | number)[], fault: object): Promise<Script | null> {
  const child = fileURLToPath(new URL('child.ts', HERE));
  const { stdout } = await run(process.execPath, ['--import', 'tsx', ...imports, child, ...args.map(String)], {
    env: { ...process.env, FAULT: JSON.stringify(fault) },
    timeout: TIMEOUT,
    maxBuffer: 2 ** 24,
  });
  return JSON.parse(stdout) as Script | null;
}
