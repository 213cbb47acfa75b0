import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { TOKEN } from '../../src/cli/demo/script.js';
import { History } from '../../src/inspect/history.js';
import { parseRecording } from '../../src/inspect/recording.js';
import { endAll, nodeArguments, run, start } from './command.js';

afterEach(endAll);

/** Returns the names of the checks that the summary marks as failed. */
function failuresIn(stdout: string): string[] {
  return [...stdout.matchAll(/^ +✗ +(\w+)/gm)].map(([, name = '']) => name);
}

describe('roam-actors demo', () => {
  test('leaves no process behind that was still starting when it went', async () => {
    const child = spawn(process.execPath, nodeArguments(['demo', '--as', 'acceptor']), {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const ended = once(child, 'exit');
    child.disconnect();
    try {
      expect(await ended).toEqual([1, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('shows the life of a session in two processes, finds everything as it should be, and exits with 0', async () => {
    const { status, stdout, stderr } = await run(['demo', '--timeout', '25000']);
    expect([status, stderr, failuresIn(stdout)]).toEqual([0, '', []]);
    expect(stdout).toMatch(/^14 of 14 as expected, in \d\.\d s$/m);
    expect(stdout).toMatch(/acceptor +session +handshaking → running$/m);
    expect(stdout).toMatch(
      /acceptor +handshake +awaitingHello → .*established +← Hello \{name: "initiator", token: \[sensitive\]\}/,
    );
    expect(stdout).toMatch(/keepalive +waiting → awaitingPong → waiting +→ Ping 1 ← Pong 1$/m);
    expect(stdout).toMatch(
      /initiator +connection 3 +opening → rejected +← ConnectionReject \{reason: "no such service", offered: 2\}$/m,
    );
    expect(stdout).toMatch(/acceptor +connection 4 +active +← Response ×3$/m);
    expect(stdout).toMatch(/initiator +outgoingCall 7\/3 .*inFlight → cancelled/m);
    // The demo joins what happens in one turn.
    expect(stdout).toMatch(/initiator +session .*ending → ended$/m);
    expect(stdout).not.toContain(TOKEN);
    expect(stdout).not.toContain('\u001b');
  });

  test('tells of every message when asked to, in either mode', async () => {
    const { status, stdout } = await run([
      'demo',
      '--verbose',
      '--conformance',
      'reference',
      '--keepalive',
      '40',
      '--timeout',
      '25000',
    ]);
    expect([status, failuresIn(stdout)]).toEqual([0, []]);
    expect(stdout).toMatch(/acceptor +connection 1 +active +← Call 3, 11 bytes$/m);
    expect(stdout).toMatch(/session +running deadlines: idle → sweeping$/m);
    expect(stdout).toMatch(/← Pong 9$/m);
    expect(stdout).not.toContain(TOKEN);
  });

  test('records both of its processes, for the viewer to replay', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roam-actors-'));
    const path = join(folder, 'demo.jsonl');
    const { status } = await run(['demo', '--record', path, '--timeout', '25000']);
    const text = readFileSync(path, 'utf8');
    rmSync(folder, { recursive: true });
    expect(status).toBe(0);
    expect(text).not.toContain(TOKEN);
    expect(text).not.toContain('statecharts');
    const history = new History();
    for (const record of parseRecording(text).records) history.push(record);
    const { processes, actors } = history.now;
    expect([...processes.values()].map(({ name }) => name).sort()).toEqual(['acceptor', 'initiator']);
    const sessions = [...actors.values()].filter(({ part }) => part?.part === 'session');
    expect(sessions.map(({ value, peer }) => [value, peer])).toEqual([
      ['ended', sessions[1]?.key],
      ['ended', sessions[0]?.key],
    ]);
    expect(sessions[0]?.traffic.sentBytes).toBe(sessions[1]?.traffic.receivedBytes);
    // The session's state before its end.
    const before = history
      .records()
      .findIndex(
        (record) =>
          record.kind === 'snapshot' &&
          (record.snapshot.value as { ending?: unknown } | undefined)?.ending !== undefined,
      );
    expect(history.at(before).actors.get(sessions[0]?.key as '1/x:0')?.status).toBe('active');
  });

  test('says at once that a recording can’t be written', async () => {
    const { status, stdout, stderr } = await run(['demo', '--record', '/nowhere/at/all']);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^roam-actors: cannot write the recording: ENOENT.*\n$/);
  });

  test('says so, and exits with 1, when one of its processes is killed', async () => {
    const demo = start(['demo', '--verbose', '--timeout', '25000']);
    const [, pid] = await demo.printed(/^initiator: process (\d+)$/m);
    await demo.printed(/Requests travel/);
    process.kill(Number(pid), 'SIGKILL');
    const { status, stdout, stderr } = await demo.ended;
    expect([status, stderr]).toEqual([1, 'roam-actors: the demo is not as it should be\n']);
    expect(stdout).toMatch(
      /✗ +end +initiator: it has told nothing; acceptor: expected "peer, by peer", got "link, by peer"/,
    );
    expect(stdout).toMatch(/✗ +processes +initiator: exit SIGKILL/);
  });

  test('ends what hangs, by itself', async () => {
    const demo = start(['demo', '--verbose', '--timeout', '2500']);
    const [, pid] = await demo.printed(/^acceptor: process (\d+)$/m);
    process.kill(Number(pid), 'SIGSTOP');
    const { status, stdout } = await demo.ended;
    expect(status).toBe(1);
    expect(stdout).toMatch(/✗ +processes +initiator: exit SIGKILL; acceptor: exit SIGKILL/);
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  });

  test('leaves quietly, with its processes, when its output is not read any more', async () => {
    const demo = start(['demo', '--verbose', '--timeout', '25000']);
    await demo.printed(/Two processes/);
    demo.child.stdout?.destroy();
    // The demo's processes share its stderr, which closes only when all of them have exited.
    const { status, stderr } = await demo.ended;
    expect([status, stderr]).toEqual([128 + 13, '']);
  });
});
