import { afterEach, describe, expect, it } from '@jest/globals';
import { Cancelled, ConnectionClosed, InvalidArgument, LimitExceeded } from '../../src/base/errors.js';
import { callerOf } from '../../src/service/client.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { clientMiddleware, handlerMiddleware } from '../../src/service/middleware.js';
import { service } from '../../src/service/service.js';
import { type Metadata, NO_PROPAGATE } from '../../src/wire/metadata.js';
import { VirtualClock } from '../support/clock.js';
import { settle } from '../support/settle.js';
import { errorOf, type Pair, pairOf } from './pair.js';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const Math1 = service('Math', { add: method<[number, number], number>(), negate: method<[number], number>() });
/** Returns the metadata of its call. */
const Told = service('Told', { tell: method<[], Metadata>(), wait: method<[], void>() });
/** Calls a Told on the same connection. */
const Between = service('Between', { ask: method<[], Metadata>(), wait: method<[], void>() });

const plain = ({ metadata }: { metadata: Metadata }): Metadata =>
  metadata.map(({ key, value, flags }) => ({ key, value, flags }));

const told = Told.handler({
  tell: withContext(plain),
  wait: withContext(
    ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
  ),
});

let pair: Pair;

afterEach(async () => {
  await pair?.end();
});

describe('interceptors of a client', () => {
  it('stand around every call, the first outermost, and know what it is', async () => {
    const seen: unknown[] = [];
    pair = await pairOf([Math1.handler({ add: (a, b) => a + b, negate: (a) => -a })]);
    const client = await pair.session.open(Math1, {
      interceptors: [
        async (call, next) => {
          seen.push(['outer', call.service, call.method, call.args]);
          const answer = await next(call);
          seen.push(['outer', answer.value]);
          return answer;
        },
        async (call, next) => {
          seen.push(['inner', call.method]);
          // Narrowed by its name, the call has its own types.
          if (call.method === 'add') return next({ ...call, args: [call.args[0], 100] });
          return { value: 7, metadata: [] };
        },
      ],
    });
    expect(await client.add(3, 5)).toBe(103);
    expect(await client.negate(3)).toBe(7);
    expect(seen).toEqual([
      ['outer', 'Math', 'add', [3, 5]],
      ['inner', 'add'],
      ['outer', 103],
      ['outer', 'Math', 'negate', [3]],
      ['inner', 'negate'],
      ['outer', 7],
    ]);
  });

  it('may fail a call, and try it again', async () => {
    let attempts = 0;
    const handler = Math1.handler({
      add: () => {
        attempts++;
        if (attempts < 3) throw new Error('not yet');
        return attempts;
      },
      negate: (a) => -a,
    });
    pair = await pairOf([handler]);
    const client = await pair.session.open(Math1, {
      interceptors: [
        async (call, next) => {
          for (;;) {
            try {
              return await next(call);
            } catch (error) {
              if ((error as { code?: string }).code !== 'cancelled') throw error;
            }
          }
        },
      ],
    });
    expect(await client.add(1, 1)).toBe(3);
    expect(pair.reports).toHaveLength(2);
    const refusing = Math1.client(callerOf(client).connection, {
      interceptors: [
        () => {
          throw new InvalidArgument('no');
        },
      ],
    });
    expect(await errorOf(refusing.add(1, 1))).toEqual(new InvalidArgument('no'));
  });
});

describe('interceptors of a handler', () => {
  it('stand around every handler, the first outermost, and know what it answers', async () => {
    const seen: unknown[] = [];
    const handler = Math1.handler(
      { add: async (a, b) => a + b, negate: (a) => -a },
      {
        interceptors: [
          async (call, next) => {
            seen.push(['outer', call.service, call.method, call.args, call.connection.id]);
            const value = await next(call);
            call.responseMetadata.push({ key: 'took', value: 1n, flags: 0n });
            return value;
          },
          (call, next) => {
            if (call.method === 'negate') throw new Error('not today');
            return next({ ...call, args: [call.args[0], 100] });
          },
        ],
      },
    );
    pair = await pairOf([handler]);
    const client = await pair.session.open(Math1);
    expect(await client.add(3, 5)).toBe(103);
    expect(await errorOf(client.negate(3))).toMatchObject({ code: 'cancelled', by: 'peer' });
    expect(seen).toEqual([
      ['outer', 'Math', 'add', [3, 5], 1],
      ['outer', 'Math', 'negate', [3], 1],
    ]);
    const { metadata } = await callerOf(client).call(Math1.ids.add, Uint8Array.of(0x92, 1, 2));
    expect(metadata).toEqual([{ key: 'took', value: 1n, flags: 0n }]);
  });
});

describe('the deadline of a call', () => {
  it('is its timeout, as a time of the day', async () => {
    pair = await pairOf([told]);
    const before = Date.now();
    const [entry, ...others] = await (await pair.session.open(Told)).tell({ timeout: 60_000 });
    expect([entry?.key, entry?.flags, others]).toEqual(['request-deadline', 0n, []]);
    expect(Number(entry?.value) - before).toBeGreaterThanOrEqual(60_000);
    expect(Number(entry?.value)).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  it('aborts the signal of its handler, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    pair = await pairOf([told], { clock });
    const client = await pair.session.open(Told);
    // The timers of the sessions themselves, before any call waits.
    const { size } = clock;
    const metadata: Metadata = [{ key: 'request-deadline', value: BigInt(Date.now() + 1000), flags: 0n }];
    const waiting = errorOf(client.wait({ metadata }));
    await settle();
    expect(clock.size).toBe(size + 1);
    await clock.advance(1000);
    expect(await waiting).toMatchObject({ code: 'cancelled', by: 'peer' });
    expect(pair.reports).toEqual([]);
    await client.tell({ metadata });
    expect(clock.size).toBe(size);
  });

  it('is the reason of that signal when it has passed', async () => {
    const clock = new VirtualClock();
    const reasons: unknown[] = [];
    const handler = Told.handler({
      tell: () => [],
      wait: withContext(
        ({ signal }) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve(reasons.push(signal.reason)))),
      ),
    } as never);
    pair = await pairOf([handler], { clock });
    const metadata: Metadata = [{ key: 'request-deadline', value: BigInt(Date.now() + 1000), flags: 0n }];
    const waiting = (await pair.session.open(Told)).wait({ metadata });
    await settle();
    await clock.advance(1000);
    await waiting;
    const message = 'the deadline of the caller has passed';
    expect(reasons).toMatchObject([{ name: 'Cancelled', by: 'peer', message }]);
  });

  it('leaves no timer behind where the call or the connection ends, though its handler goes on', async () => {
    const clock = new VirtualClock();
    const Deaf = service('Deaf', { hang: method<[], void>() });
    pair = await pairOf([Deaf.handler({ hang: () => new Promise(() => {}) })], { clock });
    const client = await pair.session.open(Deaf);
    const { size } = clock;
    const abort = new AbortController();
    const aborted = errorOf(client.hang({ timeout: 60_000, signal: abort.signal }));
    const ended = errorOf(client.hang({ timeout: 60_000 }));
    await settle();
    expect(clock.size).toBe(size + 4);
    abort.abort();
    expect(await aborted).toBeInstanceOf(Cancelled);
    await settle();
    expect(clock.size).toBe(size + 2);
    await callerOf(client).connection.close();
    expect(await ended).toBeInstanceOf(ConnectionClosed);
    await settle();
    expect(clock.size).toBe(size);
  });

  it('is reported by the side that set it', async () => {
    pair = await pairOf([told]);
    const client = await pair.session.open(Told);
    expect(await errorOf(client.wait({ timeout: 5 }))).toEqual(
      new LimitExceeded('timeout', 'the call was not answered within 5 ms'),
    );
    expect(pair.reports).toEqual([]);
  });

  it('is reported as passed where the peer notices it first, and a failure before it as that failure', async () => {
    const Failing = service('Failing', { fail: method<[waits: boolean], void>() });
    const handler = Failing.handler({
      fail: withContext(({ deadline = 0 }, waits) => {
        while (waits && Date.now() <= deadline);
        throw new Cancelled('local', 'the handler gives up');
      }),
    });
    // The timers of the sessions stand still, so only the peer looks at the time.
    pair = await pairOf([handler], { clock: new VirtualClock() });
    const client = await pair.session.open(Failing);
    const error = await errorOf(client.fail(true, { timeout: 2 }));
    const message = 'the call was not answered within 2 ms';
    expect(error).toMatchObject({ name: 'LimitExceeded', limit: 'timeout', message, ran: 'maybe' });
    expect(await errorOf(client.fail(false, { timeout: 60_000 }))).toMatchObject({ code: 'cancelled', by: 'peer' });
  });

  it.each([Number.NaN, -1, 'soon', 2 ** 31])('is refused at once where the timeout is none: %p', async (timeout) => {
    pair = await pairOf([told]);
    const client = await pair.session.open(Told);
    const error = await errorOf(client.tell({ timeout: timeout as number }));
    expect(error).toMatchObject({ code: 'invalid-argument', ran: 'no' });
    expect((error as Error).message).toMatch(/^timeout must be a number of milliseconds from 0 to 2\^31 − 1, not /);
  });

  it('is ignored where it is no integer', async () => {
    pair = await pairOf([told]);
    const metadata: Metadata = [{ key: 'request-deadline', value: 'soon', flags: 0n }];
    expect(await (await pair.session.open(Told)).tell({ metadata })).toEqual(metadata);
  });
});

describe('a call that is made for another one', () => {
  const between = Between.handler({
    ask: withContext((context) => Told.client(context.connection).tell({ context })),
    wait: withContext((context) => Told.client(context.connection).wait({ context })),
  });

  /** Returns the metadata that Told gets when Between calls it, during a call with this metadata. */
  async function passedOn(metadata: Metadata): Promise<Metadata> {
    pair = await pairOf([between]);
    const client = await pair.session.open(Between);
    callerOf(client).connection.serve(told);
    return client.ask({ metadata });
  }

  it('carries its trace on', async () => {
    const trace: Metadata = [
      { key: 'traceparent', value: PARENT, flags: 0n },
      { key: 'tracestate', value: 'a=1', flags: 0n },
      { key: 'tracestate', value: 'b=2', flags: 0n },
    ];
    expect(await passedOn([{ key: 'other', value: 'stays', flags: 0n }, ...trace])).toEqual(trace);
  });

  const parent = { key: 'traceparent', value: PARENT, flags: 0n };
  const state = (value: string): Metadata[number] => ({ key: 'tracestate', value, flags: 0n });
  /** So many members of so many characters each. */
  const members = (count: number, length: number): string[] =>
    Array.from({ length: count }, (_, at) => `${at}=`.padEnd(length, 'x'));

  it.each<[what: string, given: Metadata, carried: Metadata]>([
    ['of 32 members', members(32, 5).map(state), members(32, 5).map(state)],
    ['of one more, the newest of them', members(33, 5).map(state), [state(members(32, 5).join())]],
    ['of 63 entries, the newest of them', members(63, 5).map(state), [state(members(32, 5).join())]],
    ['of 512 characters', [state('x'.repeat(512))], [state('x'.repeat(512))]],
    [
      'of four members that are just too long together',
      [state(members(4, 128).join())],
      [state(members(3, 128).join())],
    ],
    ['of more, the newest members', [state(members(10, 100).join())], [state(members(5, 100).join())]],
    [
      'of more, but no long members',
      [state([...members(2, 129), 'c=1', ...members(3, 128)].join())],
      [state(`c=1,${members(3, 128).join()}`)],
    ],
    ['of one long member', [state('x'.repeat(16_000))], []],
    [
      'of more, the newest members, up to 512 characters',
      [state([...members(3, 128), 'd='.padEnd(125, 'x'), 'e=1'].join())],
      [state([...members(3, 128), 'd='.padEnd(125, 'x')].join())],
    ],
    [
      'of too many members in 512 characters, of any length',
      [state(['long='.padEnd(200, 'x'), ...members(24, 9), ...members(8, 8)].join())],
      [state(['long='.padEnd(200, 'x'), ...members(24, 9), ...members(8, 8)].slice(0, 32).join())],
    ],
    [
      'of more than fits, in spaces and commas',
      [state(` ${'a=1, ,'.repeat(200)}`)],
      [state(new Array(32).fill('a=1').join())],
    ],
    [
      'of too many members, but none that a header may not have',
      [state(['a=é', ...members(33, 5)].join())],
      [state(members(32, 5).join())],
    ],
    ['that is no text', [{ key: 'tracestate', value: 1n, flags: 0n }], []],
    [
      'whose flags are unknown',
      members(40, 5).map((value) => ({ ...state(value), flags: 8n })),
      [{ ...state(members(32, 5).join()), flags: 8n }],
    ],
  ])('carries a state %s', async (_, given, carried) => {
    expect(await passedOn([parent, ...given])).toEqual([parent, ...carried]);
  });

  it.each<[what: string, own: number, carried: Metadata]>([
    ['all of it, if it fits', 61, [parent, state('a=1'), state('b=2')]],
    ['in one entry, if two do not fit', 62, [parent, state('a=1,b=2')]],
    ['the parent alone, if there is room for that', 63, [parent]],
    ['nothing, if there is no room', 64, []],
  ])('goes out with as many entries as there may be, and carries of its trace %s', async (_, own, carried) => {
    const metadata = Array.from({ length: own }, (_, at) => ({ key: `own ${at}`, value: '', flags: 0n }));
    const full = Between.handler({
      ask: withContext((context) => Told.client(context.connection).tell({ context, metadata })),
      wait: () => {},
    });
    pair = await pairOf([full]);
    const client = await pair.session.open(Between);
    callerOf(client).connection.serve(told);
    const heard = await client.ask({ metadata: [parent, state('a=1'), state('b=2')] });
    expect(heard.slice(own)).toEqual(carried);
    // A deadline that comes from the peer has no room either.
    const deadline = { key: 'request-deadline', value: BigInt(Date.now() + 60_000), flags: 0n };
    expect((await client.ask({ metadata: [deadline] })).length).toBe(Math.min(64, own + 1));
  });

  it('carries a parent on whose id begins with zeros', async () => {
    const value = PARENT.replace(/-[0-9a-f]{16}-/, '-0000000000000001-');
    expect(await passedOn([{ ...parent, value }])).toEqual([{ ...parent, value }]);
  });

  it.each([
    [512, 1],
    [513, 0],
  ])('carries a parent of %i characters on: %i', async (length, count) => {
    const value = `01${PARENT.slice(2)}-`.padEnd(length, 'x');
    expect(await passedOn([{ ...parent, value }])).toEqual(new Array(count).fill({ ...parent, value }));
  });

  it('carries no parent on that is as long as metadata may be', async () => {
    expect(await passedOn([{ ...parent, value: `01${PARENT.slice(2)}-${'x'.repeat(16_000)}` }, state('a=1')])).toEqual(
      [],
    );
  });

  it.each<[string, Metadata]>([
    ['that is marked NO_PROPAGATE', [{ key: 'traceparent', value: PARENT, flags: NO_PROPAGATE }]],
    ['that is malformed', [{ key: 'traceparent', value: `${PARENT}0`, flags: 0n }]],
    [
      'of no trace',
      [{ key: 'traceparent', value: PARENT.replace(/-[0-9a-f]{32}-/, `-${'0'.repeat(32)}-`), flags: 0n }],
    ],
    [
      'of no parent',
      [{ key: 'traceparent', value: PARENT.replace(/-[0-9a-f]{16}-/, `-${'0'.repeat(16)}-`), flags: 0n }],
    ],
    ['that is there twice', [0, 1].map(() => ({ key: 'traceparent', value: PARENT, flags: 0n }))],
    ['that is no text', [{ key: 'traceparent', value: 1n, flags: 0n }]],
    ['whose parent is missing', [{ key: 'tracestate', value: 'a=1', flags: 0n }]],
  ])('carries no trace on %s', async (_, metadata) => {
    expect(await passedOn([...metadata, { key: 'tracestate', value: 'a=1', flags: 0n }])).toEqual([]);
  });

  it('carries its deadline on, as it is', async () => {
    const metadata: Metadata = [{ key: 'request-deadline', value: BigInt(Date.now() + 60_000), flags: 0n }];
    const [entry, ...others] = await passedOn(metadata);
    expect(others).toEqual([]);
    expect(entry).toEqual(metadata[0]);
  });

  it('carries no deadline on that is marked NO_PROPAGATE', async () => {
    expect(
      await passedOn([{ key: 'request-deadline', value: BigInt(Date.now() + 60_000), flags: NO_PROPAGATE }]),
    ).toEqual([]);
  });

  it('is given up by its own signal, too', async () => {
    const errors: unknown[] = [];
    const impatient = Between.handler({
      ask: withContext(async (context) => {
        const controller = new AbortController();
        const waiting = Told.client(context.connection).wait({ context, signal: controller.signal });
        controller.abort(new Error('enough'));
        errors.push(await errorOf(waiting));
        return [];
      }),
      wait: () => {},
    });
    pair = await pairOf([impatient]);
    const client = await pair.session.open(Between);
    callerOf(client).connection.serve(told);
    expect(await client.ask()).toEqual([]);
    expect(errors).toMatchObject([{ code: 'cancelled', by: 'local', cause: { message: 'enough' } }]);
  });

  it('is not made at all past its deadline', async () => {
    const ask = passedOn([{ key: 'request-deadline', value: BigInt(Date.now() - 1), flags: 0n }]);
    expect(await errorOf(ask)).toMatchObject({ code: 'cancelled', by: 'peer' });
    expect(pair.reports).toMatchObject([
      { error: new LimitExceeded('timeout', 'the call that this one is made for is past its deadline') },
    ]);
    expect(pair.reports[0]?.error).toMatchObject({ ran: 'no' });
  });

  it('is given up with it', async () => {
    pair = await pairOf([between]);
    const client = await pair.session.open(Between);
    const given: unknown[] = [];
    callerOf(client).connection.serve(
      Told.handler({
        tell: () => [],
        wait: withContext(
          ({ signal }) =>
            new Promise((_, reject) =>
              signal.addEventListener('abort', () => {
                given.push((signal.reason as Error).message);
                reject(signal.reason);
              }),
            ),
        ),
      }),
    );
    const abort = new AbortController();
    const waiting = errorOf(client.wait({ signal: abort.signal }));
    await settle();
    abort.abort();
    expect(await waiting).toMatchObject({ code: 'cancelled', by: 'local' });
    await settle();
    expect(given).toEqual(['the caller cancelled the call']);
    expect(pair.reports).toEqual([]);
  });
});

describe('the middleware', () => {
  it('can be left away, or replaced', async () => {
    pair = await pairOf([told]);
    const bare = await pair.session.open(Told, { middleware: [] });
    expect(await bare.tell({ timeout: 60_000 })).toEqual([]);
    const stamp = { key: 'stamp', value: 1n, flags: 0n };
    const stamping = await pair.session.open(Told, {
      middleware: [...clientMiddleware, (call, next) => next({ ...call, metadata: [...call.metadata, stamp] })],
    });
    expect((await stamping.tell({ timeout: 60_000 })).map(({ key }) => key)).toEqual(['request-deadline', 'stamp']);
    expect(await stamping.tell()).toEqual([stamp]);
  });

  it('of a handler runs for each call, also for a function that takes no context', async () => {
    const seen: string[] = [];
    const handler = Math1.handler(
      { add: (a, b) => a + b, negate: (a) => -a },
      {
        middleware: [
          (call, next) => {
            seen.push(call.method);
            return next(call);
          },
        ],
      },
    );
    pair = await pairOf([handler]);
    const client = await pair.session.open(Math1);
    expect([await client.add(3, 5), await client.negate(3), seen]).toEqual([8, -3, ['add', 'negate']]);
  });

  it('can be replaced at the handler', async () => {
    const deadlines: unknown[] = [];
    const handlerOf = (isDefault: boolean) =>
      Told.handler(
        {
          tell: withContext(({ deadline }) => {
            deadlines.push(deadline);
            return [];
          }),
          wait: () => {},
        },
        { middleware: isDefault ? [...handlerMiddleware] : [] },
      );
    const metadata: Metadata = [{ key: 'request-deadline', value: 32_503_680_000_000n, flags: 0n }];
    for (const isDefault of [true, false]) {
      pair = await pairOf([handlerOf(isDefault)]);
      await (await pair.session.open(Told)).tell({ metadata });
      await pair.end();
    }
    expect(deadlines).toEqual([32_503_680_000_000, undefined]);
  });
});
