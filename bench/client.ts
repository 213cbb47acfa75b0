// Measures the cost of the client of `connect` on an open session, in pairs with the same calls without it: the processor time
// of two processes, of which one calls the other over a WebSocket. `npm run bench:client`; `-- --write` keeps the figures, of
// which docs/client.md has the table, and `--seed N` repeats an order.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type CostRow, clientCostTable, figuresOf } from './client-table.js';
import { median } from './median.js';
import { draw } from './publish.js';
import { randomOf } from './random.js';
import { microseconds, pairsOf } from './runner.js';

const ROOT = new URL('../..', import.meta.url);
const FILE = new URL('bench/client.json', ROOT);

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    starts: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '9' },
    profile: { type: 'string' },
  },
});
const seed = Number(values.seed);
const starts = Number(values.starts);
const rounds = Number(values.rounds);
const random = randomOf(seed);

const rows: CostRow[] = [];
for (const inFlight of [1, 64]) {
  const wire = { link: 'ws', codec: 'messagePack' } as const;
  const work = { kind: 'echo', size: 16, inFlight } as const;
  const plan = { starts, rounds, profile: values.profile };
  const pairs = await pairsOf([wire, { ...wire, isConnect: true }], work, plan, () => random() < 0.5);
  rows.push({
    work: `calls of 16 B, ${inFlight === 1 ? 'one' : inFlight} in flight`,
    ratio: Number(median(pairs.map(({ plain, other }) => other / plain)).toFixed(3)),
    session: microseconds(median(pairs.map(({ plain }) => plain))),
    client: microseconds(median(pairs.map(({ other }) => other))),
  });
  console.log(JSON.stringify(rows.at(-1)));
}

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const figures = { ...figuresOf(FILE), cost: { commit, node: process.version, seed, starts, rounds, rows } };
console.log(`\n${clientCostTable(figures)}`);
if (values.write) {
  writeFileSync(FILE, `${JSON.stringify(figures, undefined, 2)}\n`);
  draw(ROOT);
}
process.exit(0);
