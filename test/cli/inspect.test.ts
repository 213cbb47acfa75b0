import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { endAll, run, start } from './command.js';

const folder = mkdtempSync(join(tmpdir(), 'roam-actors-'));
afterAll(async () => {
  await endAll();
  rmSync(folder, { recursive: true });
});

describe('roam-actors inspect', () => {
  test('prints a URL with a token, serves a page there, and ends with the first signal', async () => {
    const inspect = start(['inspect', '--port', '0']);
    const [url] = await inspect.printed(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{24}$/m);
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(await page.text()).toMatch(/^<!doctype html>/i);
    inspect.child.kill('SIGTERM');
    expect(await inspect.ended).toMatchObject({ status: 0, stderr: '' });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'ends within 2 s at %s, with pages and processes connected',
    async (signal) => {
      const inspect = start(['inspect', '--port', '0']);
      const [url] = await inspect.printed(/^http:\S+$/m);
      const { port, host } = new URL(url);
      const sockets = ['wrong', new URL(url).searchParams.get('token')].map((token) => {
        const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
        socket.on('error', () => {});
        const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
        socket.write(
          `GET /?token=${token} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`,
        );
        return socket;
      });
      await Promise.all(sockets.map((socket) => once(socket, 'data')));
      const began = performance.now();
      inspect.child.kill(signal);
      expect((await inspect.ended).status).toBe(0);
      expect(performance.now() - began).toBeLessThan(6_000);
      for (const socket of sockets) socket.destroy();
    },
  );

  test('shows a recording', async () => {
    const path = join(folder, 'good.jsonl');
    const lines = [
      { kind: 'recording', version: 1, at: 1, by: 'me', isLive: false, backlog: 1 },
      { kind: 'notice', seq: 1, at: 1, text: 'seen before' },
    ];
    writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const inspect = start(['inspect', '--port', '0', '--replay', path]);
    const [url] = await inspect.printed(/^http:\S+$/m);
    const socket = new WebSocket(url.replace('http:', 'ws:').replace('/?', '/view?'));
    const text = await new Promise<string>((resolve) => socket.on('message', (data) => resolve(String(data))));
    expect(JSON.parse(text)).toEqual([
      {
        kind: 'recording',
        version: 1,
        at: expect.any(Number),
        by: expect.stringMatching(/^roam-actors \d/),
        isLive: false,
        backlog: 1,
      },
      lines[1],
    ]);
    socket.terminate();
    inspect.child.kill('SIGINT');
    expect((await inspect.ended).status).toBe(0);
  });

  test('says what is wrong with a recording, and in which line', async () => {
    const path = join(folder, 'bad.jsonl');
    writeFileSync(
      path,
      '{"kind":"recording","version":1,"at":1,"by":"me","isLive":false,"backlog":0}\n{"kind":"left"}\n',
    );
    const [bad, missing] = await Promise.all([
      run(['inspect', '--replay', path]),
      run(['inspect', '--replay', join(folder, 'none')]),
    ]);
    expect(bad).toEqual({
      status: 1,
      stdout: '',
      stderr: `roam-actors: ${path} is no recording: line 2: left.seq is wrong\n`,
    });
    expect(missing.status).toBe(1);
    expect(missing.stderr).toMatch(/^roam-actors: cannot read the recording: ENOENT.*\n$/);
  });
});
