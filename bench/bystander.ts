// Measures an honest session beside peers that send without end to the same server. The server is a process of its own, and
// so are the attackers. The honest session echoes 16 bytes at a time, every few milliseconds. `npm run bench:bystander`; `--
// --write` keeps the figures, of which docs/fairness.md has the table.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { accept, initiate, messagePack } from 'roam-actors';
import { connectWebSocket, listenWebSocket } from 'roam-actors/websocket';
import { WebSocket } from 'ws';
import type { Figures, Row } from './bystander-table.js';

const FILE = fileURLToPath(new URL('../bystander.json', import.meta.url));
/** Milliseconds of each attack before the honest session is timed, and while it is. */
const BEFORE = 1_000;
const TIMED = 6_000;
/** Milliseconds between two echoes. */
const BETWEEN = 3;
/** The bytes that an attacker may have waiting in its own process. */
const BACKLOG = 2 ** 20;
/** A turn time so long that no turn ends before all its work is done. */
const UNBOUNDED = 2 ** 31 - 1;

type Attack = 'open and close' | 'stray Pongs' | 'cheap calls' | 'Cancel and GrantCredit';

const PLAN: readonly { attack: Attack; attackers: number; turnTime?: number; target?: number }[] = [
  { attack: 'open and close', attackers: 0 },
  { attack: 'open and close', attackers: 1, target: 20 },
  { attack: 'open and close', attackers: 10, target: 50 },
  { attack: 'stray Pongs', attackers: 10, target: 50 },
  { attack: 'cheap calls', attackers: 10 },
  { attack: 'Cancel and GrantCredit', attackers: 10 },
  { attack: 'open and close', attackers: 10, turnTime: UNBOUNDED },
];

async function serve(turnTime: number): Promise<void> {
  const listener = await listenWebSocket({ port: 0 }, async (link) => {
    try {
      const session = await accept(link, {
        limits: { turnTime },
        onReport: () => {},
        onConnection: () => ({ type: 'accept' }),
      });
      session.root.serve(({ args }) => args);
      await session.closed;
    } catch {
      // An attacker that was cut.
    }
  });
  process.send?.(listener.url);
}

type Message = Parameters<typeof messagePack.encode>[0];

/** The frames of one round of an attack. */
function* round(attack: Attack, at: number): Generator<Message> {
  for (let count = 0; count < 1_000; count++) {
    const id = 2 * (at * 1_000 + count) + 1;
    switch (attack) {
      case 'open and close':
        yield {
          type: 'ConnectionOpen',
          connectionId: id,
          connectionSettings: { parity: 'odd', maxConcurrentRequests: 64 },
          metadata: [],
        };
        yield { type: 'ConnectionClose', connectionId: id, metadata: [] };
        break;
      case 'stray Pongs':
        yield { type: 'Pong', connectionId: 0, nonce: 5n };
        break;
      case 'cheap calls': {
        const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: new Uint8Array(1) } as const;
        yield { type: 'RequestMessage', connectionId: 0, id, body };
        break;
      }
      case 'Cancel and GrantCredit':
        yield { type: 'RequestMessage', connectionId: 0, id, body: { type: 'Cancel', metadata: [] } };
        yield { type: 'ChannelMessage', connectionId: 0, id, body: { type: 'GrantCredit', additional: 1 } };
    }
  }
}

function attackOnce(url: string, attack: Attack): void {
  const ws = new WebSocket(url, { perMessageDeflate: false });
  ws.on('error', () => {});
  ws.on('message', () => {});
  ws.on('open', () => {
    const hello = {
      type: 'Hello',
      connectionId: 0,
      version: 7,
      connectionSettings: { parity: 'odd', maxConcurrentRequests: 64 },
      metadata: [],
    } as const;
    ws.send(messagePack.encode(hello));
    let at = 0;
    const flood = (): void => {
      if (ws.readyState !== WebSocket.OPEN) return;
      if (ws.bufferedAmount > BACKLOG) {
        setTimeout(flood, 2);
        return;
      }
      for (const message of round(attack, at++)) ws.send(messagePack.encode(message));
      setImmediate(flood);
    };
    flood();
  });
}

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function started(...args: string[]): ChildProcess {
  return fork(fileURLToPath(import.meta.url), args);
}

async function measure({ attack, attackers, turnTime = 1, target }: (typeof PLAN)[number]): Promise<Row> {
  const server = started('serve', String(turnTime));
  const [url] = (await once(server, 'message')) as [string];
  const session = await initiate(await connectWebSocket(url));
  const caller = session.root.caller();
  const args = new Uint8Array(16);
  for (let count = 0; count < 2_000; count++) await caller.call(1n, args);
  const foes = attackers === 0 ? undefined : started('attack', url, attack, String(attackers));
  await wait(BEFORE);
  const times: number[] = [];
  const end = performance.now() + TIMED;
  while (performance.now() < end) {
    const begun = performance.now();
    await caller.call(1n, args);
    times.push(performance.now() - begun);
    await wait(BETWEEN);
  }
  for (const child of [foes, server]) child?.kill('SIGKILL');
  session.shutdown();
  times.sort((one, other) => one - other);
  const at = (share: number): number =>
    Math.round((times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0) * 10) / 10;
  const row = { attack, attackers, turnTime, echoes: times.length, median: at(0.5), p99: at(0.99), longest: at(1) };
  return target === undefined ? row : { ...row, target };
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'serve') {
  await serve(Number(rest[0]));
} else if (role === 'attack') {
  const [url, attack, attackers] = rest as [string, Attack, string];
  for (let count = 0; count < Number(attackers); count++) attackOnce(url, attack);
} else {
  const rows: Row[] = [];
  for (const plan of PLAN) {
    const row = await measure(plan);
    rows.push(row);
    console.log(JSON.stringify(row));
  }
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const figures: Figures = { commit, node: process.version, rows };
  if (role === '--write') writeFileSync(FILE, `${JSON.stringify(figures, undefined, 2)}\n`);
  process.exit(0);
}
