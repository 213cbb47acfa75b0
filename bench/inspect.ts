// What an inspector costs: the same echoes over memory, each variant in a process of its own, so that none runs code that
// another has shaped; rounds of all of them in turn, each as a multiple of the processes that never import it.
// `npm run bench:inspect`; absolute figures would tell of the machine alone.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { accept, type Connection, initiate } from 'roam-actors';
import type { Inspector, InspectorOptions } from 'roam-actors/inspect';
import { memoryLinkPair } from 'roam-actors/memory';
import { median } from './median.js';

/** Echoes of each process that count for nothing: until everything is compiled. */
const WARMUP = 5;
const MESSAGES = 20_000;
const IN_FLIGHT = 64;

/** After each that has an inspector: until the viewer has it all, and its core to spare. Milliseconds. */
const PAUSE = 300;

/** Never imported; imported, and no session given one; or given one of these. */
type Variant = 'none' | 'off' | InspectorOptions;

/** One end answers, the other asks; resolves with messages a second. */
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

/** A process of its own: an echo for each word that it is told. */
async function play(variant: Variant): Promise<void> {
  const inspector =
    variant === 'none'
      ? undefined
      : await import('roam-actors/inspect').then(({ createInspector }) =>
          variant === 'off' ? undefined : createInspector(variant),
        );
  // Until it is connected, or has given up for the time being.
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.on('message', async () => {
    // One to wake up, after the others' turns.
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

/** All of them in turn, round by round; prints each as a multiple of the first. */
async function compare(variants: readonly [title: string, variant: Variant][], rounds: number): Promise<void> {
  const players: ChildProcess[] = [];
  for (const [, variant] of variants) players.push(await player(variant));
  const ratios: number[][] = variants.map(() => []);
  for (let round = -WARMUP; round < rounds; round++) {
    const rates: number[] = [];
    for (const turn of players.keys()) {
      // Whoever comes first finds another machine than who comes last.
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
      // As far as two processes that do the same are apart.
      ['never imported, again', 'none'],
      ['imported, not given', 'off'],
      ['given, nobody listens', { url: 'http://127.0.0.1:1/' }],
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
