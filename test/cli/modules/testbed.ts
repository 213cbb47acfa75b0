import { fail, method, type Rx, service } from '../../../src/index.js';
import { postcardPayload, t } from '../../../src/payload/postcard/index.js';

/** A part of what the peer of the official crates serves and calls: see test/reference/peer/src/service.rs. */
export const Testbed = service(
  'Testbed',
  {
    echo: method({ args: t.args(t.string), result: t.string }),
    divide: method({
      args: t.args(t.i64, t.i64),
      result: t.i64,
      error: t.enum({ DivisionByZero: null, Overflow: null }),
    }),
    sum: method({ args: t.args(t.rx(t.i32)), result: t.i64 }),
    generate: method({ args: t.args(t.u32, t.tx(t.i32)) }),
    fail_hard: method({ result: t.u32 }),
  },
  { codec: postcardPayload },
);

export const handler = Testbed.handler({
  echo: (text) => text,
  divide: (a, b) => (b === 0n ? fail({ tag: 'DivisionByZero' }) : a / b),
  sum: async (numbers) => BigInt(await sum(numbers)),
  generate: async (count, numbers) => {
    for (let number = 0; number < count; number++) await numbers.send(number);
    await numbers.close();
  },
  fail_hard: () => {
    throw new Error('as it is meant to');
  },
});

async function sum(numbers: Rx<number>): Promise<number> {
  let total = 0;
  for await (const number of numbers) total += number;
  return total;
}
