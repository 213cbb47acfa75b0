import { afterEach, describe, expect, it } from '@jest/globals';
import { channel, type Rx, type Tx } from '../../src/calls/channel.js';
import { InvalidArgument } from '../../src/errors.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import type { PayloadCodec } from '../../src/service/payload.js';
import { messagePackPayload } from '../../src/service/payload-msgpack.js';
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
