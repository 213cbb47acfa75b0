// Measures the speed on the real wire: this library and the reference, each calling each, over TCP and WebSocket, two
// processes at a time. The figures are ratios to the package `ws` alone, and between pairs, of speeds that were measured one
// right after the other. `npm run bench:wire`; `-- --write` keeps the figures, of which docs/benchmark-wire.md has the
// table.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Job, type WireCodec, type WireLink, type Work, Worker } from './control.js';
import { median } from './median.js';
import { draw } from './publish.js';
import { randomOf } from './random.js';
import { type Figures, PAIRS, type Pair, type Row } from './wire-table.js';

const ROOT = new URL('../..', import.meta.url);
const RELEASE = fileURLToPath(new URL('test/reference/release.ts', ROOT));

/** The duration of a round, and of the rounds before the first one that counts, in milliseconds. Node compiles meanwhile. */
const ROUND = 100;
const WARM_UP = 4_000;
/** A round that takes longer hangs, however busy the machine is. */
const TIME_LIMIT = 60_000;
/** The size of a round of the reference, before its speed is known. */
const FIRST_COUNT = 200;

const WORK: Readonly<Record<string, Work>> = {
  'echo 16 B ×1': { kind: 'echo', size: 16, inFlight: 1 },
  'echo 16 B ×64': { kind: 'echo', size: 16, inFlight: 64 },
  'echo 4 KiB ×1': { kind: 'echo', size: 4096, inFlight: 1 },
  'echo 4 KiB ×64': { kind: 'echo', size: 4096, inFlight: 64 },
  'stream of 64 B': { kind: 'stream', size: 64, credit: 16 },
  'stream of 16 KiB': { kind: 'stream', size: 16_384, credit: 16 },
  'connect to first reply': { kind: 'connect', size: 16 },
};

const { values: options } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
    starts: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
  },
});

const seed = Number(options.seed);
const starts = Number(options.starts);
const rounds = Number(options.rounds);

const random = randomOf(seed);

function shuffled<T>(values: readonly T[]): T[] {
  const keyed = values.map((value) => ({ value, key: random() }));
  return keyed.sort((one, other) => one.key - other.key).map(({ value }) => value);
}

/** Two processes, of which one calls the other. */
interface Runner {
  /** Returns messages, or sessions, a second. */
  speed(milliseconds: number): Promise<number>;
  stop(): void;
}

class OurCaller implements Runner {
  readonly #worker: Worker;
  readonly #peer: { stop(): void } | undefined;

  constructor(job: Job, peer?: { stop(): void }) {
    this.#worker = new Worker(job);
    this.#peer = peer;
  }

  async speed(milliseconds: number): Promise<number> {
    const { rate, milliseconds: took } = await this.#worker.round(milliseconds);
    return Number(rate ?? 1000 / Number(took));
  }

  stop(): void {
    this.#worker.stop();
    this.#peer?.stop();
  }
}

/** The reference's peer as a caller: it does a round for each number on its standard input, and prints a line. */
class RustCaller implements Runner {
  readonly #child: ChildProcess;
  readonly #peer: { stop(): void };
  readonly #lines: AsyncIterator<string>;
  #rate = 0;

  constructor(program: string, link: WireLink, work: Work, address: string, peer: { stop(): void }) {
    this.#child = startRust(program, ['bench', '--transport', link, '--address', address, ...argumentsOf(work)]);
    this.#peer = peer;
    this.#lines = linesOf(this.#child);
  }

  async speed(milliseconds: number): Promise<number> {
    const count = Math.max(this.#rate === 0 ? 0 : 1, Math.round((this.#rate * milliseconds) / 1000)) || FIRST_COUNT;
    this.#child.stdin?.write(`${count}\n`);
    const { perSecond, micros } = JSON.parse(await nextLine(this.#lines));
    this.#rate = perSecond ?? 1e6 / micros.median;
    return this.#rate;
  }

  stop(): void {
    this.#child.kill();
    this.#peer.stop();
  }
}

function argumentsOf(work: Work): string[] {
  switch (work.kind) {
    case 'echo':
      return ['bytes', '-', String(work.inFlight), String(work.size)];
    case 'stream':
      return ['down', '-', String(work.size)];
    case 'connect':
      return ['connect', '-'];
  }
}

function startRust(program: string, args: readonly string[]): ChildProcess {
  return spawn(program, [...args, '--quiet'], { stdio: ['pipe', 'pipe', 'inherit'] });
}

function linesOf(child: ChildProcess): AsyncIterator<string> {
  if (child.stdout === null) throw new TypeError('the standard output of the child is not a pipe');
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]();
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the reference said nothing in a minute')), TIME_LIMIT);
  });
  try {
    const { done, value } = await Promise.race([lines.next(), late]);
    if (done) throw new Error('the reference ended early');
    return value;
  } finally {
    clearTimeout(timer);
  }
}

interface Server {
  readonly address: string;
  stop(): void;
}

async function ourServer(link: WireLink, codec: WireCodec): Promise<Server> {
  const worker = new Worker({ kind: 'wire-peer', link, codec });
  const { address } = await worker.round(0);
  return { address: String(address), stop: () => worker.stop() };
}

async function rustServer(program: string, link: WireLink): Promise<Server> {
  const child = startRust(program, ['accept', '--transport', link]);
  const { address } = JSON.parse(await nextLine(linesOf(child)));
  return { address, stop: () => child.kill() };
}

function wsAlone(work: Work): Runner {
  return new OurCaller({ contender: 'raw', processes: 2, ...work });
}

async function start(pair: Pair, link: WireLink, work: Work, program: string): Promise<Runner> {
  const codec = pair === 'messagePack' ? 'messagePack' : 'postcard';
  const isRustServer = pair === 'toRust' || pair === 'rust';
  const server = await (isRustServer ? rustServer(program, link) : ourServer(link, codec));
  if (pair === 'fromRust' || pair === 'rust') return new RustCaller(program, link, work, server.address, server);
  return new OurCaller({ kind: 'wire', link, codec, address: server.address, work }, server);
}

/** The speeds of one turn: of each pair, and of ws alone before and after it. */
type Turn = Partial<Record<Pair, { readonly speed: number; readonly toWs: number }>>;

/** Starts all pairs anew, in that order. They take turns, back and forth, with a round of ws alone between any two. */
async function turns(link: WireLink, work: Work, pairs: readonly Pair[], program: string): Promise<Turn[]> {
  const runners: { pair?: Pair; runner: Runner }[] = [];
  try {
    const ws = wsAlone(work);
    runners.push({ runner: ws });
    for (const pair of pairs) runners.push({ pair, runner: await start(pair, link, work, program) });
    await warmUp(runners.map(({ runner }) => runner));
    const turns: Turn[] = [];
    const order = runners.filter((each): each is { pair: Pair; runner: Runner } => each.pair !== undefined);
    let before = await ws.speed(ROUND);
    while (turns.length < rounds) {
      const turn: Turn = {};
      for (const { pair, runner } of order) {
        const speed = await runner.speed(ROUND);
        const after = await ws.speed(ROUND);
        turn[pair] = { speed, toWs: (2 * speed) / (before + after) };
        before = after;
      }
      turns.push(turn);
      order.reverse();
    }
    return turns;
  } finally {
    for (const { runner } of runners) runner.stop();
  }
}

/** Lets all work in turns. A pair that is warm before the others is idle then, and its heap has shrunk when it is measured. */
async function warmUp(runners: readonly Runner[]): Promise<void> {
  const end = performance.now() + runners.length * WARM_UP;
  while (performance.now() < end) for (const runner of runners) await runner.speed(ROUND);
}

function targetOf(link: WireLink, work: Work): number {
  const isOneAtATime = work.kind === 'connect' || (work.kind === 'echo' && work.inFlight === 1);
  return link === 'tcp' && isOneAtATime ? 0.9 : 1;
}

function rowOf(link: WireLink, name: string, work: Work, turns: readonly Turn[]): Row {
  const ratio = (one: Pair, other: Pair): number | undefined => {
    const ratios = turns.flatMap((turn) => {
      const [above, below] = [turn[one]?.speed, turn[other]?.speed];
      return above === undefined || below === undefined ? [] : [above / below];
    });
    return ratios.length === 0 ? undefined : rounded(median(ratios));
  };
  const toWs: Partial<Record<Pair, number>> = {};
  for (const pair of Object.keys(PAIRS) as Pair[]) {
    const ratios = turns.flatMap((turn) => turn[pair]?.toWs ?? []);
    if (ratios.length > 0) toWs[pair] = rounded(median(ratios));
  }
  const toRust = ratio('ours', 'rust');
  return {
    link: link === 'tcp' ? 'TCP' : 'WebSocket',
    work: name,
    toWs,
    ...(toRust === undefined ? {} : { toRust }),
    target: targetOf(link, work),
    toMessagePack: ratio('ours', 'messagePack') ?? 0,
  };
}

function rounded(ratio: number): number {
  return Number(ratio.toPrecision(3));
}

const program = execFileSync(process.execPath, ['--import', 'tsx', RELEASE], { encoding: 'utf8' }).trim();
if (program === '')
  console.log('There is no cargo here, so the reference does not take part. https://rustup.rs installs it.');
const pairs = (Object.keys(PAIRS) as Pair[]).filter(
  (pair) => program !== '' || pair === 'ours' || pair === 'messagePack',
);

const cells = (['tcp', 'ws'] as const).flatMap((link) =>
  Object.entries(WORK).map(([name, work]) => ({ link, name, work, turns: [] as Turn[] })),
);
const chosen = cells.filter(({ link, name }) => `${link} ${name}`.startsWith(options.only));
if (chosen.length === 0)
  throw new Error(`no work is named ${options.only}: ${cells.map(({ link, name }) => `${link} ${name}`).join(', ')}`);
const orders = chosen.map(() => shuffled(pairs));
for (let count = 0; count < starts; count++) {
  for (const cell of shuffled(chosen)) {
    const { link, name, work } = cell;
    // Each second start has the order of the one before, reversed: a pair that is started earlier may be slower for that.
    const order = orders[chosen.indexOf(cell)] as Pair[];
    try {
      cell.turns.push(...(await turns(link, work, order, program)));
      order.reverse();
    } catch (error) {
      console.log(`FAILED  ${link} ${name}: ${error instanceof Error ? error.message : error}`);
      process.exitCode = 1;
    }
  }
}
const rows = chosen.map(({ link, name, work, turns }) => rowOf(link, name, work, turns));
for (const row of rows) console.log(JSON.stringify(row));
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const figures: Figures = { commit, node: process.version, seed, starts, rounds, rows };
if (options.write && process.exitCode === undefined && chosen.length === cells.length) {
  writeFileSync(new URL('bench/wire.json', ROOT), `${JSON.stringify(figures, undefined, 2)}\n`);
  draw(ROOT);
}
