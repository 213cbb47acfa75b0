import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { offAbort, onAbort } from '../base/abort.js';
import { MAX_TEXT } from '../base/printable.js';
import { sparing } from '../base/report.js';
import {
  type Acceptance,
  accept,
  type Connection,
  ConnectionClosed,
  type Link,
  type Metadata,
  type OpenRequest,
  type Rejection,
  type Report,
  routes,
  type ServiceHandler,
  type Session,
  type SessionOptions,
  Unavailable,
} from '../index.js';
import { authority } from '../link/listen.js';
import { reliableAcceptor } from '../reliable/index.js';
import { SERVICE } from '../wire/metadata.js';
import { ADDRESS_HELP, type Address, listen, parseAddress } from './address.js';
import { loadHandler } from './definition.js';
import { echo } from './echo.js';
import { closeOf, endOf, Failure, UsageError, verdictOn } from './failure.js';
import { formatMetadata } from './metadata.js';
import { type Command, integer, SESSION_HELP, SESSION_OPTIONS, sessionOptions } from './options.js';
import { Demo, demoHandler, MOST, typedDemoHandler } from './service.js';
import { interrupted } from './signals.js';
import { stdioLink } from './stdio.js';

const HELP = `roam-actors serve: accepts sessions, offers a small service, and returns what else they send

Usage: roam-actors serve ADDRESS [options]
       roam-actors serve --port N [options]

A connection that is opened for the service ${Demo.name}, by 'service' in the open's metadata, has four methods, which
roam-actors call calls:

  echo(value)               returns the value
  sum(numbers)              the sum of the numbers on a channel of the caller's, ${MOST.numbers} at most
  generate(count, numbers)  sends the numbers from 1 to count, ${MOST.items} at most, on a channel of the caller's
  slow(milliseconds)        takes that long, ${MOST.milliseconds} at most, unless it is cancelled, and returns it

A connection for another service is rejected. On one for none, and on the root, every Call gets its args back as a
Response, every Item on a channel comes back as an Item. An open whose metadata has the key 'reject' is rejected with the
same metadata. With --codec postcard the service is on the root, too, where Rust programs call it; echo is of strings then.
At SIGINT or SIGTERM it takes no more sessions and calls, lets the calls at work end within 20 s, and ends; a second signal
ends it at once. What peers cause is told ten times a minute for each kind of line, and then how often more; of their words
a line has ${MAX_TEXT} characters.

${ADDRESS_HELP}
  stdio:               stdin and stdout, for one session; everything that is told goes to stderr

Options:
  --port N             the TCP port of ws://HOST:N; 0 takes any free one
  --host HOST          the address to listen on with --port; 127.0.0.1 by default
  --allow-origin ORIGIN  lets pages of this origin connect, such as https://app.example; '*' of all; as often as needed
  --allow-host NAME    a name by which clients know this server, such as that of a proxy; '*' any; as often as needed
  --reliable           also takes links that outlive their connections, beside those that don't
  --service FILE[#NAME]  offers a service of yours instead: a module that exports what its handler() gives, as NAME. With
                       --codec postcard it is on the root, and on connections that are opened for no service, too
${SESSION_HELP}`;

/** The time for the calls at work, once a signal has come. Milliseconds. */
const DRAIN_MS = 20_000;

/** The time for the rest of a drain: cut handlers, and the outbox. Milliseconds. */
const END_MS = 5_000;

export const serve: Command = {
  summary: 'accepts sessions, offers a small service, and returns what else they send',
  help: HELP,
  speaksOnStdout: (args) => args.includes('stdio:'),
  async run(args) {
    const options = {
      ...SESSION_OPTIONS,
      port: { type: 'string' },
      host: { type: 'string' },
      'allow-origin': { type: 'string', multiple: true },
      'allow-host': { type: 'string', multiple: true },
      reliable: { type: 'boolean' },
      service: { type: 'string' },
    } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const address = addressOf(values, positionals);
    const [origins, hosts] = [values['allow-origin'] ?? [], values['allow-host'] ?? []];
    if (address.scheme !== 'ws' && origins.length + hosts.length > 0) {
      throw new UsageError('--allow-origin and --allow-host are for WebSockets: ws://HOST:PORT');
    }
    const { reliable = false } = values;
    if (reliable && address.scheme === 'stdio') throw new UsageError('--reliable needs an address to come back to');
    const settings = sessionOptions(values);
    // The link comes first: a module of the user may print while it is loaded.
    const link = address.scheme === 'stdio' ? stdioLink() : undefined;
    const server = new Server(settings, await offerOf(values));
    if (address.scheme === 'stdio') return speak(server, link as Link);
    const onError = (error: unknown) => server.fail('server', error);
    const allowed = { origins, hosts: [hostname(), ...hosts] };
    const take = (link: Link, from: string) => void server.take(link, from);
    const acceptor = reliable
      ? reliableAcceptor<string>({ onLink: (link, { info }) => take(link, info), onError })
      : undefined;
    const taking = acceptor === undefined ? take : (link: Link, from: string) => acceptor.take(link, from);
    const listener = await listen(address, { ...allowed, onError }, taking);
    console.log(`listening on ${listener.url}, until SIGINT or SIGTERM`);
    await interrupted();
    console.log(`stopping: ${count(server.size, 'session')}`);
    const drained = server.drain();
    await listener.close();
    acceptor?.close();
    const most = DRAIN_MS + END_MS;
    const late = new Failure(`not all sessions ended within ${most} ms`);
    await Promise.race([drained, delay(most, undefined, { ref: false }).then(() => Promise.reject(late))]);
    console.log('stopped');
  },
};

function addressOf(values: { port?: string; host?: string }, positionals: readonly string[]): Address {
  const { port, host = '127.0.0.1' } = values;
  const [url, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`serve takes one address, not ${positionals.length}`);
  if (url !== undefined) {
    if (port !== undefined || values.host !== undefined) {
      throw new UsageError('serve takes an address, or --port and --host, not both');
    }
    return parseAddress(url);
  }
  if (port === undefined) throw new UsageError('serve needs an address, such as ws://127.0.0.1:9000, or --port');
  if (host === '') throw new UsageError('--host must be an address or a name');
  return { scheme: 'ws', url: `ws://${authority(host, integer('port', port, 0, 65_535))}` };
}

/** Serves the one session on stdin and stdout until its end or a signal. */
async function speak(server: Server, link: Link): Promise<void> {
  const session = server.take(link, 'stdin');
  await Promise.race([session, interrupted()]);
  await server.drain();
  if (!(await session)) process.exitCode = 1;
}

/** The offer of a server. */
interface Offer {
  readonly handler: ServiceHandler;
  /** True if the root serves it instead of an echo. */
  readonly isOnRoot: boolean;
  /** True if it also serves a connection that was opened without a service's name. */
  readonly isDefault: boolean;
}

async function offerOf({ codec, service }: { codec?: string; service?: string }): Promise<Offer> {
  const isOnRoot = codec === 'postcard';
  if (service !== undefined) return { handler: await loadHandler(service), isOnRoot, isDefault: isOnRoot };
  return { handler: isOnRoot ? typedDemoHandler() : demoHandler(), isOnRoot, isDefault: false };
}

class Server {
  readonly #options: SessionOptions;
  readonly #offer: Offer;
  readonly #stopping = new AbortController();
  readonly #sessions = new Set<Promise<boolean>>();
  /** Peers cause these lines, so their number is limited. */
  readonly #log = sparing<Line>(({ message }) => console.log(message));
  readonly #complain = sparing<Line>(({ message }) => console.error(message));
  #last = 0;

  constructor(options: SessionOptions, offer: Offer) {
    this.#options = options;
    this.#offer = offer;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Runs a session to its end. Resolves with true if it ended in order. */
  take(link: Link, from: string): Promise<boolean> {
    const session = this.#run(`session ${++this.#last}`, link, from);
    this.#sessions.add(session);
    void session.finally(() => this.#sessions.delete(session));
    return session;
  }

  /** Writes an error to stderr. Errors with the same `what` count as one kind, over all sessions. */
  fail(what: string, error: unknown, where = what): void {
    this.#complain({ kind: what, message: `${where}: ${verdictOn(error).line}` });
  }

  /** Drains every session, and refuses those whose handshake is not over. */
  async drain(): Promise<void> {
    this.#stopping.abort(new Unavailable('the server takes no more sessions'));
    await Promise.all(this.#sessions);
  }

  async #run(name: string, link: Link, from: string): Promise<boolean> {
    const { signal } = this.#stopping;
    try {
      const onConnection = (open: OpenRequest) => this.#answer(name, open);
      const onReport = ({ kind, message, error }: Report) => {
        const where = `${name}: ${message}`;
        if (error === undefined) this.#complain({ kind, message: where });
        else this.fail(kind, error, where);
      };
      const session = await accept(link, { ...this.#options, onConnection, onReport, signal });
      const { peerMetadata } = session.root;
      this.#log({ kind: 'from', message: `${name}: from ${from}${wordsOf(peerMetadata)}` });
      const stop = () => void session.drain({ timeout: DRAIN_MS });
      onAbort(signal, stop);
      if (this.#offer.isOnRoot) serveRoot(session, this.#offer.handler);
      const echoed = this.#offer.isOnRoot ? undefined : echo(session.root);
      const [reason] = await Promise.all([session.closed, echoed]);
      offAbort(signal, stop);
      this.#log({ kind: 'ended', message: `${name}: ended, ${endOf(reason)}` });
      return reason.error === undefined;
    } catch (error) {
      this.fail('session', error, `${name}: from ${from}`);
      return false;
    }
  }

  async #answer(name: string, open: OpenRequest): Promise<Acceptance | Rejection> {
    const { id, metadata } = open;
    const decision = await decide(open, this.#offer);
    const tell = (kind: string, more: string) =>
      this.#log({ kind, message: `${name}: connection ${id} ${kind}${more}` });
    if (decision.type === 'reject') {
      tell('rejected', wordsOf(metadata));
      return decision;
    }
    return {
      type: 'accept',
      setup: (connection) => {
        tell('opened', wordsOf(metadata));
        void decision.serve(connection).then(async (done) => {
          tell('closed', ` by ${closeOf(await connection.closed)} after ${done}`);
        });
      },
    };
  }
}

function serveRoot({ root }: Session, handler: ServiceHandler): void {
  try {
    root.serve(handler);
  } catch (error) {
    // A message right behind the Hello has ended the session. `closed` reports the reason.
    if (!(error instanceof ConnectionClosed)) throw error;
  }
}

function wordsOf(metadata: Metadata): string {
  return metadata.length > 0 ? ` ${formatMetadata(metadata)}` : '';
}

/** A line of the log, with its kind. */
interface Line {
  readonly kind: string;
  readonly message: string;
}

/** The decision on an open. `serve` resolves once the connection is closed, with a count of its messages as text. */
type Decision = Rejection | { readonly type: 'accept'; serve(connection: Connection): Promise<string> };

async function decide(open: OpenRequest, { handler, isDefault }: Offer): Promise<Decision> {
  const { metadata } = open;
  if (metadata.some(({ key }) => key === 'reject')) return { type: 'reject', metadata };
  const isForNone = !metadata.some(({ key }) => key === SERVICE);
  if (isForNone && !isDefault) return { type: 'accept', serve: serveEcho };
  let calls = 0;
  const { service, refusals, credit } = handler;
  const counting: ServiceHandler = Object.assign(
    (...given: Parameters<ServiceHandler>) => {
      calls++;
      return handler(...given);
    },
    { service, refusals, credit },
  );
  const decision: Acceptance | Rejection = isForNone
    ? { type: 'accept', setup: (connection) => connection.serve(counting) }
    : await routes([counting])(open);
  if (decision.type === 'reject') return decision;
  const serveService = (connection: Connection): Promise<string> => {
    void decision.setup?.(connection);
    return connection.closed.then(() => count(calls, 'call'));
  };
  return { type: 'accept', serve: serveService };
}

async function serveEcho(connection: Connection): Promise<string> {
  const { calls, items } = await echo(connection);
  return `${count(calls, 'call')} and ${count(items, 'item')}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
