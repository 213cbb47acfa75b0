import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { InvalidArgument, LinkError } from '../base/errors.js';
import { attemptToConnect } from './connect.js';
import type { Link } from './link.js';
import { authority, guard, Intake, Newcomer, Newcomers, warn } from './listen.js';
import type { Addresses } from './socket-ws.js';
import { type StreamLink, type StreamLinkOptions, streamLink } from './stream.js';
import { checkMaxFrame, checkTimeout } from './websocket.js';

export type { Addresses } from './socket-ws.js';
export {
  type DuplexStream,
  type ReadableHalf,
  type StreamLinkOptions,
  streamLink,
  type WritableHalf,
} from './stream.js';

/** An address to connect to or listen on: a TCP port, or the path of a Unix socket or of a named pipe of Windows. */
export type StreamAddress =
  | {
      /** From 0 to 65535; 0 listens on any free port. */
      readonly port: number;
      /** @defaultValue '127.0.0.1' */
      readonly host?: string;
    }
  | {
      /** A file for a Unix socket, a name that begins with `\\.\pipe\` on Windows. */
      readonly path: string;
    };

/** Options of {@link connectTcp}. */
export type ConnectTcpOptions = StreamAddress &
  StreamLinkOptions & {
    /**
     * Milliseconds until the connection must be open, name resolution included. From 1 to 2^31 − 1.
     *
     * @defaultValue 10000
     */
    readonly connectTimeout?: number;

    /** Gives up while connecting; no effect once the link is open. */
    readonly signal?: AbortSignal;
  };

/**
 * Options of {@link listenTcp}. With the default host, only this machine reaches the server. `'::'` or `'0.0.0.0'` listens
 * on all addresses.
 */
export type ListenTcpOptions = StreamAddress &
  StreamLinkOptions & {
    /**
     * The number of connections that may be open at a time. Further connections are closed at once; `onError` gets an error
     * for the first of them. From 1 to 2^31 − 1.
     *
     * @defaultValue 4096
     */
    readonly maxConnections?: number;

    /**
     * Bytes held for first messages that are not whole yet, of all sockets together, from 1 to 2^53 − 1. Beyond the limit
     * the oldest socket of the address that holds most is cut: refusing the newest socket would lock out honest peers.
     *
     * @defaultValue 16777216
     */
    readonly pendingBytes?: number;

    /**
     * Called with errors that `onLink` threw or its promise rejected with, and with errors of the server itself.
     *
     * @defaultValue a warning of the process (`process.emitWarning`)
     */
    readonly onError?: (error: unknown) => void;
  };

/** A server that makes a link of each connection. */
export interface TcpListener {
  /** The address that it listens on, in the form that {@link connectTcp} takes to connect from this machine. */
  readonly address: StreamAddress;
  /** The port that it listens on; 0 for a path. */
  readonly port: number;
  /** `tcp://host:port`, or `unix:path`. */
  readonly url: string;
  /** Stops listening. Open links stay open. Resolves when the port or the path is free; idempotent. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Connects over TCP, a Unix socket or a named pipe. Each message follows its length, as {@link streamLink} describes.
 *
 * Rejects with LinkError, whose text says why, when the connection is refused, when it takes longer than `connectTimeout`,
 * and when `signal` aborts (`cause` is its reason).
 *
 * @example
 * const session = await initiate(await connectTcp({ port: 9000 }), { codec: postcard });
 *
 * @throws InvalidArgument at once, when an option is out of range.
 */
export function connectTcp(options: ConnectTcpOptions): Promise<Link> {
  const where = checkAddress(options, 1);
  const links = checkLinkOptions(options);
  const connectTimeout = checkTimeout('connectTimeout', options.connectTimeout ?? 10_000);

  return attemptToConnect(urlOf(where), { connectTimeout, signal: options.signal }, (attempt) => {
    const socket = connect({ ...where, allowHalfOpen: true, noDelay: true } as NetConnectOpts);
    const onError = (error: NodeJS.ErrnoException): void =>
      // If several addresses all refuse, the error is an AggregateError without a text.
      attempt.failed(error.message || error.code || 'the connection failed', error);
    socket.on('error', onError);
    socket.on('connect', () => {
      socket.removeAllListeners('connect');
      attempt.opened(streamLink(socket, links));
      socket.off('error', onError);
    });
    return () => socket.destroy();
  });
}

/**
 * Listens on a TCP port, a Unix socket or a named pipe. Calls `onLink` for each connection, in the same tick. When `onLink`
 * throws, or its promise rejects, the error is reported and that link is aborted; other links are not affected. Clients that come all
 * at once are taken in several turns of the event loop, for about 10 ms in each.
 *
 * For TLS, use a server of `node:tls` of your own and {@link streamLink}.
 *
 * Rejects with LinkError when the port or the path is in use, or can't be listened on.
 *
 * @example
 * await using listener = await listenTcp({ port: 9000 }, async (link) => {
 *   const session = await accept(link, { codec: postcard });
 * });
 *
 * @throws InvalidArgument at once, when an option is out of range.
 */
export function listenTcp(
  options: ListenTcpOptions,
  onLink: (link: Link, socket: Addresses) => void | Promise<void>,
): Promise<TcpListener> {
  const where = checkAddress(options, 0);
  const links = checkLinkOptions(options);
  const { maxConnections = 4096 } = options;
  if (!Number.isInteger(maxConnections) || maxConnections < 1 || maxConnections >= 2 ** 31) {
    throw new InvalidArgument(`maxConnections must be an integer from 1 to 2^31 - 1, not ${String(maxConnections)}`);
  }
  if (typeof onLink !== 'function') throw new InvalidArgument('onLink must be a function');
  const newcomers = new Newcomers(options.pendingBytes);
  const report = guard(options.onError ?? warn, warn);

  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.maxConnections = maxConnections;
  reportRefused(server, maxConnections, report);
  const intake = new Intake();
  server.on('connection', (socket) =>
    intake.add(socket, () => {
      const link = streamLink(socket, links) as StreamLink;
      limitFirstMessage(socket, link, newcomers);
      const failed = (error: unknown): void => {
        link.abort();
        report(error);
      };
      Promise.resolve(guard(onLink, failed)(link, socket)).catch(failed);
    }),
  );

  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = 'port' in where ? 'the port is in use' : 'the path is in use';
      const reason = error.code === 'EADDRINUSE' ? inUse : error.message;
      reject(new LinkError(`cannot listen on ${urlOf(where)}: ${reason}`, error));
    });
    server.listen(where, () => {
      server.removeAllListeners('error');
      server.on('error', report);
      resolve(listenerOf(server, where, intake));
    });
  });
}

/** Counts what the link holds for a first message that is not whole yet. */
function limitFirstMessage(socket: Socket, link: StreamLink, newcomers: Newcomers): void {
  // The link fails with this error.
  const newcomer = new Newcomer(newcomers, socket.remoteAddress, (why) => socket.destroy(new Error(why)));
  let counted = 0;
  const onData = (): void => {
    const held = link.pendingBytes;
    if (held === undefined) {
      done();
    } else if (held > counted) {
      newcomer.count(held - counted);
      counted = held;
    }
  };
  const done = (): void => {
    socket.off('data', onData);
    socket.off('close', done);
    newcomer.settle();
  };
  // The link has added its listener already, and so gets each piece first.
  socket.on('data', onData);
  socket.on('close', done);
}

/** Reports the first of several refused connections in a row. Not each: a peer can make any number of them. */
function reportRefused(server: Server, maxConnections: number, report: (error: unknown) => void): void {
  let isFull = false;
  server.on('drop', () => {
    if (isFull) return;
    isFull = true;
    report(new LinkError(`connections are refused: ${String(maxConnections)} are open (maxConnections)`));
  });
  server.on('connection', () => {
    isFull = false;
  });
}

function listenerOf(server: Server, where: Checked, intake: Intake): TcpListener {
  const port = 'port' in where ? (server.address() as AddressInfo).port : 0;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= new Promise((resolve) => {
      server.close();
      intake.drop();
      // The server's own 'close' would wait for the links. The port is free once the event loop has closed its handle, at
      // the end of this turn.
      setImmediate(() => setImmediate(resolve));
    });
    return closed;
  };
  const address = 'port' in where ? { host: localHost(where.host), port } : where;
  return { address, port, url: urlOf(address), close, [Symbol.asyncDispose]: close };
}

function localHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? 'localhost' : host;
}

type Checked = { readonly port: number; readonly host: string } | { readonly path: string };

function urlOf(where: Checked): string {
  return 'port' in where ? `tcp://${authority(where.host, where.port)}` : `unix:${where.path}`;
}

function checkAddress(options: StreamAddress, leastPort: number): Checked {
  if (typeof options !== 'object' || options === null) throw new InvalidArgument('options must be an object');
  const { port, host = '127.0.0.1', path } = options as { port?: unknown; host?: unknown; path?: unknown };
  if ((port === undefined) === (path === undefined)) throw new InvalidArgument('give either a port or a path');
  if (path !== undefined) {
    if (typeof path !== 'string' || path === '') throw new InvalidArgument('path must be a string that is not empty');
    return { path };
  }
  if (!Number.isInteger(port) || (port as number) < leastPort || (port as number) > 65_535) {
    throw new InvalidArgument(`port must be an integer from ${String(leastPort)} to 65535, not ${String(port)}`);
  }
  if (typeof host !== 'string' || host === '') throw new InvalidArgument('host must be an address or a name');
  return { port: port as number, host };
}

function checkLinkOptions({ maxFrame, closeTimeout = 5000 }: StreamLinkOptions): StreamLinkOptions {
  return { maxFrame: checkMaxFrame(maxFrame), closeTimeout: checkTimeout('closeTimeout', closeTimeout) };
}
