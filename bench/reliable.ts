// Measures the cost of a reliable link while nothing is cut, in pairs with the bare link: the processor time of two processes,
// of which one calls the other. `npm run bench:reliable`; `-- --write` keeps the figures, of which docs/reliable.md has the
// table.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Wire, type Work, Worker } from './control.js';
import { median } from './median.js';
import { type CostRow, costTable, figuresOf } from './reliable-table.js';

const FILE = fileURLToPath(new URL('../reliable.json', import.meta.url));

/** The duration of a round, and of the rounds before the first one that counts, in milliseconds. */
const ROUND = 150;
const WARM_UP = 4_000;

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

/** A caller, and the peer that it calls. */
class Runner {
  readonly #peer: Worker;
  readonly #caller: Worker;

  private constructor(peer: Worker, caller: Worker) {
    this.#peer = peer;
    this.#caller = caller;
  }

  static async start(wire: Wire, work: Work): Promise<Runner> {
    const peer = new Worker({ kind: 'wire-peer', ...wire });
    const { address } = await peer.round(0);
    return new Runner(peer, new Worker({ kind: 'wire', ...wire, address: String(address), work }));
  }

  /** Returns calls or items for each second of processor time, of both processes together. */
  async speed(milliseconds: number, profile?: string): Promise<number> {
    const before = await this.#peerCpu();
    const { cpu, busy } = await this.#caller.round(milliseconds, profile);
    const count = (Number(cpu) * Number(busy)) / 1000;
    return (count * 1000) / (Number(busy) + (await this.#peerCpu()) - before);
  }

  async #peerCpu(): Promise<number> {
    return Number((await this.#peer.round(0))['cpu']);
  }

  stop(): void {
    this.#caller.stop();
    this.#peer.stop();
  }
}

const rows: CostRow[] = [];
for (const link of ['tcp', 'ws'] as const) {
  for (const { name, work, target } of PLAN.filter((plan) => `${link} ${plan.name}`.includes(values.only))) {
    const pairs: { bare: number; reliable: number }[] = [];
    for (let start = 0; start < starts; start++) {
      const wire = { link, codec: 'messagePack' } as const;
      const runners = await Promise.all([Runner.start(wire, work), Runner.start({ ...wire, isReliable: true }, work)]);
      const [bare, reliable] = runners;
      for (let spent = 0; spent < WARM_UP; spent += 2 * ROUND) {
        await bare.speed(ROUND);
        await reliable.speed(ROUND);
      }
      for (let round = 0; round < rounds; round++) {
        // In turn the first and the second: the machine's speed drifts.
        const first = round % 2 === 0 ? await bare.speed(ROUND) : undefined;
        const second = await reliable.speed(ROUND);
        pairs.push({ bare: first ?? (await bare.speed(ROUND)), reliable: second });
      }
      if (values.profile !== undefined) await reliable.speed(2_000, values.profile);
      for (const runner of runners) runner.stop();
    }
    const microseconds = (speeds: readonly number[]) => Number((1e6 / median(speeds)).toFixed(1));
    rows.push({
      link: link === 'tcp' ? 'TCP' : 'WebSocket',
      work: name,
      ratio: Number(median(pairs.map(({ bare, reliable }) => reliable / bare)).toFixed(3)),
      ...(target === undefined ? {} : { target }),
      bare: microseconds(pairs.map(({ bare }) => bare)),
      reliable: microseconds(pairs.map(({ reliable }) => reliable)),
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
}

const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const figures = { ...figuresOf(FILE), cost: { commit, node: process.version, starts, rounds, rows } };
console.log(`\n${costTable(figures)}`);
if (values.write) writeFileSync(FILE, `${JSON.stringify(figures, undefined, 2)}\n`);
process.exit(0);
