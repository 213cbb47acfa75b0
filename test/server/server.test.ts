import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type Server as Http } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { connect } from '../../src/client/client-node.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectWebSocket, listenWebSocket, webSocketLink } from '../../src/link/websocket-node.js';
import { createServer, type Server } from '../../src/server/server.js';
import { initiate } from '../../src/session/default-codec.js';
import { Adder, adder } from '../service/adder.js';
import { errorOf } from '../service/pair.js';

const ending: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

function serverOf(options: object = {}): Server {
  const server = createServer({ services: [adder], ...options });
  ending.push(() => server.close());
  return server;
}

/** An HTTP server that answers each request with its path. */
async function httpOf(): Promise<Http> {
  const http = createHttp((request, response) => void response.end(request.url));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  ending.push(() => {
    const closed = new Promise((resolve) => http.close(resolve));
    http.closeAllConnections();
    return closed;
  });
  return http;
}

async function sum(url: string): Promise<number> {
  const session = await initiate(await connectWebSocket(url));
  const client = await session.open(Adder);
  const result = await client.add(3, 5);
  session.shutdown();
  await session.closed;
  return result;
}

/** The status line of the answer to a raw request. */
function ask(http: Http, target: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const { port } = http.address() as AddressInfo;
  const lines = Object.entries({ Host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connectSocket(port, '127.0.0.1', () => {
      const key = Buffer.alloc(16).toString('base64');
      socket.write(
        `GET ${target} HTTP/1.1\r\n${lines.join('')}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      );
    });
    socket.on('data', (bytes) => {
      text += String(bytes);
      if (text.includes('\r\n')) socket.destroy();
    });
    socket.on('close', () => resolve(text.split('\r\n')[0] ?? ''));
    socket.on('error', reject);
  });
}

/** The key, or the certificate for `localhost`, of the example for TLS. */
function pem(kind: 'PRIVATE KEY' | 'CERTIFICATE'): string {
  const source = readFileSync(new URL('../../examples/tls.ts', import.meta.url), 'utf8');
  return new RegExp(`-----BEGIN ${kind}-----[^-]+-----END ${kind}-----`).exec(source)?.[0] ?? '';
}

describe('a server of services', () => {
  test('serves the sessions of its listeners, and closes with them', async () => {
    const server = serverOf();
    const listener = await server.listen((onLink) => listenWebSocket({ port: 0 }, onLink));
    expect(await sum(listener.url)).toBe(8);
    const session = await initiate(await connectWebSocket(listener.url));
    expect([server.sessions.size, server.ready]).toEqual([1, true]);
    await server.close();
    expect([server.sessions.size, server.ready]).toEqual([0, false]);
    expect(await session.closed).toMatchObject({ cause: 'peer' });
    expect(await errorOf(connectWebSocket(listener.url))).toMatchObject({ code: 'link' });
    expect(await errorOf(server.listen(() => listener))).toMatchObject({ code: 'session-closed' });
  });

  test('takes a link by hand, tells of its session, and ends a handshake that is under way when it closes', async () => {
    const told: unknown[] = [];
    const server = serverOf({ onSession: (session: unknown) => void told.push(session) });
    const [near, far] = memoryLinkPair();
    const [session, taken] = await Promise.all([initiate(near), server.take(far)]);
    expect(told).toEqual([taken]);
    expect(await (await session.open(Adder)).add(1, 2)).toBe(3);
    const silent = errorOf(server.take(memoryLinkPair()[1]));
    await server.close();
    expect(await silent).toMatchObject({ code: 'handshake' });
    expect(await errorOf(server.take(memoryLinkPair()[1]))).toMatchObject({ code: 'session-closed' });
  });

  test('ends its sessions also if a listener does not close, and rejects with its error', async () => {
    const server = createServer({ services: [adder] });
    const broken = new Error('EBADF');
    await server.listen(() => ({ close: () => Promise.reject(broken) }));
    const [near, far] = memoryLinkPair();
    const [session] = await Promise.all([initiate(near), server.take(far)]);
    expect(await errorOf(server.close())).toBe(broken);
    expect([server.sessions.size, (await session.closed).cause]).toEqual([0, 'peer']);
  });

  test('ends a session whose onSession throws', async () => {
    const server = serverOf({
      onSession: () => {
        throw new RangeError('no');
      },
    });
    const [near, far] = memoryLinkPair();
    const taking = errorOf(server.take(far));
    const session = await initiate(near);
    expect(await taking).toEqual(new RangeError('no'));
    expect(await session.closed).toMatchObject({ cause: 'peer' });
  });

  test.each([
    { services: 1 },
    { services: [adder, adder] },
    { services: [], onSession: 1 },
    { services: [], signal: 1 },
  ])('refuses the options %j', (options) => {
    expect(() => createServer(options as never)).toThrow(/services|service Adder|onSession|signal/);
  });
});

describe('a WebSocket listener on a server of another', () => {
  test('has one upgrade listener for two paths, and leaves requests and other paths alone', async () => {
    const http = await httpOf();
    const server = serverOf();
    const [one, two] = await Promise.all(
      ['/rpc', '/other'].map((path) => server.listen((onLink) => listenWebSocket({ server: http, path }, onLink))),
    );
    expect(http.listenerCount('upgrade')).toBe(1);
    expect([await sum(one?.url ?? ''), await sum(`${two?.url}?token=1`)]).toEqual([8, 8]);
    const { port } = http.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}/page`)).text()).toBe('/page');
    expect(await ask(http, '/elsewhere')).toBe('HTTP/1.1 404 Not Found');
    expect(await ask(http, 'http:nonsense')).toBe('HTTP/1.1 400 Bad Request');
    const foreign: string[] = [];
    http.on('upgrade', (request, socket) => {
      if (request.url !== '/elsewhere') return;
      foreign.push(request.url);
      socket.end('HTTP/1.1 426 Upgrade Required\r\n\r\n');
    });
    expect(await ask(http, '/elsewhere')).toBe('HTTP/1.1 426 Upgrade Required');
    expect([await sum(one?.url ?? ''), foreign]).toEqual([8, ['/elsewhere']]);
  });

  test('refuses a path that is taken, and gives it back when it is closed', async () => {
    const http = await httpOf();
    const server = serverOf();
    const listen = () => server.listen((onLink) => listenWebSocket({ server: http, path: '/rpc' }, onLink));
    const first = await listen();
    expect(await errorOf(listen())).toMatchObject({ code: 'invalid-argument' });
    await first.close();
    expect(http.listenerCount('upgrade')).toBe(0);
    const again = await listen();
    expect(await sum(again.url)).toBe(8);
    expect(http.listening).toBe(true);
  });

  test('answers pages and names that are not its own 403, and no other listener hears of that', async () => {
    const http = await httpOf();
    const foreign: unknown[] = [];
    http.on('upgrade', ({ url }, socket) => {
      if (url !== '/foreign') return;
      foreign.push(url);
      socket.end('HTTP/1.1 426 Upgrade Required\r\n\r\n');
    });
    const told: string[] = [];
    const onError = (error: unknown) => void told.push(String(error));
    const { url } = await serverOf().listen((onLink) =>
      listenWebSocket(
        { server: http, path: '/rpc', origins: ['https://app.example'], hosts: ['app.example'], onError },
        onLink,
      ),
    );
    const headers = [
      { Origin: 'https://app.example' },
      { Host: 'app.example', Origin: 'https://app.example' },
      { Origin: 'http://127.0.0.1:1' },
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Host: 'evil.example', Origin: 'http://evil.example' },
    ];
    const answers: string[] = [];
    for (const each of headers) answers.push(await ask(http, '/rpc', each));
    const taken = 'HTTP/1.1 101 Switching Protocols';
    const refused = 'HTTP/1.1 403 Forbidden';
    expect(answers).toEqual([taken, taken, taken, refused, refused, refused]);
    // The others tell that the session of a socket that was cut did not come about.
    expect(told.filter((text) => !text.includes('without a closing handshake'))).toEqual([
      expect.stringMatching(/of the origin 'https:\/\/evil\.example'.*origins/),
      expect.stringMatching(/of the origin 'null'/),
      expect.stringMatching(/for the host 'evil\.example'.*hosts/),
    ]);
    // The check is for our paths only.
    expect(await ask(http, '/foreign', { Origin: 'https://evil.example' })).toBe('HTTP/1.1 426 Upgrade Required');
    expect([foreign, await sum(url)]).toEqual([['/foreign'], 8]);
  });

  test('says once that pages of all sites may connect with cookies, unless origins are listed', async () => {
    const told: string[] = [];
    const onError = (error: unknown) => void told.push(String(error));
    const foreign = { Host: 'app.example', Origin: 'https://evil.example', Cookie: 'id=7' };
    for (const origins of [undefined, ['*']]) {
      const http = await httpOf();
      const { port } = http.address() as AddressInfo;
      // As if it listened on an address that a network reaches.
      const address = { address: '192.0.2.1', family: 'IPv4', port };
      Object.assign(http, { address: () => address });
      const path = { server: http, path: '/rpc', onError };
      await serverOf().listen((onLink) =>
        listenWebSocket(origins === undefined ? path : { ...path, origins }, () => onLink(memoryLinkPair()[0])),
      );
      const own = { ...foreign, Origin: 'http://app.example' };
      const { Cookie: _, ...bare } = foreign;
      const { Origin: __, ...program } = foreign;
      const before = told.length;
      for (const headers of [own, bare, program]) {
        expect(await ask(http, '/rpc', headers)).toBe('HTTP/1.1 101 Switching Protocols');
      }
      expect(told.slice(before).filter((text) => text.includes('cookies'))).toEqual([]);
      for (const headers of [foreign, foreign]) {
        expect(await ask(http, '/rpc', headers)).toBe('HTTP/1.1 101 Switching Protocols');
      }
    }
    expect(told.filter((text) => text.includes('cookies'))).toEqual([
      expect.stringMatching(/of the origin 'https:\/\/evil\.example' connects with cookies.*origins/),
    ]);
  });

  test('asks verify, and answers 401', async () => {
    const http = await httpOf();
    await serverOf().listen((onLink) =>
      listenWebSocket({ server: http, verify: ({ headers }) => headers.cookie === 'id=7', onError: () => {} }, onLink),
    );
    expect([await ask(http, '/', { Cookie: 'id=7' }), await ask(http, '/')]).toEqual([
      'HTTP/1.1 101 Switching Protocols',
      'HTTP/1.1 401 Unauthorized',
    ]);
  });

  test('takes the name of an address that the server only gets later, and goes on when its port is opened again', async () => {
    const http = createHttp();
    const server = serverOf();
    const listener = await server.listen((onLink) => listenWebSocket({ server: http, path: '/rpc' }, onLink));
    expect(listener.port).toBe(0);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { url, port } = listener;
    expect([url, await sum(url)]).toEqual([`ws://127.0.0.1:${port}/rpc`, 8]);
    await new Promise((resolve) => http.close(resolve));
    expect(await errorOf(connectWebSocket(url))).toMatchObject({ code: 'link' });
    await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
    expect(await sum(url)).toBe(8);
    await server.close();
    expect(http.listenerCount('upgrade')).toBe(0);
    await new Promise((resolve) => http.close(resolve));
  });

  test('serves wss on a server of node:https, to clients that trust its certificate only', async () => {
    const https = createHttps({ key: pem('PRIVATE KEY'), cert: pem('CERTIFICATE') });
    await new Promise<void>((resolve) => https.listen(0, 'localhost', resolve));
    ending.push(() => new Promise((resolve) => https.close(resolve)));
    const listener = await serverOf().listen((onLink) => listenWebSocket({ server: https, path: '/rpc' }, onLink));
    const { port } = listener;
    expect(listener.url).toMatch(/^wss:\/\/[^/]+\/rpc$/);
    const url = `wss://localhost:${port}/rpc`;
    expect(await errorOf(connectWebSocket(url))).toMatchObject({
      code: 'link',
      message: expect.stringContaining('self-signed certificate'),
    });
    const client = connect(async () => {
      const socket = new WebSocket(url, { ca: pem('CERTIFICATE') });
      await once(socket, 'open');
      return webSocketLink(socket);
    });
    expect(await client.use(Adder).add(3, 5)).toBe(8);
    await client.close();
  });

  test.each([
    [{ port: 1 }, 'port'],
    [{ host: '::1' }, 'host'],
    [{ handshakeTimeout: 5 }, 'handshakeTimeout'],
    [{ path: 'rpc' }, 'path'],
    [{ path: '/rpc?x' }, 'path'],
    [{ server: {} }, 'server'],
  ])('refuses the option %j', (options, name) => {
    expect(() => listenWebSocket({ server: createHttp(), ...options } as never, () => {})).toThrow(name);
  });
});

test('a server that closes ends its sessions over several turns of the event loop', async () => {
  const server = serverOf();
  let ended = 0;
  for (let more = 0; more < 4; more++) {
    const [near, far] = memoryLinkPair();
    const [session] = await Promise.all([server.take(near), initiate(far)]);
    const { shutdown } = session;
    // Longer than sessions are ended in one turn.
    jest.spyOn(session, 'shutdown').mockImplementation(() => {
      ended++;
      for (const end = performance.now() + 15; performance.now() < end; );
      shutdown.call(session);
    });
  }
  const closed = server.close();
  const seen: number[] = [];
  while (ended < 4) {
    await turn();
    if (ended > 0 && seen.at(-1) !== ended) seen.push(ended);
  }
  expect(seen).toEqual([1, 2, 3, 4]);
  await closed;
  expect(server.sessions.size).toBe(0);
});
