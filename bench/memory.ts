import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Connection, callerOf, method, service } from 'roam-actors';
import { WebSocket, WebSocketServer } from 'ws';
import { pairs, type SessionPair } from './connections.js';
import type { MemoryOf, Round } from './control.js';
import { used } from './used.js';

const PAYLOAD = new Uint8Array(16);
const Bench = service('Bench', { echo: method<[Uint8Array], Uint8Array>() });
const handler = Bench.handler({ echo: (bytes) => bytes });

/**
 * Measures the bytes that one more idle object takes, both ends together: the memory in use by many of them after a full
 * collection, divided by their number.
 */
export async function memoryOf(what: MemoryOf): Promise<Round> {
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

async function maker(what: MemoryOf): Promise<Make> {
  switch (what) {
    case 'websocket':
      return rawMaker();
    case 'session':
      return sessions(await pairs('memory'));
    case 'websocket-session':
      return sessions(await pairs('websocket'));
    case 'websocket-call':
      return sessions(await pairs('websocket', ({ args }) => args), async ({ initiator }) => {
        const caller = (await initiator.open()).caller();
        await caller.call(1n, PAYLOAD);
        return caller;
      });
    case 'websocket-typed':
      return sessions(await pairs('websocket', handler), async ({ initiator }) => {
        const client = await initiator.open(Bench);
        await client.echo(PAYLOAD);
        return client;
      });
    case 'connection':
      return connections(await pairs('memory'), ({ initiator }) => initiator.open());
    case 'typed-connection':
      return connections(await pairs('memory', handler), async ({ initiator }) => {
        const client = await initiator.open(Bench);
        return callerOf(client).connection;
      });
    case 'reader':
      return connections(
        await pairs('memory'),
        ({ initiator }) => initiator.open(),
        (connection) => void connection[Symbol.asyncIterator]().next(),
      );
  }
}

/** Idle sessions, after `use` of each. They are made one after the other, and the results of `use` are kept. */
function sessions(makePair: () => Promise<SessionPair>, use?: (pair: SessionPair) => Promise<unknown>): Make {
  return async (count) => {
    const made: { readonly pair: SessionPair; readonly kept: unknown }[] = [];
    while (made.length < count) {
      const pair = await makePair();
      made.push({ pair, kept: await use?.(pair) });
    }
    return async () => void (await Promise.all(made.map(({ pair }) => pair.close())));
  };
}

/** Connections of one session, whose own memory is not measured. `use` is called for each end. */
async function connections(
  makePair: () => Promise<SessionPair>,
  open: (pair: SessionPair) => Promise<Connection>,
  use: (connection: Connection) => void = () => {},
): Promise<Make> {
  const pair = await makePair();
  const { accepted } = pair;
  return async (count) => {
    const opened = await Promise.all(Array.from({ length: count }, () => open(pair)));
    for (const connection of [...opened, ...accepted]) use(connection);
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
