// What everything is measured against: the package `ws` as its users write it. One write a frame, no compression;
// `ws` sets noDelay itself.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { type Caller, checkCount, countBytes, type FirstReply, LAST, Payloads, type Peer } from './traffic.js';

/** Bytes that may wait in the socket before the sender of a flood waits too. */
const HIGH_WATER = 2 ** 20;

export async function serveRaw(): Promise<Peer> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket, request) => {
    if (request.url === '/flood') socket.on('message', counter(socket));
    else socket.on('message', (data: Buffer) => socket.send(data));
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `ws://127.0.0.1:${port}`, close };
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

export async function connectRaw(url: string, size: number): Promise<Caller> {
  const [echoes, floods] = await Promise.all([open(`${url}/echo`), open(`${url}/flood`)]);
  const payloads = new Payloads(size);
  return {
    echo: (count, inFlight) => echo(echoes, payloads, count, inFlight),
    flood: (count) => flood(floods, payloads, count),
    close: async () => {
      await Promise.all([closed(echoes), closed(floods)]);
    },
  };
}

async function open(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

async function closed(socket: WebSocket): Promise<void> {
  socket.close();
  await once(socket, 'close');
}

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

export async function firstReplyRaw(url: string, size: number): Promise<FirstReply> {
  const payloads = new Payloads(size);
  const started = performance.now();
  const socket = await open(`${url}/echo`);
  const linked = performance.now();
  await echo(socket, payloads, 1, 1);
  const replied = performance.now();
  await closed(socket);
  return { total: replied - started, link: linked - started, reply: replied - linked };
}
