import { LinkError } from '../base/errors.js';
import { attemptToConnect, type ConnectWebSocketOptions, checkConnect, targetOf } from './connect.js';
import type { Link } from './link.js';
import { StandardLink } from './socket-standard.js';

export type { ConnectWebSocketOptions } from './connect.js';
export type { RawSocket, StandardWebSocket, WebSocketLinkOptions, WsWebSocket } from './websocket.js';
export { webSocketLink } from './websocket.js';

/**
 * Connects to a WebSocket server, with the browser's own WebSocket.
 *
 * Rejects with LinkError when the connection can't be made (a browser doesn't say why), when it takes longer than
 * `connectTimeout`, and when `signal` aborts.
 *
 * @throws InvalidArgument at once, when the URL isn't one of a WebSocket, or an option is out of range.
 */
export function connectWebSocket(url: string | URL, options: ConnectWebSocketOptions = {}): Promise<Link> {
  const checked = checkConnect(url, options);
  if (typeof WebSocket !== 'function') return Promise.reject(new LinkError('this environment has no WebSocket'));

  return attemptToConnect(targetOf(checked.url), checked, (attempt) => {
    const socket = new WebSocket(checked.url);
    const onOpen = (): void => {
      release();
      // Within the event: a message may follow immediately. Not by `webSocketLink`, whose code for `ws` would come with it.
      attempt.opened(new StandardLink(socket, checked.closeTimeout, checked.maxFrame));
    };
    // 'error' comes before 'close', and has no information.
    const onClose = (event: CloseEvent): void => attempt.failed(`closed with code ${String(event.code)}`);
    const release = (): void => {
      socket.removeEventListener('open', onOpen);
      socket.removeEventListener('close', onClose);
    };
    socket.addEventListener('open', onOpen);
    socket.addEventListener('close', onClose);
    return () => {
      release();
      socket.close();
    };
  });
}
