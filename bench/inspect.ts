// What an inspector costs: the same echoes in one process over memory, rounds of all variants in turn, each as a multiple
// of the one without an inspector. `npm run bench:inspect`; absolute figures would tell of the machine alone.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { accept, type Connection, initiate } from 'roam-actors';
import { createInspector, type Inspector, type InspectorOptions } from 'roam-actors/inspect';
import { memoryLinkPair } from 'roam-actors/memory';
import { median } from './median.js';

const ROUNDS = 11;
const MESSAGES = 5_000;
const IN_FLIGHT = 64;

/** One end answers, the other asks; resolves with messages a second. */
async function echo(inspect: Inspector['inspect'] | undefined): Promise<number> {
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
  let waiting = MESSAGES;
  for await (const _ of connection) {
    waiting--;
    if (waiting === 0) break;
    if (waiting >= IN_FLIGHT) call();
  }
  const rate = (MESSAGES * 1_000) / (performance.now() - started);
  near.shutdown();
  await Promise.all([near.closed, far.closed]);
  return rate;
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

const { url, stop } = await viewer();
const nobody = { url: 'http://127.0.0.1:1/' };
const inspectors = (
  [
    ['nobody listens', nobody],
    ["messages: 'none'", { url, messages: 'none' }],
    ['messages: 100', { url, messages: 100 }],
    ["messages: 'all'", { url, messages: 'all' }],
  ] satisfies [string, InspectorOptions][]
).map(([title, options]) => ({ title, inspector: createInspector(options), ratios: [] as number[] }));

// Until everybody is connected, or has given up for the time being.
await new Promise((resolve) => setTimeout(resolve, 500));
for (let round = -1; round < ROUNDS; round++) {
  const before = await echo(undefined);
  const rates: number[] = [];
  for (const { inspector } of inspectors) rates.push(await echo(inspector.inspect));
  const off = (before + (await echo(undefined))) / 2;
  // The first one warms up.
  if (round >= 0) for (const [index, rate] of rates.entries()) inspectors[index]?.ratios.push(rate / off);
}
for (const { title, inspector, ratios } of inspectors) {
  console.log(`${title.padEnd(20)} × ${median(ratios).toFixed(2)}`);
  await inspector.stop();
}
stop();
