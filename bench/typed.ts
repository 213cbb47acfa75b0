// A typed service on a virtual connection, with MessagePack, as an application would write it.
import {
  type Client,
  channel,
  initiate,
  type Methods,
  method,
  routes,
  type Service,
  service,
  type Tx,
} from 'roam-actors';
import { connectWebSocket } from 'roam-actors/websocket';
import type { Caller, Contender, FirstReply, Peer, Source } from './contender.js';
import { end, serveSessions } from './sessions.js';
import { Arrivals, echoesOf, Payloads } from './traffic.js';

type Stream = readonly [count: number, size: number, items: Tx<Uint8Array>];

/** A channel's credit is that of its method, so there is a method for each credit that is measured. */
const METHODS = {
  echo: method<[Uint8Array], Uint8Array>(),
  stream16: method<[...Stream]>({ credit: 16 }),
  stream256: method<[...Stream]>({ credit: 256 }),
} satisfies Methods;

const Bench: Service<typeof METHODS> = service('Bench', METHODS);

export const typed: Contender = { serve, connect, firstReply };

function serve(source: Source): Promise<Peer> {
  const stream = async (...[count, size, items]: Stream): Promise<void> => {
    const next = source.open(size);
    for (let sent = 0; sent < count; sent++) {
      source.held++;
      await items.send(next());
      source.held--;
    }
    await items.close();
  };
  const handler = Bench.handler({ echo: (bytes) => bytes, stream16: stream, stream256: stream });
  return serveSessions({ onConnection: routes([handler]) }, ({ root }) => root.serve(handler));
}

async function connect(url: string, size: number): Promise<Caller> {
  const session = await initiate(await connectWebSocket(url));
  const client = await session.open(Bench);
  const ask = (request: Parameters<NonNullable<Caller['stream']>>[0]) => {
    const { count, size, credit } = request;
    const [tx, rx] = channel<Uint8Array>({ credit });
    return { rx, answered: streamOf(client, credit)(count, size, tx) };
  };
  return {
    echo: echoesOf(size, (payload) => client.echo(payload)),
    stream: async (request) => {
      const { rx, answered } = ask(request);
      const arrivals = new Arrivals(request);
      for await (const item of rx) arrivals.take(item);
      arrivals.end();
      await answered;
    },
    ignore: async (request) => {
      ask(request).answered.catch(() => {});
    },
    close: () => end(session),
  };
}

function streamOf(client: Client<typeof METHODS>, credit: number) {
  if (credit === 16) return client.stream16;
  if (credit === 256) return client.stream256;
  throw new Error(`no method has a credit of ${credit}`);
}

async function firstReply(url: string, size: number, on?: 'root'): Promise<FirstReply> {
  const payload = new Payloads(size).at(0);
  const started = performance.now();
  const link = await connectWebSocket(url);
  const linked = performance.now();
  const session = await initiate(link, on === 'root' ? {} : { openEarly: [Bench] });
  const established = performance.now();
  const client = on === 'root' ? Bench.client(session.root) : await session.open(Bench);
  const opened = performance.now();
  const answer = await client.echo(payload);
  const replied = performance.now();
  if (!payload.equals(answer)) throw new Error('the first reply is not what was sent');
  await end(session);
  return {
    total: replied - started,
    link: linked - started,
    handshake: established - linked,
    open: opened - established,
    reply: replied - opened,
  };
}
