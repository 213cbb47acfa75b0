import { createServer as createHttp, type Server as Http } from 'node:http';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { memoryLinkPair } from '../../src/link/memory.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { createServer, type Server } from '../../src/server/server.js';
import { initiate } from '../../src/session/session.js';
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
function ask(http: Http, target: string): Promise<string> {
  const { port } = http.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connectSocket(port, '127.0.0.1', () => {
      const key = Buffer.alloc(16).toString('base64');
      socket.write(
        `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
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

  test('answers pages of other sites 403', async () => {
    const http = await httpOf();
    const told: unknown[] = [];
    const server = serverOf();
    const { url } = await server.listen((onLink) =>
      listenWebSocket({ server: http, onError: (error) => void told.push(error) }, onLink),
    );
    const error = await errorOf(connectWebSocket(url, { headers: { Origin: 'https://evil.example' } }));
    expect(String(error)).toContain('403');
    expect(String(told[0])).toContain('https://evil.example');
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
