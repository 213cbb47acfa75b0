/**
 * The checker: two peers that run the shipped machines, a link that may fail, users that act within their budgets, and every
 * possible order of these events. properties.ts lists the properties.
 *
 * It has layers. local.ts runs XState once for each distinct step of one machine and keeps the actions as data. runtime.ts
 * and port.ts carry them out for one peer, as XState and the port do. step.ts makes one step of an input and
 * all its effects, and side.ts keeps the steps in a table. world.ts combines two sides and a link. search.ts explores that
 * breadth first. liveness.ts checks the states that must be reached in the end. replay.ts plays a schedule on real sessions
 * and compares.
 *
 * `npm run explore` takes the small configurations, `-- --all` all but the largest, `-- --config NAME` one, the largest too.
 * `-- --mutants` hunts machines with mistakes instead. `-- --json FILE` writes the results with counterexamples, and `--
 * --replay FILE` plays these on real sessions. `--pin` writes the counts to counts.json, and the tables in docs/testing.md.
 * Without it the counts are compared with counts.json. `-- --twin` compares the states with those of an independent model:
 * see twin.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Configuration, explore, type Failure, prepare, type Setup } from './configuration.js';
import { CONFIGURATIONS } from './configurations.js';
import type { Label } from './draft.js';
import { configurationOf, hunt, MUTANTS } from './hunt.js';
import { SHIPPED } from './machines.js';
import { mutated } from './mutant.js';
import { PROPERTIES, type Property } from './properties.js';
import { replay } from './replay.js';
import { mermaid } from './sequence.js';
import { type Counts, configurationsTable, mutantsTable, propertiesTable } from './tables.js';
import { compare, TWINS, whyNoTwin } from './twin.js';
import { type Counterexample, counterexample, pathOf, toJSON } from './written.js';

const { values } = parseArgs({
  options: {
    all: { type: 'boolean' },
    config: { type: 'string', multiple: true },
    json: { type: 'string' },
    mutants: { type: 'boolean' },
    pin: { type: 'boolean' },
    replay: { type: 'string' },
    twin: { type: 'boolean' },
  },
});

const COUNTS = new URL('counts.json', import.meta.url);
const counts = JSON.parse(readFileSync(COUNTS, 'utf8')) as Counts;

/** The maximum number of states shown in which the twin differs. */
const MOST_SHOWN = 10;

function row(widths: readonly number[], cells: readonly (string | number)[]): string {
  return cells
    .map((cell, at) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell).padStart(-(widths[at] ?? 0)))
    .map((cell, at) => ((widths[at] ?? 0) < 0 ? cell : cell.padEnd(widths[at] ?? 0)))
    .join('  ')
    .trimEnd();
}

/** Returns a counterexample as text. */
function explain(setup: Setup, { finding, path }: Failure): string {
  const { rule, text } = PROPERTIES[finding.property as Property];
  const steps = path.length === 1 ? '1 step' : `${path.length} steps`;
  const conclusion = `${finding.property} [${rule}] — ${text}. ${finding.text}`;
  return `\n${setup.configuration.name}: ${conclusion} (${steps})\n\n${mermaid(setup, path, `${finding.property}: ${finding.text}`)}`;
}

/** Plays a counterexample on real sessions, and returns a sentence that says whether they do the same. */
async function confirmed({ system }: Setup, path: readonly Label[]): Promise<string> {
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
    results.push({ ...result, ...(failure && { failure: counterexample(failure, setup) }) });
    if (failure === undefined) continue;
    console.log(`${explain(setup, failure)}\n${await confirmed(setup, failure.path)}`);
    process.exitCode = 1;
  }
  return results;
}

function huntAll(): unknown[] {
  const widths = [18, 88, 38, 22, -6];
  console.log(row(widths, ['mutant', 'the mistake', 'found in', 'by', 'steps']));
  const kills = MUTANTS.map((mutant) => ({ mutant, kill: hunt(mutant) }));
  if (values.pin) writeTable('mutants', mutantsTable(kills));
  return kills.map(({ mutant: { name, text, by }, kill }) => {
    if (kill === undefined) {
      console.log(row(widths, [name, text, 'nowhere', '', '']));
      process.exitCode = 1;
      return { name, text };
    }
    const { configuration, failure, setup } = kill;
    const { property } = failure.finding;
    const found = property === by ? property : `${property}, not ${by}`;
    if (property !== by) process.exitCode = 1;
    console.log(row(widths, [name, text, configuration, found, failure.path.length]));
    return { name, text, configuration, failure: counterexample(failure, setup) };
  });
}

/** Writes a table to its place in docs/testing.md. */
function writeTable(name: string, table: string): void {
  const page = new URL('../../docs/testing.md', import.meta.url);
  const place = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`);
  const text = readFileSync(page, 'utf8');
  writeFileSync(
    page,
    text.replace(place, (_, begin, end) => `${begin}\n${table}\n${end}`),
  );
}

/** Compares the explorer's states with those of its twin. */
function compareAll(): unknown[] {
  const why = whyNoTwin();
  if (why !== undefined) {
    console.log(`skipped: ${why}`);
    return [];
  }
  const widths = [38, -11, 0];
  console.log(row(widths, ['configuration', 'states', 'projected']));
  return TWINS.map((name) => {
    const compared = compare(name);
    const { states, onlyHere, onlyThere } = compared;
    const isSame = onlyHere.length + onlyThere.length === 0;
    console.log(
      row(widths, [
        name,
        states,
        isSame ? 'the same' : `${onlyHere.length} only here, ${onlyThere.length} only in the twin`,
      ]),
    );
    for (const state of onlyHere.slice(0, MOST_SHOWN)) console.log(`  only here    ${state}`);
    for (const state of onlyThere.slice(0, MOST_SHOWN)) console.log(`  only there   ${state}`);
    if (!isSame) process.exitCode = 1;
    return { name, ...compared };
  });
}

/** One result in a file that `--json` has written. */
interface Written {
  readonly name: string;
  /** The configuration that killed the mutant. */
  readonly configuration?: string;
  readonly failure?: Counterexample;
}

/** Plays written counterexamples on real sessions. */
async function replayAll(results: readonly Written[]): Promise<void> {
  for (const { name, configuration = name, failure } of results) {
    if (failure === undefined) continue;
    const mutant = MUTANTS.find((one) => one.name === name);
    const setup = prepare(configurationOf(configuration), mutant ? mutated(mutant) : SHIPPED);
    const path = pathOf(setup, failure);
    console.log(`${name}: ${path.length} steps in ${configuration}. ${await confirmed(setup, path)}`);
  }
}

const chosen = CONFIGURATIONS.filter(({ name, isQuick, isLong }) =>
  values.config === undefined ? isQuick || (values.all && !isLong) : values.config.includes(name),
);
if (chosen.length === 0) {
  console.error(`no such configuration; there are ${CONFIGURATIONS.map(({ name }) => name).join(', ')}`);
  process.exitCode = 1;
}
if (values.replay === undefined) {
  const results = values.mutants ? huntAll() : values.twin ? compareAll() : await exploreAll(chosen);
  if (values.json !== undefined) writeFileSync(values.json, `${toJSON(results)}\n`);
} else {
  await replayAll(JSON.parse(readFileSync(values.replay, 'utf8')) as Written[]);
}
if (values.pin) {
  writeFileSync(COUNTS, `${JSON.stringify(counts, undefined, 2)}\n`);
  writeTable('configurations', configurationsTable(CONFIGURATIONS, counts));
  writeTable('properties', propertiesTable());
}
