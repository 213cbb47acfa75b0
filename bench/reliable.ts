// Measures the cost of a reliable link while nothing is cut, in pairs with the bare link: the processor time of two processes,
// of which one calls the other. `npm run bench:reliable`; `-- --write` keeps the figures, of which docs/reliable.md has the
// table.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Work } from './control.js';
import { median } from './median.js';
import { type CostRow, costTable, figuresOf } from './reliable-table.js';
import { microseconds, pairsOf } from './runner.js';

const FILE = fileURLToPath(new URL('../reliable.json', import.meta.url));

const PLAN: readonly { work: Work; name: string; target?: number }[] = [
  { name: 'calls of 16 B, 64 in flight', work: { kind: 'echo', size: 16, inFlight: 64 }, target: 0.9 },
  { name: 'calls of 16 B, one in flight', work: { kind: 'echo', size: 16, inFlight: 1 } },
  { name: 'a stream of 16 KiB', work: { kind: 'stream', size: 16_384, credit: 16 }, target: 0.85 },
];

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    starts: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '9' },
    profile: { type: 'string' },
  },
});
const starts = Number(values.starts);
const rounds = Number(values.rounds);

const rows: CostRow[] = [];
for (const link of ['tcp', 'ws'] as const) {
  for (const { name, work, target } of PLAN.filter((plan) => `${link} ${plan.name}`.includes(values.only))) {
    const wire = { link, codec: 'messagePack' } as const;
    const plan = { starts, rounds, profile: values.profile };
    // In turn the first and the second.
    const pairs = await pairsOf([wire, { ...wire, isReliable: true }], work, plan, (round) => round % 2 === 0);
    rows.push({
      link: link === 'tcp' ? 'TCP' : 'WebSocket',
      work: name,
      ratio: Number(median(pairs.map(({ plain, other }) => other / plain)).toFixed(3)),
      ...(target === undefined ? {} : { target }),
      bare: microseconds(median(pairs.map(({ plain }) => plain))),
      reliable: microseconds(median(pairs.map(({ other }) => other))),
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
}

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const figures = { ...figuresOf(FILE), cost: { commit, node: process.version, starts, rounds, rows } };
console.log(`\n${costTable(figures)}`);
if (values.write) writeFileSync(FILE, `${JSON.stringify(figures, undefined, 2)}\n`);
process.exit(0);
