// Measures the cost of an inspector: the same echoes over memory, each variant in a process of its own, so that no process
// runs code that another variant has shaped. The variants take turns, round by round. Each is shown as a multiple of the
// processes that never import the inspector, since absolute figures depend on the machine. `npm run bench:inspect`.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { accept, type Connection, initiate } from 'roam-actors';
import type { Inspector, InspectorOptions } from 'roam-actors/inspect';
import { memoryLinkPair } from 'roam-actors/memory';
import { median } from './median.js';

/** Rounds of each process that do not count: its code is being compiled. */
const WARMUP = 5;
const MESSAGES = 20_000;
const IN_FLIGHT = 64;

/** The pause after a round with an inspector, in milliseconds. The viewer then has all records, and its core is idle. */
const PAUSE = 300;

/** The inspector is never imported; or imported and given to no session; or given with these options. */
type Variant = 'none' | 'off' | InspectorOptions;

/** One end asks, the other answers. Resolves with the messages a second. */
async function echo(inspect: Inspector['inspect'] | undefined, messages: number): Promise<number> {
  const [left, right] = memoryLinkPair({ capacity: IN_FLIGHT });
  const options = inspect === undefined ? {} : { inspect };
  const setup = async (connection: Connection): Promise<void> => {
    for await (const { id, body } of connection) {
      if (body.type === 'Call') await connection.sendResponse(id, { ret: body.args });
    }
  };
  const [near, far] = await Promise.all([
    initiate(left, options),
    accept(right, { ...options, onConnection: () => ({ type: 'accept', setup: (made) => void setup(made) }) }),
  ]);
  const connection = await near.open();
  const args = new Uint8Array(16);
  let id = -1;
  const call = (): void => {
    id += 2;
    const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args } as const;
    void connection.send({ type: 'RequestMessage', id, body });
  };
  const started = performance.now();
  for (let n = 0; n < IN_FLIGHT; n++) call();
  let waiting = messages;
  for await (const _ of connection) {
    waiting--;
    if (waiting === 0) break;
    if (waiting >= IN_FLIGHT) call();
  }
  const rate = (messages * 1_000) / (performance.now() - started);
  near.shutdown();
  await Promise.all([near.closed, far.closed]);
  return rate;
}

/** Runs in a process of its own: measures one round of echoes for each message from the parent. */
async function play(variant: Variant): Promise<void> {
  const inspector =
    variant === 'none'
      ? undefined
      : await import('roam-actors/inspect').then(({ createInspector }) =>
          variant === 'off' ? undefined : createInspector(variant),
        );
  // The inspector is connected by then, or has given up for now.
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.on('message', async () => {
    // Warms up again after the others' turns.
    await echo(inspector?.inspect, MESSAGES / 10);
    process.send?.(await echo(inspector?.inspect, MESSAGES));
  });
  process.send?.('ready');
}

/** The viewer's server, in a process of its own. */
async function viewer(): Promise<{ url: string; stop(): void }> {
  const program = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
  const child = spawn(process.execPath, [program, 'inspect', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    const url = /^http:\S+$/m.exec(text)?.[0];
    if (url !== undefined) return { url, stop: () => child.kill('SIGTERM') };
  }
  throw new Error('the viewer has printed no URL');
}

async function player(variant: Variant): Promise<ChildProcess> {
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(variant)]);
  await once(child, 'message');
  return child;
}

async function rateOf(child: ChildProcess): Promise<number> {
  child.send('echo');
  const [rate] = (await once(child, 'message')) as [number];
  return rate;
}

/** Measures all variants in turn, round by round. Prints each as a multiple of the first one. */
async function compare(variants: readonly [title: string, variant: Variant][], rounds: number): Promise<void> {
  const players: ChildProcess[] = [];
  for (const [, variant] of variants) players.push(await player(variant));
  const ratios: number[][] = variants.map(() => []);
  for (let round = -WARMUP; round < rounds; round++) {
    const rates: number[] = [];
    for (const turn of players.keys()) {
      // The order changes with each round, since the first process of a round meets another state of the machine than the
      // last one.
      const index = (turn + round + WARMUP) % players.length;
      rates[index] = await rateOf(players[index] as ChildProcess);
      if (typeof variants[index]?.[1] === 'object') await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    if (round >= 0) for (const [index, rate] of rates.entries()) ratios[index]?.push(rate / (rates[0] as number));
  }
  for (const [index, [title]] of variants.entries()) {
    if (index > 0) console.log(`${title.padEnd(21)} × ${median(ratios[index] as number[]).toFixed(2)}`);
  }
  for (const child of players) child.kill('SIGTERM');
}

const [, , variant] = process.argv;
if (variant !== undefined) {
  await play(JSON.parse(variant) as Variant);
} else {
  const without: [string, Variant] = ['never imported', 'none'];
  await compare(
    [
      without,
      // The same variant again shows the noise between two processes.
      ['never imported, again', 'none'],
      ['imported, not given', 'off'],
      ['given, without a listener', { url: 'http://127.0.0.1:1/' }],
    ],
    24,
  );
  const { url, stop } = await viewer();
  await compare(
    [
      without,
      ["messages: 'none'", { url, messages: 'none' }],
      ['messages: 100', { url, messages: 100 }],
      ["messages: 'all'", { url, messages: 'all' }],
    ],
    12,
  );
  stop();
}
