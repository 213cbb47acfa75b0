import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { type AddressInfo, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { GREETING } from '../../inspect/stately.js';
import { cutWhatStaysPending, isLoopback, isPageOfLoopback, type Pending } from '../../link/websocket-node.js';
import type { StaticFile } from './files.js';
import type { Store } from './store.js';

export interface InspectServerOptions {
  readonly host: string;
  /** The port to listen on. 0 takes any free one. */
  readonly port: number;
  /** A client with the token sees everything, and a process with the token may be shown. */
  readonly token: string;
  readonly store: Store;
  readonly files: ReadonlyMap<string, StaticFile>;
  /** True if processes may connect. False where a recording is shown. */
  readonly takesProcesses: boolean;
  /** The time for a socket to send its request, in milliseconds. */
  readonly handshakeTimeout?: number;
  /** The maximum number of open sockets of all kinds. Further ones are closed at once. */
  readonly maxSockets?: number;
  /** Called when a page connects or leaves, with the number of pages. */
  readonly onPages?: (count: number) => void;
}

/** The limits for one process or one page, in bytes, and for their number. */
const MAX_MESSAGE = 4 * 2 ** 20;
const MAX_PROCESSES = 64;
const MAX_PAGES = 16;
const MAX_UNREAD = 128 * 2 ** 20;

const HANDSHAKE_TIMEOUT = 10_000;

/** The default of `maxSockets`: the processes, the pages and their fetches. A browser has up to six sockets for a page. */
const MAX_SOCKETS = 256;

/** The options of both WebSocket servers. A message that is too long or malformed only ends the connection of its sender. */
const WS_OPTIONS = { noServer: true, perMessageDeflate: false, clientTracking: true } as const;

/**
 * Serves the page and its data, and takes records from the inspected processes. Three checks keep strangers out: the token,
 * which all data needs; the Host, which reveals a page of another site whose name was made to resolve to this machine; and
 * the Origin.
 */
export class InspectServer {
  readonly #options: InspectServerOptions;
  readonly #token: Buffer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #pending: Pending;
  readonly #processes = new WebSocketServer({ ...WS_OPTIONS, maxPayload: MAX_MESSAGE });
  /** A page sends no messages, so its limit is small. */
  readonly #pages = new WebSocketServer({ ...WS_OPTIONS, maxPayload: 1024 });

  private constructor(options: InspectServerOptions) {
    this.#options = options;
    this.#token = digest(options.token);
    const { handshakeTimeout = HANDSHAKE_TIMEOUT, maxSockets = MAX_SOCKETS } = options;
    // Node's own timeout applies to a further request on the same socket, and to a response that is not read.
    this.#server = createServer({ requestTimeout: handshakeTimeout }, (request, response) => {
      this.#pending.settle(request.socket);
      this.#answer(request, response);
    });
    this.#server.timeout = handshakeTimeout;
    this.#server.maxConnections = maxSockets;
    this.#pending = cutWhatStaysPending(this.#server, handshakeTimeout);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server.on('clientError', (_error, socket) => refuse(socket, 400));
  }

  /** Rejects with the system's error when the port can't be had. */
  static async listen(options: InspectServerOptions): Promise<InspectServer> {
    const server = new InspectServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(options.port, options.host, resolve);
    });
    return server;
  }

  /** The URL of the page, to which processes connect too. It includes the token. */
  get url(): string {
    const { host, token } = this.#options;
    const local = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
    const { port } = this.#server.address() as AddressInfo;
    return `http://${local.includes(':') ? `[${local}]` : local}:${port}/?token=${token}`;
  }

  get pages(): number {
    return this.#pages.clients.size;
  }

  /** Closes all sockets. Resolves when nothing is left. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // This includes sockets that are not yet, or no longer, HTTP or a WebSocket.
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#options.store.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '' } = request;
    response.setHeader('Content-Security-Policy', this.#policy(request));
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    response.setHeader('Cache-Control', 'no-store');
    const { pathname } = targetOf(request);
    const refusal = this.#refusal(request);
    const file = this.#options.files.get(pathname === '/' ? '/index.html' : pathname);
    if (refusal !== undefined) {
      fail(response, ...refusal);
    } else if (pathname === '/recording.jsonl') {
      this.#download(response, method);
    } else if (file === undefined) {
      fail(response, 404, 'there is no such page');
    } else {
      response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.content.length });
      response.end(method === 'HEAD' ? undefined : file.content);
    }
  }

  /** Returns the reason to refuse a request. The files of the page are not secret, so they need no token. */
  #refusal(request: IncomingMessage): [status: number, text: string] | undefined {
    const { pathname, searchParams } = targetOf(request);
    if (!this.#isOurs(request)) return [403, 'this host is not ours: use the URL that was printed'];
    if (request.method !== 'GET' && request.method !== 'HEAD') return [405, 'there is nothing here but to be read'];
    const isOpen = pathname !== '/' && pathname !== '/recording.jsonl';
    return isOpen || this.#isTrusted(searchParams) ? undefined : [401, 'the URL needs its token, as it was printed'];
  }

  #download(response: ServerResponse, method: string): void {
    response.writeHead(200, {
      'Content-Type': 'application/jsonl; charset=utf-8',
      'Content-Disposition': 'attachment; filename="recording.jsonl"',
    });
    if (method === 'GET') for (const line of this.#options.store.lines()) response.write(`${line}\n`);
    response.end();
  }

  #policy({ headers: { host = '' } }: IncomingMessage): string {
    const here = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host}` : '';
    return [
      "default-src 'none'",
      // Graphviz, which lays out diagrams, is WebAssembly.
      "script-src 'self' 'wasm-unsafe-eval'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data: blob:",
      "font-src 'self'",
      "worker-src 'self' blob:",
      `connect-src 'self'${here}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; ');
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const isPage = targetOf(request).pathname === '/view';
    const refusal = this.#refusalOfSocket(request, isPage);
    if (refusal !== undefined) {
      refuse(socket, refusal);
      return;
    }
    const server = isPage ? this.#pages : this.#processes;
    server.handleUpgrade(request, socket, head, (client) => {
      this.#pending.settle(request.socket);
      // The `close` event that follows reports the error.
      client.on('error', () => {});
      if (isPage) this.#show(client);
      else this.#watch(client);
    });
  }

  #refusalOfSocket(request: IncomingMessage, isPage: boolean): number | undefined {
    // Only our own page may show the data. Any page of this machine that knows the token may be inspected.
    const isWelcome = isSameOrigin(request) || (!isPage && isPageOfLoopback(request.headers.origin ?? ''));
    if (!this.#isOurs(request) || !isWelcome) return 403;
    if (!this.#isTrusted(targetOf(request).searchParams)) return 401;
    if (!isPage && !this.#options.takesProcesses) return 409;
    const isFull = isPage ? this.#pages.clients.size >= MAX_PAGES : this.#processes.clients.size >= MAX_PROCESSES;
    return isFull ? 503 : undefined;
  }

  #watch(client: WebSocket): void {
    const { store } = this.#options;
    const number = store.join();
    client.send(GREETING);
    client.on('message', (data, isBinary) => {
      if (isBinary) store.complain(number, 'it sent bytes where text was expected');
      else store.take(number, String(data));
    });
    client.on('error', ({ message }) => store.complain(number, 'it was cut off', message));
    client.on('close', () => store.leave(number));
  }

  #show(client: WebSocket): void {
    const stop = this.#options.store.subscribe((frame) => {
      // The page connects again and gets everything anew.
      if (client.bufferedAmount > MAX_UNREAD) client.terminate();
      else client.send(frame);
    });
    const { onPages } = this.#options;
    client.on('close', () => {
      stop();
      onPages?.(this.pages);
    });
    onPages?.(this.pages);
  }

  #isTrusted(query: URLSearchParams): boolean {
    // Digests have equal length, as `timingSafeEqual` needs. A token of a client may have any length.
    return timingSafeEqual(digest(query.get('token') ?? ''), this.#token);
  }

  /** True if the Host names this server. A foreign name that only resolves to this machine belongs to another site. */
  #isOurs({ headers: { host = '' } }: IncomingMessage): boolean {
    const { port } = this.#server.address() as AddressInfo;
    const [, name = '', , given = '80'] = /^(\[[^\]]*\]|[^:]*)(:(\d+))?$/.exec(host) ?? [];
    const bare = name.replace(/^\[|\]$/g, '');
    const isKnown =
      bare === 'localhost' || bare === this.#options.host || (isIP(bare) !== 0 && this.#isReachableAs(bare));
    return isKnown && Number(given) === port;
  }

  /** True if the server is reached by this address. A server that listens on all addresses has several. */
  #isReachableAs(address: string): boolean {
    const { host } = this.#options;
    return host === '0.0.0.0' || host === '::' || (isLoopback(address) && isLoopback(host));
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function targetOf({ url = '/' }: IncomingMessage): URL {
  // The text after the slash is a path, even if it looks like a host, as `//name` does.
  return URL.canParse(`http://here${url}`) ? new URL(`http://here${url}`) : new URL('http://here/');
}

function isSameOrigin({ headers: { origin, host } }: IncomingMessage): boolean {
  return origin === undefined || origin === `http://${host}`;
}

function fail(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

/** Answers, then destroys the socket: the client may never end its own side. */
function refuse(socket: Duplex, status: number): void {
  socket.once('finish', () => socket.destroy());
  if (socket.writable) socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n\r\n`);
  else socket.destroy();
}
