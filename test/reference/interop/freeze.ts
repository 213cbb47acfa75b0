import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { initiate, type StartOptions } from '../../../src/index.js';
import { connectWebSocket } from '../../../src/link/websocket-node.js';
import { Checks, PATIENCE, within } from '../checks.js';
import type { Part } from '../part.js';
import { Traffic } from './pair.js';
import { RustPeer } from './rust.js';
import { Testbed } from './services.js';

/** The number of sessions at a time. */
const AT_ONCE = 10;
/** The number of calls that each session has in flight. */
const IN_FLIGHT = 64;
/** The minimum time that each session works, in milliseconds. */
const WORK = 1_000;
/** The least number of Pings, and of opens, of a session. A busy machine takes longer for them. */
const QUERIES = 5;
/** The interval of our Pings, and of our opens, in milliseconds. */
const INTERVAL = 50;
/** The same without the preset, in milliseconds. Most peers freeze there. */
const CONTROL_PATIENCE = 5_000;
/** The number of sessions without the preset. */
const CONTROL = 20;

interface Figures {
  sessions: number;
  frozen: number;
  calls: number;
  pings: number;
  opens: number;
}

/**
 * Runs sessions to the Rust peer over WebSocket with 64 calls in flight each, and our Pings and opens between them. With the
 * preset no peer freezes. Without it most do, which shows that the load would freeze a peer.
 */
export const freeze: Part = async ({ programs, sessions }) => {
  const checks = new Checks('ws');
  const kept = await run(programs.peer, sessions, PATIENCE, { peer: 'roam-rust-7' }, (error) => {
    checks.fail('a session with the preset', error);
  });
  for (let left = sessions - checks.counts.failures.length; left > 0; left--) checks.pass();
  const control = await run(programs.peer, CONTROL, CONTROL_PATIENCE, {}, () => {});
  console.log(`  with the preset: ${textOf(kept)}\n  without it: ${textOf(control)}`);
  await checks.check('most sessions without the preset freeze', () => assert.ok(control.frozen > CONTROL / 2));
  return checks.counts;
};

function textOf({ sessions, frozen, calls, pings, opens }: Figures): string {
  return `${frozen} of ${sessions} sessions froze, ${calls} calls answered, ${pings} Pings, ${opens} opens`;
}

async function run(
  program: string,
  sessions: number,
  pongTimeout: number,
  options: StartOptions,
  failed: (error: unknown) => void,
): Promise<Figures> {
  const figures: Figures = { sessions, frozen: 0, calls: 0, pings: 0, opens: 0 };
  const keepalive = { pingInterval: INTERVAL, pongTimeout };
  const rust = new RustPeer(program, ['accept', '--transport', 'ws', '--quiet']);
  try {
    const { port } = await rust.take('listening');
    let begun = 0;
    const worker = async (): Promise<void> => {
      while (begun < sessions) {
        begun++;
        await one(`ws://127.0.0.1:${String(port)}/`, { ...options, keepalive }, figures).catch(failed);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await rust.kill();
  }
  return figures;
}

/** One session: calls, Pings and opens for a time, and then an orderly end. */
async function one(url: string, options: StartOptions, figures: Figures): Promise<void> {
  const { codec, sent } = new Traffic();
  const session = await initiate(await connectWebSocket(url), { ...options, codec });
  try {
    const end = performance.now() + WORK;
    let opens = 0;
    const isOver = (): boolean => performance.now() > end && Math.min(opens, sent.get('Ping') ?? 0) >= QUERIES;
    const client = Testbed.client(session.root);
    const opening = async (): Promise<void> => {
      while (!isOver()) {
        await delay(INTERVAL);
        const connection = await session.open();
        opens++;
        figures.opens++;
        await connection.close();
      }
    };
    const calling = async (lane: number): Promise<void> => {
      for (let n = 0; !isOver(); n++) {
        const text = `${lane} ${n}`;
        assert.equal(await client.echo(text), text);
        figures.calls++;
      }
    };
    const work = Promise.all([opening(), ...Array.from({ length: IN_FLIGHT }, (_, lane) => calling(lane))]);
    await within(work, 'the work of a session', 10 * PATIENCE);
  } catch (error) {
    const isFrozen = !session.root.isConnected && (await session.closed).cause === 'keepalive';
    if (isFrozen) figures.frozen++;
    throw error;
  } finally {
    figures.pings += sent.get('Ping') ?? 0;
    session.shutdown();
    await session.closed;
  }
}
