import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Checks, until } from '../checks.js';
import { type Counts, type Part, total } from '../part.js';
import { type Expected, ourCalls, rustCalls, SCENARIOS } from './calls.js';
import { CONNECTION_SCENARIOS, ourConnections, rustConnections } from './connections.js';
import { drains } from './drains.js';
import { ends } from './ends.js';
import { keepalives } from './keepalive.js';
import { type Pair, type Role, sessions, pair as startPair } from './pair.js';
import { refusals } from './refusals.js';
import { ONE_THREAD, RustPeer, TRANSPORTS, type Transport } from './rust.js';
import { Testbed, Types } from './services.js';

const ROLES: readonly Role[] = ['initiator', 'acceptor'];

/** Tests the library against the official Rust peer, in both roles, over TCP, a Unix socket and WebSocket. */
export const interop: Part = async ({ programs, pair }) => {
  const checks = new Checks('services');
  await checks.check('the ids of all methods are what the official macros compute', async () => ids(programs.peer));
  const groups = [checks.counts];
  const expected = await amongRust(programs.peer);
  for (const transport of TRANSPORTS) {
    for (const role of ROLES) {
      if (!`${transport} ${role}`.startsWith(pair)) continue;
      groups.push(await combination(programs.peer, transport, role, expected));
    }
  }
  groups.push(await remains());
  return total(groups);
};

/** Checks that no session has left anything behind. */
async function remains(): Promise<Counts> {
  const checks = new Checks('after all');
  await checks.check('no socket is open, and nothing keeps a session', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP'));
    await until(() => sockets().length === 0, 'the end of all sockets');
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    assert.ok(sessions.length > 10);
    await until(() => {
      collect();
      return sessions.every((session) => session.deref() === undefined);
    }, 'the collection of all sessions');
  });
  return checks.counts;
}

/** Methods that our definitions lack: with channels within structs, or with more credit than a Rust receiver keeps. */
const UNDECLARED = new Set(['nested', 'nested_only', 'sum_wide']);

function ids(program: string): void {
  const lines = execFileSync(program, ['ids'], { encoding: 'utf8' }).trim().split('\n');
  const official: Record<string, bigint> = {};
  for (const line of lines) {
    const { service, method, id } = JSON.parse(line) as { service: string; method: string; id: string };
    if (!UNDECLARED.has(method)) official[`${service}.${method.replaceAll('_', '').toLowerCase()}`] = BigInt(id);
  }
  const own: Record<string, bigint> = {};
  for (const { name, ids } of [Testbed, Types]) {
    for (const [method, id] of Object.entries(ids)) own[`${name}.${method.replaceAll('_', '').toLowerCase()}`] = id;
  }
  assert.deepEqual(own, official);
}

/** Returns the results that a Rust peer sees with another Rust peer. */
async function amongRust(program: string): Promise<Expected> {
  const acceptor = new RustPeer(program, ['accept', '--transport', 'tcp', '--quiet', ONE_THREAD]);
  try {
    const { address } = await acceptor.take('listening');
    const initiator = new RustPeer(program, [
      'connect',
      '--transport',
      'tcp',
      '--address',
      String(address),
      ONE_THREAD,
    ]);
    try {
      await initiator.take('session');
      const expected: Record<string, unknown[]> = {};
      for (const name of [...SCENARIOS, ...CONNECTION_SCENARIOS]) expected[name] = await initiator.play(1, name);
      return expected;
    } finally {
      await initiator.kill();
    }
  } finally {
    await acceptor.kill();
  }
}

async function combination(program: string, transport: Transport, role: Role, expected: Expected): Promise<Counts> {
  const checks = new Checks(`${transport}, we are the ${role}`);
  const options = { program, transport, role };
  let shared: Pair | undefined;
  await checks.check('a session begins', async () => {
    shared = await startPair(options);
  });
  if (shared !== undefined) {
    await ourCalls(checks, shared, options);
    await rustCalls(checks, shared, expected);
    await ourConnections(checks, shared);
    await rustConnections(checks, shared, expected, transport);
    await checks.check('the session ends', async () => {
      shared?.session.shutdown();
      await shared?.session.closed;
      await shared?.close();
    });
  }
  if (role === 'acceptor' && transport !== 'unix') await refusals(checks, program, transport);
  await drains(checks, options);
  await keepalives(checks, options);
  await ends(checks, options);
  return checks.counts;
}
