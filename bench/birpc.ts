// birpc with msgpackr for its messages, over `ws`.
import { createBirpc } from 'birpc';
import { pack, unpack } from 'msgpackr';
import type { WebSocket } from 'ws';
import type { Contender } from './contender.js';
import { closed, listen, open } from './raw.js';
import { echoesOf } from './traffic.js';

interface Service {
  echo(bytes: Uint8Array): Uint8Array;
}

export const birpc: Contender = {
  serve: () => listen((socket) => void createBirpc<object, Service>({ echo: (bytes) => bytes }, channel(socket))),
  connect: async (url, size) => {
    const socket = await open(url);
    const service = createBirpc<Service, object>({}, channel(socket));
    return { echo: echoesOf(size, (payload) => service.echo(payload)), close: () => closed(socket) };
  },
};

function channel(socket: WebSocket) {
  return {
    post: (data: Buffer) => socket.send(data),
    on: (listener: (data: Buffer) => void) => void socket.on('message', listener),
    serialize: (message: unknown) => pack(message),
    deserialize: (data: Buffer) => unpack(data) as unknown,
  };
}
