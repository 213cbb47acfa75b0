import { createInspectorWith, type Inspector, type InspectorOptions, type Self } from './inspector.js';
import type { InspectSocket, SocketEvents } from './sender.js';

export type { Inspector, InspectorOptions, StatelyInspector } from './inspector.js';
export type * from './record.js';
export type { Messages } from './sampler.js';

/**
 * Shows sessions and any other XState actors in a viewer, or in Stately's inspector. Give the result's `inspect` to
 * `initiate`, `accept` or `createActor`. No payload and no SENSITIVE value leaves the page. Without a server it costs next
 * to nothing, and it tries to connect at growing intervals.
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

/** Opens a WebSocket. A browser does not say why a server refused it, so `closed` gets no refusal. */
function connect(url: string, { opened, message, closed }: SocketEvents): InspectSocket {
  const socket = new WebSocket(url);
  socket.onopen = opened;
  socket.onmessage = ({ data }) => message(data);
  socket.onclose = () => closed();
  return {
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send: (text) => {
      // A closing socket drops the text without an error.
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => socket.close(),
  };
}

function self(): Self {
  const { document, location } = globalThis as { document?: Document; location?: Location };
  return { name: document?.title || location?.pathname || 'page', runtime: 'browser' };
}
