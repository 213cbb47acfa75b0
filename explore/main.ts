/**
 * The checker: two peers that run the shipped machines, a link that may fail, users who do what they may, and every order
 * in which all of that can happen. What has to hold is listed in properties.ts.
 *
 * It comes in layers. local.ts runs XState once for each distinct step of one machine and keeps the actions as data;
 * runtime.ts and port.ts carry them out for one peer, as XState, the registry and the port do; step.ts makes one step of
 * an input and all that it sets off, which side.ts keeps in a table; world.ts puts two sides and a link together, and
 * search.ts goes through it breadth first; liveness.ts asks what has to come about in the end. What a run of the real
 * sessions makes of a schedule, replay.ts compares.
 *
 * `npm run explore` takes the small configurations, `-- --all` all but the largest, `-- --config NAME` one, the largest
 * too. `-- --mutants` hunts machines with mistakes in them instead. `-- --json FILE` writes what came of it,
 * counterexamples included. With `--pin` the counts are written down in counts.json; without it they are held against
 * what stands there.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Configuration, explore, type Failure, prepare, type Setup } from './configuration.js';
import { CONFIGURATIONS } from './configurations.js';
import { hunt } from './hunt.js';
import { MUTANTS } from './mutants.js';
import { PROPERTIES, type Property } from './properties.js';
import { replay } from './replay.js';
import { mermaid, stepsOf } from './sequence.js';

const { values } = parseArgs({
  options: {
    all: { type: 'boolean' },
    config: { type: 'string', multiple: true },
    json: { type: 'string' },
    mutants: { type: 'boolean' },
    pin: { type: 'boolean' },
  },
});

type Counts = Record<string, { states: number; transitions: number; depth: number }>;
const COUNTS = new URL('counts.json', import.meta.url);
const counts = JSON.parse(readFileSync(COUNTS, 'utf8')) as Counts;

function row(widths: readonly number[], cells: readonly (string | number)[]): string {
  return cells
    .map((cell, at) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell).padStart(-(widths[at] ?? 0)))
    .map((cell, at) => ((widths[at] ?? 0) < 0 ? cell : cell.padEnd(widths[at] ?? 0)))
    .join('  ')
    .trimEnd();
}

/** A counterexample, as it is printed. */
function explain(setup: Setup, { finding, path }: Failure): string {
  const { rule, text } = PROPERTIES[finding.property as Property];
  const steps = path.length === 1 ? '1 step' : `${path.length} steps`;
  const conclusion = `${finding.property} [${rule}] — ${text}. ${finding.text}`;
  return `\n${setup.configuration.name}: ${conclusion} (${steps})\n\n${mermaid(setup, path, `${finding.property}: ${finding.text}`)}`;
}

function written({ finding, path }: Failure, setup: Setup): unknown {
  return { ...finding, rule: PROPERTIES[finding.property as Property].rule, steps: stepsOf(setup, path) };
}

/** Whether the real sessions do what a counterexample says. */
async function confirmed({ system }: Setup, { path }: Failure): Promise<string> {
  const divergence = await replay(system, path);
  return divergence === undefined
    ? 'Real sessions do the same, step by step.'
    : `Real sessions do something else at step ${divergence.step}.`;
}

async function exploreAll(chosen: readonly Configuration[]): Promise<unknown[]> {
  const widths = [38, -11, -12, -6, -8, -11, 0];
  console.log(row(widths, ['configuration', 'states', 'transitions', 'depth', 'seconds', 'properties', '']));
  const results: unknown[] = [];
  for (const configuration of chosen) {
    const setup = prepare(configuration);
    const { exploration: _, failure, ...result } = explore(setup);
    const { name, states, transitions, depth, seconds, properties } = result;
    let verdict = 'all hold';
    if (failure !== undefined) verdict = `${failure.finding.property} does not hold`;
    else if (values.pin) counts[name] = { states, transitions, depth };
    else if (counts[name]?.states !== states || counts[name].transitions !== transitions) {
      verdict = `all hold, but counts.json has ${counts[name]?.states ?? 'no'} states: --pin writes it anew`;
      process.exitCode = 1;
    }
    console.log(row(widths, [name, states, transitions, depth, seconds.toFixed(1), properties, verdict]));
    results.push({ ...result, ...(failure && { failure: written(failure, setup) }) });
    if (failure === undefined) continue;
    console.log(`${explain(setup, failure)}\n${await confirmed(setup, failure)}`);
    process.exitCode = 1;
  }
  return results;
}

function huntAll(): unknown[] {
  const widths = [18, 88, 38, 20, -6];
  console.log(row(widths, ['mutant', 'the mistake', 'found in', 'by', 'steps']));
  return MUTANTS.map((mutant) => {
    const { name, text } = mutant;
    const kill = hunt(mutant);
    if (kill === undefined) {
      console.log(row(widths, [name, text, 'nowhere', '', '']));
      process.exitCode = 1;
      return { name, text };
    }
    const { configuration, failure, setup } = kill;
    console.log(row(widths, [name, text, configuration, failure.finding.property, failure.path.length]));
    return { name, text, configuration, failure: written(failure, setup) };
  });
}

const chosen = CONFIGURATIONS.filter(({ name, isQuick, isLong }) =>
  values.config === undefined ? isQuick || (values.all && !isLong) : values.config.includes(name),
);
if (chosen.length === 0) {
  console.error(`no such configuration; there are ${CONFIGURATIONS.map(({ name }) => name).join(', ')}`);
  process.exitCode = 1;
}
const results = values.mutants ? huntAll() : await exploreAll(chosen);
if (values.pin) writeFileSync(COUNTS, `${JSON.stringify(counts, undefined, 2)}\n`);
if (values.json !== undefined) {
  const plain = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
  writeFileSync(values.json, `${JSON.stringify(results, plain, 2)}\n`);
}
