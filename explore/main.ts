/**
 * Explores the composed system: `npm run explore` takes the small configurations, `-- --all` all of them,
 * `-- --config NAME` one, and `-- --json FILE` writes what came of it.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { explore, prepare } from './configuration.js';
import { CONFIGURATIONS } from './configurations.js';

const { values } = parseArgs({
  options: {
    all: { type: 'boolean' },
    config: { type: 'string', multiple: true },
    json: { type: 'string' },
  },
});

const chosen = CONFIGURATIONS.filter(({ name, isQuick }) =>
  values.config === undefined ? values.all || isQuick : values.config.includes(name),
);
if (chosen.length === 0) {
  console.error(`no such configuration; there are ${CONFIGURATIONS.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}

const HEAD = ['configuration', 'states', 'transitions', 'depth', 'seconds', 'properties', ''];
const WIDTHS = [32, 11, 12, 6, 8, 11, 0];

function row(cells: readonly (string | number)[]): string {
  return cells
    .map((cell, at) => (at === 0 ? String(cell).padEnd(WIDTHS[at] ?? 0) : String(cell).padStart(WIDTHS[at] ?? 0)))
    .join(' ');
}

console.log(row(HEAD));
const results: unknown[] = [];
for (const configuration of chosen) {
  const setup = prepare(configuration);
  const { exploration: _, ...result } = explore(setup);
  const { name, states, transitions, depth, seconds, properties, failure } = result;
  const verdict = failure === undefined ? ' all hold' : ` ${failure.finding.property}: ${failure.finding.text}`;
  console.log(row([name, states, transitions, depth, seconds.toFixed(1), properties, verdict]));
  results.push(result);
  if (failure === undefined) continue;
  process.exitCode = 1;
  for (const label of failure.path) {
    console.log(
      '  ',
      JSON.stringify(
        'side' in label ? { side: label.side, ...setup.sides[label.side]?.inputs.of(label.input) } : label,
        (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
      ),
    );
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
