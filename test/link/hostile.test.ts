import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import { accept, initiate, type Link, type Message, type Session, type StartOptions } from '../../src/index.js';
import { connectTcp, listenTcp, type StreamAddress } from '../../src/link/tcp.js';
import { connectWebSocket, listenWebSocket } from '../../src/link/websocket-node.js';
import { postcard } from '../../src/payload/postcard/index.js';
import { settle } from '../support/settle.js';

// Attacks of a hostile peer on a server over each transport. The peer's own session ends, with a reason, and an honest
// session beside it does not notice.

jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'roam-actors-hostile-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const LIMITS = { handshakeTimeout: 500, replyBytes: 64 * 1024, outboxBytes: 64 * 1024, frame: 64 * 1024 };
const KEEPALIVE = { pingInterval: 200, pongTimeout: 500 };

interface Server {
  /** Connects a link, or for a stream its address. */
  readonly dial: () => Promise<Link>;
  readonly where: StreamAddress | undefined;
  /** The ends of the server's sessions, in words. Sessions that still run are missing. */
  readonly ends: string[];
  readonly sessions: Set<Session>;
}

const accepting = () => ({ type: 'accept' }) as const;

type Transport = 'TCP' | 'a Unix socket' | 'WebSocket';

async function serverOver(transport: Transport, more: StartOptions = {}): Promise<Server> {
  const ends: string[] = [];
  const sessions = new Set<Session>();
  const options = { codec: postcard, limits: LIMITS, onReport: () => {}, onConnection: accepting, ...more };
  const onLink = async (link: Link): Promise<void> => {
    try {
      const session = await accept(link, options);
      sessions.add(session);
      try {
        session.root.serve(({ args }) => ({ ret: args }));
      } catch {
        // The bytes behind the Hello have ended the session already.
      }
      const { cause, error } = await session.closed;
      sessions.delete(session);
      ends.push(error?.message ?? cause);
    } catch (error) {
      ends.push((error as Error).message);
    }
  };
  const links = { maxFrame: LIMITS.frame, closeTimeout: 1_000 };
  if (transport === 'WebSocket') {
    const listener = await listenWebSocket({ port: 0, ...links }, onLink);
    cleanups.push(() => listener.close());
    return { dial: () => connectWebSocket(listener.url, { closeTimeout: 500 }), where: undefined, ends, sessions };
  }
  const path = join(folder, `socket-${String(Math.random()).slice(2)}`);
  const listener = await listenTcp({ ...(transport === 'TCP' ? { port: 0 } : { path }), ...links }, onLink);
  cleanups.push(() => listener.close());
  const where = listener.address;
  return { dial: () => connectTcp({ ...where, closeTimeout: 500 }), where, ends, sessions };
}

/** Runs an honest peer, which makes calls while `hostile` runs, and some more after it. */
async function beside(server: Server, hostile: () => Promise<void>): Promise<void> {
  const session = await initiate(await server.dial(), { codec: postcard, onReport: () => {} });
  const caller = session.root.caller();
  let isOver = false;
  const attack = hostile().finally(() => {
    isOver = true;
  });
  let calls = 0;
  for (let after = 0; after < 5; after += isOver ? 1 : 0) {
    const { ret } = await caller.call(1n, Uint8Array.of(calls % 256));
    expect(ret).toEqual(Uint8Array.of(calls++ % 256));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await attack;
  expect(server.sessions.size).toBe(1);
  session.shutdown();
  await session.closed;
}

const HELLO: Message = {
  type: 'Hello',
  connectionId: 0,
  version: 7,
  connectionSettings: { parity: 'odd', maxConcurrentRequests: 64 },
  metadata: [],
};
const hello = () => postcard.encode(HELLO);

function openOf(connectionId: number): Uint8Array {
  const connectionSettings = { parity: 'odd', maxConcurrentRequests: 64 } as const;
  return postcard.encode({ type: 'ConnectionOpen', connectionId, connectionSettings, metadata: [] });
}

/** Returns a link for raw frames, and a promise of the link's end. */
async function mouth(server: Server): Promise<{ link: Link; ended: Promise<void> }> {
  const link = await server.dial();
  const ended = new Promise<void>((resolve) => {
    link.start({ message() {}, drained() {}, ended: resolve, failed: () => resolve() });
  });
  cleanups.push(() => link.abort());
  return { link, ended };
}

async function endOf(server: Server): Promise<string> {
  while (server.ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  return server.ends.shift() ?? '';
}

describe.each<Transport>(['TCP', 'a Unix socket', 'WebSocket'])(
  'over %s a server survives a peer that',
  (transport) => {
    test('connects and says nothing', async () => {
      const server = await serverOver(transport);
      await beside(server, async () => {
        const { ended } = await mouth(server);
        expect(await endOf(server)).toMatch(/handshake/);
        await ended;
      });
    });

    test('begins with garbage, and one that says it later', async () => {
      const server = await serverOver(transport);
      await beside(server, async () => {
        for (const frames of [[Uint8Array.of(0xc1, 7)], [hello(), Uint8Array.of(0, 11)], [hello(), new Uint8Array()]]) {
          const { link, ended } = await mouth(server);
          for (const frame of frames) link.send(frame);
          expect(await endOf(server)).toMatch(/connectionId|tag|expected|empty|truncated|malformed/i);
          await ended;
        }
      });
    });

    test('sends a message past the limit of a frame, before its Hello and after', async () => {
      const server = await serverOver(transport);
      await beside(server, async () => {
        for (const before of [[], [hello()]]) {
          const { link, ended } = await mouth(server);
          for (const frame of [...before, new Uint8Array(LIMITS.frame + 1)]) link.send(frame);
          expect(await endOf(server)).toMatch(/bytes/);
          await ended;
          const far = await mouth(server);
          for (const frame of [...before, new Uint8Array(2 * LIMITS.frame + 1)]) far.link.send(frame);
          expect(await endOf(server)).toMatch(/bytes|maxPayload/);
          await far.ended;
        }
      });
    });

    test('asks for ever and reads no answer', async () => {
      // Unread answers first fill the system's buffers of some MiB. Long answers fill them soon.
      const metadata = [{ key: 'why', value: 'x'.repeat(16_000), flags: 0n }];
      const server = await serverOver(transport, { onConnection: () => ({ type: 'reject', metadata }) });
      await beside(server, async () => {
        const { link } = await mouth(server);
        link.send(hello());
        link.pause();
        for (let id = 1; server.ends.length === 0; id += 2) {
          // Frames that the server does not take wait here. This bounds their memory.
          if (link.buffered < 2 ** 20) link.send(openOf(id));
          if (id % 101 === 0) await settle();
        }
        expect(await endOf(server)).toMatch(/replies/);
      });
    });

    test('opens for ever', async () => {
      const server = await serverOver(transport, { limits: { ...LIMITS, connections: 32 } });
      await beside(server, async () => {
        const { link, ended } = await mouth(server);
        link.send(hello());
        for (let id = 1; id < 2_000; id += 2) {
          if (server.ends.length > 0) break;
          link.send(openOf(id));
          if (id % 501 === 0) await settle();
        }
        link.close();
        await endOf(server);
        await ended;
      });
    });

    test('goes away in the midst of a call', async () => {
      const server = await serverOver(transport);
      await beside(server, async () => {
        for (let round = 0; round < 20; round++) {
          const { link } = await mouth(server);
          const body = {
            type: 'Call',
            methodId: 1n,
            channels: [],
            metadata: [],
            args: new Uint8Array(30_000),
          } as const;
          link.send(hello());
          for (let id = 1; id < 20; id += 2)
            link.send(postcard.encode({ type: 'RequestMessage', connectionId: 0, id, body }));
          await settle();
          link.abort();
          await endOf(server);
        }
      });
    });
  },
);

describe.each<Transport>(['TCP', 'a Unix socket'])('over %s a server survives a peer that', (transport) => {
  async function raw(server: Server): Promise<{ socket: Socket; gone: Promise<void> }> {
    const { path = '', port = 0 } = server.where as { path?: string; port?: number };
    const socket = path === '' ? connect(port, '127.0.0.1') : connect(path);
    // Reading the socket is necessary to notice its end.
    socket.on('error', () => {}).resume();
    cleanups.push(() => socket.destroy());
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await new Promise((resolve) => socket.once('connect', resolve));
    return { socket, gone };
  }

  function framed(bytes: Uint8Array, length = bytes.length): Buffer {
    const frame = Buffer.alloc(4 + bytes.length);
    frame.writeUInt32LE(length);
    frame.set(bytes, 4);
    return frame;
  }

  test.each<[what: string, bytes: Buffer, end: RegExp]>([
    ['announces a message of 4 GiB', Buffer.alloc(4, 0xff), /announced a message of 4294967295 bytes/],
    ['speaks HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /^the peer speaks HTTP \("GET "\)/],
    ['ends within a message', framed(hello().subarray(0, 3), 6), /ended within a message|handshake/],
    ['ends within a length', Buffer.from([6, 0]), /handshake/],
    ['ends within a length after its Hello', Buffer.concat([framed(hello()), Buffer.from([1])]), /^peer$/],
  ])('%s', async (_, bytes, end) => {
    const server = await serverOver(transport);
    await beside(server, async () => {
      const { socket, gone } = await raw(server);
      socket.end(bytes);
      expect(await endOf(server)).toMatch(end);
      await gone;
    });
  });

  test('says its Hello byte by byte, and stops within it', async () => {
    const server = await serverOver(transport);
    await beside(server, async () => {
      const { socket, gone } = await raw(server);
      const bytes = framed(hello());
      for (const byte of bytes.subarray(0, -1)) {
        socket.write(Buffer.of(byte));
        await settle();
      }
      expect(await endOf(server)).toMatch(/handshake/);
      await gone;
    });
  });

  test('stops within a message, and is silent', async () => {
    const server = await serverOver(transport, { keepalive: KEEPALIVE });
    await beside(server, async () => {
      const { socket, gone } = await raw(server);
      socket.write(Buffer.concat([framed(hello()), framed(new Uint8Array(1_000), 60_000)]));
      expect(await endOf(server)).toMatch(/did not answer a Ping/);
      await gone;
    });
  });
});
