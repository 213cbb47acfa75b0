import { getEventListeners } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import { connectWebSocket as connectInBrowser } from '../../src/link/websocket-browser.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { turns } from './contract.js';
import { Host, StandardFacade } from './peers.js';
import { record } from './recorder.js';

describe('connectWebSocket', () => {
  /** A TCP server that answers what it is told to, or nothing. */
  async function tcp(answer?: string): Promise<{ url: string; server: Server; close: () => Promise<void> }> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      if (answer !== undefined) socket.on('data', () => socket.write(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const close = async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    };
    return { url: `ws://127.0.0.1:${String(port)}/path?token=secret`, server, close };
  }

  const entries = [
    ['in Node', connectWebSocket],
    ['in a browser', connectInBrowser],
  ] as const;

  beforeEach(() => {
    Object.assign(globalThis, { WebSocket: StandardFacade });
  });

  afterEach(async () => {
    Object.assign(globalThis, { WebSocket: undefined });
    await StandardFacade.terminateAll();
  });

  test.each(entries)('%s refuses what is no WebSocket URL, and options out of range, at once', (_where, connect) => {
    for (const [url, message] of [
      ['', 'this is not a URL'],
      ['nonsense', 'this is not a URL'],
      ['ws://', 'this is not a URL'],
      ['http://127.0.0.1', 'a WebSocket URL begins with ws: or wss:, not http:'],
      ['nonsense:x', 'a WebSocket URL begins with ws: or wss:, not nonsense:'],
      ['ws://127.0.0.1/#fragment', 'a WebSocket URL has no fragment'],
    ] as const) {
      expect(() => connect(url)).toThrow(new InvalidArgument(message));
    }
    for (const url of ['127.0.0.1:9000', 'localhost:9000/', '[::1]:9000']) {
      expect(() => connect(url)).toThrow(
        new InvalidArgument(`a WebSocket URL begins with ws: or wss:; did you mean ws://${url}`),
      );
    }
    // A text that may hold a password is not quoted.
    for (const url of ['user:secret@127.0.0.1:9000', 'user:12345@host'])
      expect(() => connect(url)).toThrow(/^(?!.*(secret|12345))/);
    for (const [options, message] of [
      [{ connectTimeout: 0 }, 'connectTimeout must be from 1 to 2^31 - 1 milliseconds, not 0'],
      [{ closeTimeout: -1 }, 'closeTimeout must be from 1 to 2^31 - 1 milliseconds, not -1'],
      [{ maxFrame: 0 }, 'maxFrame must be an integer from 1 to 2^30 - 1, not 0'],
      [{ maxFrame: 2 ** 30 }, 'maxFrame must be an integer from 1 to 2^30 - 1, not 1073741824'],
      [{ maxFrame: 1.5 }, 'maxFrame must be an integer from 1 to 2^30 - 1, not 1.5'],
    ] as const) {
      expect(() => connect('ws://127.0.0.1:1', options)).toThrow(new InvalidArgument(message));
    }
  });

  test.each(entries)('%s opens a link', async (_where, connect) => {
    const host = await Host.listen();
    const [server, client] = await Promise.all([host.next(), connect(host.url)]);
    server.send(Uint8Array.of(7));
    record(server);
    const events = record(client);
    await events.received(1);
    expect([...(events.messages[0] as Uint8Array)]).toEqual([7]);
    client.close();
    expect(await events.end()).toBe('ended');
    await host.close();
  });

  test('rejects with a LinkError that names the target without its query when it is refused', async () => {
    const { url, close } = await tcp();
    await close();
    const error = await connectWebSocket(url).catch((reason) => reason as Error);
    expect(error).toBeInstanceOf(LinkError);
    const { host, hostname } = new URL(url);
    expect(error).toHaveProperty(
      'message',
      `cannot connect to ws://${host}/path: connect ECONNREFUSED ${hostname}:${host.slice(hostname.length + 1)}`,
    );
    await expect(connectInBrowser(url)).rejects.toThrow(/^cannot connect to .*\/path: closed with code 1006$/);
  });

  test.each([
    ['404 Not Found', /: the server answered 404 Not Found$/],
    ['301 Moved', /: the server answered 301 Moved Permanently$/],
    ['200 OK', /: the server answered 200 OK$/],
  ])('rejects when the server answers %s', async (status, message) => {
    const { url, close } = await tcp(`HTTP/1.1 ${status}\r\nLocation: ws://127.0.0.1/\r\nContent-Length: 0\r\n\r\n`);
    await expect(connectWebSocket(url)).rejects.toThrow(message);
    await close();
  });

  test.each([
    ['nonsense', 'this is not HTTP\r\n\r\n'],
    [
      'a handshake with the wrong key',
      'HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
    ],
  ])('rejects when the server answers %s', async (_what, answer) => {
    const { url, close } = await tcp(answer);
    await expect(connectWebSocket(url)).rejects.toBeInstanceOf(LinkError);
    await close();
  });

  test.each(entries)('%s gives up after connectTimeout, though bytes trickle in', async (_where, connect) => {
    const { url, server, close } = await tcp();
    let trickle: NodeJS.Timeout | undefined;
    let closed: Promise<unknown> | undefined;
    server.on('connection', (socket) => {
      closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write('HTTP/1.1 101 OK\r\nX-Slow: ');
      trickle = setInterval(() => socket.write('x'), 5);
    });
    await expect(connect(url, { connectTimeout: 60 })).rejects.toThrow(/: not open after 60 ms$/);
    await closed;
    clearInterval(trickle);
    await close();
  });

  test.each(entries)('%s gives up when its signal aborts, before or meanwhile', async (_where, connect) => {
    const { url, server, close } = await tcp();
    const reason = new Error('enough');
    const before = await connect(url, { signal: AbortSignal.abort(reason) }).catch((error) => error as Error);
    const controller = new AbortController();
    server.once('connection', () => controller.abort(reason));
    const meanwhile = await connect(url, { signal: controller.signal }).catch((error) => error as Error);
    for (const error of [before, meanwhile]) {
      expect(error).toBeInstanceOf(LinkError);
      expect(error).toMatchObject({ message: expect.stringMatching(/: aborted$/), cause: reason });
    }
    await close();
  });

  test.each(entries)('%s adds one listener to a signal that many attempts share', async (_where, connect) => {
    const { url, close } = await tcp();
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = (): number => getEventListeners(signal, 'abort').length;
    const attempts = Array.from({ length: 12 }, () => connect(url, { signal }));
    expect(listeners()).toBe(1);
    controller.abort();
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.map(({ status }) => status)).toEqual(attempts.map(() => 'rejected'));
    expect(listeners()).toBe(0);
    await close();
  });

  test('leaves nothing behind when it fails', async () => {
    await turns(10);
    const before = process.getActiveResourcesInfo().sort();
    const { url, close } = await tcp();
    await expect(connectWebSocket(url, { connectTimeout: 20 })).rejects.toThrow();
    await expect(connectWebSocket(url, { signal: AbortSignal.timeout(20) })).rejects.toThrow();
    await close();
    await expect(connectWebSocket(url)).rejects.toThrow();
    await turns(10);
    expect(process.getActiveResourcesInfo().sort()).toEqual(before);
  });

  test('in an environment without a WebSocket rejects', async () => {
    Object.assign(globalThis, { WebSocket: undefined });
    await expect(connectInBrowser('ws://127.0.0.1')).rejects.toThrow('this environment has no WebSocket');
  });

  test('sends its headers', async () => {
    let header: unknown;
    const listener = await listenWebSocket({ port: 0 }, (link, request) => {
      header = request.headers['x-token'];
      link.abort();
    });
    const link = await connectWebSocket(listener.url, { headers: { 'X-Token': 'abc' } });
    expect(header).toBe('abc');
    link.abort();
    await listener.close();
  });
});
