import { afterEach, describe, expect, it } from '@jest/globals';
import { ConnectionRejected, InvalidArgument } from '../../src/base/errors.js';
import { callerOf } from '../../src/service/client.js';
import { method } from '../../src/service/method.js';
import { routes } from '../../src/service/routes.js';
import { service } from '../../src/service/service.js';
import { SENSITIVE } from '../../src/wire/metadata.js';
import { Adder, adder } from './adder.js';
import { errorOf, type Pair, pairOf } from './pair.js';

const Clock = service('Clock', { now: method<[], number>() });
const clock = Clock.handler({ now: () => 1234 });

let pair: Pair;

afterEach(async () => {
  await pair?.end();
});

// r[rpc.one-service-per-connection]
describe('routes', () => {
  it('serve on each connection the service that its opener names', async () => {
    pair = await pairOf([adder, clock]);
    const [one, other] = await Promise.all([pair.session.open(Clock), pair.session.open(Adder)]);
    expect([await one.now(), await other.add(3, 5)]).toEqual([1234, 8]);
    // A connection reaches only the service that it was opened for.
    const wrong = Adder.client(callerOf(one).connection);
    expect(await errorOf(wrong.add(3, 5))).toMatchObject({ code: 'unknown-method' });
  });

  it('leave the rest of the metadata to the opener', async () => {
    pair = await pairOf([adder]);
    const client = await pair.session.open(Adder, {
      metadata: [{ key: 'who', value: 'Ada', flags: 0n }],
      parity: 'even',
    });
    expect(callerOf(client).connection.parity).toBe('even');
    expect(pair.server.connection(1)?.peerMetadata).toEqual([
      { key: 'service', value: 'Adder', flags: 0n },
      { key: 'who', value: 'Ada', flags: 0n },
    ]);
  });

  it('reject an unknown service, and say which', async () => {
    pair = await pairOf([adder]);
    const error = await errorOf(pair.session.open(Clock));
    expect(error).toBeInstanceOf(ConnectionRejected);
    expect((error as ConnectionRejected).metadata).toEqual([
      { key: 'reason', value: 'unknown service', flags: 0n },
      { key: 'service', value: 'Clock', flags: 0n },
    ]);
    expect((error as ConnectionRejected).message).toBe(
      'connection 1 for the service Clock was rejected by the peer: unknown service',
    );
  });

  it.each([
    ['no name', []],
    ['a name that is no text', [{ key: 'service', value: 7n, flags: 0n }]],
    ['a name that is SENSITIVE', [{ key: 'service', value: 'Adder', flags: SENSITIVE }]],
  ])('reject %s', async (_, metadata) => {
    pair = await pairOf([adder]);
    const error = await errorOf(pair.session.open({ metadata }));
    expect((error as ConnectionRejected).metadata).toEqual([{ key: 'reason', value: 'no service named', flags: 0n }]);
  });

  it('say back no more than the beginning of a long name, whole characters of it', async () => {
    pair = await pairOf([adder]);
    const metadata = [{ key: 'service', value: `${'x'.repeat(99)}😀${'x'.repeat(1000)}`, flags: 0n }];
    const error = await errorOf(pair.session.open({ metadata }));
    expect((error as ConnectionRejected).metadata[1]).toEqual({ key: 'service', value: 'x'.repeat(99), flags: 0n });
    expect((error as ConnectionRejected).message).toBe(
      `connection 1 for the service ${'x'.repeat(99)}… was rejected by the peer: unknown service`,
    );
  });

  it('say back every whole character within that beginning', async () => {
    pair = await pairOf([adder]);
    const metadata = [{ key: 'service', value: '😀'.repeat(60), flags: 0n }];
    const error = await errorOf(pair.session.open({ metadata }));
    expect((error as ConnectionRejected).metadata[1]).toMatchObject({ value: '😀'.repeat(50) });
  });

  it('find the longest name that a service may have', async () => {
    const Long = service(`${'é'.repeat(8188)}x`, { echo: method<[value: number], number>() });
    pair = await pairOf([Long.handler({ echo: (value) => value })]);
    expect(await (await pair.session.open(Long)).echo(5)).toBe(5);
  });

  it('refuse two of one service, and what is no handler', () => {
    expect(() => routes([adder, adder])).toThrow(new InvalidArgument('two handlers of the service Adder'));
    for (const wrong of [() => {}, { service: 'Adder' }, 'Adder', undefined]) {
      expect(() => routes([wrong as never])).toThrow(
        new InvalidArgument('routes takes what the handler() of services gives'),
      );
    }
  });
});
