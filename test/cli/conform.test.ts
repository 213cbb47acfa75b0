import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { pong } from '../../spec/rows/messages.js';
import { conform } from '../../src/cli/conform.js';
import { verdictOn } from '../../src/cli/failure.js';
import { accept, initiate, type SessionOptions } from '../../src/index.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { Meddler } from '../testing/meddler.js';
import { endAll, run, serve, start } from './command.js';

interface Written {
  readonly url: string;
  readonly role: string;
  readonly results: Record<string, unknown>[];
}
afterEach(endAll);

describe('roam-actors conform', () => {
  test('fails nothing of roam-actors serve, and says what it could not try', async () => {
    const { url } = await serve();
    const { status, stdout, stderr } = await run(['conform', url]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^pass +5\.04 +connection\.open\.rejection +a rejection carries its metadata$/m);
    expect(stdout).toMatch(/^non-strict +5\.13 +connection\.close +a Close on the root$/m);
    expect(stdout.split('\n').slice(-4)).toEqual([
      '',
      '183 cases: 27 pass, 67 non-strict, 0 fail, 89 skipped',
      'skipped for want of control.close, control.defer, control.ended, control.open, control.refuseNext, control.shutdown, ' +
        'handshakeTimeout, keepalive, limits.connections, limits.frame, limits.metadataBytes, limits.metadataEntries, ' +
        'limits.undecided',
      '',
    ]);
  });

  test('tries links that break on a server that takes them, beside those that do not', async () => {
    const { url } = await serve('--reliable');
    const { status, stdout, stderr } = await run(['conform', url, '--reliable', '--filter', 'reliable']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('11 cases: 11 pass, 0 non-strict, 0 fail, 0 skipped');
    const bare = await run(['conform', url, '--filter', 'a Close on the root']);
    expect([bare.status, bare.stdout.includes(' 0 fail, ')]).toEqual([0, true]);
  });

  test('finds a server that takes no such links', async () => {
    const { url } = await serve();
    const { status, stdout } = await run(['conform', url, '--reliable', '--filter', 'a probe is answered']);
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^FAIL +reliable +reliable\.probe +a reliable link: a probe is answered\n +the connection ends without a greeting/m,
    );
  });

  test('finds a strict server strict, and writes down what was said', async () => {
    const { url } = await serve('--conformance', 'strict', '--keepalive', '20');
    const known = ['--limit', 'frame=1048576', '--limit', 'metadataEntries=64', '--limit', 'metadataBytes=16384'];
    const folder = mkdtempSync(join(tmpdir(), 'roam-actors-conform-'));
    try {
      const file = join(folder, 'results.json');
      const { status, stdout, stderr } = await run([
        'conform',
        url,
        '--strict',
        '--late',
        '0',
        '--json',
        file,
        ...known,
      ]);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain('183 cases: 100 pass, 0 non-strict, 0 fail, 83 skipped');
      const written = JSON.parse(readFileSync(file, 'utf8')) as Written;
      expect([written.url, written.role, written.results.length]).toEqual([url, 'acceptor', 183]);
      expect(written.results.find(({ name }) => name === 'an empty frame')).toMatchObject({
        verdict: 'pass',
        rule: 'session.message',
        row: '9a.12',
        exchange: expect.arrayContaining([
          { from: 'tester', message: '' },
          { from: 'peer', message: expect.objectContaining({ type: 'ProtocolError', connectionId: 0 }) },
          { from: 'peer', message: 'end' },
        ]),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('exits with status 1 for a server that tolerates, where strictness is asked for', async () => {
    const { url } = await serve();
    const { status, stdout, stderr } = await run(['conform', url, '--strict', '--filter', '5.13']);
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: [
        'NON-STRICT  5.13   connection.close            a Close on the root',
        '',
        '1 case: 0 pass, 1 non-strict, 0 fail, 0 skipped',
        '',
      ].join('\n'),
      stderr: '',
    });
  });

  test('names the rule that a server breaks, and shows what was said', async () => {
    const meddling = {
      out: (message: Parameters<Meddler['say']>[0]) => (message.type === 'Pong' ? pong(message.nonce + 1n) : message),
    };
    const listener = await listenWebSocket({ port: 0 }, (link) => {
      accept(new Meddler(link, meddling)).then(
        () => {},
        () => {},
      );
    });
    const { status, stdout } = await run(['conform', listener.url, '--filter', '5.17', '--timeout', '10000']);
    await listener.close();
    expect(status).toBe(1);
    expect(stdout.replaceAll(/\d{6,}/g, 'N').split('\n')).toEqual([
      'FAIL        5.17   session.keepalive           a Ping is answered with its nonce, over the whole range',
      '            its Pong is wrong: its nonce is N, that of the Ping N',
      '              → Hello on 0, version 7, odd',
      '              ← HelloYourself on 0, even',
      '              → Ping on 0, nonce N',
      '              ← Pong on 0, nonce N',
      '',
      '1 case: 0 pass, 0 non-strict, 1 fail, 0 skipped',
      '',
    ]);
  });

  test('meets an initiator that connects again and again, until everything is tried', async () => {
    const command = start([
      'conform',
      '--listen',
      '--strict',
      '--late',
      '0',
      '--timeout',
      '10000',
      '--keepalive',
      '40,2000',
    ]);
    const [, url = ''] = await command.printed(/^listening on (ws:\S+):/m);
    const options: SessionOptions = {
      conformance: 'strict',
      // A busy machine is late with a Pong.
      keepalive: { pingInterval: 40, pongTimeout: 2_000 },
      onReport: () => {},
      onConnection: ({ metadata }) => ({ type: metadata.some(({ key }) => key === 'reject') ? 'reject' : 'accept' }),
    };
    let sessions = 0;
    for (let isRefused = false; !isRefused; ) {
      const link = await connectWebSocket(url).catch(() => undefined);
      isRefused = link === undefined;
      if (link === undefined) continue;
      sessions++;
      const session = await initiate(link, options).catch(() => undefined);
      await session?.closed;
    }
    const { status, stdout, stderr } = await command.ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('185 cases: 100 pass, 0 non-strict, 0 fail, 85 skipped');
    // Two cases take two sessions each. The command may have exited before the client connects for the last one.
    expect(sessions).toBeGreaterThanOrEqual(74 + 2);
  });

  test('says what it has tried when it is interrupted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roam-actors-conform-'));
    try {
      const file = join(folder, 'results.json');
      const command = start(['conform', '--listen', '--json', file]);
      const [, url = ''] = await command.printed(/^listening on (ws:\S+):/m);
      await initiate(await connectWebSocket(url)).catch(() => {});
      await command.printed(/^pass /m);
      command.child.kill('SIGINT');
      const { status, stdout, stderr } = await command.ended;
      expect([status, stderr]).toEqual([1, 'roam-actors: interrupted\n']);
      expect(stdout).toMatch(/^\d+ cases?: 1 pass, 0 non-strict, 0 fail, \d+ skipped$/m);
      const written = JSON.parse(readFileSync(file, 'utf8')) as Written;
      expect([written.url, written.role, written.results.length]).toEqual([url, 'initiator', expect.any(Number)]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'as an initiator says what it has tried when %s ends it',
    async (signal) => {
      const { url } = await serve();
      // With this option a case keeps listening after each answer, so the signal arrives during a case.
      const command = start(['conform', url, '--late', '1000']);
      await command.printed(/^non-strict /m);
      command.child.kill(signal);
      const { status, stdout, stderr } = await command.ended;
      // On a busy machine the case may take longer than the time that a signal allows.
      expect([[1, 130, 143].includes(Number(status)), stderr.replace('roam-actors: interrupted\n', '')]).toEqual([
        true,
        '',
      ]);
      expect(stdout).toMatch(/\n\n\d+ cases?: \d+ pass, \d+ non-strict, 0 fail, \d+ skipped\n/);
    },
  );

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends within 2 s at %s, though a peer is silent, and says what it has tried', async (signal, status) => {
    const command = start(['conform', '--listen', '--timeout', '60000']);
    const [, url = ''] = await command.printed(/^listening on (ws:\S+):/m);
    await initiate(await connectWebSocket(url)).catch(() => {});
    await command.printed(/^pass /m);
    const silent = await connectWebSocket(url);
    const began = performance.now();
    command.child.kill(signal);
    const ended = await command.ended;
    expect(performance.now() - began).toBeLessThan(6_000);
    expect(ended.status).toBe(status);
    expect(ended.stdout).toMatch(/^\d+ cases?: 1 pass, 0 non-strict, 0 fail, \d+ skipped$/m);
    silent.abort();
  });

  // Without a process for each: that takes half a second.
  test.each<[args: string[], status: number, line: RegExp]>([
    [[], 2, /^conform needs an address, such as ws:/],
    [['ws://a', 'ws://b'], 2, /^conform takes one address, not 2$/],
    [['http://a'], 2, /^no scheme 'http:', but ws:/],
    [['ws://a', '--timeout', '0'], 2, /^--timeout takes a whole number from 1 to 60000, not '0'$/],
    [['ws://a', '--filter', 'nothing at all'], 2, /^no case has 'nothing at all' in its name, rule or row$/],
    [['ws://a', '--listen', '--port', '1'], 2, /^conform --listen takes an address, or --port and --host, not both$/],
    [['stdio:', '--listen'], 2, /^conform --listen needs a session for each case/],
    [['ws://a', '--codec', 'json'], 2, /^--codec takes 'msgpack' or 'postcard', not 'json'$/],
    [['ws://a', '--port', '1'], 2, /^--port and --host need --listen$/],
    [['--listen', '--port', 'x'], 2, /^--port takes a whole number from 0 to 65535, not 'x'$/],
    [['--listen', '--filter', 'nothing at all'], 2, /^no case has 'nothing at all' in its name, rule or row$/],
    [['ws://a', '--late', '-'], 2, /^--late takes a whole number from 0 to 60000, not '-'$/],
    [['ws://a', '--keepalive', '40'], 2, /^--keepalive takes two times, not '40'$/],
    [['ws://a', '--keepalive', '40,0'], 2, /^--keepalive takes a whole number from 1 to 60000, not '0'$/],
    [['ws://a', '--handshake-timeout', '0'], 2, /^--handshake-timeout takes a whole number from 1 to 10000, not '0'$/],
    [['ws://a', '--limit', 'frames=1'], 2, /^--limit takes frame, .* not 'frames=1'$/],
    [['ws://a', '--limit', 'frame=0'], 2, /^--limit frame takes a whole number from 1 to 1073741824, not '0'$/],
    [['ws://127.0.0.1:1'], 1, /127\.0\.0\.1:1/],
  ])('says in one line what is wrong with %j', async (args, status, line) => {
    const error: unknown = await conform.run(args).catch((reason: unknown) => reason);
    expect(verdictOn(error)).toEqual({ status, line: expect.stringMatching(line) });
  });
});
