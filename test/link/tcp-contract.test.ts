import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Link } from '../../src/link/link.js';
import { connectTcp, listenTcp, type StreamAddress, streamLink } from '../../src/link/tcp.js';
import { describeLink, type Pair } from './contract.js';
import { socketPair } from './sockets.js';

async function over(where: StreamAddress, swap = false): Promise<Pair> {
  const links: Link[] = [];
  const listener = await listenTcp(where, (link) => void links.push(link));
  const client = await connectTcp(listener.address);
  while (links.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const [server] = links as [Link];
  const dispose = () => listener.close();
  return swap ? { left: server, right: client, dispose } : { left: client, right: server, dispose };
}

async function overUnixSocket(): Promise<Pair> {
  const directory = await mkdtemp(join(tmpdir(), 'roam-'));
  const pair = await over({ path: join(directory, 'socket') });
  return {
    ...pair,
    dispose: async () => {
      await pair.dispose?.();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Sockets of a user's own, which end themselves as soon as the peer ends, unless they are told otherwise. */
async function overOwnSockets(): Promise<Pair> {
  const server = createServer();
  const [left, right] = await socketPair(server);
  return { left: streamLink(left), right: streamLink(right), dispose: async () => void server.close() };
}

/** Each socket as a pair of streams, as a child process has them. */
async function overPairs(): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true });
  const [left, right] = (await socketPair(server)).map((socket) => streamLink({ readable: socket, writable: socket }));
  return { left: left as Link, right: right as Link, dispose: async () => void server.close() };
}

describeLink('a TCP link, sent from the client,', () => over({ port: 0 }));
describeLink('a TCP link, sent from the server,', () => over({ port: 0 }, true));
describeLink("a link over the user's own sockets", overOwnSockets);
describeLink('a link over a Unix socket', overUnixSocket, { resets: false });
describeLink('a link over a pair of streams', overPairs, { resets: false });
