import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { Link } from '../../src/link/link.js';
import { type ListenWebSocketOptions, listenWebSocket, type WebSocketListener } from '../../src/link/websocket-node.js';

type Listener = (event: never) => void;

/** A WebSocket that has the standard interface and nothing else: what a browser gives. */
export class StandardFacade {
  static readonly #created: StandardFacade[] = [];
  readonly ws: WebSocket;

  constructor(target: string | URL | WebSocket) {
    this.ws = target instanceof WebSocket ? target : new WebSocket(target, { perMessageDeflate: false });
    // A browser doesn't throw an `error` event that has no listener, as Node does.
    this.ws.on('error', () => {});
    StandardFacade.#created.push(this);
  }

  /** Ends them all, and waits until their sockets are closed. */
  static async terminateAll(): Promise<void> {
    for (const { ws } of StandardFacade.#created.splice(0)) {
      if (ws.readyState === WebSocket.CLOSED) continue;
      await new Promise((resolve) => {
        ws.once('close', resolve);
        ws.terminate();
      });
    }
  }

  get readyState(): number {
    return this.ws.readyState;
  }

  get bufferedAmount(): number {
    return this.ws.bufferedAmount;
  }

  get binaryType(): string {
    return this.ws.binaryType;
  }

  set binaryType(type: string) {
    this.ws.binaryType = type as 'arraybuffer';
  }

  send(data: Uint8Array): void {
    this.ws.send(data);
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && (code < 3000 || code > 4999)) throw new Error('InvalidAccessError');
    this.ws.close(code, reason);
  }

  addEventListener(type: string, listener: Listener): void {
    this.ws.addEventListener(type as 'message', listener as () => void);
  }

  removeEventListener(type: string, listener: Listener): void {
    this.ws.removeEventListener(type as 'message', listener as () => void);
  }
}

/** A listener, and the links that it made, in order. */
export class Host {
  readonly links: Link[] = [];
  readonly errors: unknown[] = [];
  readonly sockets: Socket[] = [];
  listener!: WebSocketListener;
  #waiting: ((link: Link) => void) | undefined;

  static async listen(
    options: Partial<ListenWebSocketOptions> = {},
    onLink: (link: Link) => void = () => {},
  ): Promise<Host> {
    const host = new Host();
    host.listener = await listenWebSocket(
      { port: 0, onError: (error) => host.errors.push(error), ...options },
      (link, request) => {
        host.links.push(link);
        host.sockets.push(request.socket);
        host.#waiting?.(link);
        onLink(link);
      },
    );
    return host;
  }

  get url(): string {
    return this.listener.url;
  }

  get port(): number {
    return this.listener.port;
  }

  next(): Promise<Link> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  async close(): Promise<void> {
    for (const link of this.links) link.abort();
    await this.listener.close();
  }
}

/** A peer that speaks TCP by hand, past its opening handshake; `early` leaves in one write with that. */
export async function rawPeer(
  port: number,
  early: Uint8Array = new Uint8Array(0),
): Promise<{ socket: Socket; received: () => Buffer }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const upgrade =
    'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
  socket.write(Buffer.concat([Buffer.from(upgrade), early]));
  let received = Buffer.alloc(0);
  await new Promise<void>((resolve) => {
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.includes('\r\n\r\n')) resolve();
    });
  });
  return { socket, received: () => received.subarray(received.indexOf('\r\n\r\n') + 4) };
}

/** A client's frame: a whole message unless `fin` is false, masked with zeros. */
export function frame(opcode: number, payload: Uint8Array = new Uint8Array(0), fin = true): Buffer {
  const { length } = payload;
  const header = length < 126 ? Buffer.alloc(2) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  header[0] = (fin ? 0x80 : 0) | opcode;
  if (length < 126) header[1] = length;
  else if (length < 65_536) header.writeUInt16BE(length, 2);
  else header.writeUIntBE(length, 4, 6);
  if (length >= 126) header[1] = length < 65_536 ? 126 : 127;
  header[1] = (header[1] ?? 0) | 0x80;
  return Buffer.concat([header, Buffer.alloc(4), payload]);
}
