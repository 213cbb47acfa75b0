import { getEventListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import { accept, type IncomingRequest, initiate } from '../../src/index.js';
import type { Link } from '../../src/link/link.js';
import { type ConnectTcpOptions, connectTcp, type ListenTcpOptions, listenTcp } from '../../src/link/tcp.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { turns } from './contract.js';
import { BROKEN_HANDLERS, type Recorder, record } from './recorder.js';

/** Options that are wrong, with the error's text. */
const WRONG: readonly (readonly [unknown, string | RegExp])[] = [
  [{}, 'give either a port or a path'],
  [{ port: 1, path: '/x' }, 'give either a port or a path'],
  [{ port: -1 }, /^port must be an integer from [01] to 65535, not -1$/],
  [{ port: 65_536 }, /^port must be an integer from [01] to 65535, not 65536$/],
  [{ port: 1.5 }, /^port must be an integer from [01] to 65535, not 1.5$/],
  [{ port: '80' }, /^port must be an integer from [01] to 65535, not 80$/],
  [{ port: 1, host: '' }, 'host must be an address or a name'],
  [{ port: 1, host: 5 }, 'host must be an address or a name'],
  [{ path: '' }, 'path must be a string that is not empty'],
  [{ path: 5 }, 'path must be a string that is not empty'],
  [{ port: 1, maxFrame: 0 }, 'maxFrame must be an integer from 1 to 2^30 - 1, not 0'],
  [{ port: 1, closeTimeout: Number.NaN }, 'closeTimeout must be from 1 to 2^31 - 1 milliseconds, not NaN'],
  [null, 'options must be an object'],
];

const isWrong = (act: () => unknown, message: string | RegExp): void => {
  expect(act).toThrow(InvalidArgument);
  expect(act).toThrow(message);
};

describe('connectTcp', () => {
  test('refuses arguments out of range at once', () => {
    for (const [options, message] of [
      ...WRONG,
      [{ port: 0 }, 'port must be an integer from 1 to 65535, not 0'] as const,
      [{ port: 1, connectTimeout: 0 }, 'connectTimeout must be from 1 to 2^31 - 1 milliseconds, not 0'] as const,
    ]) {
      isWrong(() => connectTcp(options as ConnectTcpOptions), message);
    }
  });

  test('rejects with a LinkError that names the target when it is refused', async () => {
    const listener = await listenTcp({ port: 0 }, () => {});
    const { address, port, url } = listener;
    await listener.close();
    await expect(connectTcp(address)).rejects.toEqual(
      new LinkError(`cannot connect to ${url}: connect ECONNREFUSED 127.0.0.1:${String(port)}`),
    );
    await expect(connectTcp({ path: '/nowhere/socket' })).rejects.toEqual(
      new LinkError('cannot connect to unix:/nowhere/socket: connect ENOENT /nowhere/socket'),
    );
  });

  test('gives up when its signal aborts, before or meanwhile, and leaves nothing behind', async () => {
    await turns(10);
    const before = process.getActiveResourcesInfo().sort();
    const listener = await listenTcp({ port: 0 }, (link) => link.abort());
    const reason = new Error('enough');
    const controller = new AbortController();
    const { signal } = controller;
    const attempts = [
      connectTcp({ ...listener.address, signal: AbortSignal.abort(reason) }),
      connectTcp({ ...listener.address, signal }),
    ];
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    controller.abort(reason);
    for (const attempt of attempts) {
      await expect(attempt).rejects.toMatchObject({ message: expect.stringMatching(/: aborted$/), cause: reason });
    }
    await listener.close();
    await turns(10);
    expect(process.getActiveResourcesInfo().sort()).toEqual(before);
  });

  test('gives up after connectTimeout', async () => {
    const listener = await listenTcp({ port: 0 }, (link) => link.abort());
    const spy = jest.spyOn(globalThis, 'setTimeout');
    // On this machine no connection attempt stays without an answer, so the test lets the timer expire at once.
    spy.mockImplementationOnce((expire, delay) => {
      process.nextTick(expire as () => void);
      expect(delay).toBe(1234);
      return undefined as unknown as NodeJS.Timeout;
    });
    const attempt = connectTcp({ ...listener.address, connectTimeout: 1234 });
    spy.mockRestore();
    await expect(attempt).rejects.toEqual(new LinkError(`cannot connect to ${listener.url}: not open after 1234 ms`));
    await listener.close();
  });
});

describe('listenTcp', () => {
  test('refuses arguments out of range at once', async () => {
    const most = 'maxConnections must be an integer from 1 to 2^31 - 1, not';
    for (const [options, message] of [
      ...WRONG,
      [{ port: 0, maxConnections: 0 }, `${most} 0`] as const,
      [{ port: 0, maxConnections: 1.5 }, `${most} 1.5`] as const,
      [{ port: 0, maxConnections: 2 ** 31 }, `${most} 2147483648`] as const,
      [{ port: 0, pendingBytes: 0 }, `pendingBytes must be an integer from 1 to ${2 ** 53 - 1}, not 0`] as const,
    ]) {
      isWrong(() => listenTcp(options as ListenTcpOptions, () => {}), message);
    }
    await (await listenTcp({ port: 0, maxConnections: 1 }, () => {})).close();
    isWrong(() => listenTcp({ port: 0 }, undefined as unknown as () => void), 'onLink must be a function');
  });

  test('rejects with a LinkError that names the port or the path when it is in use', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'roam-actors-tcp-'));
    const path = process.platform === 'win32' ? String.raw`\\.\pipe\roam-actors-tcp` : join(folder, 'socket');
    for (const where of [{ port: 0 }, { path }]) {
      const listener = await listenTcp(where, () => {});
      await expect(listenTcp(listener.address, () => {})).rejects.toEqual(
        new LinkError(`cannot listen on ${listener.url}: the ${'path' in where ? 'path' : 'port'} is in use`),
      );
      await listener.close();
    }
    rmSync(folder, { recursive: true });
  });

  test('close frees the port, leaves links alone, and may be called again', async () => {
    const links: Link[] = [];
    const listener = await listenTcp({ port: 0 }, (link) => void links.push(link));
    const client = await connectTcp(listener.address);
    while (links.length === 0) await turns(1);
    const closing = listener.close();
    expect(listener.close()).toBe(closing);
    await closing;
    const again = await listenTcp({ port: listener.port }, () => {});
    const events = record(client);
    const [server] = links as [Link];
    record(server);
    server.send(new Uint8Array(1));
    await events.received(1);
    server.close();
    expect(await events.end()).toBe('ended');
    await again[Symbol.asyncDispose]();
  });

  test.each(BROKEN_HANDLERS)('reports an onLink that %s, aborts that link, and goes on', async (_how, broken) => {
    const errors: unknown[] = [];
    let count = 0;
    const listener = await listenTcp({ port: 0, onError: (error) => errors.push(error) }, (link) => {
      count += 1;
      if (count === 1) return broken();
      record(link);
      return undefined;
    });
    const { address } = listener;
    // The reset may arrive before the client has its connection.
    const end = await connectTcp(address).then(
      (link) => record(link).end(),
      (error: unknown) => error,
    );
    expect(end).toBeInstanceOf(LinkError);
    expect(errors).toEqual([new Error('broken handler')]);
    const second = await connectTcp(address);
    const events = record(second);
    second.close();
    expect(await events.end()).toBe('ended');
    await listener.close();
  });

  test('closes connections above maxConnections at once, tells of the first, and takes others when one has gone', async () => {
    const errors: unknown[] = [];
    const links: Link[] = [];
    const options = { port: 0, maxConnections: 2, onError: (error: unknown) => errors.push(error) };
    const listener = await listenTcp(options, (link) => {
      links.push(link);
      record(link);
    });
    const sockets: Socket[] = [];
    const dial = (): Socket => {
      const socket = connect(listener.port, '127.0.0.1').on('error', () => {});
      sockets.push(socket);
      return socket;
    };
    dial();
    dial();
    while (links.length < 2) await turns(1);
    const refused = [dial(), dial(), dial()].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    await Promise.all(refused);
    expect(errors).toEqual([new LinkError('connections are refused: 2 are open (maxConnections)')]);
    sockets[0]?.destroy();
    while (links.length < 3) {
      const socket = dial();
      await Promise.race([new Promise((resolve) => socket.once('close', resolve)), turns(20)]);
    }
    for (const socket of sockets) socket.destroy();
    for (const link of links) link.abort();
    await listener.close();
  });
});

describe('first messages over TCP that are not whole', () => {
  const MESSAGE = new Uint8Array(10_000);

  interface Begun {
    readonly socket: Socket;
    readonly link: Link;
    readonly events: Recorder;
    rest(): void;
  }

  /** A listener. `begin` has a peer send the first `length` bytes of its message, and waits until they are here. */
  async function listening(pendingBytes: number) {
    const accepted: [Link, Socket][] = [];
    const listener = await listenTcp({ port: 0, pendingBytes }, (link, socket) => {
      accepted.push([link, socket as Socket]);
    });
    const begin = async (length: number): Promise<Begun> => {
      const socket = connect(listener.port, '127.0.0.1').on('error', () => {});
      const count = accepted.length;
      while (accepted.length === count) await turns(1);
      const [link, server] = accepted[count] as [Link, Socket];
      const events = record(link);
      const whole = Buffer.concat([Buffer.from([0x10, 0x27, 0, 0]), MESSAGE]);
      socket.write(whole.subarray(0, length));
      while (server.bytesRead < length && !server.destroyed) await turns(1);
      await turns(2);
      return { socket, link, events, rest: () => void socket.write(whole.subarray(length)) };
    };
    const close = async (): Promise<void> => {
      for (const [link, socket] of accepted) {
        link.abort();
        socket.destroy();
      }
      await listener.close();
    };
    return { begin, close };
  }

  test('cost the oldest its connection where they hold more than pendingBytes together', async () => {
    // Room for the whole message of three. A message that is whole takes none, and neither do peers that are gone.
    const { begin, close } = await listening(30_000);
    const first = await begin(5_000);
    const whole = await begin(4 + 10_000);
    const gone = await begin(5_000);
    gone.socket.destroy();
    await gone.events.end();
    const others = [await begin(5_000), await begin(5_000)];
    expect(first.events.ends).toEqual([]);
    others.push(await begin(5_000));
    expect(await first.events.end()).toMatchObject({
      code: 'link',
      message: 'the connection was lost: first messages that are not whole took more than 30000 bytes (pendingBytes)',
    });
    expect([whole.events.messages.length, whole.events.ends]).toEqual([1, []]);
    for (const { events, rest } of others) {
      rest();
      await events.received(1);
    }
    await close();
  });
});

test('a session speaks postcard over TCP, calls and all', async () => {
  const reversed = ({ args }: IncomingRequest) => ({ ret: Uint8Array.from(args).reverse() });
  const serving: Promise<unknown>[] = [];
  const listener = await listenTcp({ port: 0 }, (link) => {
    serving.push(
      accept(link, { codec: postcard }).then((session) => {
        session.root.serve(reversed);
        return session.closed;
      }),
    );
  });
  const session = await initiate(await connectTcp(listener.address), { codec: postcard });
  const caller = session.root.caller();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => caller.call(7n, Uint8Array.of(index, 1, 2))),
  );
  expect(answers.map(({ ret }) => [...ret])).toEqual(Array.from({ length: 200 }, (_, index) => [2, 1, index]));
  session.shutdown();
  await session.closed;
  await Promise.all(serving);
  await listener.close();
});
