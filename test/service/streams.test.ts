import { afterEach, describe, expect, it } from '@jest/globals';
import { ChannelClosed } from '../../src/base/errors.js';
import { channel, type Rx, type Tx } from '../../src/calls/channel.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { settle } from '../support/settle.js';
import { collect } from './adder.js';
import { type Pair, pairOf } from './pair.js';

const Pipe = service('Pipe', {
  receive: method<[Rx<number>], void>(),
  send: method<[Tx<number>], void>(),
});

let pair: Pair;
/** The handler's ends. */
let theirRx: Rx<number>;
let theirTx: Tx<number>;

const pipe = Pipe.handler({
  receive: (rx) => {
    theirRx = rx;
  },
  send: (tx) => {
    theirTx = tx;
  },
});

/** A channel from us to the handler. */
async function upstream(): Promise<Tx<number>> {
  pair = await pairOf([pipe]);
  const [tx, rx] = channel<number>();
  await (await pair.session.open(Pipe)).receive(rx);
  return tx;
}

/** A channel from the handler to us. */
async function downstream(): Promise<Rx<number>> {
  pair = await pairOf([pipe]);
  const [tx, rx] = channel<number>();
  await (await pair.session.open(Pipe)).send(tx);
  return rx;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

function streamOf<T>(items: readonly T[]): ReadableStream<T> {
  const left = [...items];
  return new ReadableStream<T>({
    pull: (controller) => {
      const item = left.shift();
      if (item === undefined) controller.close();
      else controller.enqueue(item);
    },
  });
}

afterEach(async () => {
  await pair.end();
});

describe('a readable stream', () => {
  it('gives the items, and ends with the channel', async () => {
    const { readable } = await downstream();
    const sent = (async () => {
      for (const number of upTo(40)) await theirTx.send(number);
      await theirTx.close();
    })();
    expect(await collect(readable)).toEqual(upTo(40));
    await sent;
  });

  it('takes nothing while it is unread: its sender has its credit, and not one item more', async () => {
    const { readable } = await downstream();
    let sent = 0;
    for (const number of upTo(40))
      void theirTx.send(number).then(
        () => sent++,
        () => {},
      );
    await settle();
    expect(sent).toBe(16);
    const reader = readable.getReader();
    for (const number of upTo(7)) expect(await reader.read()).toEqual({ value: number, done: false });
    await settle();
    expect(sent).toBe(16);
    // The eighth item that is taken brings credit for as many.
    expect(await reader.read()).toEqual({ value: 7, done: false });
    await settle();
    expect(sent).toBe(24);
  });

  it('resets the channel when it is cancelled', async () => {
    const { readable } = await downstream();
    await theirTx.send(1);
    await readable.cancel();
    await settle();
    await expect(theirTx.send(2)).rejects.toMatchObject({ code: 'channel-closed', by: 'peer' });
  });

  it('errs when its sender gives up', async () => {
    const rx = await downstream();
    await theirTx.send(1);
    theirTx.abort();
    const reader = rx.readable.getReader();
    expect(await reader.read()).toEqual({ value: 1, done: false });
    await expect(reader.read()).rejects.toThrow(
      new ChannelClosed('peer', 'the sender has given the channel up before its end'),
    );
  });

  it('is one, however often it is asked for', async () => {
    const rx = await downstream();
    expect(rx.readable).toBe(rx.readable);
  });
});

describe('a writable stream', () => {
  it('sends what is written, waits for credit, and closes the channel', async () => {
    const { writable } = await upstream();
    const writer = writable.getWriter();
    let written = 0;
    for (const number of upTo(20)) void writer.write(number).then(() => written++);
    await settle();
    expect(written).toBe(16);
    void writer.close();
    expect(await collect(theirRx)).toEqual(upTo(20));
    await writer.closed;
    expect(written).toBe(20);
  });

  it('ends at once when it is aborted, also while a write waits for credit, and the receiver hears of it', async () => {
    const { writable } = await upstream();
    const writer = writable.getWriter();
    const writes = Promise.allSettled(upTo(20).map((number) => writer.write(number)));
    await settle();
    await writer.abort(new Error('enough'));
    expect((await writes).map(({ status }) => status)).toEqual(
      upTo(20).map((at) => (at < 16 ? 'fulfilled' : 'rejected')),
    );
    const items: number[] = [];
    const reading = (async () => {
      for await (const item of theirRx) items.push(item);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'channel-closed', by: 'peer' });
    expect(items).toEqual(upTo(16));
  });

  it('errs when its receiver resets the channel', async () => {
    const { writable } = await upstream();
    theirRx.reset();
    await settle();
    await expect(writable.getWriter().write(1)).rejects.toMatchObject({ code: 'channel-closed', by: 'peer' });
  });

  it('is one, however often it is asked for', async () => {
    const tx = await upstream();
    expect(tx.writable).toBe(tx.writable);
  });

  it('takes what another stream gives, to the end', async () => {
    const { writable } = await upstream();
    const piped = streamOf(upTo(40)).pipeTo(writable);
    expect(await collect(theirRx)).toEqual(upTo(40));
    await piped;
  });
});
