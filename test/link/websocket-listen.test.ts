import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, jest, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { turns } from './contract.js';
import { frame, Host, rawPeer } from './peers.js';
import { BROKEN_HANDLERS, type Recorder, record } from './recorder.js';

describe('listenWebSocket', () => {
  test('refuses arguments out of range at once', () => {
    const onLink = () => {};
    const origin = "an origin, such as 'https://app.example'";
    const name = "a name without a port, such as 'app.example'";
    const port = 'port must be an integer from 0 to 65535, not';
    const bytes = 'must be an integer from 1 to';
    const milliseconds = 'must be from 1 to 2^31 - 1 milliseconds, not';
    const path = 'path must begin with / and have no query, not';
    const wrong: readonly (readonly [object, string])[] = [
      [{}, `${port} undefined`],
      [{ port: -1 }, `${port} -1`],
      [{ port: 65_536 }, `${port} 65536`],
      [{ port: 1.5 }, `${port} 1.5`],
      [{ port: '80' }, `${port} 80`],
      [{ port: 0, path: 'rpc' }, `${path} 'rpc'`],
      [{ port: 0, path: '/rpc?x' }, `${path} '/rpc?x'`],
      [{ port: 0, path: 7 }, `${path} '7'`],
      [{ port: 0, path: ['/rpc'] }, `${path} '/rpc'`],
      [{ port: 0, host: '' }, 'host must be an address or a name'],
      [{ port: 0, host: 7 }, 'host must be an address or a name'],
      [{ port: 0, maxFrame: 0 }, `maxFrame ${bytes} 2^30 - 1, not 0`],
      [{ port: 0, handshakeTimeout: 0 }, `handshakeTimeout ${milliseconds} 0`],
      [{ port: 0, closeTimeout: Number.NaN }, `closeTimeout ${milliseconds} NaN`],
      [{ port: 0, handshakeBytes: 0 }, `handshakeBytes ${bytes} ${2 ** 30 - 1}, not 0`],
      [{ port: 0, handshakeBytes: 2 ** 30 }, `handshakeBytes ${bytes} ${2 ** 30 - 1}, not 1073741824`],
      [{ port: 0, pendingBytes: 1.5 }, `pendingBytes ${bytes} ${2 ** 53 - 1}, not 1.5`],
      [{ port: 0, origins: '*' }, `origins must be an array, each of it ${origin}`],
      [
        { port: 0, origins: ['*', 'https://app.example/'] },
        `origins[1] must be ${origin}, or '*', not 'https://app.example/'`,
      ],
      [{ port: 0, origins: ['app.example'] }, `origins[0] must be ${origin}, or '*', not 'app.example'`],
      [{ port: 0, origins: ['null'] }, `origins[0] must be ${origin}, or '*', not 'null'`],
      [{ port: 0, hosts: 'app.example' }, `hosts must be an array, each of it ${name}`],
      [{ port: 0, hosts: ['app.example:80'] }, `hosts[0] must be ${name}, or '*', not 'app.example:80'`],
      [
        { port: 0, hosts: ['[::1]', 'https://app.example'] },
        `hosts[1] must be ${name}, or '*', not 'https://app.example'`,
      ],
      [{ port: 0, hosts: [''] }, `hosts[0] must be ${name}, or '*', not ''`],
      [{ port: 0, hosts: [7] }, `hosts[0] must be ${name}, or '*', not '7'`],
    ];
    for (const [options, message] of wrong) {
      expect(() => listenWebSocket(options, onLink)).toThrow(new InvalidArgument(message));
    }
    expect(() => listenWebSocket({ port: 0 }, undefined as unknown as typeof onLink)).toThrow(
      new InvalidArgument('onLink must be a function'),
    );
  });

  test('rejects with a LinkError that names the port when it is in use', async () => {
    const host = await Host.listen();
    const { port } = host.listener;
    await expect(listenWebSocket({ port }, () => {})).rejects.toEqual(
      new LinkError(`cannot listen on 127.0.0.1:${String(port)}: the port is in use`),
    );
    await host.close();
  });

  test('close frees the port, leaves links alone, and may be called again', async () => {
    const host = await Host.listen();
    const { listener } = host;
    const [server, client] = await Promise.all([host.next(), connectWebSocket(host.url)]);
    const closing = listener.close();
    expect(listener.close()).toBe(closing);
    await closing;
    await expect(connectWebSocket(host.url)).rejects.toBeInstanceOf(LinkError);
    const again = await listenWebSocket({ port: listener.port }, () => {});
    record(server);
    const events = record(client);
    server.send(new Uint8Array(1));
    await events.received(1);
    server.close();
    expect(await events.end()).toBe('ended');
    await again[Symbol.asyncDispose]();
  });

  test.each(BROKEN_HANDLERS)('reports an onLink that %s, aborts that link, and goes on', async (_how, broken) => {
    const errors: unknown[] = [];
    let count = 0;
    const listener = await listenWebSocket({ port: 0, onError: (error) => errors.push(error) }, (link) => {
      count += 1;
      if (count === 1) return broken();
      record(link);
      return undefined;
    });
    const first = record(await connectWebSocket(listener.url));
    expect(await first.end()).toBeInstanceOf(LinkError);
    expect(errors).toEqual([new Error('broken handler')]);
    const second = await connectWebSocket(listener.url);
    const events = record(second);
    second.close();
    expect(await events.end()).toBe('ended');
    await listener.close();
  });

  test('an onError that throws is a warning of the process', async () => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const onError = () => {
      throw new Error('broken onError');
    };
    const listener = await listenWebSocket({ port: 0, onError }, () => {
      throw new Error('broken handler');
    });
    await record(await connectWebSocket(listener.url)).end();
    expect(warnings.mock.calls).toEqual([
      ['Error: broken onError', { type: 'RoamActorsWarning', detail: expect.stringContaining('broken onError') }],
    ]);
    warnings.mockRestore();
    await listener.close();
  });

  test('warns ten times a minute at most: any client may cause a warning', async () => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const listener = await listenWebSocket({ port: 0 }, () => {
      throw new Error('broken handler');
    });
    for (let at = 0; at < 12; at++) await record(await connectWebSocket(listener.url)).end();
    const told = warnings.mock.calls.length;
    warnings.mockRestore();
    await listener.close();
    // Warnings that other tests of this file have caused count too.
    expect(told).toBeGreaterThan(5);
    expect(told).toBeLessThanOrEqual(10);
  });

  test.each([
    ['false', () => false, 0],
    [
      'an error',
      () => {
        throw new Error('broken verify');
      },
      1,
    ],
  ])('answers 401 when verify gives %s', async (_what, verify, reported) => {
    const host = await Host.listen({ verify });
    await expect(connectWebSocket(host.url)).rejects.toThrow(/: the server answered 401 Unauthorized$/);
    expect([host.links.length, host.errors.length]).toEqual([0, reported]);
    await host.close();
  });

  test.each([
    ['says nothing', 0],
    ['trickles', 5],
  ])('cuts a connection that %s after handshakeTimeout', async (_how, interval) => {
    const host = await Host.listen({ handshakeTimeout: 50 });
    const socket = connect(host.listener.port, '127.0.0.1');
    socket.on('error', () => {});
    const trickle = interval === 0 ? undefined : setInterval(() => socket.write('G'), interval);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(trickle);
    await host.close();
  });

  test('a link outlives handshakeTimeout', async () => {
    const host = await Host.listen({ handshakeTimeout: 20 });
    const [server, client] = await Promise.all([host.next(), connectWebSocket(host.url)]);
    record(server);
    const events = record(client);
    await new Promise((resolve) => setTimeout(resolve, 40));
    server.send(new Uint8Array(1));
    await events.received(1);
    await host.close();
  });

  test('close cuts what has not become a link yet', async () => {
    const host = await Host.listen();
    const socket = connect(host.listener.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('connect', resolve));
    await turns(5);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await host.close();
    await closed;
  });

  test.each([
    ['/rpc', 101],
    ['/rpc?token=x', 101],
    ['/', 404],
    ['/rpc/', 404],
    ['//', 400],
  ])('with a path takes a request for that only: %s is answered %i', async (target, status) => {
    const host = await Host.listen({ path: '/rpc' });
    const socket = connect(host.port, '127.0.0.1');
    socket.write(
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(host.links).toHaveLength(status === 101 ? 1 : 0);
    socket.destroy();
    await host.close();
  });

  test('answers 426 to plain HTTP', async () => {
    const host = await Host.listen();
    const response = await fetch(host.url.replace('ws:', 'http:'));
    expect([response.status, await response.text()]).toEqual([426, 'A WebSocket client is expected here.\n']);
    await host.close();
  });

  describe('of sockets whose first message is not whole', () => {
    /** The beginning of a message of 10 000 bytes, in pieces that arrive one by one. */
    async function begin(
      host: Host,
      pieces: readonly number[],
    ): Promise<{ events: Recorder; socket: Socket; rest: () => void }> {
      const [link, { socket }] = await Promise.all([host.next(), rawPeer(host.listener.port)]);
      const events = record(link);
      const message = frame(2, new Uint8Array(10_000));
      const server = host.sockets.at(-1) as Socket;
      let sent = 0;
      for (const length of pieces) {
        const before = server.bytesRead;
        socket.write(message.subarray(sent, sent + length));
        sent += length;
        while (server.bytesRead === before && !server.destroyed) await turns(1);
        await turns(2);
      }
      return { events, socket, rest: () => void socket.write(message.subarray(sent)) };
    }

    test('cuts one that has sent more than handshakeBytes, and its link says so', async () => {
      const host = await Host.listen({ handshakeBytes: 6_000 });
      const good = await begin(host, [6_014]);
      good.rest();
      await good.events.received(1);
      const bad = await begin(host, [6_014, 1]);
      expect(await bad.events.end()).toEqual(
        new LinkError(
          'the WebSocket failed: the peer sent more than 6000 bytes (handshakeBytes) before its first message was whole',
        ),
      );
      // After the first message, the session sets the limits.
      good.socket.write(Buffer.concat([frame(2, new Uint8Array(9_000)), frame(2, new Uint8Array(100_000))]));
      await good.events.received(3);
      await host.close();
    });

    test('cuts the oldest where all together have sent more than pendingBytes, and goes on with the others', async () => {
      const host = await Host.listen({ pendingBytes: 3 * (2_000 + 256) });
      const first = await begin(host, [2_000]);
      // Peers whose first message is complete count no bytes, and peers that are gone count none either.
      const whole = await begin(host, [2_000]);
      whole.rest();
      await whole.events.received(1);
      const gone = await begin(host, [2_000]);
      gone.socket.destroy();
      await gone.events.end();
      const [second, third] = [await begin(host, [2_000]), await begin(host, [2_000])];
      expect(first.events.ends).toEqual([]);
      const fourth = await begin(host, [1]);
      expect(await first.events.end()).toEqual(
        new LinkError(
          'the WebSocket failed: first messages that are not whole took more than 6768 bytes (pendingBytes)',
        ),
      );
      for (const { events, rest } of [second, third, fourth]) {
        rest();
        await events.received(1);
      }
      await host.close();
    });

    test('counts a piece of one byte for what it costs', async () => {
      const host = await Host.listen({ pendingBytes: 5 * 257 });
      const trickling = await begin(host, [1, 1, 1, 1, 1]);
      expect(trickling.events.ends).toEqual([]);
      const more = await begin(host, [1]);
      expect(await trickling.events.end()).toBeInstanceOf(LinkError);
      more.rest();
      await more.events.received(1);
      await host.close();
    });
  });

  describe('on an address of the loopback', () => {
    const allowed = { status: 101, told: [] };
    const refused = (what: RegExp) => ({ status: 403, told: [expect.stringMatching(what)] });
    const foreign = refused(/^refused a WebSocket of the origin '.*': .*--allow-origin/);
    const notOurs = refused(/^refused a WebSocket for the host '.*': .* proxy, .*--allow-host/);

    test.each([
      ['that has no Origin', {}, {}, allowed],
      ['of a dev server', { Origin: 'http://localhost:5173' }, {}, allowed],
      ['of a dev server by its address', { Origin: 'https://127.0.0.2' }, {}, allowed],
      ['of a dev server by its IPv6 address', { Origin: 'http://[::1]:3000' }, {}, allowed],
      ['of another site', { Origin: 'https://evil.example' }, {}, foreign],
      ['of an opaque origin', { Origin: 'null' }, {}, foreign],
      ['of an empty origin', { Origin: '' }, {}, foreign],
      ['of a site that begins like ours', { Origin: 'http://localhost.evil.example' }, {}, foreign],
      ['of a site that looks like an address', { Origin: 'http://127.0.0.1.evil.example' }, {}, foreign],
      ['of an extension', { Origin: 'chrome-extension://localhost' }, {}, foreign],
      ['of two origins', { Origin: 'http://localhost, https://evil.example' }, {}, foreign],
      ['of a site that is allowed', { Origin: 'https://app.example' }, { origins: ['https://app.example'] }, allowed],
      ['of another port of it', { Origin: 'https://app.example:1' }, { origins: ['https://app.example'] }, foreign],
      ['of any site', { Origin: 'null' }, { origins: ['*'] }, allowed],
      ['for localhost', { Host: 'LOCALHOST:1' }, {}, allowed],
      ['for an address of the loopback', { Host: '[::1]' }, {}, allowed],
      ['for a name that was made to resolve to us', { Host: 'evil.example' }, {}, notOurs],
      ['for a name that begins like ours', { Host: 'localhost.evil.example' }, {}, notOurs],
      ['for a name that looks like an address', { Host: '127.0.0.1.evil.example:80' }, {}, notOurs],
      ['for another machine', { Host: '192.0.2.1' }, {}, notOurs],
      ['for a name with more behind it', { Host: 'localhost:80@evil.example' }, {}, notOurs],
      ['for a name that is allowed', { Host: 'App.Example:8080' }, { hosts: ['app.example'] }, allowed],
      ['for any name', { Host: 'evil.example' }, { hosts: ['*'] }, allowed],
      [
        'of the site that it is for',
        { Host: 'app.example', Origin: 'https://app.example' },
        { hosts: ['app.example'] },
        allowed,
      ],
      [
        'of another port of the site that it is for',
        { Host: 'app.example', Origin: 'https://app.example:1' },
        { hosts: ['app.example'] },
        foreign,
      ],
      [
        'of a site that was made to resolve to us',
        { Host: 'evil.example', Origin: 'http://evil.example' },
        {},
        notOurs,
      ],
    ])('takes or refuses a connection %s', async (_what, headers, options, expected) => {
      const host = await Host.listen(options);
      const status = await statusOf(host.url, headers);
      expect({ status, told: host.errors.map((error) => (error as Error).message) }).toEqual(expected);
      await host.close();
    });

    test('a refusal comes before verify, and the socket is closed', async () => {
      const verify = jest.fn(() => true);
      const host = await Host.listen({ verify });
      await expect(connectWebSocket(host.url, { headers: { Origin: 'null' } })).rejects.toThrow(/403 Forbidden$/);
      expect(verify).not.toHaveBeenCalled();
      await host.close();
    });
  });

  test.each([
    ['any origin and host unless it is told', {}, 101, 101],
    ['the origins that it is told, and its own host', { origins: [], hosts: [] }, 403, 403],
  ])('takes, on other addresses, %s', async (_what, options, ofPage, forName) => {
    const host = await Host.listen({ ...options, host: '0.0.0.0' });
    const url = host.url.replace('localhost', '127.0.0.1');
    expect(await statusOf(url, { Host: '192.0.2.1:80' })).toBe(101);
    expect(await statusOf(url, { Host: '192.0.2.1', Origin: 'https://evil.example' })).toBe(ofPage);
    expect(await statusOf(url, { Host: 'evil.example' })).toBe(forName);
    await host.close();
  });
});

/** Returns the status of the server's answer to a handshake with these headers. */
async function statusOf(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const ws = new WebSocket(url, { headers, perMessageDeflate: false });
  const status = await new Promise<number>((resolve) => {
    ws.on('upgrade', ({ statusCode = 0 }) => resolve(statusCode));
    ws.on('unexpected-response', (request, { statusCode = 0 }) => {
      request.destroy();
      resolve(statusCode);
    });
    ws.on('error', () => {});
  });
  ws.terminate();
  return status;
}
