import { channel, type Rx, type Tx } from '../../src/calls/channel.js';
import { fail, withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';

export interface DivisionByZero {
  readonly dividend: number;
}

/** The reference's own test services, in one. */
export const Adder = service('Adder', {
  add: method<[a: number, b: number], number>(),
  echo: method<[bytes: Uint8Array], Uint8Array>(),
  divide: method<[dividend: number, divisor: number], number, DivisionByZero>(),
  sum: method<[numbers: Rx<number>], number>(),
  generate: method<[count: number, to: Tx<number>], void>(),
  transform: method<[from: Rx<string>, to: Tx<string>], number>(),
  range: method<[count: number], { readonly numbers: Rx<number> }>(),
  slow: method<[], string>(),
  broken: method<[], void>(),
});

export const adder = Adder.handler({
  add: (a, b) => a + b,
  echo: async (bytes) => bytes,
  divide: (dividend, divisor) => (divisor === 0 ? fail<DivisionByZero>({ dividend }) : dividend / divisor),
  sum: async (numbers) => {
    let sum = 0;
    for await (const number of numbers) sum += number;
    return sum;
  },
  generate: async (count, to) => {
    for (let number = 0; number < count; number++) await to.send(number);
    await to.close();
  },
  transform: async (from, to) => {
    let count = 0;
    for await (const text of from) {
      await to.send(text.toUpperCase());
      count++;
    }
    await to.close();
    return count;
  },
  range: (count) => {
    const [tx, numbers] = channel<number>();
    void (async () => {
      for (let number = 0; number < count; number++) await tx.send(number);
      await tx.close();
    })();
    return { numbers };
  },
  slow: withContext(
    ({ signal }) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  ),
  broken: () => {
    throw new RangeError('not to be seen by the caller');
  },
});

/** Returns all items, in order. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
