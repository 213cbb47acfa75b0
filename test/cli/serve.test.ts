import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Demo } from '../../src/cli/service.js';
import { initiate, messagePack } from '../../src/index.js';
import { connectWebSocket } from '../../src/link/websocket-node.js';
import { endAll, run, serve, start } from './command.js';

afterEach(endAll);

describe('roam-actors serve', () => {
  test('returns what comes, tells of it, and ends with status 0 at SIGTERM', async () => {
    const { server, url } = await serve('--conformance', 'strict', '--keepalive', '50');
    const answered = await run(
      ['connect', url, '--metadata', 'who=Ada', '--metadata', 'why==', '--keepalive', '50'],
      'one\ntwo\n',
    );
    expect(answered).toEqual({ status: 0, stdout: 'one\ntwo\n', stderr: '' });
    await server.printed(/session 1: ended/);
    server.child.kill('SIGTERM');
    const { status, stdout, stderr } = await server.ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST').split('\n')).toEqual([
      'listening on ws://HOST, until SIGINT or SIGTERM',
      'session 1: from HOST',
      'session 1: connection 1 opened {who: "Ada", why: "="}',
      'session 1: connection 1 closed by the peer after 2 calls and 0 items',
      'session 1: ended, the peer ended it',
      'stopping: 0 sessions',
      'stopped',
      '',
    ]);
  });

  test('shuts down however many sessions there are, without a warning of Node’s', async () => {
    const { server, url } = await serve();
    const sessions = await Promise.all(Array.from({ length: 12 }, async () => initiate(await connectWebSocket(url))));
    server.child.kill('SIGTERM');
    expect((await server.ended).stderr).toBe('');
    expect(await Promise.all(sessions.map(({ closed }) => closed))).toEqual(
      sessions.map(() => ({ cause: 'peer', by: 'peer' })),
    );
  });

  test('tells of what peers set off ten times a minute, and not for each of their sessions', async () => {
    const { server, url } = await serve();
    for (let at = 0; at < 2; at++) {
      const session = await initiate(await connectWebSocket(url));
      const connection = await session.open({ metadata: [{ key: 'service', value: 'Demo', flags: 0n }] });
      const caller = connection.caller();
      const malformed = Uint8Array.of(0xc1);
      await Promise.all(Array.from({ length: 8 }, () => caller.call(Demo.ids.echo, malformed)));
      session.shutdown();
      await session.closed;
    }
    server.child.kill('SIGTERM');
    const lines = (await server.ended).stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toMatch(/^session 1: /);
  });

  test('writes ten lines of a kind a minute, each of bounded length, with any peers', async () => {
    const { server, url } = await serve();
    const long = [{ key: 'k'.repeat(8_000), value: '\u202e'.repeat(2_000), flags: 0n }];
    for (let at = 0; at < 12; at++) {
      const session = await initiate(await connectWebSocket(url), { metadata: long });
      for (let opened = 0; opened < 12; opened++) {
        const connection = await session.open({ metadata: long });
        await connection.close({ metadata: long });
        await expect(session.open({ metadata: [...long, { key: 'reject', value: '', flags: 0n }] })).rejects.toThrow();
      }
      session.shutdown();
      await session.closed;
    }
    for (let at = 0; at < 12; at++) {
      const link = await connectWebSocket(url, { closeTimeout: 500 });
      await new Promise<void>((resolve) => {
        link.start({ message() {}, drained() {}, ended: resolve, failed: () => resolve() });
        link.send(Uint8Array.of(0xc1));
      });
    }
    server.child.kill('SIGTERM');
    const { stdout, stderr } = await server.ended;
    const lines = stdout.trimEnd().split('\n');
    const kinds = [
      /: from /,
      /: connection \d+ opened/,
      /: connection \d+ closed/,
      /: connection \d+ rejected/,
      /: ended/,
    ];
    expect(kinds.map((kind) => lines.filter((line) => kind.test(line)).length)).toEqual(kinds.map(() => 10));
    expect(lines.filter((line) => line.includes('is only counted'))).toHaveLength(kinds.length);
    // The lines of each kind, and three lines of the server itself.
    expect(lines).toHaveLength(10 * kinds.length + 3);
    expect(stderr.trimEnd().split('\n')).toHaveLength(10);
    expect(Math.max(...`${stdout}${stderr}`.split('\n').map(({ length }) => length))).toBeLessThan(700);
  });

  test('returns Items on their channel, and Calls on the root', async () => {
    const { url } = await serve();
    const session = await initiate(await connectWebSocket(url, { closeTimeout: 500 }));
    const connection = await session.open();
    const body = { type: 'Item', item: Uint8Array.of(1, 2) } as const;
    await connection.send({ type: 'ChannelMessage', id: 7, body });
    const call = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: Uint8Array.of(3) } as const;
    await session.root.send({ type: 'RequestMessage', id: 9, body: call });
    const echoes = [connection, session.root].map(async (from) => (await from[Symbol.asyncIterator]().next()).value);
    const echoed = await Promise.all(echoes);
    session.shutdown();
    await session.closed;
    expect(echoed).toEqual([
      { type: 'ChannelMessage', connectionId: 1, id: 7, body },
      {
        type: 'RequestMessage',
        connectionId: 0,
        id: 9,
        body: { type: 'Response', channels: [], metadata: [], ret: Uint8Array.of(3) },
      },
    ]);
  });

  test("rejects an open that asks for it, with the open's own metadata", async () => {
    const { server, url } = await serve();
    const { status, stdout, stderr } = await run(['connect', url, '--metadata', 'reject=please', '--metadata', 'a=b']);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toBe('roam-actors: connection 1 was rejected by the peer: {reject: "please", a: "b"}\n');
    await server.printed(/session 1: connection 1 rejected \{reject: "please", a: "b"\}/);
  });

  test("spells out the control characters in what it tells of a peer's words", async () => {
    const { server, url } = await serve();
    const link = await connectWebSocket(url, { closeTimeout: 500 });
    link.start({ message() {}, drained() {}, ended() {}, failed() {} });
    const metadata = [{ key: 'k\u001b[31m', value: 'v\u009b2J', flags: 0n }];
    const connectionSettings = { parity: 'odd', maxConcurrentRequests: 64 } as const;
    link.send(messagePack.encode({ type: 'Hello', connectionId: 0, version: 7, connectionSettings, metadata }));
    link.send(messagePack.encode({ type: 'ProtocolError', connectionId: 0, description: 'bye\u001b[2J' }));
    await server.printed(/session 1: from \S+ \{k\\u001b\[31m: "v\\u009b2J"\}\n/);
    await server.printed(/session 1: ended, .*bye\\u001b\[2J/);
    expect(server.stdout + server.stderr).not.toMatch(/[^\P{Cc}\n]/u);
    link.abort();
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'shuts its sessions down at %s, and the clients hear of it',
    async (signal) => {
      const { server, url } = await serve();
      const client = start(['connect', url]);
      await server.printed(/connection 1 opened/);
      server.child.kill(signal);
      expect(await client.ended).toEqual({
        status: 1,
        stdout: '',
        stderr: 'roam-actors: the session ended: the peer ended it\n',
      });
      expect(await server.ended).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/stopping: 1 session\n.*stopped\n$/s),
      });
    },
  );

  test('answers the call at work at SIGTERM, and refuses the next one', async () => {
    const { server, url } = await serve();
    const demo = await (await initiate(await connectWebSocket(url))).open(Demo);
    // The answer to the first call shows that the second one has come, too: calls are taken in order.
    const slow = demo.slow(1_000);
    await demo.echo('here', undefined);
    server.child.kill('SIGTERM');
    await server.printed(/stopping: 1 session/);
    const refused = demo.echo('late', undefined).catch(({ code, ran }) => `${code} ${ran}`);
    expect([await slow, await refused]).toEqual([1_000, 'cancelled no']);
    expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
  });

  test('waits a bounded time for a client that does not react', async () => {
    const { server, url } = await serve();
    const client = start(['connect', url]);
    await server.printed(/connection 1 opened/);
    client.child.kill('SIGSTOP');
    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
  });

  test('ends at once at the second signal', async () => {
    const { server, url } = await serve();
    const client = start(['connect', url]);
    await server.printed(/connection 1 opened/);
    client.child.kill('SIGSTOP');
    server.child.kill('SIGTERM');
    await server.printed(/stopping/);
    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ status: 128 + 15 });
  });

  test('refuses pages of other sites and names that are not its own, unless they are allowed', async () => {
    const page = { headers: { Origin: 'https://app.example', Host: 'app.example' } };
    const { server, url } = await serve();
    await expect(connectWebSocket(url, page)).rejects.toThrow(/403 Forbidden$/);
    await expect(connectWebSocket(url, { headers: { Origin: 'https://app.example' } })).rejects.toThrow(
      /403 Forbidden$/,
    );
    (await connectWebSocket(url, { headers: { Origin: 'http://localhost:5173' } })).abort();
    server.child.kill('SIGTERM');
    expect((await server.ended).stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^server: refused a WebSocket for the host 'app\.example': .*behind a proxy.*--allow-host/),
      expect.stringMatching(/^server: refused a WebSocket of the origin 'https:\/\/app\.example': .*--allow-origin/),
      expect.stringMatching(/^session 1: /),
    ]);
    const open = await serve('--allow-host', 'app.example', '--allow-origin', 'https://other.example');
    for (const headers of [page.headers, { Origin: 'https://other.example' }]) {
      (await connectWebSocket(open.url, { headers })).abort();
    }
    // On a server that listens on all addresses, a page still cannot connect by a host name of its own that resolves to the
    // server.
    const wide = await serve('--host', '0.0.0.0');
    const { port } = new URL(wide.url);
    await expect(connectWebSocket(`ws://127.0.0.1:${port}`, page)).rejects.toThrow(/403 Forbidden$/);
    (await connectWebSocket(`ws://127.0.0.1:${port}`)).abort();
    const wrong = await run(['serve', '--port', '0', '--allow-origin', 'app.example']);
    expect(wrong.status).toBe(2);
  });

  test('says that its port is in use', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => squatter.once('listening', resolve));
    const { port } = squatter.address() as { port: number };
    const ended = await run(['serve', '--port', String(port)]);
    squatter.close();
    expect(ended).toEqual({
      status: 1,
      stdout: '',
      stderr: `roam-actors: cannot listen on 127.0.0.1:${port}: the port is in use\n`,
    });
  });
});
