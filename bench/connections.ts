import {
  accept,
  type Connection,
  type ConnectionHandler,
  initiate,
  type Link,
  type OnConnection,
  type Session,
} from 'roam-actors';
import { memoryLinkPair } from 'roam-actors/memory';
import { connectWebSocket, listenWebSocket } from 'roam-actors/websocket';
import type { Round } from './control.js';

/** The limits of a session that allow so many connections at once. */
const limits = { connections: 20_000, undecided: 20_000 };

/** Two sessions that talk to each other in this process; the second one accepts what is opened, and keeps a list of it. */
export interface SessionPair {
  readonly initiator: Session;
  readonly acceptor: Session;
  readonly accepted: Connection[];
  close(): Promise<void>;
}

/** Makes pairs, over memory or over a WebSocket server that all of them share. `handler` answers the calls, if it is given. */
export async function pairs(
  link: 'memory' | 'websocket',
  handler?: ConnectionHandler,
): Promise<() => Promise<SessionPair>> {
  if (link === 'memory') {
    return () => {
      const [left, right] = memoryLinkPair();
      return pairOf(left, Promise.resolve(right), handler);
    };
  }
  let take: (link: Link) => void = () => {};
  const { url } = await listenWebSocket({ port: 0 }, (arrived) => take(arrived));
  return async () => {
    const arrival = new Promise<Link>((resolve) => {
      take = resolve;
    });
    return pairOf(await connectWebSocket(url), arrival, handler);
  };
}

async function pairOf(left: Link, right: Promise<Link>, handler?: ConnectionHandler): Promise<SessionPair> {
  const accepted: Connection[] = [];
  const setup = (connection: Connection): void => {
    if (handler !== undefined) connection.serve(handler);
    accepted.push(connection);
  };
  const onConnection: OnConnection = () => ({ type: 'accept', setup });
  const [initiator, acceptor] = await Promise.all([
    initiate(left, { limits }),
    accept(await right, { onConnection, limits }),
  ]);
  const close = async (): Promise<void> => {
    initiator.shutdown();
    await Promise.all([initiator.closed, acceptor.closed]);
  };
  return { initiator, acceptor, accepted, close };
}

/**
 * Opens so many connections at once, and closes them at once: how long each of the two took, in microseconds for one
 * connection, until both ends know of it.
 */
export async function openClose(link: 'memory' | 'websocket'): Promise<Round> {
  const makePair = await pairs(link);
  return async (count) => {
    const { initiator, accepted, close } = await makePair();
    // Collect the garbage of earlier rounds first, so that this round does not pay for it.
    globalThis.gc?.();
    const started = performance.now();
    const opened = await Promise.all(Array.from({ length: count }, () => initiator.open()));
    const open = performance.now();
    if (accepted.length !== count) throw new Error(`${count} were opened, and ${accepted.length} accepted`);
    const peersClosed = Promise.all(accepted.map(({ closed }) => closed));
    const subscribed = performance.now();
    await Promise.all(opened.map((connection) => connection.close()));
    await peersClosed;
    const closed = performance.now();
    if (opened.some(({ isConnected }) => isConnected)) throw new Error('a connection is not closed');
    await close();
    return { open: ((open - started) * 1000) / count, close: ((closed - subscribed) * 1000) / count };
  };
}
