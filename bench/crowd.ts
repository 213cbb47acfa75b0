// Measures ten thousand clients of `connect` that come back to a server which was started anew: whether their dials are spread,
// and how long the turns of the servers' event loops take. The servers and the clients are processes of their own, with real
// sockets on 127.0.0.1. `npm run bench:crowd`; `-- --write` keeps the figures, of which docs/client.md has the table,
// `--seed N` repeats the times that the clients wait, and `--turns` lists the longest turns of each server.
//
// Each client has a file descriptor at both ends: the limit of open files of a process must be above ten thousand.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createServer } from 'roam-actors';
import { type ConnectOptions, connect } from 'roam-actors/client';
import { listenWebSocket } from 'roam-actors/websocket';
import { type CrowdRow, crowdTable, figuresOf } from './client-table.js';
import { profiled } from './profile.js';
import { draw } from './publish.js';
import { randomOf } from './random.js';

const ROOT = new URL('../..', import.meta.url);
const FILE = new URL('bench/client.json', ROOT);

/** Processes that have the clients. */
const PROCESSES = 2;
/** Milliseconds without a server behind one that was killed. */
const DOWN = 1_000;
/** Milliseconds in which dials are counted together. */
const STEP = 100;

const PLAN = [
  { restart: `the server is killed, and its successor is there ${DOWN / 1_000} s later`, isKilled: true },
  { restart: 'the server is drained, and its successor is there at once', isKilled: false },
] as const;

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    clients: { type: 'string', default: '10000' },
    only: { type: 'string', default: '' },
    profile: { type: 'string' },
    turns: { type: 'boolean', default: false },
    // What a process does that this program has started.
    role: { type: 'string' },
    port: { type: 'string', default: '0' },
  },
});
const seed = Number(values.seed);
const clients = Number(values.clients);
const port = Number(values.port);

/** A turn of the event loop. All times are in milliseconds. */
interface Turn {
  readonly begun: number;
  /** Its length by the clock. */
  readonly clock: number;
  /** Its processor time of the main thread. */
  readonly turn: number;
  /** The part by the clock in which V8 collected garbage. */
  readonly collection: number;
  /** The number of sessions at its end. */
  readonly sessions: number;
}

/** Turns that are kept, at most. */
const KEPT_TURNS = 10;

/** Returns the milliseconds of processor time that the main thread has had, or on other systems than Linux the process. */
function processorTime(): number {
  if (process.platform !== 'linux') {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  }
  return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}

/** Times the turns of this process's event loop. The returned function gives the longest ones since it was called last. */
function watchTurns(sessions: ReadonlySet<unknown>): () => Promise<readonly Turn[]> {
  let turns: Turn[] = [];
  /** The longest one by the clock. */
  let slowest: Turn | undefined;
  const collections: { readonly startTime: number; readonly duration: number }[] = [];
  new PerformanceObserver((list) => collections.push(...list.getEntries())).observe({ entryTypes: ['gc'] });
  let begun = performance.now();
  let used = processorTime();
  const look = (): void => {
    const [now, usedNow] = [performance.now(), processorTime()];
    const turn: Turn = { begun, clock: now - begun, turn: usedNow - used, collection: 0, sessions: sessions.size };
    if (turns.length < KEPT_TURNS || turn.turn > (turns.at(-1) as Turn).turn) {
      turns = [...turns, turn].sort((one, other) => other.turn - one.turn).slice(0, KEPT_TURNS);
    }
    if (slowest === undefined || turn.clock > slowest.clock) slowest = turn;
    [begun, used] = [now, usedNow];
    setTimeout(look, 1);
  };
  look();
  return async () => {
    const longest = slowest === undefined ? turns : [...turns, slowest];
    turns = [];
    slowest = undefined;
    // The observer hears of a collection later.
    await wait(100);
    return longest.map((turn) => {
      const own = collections.filter(({ startTime }) => startTime >= turn.begun && startTime < turn.begun + turn.clock);
      return { ...turn, collection: own.reduce((sum, { duration }) => sum + duration, 0) };
    });
  };
}

/** A server. It tells when it listens, which a successor does as soon as the port is free. */
async function serve(): Promise<void> {
  const server = createServer({ services: [], onReport: () => {} });
  const turns = watchTurns(server.sessions);
  let endProfile = (): void => {};
  process.on('message', (question) => {
    if (question === 'turns') {
      void turns().then((longest) => process.send?.(longest));
      endProfile();
    } else {
      void server.drain().then((counts) => process.send?.(counts));
    }
  });
  for (;;) {
    try {
      const listener = await server.listen((onLink) => listenWebSocket({ port, onError: () => {} }, onLink));
      // Those of the start do not count.
      void turns();
      process.send?.(listener.port);
      break;
    } catch {
      await wait(1);
    }
  }
  const ended = new Promise<Record<string, number>>((resolve) => {
    endProfile = () => resolve({});
  });
  if (values.profile !== undefined) await profiled(values.profile, () => ended);
}

/** Has clients. It tells how many of them have a session, and counts their attempts. */
function crowd(): void {
  const random = randomOf(seed);
  const dials: number[] = [];
  const all = Array.from({ length: clients }, () => {
    const options: ConnectOptions & { readonly random: () => number } = { random, onReport: () => {} };
    const client = connect(`ws://127.0.0.1:${port}`, options);
    client.status.subscribe(() => {
      const { state, retryAt } = client.status.current;
      if (state === 'connecting' && retryAt === undefined) dials.push(Date.now());
    });
    return client;
  });
  let next = 0;
  // Little by little at first: this is not what is measured.
  const begin = setInterval(() => {
    for (let more = 0; more < 10 && next < all.length; more++) all[next++]?.reconnect();
    if (next === all.length) clearInterval(begin);
  }, 10);
  process.on('message', (question) => {
    if (question === 'dials') process.send?.(dials);
    else process.send?.(all.filter(({ status }) => status.current.state === 'open').length);
  });
  process.send?.('ready');
}

const children = new Set<ChildProcess>();

function started(options: Readonly<Record<string, string | number>>): ChildProcess {
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = fork(fileURLToPath(import.meta.url), args);
  children.add(child);
  return child;
}

async function answerOf<T>(child: ChildProcess, question?: string): Promise<T> {
  if (question !== undefined) child.send(question);
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

/** Returns the most times within any step. */
function most(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  let first = 0;
  let found = 0;
  for (const [index, time] of sorted.entries()) {
    while (time - (sorted[first] as number) >= STEP) first++;
    found = Math.max(found, index - first + 1);
  }
  return found;
}

/** Asks a server for its longest turns. */
async function turnsOf(name: string, server: ChildProcess): Promise<readonly Turn[]> {
  const turns = await answerOf<readonly Turn[]>(server, 'turns');
  if (values.turns) {
    console.log(`${name}, milliseconds:`);
    console.table(
      turns.map((turn) => Object.fromEntries(Object.entries(turn).map(([key, value]) => [key, Math.round(value)]))),
    );
  }
  return turns;
}

async function measure({ restart, isKilled }: (typeof PLAN)[number]): Promise<CrowdRow> {
  const server = started({ role: 'serve' });
  const place = { port: await answerOf<number>(server) };
  const crowds = Array.from({ length: PROCESSES }, (_, index) =>
    started({ role: 'crowd', seed: seed + index, clients: clients / PROCESSES, ...place }),
  );
  await Promise.all(crowds.map((child) => answerOf(child)));
  const isOpen = async (): Promise<boolean> => {
    const counts = await Promise.all(crowds.map((child) => answerOf<number>(child, 'open')));
    return counts.reduce((sum, count) => sum + count, 0) === clients;
  };
  while (!(await isOpen())) await wait(500);
  // The heap of a new process grows by collections that are long: those of the start are not what is measured.
  await wait(1_000);
  const profile = values.profile === undefined ? {} : { profile: values.profile };
  const turns: Turn[] = [];
  let successor: ChildProcess;
  if (isKilled) {
    server.kill('SIGKILL');
    await wait(DOWN);
    successor = started({ role: 'serve', ...place, ...profile });
    await answerOf(successor);
  } else {
    successor = started({ role: 'serve', ...place, ...profile });
    await wait(1_000);
    await answerOf(server, 'turns');
    const listening = answerOf(successor);
    server.send('drain');
    await listening;
  }
  const begun = Date.now();
  if (!isKilled) {
    await answerOf(server);
    turns.push(...(await turnsOf('the old server', server)));
  }
  while (!(await isOpen())) await wait(100);
  const back = Math.round((Date.now() - begun) / 100) / 10;
  await wait(1_000);
  turns.push(...(await turnsOf('the new server', successor)));
  const dials = (await Promise.all(crowds.map((child) => answerOf<number[]>(child, 'dials')))).flat();
  // A profile is written meanwhile.
  if (values.profile !== undefined) await wait(2_000);
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  return {
    ...{ restart, clients, back, dials: most(dials.filter((time) => time >= begun)) },
    turn: Math.round(Math.max(...turns.map(({ turn }) => turn))),
    clock: Math.round(Math.max(...turns.map(({ clock }) => clock))),
  };
}

if (values.role === 'serve') {
  await serve();
} else if (values.role === 'crowd') {
  crowd();
} else {
  const rows: CrowdRow[] = [];
  for (const plan of PLAN.filter(({ restart }) => restart.includes(values.only))) {
    rows.push(await measure(plan));
    console.log(JSON.stringify(rows.at(-1)));
  }
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const figures = { ...figuresOf(FILE), crowd: { commit, node: process.version, seed, rows } };
  console.log(`\n${crowdTable(figures)}`);
  if (values.write) {
    writeFileSync(FILE, `${JSON.stringify(figures, undefined, 2)}\n`);
    draw(ROOT);
  }
  process.exit(0);
}
