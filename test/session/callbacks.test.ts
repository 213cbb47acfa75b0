import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { InspectionEvent } from 'xstate';
import { ConnectionClosed } from '../../src/base/errors.js';
import { acceptOf, brief, closeOf, established, itemOf, NOTHING_LEFT, openOf, pingOf } from '../support/rig.js';
import { settle } from '../support/settle.js';

const reject = (connectionId: number) => ({ type: 'ConnectionReject', connectionId, metadata: [] });

/** Checks that the session still works. */
async function expectAlive({ rig, session }: Awaited<ReturnType<typeof established>>): Promise<void> {
  expect(await rig.say(pingOf(7))).toEqual([{ type: 'Pong', connectionId: 0, nonce: 7n }]);
  await rig.say(itemOf(0, 1));
  await expect(session.root[Symbol.asyncIterator]().next()).resolves.toEqual({ value: itemOf(0, 1), done: false });
  session.shutdown();
  await expect(session.closed).resolves.toEqual({ cause: 'shutdown', by: 'local' });
  await settle();
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
}

function fail(): never {
  throw new Error('bad day');
}

const failing = {
  throws: fail,
  'throws something that is no error': () => {
    // biome-ignore lint/style/useThrowOnlyError: it is what users do.
    throw 'bad day';
  },
  rejects: () => Promise.reject(new Error('bad day')),
  'answers with nothing': () => undefined as never,
  'answers with a thing of its own': () => ({ type: 'perhaps' }) as never,
  'asks for the parity of the opener': () => ({ type: 'accept', settings: { parity: 'even' } }) as const,
  'gives a setup that cannot be called': () => ({ type: 'accept', setup: 5 }) as never,
  'gives metadata that cannot be sent': () => ({ type: 'reject', metadata: [{ key: 1 }] }) as never,
  'answers with a field that throws': () =>
    ({
      get type() {
        throw new Error('bad day');
      },
    }) as never,
  'answers with a promise that throws when asked': () => Object.defineProperty({}, 'then', { get: fail }) as never,
};

describe('an exception in a callback is reported and ends nothing', () => {
  test.each(Object.entries(failing))('onConnection that %s', async (_, onConnection) => {
    const it = await established({ onConnection });
    expect(await it.rig.say(openOf(2))).toEqual([reject(2)]);
    expect(it.rig.reports).toEqual([
      { kind: 'acceptor-failed', id: 2, message: 'onConnection failed for connection 2', error: expect.anything() },
    ]);
    await expectAlive(it);
  });

  test('a setup: its connection is closed', async () => {
    const it = await established({ onConnection: () => ({ type: 'accept', setup: fail }) });
    expect(await it.rig.say(openOf(2))).toEqual([
      { ...acceptOf(2), connectionSettings: { parity: 'odd', maxConcurrentRequests: 64 } },
      closeOf(2),
    ]);
    expect(it.rig.reports).toEqual([
      { kind: 'setup-failed', id: 2, message: 'the setup of connection 2 failed', error: new Error('bad day') },
    ]);
    await expectAlive(it);
  });

  test('a listener: the others still hear', async () => {
    const it = await established();
    const heard: unknown[] = [];
    it.session.on('connectionOpened', () => {
      throw new Error('bad day');
    });
    it.session.on('connectionOpened', ({ id }) => heard.push(id));
    const opening = it.session.open();
    await it.rig.say(acceptOf(1));
    expect((await opening).id).toBe(1);
    expect(heard).toEqual([1]);
    expect(it.rig.reports).toEqual([
      { kind: 'listener-failed', message: "a listener of 'connectionOpened' failed", error: new Error('bad day') },
    ]);
    await expectAlive(it);
  });

  test('a reporter, too, which is not reported', async () => {
    const onReport = () => {
      throw new Error('worse day');
    };
    const it = await established({ onReport, onConnection: failing.throws });
    expect(await it.rig.say(openOf(2))).toEqual([reject(2)]);
    await expectAlive(it);
  });

  test('an inspector', async () => {
    let seen = 0;
    const inspect = (event: InspectionEvent) => {
      if (event.type !== '@xstate.event') return;
      seen += 1;
      throw new Error('bad day');
    };
    const it = await established({ inspect });
    expect(seen).toBeGreaterThan(0);
    expect(it.rig.reports[0]).toEqual({
      kind: 'listener-failed',
      message: 'the inspector failed',
      error: new Error('bad day'),
    });
    await it.rig.say(pingOf(1));
    await expectAlive(it);
  });
});

describe('an exception in a listener of an abort signal', () => {
  const thrown: unknown[] = [];

  // An abort signal reports exceptions of its listeners to the platform, not to the caller of `abort`.
  beforeEach(() => {
    thrown.length = 0;
    process.setUncaughtExceptionCaptureCallback((error) => thrown.push(error));
  });
  afterEach(() => {
    process.setUncaughtExceptionCaptureCallback(null);
  });

  test('goes to the platform, and ends nothing', async () => {
    const it = await established({
      onConnection: ({ signal }) => {
        signal.addEventListener('abort', fail);
        return new Promise(() => {});
      },
    });
    await it.rig.say(openOf(2), openOf(4));
    expect(await it.rig.say(closeOf(2))).toEqual([]);
    expect(thrown).toEqual([new Error('bad day')]);
    await expectAlive(it);
    expect(thrown).toHaveLength(2);
  });
});

describe('the signal of a question', () => {
  test('is aborted also for a reader that comes only after the peer withdrew', async () => {
    const requests: { readonly signal: AbortSignal }[] = [];
    const { rig } = await established({
      onConnection: (request) => {
        requests.push(request);
        return new Promise(() => {});
      },
    });
    await rig.say(openOf(2), closeOf(2));
    const { signal } = requests[0] as { signal: AbortSignal };
    expect(signal.aborted).toBe(true);
    expect(brief(signal.reason)).toEqual(
      brief(new ConnectionClosed('peer', 'the peer withdrew its open of connection 2')),
    );
  });

  test('is aborted also for a reader that comes only after the time for the answer has passed', async () => {
    const requests: { readonly signal: AbortSignal }[] = [];
    const { rig } = await established({
      onConnection: (request) => {
        requests.push(request);
        return new Promise(() => {});
      },
    });
    await rig.say(openOf(2));
    await rig.clock.advance(11_000);
    expect(rig.peer.take()).toEqual([reject(2)]);
    expect((requests[0] as { signal: AbortSignal }).signal.aborted).toBe(true);
  });
});
