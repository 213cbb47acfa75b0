import type { ClientRequest } from 'node:http';
import { basename } from 'node:path';
import { WebSocket } from 'ws';
import { createInspectorWith, type Inspector, type InspectorOptions, type Self } from './inspector.js';
import type { InspectSocket, SocketEvents } from './sender.js';

export type { Inspector, InspectorOptions, StatelyInspector } from './inspector.js';
export type * from './record.js';
export type { Messages } from './sampler.js';

/** How long a server may take until the WebSocket is open, and how long closing one may take. Milliseconds. */
const CONNECT_TIMEOUT = 5_000;
const CLOSE_TIMEOUT = 500;

/** What says that we are not wanted, as opposed to not yet. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403]);

/**
 * Shows sessions and any other XState actors in a viewer, or in Stately's inspector: give the result's `inspect` to
 * `initiate`, `accept` or `createActor`. No payload and no SENSITIVE value leaves the process. With nobody there to see it
 * costs next to nothing; it tries again, ever less often, and keeps no process alive.
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
    // The types of `ws` don't know it yet.
    closeTimeout: CLOSE_TIMEOUT,
    // Nobody waits for us: from the first moment on the socket keeps no process alive.
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
  // Its 'close' follows.
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
