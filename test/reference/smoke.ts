import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Checks, PATIENCE } from './checks.js';
import { ONE_THREAD } from './interop/rust.js';
import type { Context, Counts } from './part.js';

/** Hello of version 7: parity Odd, 64 requests at once, no metadata. */
const HELLO = '000007004000';
/** The answer: parity Even, 64 requests at once, no metadata. */
const HELLO_YOURSELF = '0001014000';

/** Checks that both programs run, without the library: scripts have a known outcome, and peers talk to each other. */
export async function smoke({ programs }: Context): Promise<Counts> {
  const checks: Record<string, () => unknown> = {
    'the oracle plays an acceptor that answers a Ping and ends with its link': () => {
      const steps = [{ do: 'frame', hex: HELLO }, { do: 'frame', hex: '000907' }, { do: 'end' }];
      const script = { n: 1, role: 'acceptor', hello: '0003014000', steps };
      assert.deepEqual(play(programs.oracle, script), [
        [],
        [
          { ev: 'frame', hex: HELLO_YOURSELF },
          { ev: 'established', local: { parity: 'even', max: 64 }, peer: { parity: 'odd', max: 64 } },
        ],
        [{ ev: 'frame', hex: '000a07' }],
        [
          { ev: 'session-ended', why: 'eof' },
          { ev: 'conn-closed', id: 0 },
          { ev: 'inbox-ended', id: 0 },
        ],
      ]);
    },
    'the oracle plays an initiator with drivers whose call is answered': () => {
      const steps = [
        { do: 'frame', hex: HELLO_YOURSELF },
        { do: 'call', ref: 5, method: 9, hex: 'beef' },
        { do: 'frame', hex: '0007010100002a' },
      ];
      const script = { n: 2, role: 'initiator', hello: '0003004000', calls: true, steps };
      assert.deepEqual(play(programs.oracle, script), [
        [{ ev: 'frame', hex: HELLO }],
        [{ ev: 'established', local: { parity: 'odd', max: 64 }, peer: { parity: 'even', max: 64 } }],
        [{ ev: 'frame', hex: '00070100090000beef' }],
        [{ ev: 'call-ok', ref: 5, ret: '2a' }],
      ]);
    },
    'the oracle names the step that it does not know': () => {
      const script = {
        n: 3,
        role: 'acceptor',
        hello: '0003014000',
        steps: [{ do: 'frame', hex: HELLO }, { do: 'jump' }],
      };
      assert.deepEqual(answer(programs.oracle, script), { n: 3, panic: true, text: 'there is no step "jump"' });
    },
    'the peer answers a Hello over TCP': () =>
      withAcceptor(programs.peer, ['--transport', 'tcp'], async (address) => {
        assert.equal(await firstFrame(address), `05000000${HELLO_YOURSELF}`);
      }),
  };
  checks['a value of every kind of type comes back from a peer'] = () => everyType(programs.peer);
  for (const transport of ['tcp', 'unix', 'ws']) {
    checks[`two peers talk over ${transport}`] = () => talk(programs.peer, transport);
  }
  const counted = new Checks('the programs');
  for (const [name, check] of Object.entries(checks)) await counted.check(name, check);
  return counted.counts;
}

function play(oracle: string, script: object): unknown {
  return (answer(oracle, script) as { steps: unknown }).steps;
}

function answer(oracle: string, script: object): unknown {
  const { stdout } = spawnSync(oracle, { input: `${JSON.stringify(script)}\n`, encoding: 'utf8', timeout: PATIENCE });
  return JSON.parse(stdout);
}

/** Runs `peer accept` while `use` talks to its address. */
async function withAcceptor(
  peer: string,
  options: readonly string[],
  use: (address: string) => Promise<void>,
): Promise<void> {
  const child = spawn(peer, ['accept', '--quiet', ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PATIENCE,
  });
  try {
    await use((await firstLine(child)).address);
  } finally {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}

async function firstLine(child: ChildProcess): Promise<{ readonly address: string }> {
  if (child.stdout === null) throw new TypeError('the standard output of the child is not a pipe');
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  throw new Error('the peer ended before it listened');
}

async function firstFrame(address: string): Promise<string> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const socket = connect(Number(port), hostname);
  try {
    socket.write(Buffer.from(`06000000${HELLO}`, 'hex'));
    const [data] = await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE) });
    return data.toString('hex');
  } finally {
    socket.destroy();
  }
}

/** Plays scenarios of one peer against another: calls, channels both ways, virtual connections. */
async function talk(peer: string, transport: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'reference-'));
  const options = ['--transport', transport, ONE_THREAD];
  try {
    const where = transport === 'unix' ? ['--address', join(folder, 'socket')] : [];
    await withAcceptor(peer, [...options, ...where], async (address) => {
      const names = ['echo:hi', 'sum:40', 'generate:3', 'open:ours', 'open:reject-empty', 'fail', 'shutdown'];
      assert.deepEqual(await scenarios(peer, [...options, '--address', address], names), {
        'echo:hi': ['Ok("hi")'],
        'sum:40': ['Ok(-780)'],
        'generate:3': ['Ok(())', [0, 1, 2]],
        'open:ours': ['open 1 Odd', 'Ok("before")', 'Ok(())', 'connected false'],
        'open:reject-empty': ['rejected, 0 entries'],
        fail: ['Err(Cancelled)'],
        shutdown: ['Ok(())'],
      });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function everyType(peer: string): Promise<void> {
  await withAcceptor(peer, [], async (address) => {
    const { types = [] } = await scenarios(peer, ['--address', address], ['types']);
    assert.deepEqual([types.length, types.filter((text) => !String(text).startsWith('Ok('))], [74, []]);
  });
}

/** Runs `peer connect`. Returns what each scenario printed. */
async function scenarios(
  peer: string,
  options: readonly string[],
  names: readonly string[],
): Promise<Record<string, unknown[]>> {
  const child = spawn(peer, ['connect', '--quiet', ...options, ...names], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PATIENCE,
  });
  const saw: Record<string, unknown[]> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const scenario = JSON.parse(line) as { readonly name: string; readonly saw: unknown[] };
    saw[scenario.name] = scenario.saw;
  }
  return saw;
}
