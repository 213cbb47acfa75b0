// Calls over a socket that is destroyed ten times: this library with a reliable link, and rsocket with resume. Counts the calls
// that were answered, failed, never settled and executed twice. Both go over a WebSocket through the same proxy, which destroys
// the socket whenever another eleventh of the calls is answered, after a warm-up without cuts. `npm run bench:cuts`; `-- --write` keeps the figures, of which
// docs/reliable.md has the table.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { accept, initiate, method, service } from 'roam-actors';
import { reliableAcceptor, reliableLink } from 'roam-actors/reliable';
import { connectWebSocket, listenWebSocket } from 'roam-actors/websocket';
import { type Payload, RSocketConnector, RSocketServer } from 'rsocket-core';
import { WebsocketClientTransport } from 'rsocket-websocket-client';
import { WebsocketServerTransport } from 'rsocket-websocket-server';
import { WebSocket, WebSocketServer } from 'ws';
import { median } from './median.js';
import { type CutsRow, cutsTable, figuresOf } from './reliable-table.js';

const FILE = fileURLToPath(new URL('../reliable.json', import.meta.url));
const CALLS = 3_000;
const IN_FLIGHT = 8;
const CUTS = 10;
/** Calls before the first one that counts, without cuts: both packages are compiled meanwhile. */
const WARM_UP = 10_000;
const RUNS = 5;
/** A call that is not settled so many milliseconds after the last one that was is taken for lost. */
const SILENCE = 10_000;

/** Serves calls, of which each brings its number and gets it back. */
type Serve = (execute: (call: number) => void) => Promise<number>;

/** Returns a function that makes a call. */
type Connect = (port: number) => Promise<(call: number) => Promise<number>>;

interface Contender {
  readonly title: string;
  readonly serve: Serve;
  readonly connect: Connect;
}

const Numbers = service('Numbers', { echo: method<[call: number], number>() });

const ours: Contender = {
  title: 'reliable link',
  async serve(execute) {
    const handler = Numbers.handler({
      echo: (call) => {
        execute(call);
        return call;
      },
    });
    const acceptor = reliableAcceptor({
      onLink: async (link) => (await accept(link)).root.serve(handler),
    });
    const { port } = await listenWebSocket({ port: 0 }, (link) => acceptor.take(link));
    return port;
  },
  async connect(port) {
    const link = await reliableLink({ connect: (signal) => connectWebSocket(`ws://127.0.0.1:${port}`, { signal }) });
    const client = Numbers.client((await initiate(link)).root);
    return (call) => client.echo(call);
  },
};

const ignored = (): void => {};

function bytesOf(call: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(call);
  return bytes;
}

function callOf({ data }: Payload): number {
  return (data as Buffer).readDoubleBE();
}

const rsocket: Contender = {
  title: 'rsocket with resume',
  async serve(execute) {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    // A socket that is destroyed is an error to `ws`; the transport does not listen for it.
    server.on('connection', (socket) => socket.on('error', ignored));
    const transport = new WebsocketServerTransport({ wsCreator: () => server as never });
    const acceptor = {
      accept: async () => ({
        requestResponse(payload: Payload, subscriber: { onNext(answer: Payload, isComplete: boolean): void }) {
          execute(callOf(payload));
          subscriber.onNext({ data: payload.data as Buffer }, true);
          return { cancel: ignored, onExtension: ignored };
        },
      }),
    };
    await new RSocketServer({ transport, acceptor, resume: { sessionTimeout: 90_000 } }).bind();
    return (server.address() as AddressInfo).port;
  },
  async connect(port) {
    const wsCreator = (address: string) => {
      const socket = new WebSocket(address, { perMessageDeflate: false });
      socket.on('error', ignored);
      return socket as never;
    };
    const transport = new WebsocketClientTransport({ url: `ws://127.0.0.1:${port}`, wsCreator });
    const token = randomBytes(16).toString('hex');
    const connection = await new RSocketConnector({
      transport,
      resume: {
        tokenGenerator: () => Buffer.from(token),
        // At once at first, as a reliable link does.
        reconnectFunction: (attempt) =>
          attempt === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, Math.min(50, 5 * attempt))),
      },
    }).connect();
    return (call) =>
      new Promise((resolve, reject) => {
        connection.requestResponse(
          { data: bytesOf(call) },
          {
            onNext: (payload: Payload) => resolve(callOf(payload)),
            onError: reject,
            onComplete: ignored,
            onExtension: ignored,
          },
        );
      });
  },
};

const CONTENDERS = { ours, rsocket };

async function serving(contender: Contender): Promise<void> {
  const executed = new Map<number, number>();
  const port = await contender.serve((call) => executed.set(call, (executed.get(call) ?? 0) + 1));
  process.on('message', () => process.send?.([...executed.values()].filter((times) => times > 1).length));
  process.on('disconnect', () => process.exit());
  process.send?.(port);
}

/** A proxy, and a function that destroys the sockets through it. */
async function proxyTo(target: number): Promise<{ port: number; cut: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ port: target, host: '127.0.0.1' });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', ignored);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return { port: (server.address() as AddressInfo).port, cut };
}

interface Counts {
  answered: number;
  failed: number;
  unsettled: number;
  twice: number;
  milliseconds: number;
}

async function calling(contender: Contender, server: ChildProcess): Promise<Counts> {
  const [target] = (await once(server, 'message')) as [number];
  const { port, cut } = await proxyTo(target);
  const call = await contender.connect(port);
  for (let number = CALLS; number < CALLS + WARM_UP; number += IN_FLIGHT)
    await Promise.all(Array.from({ length: IN_FLIGHT }, (_, index) => call(number + index)));
  const counts = { answered: 0, failed: 0 };
  let last = performance.now();
  let cuts = 0;
  let next = 0;
  const began = last;
  const caller = async (): Promise<void> => {
    while (next < CALLS) {
      const number = next++;
      try {
        if ((await call(number)) === number) counts.answered++;
        else counts.failed++;
      } catch {
        counts.failed++;
      }
      last = performance.now();
      if (cuts < CUTS && counts.answered + counts.failed >= ((cuts + 1) * CALLS) / (CUTS + 1)) {
        cuts++;
        cut();
      }
    }
  };
  const all = Promise.all(Array.from({ length: IN_FLIGHT }, caller)).then(() => true);
  for (;;) {
    const isOver = await Promise.race([all, new Promise<false>((resolve) => setTimeout(resolve, 100, false))]);
    if (isOver || performance.now() - last > SILENCE) break;
  }
  server.send('twice');
  const [twice] = (await once(server, 'message')) as [number];
  if (cuts < CUTS) process.stderr.write(`${contender.title}: only ${cuts} cuts\n`);
  const unsettled = CALLS - counts.answered - counts.failed;
  return { ...counts, unsettled, twice, milliseconds: last - began };
}

const [role, name] = process.argv.slice(2) as [string | undefined, keyof typeof CONTENDERS];
const program = fileURLToPath(import.meta.url);
if (role === 'serve') {
  await serving(CONTENDERS[name]);
} else if (role === 'call') {
  const server = fork(program, ['serve', name]);
  process.send?.(await calling(CONTENDERS[name], server));
  server.kill();
  process.exit(0);
} else {
  const runs: Record<keyof typeof CONTENDERS, Counts[]> = { ours: [], rsocket: [] };
  for (let run = 0; run < RUNS; run++) {
    for (const contender of ['ours', 'rsocket'] as const) {
      const caller = fork(program, ['call', contender]);
      const [counts] = (await once(caller, 'message')) as [Counts];
      runs[contender].push(counts);
      console.log(contender, JSON.stringify(counts));
    }
  }
  const rows = (['ours', 'rsocket'] as const).map((contender): CutsRow => {
    const of = (count: keyof Counts) => Math.round(median(runs[contender].map((counts) => counts[count])));
    return {
      contender: CONTENDERS[contender].title,
      runs: RUNS,
      calls: CALLS,
      inFlight: IN_FLIGHT,
      cuts: CUTS,
      answered: of('answered'),
      failed: of('failed'),
      unsettled: of('unsettled'),
      twice: of('twice'),
      milliseconds: of('milliseconds'),
    };
  });
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const figures = { ...figuresOf(FILE), cuts: { commit, node: process.version, rows } };
  console.log(`\n${cutsTable(figures)}`);
  if (role === '--write') writeFileSync(FILE, `${JSON.stringify(figures, undefined, 2)}\n`);
  process.exit(0);
}
