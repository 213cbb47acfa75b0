import { expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ApplicationError } from '../../src/base/errors.js';
import { channel, type Rx, type Tx } from '../../src/calls/channel.js';
import type { CallContext, MethodCallOptions } from '../../src/service/calls.js';
import type { Client } from '../../src/service/client.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';

// `npm run types` checks this file: each of its lines fails to compile if a type is wrong.

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function expectType<A, B>(isEqual: Equal<A, B>): void {
  expect(isEqual).toBe(true);
}

const Typed = service('Typed', {
  add: method<[a: number, b: number], number>(),
  nothing: method(),
  sum: method<[Rx<number>], bigint>(),
  open: method<[], { out: Tx<string> }>(),
  divide: method<[number, number], number, { reason: string }>(),
  search: method<[filter: { name?: string }, limit?: number], string[]>(),
  list: method<string[], number>(),
  record: method<[Record<string, number>], void>(),
  anything: method<[unknown], void>(),
  timed: method<[{ timeout: number }], void>(),
  point: method<[{ x: number }], void>(),
  parsed: method({ args: z.tuple([z.coerce.number()]), result: z.string().transform(Number) }),
  failing: method({ error: z.enum(['a', 'b']) }),
});

type C = Client<typeof Typed.methods>;

test('a client has the types of its service', () => {
  expectType<C['add'], (a: number, b: number, options?: MethodCallOptions) => Promise<number>>(true);
  expectType<C['nothing'], (options?: MethodCallOptions) => Promise<void>>(true);
  expectType<Parameters<C['sum']>, [Rx<number>, options?: MethodCallOptions]>(true);
  expectType<Awaited<ReturnType<C['open']>>, { out: Tx<string> }>(true);
  expectType<C['list'], (...args: string[] | [...string[], options: MethodCallOptions]) => Promise<number>>(true);
  expectType<Awaited<ReturnType<C['parsed']>>, number>(true);
  expectType<Parameters<C['search']>[1], number | undefined>(true);
});

test('options are explicit where the last argument could be taken for some', () => {
  expectType<Parameters<C['record']>, [Record<string, number>, options: MethodCallOptions | undefined]>(true);
  expectType<Parameters<C['anything']>, [unknown, options: MethodCallOptions | undefined]>(true);
  expectType<Parameters<C['timed']>, [{ timeout: number }, options: MethodCallOptions | undefined]>(true);
  expectType<Parameters<C['point']>, [{ x: number }, options?: MethodCallOptions]>(true);
});

test('a client refuses what does not fit', () => {
  const calls = (client: C): unknown[] => [
    // @ts-expect-error an argument is missing
    () => client.add(3),
    // @ts-expect-error of the wrong type
    () => client.add(3, '5'),
    // @ts-expect-error no such option
    () => client.add(3, 5, { signals: undefined }),
    // @ts-expect-error no such method
    () => client.subtract(3, 5),
    // @ts-expect-error the other end
    () => client.sum(channel<number>()[0]),
    // @ts-expect-error of other items
    () => client.sum(channel<string>()[1]),
    // @ts-expect-error without its options
    () => client.timed({ timeout: 5 }),
    () => client.timed({ timeout: 5 }, undefined),
    () => client.search({}, undefined, { timeout: 5 }),
  ];
  expect(calls).toHaveLength(1);
});

test('a handler has the types of its service', () => {
  const handlers = (): unknown[] => [
    Typed.handler({
      add: (a, b) => {
        expectType<[typeof a, typeof b], [number, number]>(true);
        return a + b;
      },
      nothing: () => {},
      sum: async (numbers) => {
        expectType<typeof numbers, Rx<number>>(true);
        return 1n;
      },
      open: () => ({ out: channel<string>()[0] }),
      divide: withContext((context, a, b) => {
        expectType<[typeof context, typeof a, typeof b], [CallContext, number, number]>(true);
        return a / b;
      }),
      search: async (filter, limit) => [filter.name ?? '', String(limit)],
      list: (...texts) => texts.length,
      record: () => {},
      anything: () => {},
      timed: () => {},
      point: () => {},
      parsed: (number) => {
        expectType<typeof number, number>(true);
        return String(number);
      },
      failing: () => {},
    }),
    // @ts-expect-error most methods are missing
    () => Typed.handler({ add: (a, b) => a + b }),
    // @ts-expect-error the wrong result
    () => service('A', { a: method<[], number>() }).handler({ a: () => 'one' }),
    // @ts-expect-error also of a handler that gets the context
    () => service('A', { a: method<[], number>() }).handler({ a: withContext(() => 'one') }),
    // @ts-expect-error an argument of another type
    () => service('A', { a: method<[number], void>() }).handler({ a: (_text: string) => {} }),
  ];
  expect(handlers()).toHaveLength(5);
});

test('the error that a method declares has its type', () => {
  const check = (error: unknown): void => {
    if (Typed.isErrorOf('divide', error)) expectType<typeof error, ApplicationError<{ reason: string }>>(true);
    if (Typed.isErrorOf('failing', error)) expectType<typeof error.error, 'a' | 'b'>(true);
    // @ts-expect-error no such method
    expect(() => Typed.isErrorOf('subtract', error)).toThrow('Typed has no method subtract');
  };
  expect(() => check(new Error('another'))).not.toThrow();
});
