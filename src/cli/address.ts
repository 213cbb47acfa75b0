import { statSync } from 'node:fs';
import { type Limits, type Link, LinkError } from '../index.js';
import type { Addresses } from '../link/socket-ws.js';
import { connectTcp, listenTcp, type StreamAddress } from '../link/tcp.js';
import { connectWebSocket, type ListenWebSocketOptions, listenWebSocket } from '../link/websocket-node.js';
import { Child } from './child.js';
import { Failure, UsageError } from './failure.js';

/** The address that a command connects to, or listens on. */
export type Address =
  | { readonly scheme: 'ws'; readonly url: string }
  | { readonly scheme: 'stream'; readonly where: StreamAddress; readonly url: string }
  | { readonly scheme: 'stdio' };

/** The addresses that every command takes, as text for its help. */
export const ADDRESS_HELP = `Addresses:
  ws://HOST:PORT       a WebSocket; wss:// to connect with TLS
  tcp://HOST:PORT      TCP, each message with its length before it
  unix:PATH            a Unix socket, likewise
  pipe:NAME            a named pipe of Windows, likewise`;

/** The address that only connecting commands take, as text for their help. */
export const CHILD_HELP =
  '  stdio:               the stdin and stdout of a command, which stands behind --; it is ended with the session';

const SCHEMES = 'ws://HOST:PORT, wss://HOST:PORT, tcp://HOST:PORT, unix:PATH, pipe:NAME or stdio:';

/** The longest path of a Unix socket in bytes. Some systems cut a longer one silently. */
const MAX_PATH = process.platform === 'linux' ? 107 : 103;

/** @throws UsageError that says which forms an address has, and which address the user may have meant. */
export function parseAddress(text: string): Address {
  const guess = guessOf(text);
  if (guess !== undefined) throw new UsageError(`'${text}' has no scheme: did you mean ${guess}?`);
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'ws':
    case 'wss':
      return { scheme: 'ws', url: text };
    case 'tcp':
      return tcp(text);
    case 'unix':
      return unix(text.slice('unix:'.length));
    case 'pipe':
      return pipe(text.slice('pipe:'.length));
    case 'stdio':
      if (text.length > 'stdio:'.length) throw new UsageError(`stdio: has nothing behind it, not '${text}'`);
      return { scheme: 'stdio' };
    default:
      // The text is not quoted in the error: it may hold a password.
      throw new UsageError(
        scheme === undefined ? `this is no address, such as ${SCHEMES}` : `no scheme '${scheme}:', but ${SCHEMES}`,
      );
  }
}

/** Guesses the full address that the user meant by one without a scheme. */
function guessOf(text: string): string | undefined {
  if (/^([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\]):\d{1,5}$/i.test(text)) return `ws://${text}`;
  if (/^\d{1,5}$/.test(text)) return `ws://127.0.0.1:${text}`;
  if (/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(text)) return `ws://${text}:PORT`;
  if (/^\.{0,2}\//.test(text)) return `unix:${text}`;
  return undefined;
}

function tcp(text: string): Address {
  if (!URL.canParse(text)) throw new UsageError('this is not tcp://HOST:PORT');
  const { hostname, port, username, password, pathname, search, hash } = new URL(text);
  if (hostname === '') throw new UsageError('tcp://HOST:PORT needs a host');
  if (port === '') throw new UsageError('tcp://HOST:PORT needs a port');
  if (username + password + search + hash !== '' || !['', '/'].includes(pathname)) {
    throw new UsageError('tcp://HOST:PORT has no user, path, query or fragment');
  }
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  return { scheme: 'stream', where: { host, port: Number(port) }, url: `tcp://${hostname}:${port}` };
}

function unix(rest: string): Address {
  if (process.platform === 'win32') {
    throw new UsageError('unix: is not to be had in Node on Windows; pipe:NAME is');
  }
  const path = rest.startsWith('///') ? rest.slice(2) : rest;
  if (path.startsWith('//')) throw new UsageError(`unix:${rest} has a host: a path is unix:PATH, or unix:///PATH`);
  if (path === '') throw new UsageError('unix:PATH needs a path');
  if (path.includes('\0')) throw new UsageError('the path of unix:PATH has a zero byte');
  const size = Buffer.byteLength(path);
  if (size > MAX_PATH) {
    throw new UsageError(`the path of a Unix socket has at most ${MAX_PATH} bytes here, not ${size}`);
  }
  return { scheme: 'stream', where: { path }, url: `unix:${path}` };
}

function pipe(name: string): Address {
  if (process.platform !== 'win32') throw new UsageError('pipe: is a named pipe of Windows; here it is unix:PATH');
  if (name === '') throw new UsageError('pipe:NAME needs a name');
  const path = /^\\\\[.?]\\pipe\\/i.test(name) ? name : `\\\\.\\pipe\\${name}`;
  return { scheme: 'stream', where: { path }, url: `pipe:${name}` };
}

/** Splits the arguments of a command at `--`. With `stdio:`, the rest behind `--` is the command to run. */
export function takeCommand(args: readonly string[]): { readonly args: string[]; readonly command: string[] } {
  const at = args.indexOf('--');
  // Without `stdio:`, the rest behind `--` are arguments of our own command, which may begin with a dash.
  if (at < 0 || !args.slice(0, at).includes('stdio:')) return { args: [...args], command: [] };
  return { args: args.slice(0, at), command: args.slice(at + 1) };
}

/** The target of a command that connects: an address, and with `stdio:` the command to run. */
export interface Target {
  readonly address: Address;
  readonly command: readonly string[];
}

/** @throws UsageError when the address is none, or `stdio:` lacks a command. */
export function targetOf(url: string, command: readonly string[]): Target {
  const address = parseAddress(url);
  if (address.scheme === 'stdio' && command.length === 0) {
    throw new UsageError('stdio: needs the command to run, behind the rest: stdio: -- COMMAND ARGS');
  }
  return { address, command };
}

/** The handshake timeout for a command at the other end: it needs time to start before its HelloYourself. Milliseconds. */
const START_MS = 60_000;

/** Returns the limits for a session with the target, as far as they differ from the defaults. */
export function limitsFor({ address }: Target): Partial<Limits> {
  return address.scheme === 'stdio' ? { handshakeTimeout: START_MS } : {};
}

/** Options of {@link dial}. Times in milliseconds. */
export interface DialOptions {
  readonly closeTimeout?: number;
  readonly signal?: AbortSignal;
}

/** A link, and a function that explains errors on it. */
export interface Dialled {
  readonly link: Link;
  /** Returns the error. With `stdio:`, the error also says how the command at the other end has ended. */
  explain(error: unknown): Promise<unknown>;
}

export async function dial({ address, command }: Target, options: DialOptions = {}): Promise<Dialled> {
  if (address.scheme === 'stdio') {
    const child = await Child.start(command, options);
    return { link: child.link, explain: (error) => child.explain(error) };
  }
  const explain = (error: unknown) => Promise.resolve(error);
  if (address.scheme === 'ws') return { link: await connectWebSocket(address.url, options), explain };
  try {
    return { link: await connectTcp({ ...address.where, ...options }), explain };
  } catch (error) {
    throw describePath(address.where, error);
  }
}

/** Runs `use` over a link to the target. With `stdio:`, an error of `use` also says how the command has ended. */
export async function withLink<T>(target: Target, options: DialOptions, use: (link: Link) => Promise<T>): Promise<T> {
  const { link, explain } = await dial(target, options);
  try {
    return await use(link);
  } catch (error) {
    throw await explain(error);
  }
}

/** Explains an error on a path. Node reports `ECONNREFUSED` also for a file that is no socket. */
function describePath(where: StreamAddress, error: unknown): unknown {
  if (!(error instanceof LinkError) || !('path' in where) || process.platform === 'win32') return error;
  const kind = kindOf(where.path);
  return kind === undefined || kind === 'a socket'
    ? error
    : new Failure(`${error.message} (${where.path} is ${kind}, not a socket)`, { cause: error });
}

function kindOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (stats.isSocket()) return 'a socket';
  return stats.isDirectory() ? 'a directory' : 'a file';
}

/** An open listener. */
export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Options of {@link listen}. Those of a WebSocket have no effect for other addresses. */
export type ListenOptions = Pick<ListenWebSocketOptions, 'closeTimeout' | 'hosts' | 'onError' | 'origins'>;

/** Calls `onLink` with each new link, and with a text that says where the link comes from. */
export async function listen(
  address: Exclude<Address, { scheme: 'stdio' }>,
  options: ListenOptions,
  onLink: (link: Link, from: string) => void,
): Promise<Listening> {
  if (address.scheme === 'ws') {
    const where = placeOf(address.url);
    return listenWebSocket({ ...where, ...options }, (link, { socket }) => onLink(link, nameOf(socket)));
  }
  const { where, url } = address;
  const { closeTimeout, onError } = options;
  const times = closeTimeout === undefined ? {} : { closeTimeout };
  const reports = onError === undefined ? {} : { onError };
  try {
    const listener = await listenTcp({ ...where, ...times, ...reports }, (link, socket) =>
      onLink(link, 'path' in where ? url : nameOf(socket)),
    );
    return { url: 'path' in where ? url : listener.url, close: () => listener.close() };
  } catch (error) {
    if (!('path' in where) || !(error instanceof LinkError) || process.platform === 'win32') throw error;
    const hint = kindOf(where.path) === 'a socket' ? 'remove it, unless a server is behind it' : undefined;
    if (hint === undefined) throw describePath(where, error);
    throw new Failure(`${error.message}: ${hint}`, { cause: error });
  }
}

function nameOf({ remoteAddress = '?', remotePort = 0 }: Addresses): string {
  return `${remoteAddress}:${remotePort}`;
}

/** Returns the host and port of a WebSocket's URL to listen on. */
function placeOf(text: string): { readonly host: string; readonly port: number } {
  if (!URL.canParse(text)) throw new UsageError('this is not ws://HOST:PORT');
  const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(text);
  if (protocol === 'wss:') throw new UsageError('a server of TLS is a proxy before this one: listen on ws://HOST:PORT');
  if (pathname !== '/' || search + hash + username + password !== '') {
    throw new UsageError('ws://HOST:PORT to listen on has no user, path, query or fragment');
  }
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? 80 : Number(port) };
}
