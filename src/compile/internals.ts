/**
 * The parts of XState beyond its documented API that this library uses. Therefore `package.json` accepts only patch releases
 * of one minor version. A test checks each part, and names the one that a new version has changed.
 */
import {
  type AnyActorRef,
  type AnyEventObject,
  type AnyStateMachine,
  type AnyStateNode,
  and,
  assign,
  cancel,
  createMachine,
  emit,
  not,
  or,
  raise,
  type StateValue,
  sendTo,
  stateIn,
  stopChild,
} from 'xstate';

interface System {
  readonly _clock: unknown;
  _bookId(): string;
  _relay(source: unknown, target: unknown, event: unknown): void;
  _sendInspectionEvent(event: unknown): void;
}

interface Root {
  readonly options?: { readonly inspect?: unknown };
}

/** The actor that started this one, or undefined for the root of a system. */
export function parentOf(actor: AnyActorRef): AnyActorRef | undefined {
  return actor._parent;
}

/** The first actor of the system that this one runs in. */
export function rootOf(actor: AnyActorRef): AnyActorRef {
  let root = actor;
  while (root._parent !== undefined) root = root._parent;
  return root;
}

/** True if the system was created with an inspector. An inspector attached later sees the actors only. */
export function isInspected(actor: AnyActorRef): boolean {
  return (rootOf(actor) as unknown as Root).options?.inspect !== undefined;
}

/** Sends an event from one actor to another. Unlike `send`, it tells inspectors where the event came from. */
export function relay(system: unknown, source: unknown, target: unknown, event: unknown): void {
  (system as System)._relay(source, target, event);
}

/** A session id that no actor of the system has yet. */
export function newSessionId(system: unknown): string {
  return (system as System)._bookId();
}

/** Sends an inspection event to all inspectors of the system. */
export function sendInspection(system: unknown, event: object): void {
  (system as System)._sendInspectionEvent(event);
}

/** The assignment that was passed to `assign`, or undefined for another function. */
export function assignmentOf(action: object): unknown {
  const { type, assignment } = action as { type?: unknown; assignment?: unknown };
  return type === 'xstate.assign' ? assignment : undefined;
}

/** The type of an action that XState carries out itself, such as `xstate.assign`; undefined for an ordinary function. */
export function builtInTypeOf(action: object): string | undefined {
  const { type } = action as { type?: unknown };
  return typeof type === 'string' && type.startsWith('xstate.') ? type : undefined;
}

/** The clock of all timers of a system. */
export function clockOf(system: unknown): unknown {
  return (system as System)._clock;
}

const FOUND = new Error('an inspector listens');

/** An event that can't be copied. XState copies an inspection event before it tells an inspector, if there is any. */
const PROBE = {
  get type(): never {
    throw FOUND;
  },
};

/** True if an inspector listens to the system now. The answer no costs a call, and yes an exception. */
export function hasInspector(system: unknown): boolean {
  try {
    (system as System)._sendInspectionEvent(PROBE);
    return false;
  } catch {
    return true;
  }
}

/** True if a guard is one of `and`, `or`, `not` and `stateIn`. */
export function isBuiltInGuard(guard: object): guard is BuiltInGuard {
  return 'check' in guard;
}

/** A guard or an action as a machine's author wrote it. */
export type Part = string | { readonly type: string; readonly params?: unknown } | PartFunction;
type PartFunction = ((args: never, params: never) => unknown) & { readonly name: string };

/** A transition as XState keeps it on the state node that it leaves. */
export interface Transition {
  readonly source: AnyStateNode;
  /** Undefined: the transition stays where it is. */
  readonly target: readonly AnyStateNode[] | undefined;
  readonly reenter: boolean;
  readonly guard?: Part | undefined;
  readonly actions: readonly Part[];
}

/** The nodes that a history node leads back to, by the id of the history node. */
export type HistoryValue = Readonly<Record<string, readonly AnyStateNode[] | undefined>>;

/** The children of a machine actor by their ids. A child without an implementation is undefined. */
export type Children = Readonly<Record<string, AnyActorRef | undefined>>;

/** All fields of a machine's snapshot. */
export interface MachineSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  readonly output: unknown;
  readonly error: unknown;
  readonly machine: AnyStateMachine;
  readonly context: object;
  /** The active nodes. Their order decides the order of eventless transitions and the order of the keys of `value`. */
  readonly _nodes: readonly AnyStateNode[];
  readonly value: StateValue;
  readonly tags: Set<string>;
  readonly children: Children;
  readonly historyValue: HistoryValue;
}

/** The side of an actor that a logic sees. */
export interface Scope {
  readonly self: AnyActorRef;
  readonly system: unknown;
  readonly actionExecutor: (action: {
    readonly type: string;
    readonly info: object;
    readonly params: unknown;
    readonly exec: unknown;
  }) => void;
}

/** An action that XState carries out itself. Its function carries the methods that do so. */
export interface BuiltIn {
  readonly type: string;
  resolve(
    scope: unknown,
    snapshot: unknown,
    args: object,
    params: unknown,
    action: object,
    extra: { readonly internalQueue: AnyEventObject[]; readonly deferredActorIds: readonly string[] | undefined },
  ): [snapshot: MachineSnapshot, params?: unknown, actions?: readonly Part[]];
  /** Replaces the id of an actor, which was invoked in the same step, by the actor. */
  retryResolve?(scope: Scope, snapshot: MachineSnapshot, params: unknown): void;
  execute?(scope: Scope, params: unknown): void;
}

/** A guard that XState evaluates itself: one of `and`, `or`, `not` and `stateIn`. */
export interface BuiltInGuard {
  check(snapshot: unknown, args: object, guard: object): boolean;
}

const LOGICAL = new Set(
  [and([]), or([]), not(''), stateIn({})].map((guard) => (guard as unknown as BuiltInGuard).check),
);

/** True for `and`, `or`, `not` and `stateIn`, which read no more of a snapshot than {@link Situation} has. */
export function isLogical({ check }: BuiltInGuard): boolean {
  return LOGICAL.has(check);
}

/** A snapshot, or the parts of one that guards read, and those of XState's actions that change nothing. */
export type Situation = Pick<MachineSnapshot, 'machine' | 'context' | 'children' | '_nodes'>;

/** Returns all state nodes of a machine, each before those within it. */
export function allNodesOf({ root }: AnyStateMachine): readonly AnyStateNode[] {
  const nodes: AnyStateNode[] = [root];
  for (const node of nodes) nodes.push(...(Object.values(node.states) as AnyStateNode[]));
  return nodes;
}

/** True if XState carries the action out itself. */
export function isBuiltIn(action: object): action is BuiltIn {
  return 'resolve' in action;
}

const { resolve: resolveAssign } = assign({}) as unknown as BuiltIn;

/** True if the action is one of `assign`. */
export function isAssign(action: BuiltIn): boolean {
  return action.resolve === resolveAssign;
}

const READERS = new Set(
  [emit({ type: '' }), raise({ type: '' }), cancel(''), sendTo('', { type: '' })].map(
    (action) => (action as unknown as BuiltIn).resolve,
  ),
);

/** True if the action is one of `emit`, `raise`, `cancel` and `sendTo`, which read no more of a snapshot than {@link Situation} has. */
export function isReader(action: BuiltIn): boolean {
  return READERS.has(action.resolve);
}

/** Returns XState's own function to spawn an actor, as `assign` passes it. */
export function spawnerOf(
  scope: Scope,
  machine: AnyStateMachine,
  context: object,
  event: AnyEventObject,
): (src: unknown, options: unknown) => AnyActorRef {
  let spawner: unknown;
  const assignment = ({ spawn }: { spawn: unknown }) => {
    spawner = spawn;
    return {};
  };
  resolveAssign(scope, { machine, context, _nodes: [], children: {} }, { event }, undefined, { assignment }, NO_EXTRA);
  return spawner as (src: unknown, options: unknown) => AnyActorRef;
}

/** Returns an action that stops a child. */
export function stopOf(child: AnyActorRef | undefined): Part {
  return stopChild(child as AnyActorRef) as Part;
}

const NO_EXTRA = { internalQueue: [], deferredActorIds: undefined };

/** An action that changes nothing. XState returns a new snapshot for it, which it makes from the nodes. */
const remake = stopChild('') as unknown as BuiltIn;

/** Returns XState's own snapshot of a machine in these nodes: the value, the tags and the methods are XState's. */
export function snapshotIn(machine: AnyStateMachine, nodes: readonly AnyStateNode[]): MachineSnapshot {
  const parts = { machine, _nodes: nodes, status: 'active', context: {}, children: {}, historyValue: {} };
  return remake.resolve(undefined, parts, {}, undefined, {}, NO_EXTRA)[0];
}

const METHODS = snapshotIn(createMachine({}), []) as unknown as Record<string, unknown>;
const { matches, hasTag, can, getMeta, toJSON } = METHODS;

/** Makes a snapshot like one of XState's: the same fields in the same order, the methods among them. */
export function makeSnapshot(
  {
    status,
    output,
    error,
    machine,
    context,
    children,
  }: Omit<MachineSnapshot, '_nodes' | 'value' | 'tags' | 'historyValue'>,
  _nodes: readonly AnyStateNode[],
  value: StateValue,
  tags: Set<string>,
  historyValue: HistoryValue,
): MachineSnapshot {
  const snapshot = {
    status,
    output,
    error,
    machine,
    context,
    _nodes,
    value,
    tags,
    children,
    historyValue,
    matches,
    hasTag,
    can,
    getMeta,
    toJSON,
  };
  return snapshot;
}

/** Tells inspectors of one microstep. */
export function tellMicrostep(
  scope: Scope,
  event: AnyEventObject,
  snapshot: MachineSnapshot,
  transitions: readonly Transition[],
): void {
  (scope.system as System)._sendInspectionEvent({
    type: '@xstate.microstep',
    actorRef: scope.self,
    event,
    snapshot,
    _transitions: transitions,
  });
}
