// Both ends of the real wire in this library, as users of typed services write them: the methods of the reference's peer, on
// the root, with postcard or with MessagePack.
import {
  accept,
  type Client,
  channel,
  initiate,
  type Link,
  messagePack,
  method,
  type Session,
  service,
  type Tx,
} from 'roam-actors';
import { connect as connectClient } from 'roam-actors/client';
import { postcard, postcardPayload, t } from 'roam-actors/postcard';
import { reliableAcceptor, reliableLink } from 'roam-actors/reliable';
import { connectTcp, listenTcp } from 'roam-actors/tcp';
import { connectWebSocket, listenWebSocket } from 'roam-actors/websocket';
import type { Caller, FirstReply, StreamRequest } from './contender.js';
import type { Job, Wire } from './control.js';
import { end } from './sessions.js';
import { echoesOf } from './traffic.js';

/** The initial credit that the official handlers give the sender of a stream. */
const CREDIT = 16;

const METHODS = {
  echoBytes: method<[Uint8Array], Uint8Array>(),
  streamBytes: method<[count: number, size: number, output: Tx<Uint8Array>]>({ credit: CREDIT }),
};

const SERVICES = {
  postcard: service(
    'Testbed',
    {
      echo: method({ args: t.args(t.string), result: t.string }),
      echoBytes: method({ args: t.args(t.bytes), result: t.bytes }),
      streamBytes: method({ args: t.args(t.u32, t.u32, t.tx(t.bytes, { credit: CREDIT })) }),
    },
    { codec: postcardPayload },
  ),
  messagePack: service('Testbed', { echo: method<[string], string>(), ...METHODS }),
};

const CODECS = { postcard, messagePack };

/** The items of a stream: each byte is the item's number, as the reference's peer has it. */
const items = new Map<number, readonly Buffer[]>();

function itemsOf(size: number): readonly Buffer[] {
  let known = items.get(size);
  if (known === undefined) {
    known = Array.from({ length: 256 }, (_, number) => Buffer.alloc(size, number));
    items.set(size, known);
  }
  return known;
}

const implementation = {
  echo: (text: string) => text,
  echoBytes: (bytes: Uint8Array) => bytes,
  streamBytes: async (count: number, size: number, output: Tx<Uint8Array>) => {
    const all = itemsOf(size);
    for (let number = 0; number < count; number++) await output.send(all[number % 256] as Buffer);
    await output.close();
  },
};

/** Serves all sessions that come. Resolves with `host:port`. */
export async function serve({ link, codec, isReliable }: Extract<Job, { kind: 'wire-peer' }>): Promise<string> {
  const handler = SERVICES[codec].handler(implementation);
  const accepted = async (incoming: Link): Promise<void> => {
    const session = await accept(incoming, { codec: CODECS[codec] });
    session.root.serve(handler);
  };
  const acceptor = reliableAcceptor({ onLink: accepted });
  const onLink = isReliable === true ? (incoming: Link) => acceptor.take(incoming) : accepted;
  const { port } = link === 'tcp' ? await listenTcp({ port: 0 }, onLink) : await listenWebSocket({ port: 0 }, onLink);
  return `127.0.0.1:${port}`;
}

interface Where extends Wire {
  /** The server's address, as `host:port`. */
  readonly address: string;
}

function linkTo({ isReliable, ...where }: Where): Promise<Link> {
  if (isReliable === true) return reliableLink({ connect: () => linkTo(where) });
  const { link, address } = where;
  const { hostname, port } = new URL(`ws://${address}`);
  return link === 'tcp' ? connectTcp({ host: hostname, port: Number(port) }) : connectWebSocket(`ws://${address}/`);
}

async function clientOf(where: Where): Promise<{ client: Client<typeof METHODS>; session: Session }> {
  if (where.isConnect === true) {
    const client = connectClient(() => linkTo(where), { codec: CODECS[where.codec] });
    const session = await client.session();
    return { client: client.use(SERVICES[where.codec], { on: 'root' }) as Client<typeof METHODS>, session };
  }
  const session = await initiate(await linkTo(where), { codec: CODECS[where.codec] });
  const client = SERVICES[where.codec].client(session.root) as Client<typeof METHODS>;
  return { client, session };
}

export async function connect(where: Where, size: number): Promise<Caller> {
  const { client, session } = await clientOf(where);
  return {
    echo: echoesOf(size, (payload) => client.echoBytes(payload)),
    stream: (request) => stream(client, request),
    close: () => end(session),
  };
}

/** @throws when an item is not the next one, or another number arrives than was asked for. */
async function stream(client: Client<typeof METHODS>, { count, size, credit }: StreamRequest): Promise<void> {
  const [output, input] = channel<Uint8Array>({ credit });
  const answered = client.streamBytes(count, size, output);
  const all = itemsOf(size);
  let received = 0;
  for await (const item of input) {
    if (!(all[received % 256] as Buffer).equals(item)) throw new Error(`item ${received} is not what was sent`);
    received++;
  }
  if (received !== count) throw new Error(`${count} items were asked for, and ${received} arrived`);
  await answered;
}

export async function firstReply(where: Where, size: number): Promise<FirstReply> {
  const payload = Buffer.alloc(size, 7);
  const started = performance.now();
  const link = await linkTo(where);
  const linked = performance.now();
  const session = await initiate(link, { codec: CODECS[where.codec] });
  const established = performance.now();
  const client = SERVICES[where.codec].client(session.root) as Client<typeof METHODS>;
  const answer = await client.echoBytes(payload);
  const replied = performance.now();
  if (!payload.equals(answer)) throw new Error('the first reply is not what was sent');
  await end(session);
  return {
    total: replied - started,
    link: linked - started,
    handshake: established - linked,
    reply: replied - established,
  };
}
