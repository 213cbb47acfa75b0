import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { endAll, run, start } from './command.js';

jest.setTimeout(30_000);

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
