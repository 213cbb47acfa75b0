import { InvalidArgument } from '../base/errors.js';
import type { Link } from './link.js';
import { CONNECTING } from './socket.js';
import { StandardLink, type StandardWebSocket } from './socket-standard.js';
import { type RawSocket, WsLink, type WsWebSocket } from './socket-ws.js';

export type { RawSocket, StandardWebSocket, WsWebSocket };

/** Options of {@link webSocketLink}. */
export interface WebSocketLinkOptions {
  /**
   * Milliseconds that `close()` may take: sent messages leave, and the peer answers the closing handshake. After that the
   * connection is cut and the link calls `failed`. From 1 to 2^31 − 1.
   *
   * @defaultValue 5000
   */
  readonly closeTimeout?: number;

  /**
   * The largest frame in bytes, from 1 to 2^30 − 1, in addition to the limit of the session, which the link asks for at each
   * frame. A message above *twice* the lower of the two breaks the link; with `ws`, before it is received.
   *
   * @defaultValue the session's limit; 1048576 for a user of the link that sets none
   */
  readonly maxFrame?: number | undefined;

  /**
   * The network socket beneath a `ws` WebSocket: on a server `request.socket`, on a client the `socket` of the response in
   * the event `upgrade` of `ws`. With it, messages sent in one tick leave together, up to 32 in one write, which makes small
   * messages several times as fast. Without it, each message is a write of its own. `connectWebSocket` and `listenWebSocket`
   * provide it.
   */
  readonly socket?: RawSocket;
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Returns `value` if it is a time in milliseconds that a timer can hold; otherwise throws InvalidArgument. */
export function checkTimeout(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 1 && value <= MAX_TIMEOUT_MS) return value;
  throw new InvalidArgument(`${name} must be from 1 to 2^31 - 1 milliseconds, not ${String(value)}`);
}

export function checkMaxFrame(value: number | undefined): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value < 2 ** 30)) return value;
  throw new InvalidArgument(`maxFrame must be an integer from 1 to 2^30 - 1, not ${String(value)}`);
}

/**
 * A link over an open WebSocket: the browser's own, one of the package `ws`, or any other with the standard interface.
 * From here on the WebSocket belongs to the link.
 *
 * A message is one binary frame. These break the link (`failed`): a text frame, a message above the WebSocket's own limit, a
 * close code other than 1000, 1001 and 1005, and a connection that is lost without a closing handshake.
 *
 * `pause()` stops a `ws` WebSocket from reading, but messages of the last read may still arrive. A browser's WebSocket can't
 * be paused. While a `ws` link is paused it doesn't notice that the peer has left, unless it sends; `close()` lifts a pause.
 *
 * The bytes of a message of `ws` are a view into a larger buffer of the socket, commonly 64 KiB: copy a small message to
 * keep it for long.
 *
 * @throws InvalidArgument when the WebSocket is not open yet, or an option is out of range.
 */
export function webSocketLink(socket: StandardWebSocket | WsWebSocket, options: WebSocketLinkOptions = {}): Link {
  const closeTimeout = checkTimeout('closeTimeout', options.closeTimeout ?? 5000);
  const maxFrame = checkMaxFrame(options.maxFrame);
  if (socket.readyState === CONNECTING) {
    throw new InvalidArgument("the WebSocket is not open yet: wait for its event 'open'");
  }
  if (!isWs(socket)) return new StandardLink(socket, closeTimeout, maxFrame);
  return new WsLink(socket, options.socket, closeTimeout, maxFrame);
}

function isWs(socket: StandardWebSocket | WsWebSocket): socket is WsWebSocket {
  return 'terminate' in socket && 'on' in socket;
}
