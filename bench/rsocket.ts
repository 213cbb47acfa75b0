// rsocket-js: requestResponse for a call, requestStream with credit in requestN for a stream. Callbacks are its own
// interface; its transports get the `ws` that all others have.
import {
  type OnExtensionSubscriber,
  type OnNextSubscriber,
  type OnTerminalSubscriber,
  type Payload,
  type RSocket,
  RSocketConnector,
  RSocketServer,
} from 'rsocket-core';
import { WebsocketClientTransport } from 'rsocket-websocket-client';
import { WebsocketServerTransport } from 'rsocket-websocket-server';
import { WebSocket, WebSocketServer } from 'ws';
import type { Caller, Contender, Peer, Source, StreamRequest } from './contender.js';
import { Arrivals, echoes, requestBytes, requestOf } from './traffic.js';

export const rsocket: Contender = { serve, connect };

type Subscriber = OnNextSubscriber & OnTerminalSubscriber & OnExtensionSubscriber;

const ignored = (): void => {};

async function serve(source: Source): Promise<Peer> {
  let port = 0;
  const transport = new WebsocketServerTransport({
    wsCreator: () => {
      const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
      server.on('listening', () => {
        ({ port } = server.address() as { port: number });
      });
      // The class is the same; only the types for `import` and `require` differ.
      return server as never;
    },
  });
  const responder: Partial<RSocket> = {
    requestResponse({ data }, subscriber) {
      subscriber.onNext({ data }, true);
      return { cancel: ignored, onExtension: ignored };
    },
    requestStream({ data }, credit, subscriber) {
      return respond(requestOf(dataOf({ data })), credit, subscriber, source);
    },
  };
  const server = await new RSocketServer({ transport, acceptor: { accept: async () => responder } }).bind();
  return { url: `ws://127.0.0.1:${port}`, close: async () => server.close() };
}

function respond({ count, size }: StreamRequest, initialCredit: number, subscriber: Subscriber, source: Source) {
  const next = source.open(size);
  let sent = 0;
  const request = (credit: number): void => {
    for (const end = Math.min(count, sent + credit); sent < end; )
      subscriber.onNext({ data: next() }, ++sent === count);
  };
  request(initialCredit);
  const cancel = (): void => {
    sent = count;
  };
  return { request, cancel, onExtension: ignored };
}

function dataOf({ data }: Payload): Buffer {
  if (data === null || data === undefined) throw new Error('a payload without data');
  return data;
}

async function connect(url: string, size: number): Promise<Caller> {
  const wsCreator = (address: string) => new WebSocket(address, { perMessageDeflate: false }) as never;
  const transport = new WebsocketClientTransport({ url, wsCreator });
  const connection = await new RSocketConnector({ transport }).connect();
  const echo = echoes(size, (data, done, failed) => {
    const onNext = (payload: Payload): void => done(dataOf(payload));
    connection.requestResponse({ data }, { onNext, onError: failed, onComplete: ignored, onExtension: ignored });
  });
  return {
    echo,
    stream: (request) => receive(connection, request),
    ignore: async (request) => {
      const subscriber = { onNext: ignored, onError: ignored, onComplete: ignored, onExtension: ignored };
      connection.requestStream({ data: requestBytes(request) }, request.credit, subscriber);
    },
    close: async () => connection.close(),
  };
}

/** Opens streams of one connection, which stay open: each resolves with its first item, and takes no other. */
export async function streams() {
  const source: Source = { open: () => () => Buffer.alloc(16), held: 0 };
  const { url } = await serve(source);
  return async () => {
    const wsCreator = (address: string) => new WebSocket(address, { perMessageDeflate: false }) as never;
    const connection = await new RSocketConnector({
      transport: new WebsocketClientTransport({ url, wsCreator }),
    }).connect();
    const open = (): Promise<unknown> =>
      new Promise((resolve, onError) => {
        const subscriber = { onNext: resolve, onError, onComplete: ignored, onExtension: ignored };
        connection.requestStream({ data: requestBytes({ count: 2, size: 16, credit: 1 }) }, 1, subscriber);
      });
    return { open, close: async () => connection.close() };
  };
}

/** Gives credit as this library gives it: half of it at a time, when that much has been taken. */
function receive(connection: RSocket, request: StreamRequest): Promise<void> {
  const arrivals = new Arrivals(request);
  const batch = Math.max(1, Math.floor(request.credit / 2));
  return new Promise((resolve, reject) => {
    const onComplete = (): void => {
      try {
        arrivals.end();
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    const onNext = (payload: Payload, isComplete: boolean): void => {
      try {
        arrivals.take(dataOf(payload));
      } catch (error) {
        reject(error);
      }
      if (isComplete) onComplete();
      else if (arrivals.count % batch === 0) stream.request(batch);
    };
    const subscriber = { onNext, onComplete, onError: reject, onExtension: ignored };
    const stream = connection.requestStream({ data: requestBytes(request) }, request.credit, subscriber);
  });
}
