import { expect, jest, test } from '@jest/globals';
import {
  Actor,
  type AnyActorRef,
  type AnyEventObject,
  type AnyMachineSnapshot,
  assign,
  createActor,
  createMachine,
  emit,
  type InspectionEvent,
  SimulatedClock,
  sendParent,
  setup,
} from 'xstate';
import { type ChildOptions, createChild } from '../../src/compile/internals.js';

const count = {} as { count: number };

const CHILD = setup({ types: { context: count, input: count, events: {} as AnyEventObject } }).createMachine({
  id: 'child',
  context: ({ input }) => ({ count: input.count }),
  entry: sendParent({ type: 'hello' }),
  on: {
    add: { actions: [assign({ count: ({ context }) => context.count + 1 }), emit({ type: 'added' })] },
    custom: {
      actions: ({ event }) => {
        if (event['isWrong'] === true) throw new Error('the action failed');
      },
    },
    tell: { actions: sendParent({ type: 'told' }) },
    'xstate.after.10.child': {},
  },
  after: { 10: { actions: emit({ type: 'late' }) } },
  initial: 'at work',
  states: { 'at work': { on: { end: 'over' } }, over: { type: 'final' } },
  output: ({ context }) => context.count,
});

type Create = (logic: typeof CHILD, options: ChildOptions) => AnyActorRef;

const theirs: Create = (logic, options) => createActor(logic, options as never);

/** Plays the same script on a child that was made one way or the other, and returns all that can be seen of it. */
function play(create: Create, script: (child: AnyActorRef, root: AnyActorRef, clock: SimulatedClock) => void) {
  const seen: unknown[] = [];
  const clock = new SimulatedClock();
  const root = createActor(
    createMachine({ id: 'root', on: { '*': { actions: ({ event }) => seen.push(['root got', { ...event }]) } } }),
    { id: 'root', clock, inspect: (event) => seen.push(shown(event)) },
  ).start();
  const child = create(CHILD, { id: 'one', parent: root, input: { count: 1 } });
  // XState binds `send` for each actor, and a child when it is asked for.
  seen.push(Object.keys(child).filter((key) => key !== 'send'));
  seen.push(Object.keys((child as unknown as { options: object }).options));
  child.subscribe({
    next: (snapshot) => seen.push(['next', snapshot]),
    error: (error) => seen.push(['error', String(error)]),
    complete: () => seen.push('complete'),
  });
  for (const type of ['added', '*']) child.on(type, (event) => seen.push([type, event]));
  script(child, root, clock);
  seen.push(child.getSnapshot(), child);
  // In JSON an actor is its id alone.
  return JSON.parse(JSON.stringify(seen)) as unknown;
}

/** An inspection event without its actors, which have other session ids. */
function shown(event: InspectionEvent) {
  const { type, event: about, sourceRef, snapshot, action } = event as InspectionEvent & Record<string, unknown>;
  const { id } = event.actorRef as AnyActorRef;
  return [type, id, about, (sourceRef as AnyActorRef | undefined)?.id, (snapshot as AnyMachineSnapshot)?.value, action];
}

const stopBy = (parent: AnyActorRef, child: AnyActorRef) =>
  (parent as unknown as { _actorScope: { stopChild(child: AnyActorRef): void } })._actorScope.stopChild(child);

const SCRIPTS: Readonly<Record<string, Parameters<typeof play>[1]>> = {
  'that is never started': (child) => child.send({ type: 'add' }),
  'that gets events, and ends': (child) => {
    child.start();
    const { send } = child;
    for (const type of ['add', 'custom', 'tell', 'unknown', 'add', 'end']) send({ type });
  },
  'that throws': (child) => {
    child.start();
    child.send({ type: 'custom', isWrong: true });
  },
  'whose time passes': (child, _, clock) => {
    child.start();
    clock.increment(10);
  },
  'that its parent stops': (child, root, clock) => {
    child.start();
    stopBy(root, child);
    clock.increment(10);
  },
};

test.each(Object.entries(SCRIPTS))('a child %s is the same as one of createActor', (_, script) => {
  expect(play(createChild, script)).toEqual(play(theirs, script));
});

test('a child is an actor of XState, and its listeners are its own', () => {
  const root = createActor(createMachine({})).start();
  const [one, other] = ['one', 'other'].map((id) => createChild(CHILD, { id, parent: root, input: { count: 1 } }));
  const heard: string[] = [];
  one?.subscribe(() => heard.push('next of one'));
  one?.on('added', () => heard.push('added of one'));
  one?.start();
  other?.start();
  other?.send({ type: 'add' });
  expect(other).toBeInstanceOf(Actor);
  expect(heard).toEqual(['next of one']);
});

test('the send of a child is one function, which may be replaced', () => {
  const root = createActor(createMachine({})).start();
  for (const create of [createChild, theirs]) {
    const child = create(CHILD, { id: 'one', parent: root, input: { count: 1 } });
    const { send } = child;
    expect(child.send).toBe(send);
    child.start();
    send({ type: 'add' });
    expect((child.getSnapshot() as AnyMachineSnapshot).context).toEqual({ count: 2 });
    child.send = jest.fn();
    child.send({ type: 'add' });
    expect([(child.getSnapshot() as AnyMachineSnapshot).context, child.send]).toEqual([{ count: 2 }, child.send]);
    expect(child.send).not.toBe(send);
  }
});

test('a child stops no actor of another parent', () => {
  const root = createActor(createMachine({})).start();
  const child = createChild(CHILD, { id: 'one', parent: root, input: { count: 1 } });
  expect(() => stopBy(child, root)).toThrow(`Cannot stop child actor ${root.id} of one because it is not a child`);
});

test('a listener of a child that throws stops no other one, and the process hears of it', () => {
  jest.useFakeTimers();
  try {
    const root = createActor(createMachine({})).start();
    const child = createChild(CHILD, { id: 'one', parent: root, input: { count: 1 } });
    child.start();
    const heard = jest.fn();
    child.on('added', () => {
      throw new Error('the listener failed');
    });
    child.on('added', heard);
    child.send({ type: 'add' });
    expect(heard.mock.calls).toEqual([[{ type: 'added' }]]);
    expect(() => jest.runAllTimers()).toThrow('the listener failed');
  } finally {
    jest.useRealTimers();
  }
});

test('an action of a child that is no function fails it, as on XState', () => {
  const seen = [createChild, theirs].map((create) => {
    const root = createActor(createMachine({})).start();
    const wrong = createMachine({ on: { go: { actions: 'note' } } }).provide({ actions: { note: {} } } as never);
    const child = create(wrong as never, { id: 'one', parent: root } as never);
    const errors: unknown[] = [];
    child.subscribe({ error: (error: unknown) => errors.push(error) } as never);
    child.start();
    child.send({ type: 'go' });
    return [(child.getSnapshot() as AnyMachineSnapshot).status, errors];
  });
  const failed = ['error', [new TypeError('action.exec is not a function')]];
  expect(seen).toEqual([failed, failed]);
});
