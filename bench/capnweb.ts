// Cap'n Web, twice: over a WebSocket as its README has it, which is JSON with bytes in base64; and with a transport as
// its README describes for MessagePack, which leaves bytes as they are.
import {
  type AnyRpcTransport,
  newWebSocketRpcSession,
  RpcSession,
  type RpcStub,
  RpcTarget,
  WebSocketTransport,
} from 'capnweb';
import { pack, unpack } from 'msgpackr';
import { WebSocket } from 'ws';
import type { Contender, Source } from './contender.js';
import { closed, listen, open } from './raw.js';
import { Arrivals, echoesOf } from './traffic.js';

// Cap'n Web looks for the browser's global WebSocket, which Node 20 lacks.
Object.assign(globalThis, { WebSocket });

class Service extends RpcTarget {
  readonly #source: Source;

  constructor(source: Source) {
    super();
    this.#source = source;
  }

  echo(bytes: Uint8Array): Uint8Array {
    return bytes;
  }

  stream(count: number, size: number): ReadableStream<Uint8Array> {
    const next = this.#source.open(size);
    let sent = 0;
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(next());
        if (++sent === count) controller.close();
      },
    });
  }
}

/** Begins a session on one end of a socket. The server offers a service, the client offers nothing. */
type Begin = (socket: WebSocket, service?: Service) => RpcStub<Service>;

function contender(begin: Begin): Contender {
  return {
    serve: (source) => listen((socket) => void begin(socket, new Service(source))),
    connect: async (url, size) => {
      const socket = await open(url);
      const service = begin(socket);
      return {
        echo: echoesOf(size, (payload) => service.echo(payload)),
        stream: async (request) => {
          const arrivals = new Arrivals(request);
          const reader = (await service.stream(request.count, request.size)).getReader();
          for (let next = await reader.read(); !next.done; next = await reader.read()) arrivals.take(next.value);
          arrivals.end();
        },
        ignore: async (request) => void (await service.stream(request.count, request.size)),
        close: () => closed(socket),
      };
    },
  };
}

function binaryTransport(socket: WebSocket): AnyRpcTransport {
  const transport = new WebSocketTransport<ArrayBuffer>(socket as never);
  return {
    encodingLevel: 'jsonCompatibleWithBytes',
    send(message) {
      const bytes = pack(message);
      transport.send(bytes as never);
      return bytes.length;
    },
    receive: async () => unpack(new Uint8Array(await transport.receive())) as unknown,
    abort: (reason) => transport.abort(reason),
  };
}

export const capnweb = contender((socket, service) => newWebSocketRpcSession<Service>(socket as never, service));

export const capnwebBinary = contender((socket, service) =>
  new RpcSession<Service>(binaryTransport(socket), service).getRemoteMain(),
);
