import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ApplicationError, Cancelled, InvalidArgument, InvalidPayload, UnknownMethod } from '../../src/base/errors.js';
import { channel } from '../../src/calls/channel.js';
import { postcard, postcardPayload, t } from '../../src/payload/postcard/index.js';
import { callerOf } from '../../src/service/client.js';
import { fail, withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { collect } from './adder.js';
import { errorOf, type Pair, pairOf } from './pair.js';
import { simple, Testbed, Types } from './testbed.js';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

let pair: Pair | undefined;

afterEach(async () => {
  await pair?.end();
  pair = undefined;
});

type Numbers = AsyncIterable<number>;

const summed = async (numbers: Numbers): Promise<bigint> => BigInt((await collect(numbers)).reduce((a, b) => a + b, 0));

const testbed = Testbed.handler({
  echo: (message) => message,
  ...simple,
  reverse: (message) => [...message].reverse().join(''),
  divide: (dividend, divisor) => {
    if (divisor === 0n) return fail({ tag: 'DivisionByZero' });
    const quotient = dividend / divisor;
    return BigInt.asIntN(64, quotient) === quotient ? quotient : fail({ tag: 'Overflow' });
  },
  lookup: (id) => {
    if (id === 1) return { name: 'Alice', age: 30, email: 'alice@example.com' };
    return id === 2 ? { name: 'Bob', age: 25, email: null } : fail({ tag: 'NotFound' });
  },
  sum: summed,
  generate: async (count, output) => {
    for (let index = 0; index < count; index++) await output.send(index);
    await output.close();
  },
  slow: withContext(({ signal }, millis) => {
    if (millis < 1000n) return millis;
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  }),
  dropTx: async (count, output) => {
    for (let index = 0; index < count; index++) await output.send(index);
    await output.close();
  },
  lateTx: async (count, output) => {
    await output.close();
    return count;
  },
  sumLate: async (_, numbers) => [await summed(numbers)],
  sumWide: async (_, numbers) => [await summed(numbers)],
  sumNone: async (numbers) => {
    numbers.grant(2);
    return summed(numbers);
  },
  sumNarrow: summed,
  streamBytes: async (count, size, output) => {
    for (let index = 0; index < count; index++) await output.send(new Uint8Array(size).fill(index));
    await output.close();
  },
  sinkBytes: async (input) => BigInt((await collect(input)).length),
});

const same = <T>(value: T): T => value;
const types = Types.handler(
  Object.fromEntries(
    Object.keys(Types.methods)
      .map((name) => [name, same])
      .concat([
        ['tNone', () => 7],
        ['tTwo', (a: number, b: string) => a + new TextEncoder().encode(b).length],
        ['getHTTP2Value', () => 2],
      ] as never),
  ) as never,
);

const CODEC = { codec: postcard };

describe('a call that the Rust peer has answered', () => {
  const answers: [id: string, args: string, ret: string][] = JSON.parse(
    readFileSync(new URL('postcard-answers.json', import.meta.url), 'utf8'),
  );

  it('is answered by our handlers with the same bytes', async () => {
    pair = await pairOf([testbed, types], CODEC);
    const callers = [callerOf(await pair.session.open(Testbed)), callerOf(await pair.session.open(Types))] as const;
    const ids = [new Set<bigint>(Object.values(Testbed.ids)), new Set<bigint>(Object.values(Types.ids))];
    const given: string[][] = [];
    for (const [hex, args] of answers) {
      const id = BigInt(`0x${hex}`);
      const caller = callers[ids[1]?.has(id) === true ? 1 : 0];
      // The recorded call of `slow` was cancelled.
      const isSlow = id === Testbed.ids.slow;
      const controller = new AbortController();
      const answer = caller.call(id, bytesOf(args), isSlow ? { signal: controller.signal } : {});
      if (isSlow) controller.abort();
      const ret = await answer.then(
        (result) => hexOf(result.ret),
        () => '0103',
      );
      given.push([hex, args, ret]);
    }
    expect(given).toEqual(answers);
    expect(given).toHaveLength(57);
  });

  it('has arguments and a result that come back as the bytes that they were', () => {
    const codecs = new Map(
      [Testbed, Types].flatMap((defined) =>
        Object.entries(defined.methods).map(([name, each]) => {
          const codec = postcardPayload.method({ service: defined.name, name, ...each });
          return [codec.id, codec] as const;
        }),
      ),
    );
    const none = () => {
      throw new Error('no channel');
    };
    let count = 0;
    for (const [hex, args, ret] of answers) {
      const codec = codecs.get(BigInt(`0x${hex}`));
      // One call has malformed arguments, on purpose.
      if (codec === undefined || ret === '0102') continue;
      expect(hexOf(codec.encodeArgs(codec.decodeArgs(bytesOf(args), none) as unknown[], []))).toBe(args);
      const outcome = codec.decodeOutcome(bytesOf(ret), none);
      if (!(outcome instanceof Error)) expect(hexOf(codec.encodeResult(outcome[1], []))).toBe(ret);
      else if (outcome instanceof ApplicationError) expect(hexOf(codec.encodeError(outcome.error))).toBe(ret);
      count++;
    }
    expect(count).toBe(55);
  });
});

describe('a service on postcard', () => {
  it('is called, on the root too, and fails in each of the four ways', async () => {
    pair = await pairOf([testbed], CODEC);
    pair.server.root.serve(testbed);
    const client = Testbed.client(pair.session.root);
    expect(await client.echo('grüße')).toBe('grüße');
    expect(await client.divide(7n, 2n)).toBe(3n);
    expect(await client.swapPair([5, 'x'])).toEqual(['x', 5]);
    expect(await client.processMessage({ tag: 'Number', value: 21n })).toEqual({ tag: 'Number', value: 42n });
    const user = await errorOf(client.divide(1n, 0n));
    expect(user).toEqual(new ApplicationError({ tag: 'DivisionByZero' }));
    expect(Testbed.isErrorOf('divide', user)).toBe(true);
    expect(await errorOf(client.failHard())).toEqual(new Cancelled('peer'));
    const Other = service(
      'Testbed',
      {
        echo: method({ id: Testbed.ids.echo, args: t.args(t.u8), result: t.string }),
        missing: method({ args: t.args(t.u8) }),
      },
      { codec: postcardPayload },
    );
    const other = Other.client(pair.session.root);
    expect(await errorOf(other.echo(255))).toBeInstanceOf(InvalidPayload);
    expect(await errorOf(other.missing(1))).toBeInstanceOf(UnknownMethod);
    expect(pair.reports.map(({ kind }) => kind)).toEqual(['handler-failed', 'arguments-refused']);
  });

  it('takes a last argument of type () whether it is given or not', async () => {
    const Units = service(
      'Units',
      {
        one: method({ args: t.args(t.unit), result: t.unit }),
        last: method({
          args: t.args(
            t.u8,
            t.newtype(t.unit),
            t.lazy(() => t.unit),
          ),
          result: t.u8,
        }),
        // An argument that is missing is never taken for an option.
        option: method({ args: t.args(t.option(t.unit)) }),
      },
      { codec: postcardPayload },
    );
    const came: unknown[][] = [];
    const note = (...args: unknown[]): number => came.push(args);
    pair = await pairOf(
      [Units.handler({ one: (...args) => void note(...args), last: note, option: (value) => void note(value) })],
      CODEC,
    );
    const client = await pair.session.open(Units);
    const options = { metadata: [] };
    await client.one(undefined);
    await client.one();
    await client.one(undefined, options);
    await client.last(1, undefined, undefined);
    await client.last(2);
    await client.last(3, undefined, undefined, options);
    expect(came).toEqual([
      [undefined],
      [undefined],
      [undefined],
      [1, undefined, undefined],
      [2, undefined, undefined],
      [3, undefined, undefined],
    ]);
    const wrong = client as unknown as Record<'last' | 'option', (...args: unknown[]) => Promise<unknown>>;
    expect(await errorOf(wrong.last())).toEqual(new InvalidArgument('Units.last takes 3 arguments, not 0'));
    expect(await errorOf(wrong.option())).toEqual(new InvalidArgument('Units.option takes 1 argument, not 0'));
  });

  it('refuses what does not fit before anything is sent', async () => {
    pair = await pairOf([testbed], CODEC);
    const client = await pair.session.open(Testbed);
    expect(await errorOf(client.echoPoint({ x: 1, y: 2 ** 31 }))).toEqual(
      new InvalidArgument('args[0].y must be an integer from -2^31 to 2^31 - 1, not 2147483648'),
    );
    expect(await client.echoPoint({ x: 1, y: 2 })).toEqual({ x: 1, y: 2 });
  });

  it('answers Cancelled where a result does not fit, and says why', async () => {
    const Small = service(
      'Small',
      { give: method({ result: t.u8 }), fail: method({ result: t.u8 }) },
      { codec: postcardPayload },
    );
    pair = await pairOf([Small.handler({ give: () => 256, fail: () => fail<never>('no' as never) })], CODEC);
    const client = await pair.session.open(Small);
    expect(await errorOf(client.give())).toEqual(new Cancelled('peer'));
    expect(await errorOf(client.fail())).toEqual(new Cancelled('peer'));
    expect(pair.reports.map(({ error }) => error)).toEqual([
      new InvalidArgument('result must be an integer from 0 to 255, not 256'),
      new InvalidArgument("Small.fail declares no error, and can't answer with one: give it error: t.…"),
    ]);
  });

  it('has channels both ways, each with the items and the credit of its own', async () => {
    pair = await pairOf([testbed], CODEC);
    const client = await pair.session.open(Testbed);
    const [input, fromClient] = channel<string>();
    const [toClient, output] = channel<string>();
    const transformed = client.transform(fromClient, toClient);
    for (const text of ['aä', 'x']) await input.send(text);
    await input.close();
    expect(await collect(output)).toEqual(['AÄ', 'X']);
    expect(await transformed).toBeUndefined();

    const [numbers, rx] = channel<number>();
    const sum = client.sum(rx);
    expect(() => numbers.send(2 ** 31)).toThrow(
      new InvalidArgument('item must be an integer from -2^31 to 2^31 - 1, not 2147483648'),
    );
    for (let index = 0; index < 100; index++) await numbers.send(index);
    await numbers.close();
    expect(await sum).toBe(4950n);

    // More items than a method's own credit covers, at once: all of them leave before the first is consumed.
    const [wide, wideRx] = channel<number>();
    const all = client.sumWide(0n, wideRx);
    await Promise.all(Array.from({ length: 300 }, () => wide.send(1)));
    await wide.close();
    expect(await all).toEqual([300n]);
    const [none, noneRx] = channel<number>();
    const total = client.sumNone(noneRx);
    await none.send(3);
    await none.send(4);
    await none.close();
    expect(await total).toBe(7n);
    const [tx, generated] = channel<number>();
    const done = client.generate(40, tx);
    expect(await collect(generated)).toEqual(Array.from({ length: 40 }, (_, index) => index));
    await done;
    expect(pair.reports).toEqual([]);
  });

  it('refuses a channel that was made with another credit than the type has', async () => {
    pair = await pairOf([testbed], CODEC);
    const client = await pair.session.open(Testbed);
    expect(await errorOf(client.sumNarrow(channel<number>({ credit: 2 })[1]))).toEqual(
      new InvalidArgument('the channel was made with a credit of 2, and the method says 1'),
    );
  });

  it('answers InvalidPayload to a call that names fewer channels than it has', async () => {
    pair = await pairOf([testbed], CODEC);
    const { ret } = await callerOf(await pair.session.open(Testbed)).call(Testbed.ids.sum, new Uint8Array(0));
    expect(hexOf(ret)).toBe('0102');
    expect(pair.reports.map(({ error }) => String(error))).toEqual([
      'InvalidPayload: malformed payload: a channel that the message does not name',
    ]);
  });

  it('checks refinements once, as it reads', async () => {
    let checks = 0;
    const even = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) => {
          checks++;
          return (value as number) % 2 === 0 ? { value: value as number } : { issues: [{ message: 'odd' }] };
        },
      },
    } as const;
    const Even = t.check(t.u8, even);
    const Halves = service(
      'Halves',
      { half: method({ args: t.args(Even), result: Even }) },
      { codec: postcardPayload },
    );
    pair = await pairOf([Halves.handler({ half: (number) => number / 2 })], CODEC);
    const client = await pair.session.open(Halves);
    expect([await client.half(8), checks]).toEqual([4, 2]);
    expect(await errorOf(client.half(7))).toBeInstanceOf(InvalidPayload);
    expect(await errorOf(client.half(6))).toEqual(new InvalidPayload('malformed payload: result is refused: odd'));
  });
});

describe('a service on MessagePack with types of the wire for schemas', () => {
  it('checks what the peer sends by them', async () => {
    const args = t.args(t.u8, t.rx(t.i32));
    const Checked = service('Checked', { add: method({ args, result: t.u8, error: t.enum({ Full: null }) }) });
    const sum = async (first: number, rest: AsyncIterable<number>) => first + Number(await summed(rest));
    pair = await pairOf([Checked.handler({ add: sum })]);
    const client = await pair.session.open(Checked);
    const add = async (first: number, ...rest: number[]) => {
      const [tx, rx] = channel<number>();
      const added = client.add(first, rx);
      for (const number of rest) await tx.send(number).catch(() => {});
      await tx.close().catch(() => {});
      return added;
    };
    expect(await add(1, 2, 3)).toBe(6);
    expect(await errorOf(add(256))).toBeInstanceOf(InvalidPayload);
    expect(await errorOf(add(255, 1))).toEqual(
      new InvalidPayload('the schema refuses the result: must be an integer from 0 to 255, not 256'),
    );
  });
});
