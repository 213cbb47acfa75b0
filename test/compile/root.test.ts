import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import {
  Actor,
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  assign,
  cancel,
  createActor,
  emit,
  fromCallback,
  type InspectionEvent,
  raise,
  SimulatedClock,
  setup,
} from 'xstate';
import { createRoot } from '../../src/compile/internals.js';

const count = {} as { count: number };

const ROOT = setup({
  types: { context: count, input: count, events: {} as AnyEventObject },
  actors: { child: fromCallback(({ sendBack }) => sendBack({ type: 'hello' })) },
}).createMachine({
  id: 'root',
  context: ({ input }) => ({ count: input.count }),
  invoke: { id: 'child', src: 'child', systemId: 'the child' },
  on: {
    add: { actions: [assign({ count: ({ context }) => context.count + 1 }), emit({ type: 'added' })] },
    wait: { actions: raise({ type: 'add' }, { delay: 5, id: 'soon' }) },
    linger: { actions: raise({ type: 'add' }, { delay: 50 }) },
    hurry: { actions: cancel('soon') },
    fail: {
      actions: () => {
        throw new Error('the action failed');
      },
    },
  },
  initial: 'at work',
  states: {
    'at work': { after: { 10: { actions: emit({ type: 'late' }) } }, on: { end: 'over' } },
    over: { type: 'final' },
  },
  output: ({ context }) => context.count,
});

type Create = (input: { count: number }, clock: SimulatedClock) => Actor<typeof ROOT>;

const ours: Create = (input, clock) => createRoot(ROOT, { input, clock });
const theirs: Create = (input, clock) => createActor(ROOT, { input, clock });

/** The parts of a system beyond XState's types. */
interface System {
  getSnapshot(): { readonly _scheduledEvents: Readonly<Record<string, { readonly startedAt: number }>> };
}

/** Plays the same script on a root that was made one way or the other, and returns all that can be seen of it. */
function play(create: Create, script: (root: Actor<typeof ROOT>, clock: SimulatedClock) => void) {
  const seen: unknown[] = [];
  const clock = new SimulatedClock();
  const root = create({ count: 1 }, clock);
  const { system } = root;
  // XState's functions need no `this`.
  const { get, getAll, inspect } = system;
  const { getSnapshot } = system as unknown as System;
  // XState binds `send` for each actor, and a root of ours when it is asked for.
  seen.push(Object.keys(root).filter((key) => key !== 'send'));
  seen.push(Object.keys((root as unknown as { options: object }).options), root.id === root.sessionId);
  const observer = { next: (event: InspectionEvent) => seen.push(shown(event, root)) };
  inspect(observer);
  const again = inspect(observer);
  const subscription = inspect((event) => seen.push(['heard', event.type]));
  root.subscribe({
    next: (snapshot) => seen.push(['next', snapshot]),
    error: (error) => seen.push(['error', String(error)]),
    complete: () => seen.push('complete'),
  });
  for (const type of ['added', 'late']) root.on(type as never, (event) => seen.push([type, event]));
  const look = () => {
    const { _scheduledEvents: waiting } = getSnapshot();
    seen.push(
      Object.entries(waiting).map(([key, of]) => [
        key.replace(/^x:\d+/, ''),
        { ...of, startedAt: typeof of.startedAt },
      ]),
    );
    seen.push(Object.keys(getAll()), (get('the child') as AnyActorRef | undefined)?.id);
  };
  look();
  script(root, clock);
  look();
  again.unsubscribe();
  subscription.unsubscribe();
  if (root.getSnapshot().status === 'active') root.send({ type: 'add' });
  look();
  seen.push(root.getSnapshot(), root, root.getPersistedSnapshot());
  root.stop();
  look();
  // The ids of sessions differ.
  return JSON.parse(JSON.stringify(seen).replaceAll(/x:\d+/g, 'x:?')) as unknown;
}

/** An inspection event without its actors, which have other session ids. */
function shown(event: InspectionEvent, root: AnyActorRef) {
  const { type, event: about, sourceRef, snapshot, action } = event as InspectionEvent & Record<string, unknown>;
  const { actorRef, rootId } = event;
  const who = [actorRef === root, (sourceRef as AnyActorRef | undefined) === root, rootId === root.sessionId];
  return [type, who, about, (snapshot as AnyMachineSnapshot)?.value, action];
}

const SCRIPTS: Readonly<Record<string, Parameters<typeof play>[1]>> = {
  'that is never started': (root) => root.send({ type: 'add' }),
  'that gets events, and ends': (root) => {
    root.start();
    const { send } = root;
    for (const type of ['add', 'unknown', 'add', 'end']) send({ type });
  },
  'that throws': (root) => {
    root.start();
    root.send({ type: 'fail' });
  },
  'whose time passes': (root, clock) => {
    root.start();
    root.send({ type: 'wait' });
    root.send({ type: 'wait' });
    clock.increment(5);
    clock.increment(5);
  },
  'that calls its timers off': (root, clock) => {
    root.start();
    for (const type of ['wait', 'hurry', 'hurry', 'linger']) root.send({ type });
    clock.increment(9);
  },
  'that is stopped': (root, clock) => {
    root.start();
    root.send({ type: 'wait' });
    root.stop();
    clock.increment(10);
  },
};

// XState makes the id of an event that has none of it.
beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0.1);
});
afterEach(() => {
  jest.restoreAllMocks();
});

test.each(Object.entries(SCRIPTS))('a root %s is the same as one of createActor', (_, script) => {
  expect(play(ours, script)).toEqual(play(theirs, script));
});

test('a root is an actor of XState, with the real clock unless it is given another one', () => {
  jest.useFakeTimers();
  try {
    const late = jest.fn();
    const root = createRoot(ROOT, { input: { count: 1 } });
    root.on('late' as never, late);
    root.start();
    jest.advanceTimersByTime(10);
    root.stop();
    expect(root).toBeInstanceOf(Actor);
    expect(late.mock.calls).toEqual([[{ type: 'late' }]]);
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

test('two actors of a system can not have one name', () => {
  for (const create of [ours, theirs]) {
    const root = create({ count: 1 }, new SimulatedClock()).start();
    const twin = { systemId: 'the child', parent: root } as never;
    expect(() => createActor(ROOT, twin)).toThrow("Actor with system ID 'the child' already exists.");
    root.stop();
    expect(root.system.get('the child')).toBeUndefined();
  }
});
