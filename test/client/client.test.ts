import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { channel } from '../../src/calls/channel.js';
import { connect } from '../../src/client/client-node.js';
import { method } from '../../src/service/method.js';
import { routes } from '../../src/service/routes.js';
import { service } from '../../src/service/service.js';
import { accept } from '../../src/session/default-codec.js';
import { ScriptedPeer } from '../../src/testing/peer.js';
import { Adder, adder } from '../service/adder.js';
import { errorOf } from '../service/pair.js';
import { settle } from '../support/settle.js';
import { Stage } from './stage.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

describe('a client that connect makes', () => {
  test('dials at its first call, and answers it', async () => {
    const stage = new Stage([adder]);
    const client = stage.client();
    await settle();
    expect(stage.dials).toEqual([]);
    expect(client.status.current).toEqual({ state: 'idle', since: 0 });
    expect(await client.use(Adder).add(3, 5)).toBe(8);
    expect(client.status.current).toEqual({ state: 'open', since: 0 });
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('dials at once with lazy: false', async () => {
    const stage = new Stage([adder]);
    const client = stage.client({ lazy: false });
    await settle();
    expect(client.status.current.state).toBe('open');
    expect(await client.session()).toBe(await client.session());
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('goes on in a new session when the old one is cut, with the same clients', async () => {
    const stage = new Stage([adder]);
    const client = stage.client();
    const calls = client.use(Adder);
    expect(await calls.add(1, 2)).toBe(3);
    stage.cut();
    await settle();
    expect(client.status.current).toMatchObject({ state: 'connecting', retryAt: 100, reason: { code: 'link' } });
    const later = calls.add(2, 2);
    await stage.clock.advance(99);
    expect(stage.dials).toEqual([0]);
    await stage.clock.advance(1);
    expect(await later).toBe(4);
    expect(stage.dials).toEqual([0, 100]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('has one connection for all uses of a service without options, and gives it back with the last one', async () => {
    const stage = new Stage([adder]);
    const client = stage.client();
    for (const count of [1, 2, 3]) expect(await client.use(Adder).add(count, 1)).toBe(count + 1);
    expect(stage.sessions[0]?.connection(1)?.id).toBe(1);
    expect(stage.sessions[0]?.connection(3)).toBeUndefined();
    const own = client.use(Adder, { interceptors: [(call, next) => next(call)] });
    expect(await own.add(1, 1)).toBe(2);
    expect(stage.sessions[0]?.connection(3)?.id).toBe(3);
    own[Symbol.dispose]();
    await settle();
    expect(stage.sessions[0]?.connection(3)).toBeUndefined();
    expect(await errorOf(own.add(1, 1))).toMatchObject({ code: 'invalid-argument', ran: 'no' });
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('calls on the root with on: root', async () => {
    const stage = new Stage();
    const client = stage.client();
    stage.onLink = ((accepting) => async (link) => {
      await accepting(link);
      stage.sessions.at(-1)?.root.serve(adder);
    })(stage.onLink);
    expect(await client.use(Adder, { on: 'root' }).add(3, 5)).toBe(8);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('sends waiting calls in the order in which they were made', async () => {
    const order: number[] = [];
    const Log = service('Log', { note: method<[number], void>() });
    const stage = new Stage([Log.handler({ note: (number) => void order.push(number) })]);
    const client = stage.client();
    const log = client.use(Log);
    const calls = [1, 2, 3].map((number) => log.note(number));
    await settle();
    calls.push(log.note(4));
    await Promise.all(calls);
    expect(order).toEqual([1, 2, 3, 4]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('takes the next target after a failure, and waits between the rounds', async () => {
    const stage = new Stage([adder]);
    const tried: string[] = [];
    const down = async () => {
      tried.push(`down ${stage.clock.now()}`);
      throw new Error('down');
    };
    const client = stage.client({}, [
      down,
      down,
      async () => {
        tried.push(`up ${stage.clock.now()}`);
        if (tried.length < 6) throw new Error('not yet');
        return stage.target();
      },
    ]);
    const call = client.use(Adder).add(1, 1);
    await settle();
    await stage.clock.advance(100);
    expect(await call).toBe(2);
    expect(tried).toEqual(['down 0', 'down 0', 'up 0', 'down 100', 'down 100', 'up 100']);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('asks a function for the targets of each round', async () => {
    const stage = new Stage([adder]);
    const rounds: number[] = [];
    const client = stage.client({}, (async () => {
      rounds.push(stage.clock.now());
      return rounds.length === 1 ? ['ws://127.0.0.1:1/'] : [stage.target];
    }) as never);
    const call = client.use(Adder).add(1, 1);
    // The refused socket is a real one: the client says when it waits for the next round.
    for await (const { retryAt } of client.status) if (retryAt !== undefined) break;
    await stage.clock.advance(100);
    expect(await call).toBe(2);
    expect(rounds).toEqual([0, 100]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('gives credentials anew in each attempt, as SENSITIVE entries that no proxy passes on', async () => {
    const stage = new Stage([adder]);
    let made = 0;
    const client = stage.client({ credentials: ({ number }) => ({ token: `secret-${++made}-${number}` }) });
    expect(await client.use(Adder).add(1, 1)).toBe(2);
    stage.cut();
    await settle();
    await stage.clock.advance(100);
    const shown = stage.sessions.map(({ root }) =>
      root.peerMetadata.map(({ key, value, flags }) => [key, (value as { reveal(): string }).reveal(), flags]),
    );
    expect(shown).toEqual([[['token', 'secret-1-1', 3n]], [['token', 'secret-2-1', 3n]]]);
    expect(JSON.stringify([client, client.actor.getSnapshot()])).not.toContain('secret');
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test.each([
    ['ws://example.com/', /unencrypted to example.com/],
    ['http://example.com/', /must begin with ws: or wss:/],
    ['127.0.0.1:9000', 'target 0: a WebSocket URL begins with ws: or wss:; did you mean ws://127.0.0.1:9000'],
    ['localhost:9000', 'target 0: a WebSocket URL begins with ws: or wss:; did you mean ws://localhost:9000'],
    ['nonsense', /must be a URL/],
    [[], /needs a target/],
  ] as const)('refuses the target %j with credentials at once', (to, message) => {
    expect(() => connect(to as never, { credentials: () => ({}) })).toThrow(message);
  });

  test.each([
    { waitTimeout: -1 },
    { waitingCalls: 1.5 },
    { waitingBytes: Number.NaN },
    { attemptTimeout: 0 },
    { backoff: { first: 0 } },
    { backoff: { max: Number.POSITIVE_INFINITY } },
    { giveUpAfter: 0 },
    { idleTimeout: '1' },
    { lazy: 1 },
    { credentials: {} },
    { onSession: 1 },
    { signal: AbortSignal.abort() },
  ])('refuses the option %j and names it', (options) => {
    const [name = ''] = Object.keys(options);
    expect(() => connect('wss://example.com', options as never)).toThrow(name);
  });
});

describe('a call without a session', () => {
  test('fails after waitTimeout, with what went wrong', async () => {
    const stage = new Stage();
    stage.isUp = false;
    const client = stage.client({ waitTimeout: 1_000 });
    const call = errorOf(client.use(Adder).add(1, 1));
    await stage.clock.advance(999);
    const session = errorOf(client.session());
    await stage.clock.advance(1);
    expect(await call).toMatchObject({ code: 'limit', limit: 'waitTimeout', ran: 'no' });
    expect(String(await call)).toContain('refused');
    await stage.clock.advance(999);
    expect(await session).toMatchObject({ limit: 'waitTimeout' });
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('ends the channels that it would have passed, and needs no one to await it', async () => {
    const stage = new Stage();
    stage.isUp = false;
    const client = stage.client({ waitTimeout: 1_000 });
    const [tx, rx] = channel<number>();
    const [numbers, passed] = channel<number>();
    void client.use(Adder).generate(3, tx);
    void client.use(Adder).sum(passed);
    const ends = [rx[Symbol.asyncIterator]().next(), numbers.send(1)].map((end) => errorOf(Promise.resolve(end)));
    await stage.clock.advance(1_000);
    expect(await Promise.all(ends)).toEqual([
      expect.objectContaining({ limit: 'waitTimeout' }),
      expect.objectContaining({ limit: 'waitTimeout' }),
    ]);
    // As at once, when there is no room to wait.
    const full = stage.client({ waitTimeout: 0 });
    const [last, unread] = channel<number>();
    void full.use(Adder).generate(3, last);
    expect(await errorOf(unread[Symbol.asyncIterator]().next())).toMatchObject({ limit: 'waitTimeout' });
    for (const each of [client, full]) expect(await stage.end(each)).toEqual(['closed', 0]);
  });

  test.each([
    [{ waitTimeout: 0 }, 'waitTimeout', 0],
    [{ waitingCalls: 3 }, 'waitingCalls', 3],
    // An empty call of one argument: 3 bytes, and 256.
    [{ waitingBytes: 3 * (256 + 3) }, 'waitingBytes', 3],
  ] as const)('fails at once beyond %j', async (options, limit, most) => {
    const stage = new Stage();
    stage.isUp = false;
    const client = stage.client(options);
    const adds = client.use(Adder);
    const calls = Array.from({ length: most }, () => errorOf(adds.add(1, 1)));
    expect(await errorOf(adds.add(1, 1))).toMatchObject({ code: 'limit', limit, ran: 'no' });
    expect(await errorOf(adds.add((() => 1) as never, 1))).toMatchObject({ code: 'invalid-argument', ran: 'no' });
    expect(await stage.end(client)).toEqual(['closed', 0]);
    for (const call of calls) expect(await call).toMatchObject({ code: 'session-closed', ran: 'no' });
  });

  test('keeps its timeout and its signal, and frees its place', async () => {
    const stage = new Stage([adder]);
    stage.isUp = false;
    const client = stage.client({ waitingCalls: 2 });
    const adds = client.use(Adder);
    const controller = new AbortController();
    const timed = errorOf(adds.add(1, 1, { timeout: 50 }));
    const aborted = errorOf(adds.add(1, 1, { signal: controller.signal }));
    await stage.clock.advance(50);
    controller.abort(new Error('enough'));
    expect(await timed).toMatchObject({ limit: 'timeout', ran: 'no' });
    expect(await aborted).toMatchObject({ code: 'cancelled', by: 'local', ran: 'no', cause: new Error('enough') });
    stage.isUp = true;
    const later = [adds.add(1, 1), adds.add(2, 2)];
    await stage.clock.advance(1_000);
    expect(await Promise.all(later)).toEqual([2, 4]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('fails with Unavailable once the client has given up, and goes on after reconnect', async () => {
    const stage = new Stage([adder]);
    stage.isUp = false;
    const client = stage.client({ giveUpAfter: 500 });
    const adds = client.use(Adder);
    const waiting = errorOf(adds.add(1, 1));
    await settle();
    await stage.clock.advance(500);
    expect(await waiting).toMatchObject({ code: 'unavailable', ran: 'no', cause: { code: 'link' } });
    expect(await errorOf(adds.add(1, 1))).toMatchObject({ code: 'unavailable', ran: 'no' });
    expect(await errorOf(client.session())).toMatchObject({ code: 'unavailable' });
    expect(client.status.current).toMatchObject({ state: 'failed', since: 500, reason: { code: 'link' } });
    stage.isUp = true;
    client.reconnect();
    expect(await adds.add(1, 1)).toBe(2);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });
});

describe('a call whose session ends', () => {
  const Work = service('Work', {
    once: method<[], number>(),
    again: method<[], number>({ idempotent: true }),
  });

  function serving(cuts: number) {
    let runs = 0;
    const stage: Stage = new Stage([
      Work.handler({
        once: () => stageRun(),
        again: () => stageRun(),
      }),
    ]);
    const stageRun = (): number => {
      runs++;
      if (runs <= cuts) stage.cut();
      return runs;
    };
    return { stage, runs: () => runs };
  }

  test('is made again also if its client was given back meanwhile', async () => {
    let runs = 0;
    const again = (): number | Promise<number> => (++runs === 1 ? new Promise(() => {}) : runs);
    const stage = new Stage([Work.handler({ once: () => 0, again })]);
    const client = stage.client();
    const work = client.use(Work);
    const answer = work.again();
    await settle();
    expect(runs).toBe(1);
    work[Symbol.dispose]();
    // The server is away when the call is to be made again.
    const { onLink } = stage;
    stage.onLink = (link) => link.abort();
    stage.cut();
    await settle();
    await stage.clock.advance(1_000);
    expect(stage.dials.length).toBeGreaterThan(1);
    expect(runs).toBe(1);
    stage.onLink = onLink;
    await stage.clock.advance(10_000);
    expect(runs).toBe(2);
    expect(await answer).toBe(2);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('is made again if it is idempotent', async () => {
    const { stage, runs } = serving(2);
    const client = stage.client();
    const answer = client.use(Work).again();
    await settle();
    await stage.clock.advance(5_000);
    expect(await answer).toBe(3);
    expect(runs()).toBe(3);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test.each([
    ['is not idempotent', 'once', {}],
    ['is not to be made again', 'again', { retry: false }],
  ] as const)('is not made again if it %s', async (_, name, options) => {
    const { stage, runs } = serving(1);
    const client = stage.client();
    const error = errorOf(client.use(Work)[name](options));
    await stage.clock.advance(5_000);
    expect(await error).toMatchObject({ ran: 'maybe' });
    expect(runs()).toBe(1);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('may have run if an earlier attempt may have, although the last one was refused', async () => {
    const Busy = service('Busy', { work: method<[], void>({ idempotent: true }) });
    const busy = Busy.handler({ work: () => new Promise(() => {}) });
    const stage = new Stage([busy], { limits: { requests: 1 } });
    // The handler's deadline is one of the real time, so the timeout is long.
    const client = stage.client({ backoff: { first: 100_000, max: 100_000 }, waitTimeout: 100_000 });
    const work = client.use(Busy);
    const call = errorOf(work.work({ timeout: 50_150 }));
    await settle();
    stage.cut();
    await settle();
    // It takes the one place of the next session, so that the repeat is refused. There is no time for a third attempt.
    const other = errorOf(work.work({ retry: false }));
    await stage.clock.advance(50_000);
    expect(await call).toMatchObject({ code: 'cancelled', by: 'peer', ran: 'maybe' });
    expect(await stage.end(client)).toEqual(['closed', 0]);
    await other;
  });

  test('is made four times at most, and not past its timeout', async () => {
    const { stage, runs } = serving(100);
    const client = stage.client();
    const work = client.use(Work);
    const four = errorOf(work.again());
    await settle();
    await stage.clock.advance(60_000);
    expect(await four).toMatchObject({ ran: 'maybe' });
    expect(runs()).toBe(4);
    const timed = errorOf(work.again({ timeout: 50 }));
    await settle();
    await stage.clock.advance(60_000);
    expect(await timed).toMatchObject({ ran: 'maybe' });
    expect(runs()).toBe(5);
    // The budget is at its half: 10, less 4, less 1. One more failure, and none is repeated.
    const last = errorOf(work.again());
    await settle();
    await stage.clock.advance(60_000);
    expect(await last).toMatchObject({ ran: 'maybe' });
    expect(runs()).toBe(6);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });
});

test('a server that accepts and cuts gets at most 12 attempts in the first minute, and one at a time', async () => {
  const stage = new Stage();
  const accepting = stage.onLink;
  stage.onLink = async (link) => {
    await accepting(link);
    stage.cut();
  };
  const client = stage.client({ lazy: false });
  await settle();
  await stage.clock.advance(60_000);
  expect(stage.dials).toEqual([0, 100, 300, 700, 1_500, 3_100, 6_300, 12_700, 25_500, 40_500, 55_500]);
  expect(await stage.end(client)).toEqual(['closed', 0]);
});

test('a session that was open for 10 s is no failure: the next attempt comes as soon as the first one', async () => {
  const stage = new Stage();
  const client = stage.client({ lazy: false });
  for (const wait of [100, 100, 100]) {
    await settle();
    await stage.clock.advance(10_000);
    stage.cut();
    await settle();
    expect(client.status.current.retryAt).toBe(stage.clock.now() + wait);
    await stage.clock.advance(wait);
  }
  expect(await stage.end(client)).toEqual(['closed', 0]);
});

test('a session that ends together with its handshake is a failed attempt', async () => {
  const stage = new Stage([adder]);
  const client = stage.client({}, async () => {
    const link = await stage.target();
    if (stage.dials.length > 1) return link;
    const start = link.start.bind(link);
    link.start = (events) => {
      start({
        ...events,
        message: (bytes) => {
          events.message(bytes);
          // The connection is lost in the turn in which the answer to the Hello comes.
          link.abort();
          events.failed(new Error('lost'));
        },
      });
    };
    return link;
  });
  const call = client.use(Adder).add(1, 2);
  await settle();
  expect(client.status.current).toMatchObject({ state: 'connecting', retryAt: 100, reason: { code: 'link' } });
  await stage.clock.advance(100);
  expect([await call, stage.dials]).toEqual([3, [0, 100]]);
  expect(await stage.end(client)).toEqual(['closed', 0]);
});

describe('an open of a service that the server takes its time for', () => {
  const Hold = service('Hold', { hold: method<[], void>() });

  /** A stage whose server decides on each open when the test says so. */
  function deciding() {
    const stage = new Stage();
    const decisions: (() => void)[] = [];
    /** For each open of the adder, the number of the session that it came in. */
    const opens: number[] = [];
    const inner = routes([adder, Hold.handler({ hold: () => new Promise(() => {}) })]);
    stage.onLink = async (link) => {
      const number = stage.dials.length;
      stage.sessions.push(
        await accept(link, {
          onConnection: async (request) => {
            if (request.metadata.some(({ value }) => value === Hold.name)) return inner(request);
            opens.push(number);
            await new Promise<void>((resolve) => void decisions.push(resolve));
            return inner(request);
          },
        }),
      );
    };
    /** Decides on so many opens, the oldest first. */
    const decide = async (count = decisions.length): Promise<void> => {
      for (const decision of decisions.splice(0, count)) decision();
      await settle();
    };
    return { stage, opens, decide };
  }

  test('does not lose its calls when the session ends for want of work meanwhile', async () => {
    const { stage, opens, decide } = deciding();
    const client = stage.client({ idleTimeout: 1_000, lazy: false });
    await settle();
    await stage.clock.advance(990);
    const call = client.use(Adder).add(1, 2);
    await settle();
    await stage.clock.advance(10);
    await decide();
    await settle();
    await decide();
    expect([await call, opens, stage.dials]).toEqual([3, [1, 2], [0, 1_000]]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('is made once in each session, also if the client leaves one meanwhile', async () => {
    const { stage, opens, decide } = deciding();
    const client = stage.client({ lazy: false });
    await settle();
    // This call keeps the first session.
    const held = errorOf(client.use(Hold).hold());
    const call = client.use(Adder).add(1, 2);
    await settle();
    client.reconnect();
    await settle();
    expect(opens).toEqual([1, 2]);
    // The answer in the first session comes while that in the second is awaited.
    await decide(1);
    await decide();
    expect([await call, opens]).toEqual([3, [1, 2]]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
    await held;
  });
});

test('a client that was given back while its call waited is collected, when the call has waited too long', async () => {
  const stage = new Stage([adder]);
  stage.isUp = false;
  const client = stage.client({ waitTimeout: 10 });
  const use = async (): Promise<WeakRef<object>> => {
    const interceptors: NonNullable<Parameters<typeof Adder.client>[1]>['interceptors'] = [(call, next) => next(call)];
    const own = client.use(Adder, { interceptors });
    const call = errorOf(own.add(1, 2));
    own[Symbol.dispose]();
    await stage.clock.advance(10);
    expect(await call).toMatchObject({ limit: 'waitTimeout' });
    return new WeakRef(interceptors);
  };
  const used: WeakRef<object>[] = [];
  for (let count = 0; count < 20; count++) used.push(await use());
  for (let round = 0; round < 10 && used.some((one) => one.deref() !== undefined); round++) {
    await settle();
    collectGarbage();
  }
  expect(used.filter((one) => one.deref() !== undefined)).toEqual([]);
  expect(await stage.end(client)).toEqual(['closed', 0]);
});

describe('a peer that does not answer', () => {
  test('is found by the probe of a network that may have changed, and calls go on', async () => {
    const stage = new Stage([adder]);
    const client = stage.client({ keepalive: { pingInterval: 0, pongTimeout: 0 }, onReport: () => {} });
    const adds = client.use(Adder);
    expect(await adds.add(1, 1)).toBe(2);
    // The cable is cut, and no end of the link hears of it.
    const near = stage.links[0] as { send(bytes: Uint8Array): void };
    near.send = () => {};
    client.actor.send({ type: 'network.suspect', jitter: 0.5 });
    await settle();
    const call = errorOf(adds.add(2, 2));
    await stage.clock.advance(5_000);
    expect(await call).toMatchObject({ code: 'connection-closed', ran: 'maybe' });
    await stage.clock.advance(100);
    expect(await adds.add(2, 2)).toBe(4);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('is left in peace when it answers the probe', async () => {
    const stage = new Stage([adder]);
    const client = stage.client({ lazy: false });
    await settle();
    for (const type of ['network.suspect', 'network.offline'] as const) {
      client.actor.send(type === 'network.offline' ? { type } : { type, jitter: 0.5 });
      await settle();
    }
    await stage.clock.advance(6_000);
    expect(stage.dials).toEqual([0]);
    expect(client.status.current.state).toBe('open');
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });
});

describe('the end of a client', () => {
  /** A client with a call under way, which fails with `slow`. */
  async function underWay(options: Parameters<Stage['client']>[0] = {}, call: { timeout?: number } = {}) {
    const stage = new Stage([adder]);
    const client = stage.client(options);
    const adds = client.use(Adder);
    await adds.add(1, 1);
    return { stage, client, adds, slow: errorOf(adds.slow(call)) };
  }

  test('waits for calls that have left, but not for longer than its timeout', async () => {
    const { stage, client, adds, slow } = await underWay();
    await settle();
    const closed = client.close({ timeout: 1_000 });
    expect(await errorOf(adds.add(1, 1))).toMatchObject({ code: 'session-closed', ran: 'no' });
    let isClosed = false;
    void closed.then(() => {
      isClosed = true;
    });
    await stage.clock.advance(999);
    expect(isClosed).toBe(false);
    await stage.clock.advance(1);
    await closed;
    expect(await slow).toMatchObject({ code: 'connection-closed', ran: 'maybe' });
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test.each([
    ['', false],
    [', also if its client was given back', true],
  ])('fails a call that waits to be made again, and leaves no timer of it%s', async (_, isGivenBack) => {
    const Work = service('Work', { again: method<[], void>({ idempotent: true }) });
    const stage = new Stage([Work.handler({ again: () => new Promise(() => {}) })]);
    const client = stage.client();
    const work = client.use(Work);
    const call = errorOf(work.again());
    await settle();
    if (isGivenBack) work[Symbol.dispose]();
    stage.cut();
    await settle();
    await client.close({ timeout: 60_000 });
    expect(stage.clock.size).toBe(0);
    expect(await call).toMatchObject({ code: 'session-closed', ran: 'maybe' });
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('lets no call wait to be made again whose session is lost meanwhile', async () => {
    const Work = service('Work', { again: method<[], void>({ idempotent: true }) });
    const stage = new Stage([Work.handler({ again: () => new Promise(() => {}) })]);
    const client = stage.client();
    const call = errorOf(client.use(Work).again());
    await settle();
    const closed = client.close({ timeout: 1_000 });
    stage.cut();
    await closed;
    expect(stage.clock.size).toBe(0);
    expect(await call).toMatchObject({ code: 'connection-closed', ran: 'maybe' });
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('leaves a session whose call is under way when it reconnects, and calls go to the new one', async () => {
    const { stage, client, adds, slow } = await underWay();
    await settle();
    client.reconnect();
    await settle();
    expect(await adds.add(2, 2)).toBe(4);
    expect(stage.sessions).toHaveLength(2);
    await stage.clock.advance(59_000);
    expect(stage.sessions[0]?.root.isConnected).toBe(true);
    await stage.clock.advance(2_000);
    expect(await slow).toMatchObject({ ran: 'maybe' });
    expect(stage.sessions[0]?.root.isConnected).toBe(false);
    expect(await adds.add(2, 2)).toBe(4);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('ends an idle session after idleTimeout, and the next call dials again', async () => {
    const { stage, client, adds, slow } = await underWay({ idleTimeout: 500 }, { timeout: 2_000 });
    await stage.clock.advance(1_000);
    expect(client.status.current.state).toBe('open');
    await stage.clock.advance(1_000);
    await slow;
    await stage.clock.advance(500);
    expect(client.status.current.state).toBe('idle');
    expect(stage.sessions[0]?.root.isConnected).toBe(false);
    expect(await adds.add(2, 3)).toBe(5);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });
});

describe('final failures', () => {
  const cases: [string, string, number][] = [
    ['refused.forbidden: not you', 'failed', 1],
    ['refused.unauthenticated: log in', 'failed', 2],
    ['version mismatch: got 7, expected 8', 'failed', 1],
    ['refused.unavailable: later', 'connecting', 1],
  ];
  test.each(cases)('%s: %s after %d attempts', async (description, state, attempts) => {
    const stage = new Stage();
    let made = 0;
    stage.onLink = (link) => {
      new ScriptedPeer(link).say({ type: 'ProtocolError', connectionId: 0, description });
    };
    const client = stage.client({ lazy: false, credentials: () => ({ token: String(++made) }) });
    await settle();
    expect([client.status.current.state, stage.dials.length, made]).toEqual([state, attempts, attempts]);
    expect(client.status.current.reason?.message).toContain(description);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });
});

test('a refusal as unauthenticated is final only if the last attempt ended with one, too', async () => {
  const stage = new Stage();
  const answers = ['unauthenticated', 'unavailable', 'unauthenticated', 'unauthenticated'];
  stage.onLink = (link) => {
    const description = `refused.${answers[stage.dials.length - 1]}: no`;
    new ScriptedPeer(link).say({ type: 'ProtocolError', connectionId: 0, description });
  };
  const client = stage.client({ lazy: false, credentials: () => ({ token: 'x' }) });
  await settle();
  expect([client.status.current.state, stage.dials]).toEqual(['connecting', [0, 0]]);
  await stage.clock.advance(100);
  expect([client.status.current.state, stage.dials]).toEqual(['failed', [0, 0, 100, 100]]);
  expect(await stage.end(client)).toEqual(['closed', 0]);
});

test('the status tells each state once, in order, to a subscriber; a slow reader gets the newest', async () => {
  const stage = new Stage([adder]);
  const client = stage.client();
  const told: string[] = [];
  const stop = client.status.subscribe(() => void told.push(client.status.current.state));
  const read: string[] = [];
  const reading = (async () => {
    for await (const { state } of client.status) {
      read.push(state);
    }
  })();
  await client.use(Adder).add(1, 1);
  stage.cut();
  await settle();
  await stage.clock.advance(100);
  expect(await stage.end(client)).toEqual(['closed', 0]);
  await reading;
  stop();
  expect(told).toEqual(['connecting', 'open', 'connecting', 'connecting', 'open', 'closed']);
  expect(read.at(-1)).toBe('closed');
});
