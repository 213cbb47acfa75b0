import { afterEach, describe, expect, it, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { channel, Rx, Tx } from '../../src/calls/channel.js';
import { messagePackPayload } from '../../src/payload/msgpack.js';
import type { PayloadCodec } from '../../src/payload/payload.js';
import type { MethodCallOptions } from '../../src/service/calls.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { routes } from '../../src/service/routes.js';
import { service } from '../../src/service/service.js';
import { proxyConnections } from '../../src/session/proxy.js';
import { collect } from './adder.js';
import { errorOf, type Pair, pairOf } from './pair.js';

// Mistakes of a user. Each is refused where it is made, by the argument's name.

const Echo = service('Echo', {
  echo: method<[value: unknown], unknown>(),
  take: method<[to: Tx<number>], Tx<number>>(),
});
const implementation = { echo: (value: unknown) => value, take: (to: Tx<number>) => to };

let pair: Pair | undefined;

afterEach(async () => {
  await pair?.end();
  pair = undefined;
});

const no = (value: unknown): never => value as never;

describe('what is no argument is refused at once', () => {
  test.each([
    ['options of a service', () => service('A', {}, no(null)), 'options must be an object, not null'],
    ['options of a method', () => method(no(5)), 'options must be an object, not 5'],
    ['a credit of text', () => method({ credit: no('4') }), "credit must be an integer from 0 to 2^32 − 1, not '4'"],
    [
      'a credit that has no text',
      () => method({ credit: no(Object.create(null)) }),
      'credit must be an integer from 0 to 2^32 − 1, not an object',
    ],
    ['an implementation', () => Echo.handler(no(undefined)), 'implementation must be an object, not undefined'],
    ...['then', '__proto__', 'constructor', 'toJSON'].map((name): [string, () => unknown, string] => [
      `a method of the name ${name}`,
      () => service('A', { [name]: method() }),
      `a method can't be named ${name}`,
    ]),
    ['a method that is none', () => service('A', no({ gone: undefined })), 'gone must be a method, as method() gives'],
    ['idempotence of a method', () => method({ idempotent: no('yes') }), "idempotent must be a boolean, not 'yes'"],
    ['a function with a context', () => withContext(no(5)), 'withContext takes a function'],
    ['options of a handler', () => Echo.handler(implementation, no(5)), 'options must be an object, not 5'],
    [
      'interceptors of a handler',
      () => Echo.handler(implementation, { interceptors: no(() => {}) }),
      'interceptors must be an array of functions, not a function',
    ],
    [
      'one of them',
      () => Echo.handler(implementation, { interceptors: [(call, next) => next(call), no(5)] }),
      'interceptors[1] must be a function, not 5',
    ],
    [
      'middleware of a handler',
      () => Echo.handler(implementation, { middleware: [no(null)] }),
      'middleware[0] must be a function, not null',
    ],
    ['a list of handlers', () => routes(no(Echo.handler(implementation))), 'handlers must be an array, not a function'],
    ['the name of a method', () => Echo.isErrorOf(no('gone'), new Error('any')), 'Echo has no method gone'],
    ['options of a channel', () => channel(no(null)), 'options must be an object, not null'],
    ['options of a Close', () => channel()[0].close(no(null)), 'options must be an object, not null'],
    ['options of a Reset', () => channel()[1].reset(no(5)), 'options must be an object, not 5'],
    ['a sender made by hand', () => new Tx(no(undefined)), 'an end of a channel is made by channel()'],
    ['a receiver made by hand', () => new Rx(no({})), 'an end of a channel is made by channel()'],
  ])('%s', (_, attempt, message) => {
    expect(attempt).toThrow(new InvalidArgument(message));
  });

  test('a connection to be proxied', async () => {
    pair = await pairOf([]);
    const { root } = pair.session;
    const text = (name: string) => new InvalidArgument(`${name} must be a connection, such as session.root`);
    await expect(proxyConnections(no(undefined), root)).rejects.toEqual(text('left'));
    await expect(proxyConnections(root, no(pair.session))).rejects.toEqual(text('right'));
  });

  test('what a client is made of, which takes no share in the connection', async () => {
    pair = await pairOf([Echo.handler(implementation)]);
    const connection = await pair.session.open({ metadata: [{ key: 'service', value: 'Echo', flags: 0n }] });
    const text = 'connection must be a connection, such as session.root';
    expect(() => Echo.client(no(undefined))).toThrow(new InvalidArgument(text));
    expect(() => Echo.client(no(pair?.session))).toThrow(new InvalidArgument(text));
    expect(() => Echo.client(connection, no(null))).toThrow(new InvalidArgument('options must be an object, not null'));
    expect(() => Echo.client(connection, { interceptors: no(5) })).toThrow(
      new InvalidArgument('interceptors must be an array of functions, not 5'),
    );
    expect(() => Echo.client(connection, { middleware: [no({})] })).toThrow(
      new InvalidArgument('middleware[0] must be a function, not an object'),
    );
    Echo.client(connection)[Symbol.dispose]();
    expect(await connection.closed).toEqual({ by: 'local', metadata: [] });
  });
});

describe('what session.open is given beside a service', () => {
  test.each([
    ['interceptors', { interceptors: 5 }, 'interceptors must be an array of functions, not 5'],
    ['middleware', { middleware: [null] }, 'middleware[0] must be a function, not null'],
    ['metadata', { metadata: 5 }, 'metadata must be an array of entries, not number'],
    ['metadata that is null', { metadata: null }, 'metadata must be an array of entries, not object'],
    ['an entry of it, by the place that its user knows', { metadata: [null] }, 'metadata[0] must be an object'],
    ['options', null, 'options must be an object, not null'],
  ])('is refused before anything is sent: %s', async (_, options, message) => {
    pair = await pairOf([Echo.handler(implementation)]);
    const opened: unknown[] = [];
    pair.server.on('connectionOpened', (event) => opened.push(event));
    expect(await errorOf(pair.session.open(Echo, no(options)))).toEqual(new InvalidArgument(message));
    await pair.session.open(Echo);
    expect(opened).toHaveLength(1);
  });

  test('closes the connection where only the client can tell that it is wrong', async () => {
    pair = await pairOf([Echo.handler(implementation)]);
    const thrown = new Error('no such client');
    const client = (): never => {
      throw thrown;
    };
    expect(await errorOf(pair.session.open({ name: 'Echo', client }))).toBe(thrown);
    // The open returns only after the peer has taken the Close.
    await pair.session.open(Echo);
    expect([pair.session.connection(1), pair.server.connection(1)]).toEqual([undefined, undefined]);
  });

  test('is refused when it makes no client', async () => {
    pair = await pairOf([Echo.handler(implementation)]);
    expect(await errorOf(pair.session.open(no({ name: 'Echo', client: 5 })))).toEqual(
      new InvalidArgument('client must be a function, not 5'),
    );
    expect(pair.server.connection(1)).toBeUndefined();
  });
});

describe('a call of a method', () => {
  it.each([
    ['timeout', { timeout: '5' }, "timeout must be a number of milliseconds from 0 to 2^31 − 1, not '5'"],
    ['timeout', { timeout: null }, 'timeout must be a number of milliseconds from 0 to 2^31 − 1, not null'],
    ['signal', { signal: 5 }, 'signal must be an AbortSignal'],
    ['metadata', { metadata: {} }, 'metadata must be an array of entries, not object'],
    ['metadata beside a timeout', { metadata: {}, timeout: 5 }, 'metadata must be an array of entries, not object'],
    ['retry', { retry: 'no' }, 'retry must be true or false'],
    ['context', { context: { responseMetadata: [] } }, 'context must be what withContext gives to a handler'],
  ])('rejects with a wrong option: %s', async (_, options, message) => {
    pair = await pairOf([Echo.handler(implementation)]);
    const { echo } = await pair.session.open(Echo);
    const error = await errorOf(echo(1, options as unknown as MethodCallOptions));
    expect(error).toMatchObject({ code: 'invalid-argument', message, ran: 'no' });
  });

  it.each([true, false, undefined])('takes a retry of %s', async (retry) => {
    pair = await pairOf([Echo.handler(implementation)]);
    expect(await (await pair.session.open(Echo)).echo(1, { retry, timeout: 60_000 })).toBe(1);
  });

  it('rejects with what a getter throws', async () => {
    pair = await pairOf([Echo.handler(implementation)]);
    const { echo } = await pair.session.open(Echo);
    const thrown = new RangeError('not now');
    const value = {
      get timeout(): number {
        throw thrown;
      },
      other: 1,
    };
    expect(await errorOf(echo(value, undefined))).toBe(thrown);
    expect(await errorOf(echo(value, { timeout: 60_000 }))).toBe(thrown);
  });

  it('rejects when an interceptor goes on with no call, or gives no answer', async () => {
    pair = await pairOf([Echo.handler(implementation)]);
    const connection = await pair.session.open({ metadata: [{ key: 'service', value: 'Echo', flags: 0n }] });
    for (const answer of [undefined, null, 7, {}]) {
      const careless = Echo.client(connection, { interceptors: [async () => no(answer)] });
      const message = 'an interceptor must return what next gives: { value, metadata }';
      expect(await errorOf(careless.echo(1, undefined))).toMatchObject({
        code: 'invalid-argument',
        message,
        ran: 'maybe',
      });
    }
    const empty = Echo.client(connection, { interceptors: [(_, next) => next(no(undefined))] });
    expect(await errorOf(empty.echo(1, undefined))).toEqual(
      new InvalidArgument('next takes a call, such as { ...call }, with an array of args'),
    );
  });
});

describe('a Reset that can’t be sent as it is, before the channel was passed', () => {
  it('is sent without its metadata, and who reads hears why', async () => {
    const Source = service('Source', { fill: method<[to: Tx<number>], string>() });
    pair = await pairOf([
      Source.handler({
        fill: async (to) => {
          for (;;) {
            try {
              await to.send(1);
            } catch (error) {
              return (error as Error).name;
            }
          }
        },
      }),
    ]);
    const [tx, rx] = channel<number>();
    rx.reset({ metadata: no(5) });
    expect(await (await pair.session.open(Source)).fill(tx)).toBe('ChannelClosed');
    expect(await errorOf(collect(rx))).toEqual(new InvalidArgument('metadata must be an array of entries, not number'));
  });
});

describe('a codec that gives no bytes', () => {
  it('is refused with the item, and costs the channel no credit', async () => {
    let isBroken = false;
    const codec: PayloadCodec = {
      encode: (value, ends) => (isBroken ? no('text') : messagePackPayload.encode(value, ends)),
      decode: messagePackPayload.decode,
    };
    const Sum = service('Sum', { sum: method<[from: Rx<number>], number>({ credit: 1 }) }, { codec });
    pair = await pairOf([Sum.handler({ sum: async (from) => (await collect(from)).length })]);
    const client = await pair.session.open(Sum);
    const [tx, rx] = channel<number>();
    const sum = client.sum(rx);
    isBroken = true;
    expect(() => tx.send(1)).toThrow(new InvalidArgument("codec.encode must give a Uint8Array, not 'text'"));
    expect(await errorOf(client.sum(channel<number>()[1]))).toEqual(
      new InvalidArgument("codec.encode must give a Uint8Array, not 'text'"),
    );
    isBroken = false;
    await tx.send(2);
    await tx.close();
    expect(await sum).toBe(1);
  });
});
