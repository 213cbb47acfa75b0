import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ConformanceResult } from '../../src/testing/index.js';
import { Checks } from './checks.js';
import { ONE_THREAD } from './interop/rust.js';
import { type Context, type Counts, total } from './part.js';

/** The time that a run of the command may take, in milliseconds. One takes some seconds where nothing else runs. */
const TIME_LIMIT = 240_000;

/** The time that the peer may take for an answer, in milliseconds. Only a peer that gives none takes that long. */
const ANSWER_LIMIT = '20000';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The cases in which a peer of the official crates deviates from the protocol, by the row that describes the deviation. */
const DEVIATIONS: Readonly<Record<string, readonly string[]>> = {
  '9a.12': [
    'a channel id of 2^53',
    'a connection id of 2^53',
    'a credit of 2^32',
    'a frame with bytes behind the message',
    'a nonce of 2^64',
    'a request id of 2^53',
  ],
  '9b.02': ['a Reject for the root', 'an Accept for the root'],
  '9b.03': ['an Open on 0 behind a Close on the root finds the session ended by the violation'],
  '9b.16': [
    'a ProtocolError is not answered',
    'a ProtocolError on the tester’s active connection',
    'a ProtocolError without a description ends the session too',
  ],
};

/** The deviation that such a peer shows only sometimes: it answers a call on a connection that is closed by then. */
const OCCASIONAL = '9b.01';

/** A module with a part of the peer's service, and a handler of it. */
const TESTBED = 'test/cli/modules/testbed.ts';

/**
 * Runs `roam-actors conform --peer roam-rust-7` against the peer of the official crates, over each transport and in both
 * roles.
 */
export async function conform({ programs: { peer } }: Context): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'reference-conform-'));
  const groups: Counts[] = [];
  try {
    for (const [name, transport, judged] of [
      ['acceptor over TCP', 'tcp', judgeAcceptor],
      ['acceptor over a Unix socket', 'unix', judgeAcceptor],
      ['acceptor over WebSocket', 'ws', judgeAcceptor],
      ['initiator over TCP', 'tcp', judgeInitiator],
      ['initiator over a Unix socket', 'unix', judgeInitiator],
      ['initiator over WebSocket', 'ws', judgeInitiator],
    ] as const) {
      const file = join(folder, `${name}.json`);
      const output = await judged(peer, transport, join(folder, name.replaceAll(' ', '-')), file);
      groups.push(count(name, file, output));
    }
    const checks = new Checks('the command');
    await checks.check('roam-actors call calls the peer', () => callPeer(peer));
    await checks.check('the peer calls roam-actors serve', () => servePeer(peer));
    groups.push(checks.counts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return total(groups);
}

/** Calls methods of the peer by the command: a result, an error of its own, a panic, and channels both ways. */
async function callPeer(peer: string): Promise<void> {
  await withAcceptor(peer, ['--transport', 'tcp', ONE_THREAD], async (address) => {
    const call = (args: readonly string[], input = '') => {
      const child = run(['call', `tcp://${address}`, ...args, '--service', TESTBED, '--peer', 'roam-rust-7']);
      child.stdin?.end(input);
      return outputOf(child);
    };
    assert.equal(await call(['echo', '"grüße"']), '"grüße"\n');
    assert.equal(await call(['divide', '"9223372036854775807"', '1']), '"9223372036854775807"\n');
    assert.equal(
      await call(['divide', '7', '0']),
      saying('ApplicationError: the method answered with an error: {"tag":"DivisionByZero"}'),
    );
    assert.equal(await call(['fail_hard']), saying('Cancelled: the peer did not finish the call'));
    assert.equal(await call(['generate', '3', '--stream', '--open']), '0\n1\n2\n');
    assert.equal(await call(['sum', '--input'], '1\n2\n3\n'), '6\n');
  });
}

function saying(line: string): string {
  return `roam-actors: ${line}\n`;
}

/** Has the peer call a service of the command, on the root. */
async function servePeer(peer: string): Promise<void> {
  const server = run(['serve', 'tcp://127.0.0.1:0', '--service', `${TESTBED}#handler`, '--peer', 'roam-rust-7']);
  try {
    const [, address = ''] = /^listening on tcp:\/\/(\S+),/.exec(await lineOf(server)) ?? [];
    const names = ['echo:hi', 'sum:40', 'generate:3', 'fail'];
    const child = spawn(peer, ['connect', '--quiet', '--transport', 'tcp', '--address', address, ...names], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIME_LIMIT,
    });
    const saw = (await outputOf(child))
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly saw: unknown }).saw);
    assert.deepEqual(saw, [['Ok("hi")'], ['Ok(-780)'], ['Ok(())', [0, 1, 2]], ['Err(Cancelled)']]);
  } finally {
    server.kill();
  }
}

/** Counts the cases of one run that were played, and one more check: that the right cases deviate. */
function count(name: string, file: string, output: string): Counts {
  const checks = new Checks(name);
  let results: readonly ConformanceResult[];
  try {
    ({ results } = JSON.parse(readFileSync(file, 'utf8')) as { results: readonly ConformanceResult[] });
  } catch {
    checks.fail('the command writes its results', output);
    return checks.counts;
  }
  const played = results.filter(({ verdict }) => verdict !== 'skipped');
  for (const { name: spec, verdict, reason } of played) {
    if (verdict === 'fail') checks.fail(spec, reason);
    else checks.pass();
  }
  const deviating: Record<string, string[]> = {};
  for (const { row, name: spec, verdict } of results) {
    if (verdict === 'deviates' && row !== OCCASIONAL) deviating[row] = [...(deviating[row] ?? []), spec].sort();
  }
  try {
    assert.deepEqual(deviating, DEVIATIONS);
    // A run that was broken off has fewer.
    assert.ok(played.length > 70, `${played.length} cases were played`);
    checks.pass();
  } catch (error) {
    checks.fail('the cases that deviate are the known ones', (error as Error).message);
  }
  return checks.counts;
}

async function judgeAcceptor(peer: string, transport: string, path: string, file: string): Promise<string> {
  const where = transport === 'unix' ? ['--address', path] : [];
  return withAcceptor(peer, ['--transport', transport, ...where], (address) => {
    const url = transport === 'unix' ? `unix:${address}` : `${transport}://${address}`;
    return outputOf(command(url, file));
  });
}

/** Runs `peer accept` while `use` talks to its address. */
async function withAcceptor<T>(
  peer: string,
  options: readonly string[],
  use: (address: string) => Promise<T>,
): Promise<T> {
  const acceptor = spawn(peer, ['accept', '--quiet', ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: TIME_LIMIT,
  });
  try {
    const { address } = JSON.parse(await lineOf(acceptor)) as { readonly address: string };
    return await use(address);
  } finally {
    acceptor.kill();
    if (acceptor.exitCode === null && acceptor.signalCode === null) await once(acceptor, 'exit');
  }
}

/** Has the peer connect again and again, until it is refused. */
async function judgeInitiator(peer: string, transport: string, path: string, file: string): Promise<string> {
  const judge = command(transport === 'unix' ? `unix:${path}` : `${transport}://127.0.0.1:0`, file, '--listen');
  const output = outputOf(judge);
  const [, url = ''] = /^listening on (\S+):/.exec(await lineOf(judge)) ?? [];
  const address = url.replace(/^(unix:|\w+:\/\/)/, '');
  const ended = once(judge, 'exit');
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const initiator = spawn(
      peer,
      ['connect', '--quiet', '--transport', transport, '--address', address, 'wait-closed:20000'],
      { stdio: 'ignore', timeout: TIME_LIMIT },
    );
    await Promise.race([once(initiator, 'exit'), ended]);
    initiator.kill();
  }
  return output;
}

function command(url: string, file: string, ...options: readonly string[]): ChildProcess {
  return run(['conform', url, '--peer', 'roam-rust-7', '--timeout', ANSWER_LIMIT, '--json', file, ...options]);
}

/** Starts a command of `roam-actors` on the wire of the official peers. */
function run(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', ...args, '--codec', 'postcard'], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIME_LIMIT,
  });
}

function lineOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new TypeError('the standard output of the child is not a pipe');
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error('the program ended before it listened')));
  });
}

async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes) => {
      text += String(bytes);
    });
  }
  await once(child, 'close');
  return text;
}
