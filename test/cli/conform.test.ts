import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { conform } from '../../src/cli/conform.js';
import { verdictOn } from '../../src/cli/failure.js';
import { accept } from '../../src/index.js';
import { listenWebSocket } from '../../src/link/websocket-node.js';
import { pong } from '../spec/messages.js';
import { Meddler } from '../testing/meddler.js';
import { endAll, run, serve } from './command.js';

jest.setTimeout(30_000);
afterEach(endAll);

describe('roam-actors conform', () => {
  test('fails nothing of roam-actors serve, and says what it could not try', async () => {
    const { url } = await serve();
    const { status, stdout, stderr } = await run(['conform', url]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^pass +5\.04 +connection\.open\.rejection +connection opened by the tester: deciding/m);
    expect(stdout).toMatch(/^non-strict +9a\.08 +connection\.close +session: a Close on the root$/m);
    expect(stdout.split('\n').slice(-4)).toEqual([
      '',
      '99 cases: 24 pass, 45 non-strict, 0 fail, 30 skipped',
      'skipped for want of control.close, control.open, control.shutdown, handshakeTimeout, keepalive, ' +
        'limits.frame, limits.metadataBytes, limits.metadataEntries',
      '',
    ]);
  });

  test('finds a strict server strict, and writes down what was said', async () => {
    const { url } = await serve('--conformance', 'strict', '--keepalive', '20');
    const folder = mkdtempSync(join(tmpdir(), 'roam-actors-conform-'));
    try {
      const file = join(folder, 'results.json');
      const { status, stdout, stderr } = await run(['conform', url, '--strict', '--json', file]);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain('99 cases: 69 pass, 0 non-strict, 0 fail, 30 skipped');
      const written = JSON.parse(readFileSync(file, 'utf8')) as { url: string; results: Record<string, unknown>[] };
      expect([written.url, written.results.length]).toEqual([url, 99]);
      expect(written.results.find(({ name }) => name === 'session: an empty frame')).toMatchObject({
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
    const { status, stdout, stderr } = await run(['conform', url, '--strict', '--filter', 'a Close on the root']);
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: [
        'NON-STRICT  9a.08  connection.close            session: a Close on the root',
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
    const { status, stdout } = await run(['conform', listener.url, '--filter', '5.17', '--timeout', '200']);
    await listener.close();
    expect(status).toBe(1);
    expect(stdout.replaceAll(/\d{6,}/g, 'N').split('\n')).toEqual([
      'FAIL        5.17   session.keepalive           session: Pings on the root are answered in order, each with its own nonce',
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

  // Without a process for each: that takes half a second.
  test.each<[args: string[], status: number, line: RegExp]>([
    [[], 2, /^conform needs a URL, such as ws:/],
    [['ws://a', 'ws://b'], 2, /^conform takes one URL, not 2$/],
    [['http://a'], 2, /^a WebSocket URL begins with ws: or wss:, not http:$/],
    [['ws://a', '--timeout', '0'], 2, /^--timeout takes a whole number from 1 to 60000, not '0'$/],
    [['ws://a', '--filter', 'nothing at all'], 2, /^no case has 'nothing at all' in its name, rule or row$/],
    [['ws://127.0.0.1:1'], 1, /127\.0\.0\.1:1/],
  ])('says in one line what is wrong with %j', async (args, status, line) => {
    const error: unknown = await conform.run(args).catch((reason: unknown) => reason);
    expect(verdictOn(error)).toEqual({ status, line: expect.stringMatching(line) });
  });
});
