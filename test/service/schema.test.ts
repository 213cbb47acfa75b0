import { afterEach, describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { z } from 'zod';
import { channel, Rx } from '../../src/calls/channel.js';
import { ApplicationError, InvalidPayload } from '../../src/errors.js';
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

/** The same, without a check: a peer that says what it likes. */
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
