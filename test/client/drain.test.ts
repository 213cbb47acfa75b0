import { describe, expect, test } from '@jest/globals';
import { isLost } from '../../src/base/errors.js';
import { channel, type Tx } from '../../src/calls/channel.js';
import { method } from '../../src/service/method.js';
import { service } from '../../src/service/service.js';
import type { Session } from '../../src/session/session.js';
import { errorOf } from '../service/pair.js';
import { settle } from '../support/settle.js';
import { Stage } from './stage.js';

const Work = service('Work', { do: method<[task: string], string>() });

/** A stage whose server answers when the test says so. */
function stageOf() {
  const begun: string[] = [];
  const finishing = new Map<string, (text: string) => void>();
  const handler = Work.handler({
    do: (task) => {
      begun.push(task);
      return task.startsWith('quick')
        ? `${task} is done`
        : new Promise<string>((resolve) => finishing.set(task, resolve));
    },
  });
  const stage = new Stage([handler]);
  const finish = (task: string): void => finishing.get(task)?.(`${task} is done`);
  const session = (at: number): Session => stage.sessions[at] as Session;
  return { stage, begun, finish, session };
}

const NOTHING = { answered: 0, refused: 0, cancelled: 0, channels: 0 };

describe('a client whose peer drains the session', () => {
  test('dials at once, makes new calls in the new session, and ends the old one with its last call', async () => {
    const { stage, begun, finish, session } = stageOf();
    const client = stage.client();
    const work = client.use(Work);
    const slow = work.do('slow');
    await settle();
    const drained = session(0).drain();
    await settle();
    expect(client.status.current.state).toBe('open');
    expect(await work.do('quick')).toBe('quick is done');
    expect([stage.dials, begun]).toEqual([
      [0, 0],
      ['slow', 'quick'],
    ]);
    await stage.clock.advance(10_000);
    finish('slow');
    expect(await slow).toBe('slow is done');
    // The client does not wait for its next look: the old session ends with the call.
    expect([await drained, await session(0).closed]).toEqual([
      { ...NOTHING, answered: 1 },
      { cause: 'peer', by: 'peer' },
    ]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('loses the calls that the peer gives up when its time is over, and makes an idempotent one again', async () => {
    const Numbers = service('Numbers', {
      count: method<[from: number, to: Tx<number>], void>(),
      once: method<[], number>(),
      again: method<[], number>({ idempotent: true }),
    });
    let runs = 0;
    const deaf = (): Promise<never> => new Promise(() => {});
    const handler = Numbers.handler({
      count: async (from, to) => {
        await to.send(from);
        await deaf();
      },
      once: deaf,
      again: () => (++runs === 1 ? deaf() : runs),
    });
    const stage = new Stage([handler]);
    const client = stage.client();
    const numbers = client.use(Numbers);
    const [tx, rx] = channel<number>();
    const count = errorOf(numbers.count(7, tx));
    const read: number[] = [];
    const reading = errorOf(
      (async () => {
        for await (const number of rx) read.push(number);
      })(),
    );
    const once = errorOf(numbers.once());
    const again = numbers.again();
    await settle();
    const drained = stage.sessions[0]?.drain({ timeout: 2_000 });
    await settle();
    await stage.clock.advance(2_000);
    await stage.clock.advance(1_000);
    for (const error of [await count, await reading, await once]) expect([error, isLost(error)]).toEqual([error, true]);
    expect(await once).toMatchObject({ code: 'cancelled', by: 'peer', ran: 'maybe', cause: { code: 'unavailable' } });
    expect([await again, runs, read]).toEqual([2, 2, [7]]);
    expect(await drained).toMatchObject({ answered: 0, cancelled: 3 });
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('does not take a call for lost that a handler has failed, without a drain', async () => {
    const Failing = service('Failing', { fail: method<[], void>() });
    const stage = new Stage([
      Failing.handler({
        fail: () => {
          throw new Error('on purpose');
        },
      }),
    ]);
    const client = stage.client();
    const error = await errorOf(client.use(Failing).fail());
    expect([error, isLost(error)]).toMatchObject([{ code: 'cancelled', by: 'peer' }, false]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('ends a session without work at once', async () => {
    const { stage, session } = stageOf();
    const client = stage.client();
    expect(await client.use(Work).do('quick')).toBe('quick is done');
    expect(await session(0).drain()).toEqual(NOTHING);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('makes a call again that the peer refused, and the handler runs once', async () => {
    const { stage, begun, session } = stageOf();
    const client = stage.client();
    const work = client.use(Work);
    await work.do('quick first');
    // The call crosses the notice.
    const drained = session(0).drain();
    const call = work.do('quick second');
    await settle();
    await stage.clock.advance(100);
    expect(await call).toBe('quick second is done');
    expect(await drained).toEqual({ ...NOTHING, refused: 1 });
    expect([begun, stage.dials]).toEqual([
      ['quick first', 'quick second'],
      [0, 0],
    ]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('does not make it again with retry: false, and says that it has not run', async () => {
    const { stage, begun, session } = stageOf();
    const client = stage.client();
    const work = client.use(Work);
    await work.do('quick first');
    void session(0).drain();
    expect(await errorOf(work.do('quick second', { retry: false }))).toMatchObject({ code: 'cancelled', ran: 'no' });
    expect(begun).toEqual(['quick first']);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('waits for the successor, and takes no failure for one', async () => {
    const { stage, begun, session } = stageOf();
    const client = stage.client();
    const work = client.use(Work);
    await work.do('quick first');
    // From now on the session is no new one.
    await stage.clock.advance(10_000);
    stage.isUp = false;
    void session(0).drain();
    await settle();
    const call = work.do('quick second');
    await stage.clock.advance(50);
    stage.isUp = true;
    await stage.clock.advance(50);
    expect(await call).toBe('quick second is done');
    expect([begun, stage.dials]).toEqual([
      ['quick first', 'quick second'],
      [0, 10_000, 10_100],
    ]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('opens a service anew whose open the peer refused', async () => {
    const { stage, session } = stageOf();
    const client = stage.client({ lazy: false });
    await settle();
    void session(0).drain();
    // The open crosses the notice.
    const call = client.use(Work).do('quick');
    await settle();
    expect(await call).toBe('quick is done');
    expect(stage.dials).toEqual([0, 0]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('counts a session that is drained before onSession is done as a failed attempt', async () => {
    const { stage, session } = stageOf();
    let isFirst = true;
    const client = stage.client({
      onSession: async () => {
        if (!isFirst) return;
        isFirst = false;
        void session(0).drain();
        await new Promise(() => {});
      },
    });
    const call = client.use(Work).do('quick');
    await settle();
    expect(client.status.current).toMatchObject({ state: 'connecting', retryAt: 100 });
    await stage.clock.advance(100);
    expect(await call).toBe('quick is done');
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('waits longer each time if the server drains each new session, as if it were down', async () => {
    const { stage } = stageOf();
    const client = stage.client();
    client.status.subscribe(() => {
      if (client.status.current.state === 'open') void stage.sessions.at(-1)?.drain();
    });
    client.reconnect();
    await settle();
    await stage.clock.advance(60_000);
    expect(stage.dials).toEqual([0, 0, 200, 600, 1_400, 3_000, 6_200, 12_600, 25_400, 40_400, 55_400]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('dials at once behind the first drain of a new session only, until one was open for ten seconds', async () => {
    const { stage, session } = stageOf();
    const client = stage.client({ lazy: false });
    const drain = async (): Promise<void> => {
      await settle();
      void session(stage.sessions.length - 1).drain();
      await settle();
    };
    for (let count = 0; count < 4; count++) {
      await drain();
      await stage.clock.advance(2_000);
    }
    expect(stage.dials).toEqual([0, 0, 2_200, 4_400, 6_800]);
    await stage.clock.advance(10_000);
    await drain();
    await drain();
    expect(stage.dials.slice(5)).toEqual([18_000, 18_000]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('takes the next of its targets', async () => {
    const { stage, session } = stageOf();
    const tried: string[] = [];
    const named = (name: string) => async () => {
      tried.push(name);
      return stage.target();
    };
    const client = stage.client({}, [named('one'), named('two')]);
    await client.use(Work).do('quick');
    void session(0).drain();
    await settle();
    expect([await client.use(Work).do('quick'), tried]).toEqual(['quick is done', ['one', 'two']]);
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });

  test('keeps four sessions that it has left, and sixty seconds each', async () => {
    const { stage, session } = stageOf();
    const client = stage.client();
    const work = client.use(Work);
    const calls: Promise<unknown>[] = [];
    for (let at = 0; at < 6; at++) {
      calls.push(work.do(`task ${at}`).catch(({ code, ran }) => `${code} ${ran} at ${stage.clock.now()}`));
      await settle();
      await stage.clock.advance(10_000);
      void session(at).drain({ timeout: 120_000 });
      await settle();
    }
    // The fifth and the sixth that were left made the first and the second end.
    expect(await Promise.all(calls.slice(0, 2))).toEqual([
      'connection-closed maybe at 50000',
      'connection-closed maybe at 60000',
    ]);
    await stage.clock.advance(60_000);
    expect(await Promise.all(calls.slice(2))).toEqual(
      [90_000, 100_000, 110_000, 120_000].map((time) => `connection-closed maybe at ${time}`),
    );
    expect(await stage.end(client)).toEqual(['closed', 0]);
  });
});
