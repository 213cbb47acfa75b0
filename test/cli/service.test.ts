import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Demo, demoHandler, MOST } from '../../src/cli/service.js';
import { ApplicationError, Cancelled, type Client, channel, InvalidPayload, type Tx } from '../../src/index.js';
import { errorOf, type Pair, pairOf } from '../service/pair.js';
import { settle } from '../support/settle.js';

let pair: Pair;
let client: Client<(typeof Demo)['methods']>;

beforeEach(async () => {
  pair = await pairOf([demoHandler()]);
  client = await pair.session.open(Demo);
});

afterEach(() => pair.end());

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function sendAll(tx: Tx<number>, numbers: Iterable<number>): Promise<void> {
  for (const number of numbers) await tx.send(number);
  await tx.close();
}

function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

describe('the service of roam-actors serve', () => {
  test('returns any value', async () => {
    const value = { text: 'ü', list: [1, -2.5, null, undefined], bytes: Uint8Array.of(1, 2), big: 2n ** 63n };
    expect(await client.echo(value, undefined)).toEqual(value);
  });

  test('adds the numbers of a channel', async () => {
    const [tx, rx] = channel<number>();
    const [sum] = await Promise.all([client.sum(rx), sendAll(tx, [1, 2.5, -3, ...zeros(40)])]);
    expect(sum).toBe(0.5);
  });

  test('generates numbers, as many as are asked for, and none', async () => {
    for (const count of [0, 1, 40]) {
      const [tx, rx] = channel<number>();
      const [numbers] = await Promise.all([collect(rx), client.generate(count, tx)]);
      expect(numbers).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    }
  });

  test('takes its time', async () => {
    expect(await client.slow(1)).toBe(1);
  });

  // Calls that no client of ours would send.
  test.each<[method: 'echo' | 'sum' | 'generate' | 'slow', what: string, args: () => unknown[]]>([
    ['echo', 'nothing', () => []],
    ['echo', 'two values', () => [1, 2]],
    ['echo', 'a channel', () => [channel()[1]]],
    ['echo', 'a channel within a value', () => [{ a: { b: channel()[0] } }]],
    ['sum', 'an array', () => [[1, 2]]],
    ['sum', 'the wrong end of a channel', () => [channel()[0]]],
    ['generate', 'a count that is a string', () => ['1', channel()[0]]],
    ['generate', 'the wrong end of a channel', () => [1, channel()[1]]],
    ['generate', 'a count alone', () => [1]],
    ['slow', 'a string', () => ['60']],
    ['slow', 'an object', () => [{ valueOf: 60 }]],
    ['slow', 'a bigint', () => [2n ** 60n]],
  ])('refuses %s of %s', async (method, _, args) => {
    const called = (client as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]?.(...args());
    expect(await errorOf(called as Promise<unknown>)).toBeInstanceOf(InvalidPayload);
    expect(pair.reports.map(({ kind }) => kind)).toEqual(['arguments-refused']);
  });

  test.each([-1, MOST.items + 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'generates no %d numbers',
    async (count) => {
      const [tx, rx] = channel<number>();
      const collected = errorOf(collect(rx));
      const error = (await errorOf(client.generate(count, tx))) as ApplicationError;
      expect([error instanceof ApplicationError, error.error]).toEqual([
        true,
        `count must be a whole number from 0 to 100000, not ${count}`,
      ]);
      await collected;
    },
  );

  test.each([-1, MOST.milliseconds + 1, 1.5, Number.NaN])('does not take %d ms', async (milliseconds) => {
    const error = (await errorOf(client.slow(milliseconds))) as ApplicationError;
    expect(error.error).toBe(`milliseconds must be a whole number from 0 to 60000, not ${milliseconds}`);
  });

  test('generates as many numbers as it says', async () => {
    const [tx, rx] = channel<number>();
    const generated = errorOf(client.generate(MOST.items, tx));
    for await (const number of rx) if (number === 100) break;
    expect(await generated).toMatchObject({ error: 'the receiver has reset the channel' });
  });

  test('adds as many numbers as it says, and not one more', async () => {
    const [tx, rx] = channel<number>();
    const [sum] = await Promise.all([client.sum(rx), sendAll(tx, zeros(MOST.numbers))]);
    expect(sum).toBe(0);
    const [more, moreRx] = channel<number>();
    const sent = sendAll(more, zeros(MOST.numbers + 1)).catch(() => {});
    expect(await errorOf(client.sum(moreRx))).toMatchObject({ error: 'sum adds 10000 numbers at most' });
    await sent;
  });

  test('adds nothing but numbers, and nothing that is not complete', async () => {
    const [tx, rx] = channel<unknown>();
    void tx.send('1');
    expect(await errorOf(client.sum(rx as never))).toMatchObject({ error: 'sum adds numbers only' });
    const [aborted, abortedRx] = channel<number>();
    const sum = errorOf(client.sum(abortedRx));
    await aborted.send(1);
    aborted.abort();
    expect(await sum).toMatchObject({ error: 'the sender has given the channel up before its end' });
  });

  test('says so when its numbers are not wanted any more', async () => {
    const [tx, rx] = channel<number>();
    const generated = errorOf(client.generate(50, tx));
    for await (const _ of rx) break;
    expect(await generated).toMatchObject({ error: 'the receiver has reset the channel' });
  });

  test.each(['sum', 'generate', 'slow'] as const)('leaves nothing behind of a %s that is cancelled', async (method) => {
    const controller = new AbortController();
    const { signal } = controller;
    const [tx, rx] = channel<number>();
    const calls = {
      sum: () => client.sum(rx, { signal }),
      // The client reads none of the numbers, so the method waits for credit.
      generate: () => client.generate(50, tx, { signal }),
      slow: () => client.slow(MOST.milliseconds, { signal }),
    };
    const called = errorOf(calls[method]());
    await settle();
    controller.abort();
    expect(await called).toBeInstanceOf(Cancelled);
    expect(await client.echo('still here', undefined)).toBe('still here');
    if (method === 'sum') await expect(sendAll(tx, zeros(20))).rejects.toThrow('the receiver has reset the channel');
    if (method === 'generate') await expect(collect(rx)).rejects.toThrow('the sender has given the channel up');
    expect(pair.reports).toEqual([]);
  });
});
