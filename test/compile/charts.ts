import fc from 'fast-check';
import * as xstate from 'xstate';
import {
  type AnyActorLogic,
  type AnyStateMachine,
  createMachine,
  fromCallback,
  fromPromise,
  fromTransition,
} from 'xstate';
import { note, promise, show } from './trace.js';

// Random statecharts, made of every feature that XState has. A chart is plain data, so that fast-check can shrink and print it.

export interface Chart {
  readonly root: State;
  readonly hasOutput: boolean;
  readonly context: 'none' | 'data' | 'function' | 'spawns' | 'throws';
}

interface State {
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly states?: readonly State[];
  readonly initial?: number | undefined;
  readonly initialActions?: readonly Op[] | undefined;
  readonly entry?: readonly Op[] | undefined;
  readonly exit?: readonly Op[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly always?: readonly Edge[] | undefined;
  readonly after?: Readonly<Record<string, readonly Edge[]>> | undefined;
  readonly on?: Readonly<Record<string, readonly Edge[] | null>> | undefined;
  readonly onDone?: readonly Edge[] | undefined;
  readonly invoke?: readonly Invoke[] | undefined;
  readonly output?: number | undefined;
  readonly deep?: boolean | undefined;
  readonly target?: number | undefined;
  /** Another key than its number: keys decide orders. */
  readonly key?: string | undefined;
}

interface Edge {
  readonly targets?: readonly number[] | undefined;
  readonly guard?: Op | undefined;
  readonly actions?: readonly Op[] | undefined;
  readonly reenter?: boolean | undefined;
}

interface Invoke {
  readonly src: number;
  readonly isNamed?: boolean | undefined;
  readonly onDone?: readonly Edge[] | undefined;
  readonly onError?: readonly Edge[] | undefined;
  readonly onSnapshot?: readonly Edge[] | undefined;
}

/** The kind of an action or a guard, and a number that varies it. */
type Op = readonly [kind: string, by: number];

const TYPES = ['a', 'b', 'c', 'a.x', 'a.x.y', 'd'];
const DESCRIPTORS = [...TYPES, 'a.*', 'a.x.*', '*', 'xstate.done.actor.job', 'xstate.error.*'];
const DELAYS = ['10', '20', 'named', 'missing'];
const CHILDREN = ['k0', 'k1', 'inv0', 'inv1'];

type Make = (...args: unknown[]) => unknown;
/** XState's makers of actions and guards. Their types ask for one machine's types, but here all machines are unlike. */
const {
  and,
  assign,
  cancel,
  emit,
  enqueueActions,
  log,
  not,
  or,
  raise,
  sendParent,
  sendTo,
  spawnChild,
  stateIn,
  stopChild,
} = xstate as unknown as Readonly<
  Record<
    | 'and'
    | 'assign'
    | 'cancel'
    | 'emit'
    | 'enqueueActions'
    | 'log'
    | 'not'
    | 'or'
    | 'raise'
    | 'sendParent'
    | 'sendTo'
    | 'spawnChild'
    | 'stateIn'
    | 'stopChild',
    Make
  >
>;

function pick<T>(from: readonly T[], by: number): T {
  return from[by % from.length] as T;
}

// Generators

const by = fc.nat({ max: 30 });

const op = (kinds: Readonly<Record<string, number>>): fc.Arbitrary<Op> =>
  fc.tuple(fc.oneof(...Object.entries(kinds).map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind) }))), by);

const action = op({
  note: 20,
  given: 8,
  computed: 8,
  inline: 8,
  anonymous: 4,
  missing: 2,
  increase: 14,
  field: 8,
  add: 8,
  raise: 10,
  raiser: 3,
  raiseLater: 5,
  cancel: 4,
  toSelf: 5,
  toSelfLater: 3,
  toChild: 1,
  toAnyChild: 6,
  emit: 5,
  log: 3,
  enqueue: 8,
  spawn: 6,
  spawnUnknown: 1,
  assignSpawn: 6,
  stop: 6,
  throw: 1,
  assignThrow: 1,
});

const guard = op({
  even: 12,
  above: 8,
  aboveComputed: 8,
  inline: 12,
  not: 6,
  and: 6,
  or: 6,
  in: 8,
  alias: 3,
  throw: 1,
  missing: 1,
});

const actions = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 4, arbitrary: fc.array(action, { maxLength: 3 }) },
);

const optional = { requiredKeys: [] as never[] };
const targets = fc.oneof({ weight: 8, arbitrary: fc.tuple(by) }, { weight: 1, arbitrary: fc.tuple(by, by) });
const edge: fc.Arbitrary<Edge> = fc.record({ targets, guard, actions, reenter: fc.boolean() }, optional);
const edges = fc.array(edge, { minLength: 1, maxLength: 2 });
/** An eventless transition without a guard seldom comes to rest. */
const eventless = fc.record({ targets, guard, actions, reenter: fc.boolean() }, { requiredKeys: ['guard'] });

const on = fc.dictionary(
  fc.constantFrom(...TYPES, ...TYPES, ...DESCRIPTORS),
  fc.oneof({ weight: 8, arbitrary: edges }, { weight: 1, arbitrary: fc.constant(null) }),
  { maxKeys: 4, noNullPrototype: true },
);
const invoke: fc.Arbitrary<Invoke> = fc.record(
  { src: by, isNamed: fc.boolean(), onDone: edges, onError: edges, onSnapshot: edges },
  { requiredKeys: ['src'] },
);

const sometimes = <T>(arbitrary: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ weight: 10 - weight, arbitrary: fc.constant(undefined) }, { weight, arbitrary });

const full = {
  entry: sometimes(actions, 5),
  exit: sometimes(actions, 4),
  tags: sometimes(fc.subarray(['busy', 'idle', 'late']), 3),
  on,
  always: sometimes(fc.array(eventless, { minLength: 1, maxLength: 2 }), 2),
  after: sometimes(
    fc.dictionary(fc.constantFrom(...DELAYS), edges, { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
    1,
  ),
  invoke: sometimes(fc.array(invoke, { minLength: 1, maxLength: 2 }), 1),
  key: sometimes(fc.constantFrom('2', '1', 'z', ''), 1),
};

const final = fc.record({
  type: fc.constant('final' as const),
  entry: full.entry,
  exit: full.exit,
  output: sometimes(by, 4),
});
const atomic = fc.record({ type: fc.constant('atomic' as const), ...full });
const history = fc.record({
  type: fc.constant('history' as const),
  deep: fc.boolean(),
  target: sometimes(by, 3),
});
const parents = (children: fc.Arbitrary<readonly State[]>) =>
  fc.record({
    type: fc.constantFrom('compound' as const, 'compound' as const, 'parallel' as const),
    states: children,
    initial: by,
    initialActions: sometimes(actions, 3),
    onDone: sometimes(edges, 4),
    ...full,
  });
const leaf = fc.oneof({ weight: 6, arbitrary: atomic }, { weight: 2, arbitrary: final });
const childrenOf = (state: fc.Arbitrary<State>) =>
  fc
    .tuple(
      state,
      fc.array(fc.oneof({ weight: 9, arbitrary: state }, { weight: 1, arbitrary: history }), { maxLength: 3 }),
    )
    .map(([first, others]) => [first, ...others]);
const inner = parents(childrenOf(leaf as fc.Arbitrary<State>));
const middle = fc.oneof({ weight: 3, arbitrary: leaf }, { weight: 2, arbitrary: inner }) as fc.Arbitrary<State>;
const outer = parents(childrenOf(middle)) as fc.Arbitrary<State>;
const root = fc.oneof(
  {
    weight: 10,
    arbitrary: parents(childrenOf(fc.oneof({ weight: 3, arbitrary: middle }, { weight: 1, arbitrary: outer }))),
  },
  { weight: 1, arbitrary: leaf },
) as fc.Arbitrary<State>;

export const charts: fc.Arbitrary<Chart> = fc.record({
  root,
  hasOutput: fc.boolean(),
  context: fc.oneof(
    { weight: 3, arbitrary: fc.constant('data' as const) },
    { weight: 6, arbitrary: fc.constant('function' as const) },
    { weight: 1, arbitrary: fc.constantFrom('none' as const, 'spawns' as const, 'throws' as const) },
  ),
});

/** What happens to an actor: an event, time, or an examination of its snapshot. */
export type Happening =
  | { readonly kind: 'send'; readonly event: { readonly type: string; readonly by: number } }
  | { readonly kind: 'child'; readonly by: number }
  | { readonly kind: 'wait'; readonly time: number }
  | { readonly kind: 'turn' | 'restore' | 'pure' | 'stop' };

const send = (types: readonly string[]) =>
  fc.record({
    kind: fc.constant('send' as const),
    event: fc.record({ type: fc.constantFrom(...types), by }),
  });
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 60, arbitrary: send(TYPES) },
  {
    weight: 2,
    arbitrary: send(['xstate.init', 'unknown', 'xstate.done.actor.job', 'xstate.error.actor.none', '', 'a.']),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('child' as const), by }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), time: fc.constantFrom(5, 10, 20) }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'turn' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'restore' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'pure' as const }) },
);

export const happenings = (count: number): fc.Arbitrary<readonly Happening[]> =>
  fc
    .tuple(
      // Counterexamples may be shorter: they shrink to the first kind.
      fc.oneof(
        { withCrossShrink: true },
        { weight: 1, arbitrary: fc.array(happening, { maxLength: 4 }) },
        { weight: 200, arbitrary: fc.array(happening, { minLength: count, maxLength: count, size: 'max' }) },
      ),
      fc.boolean(),
    )
    .map(([all, stops]) => (stops ? [...all, { kind: 'stop' as const }] : all));

// Machines

interface Context {
  readonly count: number;
  readonly mark?: string;
  readonly actor?: unknown;
}
interface Args {
  readonly context: Context;
  readonly event: { readonly type: string; readonly by?: number };
  readonly spawn: (src: unknown, options?: object) => unknown;
  readonly self: { getSnapshot(): unknown };
  readonly check: (guard: unknown) => boolean;
  readonly enqueue: Make & Readonly<Record<'assign' | 'raise' | 'sendTo' | 'spawnChild', Make>>;
}

function eventOf(n: number) {
  return { type: pick(TYPES, n), by: n };
}

const job = fromPromise(({ input }: { input: unknown }) => {
  const n = Number(input);
  note('job', n);
  return promise(n, n % 3 === 0 ? new Error(`job ${n}`) : undefined);
});
const echo = fromCallback(({ sendBack, receive, input }) => {
  note('echo starts', input);
  if (Number(input) % 7 === 0) throw new Error('echo fails');
  receive((event) => {
    note('echo gets', event.type);
    sendBack({ type: 'c', by: 1 });
  });
  return () => note('echo ends');
});
const counter = fromTransition((state: number, event: { type: string }) => {
  note('counter', event.type);
  if (event.type === 'd') throw new Error('counter fails');
  return state + 1;
}, 0);
const kid = createMachine({
  id: 'kid',
  context: ({ input }: { input?: unknown }) => ({ given: Number(input ?? 0) }),
  initial: 'young',
  entry: ({ event }: Args) => note('kid', event),
  output: ({ context, event }: Args) => ({ context, event }),
  states: {
    young: {
      on: {
        a: { target: 'old', actions: sendParent({ type: 'b', by: 2 }) },
        b: 'gone',
        c: {
          actions: () => {
            throw new Error('kid fails');
          },
        },
      },
      after: { 15: 'old' },
      exit: () => note('kid grows'),
    },
    old: { on: { a: 'gone', '*': { actions: ({ event }: Args) => note('kid gets', event) } } },
    gone: { type: 'final', output: 'gone' },
  },
} as never) as AnyStateMachine;

const LOGICS: Readonly<Record<string, AnyActorLogic>> = { job, echo, counter, kid };
const SOURCES = Object.keys(LOGICS);

/** Makes the machine of a chart. */
export function machineOf({ root, hasOutput, context }: Chart): AnyStateMachine {
  let count = 0;
  const ids = new Map<State, string>();
  const all: State[] = [];
  const number = (state: State) => {
    ids.set(state, `s${count}`);
    count += 1;
    all.push(state);
    for (const child of state.states ?? []) number(child);
  };
  number(root);
  // A history node that leads to itself overflows the stack.
  const real = all.filter(({ type }) => type !== 'history');
  const idOf = (n: number) => `#${ids.get(pick(all, n)) as string}`;

  const actionOf = ([kind, n]: Op): unknown => {
    switch (kind) {
      case 'note':
        return 'note';
      case 'given':
        return { type: 'note', params: { n } };
      case 'computed':
        return { type: 'note', params: ({ context, event }: Args) => ({ n, count: context.count, type: event.type }) };
      case 'inline':
        return function inline(args: Args, params: unknown) {
          note('inline', args, params);
        };
      case 'anonymous':
        return (
          () => (args: Args) =>
            note('anonymous', args)
        )();
      case 'missing':
        return n % 2 === 0 ? 'missing' : { type: 'missing', params: { n } };
      case 'increase':
        return assign((args: Args) => {
          note('increase', args.context, args.event);
          return { count: (args.context.count ?? 0) + 1 };
        });
      case 'field':
        return assign({ mark: ({ event }: Args) => `${event.type}${n}`, fixed: n });
      case 'add':
        return { type: 'add', params: n % 2 === 0 ? { by: n } : ({ event }: Args) => ({ by: event.by ?? 1 }) };
      case 'raise':
        return n % 3 === 0 ? raise(({ event }: Args) => ({ ...eventOf(n), from: event.type })) : raise(eventOf(n));
      case 'raiser':
        return 'raiser';
      case 'raiseLater':
        return raise(eventOf(n), { delay: n % 2 === 0 ? 10 : 'named', id: `later${n % 3}` });
      case 'cancel':
        return cancel(`later${n % 3}`);
      case 'toSelf':
        return sendTo(({ self }: { self: unknown }) => self, eventOf(n));
      case 'toSelfLater':
        return sendTo(({ self }: { self: unknown }) => self, eventOf(n), { delay: 10, id: `later${n % 3}` });
      case 'toChild':
        return sendTo(pick(CHILDREN, n), eventOf(n));
      case 'toAnyChild':
        return enqueueActions(({ enqueue, self }: Args) => {
          const { children } = self.getSnapshot() as { children?: Record<string, unknown> };
          const id = Object.keys(children ?? {})[0];
          const child = id === undefined ? undefined : children?.[id];
          if (child) enqueue.sendTo(child, eventOf(n));
        });
      case 'emit':
        return emit(({ context }: Args) => ({ type: `emitted${n % 2}`, count: context.count }));
      case 'log':
        return log(({ context, event }: Args) => show(context, event));
      case 'enqueue':
        return enqueueActions(({ enqueue, check, context, event }: Args) => {
          note('enqueue', context, event);
          if (check('even')) enqueue('note');
          enqueue.assign({ count: n });
          if (check(stateIn(idOf(n)))) enqueue.raise(eventOf(n));
          enqueue({ type: 'note', params: ({ context }: Args) => context.count });
          if (n % 5 === 0) enqueue.spawnChild('counter', { id: pick(CHILDREN, n) });
        });
      case 'spawn':
        return spawnChild(pick(SOURCES, n), {
          id: pick(CHILDREN, n >> 2),
          input: n % 2 === 0 ? n : ({ context }: Args) => context.count,
          ...(n % 4 === 0 ? { syncSnapshot: true } : {}),
          ...(n % 9 === 0 ? { systemId: 'known' } : {}),
        });
      case 'spawnUnknown':
        return spawnChild('nothing', { id: 'k1' });
      case 'assignSpawn':
        return assign(({ context, spawn }: Args) => ({
          count: (context.count ?? 0) + 2,
          actor: spawn(n % 5 === 0 ? echo : pick(SOURCES, n), {
            ...(n % 3 === 0 ? {} : { id: pick(CHILDREN, n) }),
            input: n,
          }),
        }));
      case 'stop':
        return n % 3 === 0 ? stopChild(({ context }: Args) => context.actor ?? 'k0') : stopChild(pick(CHILDREN, n));
      case 'throw':
        return () => {
          note('throws');
          throw new Error(`action ${n}`);
        };
      case 'assignThrow':
        return assign(() => {
          throw new Error(`assign ${n}`);
        });
      default:
        throw new Error(kind);
    }
  };

  const guardOf = ([kind, n]: Op): unknown => {
    switch (kind) {
      case 'even':
        return n % 2 === 0 ? 'even' : { type: 'even' };
      case 'above':
        return { type: 'above', params: { n: n % 5 } };
      case 'aboveComputed':
        return { type: 'above', params: ({ event }: Args) => ({ n: event.by ?? 3 }) };
      case 'inline':
        return (args: Args) => {
          note('guard', args);
          return ((args.event.by ?? 0) + n) % 3 !== 0;
        };
      case 'not':
        return not('even');
      case 'and':
        return and(['even', guardOf(['above', n])]);
      case 'or':
        return or([guardOf(['in', n]), 'even']);
      case 'in':
        return stateIn(idOf(n));
      case 'alias':
        return 'alias';
      case 'throw':
        return n % 2 === 0
          ? 'refuses'
          : () => {
              throw new Error(`guard ${n}`);
            };
      case 'missing':
        return 'missing';
      default:
        throw new Error(kind);
    }
  };

  const actionsOf = (ops: readonly Op[] | undefined) => ops?.map(actionOf);
  const edgeOf = ({ targets, guard, actions, reenter }: Edge) => ({
    ...(targets === undefined ? {} : { target: targets.map(idOf) }),
    ...(guard === undefined ? {} : { guard: guardOf(guard) }),
    ...(actions === undefined ? {} : { actions: actionsOf(actions) }),
    ...(reenter === undefined ? {} : { reenter }),
  });
  const edgesOf = (of: readonly Edge[] | undefined) => of?.map(edgeOf);
  const mapped = <From, To>(of: Readonly<Record<string, From>> | undefined, to: (from: From) => To) =>
    of === undefined ? undefined : Object.fromEntries(Object.entries(of).map(([key, value]) => [key, to(value)]));

  const configOf = (state: State): object => {
    const keys: string[] = [];
    const states: Record<string, object> = {};
    for (const child of state.states ?? []) {
      const id = ids.get(child) as string;
      const key = child.key === undefined || Object.hasOwn(states, child.key) ? id : child.key;
      keys.push(key);
      states[key] = configOf(child);
    }
    // A history node that is initial and leads to itself overflows the stack, which takes long. So few charts have one.
    const isLoop = (_: string, index: number) => {
      const child = state.states?.[index];
      return child?.type === 'history' && child.target === undefined;
    };
    const n = state.initial ?? 0;
    const initial = pick(n === 29 ? keys : keys.filter((key, index) => !isLoop(key, index)), n);
    const isCompound = state.type === 'compound';
    return {
      id: ids.get(state),
      type: state.type,
      meta: { of: ids.get(state) },
      ...(keys.length > 0 ? { states } : {}),
      ...(isCompound
        ? {
            initial:
              state.initialActions === undefined
                ? initial
                : { target: initial, actions: actionsOf(state.initialActions) },
          }
        : {}),
      entry: actionsOf(state.entry),
      exit: actionsOf(state.exit),
      tags: state.tags,
      always: edgesOf(state.always),
      after: mapped(state.after, edgesOf),
      on: mapped(state.on, (of) => (of === null ? undefined : edgesOf(of))),
      onDone: edgesOf(state.onDone),
      invoke: state.invoke?.map(({ src, isNamed, onDone, onError, onSnapshot }, index) => ({
        src: pick(SOURCES, src),
        ...(isNamed ? { id: `inv${index}` } : {}),
        input: ({ context, event }: Args) => (context.count ?? 0) + src + event.type.length,
        onDone: edgesOf(onDone),
        onError: edgesOf(onError),
        onSnapshot: edgesOf(onSnapshot),
      })),
      ...(state.output === undefined ? {} : { output: outputOf(state.output) }),
      ...(state.type === 'history' ? { history: state.deep ? 'deep' : 'shallow' } : {}),
      ...(state.target === undefined ? {} : { target: `#${ids.get(pick(real, state.target)) as string}` }),
    };
  };

  const outputOf = (n: number) =>
    n % 3 === 0 ? n : n % 3 === 1 ? null : ({ context, event }: Args) => ({ context, type: event.type, n });

  return createMachine(
    {
      ...configOf(root),
      ...(context === 'none' ? {} : { context: contextOf(context) }),
      ...(hasOutput ? { output: ({ context, event }: Args) => ({ context, event }) } : {}),
      options: { maxIterations: 10 },
    } as never,
    {
      actions: {
        note: (args: Args, params: unknown) => note('note', args, params),
        add: assign(({ context }: Args, params: { by: number } | undefined) => ({
          count: (context.count ?? 0) + (params?.by ?? 1),
        })),
        raiser: raise(({ context }: Args) => eventOf(context.count ?? 0)),
      },
      guards: {
        even: ({ context }: Args) => (context.count ?? 0) % 2 === 0,
        above: ({ context }: Args, params: { n: number } | undefined) => (context.count ?? 0) % 7 > (params?.n ?? 0),
        refuses: () => {
          throw new Error('refused');
        },
        alias: 'even',
      },
      delays: { named: ({ context }: Args) => 5 + ((context.count ?? 0) % 3) * 5 },
      actors: LOGICS,
    } as never,
  ) as AnyStateMachine;
}

function contextOf(context: Exclude<Chart['context'], 'none'>): unknown {
  switch (context) {
    case 'data':
      return { count: 0 };
    case 'function':
      return ({ input, self }: { input: unknown; self: unknown }) => {
        note('context', input, self);
        return { count: Number(input) };
      };
    case 'spawns':
      return ({ spawn }: Args) => ({ count: 1, actor: spawn('kid', { id: 'k0' }) });
    case 'throws':
      return ({ spawn }: Args) => {
        spawn('kid', { id: 'k0' });
        throw new Error('no context');
      };
  }
}
