import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import {
  type AnyActor,
  type AnyActorRef,
  type AnyStateNode,
  and,
  assign,
  createActor,
  createMachine,
  SimulatedClock,
  sendTo,
} from 'xstate';
import {
  allNodesOf,
  assignmentOf,
  type BuiltIn,
  builtInTypeOf,
  clockOf,
  createChild,
  hasInspector,
  isAssign,
  isBuiltIn,
  isBuiltInGuard,
  isInspected,
  type MachineSnapshot,
  makeSnapshot,
  newSessionId,
  parentOf,
  relay,
  rootOf,
  type Scope,
  sendInspection,
  snapshotIn,
  spawnerOf,
  type Transition,
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
  {
    name: 'the fields of a snapshot',
    check: () => {
      const theirs = createActor(CHILD).getSnapshot() as unknown as MachineSnapshot;
      const ours = makeSnapshot(theirs, theirs._nodes, theirs.value, theirs.tags, theirs.historyValue);
      const methods = (of: object) => Object.values(of).filter((value) => typeof value === 'function');
      return (
        Object.keys(ours).join() === Object.keys(theirs).join() &&
        methods(ours).every((method, index) => method === methods(theirs)[index])
      );
    },
  },
  {
    name: 'stopChild().resolve, which makes a snapshot from nodes',
    check: () => {
      const { root } = CHILD;
      const { value, machine } = snapshotIn(CHILD, [root, root.states['b'] as AnyStateNode]);
      return value === 'b' && machine === CHILD;
    },
  },
  {
    name: 'assign().resolve, which makes the function to spawn with',
    check: () => {
      const parent = createActor(PARENT);
      const scope = scopeOf(parent);
      const child = spawnerOf(scope, PARENT, {}, { type: 'go' })(CHILD, { id: 'spawned' });
      return isAssign(assign({}) as never) && child.id === 'spawned' && parentOf(child) === parent;
    },
  },
  {
    name: 'the resolve, retryResolve and execute of sendTo',
    check: () => {
      const action = sendTo('child', { type: 'go' }) as unknown as BuiltIn;
      return isBuiltIn(action) && action.retryResolve !== undefined && action.execute !== undefined;
    },
  },
  {
    name: 'the fields of an Actor, and those of its scope and options',
    check: () => {
      const parent = createActor(PARENT);
      const options = { id: 'one', parent, input: undefined };
      const [theirs, ours] = [createActor(CHILD, options), createChild(CHILD, options)] as unknown as Fields[];
      const methods = ['defer', 'stopChild', 'emit', 'actionExecutor'];
      const keysOf = (object: object) => Object.keys(object).filter((key) => !methods.includes(key) && key !== 'send');
      const [own, xstate] = [ours, theirs].map((actor) =>
        [actor, actor?._actorScope, actor?.options].map((part) =>
          keysOf(part as object)
            .sort()
            .join(),
        ),
      );
      return own?.join() === xstate?.join() && methods.every((name) => ours !== undefined && name in ours._actorScope);
    },
  },
  {
    name: 'ActorScope.actionExecutor',
    check: () => {
      const actor = createActor(CHILD).start();
      const ran: unknown[] = [];
      const exec = (...args: unknown[]) => ran.push(args);
      scopeOf(actor).actionExecutor({ type: 'made', info: actor, params: 1, exec });
      actor.stop();
      return JSON.stringify(ran) === JSON.stringify([[actor, 1]]);
    },
  },
  {
    name: 'the fields of a StateNode and of its transitions',
    check: () => {
      const [root, a, b] = allNodesOf(CHILD);
      const [transition] = (a?.transitions.get('go') ?? []) as Transition[];
      return (
        [root, a, b].map((node) => node?.order).join() === '0,1,2' &&
        root?.initial.target[0] === a &&
        transition?.source === a &&
        transition?.target?.[0] === b &&
        !transition?.reenter
      );
    },
  },
  { name: 'and().check', check: () => isBuiltInGuard(and([])) && !isBuiltInGuard(() => true) },
];

const CHILD = createMachine({ id: 'child', initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } });
const PARENT = createMachine({ id: 'parent', invoke: { id: 'child', src: CHILD } });

function scopeOf(actor: AnyActor): Scope {
  return (actor as unknown as { _actorScope: Scope })._actorScope;
}

interface Fields {
  readonly _actorScope: Scope;
  readonly options: object;
}

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
