import { describe, expect, test } from '@jest/globals';
import { assign, createActor, createMachine, fromPromise, SimulatedClock, setup } from 'xstate';
import { InvalidArgument } from '../../src/index.js';
import { doneEvent, errorEvent, paths, serializeSnapshot } from '../../src/testing/index.js';

const door = createMachine({
  id: 'door',
  initial: 'closed',
  states: { closed: { on: { open: 'opened' } }, opened: { on: { close: 'closed' }, after: { 5000: 'closed' } } },
});

/** Everything in XState 5 that a graph has to handle: `after` by name, `invoke`, guards, context, input. */
const loader = setup({
  types: {
    context: {} as { tries: number; patience: number; seen: Set<bigint> },
    events: {} as { type: 'load' } | { type: 'cancel' } | { type: 'see'; what: bigint },
    input: {} as { patience: number },
  },
  actors: { fetch: fromPromise(() => new Promise<number>(() => {})) },
  guards: { mayRetry: ({ context }) => context.tries < 2 },
  delays: { patience: ({ context }) => context.patience },
}).createMachine({
  id: 'loader',
  context: ({ input }) => ({ tries: 0, patience: input.patience, seen: new Set() }),
  initial: 'idle',
  states: {
    idle: {
      on: { load: 'loading', see: { actions: assign({ seen: ({ event }) => new Set([event.what]) }) } },
    },
    loading: {
      entry: assign({ tries: ({ context }) => context.tries + 1 }),
      invoke: {
        id: 'fetch',
        src: 'fetch',
        onDone: 'loaded',
        onError: [{ guard: 'mayRetry', target: 'idle' }, { target: 'failed' }],
      },
      after: { patience: 'failed' },
      on: { load: {}, cancel: 'failed' },
    },
    loaded: { type: 'final' },
    failed: { type: 'final' },
  },
});

const EVENTS = [
  { type: 'load' },
  { type: 'cancel' },
  doneEvent('fetch', 1),
  errorEvent('fetch', new Error('no')),
] as const;

/** Counts down: its states are named after numbers in reverse order. */
const countdown = createMachine({
  id: 'countdown',
  types: { context: {} as { left: number } },
  context: { left: 2 },
  on: {
    tick: { guard: ({ context }) => context.left > 0, actions: assign({ left: ({ context }) => context.left - 1 }) },
  },
});

describe('paths', () => {
  test('begin where the machine does, also if the text of its states looks like data', () => {
    const serialize = ({ context }: { context: { left: number } }) => String(context.left);
    const found = paths(countdown, { events: [{ type: 'tick' }], serialize, nameState: serialize });
    expect(found.map(({ name }) => name)).toEqual([
      'countdown: → 2',
      'countdown: 2 + tick → 1',
      'countdown: 1 + tick → 0',
    ]);
  });

  test('go to every state and through every transition, each with a name of its own', () => {
    const found = paths(door, { events: [{ type: 'open' }, { type: 'close' }] });
    expect(found.map(({ name, isShortest, steps }) => [name, isShortest, steps.length])).toEqual([
      ['door: → closed', true, 0],
      ['door: closed + open → opened', true, 1],
      ['door: opened + close → closed', false, 2],
      ['door: opened + xstate.after.5000.door.opened → closed', false, 2],
    ]);
  });

  test('know guards, context, input, and what invoked actors come to', () => {
    const found = paths(loader, { events: EVENTS, input: { patience: 70 } });
    expect(found.map(({ name }) => name)).toEqual([
      'loader: → idle',
      'loader: idle + load → loading',
      'loader: loading + load → loading',
      'loader: loading + cancel → failed',
      'loader: loading + xstate.done.actor.fetch → loaded',
      'loader: loading + xstate.error.actor.fetch → idle',
      'loader: loading + xstate.after.patience.loader.loading → failed',
      'loader: idle + load → loading (2)',
      'loader: loading + load → loading (2)',
      'loader: loading + cancel → failed (2)',
      'loader: loading + xstate.done.actor.fetch → loaded (2)',
      'loader: loading + xstate.error.actor.fetch → failed',
      'loader: loading + xstate.after.patience.loader.loading → failed (2)',
    ]);
    expect(found.flatMap(({ steps }) => steps.at(-1)?.delay ?? [])).toEqual([70, 70]);
  });

  test('are the same whenever they are asked for', () => {
    const options = { events: EVENTS, input: { patience: 70 } };
    expect(paths(loader, options).map(({ name }) => name)).toEqual(paths(loader, options).map(({ name }) => name));
  });

  test('lead a running machine where they say', () => {
    for (const { name, start, steps } of paths(loader, { events: EVENTS, input: { patience: 70 } })) {
      const clock = new SimulatedClock();
      const actor = createActor(loader, { clock, input: { patience: 70 } }).start();
      expect({ name, value: actor.getSnapshot().value }).toEqual({ name, value: start.value });
      for (const { event, delay, snapshot } of steps) {
        if (delay === undefined) actor.send(event as never);
        else clock.increment(delay);
        expect({ name, value: actor.getSnapshot().value }).toEqual({ name, value: snapshot.value });
      }
      actor.stop();
    }
  });

  test('tell states apart by everything in a context, also what JSON has no word for', () => {
    const events = [
      { type: 'see', what: 1n },
      { type: 'see', what: 2n },
    ] as const;
    const found = paths(loader, { events, input: { patience: 70 } });
    const reached = found.filter(({ isShortest }) => isShortest);
    expect(reached.map(({ start, steps }) => (steps.at(-1)?.snapshot ?? start).context.seen)).toEqual([
      new Set(),
      new Set([1n]),
      new Set([2n]),
    ]);
  });

  test('take events as a function of the state, and names for states and events', () => {
    const found = paths(door, {
      events: (snapshot) => [{ type: snapshot.matches('closed') ? 'open' : 'close' }],
      nameState: (snapshot) => (snapshot.matches('closed') ? 'shut' : 'ajar'),
      nameEvent: ({ type }) => type.toUpperCase(),
    });
    expect(found.map(({ name }) => name)).toEqual([
      'door: → shut',
      'door: shut + OPEN → ajar',
      'door: ajar + CLOSE → shut',
      'door: ajar + XSTATE.AFTER.5000.DOOR.OPENED → shut',
    ]);
  });

  test('stay within the filter, and see as one what serialises alike', () => {
    const serialize = ({ value }: { value: unknown }) => JSON.stringify(value);
    const options = { events: EVENTS, input: { patience: 70 }, serialize };
    expect(paths(loader, options)).toHaveLength(7);
    const filtered = paths(loader, { ...options, filter: (snapshot) => !snapshot.matches('failed') });
    expect(filtered.map(({ name }) => name)).toEqual(
      paths(loader, options)
        .map(({ name }) => name)
        .filter((name) => !name.endsWith('failed')),
    );
    expect(paths(loader, { ...options, filter: () => false })).toEqual([]);
  });

  test('are refused to a machine without end, by a text that says what to do', () => {
    const counter = createMachine({
      id: 'counter',
      context: { count: 0 },
      on: { more: { actions: assign({ count: ({ context }) => context.count + 1 }) } },
    });
    expect(() => paths(counter, { events: [{ type: 'more' }], limit: 50 })).toThrow(
      'counter has more than 50 transitions: bound its states by serialize or filter',
    );
    expect(paths(counter, { events: [{ type: 'more' }], filter: ({ context }) => context.count < 3 })).toHaveLength(3);
  });

  test.each<[machine: unknown, options: unknown, message: string]>([
    [undefined, { events: [] }, 'paths are those of a state machine, as createMachine gives it'],
    [{ id: 'door', states: {} }, { events: [] }, 'paths are those of a state machine, as createMachine gives it'],
    [loader, undefined, 'paths needs options: { events }'],
    [loader, {}, "events must be a list of events, such as [{ type: 'open' }], or a function that gives one"],
    [
      loader,
      { events: ['open'] },
      "events must be a list of events, such as [{ type: 'open' }], or a function that gives one",
    ],
    [loader, { events: [], filter: 'failed' }, 'filter must be a function, not failed'],
    [loader, { events: [], limit: 0 }, 'limit must be an integer of at least 1, not 0'],
  ])('are refused to what is no machine, and to options that are none: %#', (machine, options, message) => {
    expect(() => paths(machine as never, options as never)).toThrow(new InvalidArgument(message));
  });

  test('compare snapshots with their keys in any order', () => {
    expect(serializeSnapshot({ value: 'a', context: { b: 1n, c: new Map([[1, 2]]) } })).toBe(
      serializeSnapshot({ value: 'a', context: { c: new Map([[1, 2]]), b: 1n } }),
    );
  });
});
