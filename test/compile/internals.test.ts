import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type AnyActorRef, and, assign, createActor, createMachine, SimulatedClock } from 'xstate';
import {
  assignmentOf,
  builtInTypeOf,
  clockOf,
  hasInspector,
  isBuiltInGuard,
  isInspected,
  newSessionId,
  parentOf,
  relay,
  rootOf,
  sendInspection,
} from '../../src/compile/internals.js';

/** Each internal by its name in XState, with a check that it still is what the library takes it for. */
const INTERNALS: readonly { readonly name: string; readonly check: () => boolean }[] = [
  {
    name: 'Actor._parent',
    check: () => withChild((root, child) => parentOf(child) === root && rootOf(child) === root),
  },
  {
    name: 'Actor.options.inspect',
    check: () => isInspected(createActor(PARENT, { inspect: () => {} })) && !isInspected(createActor(PARENT)),
  },
  {
    name: 'System._relay',
    check: () =>
      withChild((root, child, told) => {
        relay(root.system, root, child, { type: 'go' });
        const event = told.find(({ event }) => event?.type === 'go');
        return event?.sourceRef === root && event.actorRef === child;
      }),
  },
  {
    name: 'System._bookId',
    check: () =>
      withChild((root, child) => {
        const id = newSessionId(root.system);
        return (
          typeof id === 'string' && id !== root.sessionId && id !== child.sessionId && id !== newSessionId(root.system)
        );
      }),
  },
  {
    name: 'System._sendInspectionEvent',
    check: () =>
      withChild((root, _, told) => {
        sendInspection(root.system, { type: '@xstate.event', actorRef: root, event: { type: 'made' } });
        return told.some(({ event }) => event?.type === 'made');
      }),
  },
  {
    name: 'the copy that System._sendInspectionEvent makes of an event',
    check: () =>
      withChild((root, _, told) => {
        const before = told.length;
        const other = createActor(PARENT);
        const silent = hasInspector(other.system);
        const subscription = other.system.inspect(() => {});
        const heard = hasInspector(other.system);
        subscription.unsubscribe();
        return !silent && heard && !hasInspector(other.system) && hasInspector(root.system) && told.length === before;
      }),
  },
  {
    name: 'System._clock',
    check: () => {
      const clock = new SimulatedClock();
      return clockOf(createActor(PARENT, { clock }).system) === clock;
    },
  },
  {
    name: 'assign().assignment',
    check: () => {
      const made = {};
      const action = assign(made);
      return builtInTypeOf(action) === 'xstate.assign' && assignmentOf(action) === made;
    },
  },
  { name: 'and().check', check: () => isBuiltInGuard(and([])) && !isBuiltInGuard(() => true) },
];

const CHILD = createMachine({ id: 'child', initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } });
const PARENT = createMachine({ id: 'parent', invoke: { id: 'child', src: CHILD } });

interface Told {
  readonly actorRef: unknown;
  readonly sourceRef?: unknown;
  readonly event?: { readonly type: string };
}

function withChild(check: (root: AnyActorRef, child: AnyActorRef, told: readonly Told[]) => boolean): boolean {
  const told: Told[] = [];
  const root = createActor(PARENT, { inspect: (event) => told.push(event as Told) }).start();
  try {
    const child = root.getSnapshot().children['child'];
    return child !== undefined && check(root, child, told);
  } finally {
    root.stop();
  }
}

test.each(INTERNALS.map(({ name, check }) => [name, check] as const))('XState has %s', (_, check) => {
  expect(check()).toBe(true);
});

test('no other file of the library uses them', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const using = files.filter((name) =>
    /\._(parent|relay|bookId|sendInspectionEvent|clock)\b/.test(readFileSync(join('src', name), 'utf8')),
  );
  expect(using).toEqual([join('compile', 'internals.ts')]);
});

test('one minor version of XState is taken, since a new one may move them', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: Record<string, string> };
  expect(dependencies['xstate']).toMatch(/^~5\.\d+\.\d+$/);
});
