import { afterEach, describe, expect, it } from '@jest/globals';
import {
  ApplicationError,
  ChannelClosed,
  ConnectionClosed,
  InvalidArgument,
  InvalidPayload,
  UnknownMethod,
} from '../../src/base/errors.js';
import { channel, type Rx, type Tx } from '../../src/calls/channel.js';
import { callerOf } from '../../src/service/client.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { established } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, CANCELLED, callOf, closeOn, itemOn, resetOn, responseOf } from '../support/traffic.js';
import { Adder, adder, collect } from './adder.js';
import { errorOf, type Pair, pairOf } from './pair.js';

let pair: Pair;

afterEach(async () => {
  await pair?.end();
});

const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

// r[rpc.channel.direction]
describe('an end of a channel among the arguments', () => {
  it('lets the handler receive, past the initial credit', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const [tx, rx] = channel<number>();
    const sum = client.sum(rx);
    for (const number of upTo(50)) await tx.send(number);
    await tx.close();
    expect(await sum).toBe(1225);
  });

  it('lets the handler send, past the initial credit', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const [tx, rx] = channel<number>();
    const generated = client.generate(40, tx);
    expect(await collect(rx)).toEqual(upTo(40));
    await generated;
  });

  it('may be made with the credit that the method says', async () => {
    const Two = service('Two', { first: method<[items: Rx<number>], number>({ credit: 2 }) });
    pair = await pairOf([Two.handler({ first: async (items) => (await collect(items))[0] ?? 0 })]);
    const [tx, items] = channel<number>({ credit: 2 });
    const first = (await pair.session.open(Two)).first(items);
    await tx.send(7);
    await tx.close();
    expect(await first).toBe(7);
  });

  // r[rpc.cancel.channels]
  it('stays open when its call is given up', async () => {
    const sums: number[] = [];
    const Sum = service('Sum', { sum: method<[items: Rx<number>], void>() });
    const handler = Sum.handler({
      sum: async (items) => void sums.push((await collect(items)).reduce((sum, item) => sum + item, 0)),
    });
    pair = await pairOf([handler]);
    const client = await pair.session.open(Sum);
    const [tx, items] = channel<number>();
    const controller = new AbortController();
    const error = errorOf(client.sum(items, { signal: controller.signal }));
    await settle();
    controller.abort();
    expect(await error).toMatchObject({ code: 'cancelled', by: 'local' });
    await tx.send(7);
    await tx.close();
    await settle();
    expect(sums).toEqual([7]);
  });

  it('may be passed once more, when the first call did not run', async () => {
    const Give = service('Give', { give: method<[other: object | number, items: Tx<number>], void>() });
    const handler = Give.handler({
      give: async (_, items) => {
        await items.send(7);
        await items.close();
      },
    });
    pair = await pairOf([handler]);
    const client = await pair.session.open(Give);
    const [tx, items] = channel<number>();
    expect(await errorOf(client.give(() => 'a function has no bytes', tx))).toMatchObject({ ran: 'no' });
    const given = client.give(1, tx);
    expect(await collect(items)).toEqual([7]);
    await given;
  });

  it('goes beside another one, the other way', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const [up, from] = channel<string>();
    const [to, down] = channel<string>();
    const count = client.transform(from, to);
    const written = (async () => {
      for (const number of upTo(40)) await up.send(`item ${number}`);
      await up.close();
    })();
    expect(await collect(down)).toEqual(upTo(40).map((number) => `ITEM ${number}`));
    await written;
    expect(await count).toBe(40);
  });

  it('may be a field of an object', async () => {
    const Fields = service('Fields', { first: method<[{ readonly deep: { readonly items: Rx<bigint> } }], bigint>() });
    const handler = Fields.handler({ first: async ({ deep: { items } }) => (await collect(items))[0] ?? 0n });
    pair = await pairOf([handler]);
    const [tx, items] = channel<bigint>();
    const first = (await pair.session.open(Fields)).first({ deep: { items } });
    await tx.send(7n);
    await tx.close();
    expect(await first).toBe(7n);
  });

  // r[rpc.channel.no-collections]
  it('is refused within an array, and in an item', async () => {
    const Lists = service('Lists', { take: method<[unknown], void>() });
    pair = await pairOf([Lists.handler({ take: () => {} })]);
    const client = await pair.session.open(Lists);
    const [tx, rx] = channel<unknown>();
    expect(await errorOf(client.take([rx], {}))).toEqual(
      new InvalidArgument("value[0][0] can't be represented: an end of a channel within an array"),
    );
    const taken = client.take(rx, undefined);
    expect(() => tx.send({ rx })).toThrow(
      new InvalidArgument("value.rx can't be represented: an end of a channel in an item"),
    );
    await tx.close();
    await taken;
  });

  // r[rpc.flow-control.credit.initial]
  it.each([1, 4, 16])('has the credit that its method says: %i', async (credit) => {
    const Credit = service('Credit', { hold: method<[Rx<number>], void>({ credit }) });
    let held: Rx<number> | undefined;
    pair = await pairOf([
      Credit.handler({
        hold: (rx) => {
          held = rx;
        },
      }),
    ]);
    const [tx, rx] = channel<number>();
    await (await pair.session.open(Credit)).hold(rx);
    let sent = 0;
    for (const number of upTo(credit + 1))
      void tx.send(number).then(
        () => sent++,
        () => {},
      );
    await settle();
    expect(sent).toBe(credit);
    // It outlives its call. r[rpc.channel.lifecycle]
    const taken = collect(held as Rx<number>);
    await settle();
    await tx.close();
    expect(await taken).toEqual(upTo(credit + 1));
  });

  it('begins by a grant where the credit is 0', async () => {
    const Credit = service('Credit', { send: method<[Tx<number>], void>({ credit: 0 }) });
    pair = await pairOf([Credit.handler({ send: (tx) => tx.send(7) })]);
    const [tx, rx] = channel<number>();
    const sent = (await pair.session.open(Credit)).send(tx);
    rx.grant(1);
    await sent;
    expect(await rx[Symbol.asyncIterator]().next()).toEqual({ value: 7, done: false });
  });

  it('is refused when it was made with another credit', async () => {
    pair = await pairOf([adder]);
    const [tx, rx] = channel<number>({ credit: 4 });
    const error = new InvalidArgument('the channel was made with a credit of 4, and the method says 16');
    expect(await errorOf((await pair.session.open(Adder)).sum(rx))).toEqual(error);
    expect(await errorOf(tx.send(1))).toEqual(error);
  });
});

describe('an end of a channel in a result', () => {
  it('lets the caller receive', async () => {
    pair = await pairOf([adder]);
    const { numbers } = await (await pair.session.open(Adder)).range(40);
    expect(await collect(numbers)).toEqual(upTo(40));
  });

  // r[rpc.flow-control.credit.initial]: all of it comes in one turn of the event loop, before the caller can have taken the end.
  it.each([4, 40])('has the credit that its method says: %i', async (credit) => {
    const Burst = service('Burst', { open: method<[], Rx<number>>({ credit }) });
    let sent = 0;
    const handler = Burst.handler({
      open: () => {
        const [tx, rx] = channel<number>();
        for (const number of upTo(credit + 1))
          tx.send(number).then(
            () => sent++,
            () => {},
          );
        void tx.close();
        return rx;
      },
    });
    pair = await pairOf([handler]);
    const rx = await (await pair.session.open(Burst)).open();
    await settle();
    expect(sent).toBe(credit);
    expect(await collect(rx)).toEqual(upTo(credit + 1));
  });

  it('is let go when no caller waits for it any more', async () => {
    const Late = service('Late', { open: method<[], Rx<number>>() });
    let answer: (() => void) | undefined;
    let failed: unknown;
    const handler = Late.handler({
      open: () =>
        new Promise((resolve) => {
          const [tx, rx] = channel<number>();
          answer = () => resolve(rx);
          tx.send(1).catch((error: unknown) => {
            failed = error;
          });
        }),
    });
    pair = await pairOf([handler]);
    const abort = new AbortController();
    const opened = errorOf((await pair.session.open(Late)).open({ signal: abort.signal }));
    await settle();
    abort.abort();
    expect(await opened).toMatchObject({ code: 'cancelled' });
    await settle();
    answer?.();
    await settle();
    expect(failed).toMatchObject({ code: 'cancelled', by: 'peer' });
  });
});

describe('leaving a receiving loop', () => {
  // r[rpc.channel.reset]
  it('resets the channel, and its sender hears of it', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const [tx, rx] = channel<number>();
    const generated = errorOf(client.generate(1000, tx));
    for await (const number of rx) if (number === 3) break;
    expect(await generated).toMatchObject({ code: 'cancelled' });
    expect(pair.reports).toMatchObject([{ kind: 'handler-failed', error: { code: 'channel-closed', by: 'peer' } }]);
  });
});

describe('the channels of a call that comes to nothing', () => {
  const Later = service('Adder', {
    missing: method<[Rx<number>, Tx<number>], void>(),
    both: method<[Rx<number>, Tx<number>], void, string>(),
  });

  it('end with the error, on the caller’s side: an unknown method', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Later);
    const [up, from] = channel<number>();
    const [to, down] = channel<number>();
    const reading = errorOf(collect(down));
    expect(await errorOf(client.missing(from, to))).toBeInstanceOf(UnknownMethod);
    expect(await reading).toBeInstanceOf(UnknownMethod);
    expect(await errorOf(up.send(1))).toBeInstanceOf(UnknownMethod);
  });

  it('report a failure while the call is not awaited: it is no unhandled rejection', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const [tx, rx] = channel<number>();
    const [raw, passed] = channel();
    const sum = client.sum(rx);
    const timed = client.sum(channel<number>()[1], { timeout: 60_000 });
    const called = callerOf(client).call(0n, new Uint8Array(), { channels: [passed] });
    await callerOf(client).connection.close();
    expect(await errorOf(tx.send(1))).toBeInstanceOf(ConnectionClosed);
    expect(await errorOf(raw.send(new Uint8Array()))).toBeInstanceOf(ConnectionClosed);
    // By then an unhandled rejection would have failed this test.
    await settle();
    expect(await errorOf(sum)).toBeInstanceOf(ConnectionClosed);
    expect(await errorOf(timed)).toBeInstanceOf(ConnectionClosed);
    expect(await errorOf(called)).toBeInstanceOf(ConnectionClosed);
    // The same for a call that is refused before it leaves.
    const refused = client.sum(channel<number>()[1]);
    await settle();
    expect(await errorOf(refused)).toBeInstanceOf(ConnectionClosed);
  });

  it('end on both sides: the declared error', async () => {
    const ends: unknown[] = [];
    const handler = Later.handler({
      missing: () => {},
      both: (from, to) => {
        collect(from).catch((error: unknown) => ends.push(error));
        to.send(1).then(() => to.send(2).catch((error: unknown) => ends.push(error)));
        throw new ApplicationError('no');
      },
    });
    pair = await pairOf([handler]);
    const client = await pair.session.open(Later);
    const [up, from] = channel<number>();
    const [to, down] = channel<number>();
    const reading = errorOf(collect(down));
    const error = await errorOf(client.both(from, to));
    expect(error).toMatchObject({ code: 'application', error: 'no' });
    // The ends of the handler were released before the answer came.
    expect(await errorOf(up.send(1))).toMatchObject({ code: 'channel-closed', by: 'peer' });
    expect(await reading).toMatchObject({ code: 'channel-closed', by: 'peer' });
    await settle();
    expect(ends).toMatchObject([{ code: 'application' }, { code: 'application' }]);
  });

  // If the Response left first, the caller would drop items that it has not read.
  it('end before the answer, behind what was sent on them', async () => {
    const { rig, session } = await established();
    const handler = Later.handler({
      missing: () => {},
      both: async (_, to) => {
        await to.send(7);
        throw new ApplicationError('no');
      },
    });
    session.root.serve(handler);
    // The receiver's end of the first channel, and the sender's of the second.
    const args = bytes(0x92, 0xd4, 1, 0, 0xd4, 2, 1);
    expect(await rig.say(callOf(2, args, { method: Later.ids.both, channels: [2, 4] }))).toEqual([
      itemOn(4, 7),
      resetOn(2),
      closeOn(4, [{ key: 'aborted', value: 1n, flags: 0n }]),
      responseOf(2, bytes(0x92, 1, 0x92, 0, 0xa2, 0x6e, 0x6f)),
    ]);
    session.shutdown();
    await session.closed;
  });

  it('give what was sent on them before they end', async () => {
    const handler = Later.handler({
      missing: () => {},
      both: async (_, to) => {
        for (const number of upTo(3)) await to.send(number);
        throw new ApplicationError('no');
      },
    });
    pair = await pairOf([handler]);
    const [, from] = channel<number>();
    const [to, down] = channel<number>();
    const called = errorOf((await pair.session.open(Later)).both(from, to));
    const items = down[Symbol.asyncIterator]();
    for (const value of upTo(3)) expect(await items.next()).toEqual({ value, done: false });
    expect(await errorOf(items.next())).toMatchObject({ code: 'channel-closed', by: 'peer' });
    expect(await called).toMatchObject({ code: 'application' });
  });

  it('end with InvalidPayload where the arguments are refused after they were bound', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const caller = callerOf(client);
    const [tx, rx] = channel();
    // The channel, and behind it a byte that no payload may have.
    const args = Uint8Array.of(0x92, 0xd4, 1, 0, 0xc1);
    const { ret } = await caller.call(Adder.ids.sum, args, { channels: [rx] });
    expect(Array.from(ret)).toEqual([0x92, 1, 0x91, 2]);
    await settle();
    expect(await errorOf(tx.send(new Uint8Array(1)))).toBeInstanceOf(ChannelClosed);
  });
});

describe('an item that is malformed', () => {
  it('ends the loop with InvalidPayload, and the channel', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const [tx, rx] = channel();
    const sum = callerOf(client).call(Adder.ids.sum, Uint8Array.of(0x91, 0xd4, 1, 0), { channels: [rx] });
    await tx.send(Uint8Array.of(0xc1));
    await tx.send(Uint8Array.of(1));
    expect(Array.from((await sum).ret)).toEqual([0x92, 1, 0x91, 3]);
    await settle();
    expect(await errorOf(tx.send(Uint8Array.of(1)))).toMatchObject({
      code: 'channel-closed',
      by: 'peer',
      message: 'the receiver has reset the channel: it could not make sense of an item',
      metadata: [{ key: 'reason', value: 'invalid payload', flags: 0n }],
    });
    expect(pair.reports[0]?.error).toHaveProperty(
      'cause',
      new InvalidPayload('malformed payload: the byte 0xc1, which MessagePack never uses'),
    );
  });

  it('is the sender’s doing, and its receiver says so with any limits of metadata', async () => {
    const { rig, session } = await established({ limits: { metadataBytes: 8 } });
    session.root.serve(adder);
    await rig.say(callOf(2, bytes(0x91, 0xd4, 1, 0), { method: Adder.ids.sum, channels: [2] }));
    expect(await rig.say(itemOn(2, 0xc1), itemOn(2, 1))).toEqual([
      resetOn(2, [{ key: 'reason', value: 'invalid payload', flags: 0n }]),
      responseOf(2, CANCELLED),
    ]);
    session.shutdown();
    await session.closed;
  });
});

it('An item that a schema fails over, instead of refusing it, is none of its sender’s doing', async () => {
  const validate = (): never => {
    throw new Error('no database');
  };
  const itemsIn = { '~standard': { version: 1, vendor: 'test', validate } } as const;
  const Failing = service('Failing', { take: method<[Rx<number>], void>({ itemsIn }) });
  const { rig, session } = await established();
  session.root.serve(Failing.handler({ take: async (rx) => void (await collect(rx)) }));
  await rig.say(callOf(2, bytes(0x91, 0xd4, 1, 0), { method: Failing.ids.take, channels: [2] }));
  expect(await rig.say(itemOn(2, 1))).toEqual([resetOn(2), responseOf(2, CANCELLED)]);
  session.shutdown();
  await session.closed;
});
