import { afterEach, describe, expect, test } from '@jest/globals';
import type { Handler, IncomingRequest, OfferedChannel, Rx, Session } from '../../src/index.js';
import { ConnectionClosed, channel, InvalidArgument, InvalidPayload, UnknownMethod } from '../../src/index.js';
import { closeOf, established, NOTHING_LEFT, openOf, type Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';
import {
  accusationIn,
  bytes,
  CANCELLED,
  callOf,
  cancelOf,
  INVALID_PAYLOAD,
  itemOn,
  resetOn,
  responseOf,
  UNKNOWN_METHOD,
} from '../support/traffic.js';

// The handler's side, against a peer that the test plays. Its requests are even.

let rig: Rig;
let session: Session;

async function serve(handler?: Handler, options: RigOptions = {}): Promise<void> {
  ({ rig, session } = await established(options));
  if (handler !== undefined) session.root.serve(handler);
}

/** A handler that answers when the test says so, and keeps what it was asked. */
function slow() {
  const asked: IncomingRequest[] = [];
  const answers: { resolve(ret: Uint8Array): void; reject(error: unknown): void }[] = [];
  const handler: Handler = (request) =>
    new Promise((resolve, reject) => {
      asked.push(request);
      answers.push({ resolve, reject });
    });
  return { handler, asked, answer: (at: number) => answers[at] as (typeof answers)[number] };
}

afterEach(async () => {
  session.shutdown();
  await session.closed;
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

/** The metadata of an answer to a call above `limits.requests`. */
const OVER_LOAD = [{ key: 'roam-actors.not-run', value: 'load', flags: 0n }];

const echo: Handler = ({ args }) => args;

describe('a handler', () => {
  test('answers a call, at once or later, with what it returns', async () => {
    const metadata = [{ key: 'took', value: 7n, flags: 0n }];
    await serve(({ methodId, args }) => {
      if (methodId === 1n) return args;
      return Promise.resolve({ ret: bytes(9), metadata });
    });
    expect(await rig.say(callOf(2, bytes(1)), callOf(4, bytes(1), { method: 2n }))).toEqual([
      responseOf(2, bytes(1)),
      responseOf(4, bytes(9), [], metadata),
    ]);
  });

  test('sees what the Call carries', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    const metadata = [{ key: 'trace', value: 'a', flags: 0n }];
    await rig.say(callOf(2, bytes(1), { method: 2n ** 64n - 1n, channels: [6, 8], metadata }));
    expect(asked).toMatchObject([
      { id: 2, methodId: 2n ** 64n - 1n, args: bytes(1), metadata, channels: [{ id: 6 }, { id: 8 }] },
    ]);
    answer(0).resolve(bytes());
    await settle();
  });

  test('has one signal for the drain of its session, however often it asks', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)));
    expect(asked[0]?.draining).toBeInstanceOf(AbortSignal);
    expect(asked[0]?.draining).toBe(asked[0]?.draining);
    answer(0).resolve(bytes());
    await settle();
  });

  test('has one signal for its caller, however often it asks', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)));
    expect(asked[0]?.signal).toBe(asked[0]?.signal);
    answer(0).resolve(bytes());
    await settle();
  });

  test('that asks for the drain late hears of one that has begun, but not once it is done', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)), callOf(4, bytes(1)));
    answer(0).resolve(bytes());
    await settle();
    const done = asked[0]?.draining;
    void session.drain();
    await settle();
    expect([done?.aborted, asked[1]?.draining.aborted]).toEqual([false, true]);
    expect(asked[1]?.draining.reason).toMatchObject({ message: 'this session is being drained' });
    answer(1).resolve(bytes());
    await settle();
  });

  test('that fails by an error of its own during a drain is reported', async () => {
    const { handler, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)));
    void session.drain();
    await settle();
    answer(0).reject(new Error('boom'));
    await settle();
    expect(rig.reports).toMatchObject([{ kind: 'handler-failed', error: { message: 'boom' } }]);
  });

  test.each([undefined, null, 'text'])('that rejects with %s is reported with that', async (error) => {
    await serve(() => Promise.reject(error));
    expect(await rig.say(callOf(2, bytes(1)))).toEqual([responseOf(2, CANCELLED)]);
    const message = 'the handler of request 2 failed on connection 0';
    expect(rig.reports).toEqual([{ kind: 'handler-failed', id: 0, message, error }]);
  });

  test('that fails because a connection which it used is closed is reported: its own caller still waits', async () => {
    const error = new ConnectionClosed('peer', 'another connection');
    await serve(() => Promise.reject(error));
    expect(await rig.say(callOf(2, bytes(1)))).toEqual([responseOf(2, CANCELLED)]);
    expect(rig.reports).toMatchObject([{ kind: 'handler-failed', error }]);
  });

  test('is done once, although it answers a call that markFailure has answered', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler, { limits: { requests: 1 } });
    await rig.say(callOf(2, bytes(1)));
    session.root.markFailure(2, 'no');
    session.root.markFailure(8, 'there is no such call');
    await settle();
    answer(0).resolve(bytes());
    await settle();
    rig.peer.take();
    expect(await rig.say(callOf(4, bytes(1)), callOf(6, bytes(1)))).toEqual([responseOf(6, CANCELLED, [], OVER_LOAD)]);
    expect(asked).toHaveLength(2);
    answer(1).resolve(bytes());
    await settle();
  });

  // r[rpc.caller.liveness.refcounted]
  test('at work keeps its connection open when the last caller there is gone, until it has answered', async () => {
    const { handler, answer } = slow();
    await serve(undefined, { onConnection: () => ({ type: 'accept' }) });
    await rig.say(openOf(2));
    const connection = session.connection(2);
    connection?.serve(handler);
    await rig.say({ ...callOf(2, bytes(1)), connectionId: 2 });
    connection?.caller().release();
    expect(await rig.heard()).toEqual([]);
    answer(0).resolve(bytes(9));
    expect(await rig.heard()).toEqual([{ ...responseOf(2, bytes(9)), connectionId: 2 }, closeOf(2)]);
  });

  test('whose answer finds no room to wait in is reported, and the caller gets Cancelled', async () => {
    await serve(({ args }) => new Uint8Array((args[0] as number) * 100), {
      limits: { outboxBytes: 1, waitingBytes: 500 },
    });
    rig.link.hold();
    expect(await rig.say(callOf(2, bytes(1)), callOf(4, bytes(5)))).toEqual([]);
    rig.link.take();
    expect(await rig.heard()).toEqual([responseOf(2, new Uint8Array(100)), responseOf(4, CANCELLED)]);
    const message = "the answer to request 4 can't be sent on connection 0";
    expect(rig.reports).toMatchObject([{ kind: 'handler-failed', id: 0, message, error: { limit: 'waitingBytes' } }]);
  });

  test('whose answer still waits for room when the connection closes is not reported', async () => {
    await serve(undefined, { limits: { outboxBytes: 1 }, onConnection: () => ({ type: 'accept' }) });
    await rig.say(openOf(2));
    session.connection(2)?.serve(echo);
    rig.link.hold();
    const calls = [2, 4, 6].map((id) => ({ ...callOf(id, bytes(id)), connectionId: 2 }));
    await rig.say(...calls);
    await rig.say(closeOf(2));
    rig.link.take();
    expect(await rig.heard()).toEqual([{ ...responseOf(2, bytes(2)), connectionId: 2 }]);
    expect(rig.reports).toEqual([]);
  });

  test('whose answer is none lets the channels go that it names', async () => {
    const [tx, rx] = channel();
    await serve((() => ({ ret: 'text', channels: [tx] })) as never);
    expect(await rig.say(callOf(2, bytes(1)))).toEqual([responseOf(2, CANCELLED)]);
    await expect(rx[Symbol.asyncIterator]().next()).rejects.toThrow('a handler must answer with bytes');
  });

  test('that is set later answers what has waited, in its order', async () => {
    await serve();
    await rig.say(callOf(2, bytes(1)), callOf(4, bytes(2)));
    session.root.serve(echo);
    await settle();
    expect(rig.peer.take()).toEqual([responseOf(2, bytes(1)), responseOf(4, bytes(2))]);
  });

  // r[rpc.pipelining]
  test('that is slow holds up no other call', async () => {
    const { handler, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)), callOf(4, bytes(2)), callOf(6, bytes(3)));
    answer(2).resolve(bytes(33));
    answer(0).resolve(bytes(11));
    await settle();
    expect(rig.peer.take()).toEqual([responseOf(6, bytes(33)), responseOf(2, bytes(11))]);
    answer(1).resolve(bytes());
    await settle();
  });

  // r[rpc.response.one-per-request]
  test.each<[string, Handler, Uint8Array, unknown]>([
    [
      'throws',
      () => {
        throw new Error('boom');
      },
      CANCELLED,
      'boom',
    ],
    ['rejects', () => Promise.reject(new Error('boom')), CANCELLED, 'boom'],
    ['returns nothing', (() => {}) as never, CANCELLED, 'a handler must answer with bytes, or with { ret } of bytes'],
    [
      'returns what is no answer',
      (() => ({ ret: 'text' })) as never,
      CANCELLED,
      'a handler must answer with bytes, or with { ret } of bytes',
    ],
    [
      'answers with more than a frame',
      () => new Uint8Array(2 ** 20),
      CANCELLED,
      expect.stringContaining('limits.frame'),
    ],
    [
      'answers with bad metadata',
      (() => ({ ret: bytes(), metadata: [{}] })) as never,
      CANCELLED,
      expect.stringContaining('metadata[0]'),
    ],
    [
      'answers with what are no channels',
      (() => ({ ret: bytes(), channels: 5 })) as never,
      CANCELLED,
      'channels must be an array of ends of channels, not 5',
    ],
    [
      'does not know the method',
      () => {
        throw new UnknownMethod();
      },
      UNKNOWN_METHOD,
      undefined,
    ],
    [
      'can’t decode the arguments',
      async () => {
        throw new InvalidPayload();
      },
      INVALID_PAYLOAD,
      undefined,
    ],
  ])(
    'that %s yields one Response, and what is not the caller’s doing is reported',
    async (_, handler, ret, message) => {
      await serve(handler);
      expect(await rig.say(callOf(2, bytes(1)))).toEqual([responseOf(2, ret)]);
      const errors = rig.reports.map(({ kind, error }) => [kind, (error as Error).message]);
      expect(errors).toEqual(message === undefined ? [] : [['handler-failed', message]]);
      expect(session.root.isConnected).toBe(true);
    },
  );

  // r[rpc.unknown-method]
  test('that is not there leaves every call with UnknownMethod', async () => {
    await serve();
    rig.track('ours', session.root.caller().call(1n, bytes()));
    await settle();
    rig.peer.take();
    expect(await rig.say(callOf(2, bytes(1)))).toEqual([responseOf(2, UNKNOWN_METHOD)]);
  });

  test('may say in other words that a call came to nothing', async () => {
    await serve();
    const refusals = { unknownMethod: bytes(1), invalidPayload: bytes(2), cancelled: bytes(3) };
    session.root.serve(() => Promise.reject(new Error('boom')), { refusals });
    expect(await rig.say(callOf(2, bytes()))).toEqual([responseOf(2, bytes(3))]);
  });

  test.each([
    ['refusals', { refusals: 5 }, 'refusals must be an object, not 5'],
    ['refusals that are null', { refusals: null }, 'refusals must be an object, not null'],
    [
      'one of them',
      { refusals: { unknownMethod: bytes(1), invalidPayload: 'no', cancelled: bytes(3) } },
      "refusals.invalidPayload must be a Uint8Array, not 'no'",
    ],
    [
      'one left out',
      { refusals: { unknownMethod: bytes(1), invalidPayload: bytes(2) } },
      'refusals.cancelled must be a Uint8Array, not undefined',
    ],
    ['a credit that is null', { credit: null }, 'credit must be an integer from 0 to 2^32 − 1, not null'],
  ])('is refused with wrong options, its own or those of serve: %s', async (_, options, message) => {
    await serve();
    expect(() => session.root.serve(echo, options as never)).toThrow(new InvalidArgument(message));
    const own = Object.assign(((request) => echo(request)) as Handler, options as object);
    expect(() => session.root.serve(own)).toThrow(new InvalidArgument(message));
    // The refused `serve` has registered no handler, so this call must succeed.
    session.root.serve(echo);
  });

  test('is refused where there is one, or what is none', async () => {
    await serve(echo);
    expect(() => session.root.serve(echo)).toThrow(new InvalidArgument('connection 0 has a handler already'));
    expect(() => session.root.serve(7 as never)).toThrow(
      new InvalidArgument('serve takes a function that answers calls'),
    );
    expect(() => session.root[Symbol.asyncIterator]()).toThrow(
      new InvalidArgument('connection 0 has a reader already'),
    );
  });
});

// r[rpc.cancel]
describe('a call that the peer cancels', () => {
  test('aborts the handler, and is answered Cancelled at once, and once', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)));
    const signal = asked[0]?.signal;
    expect(await rig.say(cancelOf(2))).toEqual([responseOf(2, CANCELLED)]);
    expect(signal?.reason).toMatchObject({
      ...{ name: 'Cancelled', by: 'peer', message: 'the caller cancelled the call' },
    });
    answer(0).resolve(bytes(1));
    await settle();
    expect(rig.peer.take()).toEqual([]);
    expect(rig.reports).toEqual([]);
  });

  test('shows to a late reader', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)), cancelOf(2));
    expect(asked[0]?.signal.aborted).toBe(true);
    answer(0).reject(asked[0]?.signal.reason);
    await settle();
    expect(rig.reports).toEqual([]);
  });

  test('and whose handler then fails by an error of its own is reported', async () => {
    const { handler, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)), cancelOf(2));
    answer(0).reject(new Error('boom'));
    await settle();
    expect(rig.reports).toMatchObject([{ kind: 'handler-failed', error: { message: 'boom' } }]);
  });

  test('and answered later with a channel gives that up: its other end says that the caller is gone', async () => {
    const [tx, rx] = channel();
    let answer: (reply: { ret: Uint8Array; channels: Rx[] }) => void = () => {};
    const later = new Promise<{ ret: Uint8Array; channels: Rx[] }>((resolve) => {
      answer = resolve;
    });
    await serve(() => later);
    await rig.say(callOf(2, bytes(1)), cancelOf(2));
    answer({ ret: bytes(1), channels: [rx] });
    await expect(tx.send(bytes(1))).rejects.toMatchObject({ name: 'Cancelled', by: 'peer' });
    expect(await rig.heard()).toEqual([]);
    expect(rig.reports).toEqual([]);
    // No id was spent on it.
    const [, other] = channel();
    rig.track('call', session.root.caller().call(1n, bytes(), { channels: [other] }));
    expect(await rig.heard()).toEqual([callOf(1, bytes(), { channels: [1] })]);
  });

  test('and answered later with what is no channel is reported', async () => {
    const { handler, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)), cancelOf(2));
    answer(0).resolve({ ret: bytes(1), channels: [{}] } as never);
    await settle();
    const message = 'channels[0] must be an end of a channel, as channel() gives';
    expect(rig.reports).toMatchObject([{ kind: 'handler-failed', error: { message } }]);
  });

  // 9a.16
  test.each(['reference', 'strict'] as const)(
    'but has finished, or never was, means nothing: %s',
    async (conformance) => {
      await serve(echo, { conformance });
      await rig.say(callOf(2, bytes(1)));
      expect(await rig.say(cancelOf(2), cancelOf(8), callOf(4, bytes(2)))).toEqual([responseOf(4, bytes(2))]);
    },
  );

  test('frees its id: the peer may use it again', async () => {
    const { handler, answer } = slow();
    await serve(handler, { conformance: 'strict' });
    await rig.say(callOf(2, bytes(1)), cancelOf(2), callOf(2, bytes(2)));
    answer(0).resolve(bytes(1));
    answer(1).resolve(bytes(22));
    await settle();
    expect(rig.peer.take()).toEqual([responseOf(2, bytes(22))]);
  });

  test('and called again for ever finds no more handlers at work than limits.requests', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler, { limits: { requests: 2 } });
    for (const id of [2, 4, 6]) await rig.say(callOf(id, bytes(1)), cancelOf(id));
    expect(asked).toHaveLength(2);
    expect(await rig.say(callOf(8, bytes(1)))).toEqual([responseOf(8, CANCELLED, [], OVER_LOAD)]);
    answer(0).resolve(bytes());
    await settle();
    await rig.say(callOf(10, bytes(1)));
    expect(asked).toHaveLength(3);
    answer(1).resolve(bytes());
    answer(2).resolve(bytes());
    await settle();
  });

  test('and refused for that has its channels let go', async () => {
    const { handler, answer } = slow();
    await serve(handler, { conformance: 'strict', limits: { requests: 1, channels: 1 } });
    await rig.say(callOf(2, bytes()));
    for (const id of [4, 6]) {
      expect(await rig.say(callOf(id, bytes(), { channels: [id] }), itemOn(id, 1))).toEqual([
        responseOf(id, CANCELLED, [], OVER_LOAD),
        resetOn(id),
      ]);
    }
    answer(0).resolve(bytes());
    await settle();
  });
});

// 9a.14: r[rpc.request.id-allocation]
describe('a Call that the peer may not make', () => {
  const wrongs: [string, string, number[]][] = [
    ['with an id of our parity', 'rpc.request.id-allocation', [3]],
    ['with an id that is still in flight', 'rpc.request.id-allocation', [2, 2]],
    ['as one more than our maxConcurrentRequests', 'rpc.flow-control.max-concurrent-requests', [2, 4, 6]],
  ];

  test.each(wrongs)('%s is handled all the same', async (_, _rule, ids) => {
    const { handler, asked, answer } = slow();
    await serve(handler, { maxConcurrentRequests: 2 });
    await rig.say(...ids.map((id) => callOf(id, bytes(id))));
    expect(asked.map(({ id }) => id)).toEqual(ids);
    for (const at of ids.keys()) answer(at).resolve(bytes(at));
    await settle();
    expect(rig.peer.take()).toEqual(ids.map((id, at) => responseOf(id, bytes(at))));
  });

  test.each(wrongs)('%s is a violation in strict mode, and nothing short of it', async (_, rule, ids) => {
    const { handler, answer } = slow();
    await serve(handler, { conformance: 'strict', maxConcurrentRequests: 2 });
    for (const id of ids.slice(0, -1)) expect(await rig.say(callOf(id, bytes(1)))).toEqual([]);
    expect(accusationIn(await rig.say(callOf(ids.at(-1) as number, bytes(1))))).toBe(rule);
    for (const at of ids.slice(0, -1).keys()) answer(at).resolve(bytes());
    await settle();
  });
});

describe('of two calls with one id, both in flight,', () => {
  test('each is aborted when the session ends', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)), callOf(2, bytes(2)));
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([false, false]);
    session.shutdown();
    await session.closed;
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    for (const at of [0, 1]) answer(at).resolve(bytes());
    await settle();
  });

  test('each is cancelled when the time of a drain is over, but for one that is answered', async () => {
    const { handler, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)), callOf(2, bytes(2)), callOf(2, bytes(3)));
    answer(0).resolve(bytes(9));
    expect(await rig.heard()).toEqual([responseOf(2, bytes(9))]);
    rig.track('drained', session.drain({ timeout: 0 }));
    await rig.clock.advance(0);
    const cancelled = (await rig.heard()).filter(({ type }) => type === 'RequestMessage');
    expect(cancelled).toEqual([responseOf(2, CANCELLED), responseOf(2, CANCELLED)]);
    for (const at of [1, 2]) answer(at).resolve(bytes());
    await rig.clock.advance(2_000);
    expect(rig.settled['drained']).toEqual({ answered: 0, refused: 0, cancelled: 2, channels: 0 });
  });
});

// r[rpc.flow-control.max-concurrent-requests]
test('a strict session takes as many calls at a time as it has said, again and again', async () => {
  const { handler, answer } = slow();
  await serve(handler, { conformance: 'strict', maxConcurrentRequests: 2 });
  for (let round = 0; round < 3; round++) {
    const ids = [2 + 4 * round, 4 + 4 * round];
    expect(await rig.say(...ids.map((id) => callOf(id, bytes(1))))).toEqual([]);
    for (const at of [0, 1]) answer(2 * round + at).resolve(bytes(7));
    expect(await rig.heard()).toEqual(ids.map((id) => responseOf(id, bytes(7))));
  }
});

test('calls that were refused for load before a drain are none that the drain refuses', async () => {
  const { handler, answer } = slow();
  await serve(handler, { limits: { requests: 1 } });
  await rig.say(callOf(2, bytes()), callOf(4, bytes()));
  rig.track('drained', session.drain());
  await settle();
  answer(0).resolve(bytes());
  await settle();
  await rig.clock.advance(2_000);
  expect(rig.settled['drained']).toEqual({ answered: 1, refused: 0, cancelled: 0, channels: 0 });
});

test('a call is answered although what is kept of channels fills limits.inboxBytes', async () => {
  await serve(
    ({ args, channels }) => {
      channels[0]?.receive();
      return args;
    },
    { limits: { inboxBytes: 1_000 } },
  );
  await rig.say(callOf(2, bytes(1), { channels: [2] }));
  await rig.say(itemOn(2, ...new Array(500)), itemOn(2, ...new Array(500)));
  expect(await rig.say(callOf(4, bytes(4)))).toEqual([responseOf(4, bytes(4))]);
});

describe('when the connection ends', () => {
  test('a handler at work is aborted, and what it answers is dropped', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)));
    const signal = asked[0]?.signal;
    session.shutdown();
    await session.closed;
    expect(signal?.reason).toMatchObject({ name: 'ConnectionClosed', by: 'session' });
    answer(0).resolve(bytes(1));
    await settle();
    expect(rig.reports).toEqual([]);
    expect(() => session.root.serve(echo)).toThrow('connection 0 was closed by the end of the session');
  });

  // 9b.01
  test.each<[string, (offered: OfferedChannel) => () => unknown]>([
    [
      'resets',
      (offered) => {
        const rx = offered.receive();
        return () => rx.reset();
      },
    ],
    [
      'closes',
      (offered) => {
        const tx = offered.send();
        return () => tx.close();
      },
    ],
  ])('a handler that %s its channel when its signal aborts sends nothing any more', async (_, take) => {
    await serve(undefined, { onConnection: () => ({ type: 'accept' }) });
    await rig.say(openOf(2));
    session.connection(2)?.serve(({ channels, signal }) => {
      const finish = take(channels[0] as OfferedChannel);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          finish();
          resolve(bytes());
        });
      });
    });
    await rig.say({ ...callOf(2, bytes(), { channels: [4] }), connectionId: 2 });
    expect(await rig.say(closeOf(2))).toEqual([]);
  });

  test('an exception in a listener of the signal ends nothing', async () => {
    const { handler, asked, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)), callOf(4, bytes(1)));
    for (const { signal } of asked) signal.addEventListener('abort', () => session.open().catch(() => {}));
    expect(await rig.say(cancelOf(2))).toMatchObject([responseOf(2, CANCELLED), { type: 'ConnectionOpen' }]);
    answer(0).resolve(bytes());
    answer(1).resolve(bytes());
    await settle();
  });

  test('markFailure answers a call of the peer’s Cancelled', async () => {
    const { handler, answer } = slow();
    await serve(handler);
    await rig.say(callOf(2, bytes(1)));
    session.root.markFailure(2, 'no');
    await settle();
    expect(rig.peer.take()).toEqual([responseOf(2, CANCELLED)]);
    answer(0).resolve(bytes());
    await settle();
  });
});
