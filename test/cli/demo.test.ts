import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { TOKEN } from '../../src/cli/demo/script.js';
import { endAll, run, start } from './command.js';

jest.setTimeout(30_000);
afterEach(endAll);

/** What the summary has crossed out. */
function failuresIn(stdout: string): string[] {
  return [...stdout.matchAll(/^ +✗ +(\w+)/gm)].map(([, name = '']) => name);
}

describe('roam-actors demo', () => {
  test('shows the life of a session in two processes, finds everything as it should be, and exits with 0', async () => {
    const { status, stdout, stderr } = await run(['demo']);
    expect([status, stderr, failuresIn(stdout)]).toEqual([0, '', []]);
    expect(stdout).toMatch(/^12 of 12 as expected, in \d\.\d s$/m);
    expect(stdout).toMatch(/acceptor +session +handshaking → running$/m);
    expect(stdout).toMatch(
      /acceptor +handshake +awaitingHello → .*established +← Hello \{name: "initiator", token: \[sensitive\]\}/,
    );
    expect(stdout).toMatch(/keepalive +waiting → awaitingPong → waiting +→ Ping 1 ← Pong 1$/m);
    expect(stdout).toMatch(
      /initiator +connection 3 +opening → rejected +← ConnectionReject \{reason: "no such service", offered: 2\}$/m,
    );
    expect(stdout).toMatch(/acceptor +connection 4 +active +← Response ×3$/m);
    expect(stdout).toMatch(/initiator +session +ending → ended$/m);
    expect(stdout).not.toContain(TOKEN);
    expect(stdout).not.toContain('\u001b');
  });

  test('tells of every message when asked to, in either mode', async () => {
    const { status, stdout } = await run(['demo', '--verbose', '--conformance', 'reference', '--keepalive', '40']);
    expect([status, failuresIn(stdout)]).toEqual([0, []]);
    expect(stdout).toMatch(/acceptor +connection 1 +active +← Call 3, 11 bytes$/m);
    expect(stdout).toMatch(/session +running deadlines: idle → sweeping$/m);
    expect(stdout).toMatch(/← Pong 9$/m);
    expect(stdout).not.toContain(TOKEN);
  });

  test('says so, and exits with 1, when one of its processes is killed', async () => {
    const demo = start(['demo', '--verbose']);
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

  test('leaves quietly, with its processes, when nobody reads it any more', async () => {
    const demo = start(['demo', '--verbose']);
    await demo.printed(/Two processes/);
    demo.child.stdout?.destroy();
    // Its processes write to the same stderr, which is closed only when all of them have let go of it.
    const { status, stderr } = await demo.ended;
    expect([status, stderr]).toEqual([128 + 13, '']);
  });
});
