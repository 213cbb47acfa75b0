import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { pairs, type SessionPair } from './connections.js';
import type { Job, Round } from './control.js';
import { used } from './used.js';

type What = Extract<Job, { kind: 'memory' }>['what'];

/**
 * Measures the bytes that one more idle object takes, both ends together: the memory in use by many of them after a full
 * collection, divided by their number.
 */
export async function memoryOf(what: What): Promise<Round> {
  const make = await maker(what);
  return async (count) => {
    const before = await used();
    const release = await make(count);
    const bytes = ((await used()) - before) / count;
    await release();
    return { bytes };
  };
}

/** Makes `count` objects. The returned function frees them. */
type Make = (count: number) => Promise<() => Promise<void>>;

async function maker(what: What): Promise<Make> {
  if (what === 'websocket') return rawMaker();
  const makePair = await pairs(what === 'websocket-session' ? 'websocket' : 'memory');
  if (what === 'session' || what === 'websocket-session') {
    return async (count) => {
      const made: SessionPair[] = [];
      while (made.length < count) made.push(await makePair());
      return async () => void (await Promise.all(made.map((pair) => pair.close())));
    };
  }
  // All rounds share one session, since the session's own memory is not measured.
  const { initiator, accepted } = await makePair();
  return async (count) => {
    const opened = await Promise.all(Array.from({ length: count }, () => initiator.open()));
    if (what === 'reader') {
      for (const connection of [...opened, ...accepted]) void connection[Symbol.asyncIterator]().next();
    }
    return async () => {
      const peersClosed = Promise.all(accepted.map(({ closed }) => closed));
      await Promise.all(opened.map((connection) => connection.close()));
      await peersClosed;
      accepted.length = 0;
    };
  };
}

/** WebSockets of `ws` with nothing above them, for comparison. */
async function rawMaker(): Promise<Make> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async (count) => {
    const made: WebSocket[] = [];
    while (made.length < count) {
      const socket = new WebSocket(url, { perMessageDeflate: false });
      socket.on('message', () => {});
      await once(socket, 'open');
      made.push(socket);
    }
    return async () => {
      await Promise.all(
        made.map((socket) => {
          socket.close();
          return once(socket, 'close');
        }),
      );
    };
  };
}
