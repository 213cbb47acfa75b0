import { spawn } from 'node:child_process';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { initiate } from '../../src/index.js';
import { streamLink } from '../../src/link/stream.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { endAll, nodeArguments, run, start } from './command.js';

// These tests start commands that start commands, possibly on a busy machine.
jest.setTimeout(240_000);
afterEach(endAll);

/** Returns the command line of a server on stdin and stdout. */
const serving = (...args: string[]) => [process.execPath, ...nodeArguments(['serve', 'stdio:', ...args])];
const SERVE = serving();

/** Runs `roam-actors call` on a command that is the peer. */
async function callTo(...command: string[]) {
  return run(['call', 'stdio:', 'echo', '"hi"', '--', ...command]);
}

describe('stdio:', () => {
  test.each(['msgpack', 'postcard'])(
    'serve speaks on stdin and stdout, and call and connect to it, in %s',
    async (codec) => {
      const command = ['--codec', codec, '--', ...serving('--codec', codec)];
      const long = JSON.stringify('x'.repeat(100_000));
      expect(await run(['call', 'stdio:', 'echo', long, ...command])).toEqual({
        status: 0,
        stdout: `${long}\n`,
        stderr: '',
      });
      const lines = Array.from({ length: 500 }, (_, index) => `line ${index} ${'y'.repeat(1_000)}\n`).join('');
      expect(await run(['connect', 'stdio:', ...command], lines)).toEqual({ status: 0, stdout: lines, stderr: '' });
    },
  );

  test('conform starts the command for each case', async () => {
    const { status, stdout, stderr } = await run([
      'conform',
      'stdio:',
      '--filter',
      'an Open on',
      '--late',
      '0',
      '--timeout',
      '30000',
      '--',
      ...SERVE,
    ]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^6 cases: 0 pass, 3 non-strict, 0 fail, 3 skipped$/m);
  });

  test('nothing but messages reaches the stdout of serve, though a module prints', async () => {
    const [file = '', ...args] = serving('--codec', 'postcard', '--service', 'test/cli/modules/kinds.ts#handler');
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const link = streamLink({ readable: child.stdout, writable: child.stdin });
    const session = await initiate(link, { codec: postcard, limits: { handshakeTimeout: 120_000 } });
    expect(await session.root.caller().call(1n, new Uint8Array())).toMatchObject({ ret: Uint8Array.of(1, 1) });
    session.shutdown();
    // Each word on stdout that is no message would have broken the link.
    expect(await session.closed).toEqual({ cause: 'shutdown', by: 'local' });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(stderr).toMatch(/^loaded\nonce more\nsession 1: from stdin\nsession 1: ended, the peer ended it\n$/);
  });

  test('serve ends its session at SIGTERM', async () => {
    const client = start(['connect', 'stdio:', '--', ...SERVE]);
    client.child.stdin?.write('hello\n');
    await client.printed(/hello/);
    const [, pid = ''] = /(\d+)/.exec(await childOf(client.child.pid ?? 0)) ?? [];
    process.kill(Number(pid), 'SIGTERM');
    const { status, stderr } = await client.ended;
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^roam-actors: the session ended: the peer ended it; \S+ ended with status 0: session 1: /),
    ]);
  });

  test('serve takes no terminal, no file and no address with it', async () => {
    const ended = await run(['serve', 'stdio:', '--port', '1']);
    expect(ended.stderr).toBe(
      'roam-actors: serve takes an address, or --port and --host, not both (see roam-actors serve --help)\n',
    );
    const child = spawn('sh', ['-c', `${SERVE.join(' ')} </dev/null | cat`], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (bytes) => {
      stdout += String(bytes);
    });
    child.stderr.on('data', (bytes) => {
      stderr += String(bytes);
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect([stdout, stderr]).toEqual([
      '',
      'roam-actors: stdin is no pipe: stdio: is for a program that starts this one and speaks to it over pipes ' +
        '(see roam-actors serve --help)\n',
    ]);
  });

  test('serve ends with status 1 when what comes is no message', async () => {
    const ended = await run(['serve', 'stdio:'], 'GET / HTTP/1.1\n\n');
    expect(ended).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^session 1: from stdin: the peer speaks HTTP \("GET "\).*\n$/),
    });
  });

  test.each<[what: string, command: string[], line: RegExp]>([
    ['does not exist', ['no-such-command'], /^cannot run no-such-command: there is no such command$/],
    ['may not be run', ['/dev/null'], /^cannot run \/dev\/null: it may not be executed$/],
    [
      'dies at once',
      ['sh', '-c', 'echo why >&2; echo and how >&2; exit 3'],
      /; sh ended with status 3: why \| and how$/,
    ],
    ['is killed', ['sh', '-c', 'kill -9 $$'], /; sh was ended by SIGKILL$/],
    [
      'prints garbage',
      ['sh', '-c', 'echo hello world; exec sleep 10'],
      /^the peer sent the text "hell" where a length is expected/,
    ],
    ['closes its stdin', ['sh', '-c', 'exec <&-; exec sleep 10'], /^the connection was lost: write EPIPE/],
    ['closes its stdout', ['sh', '-c', 'exec >&-; exec sleep 10'], /^peer closed during handshake/],
  ])('says of a command that %s what became of it', async (_, command, line) => {
    const { status, stdout, stderr } = await callTo(...command);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.replace(/^roam-actors: (.*)\n$/, '$1')).toMatch(line);
  });

  test('a command that ignores the end of its stdin and SIGTERM is killed', async () => {
    const began = performance.now();
    const { status } = await callTo('sh', '-c', "trap '' TERM; echo $$ >&2; while :; do sleep 0.1; done");
    expect(status).toBe(1);
    expect(performance.now() - began).toBeGreaterThan(3_000);
  });
});

async function childOf(pid: number): Promise<string> {
  return await new Promise<string>((resolve) => {
    const ps = spawn('ps', ['-o', 'pid=', '--ppid', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    ps.stdout.on('data', (bytes) => {
      text += String(bytes);
    });
    ps.once('close', () => resolve(text));
  });
}
