import { fail, method, type Rx, service } from '../../../src/index.js';
import { postcardPayload, t } from '../../../src/payload/postcard/index.js';

// A module for tests of `--service`: a service with every kind of type, and its handler.

const Shape = t.enum({ Circle: { radius: t.f64 }, Scaled: [t.u8, t.f64], Named: t.string, Point: null });
const Everything = t.struct({
  big: t.u64,
  small: t.i128,
  raw: t.bytes,
  shape: t.list(Shape),
  maybe: t.option(t.option(t.u8)),
  nothing: t.unit,
  names: t.map(t.string, t.u64),
  numbers: t.map(t.u32, t.string),
  ids: t.set(t.u64),
  pair: t.tuple(t.bool, t.char),
  size: t.f64,
  result: t.result(t.u8, t.string),
});

export const Kinds = service(
  'Kinds',
  {
    echo: method({ args: t.args(Everything), result: Everything }),
    divide: method({
      args: t.args(t.i64, t.i64),
      result: t.i64,
      error: t.enum({ DivisionByZero: null, Overflow: null }),
    }),
    total: method({ args: t.args(t.u8, t.rx(t.u64)), result: t.u64 }),
    broken: method({ result: t.unit }),
  },
  { codec: postcardPayload },
);

export const handler = Kinds.handler({
  echo: (value) => value,
  divide: (a, b) => (b === 0n ? fail({ tag: 'DivisionByZero' }) : a / b),
  total: async (start, numbers) => BigInt(start) + (await sum(numbers)),
  broken: () => {
    throw new Error('as a test has it');
  },
});

async function sum(numbers: Rx<bigint>): Promise<bigint> {
  let total = 0n;
  for await (const number of numbers) total += number;
  return total;
}

// What a server on stdio: must not let through.
// biome-ignore lint/suspicious/noConsole: that is what is tested.
console.log('loaded');
process.stdout.write('once more\n');
