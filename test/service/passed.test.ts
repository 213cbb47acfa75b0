import { afterEach, describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { channel, type Rx, type Tx } from '../../src/calls/channel.js';
import { messagePackPayload } from '../../src/payload/msgpack.js';
import type { PayloadCodec } from '../../src/payload/payload.js';
import { fail, withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { collect } from './adder.js';
import { errorOf, type Pair, pairOf } from './pair.js';

const Echo = service('Echo', { take: method<[to: Tx<number>], Tx<number>>() });

let pair: Pair | undefined;

afterEach(async () => {
  await pair?.end();
  pair = undefined;
});

describe('an end that was passed before', () => {
  it('is refused, and its channel goes on with the codec that it had', async () => {
    const backwards: PayloadCodec = {
      encode: (value, ends) => messagePackPayload.encode(value, ends).reverse(),
      decode: (bytes, take) => messagePackPayload.decode(bytes.slice().reverse(), take),
    };
    const Other = service('Other', { take: method<[from: Rx<number>], void>() }, { codec: backwards });
    const Sum = service('Sum', { sum: method<[from: Rx<number>], number>() });
    pair = await pairOf([
      Sum.handler({ sum: async (from) => (await collect(from)).reduce((sum, number) => sum + number, 0) }),
    ]);
    const client = await pair.session.open(Sum);
    const [tx, rx] = channel<number>();
    const sum = client.sum(rx);
    expect(await errorOf(Other.client(pair.session.root).take(rx))).toEqual(
      new InvalidArgument('channels[0] belongs to a channel that was passed before'),
    );
    await tx.send(1000);
    await tx.close();
    expect(await sum).toBe(1000);
  });

  it('is refused also while the call that it was passed in waits its turn: what waits for that is sent', async () => {
    const Sum = service('Sum', { sum: method<[from: Rx<number>], number>(), slow: method<[], void>() });
    let go = (): void => {};
    pair = await pairOf([], { maxConcurrentRequests: 1 });
    pair.server.root.serve(
      Sum.handler({
        sum: async (from) => (await collect(from)).length,
        slow: () =>
          new Promise((resolve) => {
            go = resolve;
          }),
      }),
    );
    const client = Sum.client(pair.session.root);
    const slow = client.slow();
    const [tx, rx] = channel<number>();
    const sum = client.sum(rx);
    const sent = Promise.all([tx.send(1), tx.send(2)]);
    expect(await errorOf(client.sum(rx))).toBeInstanceOf(InvalidArgument);
    go();
    await sent;
    await tx.close();
    expect([await slow, await sum]).toEqual([undefined, 2]);
  });

  it('as an answer is said to be the peer’s, where the handler has it from there', async () => {
    pair = await pairOf([Echo.handler({ take: (to) => to })]);
    const client = await pair.session.open(Echo);
    expect(await errorOf(client.take(channel<number>()[0]))).toMatchObject({ code: 'cancelled' });
    expect(pair.reports.map(({ error }) => error)).toEqual([
      new InvalidArgument('channels[0] belongs to a channel that was passed before'),
    ]);
  });
});

it('an end in the error that a method declares is refused', async () => {
  const Failing = service('Failing', { fail: method<[], number, { rx: Rx<number> }>(), fine: method<[], number>() });
  pair = await pairOf([Failing.handler({ fail: () => fail({ rx: channel<number>()[1] }), fine: () => 1 })]);
  const client = await pair.session.open(Failing);
  expect(await errorOf(client.fail())).toMatchObject({ code: 'cancelled' });
  expect(await client.fine()).toBe(1);
  expect(pair.reports.map(({ error }) => (error as Error).message)).toEqual([
    "value[1][1].rx can't be represented: an end of a channel in an item",
  ]);
});

describe('an end that a codec does not carry', () => {
  const json: PayloadCodec = {
    encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
    decode: (bytes): unknown => JSON.parse(new TextDecoder().decode(bytes)),
  };
  const Source = service(
    'Source',
    { take: method<[from: { rx: Rx<number> }], void>(), open: method<[], Rx<number>>() },
    { codec: json },
  );
  const text = 'the codec of the service carries no channels: encode must append each end that it meets';

  it('is refused: its channel could never be used', async () => {
    let sent: Promise<unknown> = Promise.resolve();
    pair = await pairOf([
      Source.handler({
        take: () => {},
        open: () => {
          const [tx, rx] = channel<number>();
          sent = errorOf(tx.send(1));
          return rx;
        },
      }),
    ]);
    const client = await pair.session.open(Source);
    const [tx, rx] = channel<number>();
    const waiting = errorOf(tx.send(1));
    expect(await errorOf(client.take({ rx }))).toEqual(new InvalidArgument(text));
    expect(await waiting).toEqual(new InvalidArgument(text));
    expect(await errorOf(client.open())).toMatchObject({ code: 'cancelled' });
    expect(await sent).toEqual(new InvalidArgument(text));
  });
});

describe('an end of ours that an answer names, which can’t be sent', () => {
  it('is over: who sends on the other one hears why', async () => {
    const Source = service('Source', { open: method<[], Rx<number>>() });
    let sent: Promise<unknown> = Promise.resolve();
    pair = await pairOf([
      Source.handler({
        open: withContext(({ responseMetadata }) => {
          responseMetadata.push({ key: 'bad', value: 5 as never, flags: 0n });
          const [tx, rx] = channel<number>();
          sent = errorOf(tx.send(1));
          return rx;
        }),
      }),
    ]);
    expect(await errorOf((await pair.session.open(Source)).open())).toMatchObject({ code: 'cancelled' });
    expect(await sent).toBeInstanceOf(InvalidArgument);
  });
});
