// A virtual connection and its messages, without the layer of calls, as an application with bare sessions would use it.
import { type Connection, type DataMessage, initiate, type OnConnection } from 'roam-actors';
import { connectWebSocket } from 'roam-actors/websocket';
import type { Caller, Contender, FirstReply, Peer } from './contender.js';
import { end, serveSessions } from './sessions.js';
import { checkCount, countBytes, LAST, Payloads } from './traffic.js';

const METHOD = 1n;
const NOTHING: [] = [];

export const session: Contender = { serve, connect, firstReply };

function serve(): Promise<Peer> {
  return serveSessions({ onConnection });
}

const onConnection: OnConnection = () => ({ type: 'accept', setup: (connection) => void answer(connection) });

async function answer(connection: Connection): Promise<void> {
  let count = 0;
  for await (const { id, body } of connection) {
    if (body.type === 'Call') {
      await connection.sendResponse(id, { channels: NOTHING, metadata: NOTHING, ret: body.args });
    } else if (body.type === 'Item') {
      count++;
      if (body.item[0] === LAST) {
        await connection.send({ type: 'ChannelMessage', id, body: { type: 'Item', item: countBytes(count) } });
        count = 0;
      }
    }
  }
}

async function connect(url: string, size: number): Promise<Caller> {
  const session = await initiate(await connectWebSocket(url));
  const caller = new VirtualCaller(await session.open(), new Payloads(size));
  return {
    echo: (count, inFlight) => caller.echo(count, inFlight),
    flood: (count) => caller.flood(count),
    close: () => end(session),
  };
}

class VirtualCaller {
  readonly #connection: Connection;
  readonly #payloads: Payloads;
  #nextId = 1;
  #onMessage: (message: DataMessage) => void = () => {};
  #onEnd: (error: Error) => void = () => {};

  constructor(connection: Connection, payloads: Payloads) {
    this.#connection = connection;
    this.#payloads = payloads;
    void this.#read();
  }

  async #read(): Promise<void> {
    for await (const message of this.#connection) this.#onMessage(message);
    this.#onEnd(new Error('the connection ended'));
  }

  echo(count: number, inFlight: number): Promise<void> {
    const payloads = this.#payloads;
    let nextAnswer = this.#nextId;
    let sent = 0;
    let received = 0;
    return new Promise((resolve, reject) => {
      this.#onEnd = reject;
      this.#onMessage = ({ id, body }) => {
        try {
          if (body.type !== 'Response' || id !== nextAnswer)
            throw new Error(`${body.type} ${id} is not the next answer`);
          payloads.check(body.ret, received++);
        } catch (error) {
          reject(error);
        }
        nextAnswer += 2;
        if (sent < count) this.#call(payloads.at(sent++));
        else if (received === count) resolve();
      };
      while (sent < Math.min(count, inFlight)) this.#call(payloads.at(sent++));
    });
  }

  /** Sends a Call without awaiting it: the number of calls in flight is bounded, so the outbox always has room. */
  #call(args: Uint8Array): void {
    const id = this.#nextId;
    this.#nextId += 2;
    void this.#connection.send({
      type: 'RequestMessage',
      id,
      body: { type: 'Call', methodId: METHOD, channels: NOTHING, metadata: NOTHING, args },
    });
  }

  async flood(count: number): Promise<void> {
    const connection = this.#connection;
    const payloads = this.#payloads;
    const answered = new Promise<DataMessage>((resolve, reject) => {
      this.#onMessage = resolve;
      this.#onEnd = reject;
    });
    for (let sent = 0; sent < count - 1; sent++) await sendItem(connection, payloads.at(sent));
    await sendItem(connection, payloads.last);
    const { body } = await answered;
    if (body.type !== 'Item') throw new Error(`${body.type} does not answer a flood`);
    checkCount(body.item, count);
  }
}

function sendItem(connection: Connection, item: Uint8Array): Promise<void> {
  return connection.send({ type: 'ChannelMessage', id: 1, body: { type: 'Item', item } });
}

async function firstReply(url: string, size: number): Promise<FirstReply> {
  const payloads = new Payloads(size);
  const started = performance.now();
  const link = await connectWebSocket(url);
  const linked = performance.now();
  const session = await initiate(link);
  const established = performance.now();
  const caller = new VirtualCaller(await session.open(), payloads);
  const opened = performance.now();
  await caller.echo(1, 1);
  const replied = performance.now();
  await end(session);
  return {
    total: replied - started,
    link: linked - started,
    handshake: established - linked,
    open: opened - established,
    reply: replied - opened,
  };
}
