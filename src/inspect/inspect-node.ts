import type { ClientRequest } from 'node:http';
import { basename } from 'node:path';
import { WebSocket } from 'ws';
import { createInspectorWith, type Inspector, type InspectorOptions, type Self } from './inspector.js';
import type { InspectSocket, SocketEvents } from './sender.js';

export type { Inspector, InspectorOptions, StatelyInspector } from './inspector.js';
export type * from './record.js';
export type { Messages } from './sampler.js';

/** The time limits for opening and for closing a WebSocket. Milliseconds. */
const CONNECT_TIMEOUT = 5_000;
const CLOSE_TIMEOUT = 500;

/** The HTTP statuses of a final refusal. After any other failure a later attempt may succeed. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403]);

/**
 * Shows sessions and any other XState actors in a viewer, or in Stately's inspector. Give the result's `inspect` to
 * `initiate`, `accept` or `createActor`. No payload and no SENSITIVE value leaves the process. Without a server it costs
 * next to nothing, and it tries to connect at growing intervals. It keeps no process alive.
 *
 * @throws InvalidArgument when an option is wrong.
 *
 * @example
 * const inspector = createInspector({ url: 'http://127.0.0.1:9229/?token=…' }); // as `roam-actors inspect` prints it
 * const session = await initiate(link, { inspect: inspector.inspect });
 */
export function createInspector(options: InspectorOptions): Inspector {
  return createInspectorWith({ connect, self }, options);
}

function connect(url: string, { opened, message, closed }: SocketEvents): InspectSocket {
  const options = {
    perMessageDeflate: false,
    handshakeTimeout: CONNECT_TIMEOUT,
    // The types of `ws` do not have this option yet.
    closeTimeout: CLOSE_TIMEOUT,
    // The socket must never keep the process alive, from its first moment on.
    finishRequest: (request: ClientRequest) => {
      request.on('socket', (socket) => socket.unref());
      request.end();
    },
  };
  const socket = new WebSocket(url, options);
  let refusal: string | undefined;
  socket.on('unexpected-response', (_request, response) => {
    const { statusCode = 0 } = response;
    if (REFUSALS.has(statusCode)) refusal = `the inspector's server refuses us (${statusCode}): is its token right?`;
    socket.terminate();
  });
  socket.on('open', opened);
  socket.on('message', (data, isBinary) => {
    if (!isBinary) message(String(data));
  });
  // A 'close' event follows each error.
  socket.on('error', () => {});
  socket.on('close', () => closed(refusal));
  return {
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send: (text) => socket.send(text, () => {}),
    close: () => socket.close(),
  };
}

function self(): Self {
  const [, script = ''] = process.argv;
  return { name: script === '' ? 'node' : basename(script), runtime: 'node', pid: process.pid };
}
