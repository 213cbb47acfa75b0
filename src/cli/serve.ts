import type { IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { offAbort, onAbort } from '../aborts.js';
import {
  type Acceptance,
  accept,
  type Connection,
  type HandlerMiddleware,
  type Link,
  type Metadata,
  type OpenRequest,
  type Rejection,
  type Report,
  routes,
  type SessionOptions,
} from '../index.js';
import { listenWebSocket } from '../link/websocket-node.js';
import { MAX_TEXT } from '../printable.js';
import { sparing } from '../report.js';
import { SERVICE } from '../wire/metadata.js';
import { echo } from './echo.js';
import { closeOf, endOf, Failure, UsageError, verdictOn } from './failure.js';
import { formatMetadata } from './metadata.js';
import { type Command, integer, SESSION_HELP, SESSION_OPTIONS, sessionOptions } from './options.js';
import { Demo, demoHandler, MOST } from './service.js';
import { interrupted } from './signals.js';

const HELP = `roam-actors serve: accepts sessions over WebSockets, offers a small service, and returns what else they send

Usage: roam-actors serve --port N [options]

A connection that is opened for the service ${Demo.name}, by 'service' in the open's metadata, has four methods, which
roam-actors call calls:

  echo(value)               returns the value
  sum(numbers)              the sum of the numbers on a channel of the caller's, ${MOST.numbers} at most
  generate(count, numbers)  sends the numbers from 1 to count, ${MOST.items} at most, on a channel of the caller's
  slow(milliseconds)        takes that long, ${MOST.milliseconds} at most, unless it is cancelled, and returns it

A connection for another service is rejected. On one for none, and on the root, every Call gets its args back as a
Response, every Item on a channel comes back as an Item. An open whose metadata has the key 'reject' is rejected with the
same metadata. SIGINT or SIGTERM ends all sessions, and then the command; a second one ends it at once. What peers cause is
told ten times a minute for each kind of line, and then how often more; of their words a line has ${MAX_TEXT} characters.

Options:
  --port N             the TCP port; 0 takes any free one
  --host HOST          the address to listen on; 127.0.0.1 by default
  --allow-origin ORIGIN  lets pages of this origin connect, such as https://app.example; '*' of all; as often as needed
  --allow-host NAME    a name by which clients know this server, such as that of a proxy; '*' any; as often as needed
${SESSION_HELP}`;

/** More than a session may take for its end (limits.flushTimeout). */
const DRAIN_MS = 5_000;

export const serve: Command = {
  summary: 'accepts sessions, offers a small service, and returns what else they send',
  help: HELP,
  async run(args) {
    const options = {
      ...SESSION_OPTIONS,
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      'allow-origin': { type: 'string', multiple: true },
      'allow-host': { type: 'string', multiple: true },
    } as const;
    const { values } = parseArgs({ args, options });
    const { host } = values;
    if (values.port === undefined) throw new UsageError('serve needs --port');
    const port = integer('port', values.port, 0, 65_535);
    const server = new Server(sessionOptions(values));
    const [origins, hosts] = [values['allow-origin'] ?? [], [hostname(), ...(values['allow-host'] ?? [])]];
    const onError = (error: unknown) => server.fail('server', error);
    const listener = await listenWebSocket({ port, host, origins, hosts, onError }, (link, request) =>
      server.take(link, request),
    );
    console.log(`listening on ${listener.url}, until SIGINT or SIGTERM`);
    await interrupted();
    console.log(`stopping: ${count(server.size, 'session')}`);
    await listener.close();
    const late = new Failure(`not all sessions ended within ${DRAIN_MS} ms`);
    await Promise.race([server.drain(), delay(DRAIN_MS, undefined, { ref: false }).then(() => Promise.reject(late))]);
    console.log('stopped');
  },
};

class Server {
  readonly #options: SessionOptions;
  readonly #stopping = new AbortController();
  readonly #sessions = new Set<Promise<void>>();
  /** The peers cause these lines. */
  readonly #log = sparing<Line>(({ message }) => console.log(message));
  readonly #complain = sparing<Line>(({ message }) => console.error(message));
  #last = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  take(link: Link, request: IncomingMessage): void {
    const { remoteAddress = '?', remotePort = 0 } = request.socket;
    const session = this.#run(`session ${++this.#last}`, link, `${remoteAddress}:${remotePort}`);
    this.#sessions.add(session);
    void session.finally(() => this.#sessions.delete(session));
  }

  /** Writes what went wrong to stderr. `what` counts as one kind, of all sessions together. */
  fail(what: string, error: unknown, where = what): void {
    this.#complain({ kind: what, message: `${where}: ${verdictOn(error).line}` });
  }

  /** Shuts every session down, those whose handshake is not over yet too. */
  async drain(): Promise<void> {
    this.#stopping.abort(new Error('the server stops'));
    await Promise.all(this.#sessions);
  }

  async #run(name: string, link: Link, from: string): Promise<void> {
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
      const stop = () => session.shutdown();
      onAbort(signal, stop);
      const [reason] = await Promise.all([session.closed, echo(session.root)]);
      offAbort(signal, stop);
      this.#log({ kind: 'ended', message: `${name}: ended, ${endOf(reason)}` });
    } catch (error) {
      this.fail('session', error, `${name}: from ${from}`);
    }
  }

  async #answer(name: string, open: OpenRequest): Promise<Acceptance | Rejection> {
    const { id, metadata } = open;
    const decision = await decide(open);
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

function wordsOf(metadata: Metadata): string {
  return metadata.length > 0 ? ` ${formatMetadata(metadata)}` : '';
}

/** A line of the log, and of which kind. */
interface Line {
  readonly kind: string;
  readonly message: string;
}

/** What becomes of an open: `serve` resolves once the connection is closed, with how much that was. */
type Decision = Rejection | { readonly type: 'accept'; serve(connection: Connection): Promise<string> };

async function decide(open: OpenRequest): Promise<Decision> {
  const { metadata } = open;
  if (metadata.some(({ key }) => key === 'reject')) return { type: 'reject', metadata };
  if (!metadata.some(({ key }) => key === SERVICE)) return { type: 'accept', serve: serveEcho };
  let calls = 0;
  const counting: HandlerMiddleware = (call, next) => {
    calls++;
    return next(call);
  };
  const decision = await routes([demoHandler([counting])])(open);
  if (decision.type === 'reject') return decision;
  const serveDemo = (connection: Connection): Promise<string> => {
    void decision.setup?.(connection);
    return connection.closed.then(() => count(calls, 'call'));
  };
  return { type: 'accept', serve: serveDemo };
}

async function serveEcho(connection: Connection): Promise<string> {
  const { calls, items } = await echo(connection);
  return `${count(calls, 'call')} and ${count(items, 'item')}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
