import { afterEach, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { z } from 'zod';
import { ApplicationError, ChannelClosed, InvalidArgument, InvalidPayload } from '../../src/base/errors.js';
import { channel, Rx, type Tx } from '../../src/calls/channel.js';
import type { StandardSchema } from '../../src/payload/standard-schema.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { collect } from './adder.js';
import { errorOf, type Pair, pairOf } from './pair.js';

const Zod = service('Checked', {
  add: method({ args: z.tuple([z.number(), z.number()]), result: z.number() }),
  count: method({ args: z.tuple([z.coerce.number()]), result: z.string().transform((text) => text.length) }),
  later: method({ args: z.tuple([z.string().refine(async (text) => text === 'yes')]), result: z.string() }),
  fail: method({ error: z.object({ reason: z.string() }) }),
  sum: method({ args: z.tuple([z.instanceof(Rx<number>)]), result: z.number() }),
});

const Valibot = service('Checked', {
  add: method({ args: v.tuple([v.number(), v.number()]), result: v.number() }),
  later: method({
    args: v.tupleAsync([
      v.pipeAsync(
        v.string(),
        v.checkAsync(async (text) => text === 'yes'),
      ),
    ]),
    result: v.pipeAsync(
      v.string(),
      v.checkAsync(async (text) => text === 'no'),
    ),
  }),
});

/** The same service without a check, as a peer may send any values. */
const Unchecked = service('Checked', {
  add: method<unknown[], unknown>(),
  count: method<unknown[], unknown>(),
  later: method<unknown[], unknown>(),
  fail: method<[], unknown, unknown>(),
  sum: method<unknown[], unknown>(),
});

const careless = Unchecked.handler({
  add: (...args) => args[0],
  count: (text) => text,
  later: (text) => text,
  fail: () => {
    throw new ApplicationError({ reason: 5 });
  },
  sum: () => 'none',
});

let pair: Pair;

afterEach(async () => {
  await pair.end();
});

describe('a schema of arguments', () => {
  it.each([
    [
      'zod',
      Zod.handler({
        add: (a, b) => a + b,
        count: (number) => '.'.repeat(number),
        later: (text) => text,
        fail: () => {},
        sum: async (numbers) => (await collect(numbers)).length,
      }),
    ],
    ['valibot', Valibot.handler({ add: (a, b) => a + b, later: (text) => text })],
  ])('refuses to its caller what it does not take: %s', async (_, handler) => {
    pair = await pairOf([handler]);
    const client = await pair.session.open(Unchecked);
    expect(await client.add(3, 5)).toBe(8);
    expect(await errorOf(client.add(3, 'five'))).toBeInstanceOf(InvalidPayload);
    expect(await errorOf(client.add(3))).toBeInstanceOf(InvalidPayload);
    expect(await client.later('yes')).toBe('yes');
    expect(await errorOf(client.later('no'))).toBeInstanceOf(InvalidPayload);
    expect(pair.reports.map(({ kind, error }) => [kind, (error as Error).message])).toEqual([
      ['arguments-refused', expect.stringMatching(/^the schema refuses the arguments: 1: /)],
      ['arguments-refused', expect.stringMatching(/^the schema refuses the arguments: /)],
      ['arguments-refused', expect.stringMatching(/^the schema refuses the arguments: 0: /)],
    ]);
  });

  it('gives the handler what it makes of them', async () => {
    const handler = Zod.handler({
      add: (a, b) => a + b,
      count: (number) => '.'.repeat(number),
      later: (text) => text,
      fail: () => {},
      sum: async (numbers) => (await collect(numbers)).reduce((sum, number) => sum + number, 0),
    });
    pair = await pairOf([handler]);
    const client = await pair.session.open(Zod);
    // The argument is text here, a number there; the result is text there, and its length here.
    expect(await client.count('3', undefined)).toBe(3);
    const [tx, rx] = channel<number>();
    const sum = client.sum(rx);
    await tx.send(7);
    await tx.close();
    expect(await sum).toBe(7);
  });
});

/** Items both ways, as arguments and in a result: text to the handler, numbers to the client. */
describe.each([
  ['zod', method({ args: z.tuple([z.instanceof(Rx<string>)]), itemsIn: z.string().max(3), itemsOut: z.number() })],
  [
    'valibot, which takes its time',
    method({
      args: v.tuple([v.instance(Rx<string>)]),
      itemsIn: v.pipeAsync(
        v.string(),
        v.checkAsync(async (text) => text.length <= 3),
      ),
      itemsOut: v.pipeAsync(
        v.number(),
        v.checkAsync(async () => true),
      ),
    }),
  ],
])('a schema of items, of %s', (_, { itemsIn, itemsOut }) => {
  const methods = (checks: { itemsIn?: StandardSchema; itemsOut?: StandardSchema }) =>
    service('Items', {
      upper: method<[from: Rx<string>, to: Tx<unknown>], string[]>(checks),
      open: method<[], { up: Tx<string>; down: Rx<unknown> }>(checks),
    });
  const Checked = methods({ itemsIn, itemsOut } as { itemsIn: StandardSchema; itemsOut: StandardSchema });
  const Unlooked = methods({});
  const answering = (definition: typeof Checked, heard: unknown[]) =>
    definition.handler({
      upper: async (from, to) => {
        const texts: string[] = [];
        for await (const text of from) {
          texts.push(text);
          await to.send(text === 'odd' ? text : text.length);
        }
        await to.close();
        return texts;
      },
      open: () => {
        const [up, from] = channel<string>();
        const [to, down] = channel<unknown>();
        void (async () => {
          try {
            for await (const text of from) await to.send(text === 'odd' ? text : text.length);
            await to.close();
          } catch (error) {
            heard.push(error);
            to.abort();
          }
        })();
        return { up, down };
      },
    });

  it('lets pass what fits', async () => {
    pair = await pairOf([answering(Checked, [])]);
    const client = await pair.session.open(Checked);
    const [tx, from] = channel<string>();
    const [to, rx] = channel<unknown>();
    const called = client.upper(from, to);
    for (const text of ['a', 'abc']) await tx.send(text);
    await tx.close();
    expect(await collect(rx)).toEqual([1, 3]);
    expect(await called).toEqual(['a', 'abc']);
  });

  it('ends the handler’s loop with InvalidPayload, and the channel, at the first item that does not fit', async () => {
    pair = await pairOf([answering(Checked, [])]);
    const client = await pair.session.open(Unlooked);
    const [tx, from] = channel<string>();
    const [to, rx] = channel<unknown>();
    const called = errorOf(client.upper(from, to));
    for (const text of ['abc', 'abcd', 'a']) await tx.send(text);
    expect(await errorOf(collect(rx))).toBeInstanceOf(ChannelClosed);
    expect(await called).toMatchObject({ code: 'cancelled' });
    expect(await errorOf(tx.send('a'))).toMatchObject({ code: 'channel-closed', by: 'peer' });
    expect(pair.reports[0]?.error).toHaveProperty(
      'cause.message',
      expect.stringMatching(/^the schema refuses an item: /),
    );
  });

  it('does so to the client’s loop', async () => {
    pair = await pairOf([answering(Unlooked, [])]);
    const client = await pair.session.open(Checked);
    const [tx, from] = channel<string>();
    const [to, rx] = channel<unknown>();
    const called = errorOf(client.upper(from, to));
    for (const text of ['a', 'odd']) await tx.send(text);
    const error = await errorOf(collect(rx));
    expect(error).toBeInstanceOf(InvalidPayload);
    expect(error).toHaveProperty('message', expect.stringMatching(/^the schema refuses an item: /));
    await tx.send('abc').catch(() => {});
    expect(await called).toMatchObject({ code: 'cancelled' });
  });

  it('holds for the channels of a result, on both sides', async () => {
    const heard: unknown[] = [];
    pair = await pairOf([answering(Checked, heard)]);
    const careless = await (await pair.session.open(Unlooked)).open();
    await careless.up.send('abcd');
    expect(await errorOf(collect(careless.down))).toBeInstanceOf(ChannelClosed);
    expect(heard).toEqual([expect.any(InvalidPayload)]);
    await pair.end();
    pair = await pairOf([answering(Unlooked, heard)]);
    const careful = await (await pair.session.open(Checked)).open();
    await careful.up.send('odd');
    expect(await errorOf(collect(careful.down))).toBeInstanceOf(InvalidPayload);
  });
});

it('a schema of an error may take its time, and the path of what it refuses has all keys', async () => {
  const Slow = service('Checked', {
    fail: method({
      args: z.tuple([z.object({ deep: z.object({ number: z.number(), text: z.string() }) })]),
      error: z.object({ reason: z.string().transform(async (text) => text.length) }),
    }),
  });
  const handler = Slow.handler({
    fail: () => {
      throw new ApplicationError({ reason: 'none' });
    },
  });
  pair = await pairOf([handler]);
  const client = await pair.session.open(Slow);
  expect(await errorOf(client.fail({ deep: { number: 1, text: '' } }))).toMatchObject({
    code: 'application',
    error: { reason: 4 },
  });
  expect(await errorOf(client.fail({ deep: { number: 'one', text: 5 } } as never))).toMatchObject({
    code: 'invalid-payload',
  });
  expect(pair.reports.map(({ error }) => (error as Error).message)).toEqual([
    expect.stringMatching(/^the schema refuses the arguments: 0\.deep\.number: .+; 0\.deep\.text: /),
  ]);
});

it('a schema of items gives what it makes of them', async () => {
  const Parsed = service('Parsed', {
    sum: method<[Rx<number>], number>({ itemsIn: z.string().transform(Number) }),
  });
  const handler = Parsed.handler({
    sum: async (numbers) => (await collect(numbers)).reduce((sum, number) => sum + number, 0),
  });
  pair = await pairOf([handler]);
  const [tx, rx] = channel<unknown>();
  const sum = (await pair.session.open(Parsed)).sum(rx as Rx<number>);
  for (const text of ['3', '4']) await tx.send(text);
  await tx.close();
  expect(await sum).toBe(7);
  expect(() => method({ itemsIn: {} as never })).toThrow(new InvalidArgument('itemsIn must be a Standard Schema'));
});

function errorThrown(): never {
  // biome-ignore lint/style/useThrowOnlyError: as a schema may.
  throw 'not an error';
}

describe('a schema of results', () => {
  it('refuses what the peer answers with, and the error that it declares', async () => {
    pair = await pairOf([careless]);
    const checking = await pair.session.open(Zod);
    expect(await checking.add(3, 5)).toBe(3);
    expect(await errorOf(checking.add('three' as never, 5))).toEqual(
      new InvalidPayload('the schema refuses the result: Invalid input: expected number, received string'),
    );
    const error = await errorOf(checking.fail());
    expect(error).toEqual(
      new InvalidPayload('the schema refuses the error: reason: Invalid input: expected string, received number'),
    );
    expect(Zod.isErrorOf('fail', error)).toBe(false);
  });

  it.each([
    ['throws', () => errorThrown()],
    ['rejects', async () => errorThrown()],
  ])('that %s fails the value with an error', async (_, validate) => {
    const broken = { '~standard': { version: 1, vendor: 'none', validate } } as const;
    const Checked = service('Broken', { echo: method<[value: number], number>({ args: broken as never }) });
    const Unchecking = service('Broken', { echo: method<[value: number], number>() });
    pair = await pairOf([Checked.handler({ echo: (value) => value })]);
    expect(await errorOf((await pair.session.open(Unchecking)).echo(1))).toBeInstanceOf(InvalidPayload);
    expect(pair.reports.map(({ kind, error }) => [kind, error])).toEqual([
      ['arguments-refused', new Error('the schema failed on the arguments', { cause: 'not an error' })],
    ]);
    const Results = service('Results', { take: method<[from: Rx<number>], number>({ result: broken as never }) });
    const Unchecked = service('Results', { take: method<[from: Rx<number>], number>() });
    pair.server.root.serve(Unchecked.handler({ take: () => 1 }));
    const [tx, rx] = channel<number>();
    expect(await errorOf(Results.client(pair.session.root).take(rx))).toEqual(
      new Error('the schema failed on the result', { cause: 'not an error' }),
    );
    expect(await errorOf(tx.send(1))).toEqual(new Error('the schema failed on the result'));
  });

  it('may take its time', async () => {
    pair = await pairOf([careless]);
    const checking = await pair.session.open(Valibot);
    expect(await checking.later('no')).toBe('no');
    expect(await errorOf(checking.later('yes'))).toBeInstanceOf(InvalidPayload);
  });

  it('ends the channels of the call', async () => {
    pair = await pairOf([careless]);
    const [tx, rx] = channel<number>();
    expect(await errorOf((await pair.session.open(Zod)).sum(rx))).toBeInstanceOf(InvalidPayload);
    expect(await errorOf(tx.send(1))).toBeInstanceOf(InvalidPayload);
  });
});
