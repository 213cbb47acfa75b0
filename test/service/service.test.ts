import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  ApplicationError,
  Cancelled,
  ConnectionClosed,
  InvalidArgument,
  InvalidPayload,
  UnknownMethod,
} from '../../src/base/errors.js';
import { channel } from '../../src/calls/channel.js';
import { messagePackPayload } from '../../src/payload/msgpack.js';
import type { ClientAnswer, ClientInterceptor } from '../../src/service/calls.js';
import { callerOf } from '../../src/service/client.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import { Adder, adder } from './adder.js';
import { errorOf, type Pair, pairOf } from './pair.js';

let pair: Pair;

afterEach(async () => {
  await pair?.end();
});

// r[rpc.service]
describe('a service', () => {
  // r[rpc.method-id]
  it('derives the ids of its methods by FNV-1a of their names', () => {
    expect(Adder.ids.add).toBe(0xe495ca734b3a8cc2n);
  });

  it('encodes the arguments of a call as its client does', () => {
    expect(Adder.encodeArgs('add', [3, 5])).toEqual(Uint8Array.of(0x92, 3, 5));
  });

  it('takes an id that is given', () => {
    expect(service('A', { one: method({ id: 2n ** 64n - 1n }), two: method({ id: 0n }) }).ids).toEqual({
      one: 2n ** 64n - 1n,
      two: 0n,
    });
  });

  it.each([
    ['a name that is empty', () => service('', {}), 'a service needs a name'],
    [
      'a name with half a character',
      () => service('S\ud800', {}),
      "the service's name has a lone surrogate, which UTF-8 can't represent: 'S\ud800'",
    ],
    [
      'a name with a byte more than an Open carries by default',
      () => service(`${'é'.repeat(8188)}xx`, {}),
      `the service's name has 16378 bytes, more than the 16377 that an Open's metadata has room for: '${'é'.repeat(40)}…'`,
    ],
    ['methods that are none', () => service('A', { add: 1 as never }), 'add must be a method, as method() gives'],
    [
      'a method named constructor',
      () => service('A', { constructor: method() }),
      "a method can't be named constructor",
    ],
    [
      'a method named then',
      () => service('A', Object.fromEntries([['then', method()]])),
      "a method can't be named then",
    ],
    [
      'two methods of one id',
      () => service('A', { one: method({ id: 7n }), two: method({ id: 7n }) }),
      'one and two have the same id: 0x7',
    ],
    ['an id that is negative', () => method({ id: -1n }), 'id must be a bigint from 0 to 2^64 − 1, not -1'],
    ['a credit that is none', () => method({ credit: -1 }), 'credit must be an integer from 0 to 2^32 − 1, not -1'],
    ['a schema that is none', () => method({ args: {} as never }), 'args must be a Standard Schema'],
    ['an implementation with a gap', () => Adder.handler({} as never), 'the handler of Adder has no function for add'],
    ...[{}, undefined, null, 'text'].map(
      (none) =>
        [
          'what is no client',
          () => callerOf(none as object),
          'callerOf takes a client, as the client() of a service gives',
        ] as const,
    ),
  ])('refuses %s', (_, make, message) => {
    expect(make).toThrow(new InvalidArgument(message));
  });
});

// r[rpc.handler]
describe('a call of a method', () => {
  it('is answered on the root and on a virtual connection', async () => {
    pair = await pairOf([adder]);
    pair.server.root.serve(adder);
    const clients = [Adder.client(pair.session.root), await pair.session.open(Adder)];
    expect(await Promise.all(clients.map((client) => client.add(3, 5)))).toEqual([8, 8]);
    expect(callerOf(clients[1] as object).connection.id).toBe(1);
  });

  it('takes the interceptors that its client was made with', async () => {
    pair = await pairOf([adder]);
    pair.server.root.serve(adder);
    const seen: string[] = [];
    const noting =
      (name: string): ClientInterceptor =>
      (call, next) => {
        seen.push(name);
        return next(call);
      };
    const interceptors = [noting('first')];
    const client = Adder.client(pair.session.root, { interceptors: interceptors as never });
    interceptors.push(noting('second'));
    await client.add(3, 5);
    expect(seen).toEqual(['first']);
  });

  it('goes through a proxy of the client, and through an object that inherits from it', async () => {
    pair = await pairOf([adder]);
    for (const wrap of [(client: object) => new Proxy(client, {}), Object.create]) {
      const client = await pair.session.open(Adder);
      const wrapped = wrap(client) as typeof client;
      expect(await wrapped.add(3, 5)).toBe(8);
      wrapped[Symbol.dispose]();
      expect(await callerOf(client).connection.closed).toMatchObject({ by: 'local' });
    }
  });

  it('is answered beside others that are slower', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const abort = new AbortController();
    const slow = errorOf(client.slow({ signal: abort.signal }));
    expect(await Promise.all([client.add(1, 2), client.add(3, 4), client.add(5, 6)])).toEqual([3, 7, 11]);
    abort.abort();
    expect(await slow).toMatchObject({ code: 'cancelled', by: 'local' });
  });

  it('goes both ways on one connection', async () => {
    const Namer = service('Namer', { name: method<[], string>() });
    const Greeter = service('Greeter', { greet: method<[], string>() });
    const greeter = Greeter.handler({
      greet: withContext(async ({ connection }) => `hello, ${await Namer.client(connection).name()}`),
    });
    pair = await pairOf([greeter]);
    const client = await pair.session.open(Greeter);
    callerOf(client).connection.serve(Namer.handler({ name: () => 'Ada' }));
    expect(await client.greet()).toBe('hello, Ada');
  });

  it('is answered by an instance of a class', async () => {
    class Counter {
      readonly #step = 2;
      count(from: number): number {
        return from + this.#step;
      }
    }
    const Counting = service('Counting', { count: method<[from: number], number>() });
    pair = await pairOf([Counting.handler(new Counter())]);
    expect(await (await pair.session.open(Counting)).count(5)).toBe(7);
  });

  it('carries metadata both ways', async () => {
    const Echo = service('Echo', { say: method<[], string>() });
    const handler = Echo.handler({
      say: withContext(({ metadata, responseMetadata }) => {
        responseMetadata.push({ key: 'answer', value: 42n, flags: 0n });
        return String(metadata.find(({ key }) => key === 'who')?.value);
      }),
    });
    pair = await pairOf([handler]);
    const answers: ClientAnswer[] = [];
    const client = await pair.session.open(Echo, {
      interceptors: [
        async (call, next) => {
          const answer = await next(call);
          answers.push(answer);
          return answer;
        },
      ],
    });
    expect(await client.say({ metadata: [{ key: 'who', value: 'Ada', flags: 0n }] })).toBe('Ada');
    expect(answers).toEqual([{ value: 'Ada', metadata: [{ key: 'answer', value: 42n, flags: 0n }] }]);
  });

  // r[rpc.caller]
  it('ends with the last share in its connection', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const { connection } = callerOf(client);
    client[Symbol.dispose]();
    expect(await connection.closed).toEqual({ by: 'local', metadata: [] });
    expect(await errorOf(client.add(1, 2))).toBeInstanceOf(InvalidArgument);
    expect(() => Adder.client(connection)).toThrow(ConnectionClosed);
  });

  it('takes arguments of every size around each power of two', async () => {
    pair = await pairOf([adder], { limits: { frame: 1 << 21 } });
    const client = await pair.session.open(Adder);
    const sizes = [0, 1];
    for (let power = 2; power <= 1 << 20; power *= 2) sizes.push(power - 1, power, power + 1);
    for (const size of sizes) {
      const bytes = new Uint8Array(size).fill(size % 251);
      expect(Buffer.compare(await client.echo(bytes), bytes)).toBe(0);
    }
    expect(await errorOf(client.echo(new Uint8Array(1 << 21)))).toBeInstanceOf(InvalidArgument);
  });
});

describe('the options of a call', () => {
  const Options = service('Options', {
    one: method<[value: unknown], string>(),
    any: method<unknown[], string>(),
  });
  const shown = (...values: unknown[]): string => JSON.stringify(values);
  const handler = Options.handler({ one: shown, any: shown });

  it('are told from arguments by their names', async () => {
    pair = await pairOf([handler]);
    const { any } = await pair.session.open(Options);
    const { signal } = new AbortController();
    expect(await any(1, { signal, timeout: 5000, metadata: [] })).toBe('[1]');
    expect(await any(1, { timeout: 5000 })).toBe('[1]');
    expect(await any(1, Object.assign(Object.create(null), { timeout: 5000 }))).toBe('[1]');
    class Timed {
      timeout = 5000;
    }
    // Only plain objects are options.
    expect(await errorOf(any(1, new Timed()))).toMatchObject({ message: "value[1] can't be represented: a Timed" });
    expect(await any(1, { timeout: 'soon' }, undefined)).toBe('[1,{"timeout":"soon"}]');
    expect(await any(1, { timeout: 5000, other: 1 })).toBe('[1,{"timeout":5000,"other":1}]');
    expect(await any(1, {})).toBe('[1,{}]');
    expect(await any(1, null)).toBe('[1,null]');
    expect(await any([])).toBe('[[]]');
    expect(await any()).toBe('[]');
  });

  it('are given explicitly where the last argument looks like some', async () => {
    pair = await pairOf([handler]);
    const { one } = await pair.session.open(Options);
    expect(await one({ timeout: 5000 }, undefined)).toBe('[{"timeout":5000}]');
    expect(await one({ timeout: 5000 }, { timeout: 5000 })).toBe('[{"timeout":5000}]');
  });
});

// r[rpc.fallible.caller-signature], r[rpc.fallible.roam-error]
describe('a call that fails', () => {
  it.each([
    [
      'throws',
      Adder.handler,
      (): never => {
        throw new ApplicationError({ dividend: 6 });
      },
    ],
    ['returns', Adder.handler, () => new ApplicationError({ dividend: 6 })],
    [
      'rejects with',
      Adder.handler,
      async (): Promise<never> => {
        throw new ApplicationError({ dividend: 6 });
      },
    ],
  ])('rejects with the error that its handler %s', async (_, __, divide) => {
    const Divider = service('Divider', { divide: method<[number, number], number, { dividend: number }>() });
    pair = await pairOf([Divider.handler({ divide })]);
    const error = await errorOf((await pair.session.open(Divider)).divide(6, 0));
    expect(error).toBeInstanceOf(ApplicationError);
    expect(error).toMatchObject({ code: 'application', error: { dividend: 6 } });
    expect([Divider.isErrorOf('divide', error), Adder.isErrorOf('divide', error)]).toEqual([true, false]);
    expect(pair.reports).toEqual([]);
  });

  // r[rpc.unknown-method]
  it('rejects with UnknownMethod when the peer has no such method', async () => {
    const Later = service('Adder', {
      add: method<[number, number], number>(),
      subtract: method<[number, number], number>(),
    });
    pair = await pairOf([adder]);
    const client = await pair.session.open(Later);
    expect(await errorOf(client.subtract(3, 5))).toBeInstanceOf(UnknownMethod);
    // r[rpc.error.scope]
    expect(await client.add(3, 5)).toBe(8);
    expect(pair.reports).toEqual([]);
  });

  it('rejects with Cancelled when its handler fails otherwise, and that is reported there', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    expect(await errorOf(client.broken())).toMatchObject({ code: 'cancelled', by: 'peer' });
    expect(pair.reports).toMatchObject([
      {
        kind: 'handler-failed',
        message: 'the handler of Adder.broken (request 1) failed on connection 1',
        error: new RangeError('not to be seen by the caller'),
      },
    ]);
  });

  it('rejects with InvalidPayload when the arguments are none, and that is reported there', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const { ret } = await callerOf(client).call(Adder.ids.add, Uint8Array.of(0xc0));
    expect(Array.from(ret)).toEqual([0x92, 1, 0x91, 2]);
    expect(pair.reports).toEqual([
      {
        kind: 'arguments-refused',
        id: 1,
        message: 'the arguments of a call of Adder.add on connection 1 were refused',
        error: new InvalidPayload('malformed payload: arguments that are no array'),
      },
    ]);
  });

  it.each([
    ['no array', 'c0'],
    ['an array of another length', '9100'],
    ['a third kind', '920200'],
    ['an error that is no array', '920100'],
    ['an error of a kind that is not there', '92019104'],
    ['an error with too much', '9201920100'],
    ['an application error without one', '92019100'],
    ['bytes that are no MessagePack', 'c1'],
    ['a channel that is not named', '9200d40100'],
    ['a channel in an error', '92019200d40100'],
  ])('rejects with InvalidPayload when the answer is %s', async (_, hex) => {
    pair = await pairOf([]);
    pair.server.root.serve(() => new Uint8Array(Buffer.from(hex, 'hex')));
    expect(await errorOf(Adder.client(pair.session.root).add(1, 2))).toBeInstanceOf(InvalidPayload);
  });

  it('rejects when its arguments can’t be sent, and nothing is', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const sent = jest.spyOn(callerOf(client).connection.calls.scope.outbox, 'send');
    expect(await errorOf(client.add(Symbol('three') as never, 5))).toEqual(
      new InvalidArgument("value[0] can't be represented: a symbol"),
    );
    expect(sent).not.toHaveBeenCalled();
  });

  it('is Cancelled when a call that its handler made has failed in any way', async () => {
    const Front = service('Front', { divide: method<[number, number], number>(), missing: method<[], void>() });
    pair = await pairOf([
      Front.handler({
        divide: withContext(({ connection }, a, b) => Adder.client(connection).divide(a, b)),
        missing: withContext(({ connection }) => Front.client(connection).missing()),
      }),
    ]);
    const client = await pair.session.open(Front);
    callerOf(client).connection.serve(adder);
    expect(await errorOf(client.divide(1, 0))).toBeInstanceOf(Cancelled);
    expect(await errorOf(client.missing())).toBeInstanceOf(Cancelled);
    const errors = pair.reports.map(({ error }) => error as Error);
    const message = 'a call that the handler made has failed';
    expect(errors.map((error) => error.message)).toEqual([message, message]);
    expect(pair.reports.map(({ kind, error }) => [kind, (error as Error).cause])).toEqual([
      ['handler-failed', new ApplicationError({ dividend: 1 })],
      ['handler-failed', new UnknownMethod('the peer does not know the method Front.missing')],
    ]);
  });

  it('reports a handler that gave up by a signal of its own', async () => {
    const Own = service('Own', { fail: method<[], void>() });
    const error = new DOMException('by a signal of its own', 'AbortError');
    pair = await pairOf([Own.handler({ fail: () => Promise.reject(error) })]);
    expect(await errorOf((await pair.session.open(Own)).fail())).toMatchObject({ code: 'cancelled', ran: 'maybe' });
    expect(pair.reports).toMatchObject([{ kind: 'handler-failed', error }]);
  });

  it('says nothing of a handler that was given up, nor of what Node throws then', async () => {
    const Waiting = service('Waiting', { wait: method<[], void>() });
    const { setTimeout: sleep } = await import('node:timers/promises');
    pair = await pairOf([Waiting.handler({ wait: withContext(({ signal }) => sleep(60_000, undefined, { signal })) })]);
    const client = await pair.session.open(Waiting);
    const abort = new AbortController();
    const waiting = errorOf(client.wait({ signal: abort.signal }));
    await pair.session.open(Waiting);
    abort.abort();
    expect(await waiting).toBeInstanceOf(Cancelled);
    await pair.session.open(Waiting);
    expect(pair.reports).toEqual([]);
  });

  it('rejects with what ended the connection', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder);
    const slow = errorOf(client.slow());
    const [tx, rx] = channel<number>();
    const sum = errorOf(client.sum(rx));
    await callerOf(client).connection.close();
    expect(await slow).toBeInstanceOf(ConnectionClosed);
    expect(await sum).toBeInstanceOf(ConnectionClosed);
    expect(await errorOf(tx.send(1))).toBeInstanceOf(ConnectionClosed);
    // The same for a call that never began.
    const [late, lateRx] = channel<number>();
    expect(await errorOf(client.sum(lateRx))).toBeInstanceOf(ConnectionClosed);
    expect(await errorOf(late.send(1))).toBeInstanceOf(ConnectionClosed);
    // The handlers have ended by then, the one that loops over its items included. None of them has failed.
    await pair.session.open(Adder);
    expect(pair.reports).toEqual([]);
  });
});

describe('another payload codec', () => {
  const json = {
    encode: (value: unknown) => new TextEncoder().encode(JSON.stringify(value)),
    decode: (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes)),
  };
  const Plain = service(
    'Plain',
    { add: method<[number, number], number>(), broken: method<[], void>() },
    { codec: json },
  );

  it('carries arguments, results and refusals', async () => {
    pair = await pairOf([
      Plain.handler({
        add: (a, b) => a + b,
        broken: () => {
          throw new Error('broken');
        },
      }),
    ]);
    const client = await pair.session.open(Plain);
    expect(await client.add(3, 5)).toBe(8);
    const caller = callerOf(client);
    const text = async (id: bigint, args: string) =>
      new TextDecoder().decode((await caller.call(id, new TextEncoder().encode(args))).ret);
    expect(await text(Plain.ids.add, '[3,5]')).toBe('[0,8]');
    expect(await text(0n, '[]')).toBe('[1,[1]]');
    expect(await text(Plain.ids.add, '{')).toBe('[1,[2]]');
    expect(await text(Plain.ids.broken, '[]')).toBe('[1,[3]]');
    expect(pair.reports.map(({ kind }) => kind)).toEqual(['arguments-refused', 'handler-failed']);
  });

  it('must be a codec', () => {
    expect(() => service('A', {}, { codec: {} as never })).toThrow(
      new InvalidArgument('codec must have encode and decode'),
    );
    expect(messagePackPayload.decode(messagePackPayload.encode([1]))).toEqual([1]);
  });
});
