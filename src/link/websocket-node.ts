import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { type AddressInfo, createServer as createTcp, isIP, type Socket, type Server as Tcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { InvalidArgument, LinkError } from '../base/errors.js';
import { attemptToConnect, type ConnectWebSocketOptions as BrowserOptions, checkConnect, targetOf } from './connect.js';
import { SocketFacts } from './facts.js';
import { DEFAULT_FRAME, type Link } from './link.js';
import { authority, checkBytes, guard, Intake, Newcomer, Newcomers, warn } from './listen.js';
import type { WsLink } from './socket-ws.js';
import { checkMaxFrame, checkTimeout, type RawSocket, webSocketLink } from './websocket.js';

export type { RawSocket, StandardWebSocket, WebSocketLinkOptions, WsWebSocket } from './websocket.js';
export { webSocketLink } from './websocket.js';

/** Options of {@link connectWebSocket}. */
export interface ConnectWebSocketOptions extends BrowserOptions {
  /** More HTTP headers for the opening handshake. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Options of {@link listenWebSocket}. */
export interface ListenWebSocketOptions {
  /** The TCP port; 0 uses any free one. Needed unless there is a `server`. */
  readonly port?: number;

  /**
   * A server of `node:http` or `node:https` to listen on, in place of a port of its own: that of Express, Fastify or another.
   * It may have other listeners of `upgrade`, and several paths. The server is never closed here: `close()` only stops
   * taking WebSockets.
   */
  readonly server?: Server | SecureServer;

  /**
   * The one path, without a query, that clients may connect to. Other paths are left to the server's other listeners of
   * `upgrade`; without any they are answered 404.
   *
   * @defaultValue '/' on a `server`; any path on a port of its own
   */
  readonly path?: string;

  /**
   * The address to listen on. With the default, only this machine reaches the server. `'::'` or `'0.0.0.0'` listens
   * on all addresses. Not with a `server`, which has its own.
   *
   * @defaultValue '127.0.0.1'
   */
  readonly host?: string;

  /**
   * The largest frame in bytes, from 1 to 2^30 − 1. It applies in addition to the limit of the session
   * (`limits.handshakeBytes`, then `limits.frame`), which the link asks for at each frame. A message above *twice* the lower
   * of the two breaks the link before it is received: a peer can't make us hold more. A message between the two reaches the
   * session, which can say what is wrong.
   *
   * @defaultValue the session's limit; 1048576 for a user of the link that sets none
   */
  readonly maxFrame?: number;

  /**
   * Bytes that a socket may send before its first message is whole, from 1 to 2^30 − 1, in addition to its session's
   * `limits.handshakeBytes`. Beyond the lower of the two the socket is cut, and its link fails.
   *
   * @defaultValue the session's limit; 65536 for a user of the link that sets none
   */
  readonly handshakeBytes?: number;

  /**
   * Bytes of first messages that are not whole yet, of all sockets together, from 1 to 2^53 − 1. Each piece that has arrived
   * counts 256 more. Beyond the limit the oldest socket of the address that has sent most is cut: refusing the newest socket
   * would lock out honest peers.
   *
   * @defaultValue 16777216
   */
  readonly pendingBytes?: number;

  /**
   * Milliseconds until a TCP connection must be a WebSocket, from 1 to 2^31 − 1; then it is cut. Stops a peer that opens
   * connections and sends nothing, or sends byte by byte. Not with a `server`, which has times of its own.
   *
   * @defaultValue 10000
   */
  readonly handshakeTimeout?: number;

  /**
   * Milliseconds that a link's `close()` may take. From 1 to 2^31 − 1.
   *
   * @defaultValue 5000
   */
  readonly closeTimeout?: number;

  /**
   * The origins whose pages may connect, such as `'https://app.example'`; `'*'` in the list allows all. Without this check,
   * any web page that a person opens could reach a server on that person's machine. Other origins are answered 403, and
   * `onError` is told. Always allowed are clients that send no Origin, and pages of the host that the request is for. On
   * loopback addresses, loopback pages of any port are allowed too. `Origin: null` can't be listed.
   *
   * @defaultValue none on loopback addresses; all on others
   */
  readonly origins?: readonly string[];

  /**
   * The names, without ports, by which clients may know this server; `'*'` in the list allows all. A page can let its own
   * name resolve to the address of this server (DNS rebinding). Its origin is then the one that the request is for. Other
   * names are answered 403, and `onError` is told. Always allowed are `localhost`, `host`, and addresses of this server. A
   * proxy on the same machine may pass on the name that it is known by: that name must be in the list.
   *
   * @defaultValue none on loopback addresses; all on others
   */
  readonly hosts?: readonly string[];

  /** Decides whether to accept the connection; false answers 401. */
  readonly verify?: (request: IncomingMessage) => boolean;

  /**
   * Called with errors of the server itself, errors that `onLink` or `verify` threw, and rejections of `onLink`'s promise.
   *
   * @defaultValue a warning of the process (`process.emitWarning`), ten a minute at most
   */
  readonly onError?: (error: unknown) => void;
}

/** A WebSocket server that makes a link of each connection. */
export interface WebSocketListener {
  /** The port that it listens on. */
  readonly port: number;
  /** The URL for clients on this machine. */
  readonly url: string;
  /**
   * Stops listening, and cuts connections that are no link yet. Open links stay. Resolves when the port is free; idempotent.
   */
  close(): Promise<void>;
  /**
   * Takes no more links, as for a server that is drained. On a shared `server`, clients are answered 503 until `close()`,
   * or until another listener takes the path. A port of its own is free at once.
   */
  drain(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The limit of `ws` for a message. Where the link can lower it to that of a session, this is only the upper bound. */
const { Receiver } = WebSocket as unknown as { Receiver?: new () => object };
const LARGEST_FRAME = Receiver !== undefined && '_maxPayload' in new Receiver() ? 2 ** 30 - 1 : DEFAULT_FRAME;

/** The options of both ends of `ws`. The types of `ws` don't know `closeTimeout` yet. */
function wsOptions(maxFrame: number | undefined, closeTimeout: number) {
  return {
    maxPayload: 2 * (maxFrame ?? LARGEST_FRAME),
    // A compression context for each connection costs more memory than it is worth, and allows attacks with small messages
    // that become big ones.
    perMessageDeflate: false,
    // Text frames are refused anyway, so their UTF-8 need not be checked.
    skipUTF8Validation: true,
    // For closing handshakes that `ws` begins itself: otherwise its timer stays for 30 s.
    closeTimeout,
  } satisfies ClientOptions & ServerOptions & { closeTimeout: number };
}

/**
 * Connects to a WebSocket server.
 *
 * Rejects with LinkError, whose text says why, when the connection is refused, when the server answers with anything but
 * a WebSocket, when it takes longer than `connectTimeout`, and when `signal` aborts (`cause` is its reason).
 *
 * @throws InvalidArgument at once, when the URL isn't one of a WebSocket, or an option is out of range.
 */
export function connectWebSocket(url: string | URL, options: ConnectWebSocketOptions = {}): Promise<Link> {
  const checked = checkConnect(url, options);
  const { closeTimeout, maxFrame } = checked;

  return attemptToConnect(targetOf(checked.url), checked, (attempt) => {
    let socket: RawSocket | undefined;
    const ws = new WebSocket(checked.url, { ...wsOptions(maxFrame, closeTimeout), headers: { ...options.headers } });
    ws.on('upgrade', (response) => {
      socket = response.socket;
    });
    ws.on('open', () => {
      ws.removeAllListeners();
      attempt.opened(webSocketLink(ws, { closeTimeout, maxFrame, ...(socket === undefined ? {} : { socket }) }));
    });
    ws.on('unexpected-response', (_request, { statusCode = 0 }) =>
      attempt.failed(`the server answered ${String(statusCode)} ${STATUS_CODES[statusCode] ?? ''}`.trimEnd()),
    );
    // The listener stays after the attempt is over: giving up makes `ws` emit an error, which would otherwise be uncaught.
    ws.on('error', (error: NodeJS.ErrnoException) =>
      // If several addresses all refuse, the error is an AggregateError without a text.
      attempt.failed(error.message || error.code || 'the connection failed', error),
    );
    return () => ws.terminate();
  });
}

/**
 * Listens for WebSocket connections. Calls `onLink` for each, in the same tick. When `onLink` throws, or its promise
 * rejects, the error is reported and that link is aborted; other links are not affected. Clients that come all at once are taken
 * in several turns of the event loop, for about 10 ms in each.
 *
 * With `server` it shares an HTTP server with other uses, such as Express and Fastify.
 *
 * Rejects with LinkError when the port is in use, or the address can't be listened on.
 *
 * @throws InvalidArgument at once, when an option is out of range.
 */
export function listenWebSocket(
  options: ListenWebSocketOptions,
  onLink: (link: Link, request: IncomingMessage) => void | Promise<void>,
): Promise<WebSocketListener> {
  const { server: shared, path, host = '127.0.0.1', verify } = options;
  const { port = shared === undefined ? -1 : 0 } = options;
  if (shared !== undefined) checkShared(shared, options);
  if (path !== undefined && !(typeof path === 'string' && /^\/[^?#\s]*$/.test(path))) {
    throw new InvalidArgument(`path must begin with / and have no query, not '${String(path)}'`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgument(`port must be an integer from 0 to 65535, not ${String(options.port)}`);
  }
  if (typeof host !== 'string' || host === '') throw new InvalidArgument('host must be an address or a name');
  if (typeof onLink !== 'function') throw new InvalidArgument('onLink must be a function');
  const maxFrame = checkMaxFrame(options.maxFrame);
  const { handshakeBytes } = options;
  if (handshakeBytes !== undefined) checkBytes('handshakeBytes', handshakeBytes, 2 ** 30 - 1);
  const newcomers = new Newcomers(options.pendingBytes);
  const handshakeTimeout = checkTimeout('handshakeTimeout', options.handshakeTimeout ?? 10_000);
  const closeTimeout = checkTimeout('closeTimeout', options.closeTimeout ?? 5000);
  // A server that is shared may not listen yet, so its address is looked at when a client comes.
  const welcome = (): Welcome => welcomeOf(shared === undefined ? host : addressOf(shared), options);
  welcome();
  const report = guard(options.onError ?? warn, warn);
  let isWarned = false;
  const warnOfCookies = (request: IncomingMessage): void => {
    if (isWarned || options.origins !== undefined || !showsForeignCookies(request)) return;
    isWarned = true;
    report(
      new LinkError(
        `a page of the origin '${request.headers.origin}' connects with cookies, as pages of all sites may: list yours in origins`,
      ),
    );
  };

  const sockets = new WebSocketServer({
    ...wsOptions(maxFrame, closeTimeout),
    noServer: true,
    clientTracking: false,
    verifyClient: ({ req }: { req: IncomingMessage }, answer: (isTaken: boolean, status: number) => void) => {
      const refusal = refusalOf(req, welcome());
      if (refusal !== undefined) report(new LinkError(`refused a WebSocket ${refusal}`));
      if (refusal === undefined) warnOfCookies(req);
      if (refusal !== undefined) answer(false, 403);
      else answer(verify === undefined || guard(verify, report)(req) === true, 401);
    },
  });
  const intake = new Intake();
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, pending?: Pending): void => {
    intake.add(socket, () =>
      sockets.handleUpgrade(request, socket, head, (ws) => {
        pending?.settle(request.socket);
        const link = webSocketLink(ws, { closeTimeout, maxFrame, socket: request.socket }) as WsLink;
        link.show(new SocketFacts(request.socket, request));
        limitFirstMessage(ws, request.socket, link, newcomers, handshakeBytes);
        handOver(link, request, onLink, report);
      }),
    );
  };
  if (shared !== undefined) return Promise.resolve(shareServer(shared, path ?? '/', upgrade, intake));

  const http = createServer((_request, response) => {
    response.writeHead(426, { Connection: 'close', 'Content-Type': 'text/plain' });
    response.end('A WebSocket client is expected here.\n');
  });
  // Reading a request also takes its time, so a socket is read only when its turn has come.
  const connections = new Intake();
  const server = createTcp({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
    connections.add(socket, () => {
      http.emit('connection', socket);
      socket.resume();
    }),
  );
  const pending = cutWhatStaysPending(server, handshakeTimeout);
  http.on('upgrade', (request, socket, head) => {
    if (path === undefined || pathOf(request) === path) upgrade(request, socket, head, pending);
    else refuse(socket, pathOf(request) === undefined ? 400 : 404);
  });

  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
      reject(new LinkError(`cannot listen on ${authority(host, port)}: ${reason}`, error));
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      server.on('error', report);
      resolve(listenerOf(server, host, pending, [connections, intake]));
    });
  });
}

/** @throws InvalidArgument when `server` is none, or an option is given that belongs to a port of its own. */
function checkShared(server: unknown, options: ListenWebSocketOptions): void {
  const { on, address } = (server ?? {}) as Partial<Server>;
  if (typeof on !== 'function' || typeof address !== 'function') {
    throw new InvalidArgument('server must be a server of node:http or node:https');
  }
  for (const name of ['port', 'host', 'handshakeTimeout'] as const) {
    if (options[name] !== undefined) throw new InvalidArgument(`${name} does not go with server, which has its own`);
  }
}

/** The address that a server listens on. One that no network reaches, such as a Unix socket, counts as loopback. */
function addressOf(server: Server | SecureServer): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.address : '127.0.0.1';
}

/** The path of a request without its query; undefined if the URL is malformed. */
function pathOf({ url = '' }: IncomingMessage): string | undefined {
  return url.startsWith('/') && URL.canParse(url, 'http://host') ? new URL(url, 'http://host').pathname : undefined;
}

/** Answers a request that becomes no WebSocket. */
function refuse(socket: Duplex, status: number): void {
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** The paths on servers that are shared. Each such server has one listener of ours. */
const sharedServers = new WeakMap<object, { readonly paths: Map<string, Upgrade>; readonly listener: Upgrade }>();

/** Answers for a path whose listener is drained. */
const unavailable: Upgrade = (_request, socket) => refuse(socket, 503);

/** @throws InvalidArgument when the path is taken. */
function shareServer(server: Server | SecureServer, path: string, upgrade: Upgrade, intake: Intake): WebSocketListener {
  let shared = sharedServers.get(server);
  if (shared === undefined) {
    const paths = new Map<string, Upgrade>();
    const listener: Upgrade = (request, socket, head) => {
      const found = pathOf(request);
      const take = found === undefined ? undefined : paths.get(found);
      if (take !== undefined) take(request, socket, head);
      // Another listener may know the path.
      else if (server.listenerCount('upgrade') === 1) refuse(socket, found === undefined ? 400 : 404);
    };
    shared = { paths, listener };
    sharedServers.set(server, shared);
    server.on('upgrade', listener);
  }
  const { paths, listener } = shared;
  if (paths.has(path) && paths.get(path) !== unavailable) {
    throw new InvalidArgument(`path: there is a listener for ${path} on this server already`);
  }
  let own = upgrade;
  paths.set(path, own);
  const drain = (): Promise<void> => {
    if (paths.get(path) === own) {
      own = unavailable;
      paths.set(path, own);
    }
    intake.drop((socket) => refuse(socket, 503));
    return Promise.resolve();
  };
  const close = (): Promise<void> => {
    if (paths.get(path) === own) paths.delete(path);
    intake.drop();
    if (paths.size === 0 && sharedServers.get(server) === shared) {
      sharedServers.delete(server);
      server.off('upgrade', listener);
    }
    return Promise.resolve();
  };
  const scheme = 'setSecureContext' in server ? 'wss' : 'ws';
  return {
    get port() {
      return (server.address() as AddressInfo | null)?.port ?? 0;
    },
    get url() {
      const address = addressOf(server);
      const local = address === '0.0.0.0' || address === '::' ? 'localhost' : address;
      return `${scheme}://${authority(local, this.port)}${path}`;
    },
    close,
    drain,
    [Symbol.asyncDispose]: close,
  };
}

/** A function of its own: its closure lives as long as `onLink` is at work, and must not keep the request alive. */
function handOver(
  link: Link,
  request: IncomingMessage,
  onLink: (link: Link, request: IncomingMessage) => void | Promise<void>,
  report: (error: unknown) => void,
): void {
  const failed = (error: unknown): void => {
    link.abort();
    report(error);
  };
  Promise.resolve(guard(onLink, failed)(link, request)).catch(failed);
}

/** The cost of a piece of a message beside its bytes; a piece may have only one byte. */
const PIECE_COST = 256;

/** The limit of a first message if neither the user of the link nor an option sets one. */
const DEFAULT_HANDSHAKE = 64 * 1024;

/** The longest header of a WebSocket's frame. */
const FRAME_HEADER = 14;

/**
 * Limits the bytes before a socket's first message is whole: `ws` holds them, up to the largest message of a session.
 * `handshakeBytes` bounds this socket, `newcomers` all of them together.
 */
function limitFirstMessage(
  ws: WebSocket,
  socket: Socket,
  link: WsLink,
  newcomers: Newcomers,
  handshakeBytes = Number.POSITIVE_INFINITY,
): void {
  let received = 0;
  const cut = (why: string): void => {
    done();
    // The link fails with this error.
    ws.emit('error', new Error(why));
    ws.terminate();
  };
  const newcomer = new Newcomer(newcomers, socket.remoteAddress, cut);
  let isDone = false;
  const onData = (piece: Uint8Array): void => {
    // Called once more for the piece that has made the message whole.
    if (isDone) return;
    received += piece.length;
    const most = Math.min(handshakeBytes, link.frameLimit ?? DEFAULT_HANDSHAKE);
    if (received > most + FRAME_HEADER) {
      cut(`the peer sent more than ${most} bytes (handshakeBytes) before its first message was whole`);
    } else {
      newcomer.count(piece.length + PIECE_COST);
    }
  };
  const done = (): void => {
    isDone = true;
    socket.off('data', onData);
    ws.off('message', done);
    ws.off('close', done);
    newcomer.settle();
  };
  // `ws` has added its listener already, and so gets each piece first.
  socket.on('data', onData);
  ws.on('message', done);
  ws.on('close', done);
}

/** The pages and names that a server accepts. */
interface Welcome {
  /** The address that it listens on. */
  readonly address: string;
  readonly origins: readonly string[];
  readonly hosts: readonly string[];
}

/** @throws InvalidArgument when an entry is no origin, or no name of a host. */
function welcomeOf(address: string, { origins, hosts }: ListenWebSocketOptions): Welcome {
  const byDefault = isLoopback(address) ? [] : ['*'];
  const isOrigin = (text: string) => URL.canParse(text) && new URL(text).origin === text;
  checkList('origins', origins, "an origin, such as 'https://app.example'", isOrigin);
  checkList('hosts', hosts, "a name without a port, such as 'app.example'", (text) =>
    /^([\w.-]+|\[[\da-f:.]+\])$/i.test(text),
  );
  return { address, origins: origins ?? byDefault, hosts: (hosts ?? byDefault).map((each) => each.toLowerCase()) };
}

function checkList(name: string, list: unknown, what: string, isGood: (text: string) => boolean): void {
  if (list === undefined) return;
  if (!Array.isArray(list)) throw new InvalidArgument(`${name} must be an array, each of it ${what}`);
  for (const [index, text] of list.entries()) {
    if (typeof text !== 'string' || (text !== '*' && !isGood(text))) {
      throw new InvalidArgument(`${name}[${index}] must be ${what}, or '*', not '${String(text)}'`);
    }
  }
}

/** The reason to refuse a request, with advice for a request that should be accepted. */
function refusalOf({ headers: { origin, host = '' } }: IncomingMessage, welcome: Welcome): string | undefined {
  const { address, origins, hosts } = welcome;
  const [, name = ''] = /^(\[[^\]]*\]|[^:@/]*)(?::\d*)?$/.exec(host.toLowerCase()) ?? [];
  if (!hosts.includes('*') && !hosts.includes(name) && !isNameOf(name, address)) {
    return `for the host '${host}': a page can have its name resolve to this server. If it is a name of yours, as behind a proxy, name it in hosts (serve: --allow-host)`;
  }
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return undefined;
  if (isPageOf(origin, host) || (isLoopback(address) && isPageOfLoopback(origin))) return undefined;
  return `of the origin '${origin}': it is a page of another site. If it is a page of yours, name it in origins (serve: --allow-origin)`;
}

/** True if a page of another site sends cookies: the server could take it for the person that they belong to. */
function showsForeignCookies({ headers: { origin, host = '', cookie } }: IncomingMessage): boolean {
  return cookie !== undefined && origin !== undefined && !isPageOf(origin, host) && !isPageOfLoopback(origin);
}

/** True if `name` means a server that listens on `address`. */
function isNameOf(name: string, address: string): boolean {
  const bare = name.replace(/^\[|\]$/g, '');
  if (bare === address.toLowerCase()) return true;
  // A page can't make an IP address resolve to this server. A server that listens on all addresses has several.
  return isLoopback(bare) || (isIP(bare) !== 0 && !isLoopback(address));
}

/** True if a page belongs to the host that it connects to. */
function isPageOf(origin: string, host: string): boolean {
  return isOfWeb(origin) && new URL(origin).host === host.toLowerCase();
}

/** True if a page belongs to this machine, on any port. */
export function isPageOfLoopback(origin: string): boolean {
  return isOfWeb(origin) && isLoopback(new URL(origin).hostname.replace(/^\[|\]$/g, ''));
}

function isOfWeb(origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).origin === origin && /^https?:/.test(origin);
}

export function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}

/** The connections that are no WebSocket yet. */
export interface Pending {
  settle(socket: Socket): void;
  cut(): void;
}

/** Cuts slow connections. Node checks its own request timeouts only every 30 s, and only once a client has sent bytes. */
export function cutWhatStaysPending(server: Tcp, timeout: number): Pending {
  const timers = new Map<Socket, NodeJS.Timeout>();
  const settle = (socket: Socket): void => {
    clearTimeout(timers.get(socket));
    timers.delete(socket);
  };
  server.on('connection', (socket: Socket) => {
    timers.set(
      socket,
      setTimeout(() => socket.destroy(), timeout),
    );
    socket.once('close', () => settle(socket));
  });
  return {
    settle,
    cut: () => {
      for (const socket of timers.keys()) socket.destroy();
    },
  };
}

function listenerOf(server: Tcp, host: string, pending: Pending, intakes: readonly Intake[]): WebSocketListener {
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= new Promise((resolve) => {
      server.close();
      for (const intake of intakes) intake.drop();
      pending.cut();
      // The server's own 'close' would wait for the links. The port is free once the event loop has closed its handle, at
      // the end of this turn.
      setImmediate(() => setImmediate(resolve));
    });
    return closed;
  };
  const local = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return { port, url: `ws://${authority(local, port)}`, close, drain: close, [Symbol.asyncDispose]: close };
}
