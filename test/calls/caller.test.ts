import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ENVELOPE } from '../../src/conduit/costs.js';
import type { CallOptions, Session } from '../../src/index.js';
import { Cancelled, channel, InvalidArgument, LimitExceeded } from '../../src/index.js';
import { brief, HELLO_YOURSELF, NOTHING_LEFT, Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { accusationIn, bytes, callOf, cancelOf, responseOf } from '../support/traffic.js';

// The caller's side, against a peer that the test plays. We are odd.

let rig: Rig;
let session: Session;

async function start(options: RigOptions = {}, maxConcurrentRequests = 64): Promise<void> {
  rig = new Rig(options);
  rig.peer.say({ ...HELLO_YOURSELF, connectionSettings: { parity: 'even', maxConcurrentRequests } } as never);
  session = await rig.starting;
  await settle();
  rig.peer.take();
}

/** Calls on the root, notes how that settles, and gives what the peer hears of it. */
async function call(name: string, args = bytes(1), options?: CallOptions) {
  rig.track(name, session.root.caller().call(1n, args, options));
  await settle();
  return rig.peer.take();
}

afterEach(async () => {
  session.shutdown();
  await session.closed;
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

describe('a call', () => {
  test('goes out with ids of our parity, and resolves with what its Response has', async () => {
    await start();
    const metadata = [{ key: 'trace', value: 'a', flags: 0n }];
    expect(await call('first', bytes(1), { metadata })).toEqual([callOf(1, bytes(1), { metadata })]);
    expect(await call('second', bytes(2))).toEqual([callOf(3, bytes(2))]);
    await rig.say(responseOf(3, bytes(22)), responseOf(1, bytes(11), [], metadata));
    expect(rig.settled).toMatchObject({
      first: { ret: bytes(11), channels: [], metadata },
      second: { ret: bytes(22) },
    });
  });

  // r[rpc.pipelining]
  test('waits for none that was made before it: three in flight, answered in reverse', async () => {
    await start();
    for (const at of [1, 2, 3]) await call(`call ${at}`, bytes(at));
    await rig.say(responseOf(5, bytes(3)));
    expect(rig.settled).toMatchObject({ 'call 3': { ret: bytes(3) } });
    await rig.say(responseOf(3, bytes(2)), responseOf(1, bytes(1)));
    expect(rig.settled).toMatchObject({ 'call 1': { ret: bytes(1) }, 'call 2': { ret: bytes(2) } });
  });

  // 9b.14: r[rpc.flow-control.max-concurrent-requests]
  test('waits its turn when as many are in flight as the peer takes, and not before', async () => {
    await start({}, 2);
    expect(await call('n - 1', bytes(1))).toHaveLength(1);
    expect(await call('n', bytes(2))).toHaveLength(1);
    expect(await call('n + 1', bytes(3))).toEqual([]);
    expect(await call('n + 2', bytes(4))).toEqual([]);
    expect(await rig.say(responseOf(3, bytes()))).toEqual([callOf(5, bytes(3))]);
    expect(await rig.say(responseOf(1, bytes()), responseOf(5, bytes()))).toEqual([callOf(7, bytes(4))]);
  });

  test('that waits its turn leaves as it was when it was made', async () => {
    await start({}, 1);
    await call('first');
    const args = bytes(7);
    await call('second', args);
    args[0] = 0;
    expect(await rig.say(responseOf(1, bytes()))).toEqual([callOf(3, bytes(7))]);
  });

  test('fails at once where the peer takes none', async () => {
    await start({}, 0);
    expect(await call('it')).toEqual([]);
    expect(await call('with a timeout', bytes(), { timeout: 100 })).toEqual([]);
    const message = 'the peer takes no requests on this connection';
    const error = { name: 'LimitExceeded', message };
    expect(rig.settled).toMatchObject({ it: error, 'with a timeout': error });
    await expect(session.root.caller().call(1n, bytes())).rejects.toMatchObject({ limit: 'maxConcurrentRequests' });
  });

  test('is refused when more wait their turn than limits.waitingBytes, and none before', async () => {
    await start({ limits: { waitingBytes: 300 } }, 1);
    await call('in flight');
    await call('at the limit', new Uint8Array(44));
    await call('over it', new Uint8Array(0));
    expect(rig.settled).toEqual({
      start: expect.anything(),
      'over it': { name: 'LimitExceeded', message: 'more than limits.waitingBytes (300) of calls wait for their turn' },
    });
    await expect(session.root.caller().call(1n, bytes())).rejects.toMatchObject({ limit: 'waitingBytes', ran: 'no' });
  });

  test('counts its own arguments when it is to wait, too', async () => {
    await start({ limits: { waitingBytes: 300 } }, 1);
    await call('in flight');
    await call('one byte too long', new Uint8Array(45));
    await call('as long as it may be', new Uint8Array(44));
    expect(Object.keys(rig.settled)).toEqual(['start', 'one byte too long']);
  });

  test('takes arguments that just fit limits.frame, and a timeout of 0 and of 2^31 − 1', async () => {
    await start({ limits: { frame: 4_096 } });
    const args = new Uint8Array(4_096 - ENVELOPE);
    expect(await call('long', args, { timeout: 2 ** 31 - 1 })).toEqual([callOf(1, args)]);
    await call('without time', bytes(), { timeout: 0 });
    await rig.clock.advance(0);
    expect(rig.settled['without time']).toMatchObject({ name: 'LimitExceeded' });
    await rig.say(responseOf(1, bytes()), responseOf(3, bytes()));
  });

  test('takes every method id from 0 to 2^64 − 1', async () => {
    await start();
    for (const methodId of [0n, 2n ** 64n - 1n])
      rig.track(String(methodId), session.root.caller().call(methodId, bytes()));
    await settle();
    expect(rig.peer.take()).toEqual([
      callOf(1, bytes(), { method: 0n }),
      callOf(3, bytes(), { method: 2n ** 64n - 1n }),
    ]);
  });

  test('counts what waits until that leaves, is given up or has its turn', async () => {
    await start({ limits: { waitingBytes: 2 * 256 + 200 } }, 1);
    const controller = new AbortController();
    await call('in flight');
    await call('given up', new Uint8Array(100), { signal: controller.signal });
    await call('second', new Uint8Array(100));
    await call('too much', bytes());
    expect(rig.settled['too much']).toMatchObject({ name: 'LimitExceeded' });
    controller.abort();
    await call('in its place', new Uint8Array(100));
    await call('too much again', bytes());
    expect(rig.settled['in its place']).toBeUndefined();
    expect(rig.settled['too much again']).toMatchObject({ name: 'LimitExceeded' });
    expect(await rig.say(responseOf(1, bytes()))).toEqual([callOf(5, new Uint8Array(100))]);
    await call('when one has its turn', new Uint8Array(100));
    expect(rig.settled['when one has its turn']).toBeUndefined();
  });

  test('that is refused with its channels need not be awaited', async () => {
    const strays: unknown[] = [];
    const note = (error: unknown) => strays.push(error);
    process.on('unhandledRejection', note);
    await start({}, 0);
    const [tx] = channel();
    void session.root.caller().call(1n, bytes(), { channels: [tx] });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(strays).toEqual([]);
  });

  test('that fails with its channels in flight need not be awaited', async () => {
    await start();
    const [tx, rx] = channel();
    void session.root.caller().call(1n, bytes(), { channels: [rx] });
    await rig.heard();
    session.root.markFailure(1, 'the binding failed');
    // An unhandled rejection fails this test.
    await new Promise((resolve) => setImmediate(resolve));
    expect(await rig.heard()).toEqual([cancelOf(1)]);
    await tx.close();
  });

  test('rejects with the reason when the connection ends, waiting or in flight', async () => {
    await start({}, 1);
    await call('in flight');
    await call('waiting');
    session.shutdown();
    await session.closed;
    const error = {
      name: 'ConnectionClosed',
      message: 'connection 0 was closed by the end of the session',
      cause: { name: 'SessionClosed', message: 'session closed' },
    };
    expect(rig.settled).toMatchObject({ 'in flight': error, waiting: error });
    await expect(session.root.calls.call(1n, bytes(), undefined)).rejects.toThrow('closed by the end of the session');
  });

  test('that can’t be sent rejects with why, spends nothing of the limit, and its channels are over', async () => {
    await start({ limits: { frame: 200 } }, 1);
    const [tx, rx] = channel();
    const metadata = [{ key: 'padding', value: 'x'.repeat(100), flags: 0n }];
    await call('too large', new Uint8Array(100), { channels: [rx], metadata });
    rig.track('send', tx.send(bytes(1)));
    expect(await call('next', bytes(1))).toEqual([callOf(3, bytes(1))]);
    expect(rig.settled).toMatchObject({
      'too large': { name: 'InvalidArgument' },
      send: { name: 'InvalidArgument', message: expect.stringContaining('limits.frame') },
    });
  });
});

// r[rpc.cancel]
describe('a call that is given up', () => {
  test('rejects at once with the reason, tells the peer once, and ignores the late Response', async () => {
    await start({ conformance: 'strict' });
    const controller = new AbortController();
    await call('it', bytes(1), { signal: controller.signal });
    controller.abort(new Error('enough'));
    await settle();
    expect(rig.peer.take()).toEqual([cancelOf(1)]);
    expect(rig.settled['it']).toEqual({
      name: 'Cancelled',
      message: 'the call was aborted',
      cause: { name: 'Error', message: 'enough' },
    });
    expect(await rig.say(responseOf(1, bytes(1)))).toEqual([]);
    // One Response, and no more: 9a.15
    expect(accusationIn(await rig.say(responseOf(1, bytes(1))))).toBe('rpc.response.one-per-request');
  });

  test('with others by one signal adds one listener to it, however many they are, and leaves none', async () => {
    await start();
    const controller = new AbortController();
    const { signal } = controller;
    const listeners = (): number => getEventListeners(signal, 'abort').length;
    for (let at = 1; at <= 20; at++) await call(`call ${at}`, bytes(at), { signal });
    expect(listeners()).toBe(1);
    await rig.say(responseOf(1, bytes(9)));
    expect(rig.settled).toMatchObject({ 'call 1': { ret: bytes(9) } });
    controller.abort();
    expect(listeners()).toBe(0);
    await settle();
    expect(rig.peer.take()).toEqual(Array.from({ length: 19 }, (_, at) => cancelOf(3 + 2 * at)));
    expect(rig.settled).toMatchObject({ 'call 2': { name: 'Cancelled' }, 'call 20': { name: 'Cancelled' } });
    const other = new AbortController().signal;
    await call('answered', bytes(), { signal: other });
    expect(getEventListeners(other, 'abort')).toHaveLength(1);
    await rig.say(responseOf(41, bytes()));
    expect(getEventListeners(other, 'abort')).toHaveLength(0);
  });

  test('keeps its place until the Response is here', async () => {
    await start({}, 1);
    const controller = new AbortController();
    await call('it', bytes(1), { signal: controller.signal });
    controller.abort();
    await settle();
    rig.peer.take();
    expect(await call('next', bytes(2))).toEqual([]);
    expect(await rig.say(responseOf(1, bytes()))).toEqual([callOf(3, bytes(2))]);
  });

  test('while it waits its turn sends nothing, and the turn goes to the next', async () => {
    await start({}, 1);
    const controller = new AbortController();
    await call('in flight');
    await call('given up', bytes(2), { signal: controller.signal });
    await call('next', bytes(3));
    controller.abort();
    await settle();
    expect(rig.settled['given up']).toMatchObject({ name: 'Cancelled' });
    expect(await rig.say(responseOf(1, bytes()))).toEqual([callOf(5, bytes(3))]);
  });

  test('before it is made sends nothing', async () => {
    await start();
    expect(await call('it', bytes(1), { signal: AbortSignal.abort(new Error('never')) })).toEqual([]);
    expect(rig.settled['it']).toMatchObject({ name: 'Cancelled', cause: { message: 'never' } });
  });

  test('by its timeout rejects at that time, its turn included', async () => {
    await start({}, 1);
    await call('in flight', bytes(1), { timeout: 100 });
    await call('waiting', bytes(2), { timeout: 50 });
    await rig.clock.advance(49);
    expect(rig.settled['waiting']).toBeUndefined();
    await rig.clock.advance(1);
    expect(rig.settled['waiting']).toEqual({
      name: 'LimitExceeded',
      message: 'the call was not answered within 50 ms',
    });
    expect(rig.peer.take()).toEqual([]);
    await rig.clock.advance(50);
    expect(rig.settled['in flight']).toMatchObject({ name: 'LimitExceeded' });
    expect(rig.peer.take()).toEqual([cancelOf(1)]);
  });

  test('crosses with its Response: answered first, it is answered', async () => {
    await start({ conformance: 'strict' });
    const controller = new AbortController();
    await call('it', bytes(1), { signal: controller.signal, timeout: 100 });
    await rig.say(responseOf(1, bytes(9)));
    controller.abort();
    await rig.clock.advance(100);
    expect(rig.settled['it']).toMatchObject({ ret: bytes(9) });
    expect(rig.peer.take()).toEqual([]);
  });

  test('while it waits for room in a full outbox, and then finds none, leaves its place', async () => {
    await start({ limits: { outboxBytes: 1, waitingBytes: 1_000 } }, 2);
    rig.link.hold();
    const controller = new AbortController();
    rig.track('in the link', session.root.caller().call(1n, bytes(1)));
    rig.track('given up', session.root.caller().call(1n, new Uint8Array(1_000), { signal: controller.signal }));
    controller.abort();
    rig.track('next', session.root.caller().call(1n, bytes(3)));
    await settle();
    expect(rig.settled['given up']).toMatchObject({ name: 'Cancelled' });
    rig.link.take();
    await settle();
    expect(rig.peer.take()).toMatchObject([callOf(1, bytes(1)), cancelOf(3), callOf(5, bytes(3))]);
  });

  test('by markFailure rejects with its reason', async () => {
    await start();
    await call('it');
    session.root.markFailure(1, 'the binding failed');
    await settle();
    expect(rig.peer.take()).toEqual([cancelOf(1)]);
    expect(rig.settled['it']).toEqual({ name: 'Cancelled', message: 'the call failed: the binding failed' });
  });
});

// 9a.15
describe('a Response to no call', () => {
  test('is ignored', async () => {
    await start();
    session.root.caller();
    await call('it');
    expect(await rig.say(responseOf(7, bytes(1)), responseOf(2, bytes(1)), responseOf(1, bytes(5)))).toEqual([]);
    expect(rig.settled['it']).toMatchObject({ ret: bytes(5) });
  });

  test('is a violation in strict mode', async () => {
    await start({ conformance: 'strict' });
    await call('it');
    expect(accusationIn(await rig.say(responseOf(3, bytes(1))))).toBe('rpc.response.one-per-request');
    expect(rig.settled['it']).toMatchObject({ name: 'ConnectionClosed' });
  });
});

describe('a caller', () => {
  test('refuses at once what is no argument, and sends nothing', async () => {
    await start();
    const caller = session.root.caller();
    const refused: [() => unknown, string][] = [
      [() => caller.call(1 as never, bytes()), 'methodId must be a bigint from 0 to 2^64 − 1'],
      [() => caller.call(-1n, bytes()), 'methodId must be a bigint from 0 to 2^64 − 1'],
      [() => caller.call(2n ** 64n, bytes()), 'methodId must be a bigint from 0 to 2^64 − 1'],
      [() => caller.call(1n, new Uint8Array(2 ** 20)), 'args of 1048576 bytes do not fit limits.frame: 1048576'],
      [() => caller.call(1n, 'text' as never), 'args must be a Uint8Array'],
      [
        () => caller.call(1n, bytes(), { timeout: -1 }),
        'timeout must be a number of milliseconds from 0 to 2^31 − 1, not -1',
      ],
      [
        () => caller.call(1n, bytes(), { timeout: 2 ** 31 }),
        'timeout must be a number of milliseconds from 0 to 2^31 − 1, not 2147483648',
      ],
      [() => caller.call(1n, bytes(), { signal: {} as never }), 'signal must be an AbortSignal'],
      [
        () => caller.call(1n, bytes(), { channels: [{} as never] }),
        'channels[0] must be an end of a channel, as channel() gives',
      ],
      [
        () => caller.call(1n, bytes(), { channels: channel()[0] as never }),
        'channels must be an array of ends of channels, not an object',
      ],
      [
        () => caller.call(1n, bytes(), { channels: null as never }),
        'channels must be an array of ends of channels, not null',
      ],
      [() => caller.call(1n, bytes(), { metadata: 7 as never }), 'metadata must be an array of entries, not number'],
      [() => caller.call(1n, bytes(), 7 as never), 'options must be an object, not 7'],
    ];
    for (const [attempt, message] of refused) expect(attempt).toThrow(new InvalidArgument(message));
    await settle();
    expect(rig.peer.take()).toEqual([]);
    caller.release();
    expect(() => caller.call(1n, bytes())).toThrow(new InvalidArgument('the caller was released'));
  });

  // r[rpc.caller.liveness.last-drop-closes-connection]
  test('that is released while a call is pending keeps the connection open until that is settled', async () => {
    await start();
    const opening = session.open();
    await rig.say({
      type: 'ConnectionAccept',
      connectionId: 1,
      connectionSettings: { parity: 'even', maxConcurrentRequests: 1 },
      metadata: [],
    });
    const connection = await opening;
    const caller = connection.caller();
    rig.track('it', caller.call(1n, bytes(1)));
    caller.release();
    await settle();
    expect(connection.isConnected).toBe(true);
    rig.peer.take();
    expect(await rig.say({ ...responseOf(1, bytes(2)), connectionId: 1 })).toEqual([
      { type: 'ConnectionClose', connectionId: 1, metadata: [] },
    ]);
    expect(rig.settled['it']).toMatchObject({ ret: bytes(2) });
  });

  test('can’t be where another reader has the connection, and the other way round', async () => {
    await start();
    const reader = session.root[Symbol.asyncIterator]();
    expect(() => session.root.caller().call(1n, bytes())).toThrow(
      new InvalidArgument('connection 0 has a reader already'),
    );
    void reader;
  });
});

test('the classes of errors tell what may be tried again', () => {
  expect(brief(new Cancelled('peer'))).toEqual({ name: 'Cancelled', message: 'the peer did not finish the call' });
  expect(new Cancelled('peer').code).toBe('cancelled');
  expect(new LimitExceeded('timeout', '').code).toBe('limit');
});
