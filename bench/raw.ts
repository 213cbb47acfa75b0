// The baseline: the package `ws` as its users write it. One write a frame, no compression; `ws` sets noDelay itself.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { Caller, Contender, FirstReply, Peer, Source, StreamRequest } from './contender.js';
import { Arrivals, checkCount, countBytes, LAST, Payloads, requestBytes, requestOf } from './traffic.js';

/** The bytes that may wait in the socket before a sender of unrequested messages waits. */
const HIGH_WATER = 2 ** 20;

export const raw: Contender = { serve, connect, firstReply };

/** Starts a server of `ws`. `onSocket` gets each socket, with the path that it was opened with. */
export async function listen(onSocket: (socket: WebSocket, path: string) => void): Promise<Peer> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket, { url = '/' }) => onSocket(socket, url));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `ws://127.0.0.1:${port}`, close };
}

export async function open(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

export async function closed(socket: WebSocket): Promise<void> {
  socket.close();
  await once(socket, 'close');
}

function serve(source: Source): Promise<Peer> {
  return listen((socket, path) => {
    if (path === '/flood') socket.on('message', counter(socket));
    else if (path === '/stream') socket.on('message', (data: Buffer) => void stream(socket, requestOf(data), source));
    else socket.on('message', (data: Buffer) => socket.send(data));
  });
}

function counter(socket: WebSocket): (data: Buffer) => void {
  let count = 0;
  return (data) => {
    count++;
    if (data[0] !== LAST) return;
    socket.send(countBytes(count));
    count = 0;
  };
}

async function stream(socket: WebSocket, { count, size }: StreamRequest, source: Source): Promise<void> {
  const next = source.open(size);
  for (let sent = 0; sent < count; sent++) {
    if (socket.bufferedAmount < HIGH_WATER) socket.send(next());
    // The promise resolves with the error, if there is one: then the peer has gone.
    else if (await new Promise((resolve) => socket.send(next(), resolve))) return;
  }
}

async function connect(url: string, size: number): Promise<Caller> {
  const [echoes, floods, streams] = await Promise.all([
    open(`${url}/echo`),
    open(`${url}/flood`),
    open(`${url}/stream`),
  ]);
  const payloads = new Payloads(size);
  return {
    echo: (count, inFlight) => echo(echoes, payloads, count, inFlight),
    flood: (count) => flood(floods, payloads, count),
    stream: (request) => receive(streams, request),
    ignore: (request) => {
      streams.pause();
      streams.send(requestBytes(request));
      return Promise.resolve();
    },
    close: async () => {
      await Promise.all([closed(echoes), closed(floods), closed(streams)]);
    },
  };
}

/** Answers come in the order of the calls, so one listener is enough, and a call allocates nothing. */
function echo(socket: WebSocket, payloads: Payloads, count: number, inFlight: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let received = 0;
    const onMessage = (data: Buffer): void => {
      try {
        payloads.check(data, received++);
      } catch (error) {
        reject(error);
      }
      if (sent < count) {
        socket.send(payloads.at(sent++));
      } else if (received === count) {
        socket.off('message', onMessage);
        resolve();
      }
    };
    socket.on('message', onMessage);
    while (sent < Math.min(count, inFlight)) socket.send(payloads.at(sent++));
  });
}

function receive(socket: WebSocket, request: StreamRequest): Promise<void> {
  const arrivals = new Arrivals(request);
  return new Promise((resolve, reject) => {
    const onMessage = (data: Buffer): void => {
      try {
        arrivals.take(data);
      } catch (error) {
        reject(error);
      }
      if (!arrivals.isComplete) return;
      socket.off('message', onMessage);
      resolve();
    };
    socket.on('message', onMessage);
    socket.send(requestBytes(request));
  });
}

async function flood(socket: WebSocket, payloads: Payloads, count: number): Promise<void> {
  const answered = once(socket, 'message') as Promise<[Buffer]>;
  for (let sent = 0; sent < count - 1; sent++) {
    if (socket.bufferedAmount < HIGH_WATER) socket.send(payloads.at(sent));
    else await new Promise((resolve) => socket.send(payloads.at(sent), resolve));
  }
  socket.send(payloads.last);
  const [answer] = await answered;
  checkCount(answer, count);
}

async function firstReply(url: string, size: number): Promise<FirstReply> {
  const payloads = new Payloads(size);
  const started = performance.now();
  const socket = await open(`${url}/echo`);
  const linked = performance.now();
  await echo(socket, payloads, 1, 1);
  const replied = performance.now();
  await closed(socket);
  return { total: replied - started, link: linked - started, reply: replied - linked };
}
