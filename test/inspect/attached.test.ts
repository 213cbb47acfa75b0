import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { type AnyActorRef, createActor, createMachine, fromPromise } from 'xstate';
import { InvalidArgument } from '../../src/index.js';
import { createInspectorWith, type Inspector } from '../../src/inspect/inspector.js';
import type { InspectionRecord } from '../../src/inspect/record.js';
import type { SocketEvents } from '../../src/inspect/sender.js';
import { GREETING } from '../../src/inspect/stately.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import { observationOf } from '../../src/session/observation.js';
import type { Session } from '../../src/session/session.js';
import { settle } from '../support/settle.js';

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** An inspector and its server, in this process. The server listens when the test says so. */
class Rig {
  readonly inspector: Inspector;
  readonly filter = jest.fn(() => true);
  readonly told: InspectionRecord[] = [];
  readonly reports: string[] = [];
  #events: SocketEvents | undefined;

  constructor() {
    const connect = (_: string, events: SocketEvents) => {
      this.#events = events;
      const send = (text: string) => void this.told.push(...(JSON.parse(text) as InspectionRecord[]));
      return { bufferedAmount: 0, send, close: () => events.closed() };
    };
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance'] });
    endings.push(() => jest.useRealTimers());
    const self = () => ({ name: 'test', runtime: 'node' }) as const;
    const onReport = (text: string) => void this.reports.push(text);
    this.inspector = createInspectorWith({ connect, self }, { url: 'ws://127.0.0.1:1', filter: this.filter, onReport });
    // No server is listening.
    this.#events?.closed();
    endings.push(() => this.inspector.stop());
  }

  /** Starts the server. */
  listen(): void {
    jest.advanceTimersByTime(60_000);
    this.#events?.opened();
    this.#events?.message(GREETING);
    this.flush();
  }

  /** Stops the server. */
  hangUp(): void {
    this.#events?.closed();
  }

  flush(): void {
    jest.advanceTimersByTime(20);
  }

  /** Returns the actors in the records: their ids, and their states at that time. */
  actors(): [string, unknown][] {
    this.flush();
    return this.told.flatMap((each): [string, unknown][] =>
      each.kind === 'actor' ? [[each.part?.part === 'session' ? each.part.role : each.id, each.snapshot.value]] : [],
    );
  }
}

async function pair(inspect: Inspector['inspect'] | undefined): Promise<[Session, Session]> {
  const [left, right] = memoryLinkPair();
  const options = inspect === undefined ? {} : { inspect };
  const sessions = await Promise.all([
    initiate(left, options),
    accept(right, { ...options, onConnection: () => ({ type: 'accept', setup: () => {} }) }),
  ]);
  endings.push(async () => {
    sessions[0].shutdown();
    await Promise.all(sessions.map(({ closed }) => closed));
  });
  return sessions;
}

/** Returns a function that counts our observers of the actor's system, from now on and beginning at 0. */
function observersOf(actor: AnyActorRef): () => number {
  let count = 0;
  const { system } = actor;
  const inspect = system.inspect.bind(system);
  system.inspect = (observer) => {
    const { unsubscribe } = inspect(observer);
    count++;
    return {
      unsubscribe: () => {
        count--;
        unsubscribe();
      },
    };
  };
  return () => count;
}

const inner = createMachine({
  id: 'inner',
  initial: 'on',
  states: { on: { on: { end: 'off' } }, off: { type: 'final' } },
});
const outer = createMachine({
  id: 'outer',
  initial: 'busy',
  states: {
    busy: {
      invoke: [
        { id: 'inner', src: inner, onDone: 'idle' },
        { id: 'promise', src: fromPromise(() => new Promise(() => {})) },
      ],
    },
    idle: {},
  },
});

function started(inspector: Inspector) {
  const actor = createActor(outer);
  inspector.attach(actor);
  endings.push(() => actor.stop());
  return actor.start();
}

describe('an inspector without a listener', () => {
  test('observes no session, and comes and goes with who listens', async () => {
    const rig = new Rig();
    const [near] = await pair(rig.inspector.inspect);
    const observers = observersOf(near.actor);
    const counts: number[] = [];
    await near.open();
    expect([rig.filter.mock.calls, rig.told]).toEqual([[], []]);
    for (let n = 0; n < 2; n++) {
      rig.listen();
      counts.push(observers());
      rig.hangUp();
      counts.push(observers());
    }
    const { length } = rig.told;
    await near.open();
    rig.flush();
    expect([rig.filter.mock.calls, rig.told.length - length]).toEqual([[], 0]);
    expect(counts).toEqual([1, 0, 1, 0]);
  });

  test('tells a late viewer of every actor that runs, parents first, and of what follows', async () => {
    const rig = new Rig();
    const [near] = await pair(rig.inspector.inspect);
    const one = await near.open();
    await near.open();
    await one.close();
    rig.listen();
    const regions = {
      ...{ root: 'held', inbound: 'reading', outbound: 'flowing', deadlines: 'idle', liveness: 'unwatched' },
      ...{ intake: 'taking', renewal: 'settled' },
    };
    const running = { running: regions };
    const side = (role: string) => [
      [role, running],
      ['0', 'active'],
      ['3', 'active'],
    ];
    expect(rig.actors()).toEqual([...side('initiator'), ...side('acceptor')]);
    const keys = new Set<string>();
    for (const record of rig.told) {
      if (record.kind !== 'actor') continue;
      if (record.parent !== undefined) expect(keys).toContain(record.parent);
      keys.add(record.actor);
    }
    await near.open();
    rig.flush();
    const opened = rig.told.flatMap((each) =>
      each.kind === 'wire' ? [[each.direction, each.connection, each.message]] : [],
    );
    expect(opened.sort()).toEqual([
      ['received', 5, 'ConnectionAccept'],
      ['received', 5, 'ConnectionOpen'],
      ['sent', 5, 'ConnectionAccept'],
      ['sent', 5, 'ConnectionOpen'],
    ]);
  });

  test('tells it of calls in progress, and holds none that are over', async () => {
    const rig = new Rig();
    const [near, far] = await pair(rig.inspector.inspect);
    let answer: (bytes: Uint8Array) => void = () => {};
    far.root.serve(({ args }) => (args.length === 0 ? args : new Promise((resolve) => (answer = resolve))));
    await near.root.caller().call(1n, new Uint8Array(0));
    const calling = near.root.caller().call(1n, new Uint8Array(1));
    await near.root.caller().call(1n, new Uint8Array(0));
    const held = () => [near, far].map(({ actor }) => observationOf(actor.system)?.steppers.length);
    // Each connection has one chart of all its calls, for as long as it lives.
    expect(held()).toEqual([2, 2]);
    rig.listen();
    expect(rig.actors().filter(([id]) => /-/.test(id))).toEqual([
      ['calls-0', 'open'],
      ['outgoingCall-3', 'inFlight'],
      ['calls-0', 'open'],
      ['incomingCall-3', 'received'],
    ]);
    answer(new Uint8Array(1));
    await calling;
    rig.flush();
    const told = rig.told.flatMap((each) => (each.kind === 'snapshot' ? [[each.event, each.snapshot.value]] : []));
    expect(told).toEqual([
      ['response.sent', 'open'],
      ['app.reply', 'answered'],
      ['rx.Response', 'settled'],
      ['call.done', 'open'],
    ]);
    expect(held()).toEqual([1, 1]);
  });

  test('holds the calls that are left, in any order of ends', async () => {
    const rig = new Rig();
    const [near, far] = await pair(rig.inspector.inspect);
    const answers: ((bytes: Uint8Array) => void)[] = [];
    far.root.serve(() => new Promise((resolve) => answers.push(resolve)));
    const caller = near.root.caller();
    const calls = [1, 2, 3, 4].map(() => caller.call(1n, new Uint8Array(1)));
    const held = ({ actor }: typeof near) =>
      observationOf(actor.system)
        ?.steppers.map(({ stepper }) => (stepper.context as { port: { id: number } }).port.id)
        .sort();
    await settle();
    // 0 is the chart of all calls, named after the root connection.
    for (const [index, left] of [
      [1, [0, 1, 5, 7]],
      [3, [0, 1, 5]],
      [0, [0, 5]],
      [2, [0]],
    ] as const) {
      answers[index]?.(new Uint8Array(1));
      await calls[index];
      expect([held(near), held(far)]).toEqual([left, left]);
    }
  });

  test('holds no call longer than its handler runs, and tells of none once the session has ended', async () => {
    const rig = new Rig();
    const [near, far] = await pair(rig.inspector.inspect);
    let answer: (bytes: Uint8Array) => void = () => {};
    far.root.serve(() => new Promise((resolve) => (answer = resolve)));
    const calling = near.root.caller().call(1n, new Uint8Array(1));
    near.shutdown();
    await expect(calling).rejects.toThrow();
    await Promise.all([near.closed, far.closed]);
    rig.listen();
    expect(rig.actors()).toEqual([]);
    const held = () => [near, far].map(({ actor }) => observationOf(actor.system)?.steppers.length);
    expect(held()).toEqual([0, 1]);
    answer(new Uint8Array(1));
    await near.closed;
    expect(held()).toEqual([0, 0]);
  });
});

describe('an actor that an inspector is attached to', () => {
  const whole = [
    ['outer', 'busy'],
    ['inner', 'on'],
    ['promise', undefined],
  ];

  test('is shown with its children, whether it has started by then or not', () => {
    const rig = new Rig();
    started(rig.inspector);
    rig.listen();
    started(rig.inspector);
    const late = createActor(outer).start();
    rig.inspector.attach(late);
    endings.push(() => late.stop());
    expect(rig.actors().map(([id, value]) => [id.startsWith('x:') ? 'outer' : id, value])).toEqual([
      ...whole,
      ...whole,
      ...whole,
    ]);
  });

  test('is shown once, however often it is attached, and where XState was told of us, too', () => {
    const rig = new Rig();
    const { attach, inspect } = rig.inspector;
    const [one, other] = [started(rig.inspector), createActor(outer, { inspect }).start()];
    endings.push(() => other.stop());
    const child = one.getSnapshot().children['inner'] as AnyActorRef;
    const observers = [observersOf(one), observersOf(other)];
    for (const actor of [one, child, other]) attach(actor);
    rig.listen();
    expect(observers.map((count) => count())).toEqual([1, 0]);
    child.send({ type: 'end' });
    expect(rig.actors()).toHaveLength(6);
    expect(rig.told.filter(({ kind }) => kind === 'event')).toHaveLength(2);
  });

  test('is seen no more once the inspector has stopped, and not by one that has', async () => {
    const rig = new Rig();
    rig.listen();
    const one = started(rig.inspector);
    const { system } = one;
    expect(observationOf(system)?.listeners).toBe(1);
    const stopping = rig.inspector.stop();
    expect(observationOf(system)?.listeners).toBe(0);
    await stopping;
    const { length } = rig.told;
    const other = started(rig.inspector);
    expect(observationOf(other.system)).toBeUndefined();
    rig.flush();
    expect(rig.told.length).toBe(length);
  });

  test('is not told of once it has ended, though a listener came before', () => {
    const rig = new Rig();
    for (let n = 0; n < 100; n++) started(rig.inspector).stop();
    rig.listen();
    const ending = started(rig.inspector);
    rig.hangUp();
    ending.stop();
    rig.inspector.attach(createActor(outer).start().stop());
    started(rig.inspector);
    rig.told.length = 0;
    rig.listen();
    rig.inspector.attach(createActor(outer).start().stop());
    expect(rig.actors()).toHaveLength(3);
  });

  test.each([undefined, {}, { getSnapshot: () => {} }, 'actor'])('is refused where it is none: %j', (actor) => {
    const rig = new Rig();
    expect(() => rig.inspector.attach(actor as never)).toThrow(InvalidArgument);
  });
});
