import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Unavailable } from '../../src/base/errors.js';
import type { Report } from '../../src/base/report.js';
import { channel, type Rx } from '../../src/calls/channel.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import type { CallContext } from '../../src/service/calls.js';
import { withContext } from '../../src/service/handler.js';
import { method } from '../../src/service/method.js';
import { routes } from '../../src/service/routes.js';
import { service } from '../../src/service/service.js';
import type { Connection } from '../../src/session/connection.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import type { Session, StartOptions } from '../../src/session/session.js';
import type { Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import { errorOf } from '../service/pair.js';
import { VirtualClock } from '../support/clock.js';
import { ControlledLink } from '../support/link.js';
import { acceptOf, HELLO, openOf, Rig } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, CANCELLED, callOf, responseOf } from '../support/traffic.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const Work = service('Work', {
  do: method<[task: string], string>(),
  follow: method<[numbers: Rx<number>], number>(),
});

/** Two sessions with one clock. The second one serves, and its handlers answer when the test says so. */
class Stage {
  readonly clock = new VirtualClock();
  /** The tasks whose handlers have begun, in order. */
  readonly begun: string[] = [];
  readonly contexts: CallContext[] = [];
  readonly #finish = new Map<string, (text: string) => void>();
  readonly link: ControlledLink;
  client!: Session;
  server!: Session;

  readonly handler = Work.handler({
    do: withContext((context, task) => {
      this.begun.push(task);
      this.contexts.push(context);
      return new Promise<string>((resolve) => this.#finish.set(task, resolve));
    }),
    follow: async (numbers) => {
      let sum = 0;
      for await (const number of numbers) sum += number;
      return sum;
    },
  });

  readonly #near;

  constructor() {
    const [near, far] = memoryLinkPair({ capacity: 1_024 });
    this.#near = near;
    this.link = new ControlledLink(far);
  }

  async start(options: StartOptions = { notices: true }, clientOptions = options): Promise<this> {
    const { clock } = this;
    [this.client, this.server] = await Promise.all([
      initiate(this.#near, { clock, ...clientOptions }),
      accept(this.link, { clock, onConnection: routes([this.handler]), ...options }),
    ]);
    return this;
  }

  finish(task: string, result = `${task} is done`): void {
    this.#finish.get(task)?.(result);
  }
}

/** How a promise has settled by now. */
function track<T>(promise: Promise<T>): { outcome?: unknown } {
  const tracked: { outcome?: unknown } = {};
  promise.then(
    (value) => {
      tracked.outcome = value;
    },
    (error: { code?: string; ran?: string }) => {
      tracked.outcome = `${error.code} ${error.ran}`;
    },
  );
  return tracked;
}

const NOT_RUN: Metadata = [{ key: 'roam-actors.not-run', value: 'draining', flags: 0n }];
const NOTICE: Metadata = [{ key: 'roam-actors.notice', value: 'draining', flags: 0n }];
const OK: Metadata = [{ key: 'roam-actors.notice', value: 'ok', flags: 0n }];
const HEARS: Metadata = [{ key: 'roam-actors.notices', value: 1n, flags: 0n }];

describe('a session that is drained, of two sides that understand notices', () => {
  test('answers the calls at work, and tells the peer once, which sends no other call', async () => {
    const stage = await new Stage().start();
    const { client, server, clock } = stage;
    const work = await client.open(Work);
    const drains: unknown[] = [];
    client.on('draining', (event) => void drains.push(event));
    const first = track(work.do('first'));
    await settle();
    const drained = track(server.drain());
    await settle();
    expect([drains, client.isPeerDraining]).toEqual([[{ type: 'draining' }], true]);
    const message = 'the peer takes no more calls and opens in this session';
    expect(await errorOf(work.do('second'))).toMatchObject({ code: 'unavailable', ran: 'no', message });
    expect(await errorOf(client.open(Work))).toMatchObject({ code: 'unavailable', message });
    await clock.advance(10_000);
    expect([first.outcome, drained.outcome]).toEqual([undefined, undefined]);
    stage.finish('first');
    await settle();
    expect(first.outcome).toBe('first is done');
    // The peer has nothing left: it ends the session first.
    client.shutdown();
    await settle();
    expect(drained.outcome).toEqual({ answered: 1, refused: 0, cancelled: 0, channels: 0 });
    expect(await server.closed).toEqual({ cause: 'peer', by: 'peer' });
    expect([stage.begun, clock.size]).toEqual([['first'], 0]);
  });

  test('ends by itself a second after its work is done, if the peer stays', async () => {
    const { client, server, clock } = await new Stage().start();
    const drained = track(server.drain());
    await settle();
    await clock.advance(999);
    expect(drained.outcome).toBeUndefined();
    await clock.advance(1);
    expect(drained.outcome).toEqual({ answered: 0, refused: 0, cancelled: 0, channels: 0 });
    expect(await client.closed).toEqual({ cause: 'peer', by: 'peer' });
    expect(clock.size).toBe(0);
  });

  test('waits for calls of its own, and for channels', async () => {
    const stage = await new Stage().start();
    const { client, server, clock } = stage;
    const [tx, rx] = channel<number>();
    const sum = (await client.open(Work)).follow(rx);
    await settle();
    const drained = track(server.drain());
    await clock.advance(5_000);
    await tx.send(4);
    await tx.send(5);
    await tx.close();
    expect(await sum).toBe(9);
    client.shutdown();
    await settle();
    expect(drained.outcome).toEqual({ answered: 1, refused: 0, cancelled: 0, channels: 0 });
  });

  test('tells handlers at work, which may still call the peer', async () => {
    const stage = new Stage();
    await stage.start();
    const { client, server } = stage;
    client.root.serve(({ args }) => args);
    const work = await client.open(Work);
    const call = track(work.do('a'));
    await settle();
    const { draining, signal } = stage.contexts[0] as CallContext;
    expect(draining.aborted).toBe(false);
    const drained = track(server.drain());
    await settle();
    expect([draining.aborted, signal.aborted]).toEqual([true, false]);
    expect(draining.reason).toMatchObject({ code: 'unavailable' });
    expect((await server.root.caller().call(1n, bytes(7))).ret).toEqual(bytes(7));
    expect(await errorOf(server.open())).toMatchObject({ code: 'unavailable' });
    stage.finish('a');
    await settle();
    client.shutdown();
    await settle();
    expect([call.outcome, drained.outcome]).toEqual([
      'a is done',
      { answered: 1, refused: 0, cancelled: 0, channels: 0 },
    ]);
  });

  test('cancels the call of a handler that throws the reason of context.draining, and reports nothing', async () => {
    const reports: Report[] = [];
    const Wait = service('Wait', { wait: method<[], void>() });
    const handler = Wait.handler({
      wait: withContext(async ({ draining }) => {
        await once(draining, 'abort');
        draining.throwIfAborted();
      }),
    });
    const stage = await new Stage().start({
      notices: true,
      onConnection: routes([handler]),
      onReport: (report) => void reports.push(report),
    });
    const call = track((await stage.client.open(Wait)).wait());
    await settle();
    void stage.server.drain();
    await settle();
    expect([call.outcome, reports]).toEqual(['cancelled maybe', []]);
    stage.client.shutdown();
  });

  test('keeps no listener that a handler has left at context.draining', async () => {
    const Listen = service('Listen', { listen: method<[], void>() });
    const listeners: WeakRef<() => void>[] = [];
    const handler = Listen.handler({
      listen: withContext(({ draining }) => {
        const listener = (): void => {};
        draining.addEventListener('abort', listener);
        listeners.push(new WeakRef(listener));
      }),
    });
    const stage = await new Stage().start({ notices: true, onConnection: routes([handler]) });
    const client = await stage.client.open(Listen);
    for (let count = 0; count < 20; count++) await client.listen();
    for (let round = 0; round < 10 && listeners.some((one) => one.deref() !== undefined); round++) {
      await settle();
      collectGarbage();
    }
    expect(listeners.filter((one) => one.deref() !== undefined)).toEqual([]);
    stage.client.shutdown();
    await stage.server.closed;
  });

  test('fails the calls that wait for their turn in the peer, and nothing of them is sent', async () => {
    const stage = await new Stage().start({ notices: true, maxConcurrentRequests: 1 });
    const { client, server } = stage;
    server.root.serve(stage.handler);
    const work = Work.client(client.root);
    const calls = ['at work', 'waiting', 'waiting, too'].map((task) => track(work.do(task)));
    const last = errorOf(work.do('waiting, the last'));
    await settle();
    const drained = track(server.drain());
    await settle();
    expect(await last).toMatchObject({ message: 'the peer takes no more calls and opens in this session' });
    expect(calls.map(({ outcome }) => outcome)).toEqual([undefined, 'unavailable no', 'unavailable no']);
    stage.finish('at work');
    await settle();
    client.shutdown();
    await settle();
    expect(drained.outcome).toEqual({ answered: 1, refused: 0, cancelled: 0, channels: 0 });
    expect(stage.begun).toEqual(['at work']);
  });

  test('cancels what is left when the time is over, and ends also if a handler does not', async () => {
    const stage = await new Stage().start();
    const { client, server, clock } = stage;
    const work = await client.open(Work);
    const [tx, rx] = channel<number>();
    const calls = [track(work.do('deaf')), track(work.follow(rx))];
    await settle();
    const drained = track(server.drain({ timeout: 2_000 }));
    await clock.advance(1_999);
    expect(calls.map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
    await clock.advance(1);
    expect(calls.map(({ outcome }) => outcome)).toEqual(['cancelled maybe', 'cancelled maybe']);
    expect((stage.contexts[0] as CallContext).signal.reason).toMatchObject({ code: 'unavailable' });
    expect(await errorOf(tx.send(1))).toMatchObject({ code: 'channel-closed' });
    expect(drained.outcome).toBeUndefined();
    await clock.advance(1_000);
    expect(drained.outcome).toEqual({ answered: 0, refused: 0, cancelled: 2, channels: 1 });
    expect(clock.size).toBe(0);
  });

  test('ends before that second is over if the handlers do', async () => {
    const stage = await new Stage().start();
    const { client, server, clock } = stage;
    const call = track((await client.open(Work)).do('late'));
    await settle();
    const drained = track(server.drain({ timeout: 0 }));
    await clock.advance(0);
    stage.finish('late');
    await settle();
    expect([call.outcome, drained.outcome]).toEqual([
      'cancelled maybe',
      { answered: 0, refused: 0, cancelled: 1, channels: 0 },
    ]);
    client.shutdown();
  });

  test('is over within its time and two seconds if the peer reads nothing', async () => {
    const stage = await new Stage().start();
    const { client, server, clock, link } = stage;
    track((await client.open(Work)).do('a'));
    await settle();
    link.hold();
    const drained = track(server.drain({ timeout: 3_000 }));
    await clock.advance(4_999);
    expect(drained.outcome).toBeUndefined();
    await clock.advance(1);
    expect(drained.outcome).toEqual({ answered: 0, refused: 0, cancelled: 1, channels: 0 });
    expect((await server.closed).cause).toBe('shutdown');
    client.shutdown();
    await client.closed;
  });

  test('waits until its answers have left, however slowly its link takes them', async () => {
    const stage = await new Stage().start();
    const { client, server, clock, link } = stage;
    const call = track((await client.open(Work)).do('a'));
    await settle();
    const drained = track(server.drain());
    await settle();
    link.hold();
    stage.finish('a');
    await settle();
    await clock.advance(8_000);
    expect([call.outcome, drained.outcome]).toEqual([undefined, undefined]);
    link.take();
    await settle();
    expect(call.outcome).toBe('a is done');
    await clock.advance(1_100);
    expect(drained.outcome).toEqual({ answered: 1, refused: 0, cancelled: 0, channels: 0 });
    expect(clock.size).toBe(0);
  });

  test('ends soon after a link that was full has taken all that waited at once', async () => {
    const stage = await new Stage().start({ notices: true, limits: { outboxBytes: 1_000 } }, { notices: true });
    const { client, server, clock, link } = stage;
    const calls = ['a', 'b', 'c'].map(async (task) => track((await client.open(Work)).do(task)));
    await settle();
    link.hold();
    for (const task of ['a', 'b', 'c']) stage.finish(task, 'x'.repeat(600));
    const drained = track(server.drain({ timeout: 4_000 }));
    await settle();
    link.take();
    await settle();
    await clock.advance(1_100);
    expect(drained.outcome).toMatchObject({ cancelled: 0 });
    expect((await Promise.all(calls)).map(({ outcome }) => String(outcome).length)).toEqual([600, 600, 600]);
  });

  test('may be drained by both sides at once', async () => {
    const { client, server, clock } = await new Stage().start();
    const both = [track(server.drain()), track(client.drain())];
    await settle();
    await clock.advance(1_000);
    const nothing = { answered: 0, refused: 0, cancelled: 0, channels: 0 };
    expect(both.map(({ outcome }) => outcome)).toEqual([nothing, nothing]);
    expect(clock.size).toBe(0);
  });

  test.each([
    ['shortens the time of the first', 60_000, 5_000, 15_000],
    ['does not lengthen the time of the first', 20_000, 19_000, 20_000],
    ['ends the work at once with a time of 0', 20_000, 0, 10_000],
  ])('a second drain, ten seconds later, %s', async (_, first, second, over) => {
    const stage = await new Stage().start();
    const { client, server, clock } = stage;
    const call = track((await client.open(Work)).do('deaf'));
    await settle();
    const drains = [track(server.drain({ timeout: first }))];
    await settle();
    await clock.advance(10_000);
    drains.push(track(server.drain({ timeout: second })));
    await clock.advance(Math.max(0, over - 10_001));
    if (second > 0) expect(call.outcome).toBeUndefined();
    await clock.advance(1);
    expect(call.outcome).toBe('cancelled maybe');
    await clock.advance(1_000);
    const counts = { answered: 0, refused: 0, cancelled: 1, channels: 0 };
    expect(drains.map(({ outcome }) => outcome)).toEqual([counts, counts]);
    expect(clock.size).toBe(0);
  });

  test('waits for a call that it makes while the peer may end the session already', async () => {
    const stage = await new Stage().start();
    const { client, server, clock } = stage;
    client.root.serve(({ args }) => new Promise((resolve) => clock.setTimeout(() => resolve(args), 3_000)));
    const drained = track(server.drain());
    await settle();
    await clock.advance(200);
    const call = track(server.root.caller().call(1n, bytes(7)));
    await settle();
    await clock.advance(3_999);
    expect([call.outcome, drained.outcome]).toMatchObject([{ ret: bytes(7) }, undefined]);
    await clock.advance(1);
    expect(drained.outcome).toEqual({ answered: 0, refused: 0, cancelled: 0, channels: 0 });
    expect(clock.size).toBe(0);
  });

  test('waits for its decision on an open that came before', async () => {
    let decide = (_: { type: 'accept' }): void => {};
    const onConnection = () => new Promise<{ type: 'accept' }>((resolve) => (decide = resolve));
    const { client, server, clock } = await new Stage().start({ notices: true, onConnection });
    const opened = track(client.open());
    await settle();
    const drained = track(server.drain());
    await settle();
    await clock.advance(5_000);
    expect([opened.outcome, drained.outcome]).toEqual([undefined, undefined]);
    decide({ type: 'accept' });
    await settle();
    expect(opened.outcome).toMatchObject({ id: 1, isConnected: true });
    await clock.advance(1_000);
    expect(drained.outcome).toEqual({ answered: 0, refused: 0, cancelled: 0, channels: 0 });
    expect(clock.size).toBe(0);
  });

  describe('whose application reads a connection itself', () => {
    const read: Connection[] = [];
    const calls: number[] = [];

    /** A client's connection, which the application of the server reads. */
    async function start(options: StartOptions = {}) {
      const setup = async (connection: Connection): Promise<void> => {
        read.splice(0, 1, connection);
        calls.length = 0;
        for await (const { id } of connection) calls.push(id);
      };
      const onConnection = () => ({ type: 'accept', setup }) as const;
      const stage = await new Stage().start({ notices: true, onConnection, ...options }, { notices: true });
      const connection = await stage.client.open();
      const caller = connection.caller();
      return { ...stage, connection, call: () => track(caller.call(1n, bytes(1))) };
    }

    const answer = (id: number | undefined) => read[0]?.sendResponse(id as number, { ret: bytes(7) });

    test('waits for its answers, and counts them', async () => {
      const { server, clock, call } = await start();
      const answered = call();
      await settle();
      const drained = track(server.drain());
      await settle();
      await clock.advance(5_000);
      expect([answered.outcome, drained.outcome]).toEqual([undefined, undefined]);
      await answer(calls[0]);
      await settle();
      expect(answered.outcome).toMatchObject({ ret: bytes(7) });
      await clock.advance(1_000);
      expect(drained.outcome).toEqual({ answered: 1, refused: 0, cancelled: 0, channels: 0 });
    });

    test('takes two Responses to one call for one answer', async () => {
      const { server, clock, call } = await start();
      const [one, two] = [call(), call()];
      await settle();
      const drained = track(server.drain());
      await settle();
      await answer(calls[0]);
      await answer(calls[0]);
      await clock.advance(5_000);
      expect([one.outcome, two.outcome, drained.outcome]).toMatchObject([{ ret: bytes(7) }, undefined, undefined]);
      await answer(calls[1]);
      await settle();
      expect(two.outcome).toMatchObject({ ret: bytes(7) });
      await clock.advance(1_000);
      expect(drained.outcome).toEqual({ answered: 2, refused: 0, cancelled: 0, channels: 0 });
    });

    test('counts the calls as cancelled that are not answered when the time is over', async () => {
      const { server, clock, call } = await start();
      const [, two, three] = [call(), call(), call()];
      await settle();
      const drained = track(server.drain({ timeout: 2_000 }));
      await settle();
      await answer(calls[0]);
      await clock.advance(2_000);
      // An answer in the last second leaves, too, but came too late to count.
      await answer(calls[1]);
      await clock.advance(1_000);
      expect([two.outcome, three.outcome]).toMatchObject([{ ret: bytes(7) }, 'connection-closed maybe']);
      expect(drained.outcome).toEqual({ answered: 1, refused: 0, cancelled: 2, channels: 0 });
    });

    test.each([0, 2])('waits for answers beyond the limit of %i, also beside calls of its own', async (requests) => {
      const { server, clock, connection, call } = await start({ limits: { requests } });
      connection.serve(() => new Promise(() => {}));
      for (const id of [2, 4, 6]) {
        const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: bytes() } as const;
        await read[0]?.send({ type: 'RequestMessage', id, body });
      }
      const answered = [call(), call(), call()];
      await settle();
      // A failure that the application has noted stands for a Response.
      for (const id of [2, 4, 6]) read[0]?.markFailure(id, 'given up');
      const drained = track(server.drain());
      await settle();
      for (const id of calls.slice(0, 2)) await answer(id);
      await clock.advance(5_000);
      expect([calls.length, answered[2]?.outcome, drained.outcome]).toEqual([3, undefined, undefined]);
      await answer(calls[2]);
      await settle();
      expect(answered.map(({ outcome }) => outcome)).toMatchObject(answered.map(() => ({ ret: bytes(7) })));
      await clock.advance(1_000);
      expect(drained.outcome).toEqual({ answered: 3, refused: 0, cancelled: 0, channels: 0 });
    });

    test('waits for the Response to a call that it has sent itself', async () => {
      const { client, server, clock, connection } = await start();
      connection.serve(() => new Promise((resolve) => clock.setTimeout(() => resolve(bytes(3)), 3_000)));
      const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: bytes() } as const;
      await read[0]?.send({ type: 'RequestMessage', id: 2, body });
      await settle();
      const drained = track(server.drain());
      await settle();
      await clock.advance(2_999);
      expect([calls, drained.outcome]).toEqual([[], undefined]);
      await clock.advance(1);
      expect(calls).toEqual([2]);
      client.shutdown();
      await settle();
      expect(drained.outcome).toEqual({ answered: 0, refused: 0, cancelled: 0, channels: 0 });
      expect(clock.size).toBe(0);
    });
  });

  test.each(['gets a handler', 'is closed'] as const)(
    'waits for calls on a connection without a handler, until it %s',
    async (how) => {
      const accepted: Connection[] = [];
      const setup = (connection: Connection): void => void accepted.push(connection);
      const onConnection = () => ({ type: 'accept', setup }) as const;
      const { client, server, clock } = await new Stage().start({ notices: true, onConnection });
      const connection = await client.open();
      const call = track(connection.caller().call(1n, bytes(1)));
      await settle();
      const drained = track(server.drain());
      await settle();
      await clock.advance(5_000);
      expect([call.outcome, drained.outcome]).toEqual([undefined, undefined]);
      if (how === 'is closed') await accepted[0]?.close();
      else accepted[0]?.serve(() => bytes(7));
      await settle();
      const refused = how === 'is closed' ? 0 : 1;
      expect(call.outcome).toEqual(
        how === 'is closed' ? 'connection-closed maybe' : expect.objectContaining({ metadata: NOT_RUN }),
      );
      await clock.advance(1_000);
      expect(drained.outcome).toEqual({ answered: 0, refused, cancelled: 0, channels: 0 });
    },
  );

  test('is sent no Call by `send` either, once the peer has answered its notice', async () => {
    const stage = await new Stage().start();
    const { client, server } = stage;
    track((await client.open(Work)).do('a'));
    await settle();
    void server.drain();
    await settle();
    const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args: bytes() } as const;
    expect(await errorOf(client.root.send({ type: 'RequestMessage', id: 1, body }))).toMatchObject({
      code: 'unavailable',
      ran: 'no',
    });
    stage.finish('a');
    client.shutdown();
  });

  test.each([-1, Number.NaN, 2 ** 31, '5'])('refuses the timeout %s', async (timeout) => {
    const { client, server } = await new Stage().start();
    expect(await errorOf(server.drain({ timeout: timeout as number }))).toMatchObject({ code: 'invalid-argument' });
    expect(await errorOf(server.drain(5 as never))).toMatchObject({ code: 'invalid-argument' });
    client.shutdown();
    await server.closed;
  });
});

describe('a session that is drained, against a peer that the test plays', () => {
  let rig: Rig;
  let session: Session;

  async function serve(options: StartOptions = {}, metadata: Metadata = []): Promise<void> {
    rig = new Rig({ role: 'acceptor', ...options });
    rig.peer.say({ ...HELLO, metadata } as Message);
    session = await rig.starting;
    await rig.heard();
  }

  afterEach(async () => {
    session.shutdown();
    await session.closed;
    expect(rig.clock.size).toBe(0);
  });

  test('sends a peer that announced nothing no notice, and refuses its calls and opens', async () => {
    await serve();
    session.root.serve(() => {
      throw new Error('not to be called');
    });
    const drained = track(session.drain());
    await settle();
    expect(await rig.heard()).toEqual([]);
    expect(await rig.say(callOf(2, bytes(1)), openOf(2))).toEqual([
      responseOf(2, CANCELLED, [], NOT_RUN),
      {
        type: 'ConnectionReject',
        connectionId: 2,
        metadata: [...NOT_RUN, { key: 'reason', value: 'the peer takes no more connections', flags: 0n }],
      },
    ]);
    // It ends once no Call has come for 100 ms.
    await rig.clock.advance(99);
    expect(await rig.say(callOf(4, bytes(1)))).toEqual([responseOf(4, CANCELLED, [], NOT_RUN)]);
    await rig.clock.advance(99);
    expect(drained.outcome).toBeUndefined();
    await rig.clock.advance(1);
    expect(drained.outcome).toEqual({ answered: 0, refused: 3, cancelled: 0, channels: 0 });
    expect(await rig.heard()).toEqual([]);
  });

  test('rejects the opens of the Rust peer without metadata', async () => {
    await serve({ emptyRejects: true });
    track(session.drain());
    expect(await rig.say(openOf(2))).toEqual([{ type: 'ConnectionReject', connectionId: 2, metadata: [] }]);
  });

  test('answers a call with channels, and one that it refuses for other reasons, as ever', async () => {
    await serve({ conformance: 'strict' });
    session.root.serve(({ args }) => args);
    track(session.drain());
    expect(await rig.say(callOf(2, bytes(1), { channels: [2] }))).toEqual([responseOf(2, CANCELLED, [], NOT_RUN)]);
  });

  test('gives its own reason to the channels of calls that still wait for their turn when the time is over', async () => {
    await serve({});
    const caller = session.root.caller();
    // The first calls take all places.
    for (let taken = 0; taken < 64; taken++) {
      track(caller.call(1n, bytes()));
    }
    const [tx, rx] = channel<Uint8Array>();
    track(caller.call(1n, bytes(), { channels: [tx] }));
    const read = errorOf(rx[Symbol.asyncIterator]().next());
    track(session.drain({ timeout: 50 }));
    await rig.clock.advance(50);
    expect(await read).toMatchObject({ code: 'unavailable' });
  });

  test('sends its notice once, and goes on without an answer after five seconds', async () => {
    await serve({}, HEARS);
    const drained = track(session.drain({ timeout: 60_000 }));
    const notice = {
      type: 'ConnectionOpen',
      connectionId: 1,
      connectionSettings: { parity: 'odd', maxConcurrentRequests: 64 },
      metadata: NOTICE,
    };
    expect(await rig.heard()).toEqual([notice]);
    await rig.clock.advance(5_000 + 999);
    expect(drained.outcome).toBeUndefined();
    await rig.clock.advance(1);
    expect(drained.outcome).toEqual({ answered: 0, refused: 0, cancelled: 0, channels: 0 });
    expect(await rig.heard()).toEqual([]);
  });

  test('closes the connection of a peer that accepts the notice', async () => {
    await serve({}, HEARS);
    track(session.drain());
    await settle();
    await rig.heard();
    expect(await rig.say(acceptOf(1))).toEqual([{ type: 'ConnectionClose', connectionId: 1, metadata: [] }]);
    expect(session.connection(1)).toBeUndefined();
  });

  test('shows the application no key of this library', async () => {
    await serve({ notices: true, metadata: [{ key: 'name', value: 'us', flags: 0n }] }, [
      ...HEARS,
      { key: 'name', value: 'them', flags: 0n },
    ]);
    expect(session.root.peerMetadata).toEqual([{ key: 'name', value: 'them', flags: 0n }]);
  });

  test('announces that it understands notices behind the metadata of the application', async () => {
    rig = new Rig({ role: 'acceptor', notices: true, metadata: [{ key: 'name', value: 'us', flags: 0n }] });
    const heard = await rig.say(HELLO);
    session = await rig.starting;
    expect(heard).toMatchObject([
      { type: 'HelloYourself', metadata: [{ key: 'name', value: 'us', flags: 0n }, ...HEARS] },
    ]);
  });

  test('sends the calls that wait for room before its answer to a notice, and none behind', async () => {
    await serve({ limits: { outboxBytes: 1 } });
    const caller = session.root.caller();
    rig.link.hold();
    const calls = [1, 2, 3].map((byte) => track(caller.call(1n, bytes(byte))));
    await settle();
    rig.peer.say({ ...openOf(2), metadata: NOTICE } as Message);
    await settle();
    const late = track(caller.call(1n, bytes(4)));
    rig.link.take();
    await settle();
    const heard = await rig.heard();
    expect(heard.map(({ type }) => type)).toEqual([
      'RequestMessage',
      'RequestMessage',
      'RequestMessage',
      'ConnectionReject',
    ]);
    expect(heard[3]).toMatchObject({ connectionId: 2, metadata: OK });
    expect([late.outcome, calls[0]?.outcome]).toEqual(['unavailable no', undefined]);
  });
});

// D3: a drain ends in its time, and no peer holds it up. The time of the work here is 3 000 ms.
describe('the time of a drain is a bound', () => {
  const FOLLOW = callOf(2, bytes(1), { channels: [2] });

  interface Peer {
    /** What it does before the drain. */
    readonly before?: (rig: Rig, session: Session) => unknown;
    /** What it does every 50 ms from then on. */
    readonly meanwhile?: (rig: Rig, turn: number) => unknown;
  }

  const hold = ({ link }: Rig): void => link.hold();
  const peers: Readonly<Record<string, Peer>> = {
    'says nothing more': {},
    'reads nothing': { before: hold },
    'reads nothing, with a call at work': { before: (rig) => rig.say(callOf(2, bytes(1))).then(() => hold(rig)) },
    'reads nothing, and calls on and on': {
      before: hold,
      meanwhile: (rig, turn) => rig.say(callOf(2 * turn, bytes(1))),
    },
    'calls on and on': { meanwhile: (rig, turn) => rig.say(callOf(2 * turn, bytes(1))) },
    'opens on and on': { meanwhile: (rig, turn) => rig.say(openOf(2 * turn)) },
    'reads slower than it calls': {
      before: hold,
      meanwhile: async (rig, turn) => {
        await rig.say(callOf(2 * turn, bytes(1)));
        if (turn % 10 === 0) rig.link.takeFirst();
      },
    },
    'has a call at work that never ends': { before: (rig) => rig.say(callOf(2, bytes(1))) },
    'keeps a channel open': { before: (rig) => rig.say(FOLLOW) },
    'answers no call': { before: (_, { root }) => track(root.caller().call(1n, bytes())) },
    'answers no open': { before: (_, session) => track(session.open()) },
    'waits for the decision on its open': { before: (rig) => rig.say(openOf(2)) },
    'accepts the notice': { meanwhile: (rig, turn) => turn === 1 && rig.say(acceptOf(1)) },
  };

  test.each([
    // With the notice unanswered it waits for its time; without notices it ends 100 ms after the last Call.
    ['says nothing more', 3_000, 100],
    ['reads nothing', 5_000, 100],
    ['reads nothing, with a call at work', 5_000, 5_000],
    ['reads nothing, and calls on and on', 5_000, 5_000],
    ['calls on and on', 3_000, 3_000],
    ['opens on and on', 3_000, 3_000],
    ['reads slower than it calls', 5_000, 5_000],
    ['has a call at work that never ends', 4_000, 4_000],
    ['keeps a channel open', 4_000, 4_000],
    ['answers no call', 4_000, 4_000],
    ['answers no open', 3_000, 3_000],
    ['waits for the decision on its open', 3_000, 3_000],
    ['accepts the notice', 1_000, 100],
  ])('of a peer that %s: over after %i ms, or %i ms without notices', async (name, hears, without) => {
    const over: number[] = [];
    for (const metadata of [HEARS, []]) {
      const onConnection = (): Promise<never> => new Promise(() => {});
      const rig = new Rig({ role: 'acceptor', onConnection });
      rig.peer.say({ ...HELLO, metadata } as Message);
      const session = await rig.starting;
      session.root.serve(() => new Promise(() => {}));
      await rig.heard();
      const { before, meanwhile } = peers[name] as Peer;
      await before?.(rig, session);
      await settle();
      const drained = track(session.drain({ timeout: 3_000 }));
      await settle();
      for (let turn = 1; drained.outcome === undefined && rig.clock.now() < 60_000; turn++) {
        await meanwhile?.(rig, turn);
        await rig.clock.advance(50);
      }
      over.push(rig.clock.now());
      expect(rig.clock.size).toBe(0);
    }
    expect(over).toEqual([hears, without]);
  });
});

describe('metadata of an application', () => {
  test.each(['roam-actors.notice', 'roam-actors.not-run', 'roam-actors.anything'])(
    'may not have the key %s',
    async (key) => {
      const { client, server } = await new Stage().start();
      const metadata: Metadata = [
        { key: 'fine', value: 1n, flags: 0n },
        { key, value: 'x', flags: 0n },
      ];
      expect(await errorOf(client.open({ metadata }))).toMatchObject({
        code: 'invalid-argument',
        message: expect.stringContaining('metadata[1].key'),
      });
      client.shutdown();
      await server.closed;
    },
  );
});

describe('a handshake', () => {
  test('ends with a ProtocolError that says why if the acceptor drains', async () => {
    const [near, far] = memoryLinkPair();
    const controller = new AbortController();
    const accepting = errorOf(accept(far, { signal: controller.signal }));
    controller.abort(new Unavailable('the server is stopping'));
    expect(await errorOf(initiate(near))).toMatchObject({
      code: 'handshake',
      message: expect.stringContaining('refused.draining: '),
    });
    expect(await accepting).toMatchObject({
      code: 'handshake',
      message: 'refused.draining: this side takes no more sessions',
    });
  });
});
