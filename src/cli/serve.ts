import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Acceptance, accept, type Link, type OpenRequest, type Rejection, type SessionOptions } from '../index.js';
import { listenWebSocket } from '../link/websocket-node.js';
import { echo } from './echo.js';
import { closeOf, endOf, Failure, UsageError, verdictOn } from './failure.js';
import { formatMetadata } from './metadata.js';
import { type Command, integer, SESSION_HELP, SESSION_OPTIONS, sessionOptions } from './options.js';
import { interrupted } from './signals.js';

const HELP = `roam-actors serve: accepts sessions over WebSockets, and returns what they send

Usage: roam-actors serve --port N [options]

Every Call gets its args back as a Response, every Item on a channel comes back as an Item. An open whose metadata has
the key 'reject' is rejected with the same metadata. SIGINT or SIGTERM ends all sessions, and then the command; a
second one ends it at once.

Options:
  --port N             the TCP port; 0 takes any free one
  --host HOST          the address to listen on; 127.0.0.1 by default
${SESSION_HELP}`;

/** More than a session may take for its end (limits.flushTimeout). */
const DRAIN_MS = 5_000;

export const serve: Command = {
  summary: 'accepts sessions over WebSockets, and returns what they send',
  help: HELP,
  async run(args) {
    const options = { ...SESSION_OPTIONS, port: { type: 'string' }, host: { type: 'string' } } as const;
    const { values } = parseArgs({ args, options });
    if (values.port === undefined) throw new UsageError('serve needs --port');
    const port = integer('port', values.port, 0, 65_535);
    const server = new Server(sessionOptions(values));
    const listener = await listenWebSocket(
      { port, onError: say, ...(values.host === undefined ? {} : { host: values.host }) },
      (link, request) => server.take(link, request),
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

  /** Shuts every session down, those whose handshake is not over yet too. */
  async drain(): Promise<void> {
    this.#stopping.abort(new Error('the server stops'));
    await Promise.all(this.#sessions);
  }

  async #run(name: string, link: Link, from: string): Promise<void> {
    const { signal } = this.#stopping;
    try {
      const onConnection = (open: OpenRequest) => answer(name, open);
      const session = await accept(link, { ...this.#options, onConnection, signal });
      const { peerMetadata } = session.root;
      console.log(`${name}: from ${from}${peerMetadata.length > 0 ? ` ${formatMetadata(peerMetadata)}` : ''}`);
      const stop = () => session.shutdown();
      signal.addEventListener('abort', stop);
      const [reason] = await Promise.all([session.closed, echo(session.root)]);
      signal.removeEventListener('abort', stop);
      console.log(`${name}: ended, ${endOf(reason)}`);
    } catch (error) {
      say(error, `${name}: from ${from}`);
    }
  }
}

function answer(name: string, { id, metadata }: OpenRequest): Acceptance | Rejection {
  const words = metadata.length > 0 ? ` ${formatMetadata(metadata)}` : '';
  if (metadata.some(({ key }) => key === 'reject')) {
    console.log(`${name}: connection ${id} rejected${words}`);
    return { type: 'reject', metadata };
  }
  return {
    type: 'accept',
    setup: (connection) => {
      console.log(`${name}: connection ${id} opened${words}`);
      void echo(connection).then(async ({ calls, items }) => {
        const done = `${count(calls, 'call')} and ${count(items, 'item')}`;
        console.log(`${name}: connection ${id} closed by ${closeOf(await connection.closed)} after ${done}`);
      });
    },
  };
}

function say(error: unknown, where = 'server'): void {
  console.error(`${where}: ${verdictOn(error).line}`);
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
