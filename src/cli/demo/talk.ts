import type { Call, ChannelMessage, Connection, Metadata, RequestId, RequestMessage } from '../../index.js';

/** Answers a Call with the bytes to return. */
export type Answer = (call: Call) => Uint8Array | Promise<Uint8Array>;

/** The optional parts of a Call. */
interface CallOptions {
  readonly channels?: readonly number[];
  readonly metadata?: Metadata;
}

/** The number of items that a receiver allows its sender at a time. */
export const CREDIT = 2;

/** One end of a channel. */
interface Channel {
  readonly items: Uint8Array[];
  credit: number;
  isClosed: boolean;
  changed: () => void;
}

/** A minimal driver for a connection. It matches Responses to Calls, and senders on its channels wait for credit. */
export class Talk {
  readonly connection: Connection;
  /** Items for which there was no credit. */
  overruns = 0;
  readonly #answer: Answer;
  readonly #calls = new Map<RequestId, { resolve(ret: Uint8Array): void; reject(error: Error): void }>();
  readonly #channels = new Map<number, Channel>();
  #lastRequest: number;
  #lastChannel: number;

  constructor(connection: Connection, answer: Answer) {
    this.connection = connection;
    this.#answer = answer;
    this.#lastRequest = connection.parity === 'odd' ? -1 : 0;
    this.#lastChannel = this.#lastRequest;
    void this.#read();
  }

  /** Resolves with what the Response returns; rejects when the connection closes before. */
  call(methodId: bigint, args: Uint8Array, { channels = [], metadata = [] }: CallOptions = {}): Promise<Uint8Array> {
    this.#lastRequest += 2;
    const id = this.#lastRequest;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      const body: Call = { type: 'Call', methodId, channels, metadata, args };
      this.connection.send({ type: 'RequestMessage', id, body }).catch(reject);
    });
  }

  /** Makes a Call that names a new channel of ours, then sends items on it. Each item waits for credit from the peer. */
  async callWithItems(methodId: bigint, items: readonly Uint8Array[]): Promise<Uint8Array> {
    this.#lastChannel += 2;
    const id = this.#lastChannel;
    const answer = this.call(methodId, new Uint8Array(), { channels: [id] });
    const channel = this.#channel(id);
    for (const item of items) {
      while (channel.credit === 0) await changeOf(channel);
      channel.credit--;
      await this.#send(id, { type: 'Item', item });
    }
    await this.#send(id, { type: 'Close', metadata: [] });
    return answer;
  }

  /** Receives the items of a channel that the peer's Call has named, until its Close. */
  async receive(id: number): Promise<Uint8Array[]> {
    const channel = this.#channel(id);
    const items: Uint8Array[] = [];
    while (!channel.isClosed || channel.items.length > 0) {
      if (channel.credit === 0 && channel.items.length === 0) {
        channel.credit = CREDIT;
        await this.#send(id, { type: 'GrantCredit', additional: CREDIT });
      }
      items.push(...channel.items.splice(0));
      if (!channel.isClosed && channel.items.length === 0 && channel.credit > 0) await changeOf(channel);
    }
    return items;
  }

  async #read(): Promise<void> {
    for await (const message of this.connection) {
      if (message.type === 'RequestMessage') this.#takeRequest(message);
      else this.#takeChannel(message);
    }
    const error = new Error(`connection ${this.connection.id} was closed before its Response`);
    for (const { reject } of this.#calls.values()) reject(error);
  }

  #takeRequest({ id, body }: RequestMessage): void {
    if (body.type === 'Call') {
      // Not awaited: the items of a channel that the Call names come after it on this connection.
      void this.#reply(id, body);
    } else if (body.type === 'Response') {
      this.#calls.get(id)?.resolve(body.ret);
      this.#calls.delete(id);
    }
  }

  async #reply(id: RequestId, call: Call): Promise<void> {
    try {
      const ret = await this.#answer(call);
      await this.connection.sendResponse(id, { channels: [], metadata: [], ret });
    } catch {
      // The connection has closed, so the caller no longer waits for a Response.
    }
  }

  #takeChannel({ id, body }: ChannelMessage): void {
    const channel = this.#channel(id);
    if (body.type === 'GrantCredit') channel.credit += body.additional;
    else if (body.type === 'Close') channel.isClosed = true;
    else if (body.type === 'Item') {
      channel.items.push(body.item);
      if (channel.credit === 0) this.overruns++;
      else channel.credit--;
    }
    channel.changed();
  }

  #channel(id: number): Channel {
    const channel = this.#channels.get(id) ?? { items: [], credit: 0, isClosed: false, changed: () => {} };
    this.#channels.set(id, channel);
    return channel;
  }

  #send(id: number, body: ChannelMessage['body']): Promise<void> {
    return this.connection.send({ type: 'ChannelMessage', id, body });
  }
}

function changeOf(channel: Channel): Promise<void> {
  return new Promise((resolve) => {
    channel.changed = resolve;
  });
}
