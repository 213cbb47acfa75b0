import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  accept,
  callerOf,
  channel,
  initiate,
  method,
  type Rx,
  routes,
  type Session,
  service,
  type Tx,
} from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { type Figures, RESULTS, type Sample, verdict } from './results.js';

/**
 * Runs sessions over real WebSockets that open, call, stream, cancel, stall, lose their links and end, at random from a
 * seed. The resources of the process must stay flat, and every promise must settle. `npm run soak -- --minutes N` prints a
 * line for each sample, and says at the end whether all stayed flat; `--seed N` repeats a run, `--write` keeps its figures
 * for the documentation.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    write: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('--minutes takes a number above 0, --seed an integer');
const collect = globalThis.gc;
if (collect === undefined) throw new Error('npm run soak gives node --expose-gc');

/** Sessions at a time. */
const SESSIONS = 12;
/** The time within which a promise has to settle once its session has ended, in milliseconds. */
const SETTLE_TIME = 5_000;

const Work = service('Work', {
  echo: method<[bytes: Uint8Array], Uint8Array>(),
  slow: method<[milliseconds: number], number>(),
  fail: method(),
  up: method<[rx: Rx], number, never, [rx: Rx]>({ credit: 8 }),
  down: method<[count: number, tx: Tx], number>({ credit: 8 }),
});

let state = seed || 1;
/** The next number of the seed's sequence, from 0 to 1. */
function random(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

type Client = ReturnType<typeof Work.client>;

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const counts = { sessions: 0, opens: 0, calls: 0, streams: 0, cancels: 0, stalls: 0, cuts: 0, rejected: 0 };
/** Promises that have not settled, each with its description. */
const pending = new Map<Promise<unknown>, string>();
const problems: string[] = [];

/** Notes a promise until it settles; how it settles is not judged here. */
function track(what: string, promise: Promise<unknown>): Promise<unknown> {
  pending.set(promise, what);
  return promise
    .catch(() => {
      counts.rejected++;
    })
    .finally(() => pending.delete(promise));
}

const handler = Work.handler({
  echo: (bytes) => bytes,
  slow: async (milliseconds) => {
    await wait(milliseconds);
    return milliseconds;
  },
  fail: () => {
    throw new Error('on purpose');
  },
  up: async (rx) => {
    let bytes = 0;
    for await (const item of rx) bytes += item.length;
    return bytes;
  },
  down: async (count, tx) => {
    for (let at = 0; at < count; at++) await tx.send(new Uint8Array(64));
    await tx.close();
    return count;
  },
});

const listener = await listenWebSocket({ port: 0 }, async (link) => {
  const session = await accept(link, { onConnection: routes([handler]), onReport: () => {} });
  session.root.serve(({ args }) => args);
  await session.closed;
});

async function upload(client: Client): Promise<void> {
  const [tx, rx] = channel({ credit: 8 });
  void track('up', client.up(rx));
  const count = Math.floor(random() * 40);
  for (let at = 0; at < count; at++) await track('send', tx.send(new Uint8Array(Math.floor(random() * 4_096))));
  if (random() < 0.2) tx.abort();
  else await track('close', tx.close());
}

async function download(client: Client): Promise<void> {
  const [tx, rx] = channel({ credit: 8 });
  void track('down', client.down(Math.floor(random() * 40), tx));
  const most = random() < 0.3 ? Math.floor(random() * 10) : Number.POSITIVE_INFINITY;
  let read = 0;
  for await (const item of rx) {
    if (item === undefined || ++read >= most) break;
  }
}

/** Performs one random action on a session. */
async function act(session: Session, link: Link): Promise<void> {
  const client = await session.open(Work);
  counts.opens++;
  const rounds = 1 + Math.floor(random() * 12);
  for (let round = 0; round < rounds; round++) {
    const what = random();
    if (what < 0.45) {
      counts.calls++;
      await client.echo(new Uint8Array(Math.floor(random() * 20_000)));
    } else if (what < 0.55) {
      counts.calls++;
      await Promise.all(Array.from({ length: 32 }, () => client.echo(new Uint8Array(16))));
    } else if (what < 0.65) {
      counts.cancels++;
      const controller = new AbortController();
      const call = track('slow', client.slow(200, { signal: controller.signal }));
      await wait(random() * 20);
      controller.abort();
      await call;
    } else if (what < 0.7) {
      counts.calls++;
      await track('fail', client.fail());
    } else if (what < 0.82) {
      counts.streams++;
      await upload(client);
    } else if (what < 0.94) {
      counts.streams++;
      await download(client);
    } else if (what < 0.97) {
      // Reads nothing for a while, so the items of this channel are not taken.
      counts.stalls++;
      const [tx] = channel({ credit: 8 });
      void track('down', client.down(20, tx));
      await wait(random() * 50);
    } else {
      counts.cuts++;
      link.abort();
      return;
    }
  }
  await callerOf(client).connection.close();
}

async function live(): Promise<void> {
  const link = await connectWebSocket(listener.url);
  const session = await initiate(link, {
    keepalive: { pingInterval: 200, pongTimeout: 5_000 },
    onReport: () => {},
  });
  counts.sessions++;
  const users = Array.from({ length: 1 + Math.floor(random() * 4) }, () => track('user', act(session, link)));
  if (random() < 0.3) {
    await wait(random() * 300);
    session.shutdown();
  }
  await Promise.all(users);
  session.shutdown();
  await track('closed', session.closed);
}

let isOver = false;

async function keepLiving(): Promise<void> {
  while (!isOver) await track('session', live());
}

function sampleAt(second: number): Sample {
  for (let round = 0; round < 3; round++) collect?.();
  const resources = process.getActiveResourcesInfo();
  return {
    second,
    heap: process.memoryUsage().heapUsed,
    handles: resources.filter((name) => name !== 'Timeout' && name !== 'Immediate').length,
    timers: resources.filter((name) => name === 'Timeout').length,
    files: readdirSync('/proc/self/fd').length,
  };
}

process.on('unhandledRejection', (reason) => problems.push(`an unhandled rejection: ${String(reason)}`));
process.on('warning', ({ name, message }) => problems.push(`${name}: ${message}`));

const samples: Sample[] = [];
const started = performance.now();
const seconds = (): number => Math.round((performance.now() - started) / 1000);
const every = Math.max(5, Math.round((minutes * 60) / 20));
while (seconds() < minutes * 60) {
  isOver = false;
  const sessions = Array.from({ length: SESSIONS }, keepLiving);
  await wait(every * 1000);
  isOver = true;
  await Promise.all(sessions);
  // Wait for the ends of the server's sessions, and for TCP's last packets.
  const deadline = performance.now() + SETTLE_TIME;
  while (pending.size > 0 && performance.now() < deadline) await wait(20);
  if (pending.size > 0) problems.push(`never settled: ${[...new Set(pending.values())].join(', ')}`);
  await wait(1_500);
  const sample = sampleAt(seconds());
  samples.push(sample);
  console.log(
    `${String(sample.second).padStart(5)} s  heap ${(sample.heap / 2 ** 20).toFixed(1)} MiB  ${sample.handles} handles  ` +
      `${sample.timers} timers  ${sample.files} files  ${counts.sessions} sessions  ${counts.calls} calls  ${counts.cuts} cuts`,
  );
}
await listener.close();
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const figures: Figures = { commit, seed, minutes, counts, samples, problems };
const lines = verdict(figures);
console.log(lines.join('\n'));
if (values.write) writeFileSync(RESULTS, `${JSON.stringify(figures, undefined, 2)}\n`);
process.exit(lines.every((line) => line.startsWith('flat')) ? 0 : 1);
