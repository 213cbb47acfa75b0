import { type AnyActorRef, type AnyEventObject, type AnyStateMachine, matchesState, type StateValue } from 'xstate';
import {
  assignmentOf,
  type BuiltIn,
  type BuiltInGuard,
  type Children,
  type HistoryValue,
  hasInspector,
  isAssign,
  isBuiltIn,
  isBuiltInGuard,
  isReader,
  isStateIn,
  kindOf,
  type MachineSnapshot,
  makeSnapshot,
  type Part,
  runsAtOnce,
  type Scope,
  type Situation,
  spawnerOf,
  stopOf,
  type Transition,
  tellMicrostep,
} from './internals.js';
import type { Completion } from './step.js';
import type { Branch, Configuration, Move, Plan, Structure } from './structure.js';

type Step = Move<Part, Part>;
type Run = (args: object, params: unknown) => unknown;

/** The arguments of guards, and of functions that make parameters. */
export interface Seen {
  readonly context: object;
  readonly event: AnyEventObject;
}

/** The arguments of actions. */
interface Args extends Seen {
  readonly self: AnyActorRef;
  readonly system: unknown;
}

const NONE: readonly never[] = Object.freeze([]);

/** A snapshot; at the start, the fields of one that is not made. */
type Origin = MachineSnapshot | Omit<MachineSnapshot, 'value' | 'tags'>;

/** Makes one macrostep: an event, or the start, with all that follows before the machine is at rest. */
export class Macrostep {
  // The fields of the snapshot in the making.
  status: MachineSnapshot['status'] = 'active';
  output: unknown = undefined;
  error: unknown = undefined;
  readonly machine: AnyStateMachine;
  context: object;
  children: Children;
  readonly #structure: Structure<Part, Part>;
  #configuration: Configuration<Part, Part>;
  #nodes: MachineSnapshot['_nodes'];
  #history: HistoryValue;
  /** The snapshot with these fields; undefined if it is yet to be made. Its identity counts. */
  #snapshot: MachineSnapshot | undefined;
  /** The number of snapshots before this one, made or not. */
  #version = 0;
  readonly #scope: Scope;
  #event: AnyEventObject;
  /** The transitions that answer the event, for inspectors. */
  #selected: readonly Transition[] = NONE;
  #queue: AnyEventObject[] | undefined;
  #retries: [BuiltIn, unknown][] | undefined;
  // Each is made once while neither context nor event changes: a step runs many guards and actions.
  #seen: Seen | undefined;
  #args: Args | undefined;

  constructor(structure: Structure<Part, Part>, from: Origin, event: AnyEventObject, scope: Scope) {
    this.status = from.status;
    this.output = from.output;
    this.error = from.error;
    this.machine = from.machine;
    this.context = from.context;
    this.children = from.children;
    this.#structure = structure;
    this.#nodes = from._nodes;
    this.#configuration = structure.configurationOf(this.#nodes);
    this.#history = from.historyValue;
    this.#snapshot = 'value' in from ? from : undefined;
    this.#scope = scope;
    this.#event = event;
  }

  /** Makes the step of an event. */
  take(): MachineSnapshot {
    const event = this.#event;
    if (event.type === 'xstate.stop') return this.#stop();
    if (event.type !== 'xstate.init') {
      const step = this.#answer();
      if (step === undefined && event.type.startsWith('xstate.error.actor')) return this.#fail();
      this.#microstep(step);
    }
    return this.#settle();
  }

  /** Makes the initial context and enters the initial states. An error makes a snapshot of its own. */
  start(): MachineSnapshot {
    const { context } = this.machine.config as { context?: unknown };
    let { context: initial, children } = this;
    try {
      if (typeof context === 'function') {
        this.#assign(({ spawn, event, self }: { spawn: unknown; event: { input: unknown }; self: unknown }) =>
          context({ spawn, input: event.input, self }),
        );
        initial = this.context;
        children = this.children;
      }
      this.#carryOut(this.#structure.start);
      return this.#settle();
    } catch (error) {
      this.status = 'error';
      this.output = undefined;
      this.error = error;
      this.context = initial;
      this.children = children;
      this.#move(this.#structure.preInitial);
      this.#history = {};
      return this.#result;
    }
  }

  /** The active nodes, as XState's own guards read them. */
  get _nodes(): MachineSnapshot['_nodes'] {
    return this.#nodes;
  }

  /** True if the machine is in a state, as XState's own guards ask for it. */
  matches(value: StateValue): boolean {
    return matchesState(value, this.#configuration.value());
  }

  /** The snapshot with the fields so far. */
  get result(): MachineSnapshot {
    return this.#result;
  }

  get #result(): MachineSnapshot {
    this.#snapshot ??= makeSnapshot(
      this,
      this.#nodes,
      this.#configuration.value(),
      this.#configuration.tags,
      this.#history,
    );
    return this.#snapshot;
  }

  /** Makes the microsteps that follow without another event from outside. */
  #settle(): MachineSnapshot {
    const most = this.machine.options?.maxIterations ?? Number.POSITIVE_INFINITY;
    let isChanged = true;
    for (let count = 1; this.status === 'active'; count += 1) {
      if (count > most) {
        throw new Error(
          `Infinite loop detected: the machine has processed more than ${most} microsteps without reaching a stable state. This usually happens when there's a cycle of transitions (e.g., eventless transitions or raised events causing state A -> B -> C -> A).`,
        );
      }
      const eventless = isChanged ? this.#selectEventless() : undefined;
      if (eventless !== undefined) {
        const before = this.#version;
        this.#microstep(eventless);
        isChanged = this.#version !== before;
      } else {
        if (this.#queue === undefined || this.#queue.length === 0) break;
        this.#event = this.#queue.shift() as AnyEventObject;
        this.#microstep(this.#answer());
        isChanged = true;
      }
    }
    const result = this.#result;
    if (result.status !== 'active') this.#stopChildren();
    return result;
  }

  #stop(): MachineSnapshot {
    this.#stopChildren();
    this.status = 'stopped';
    this.#change();
    this.#tell();
    return this.#result;
  }

  /** Ends the machine with the error of a child that nothing handles. */
  #fail(): MachineSnapshot {
    this.#stopChildren();
    this.status = 'error';
    this.error = (this.#event as AnyEventObject & { error: unknown }).error;
    this.#change();
    this.#tell();
    return this.#result;
  }

  #stopChildren(): void {
    for (const child of Object.values(this.children)) this.#run([stopOf(child)]);
  }

  #tell(): void {
    // Most snapshots between two microsteps are never looked at, so they are not made.
    if (hasInspector(this.#scope.system)) tellMicrostep(this.#scope, this.#event, this.#result, this.#selected);
  }

  /** Notes that a field of the snapshot has changed. */
  #change(snapshot?: MachineSnapshot): void {
    this.#snapshot = snapshot;
    this.#version += 1;
  }

  #microstep(step: Step | undefined): void {
    if (step !== undefined) this.#carryOut(step);
    this.#tell();
  }

  /** Finds the step that answers the event. */
  #answer(): Step | undefined {
    const event = this.#event;
    if (typeof event.type !== 'string') {
      this.#selected = this.machine.getTransitionData(this.#result as never, event) as never;
      return this.#selected.length === 0 ? undefined : this.#configuration.stepOfAll(this.#selected, this.#history);
    }
    this.#selected = NONE;
    const plan = this.#configuration.planOf(event.type);
    if (plan === undefined) return undefined;
    if (plan.regions.length === 0) {
      const branch = firstOf(plan.branches, this, this.#given());
      if (branch === undefined) return undefined;
      this.#selected = branch.alone;
      return this.#configuration.stepOf(branch, this.#history);
    }
    this.#selected = select(plan, this, this.#given());
    return this.#selected.length === 0 ? undefined : this.#configuration.stepOfAll(this.#selected, this.#history);
  }

  #selectEventless(): Step | undefined {
    const { eventless } = this.#configuration;
    if (eventless.length === 0) return undefined;
    const seen = this.#given();
    let selected = NONE as readonly Transition[];
    for (const branches of eventless) {
      for (const { transition, guard, alone } of branches) {
        if (guard !== undefined && !holds(guard, this, seen)) continue;
        if (selected.length === 0) selected = alone;
        else if (!selected.includes(transition)) selected = [...selected, transition];
        break;
      }
    }
    if (selected.length === 0) return undefined;
    const step = this.#configuration.stepOfAll(selected, this.#history);
    this.#selected = step.transitions;
    return step;
  }

  #carryOut(step: Step): void {
    this.#run(step.actions);
    if (step.failure !== undefined) throw step.failure.error;
    for (const { actions, invoked, completion } of step.entries) {
      this.#run(actions, invoked);
      if (this.#retries !== undefined) this.#retry(this.#retries);
      if (completion !== undefined) this.#complete(completion);
    }
    this.#run(step.last);
    if (step.next === undefined) return;
    if (step.history.length > 0) {
      const history: Record<string, HistoryValue[string]> = { ...this.#history };
      for (const [id, nodes] of step.history) history[id] = [...nodes];
      this.#history = history;
    }
    this.#move(step.next);
  }

  #move(configuration: Configuration<Part, Part>): void {
    this.#configuration = configuration;
    this.#nodes = configuration.nodes;
    this.#change();
  }

  #retry(retries: [BuiltIn, unknown][]): void {
    this.#retries = undefined;
    for (const [action, params] of retries) action.retryResolve?.(this.#scope, this.#result, params);
  }

  #complete({ node, parent, regions, root }: Completion): void {
    if (parent !== undefined) this.#raise({ type: parent, output: this.#outputOf(node.output, this.#event) });
    for (const type of regions) this.#raise({ type, output: undefined });
    if (root === undefined) return;
    const { output } = this.machine.root;
    if (output !== undefined) {
      const inner = root.parent === undefined ? undefined : this.#outputOf(root.output, this.#event);
      this.output = this.#outputOf(output, { type: `xstate.done.state.${root.id}`, output: inner });
    } else {
      this.output = undefined;
    }
    this.status = 'done';
    this.#change();
  }

  #outputOf(output: unknown, event: AnyEventObject): unknown {
    if (typeof output !== 'function') return output;
    return output({ context: this.context, event, self: this.#scope.self });
  }

  #raise(event: AnyEventObject): void {
    this.#queue ??= [];
    this.#queue.push(event);
  }

  #run(actions: readonly Part[], invoked?: readonly string[]): void {
    for (const action of actions) {
      const isInline = typeof action === 'function';
      const name = isInline ? '' : typeof action === 'string' ? action : action.type;
      const resolved = (isInline ? action : this.machine.implementations.actions[name]) as Run | BuiltIn | undefined;
      const params = isInline || typeof action === 'string' ? undefined : this.#paramsOf(action.params);
      if (!resolved || !isBuiltIn(resolved)) {
        this.#execute(isInline ? action.name || '(anonymous)' : name, params, resolved);
      } else if (isAssign(resolved) && this.context) {
        this.#assign(assignmentOf(resolved), params);
      } else {
        this.#runBuiltIn(resolved, params, invoked);
      }
    }
  }

  /** Runs an action of the machine's author. */
  #execute(type: string, params: unknown, exec: Run | undefined): void {
    const info = this.#info();
    // XState says what is wrong with an action that is no function.
    const isSound = exec === undefined || typeof exec === 'function';
    if (!isSound || !runsAtOnce(this.#scope)) this.#scope.actionExecutor({ type, info, params, exec });
    else exec?.(info, params);
  }

  #paramsOf(params: unknown): unknown {
    return typeof params === 'function' ? params(this.#given()) : params;
  }

  /** The arguments of a guard. */
  #given(): Seen {
    const { context } = this;
    const event = this.#event;
    if (this.#seen?.context !== context || this.#seen.event !== event) this.#seen = { context, event };
    return this.#seen;
  }

  /** The arguments of an action. */
  #info(): Args {
    const { context } = this;
    const event = this.#event;
    if (this.#args?.context !== context || this.#args.event !== event) {
      const { self, system } = this.#scope;
      this.#args = { context, event, self, system };
    }
    return this.#args;
  }

  #runBuiltIn(action: BuiltIn, params: unknown, invoked: readonly string[] | undefined): void {
    const scope = this.#scope;
    const before = isReader(action) ? this : this.#result;
    const info = this.#info();
    this.#queue ??= [];
    const extra = { internalQueue: this.#queue, deferredActorIds: invoked };
    const [after, own, more] = action.resolve(scope, before, info, params, action, extra);
    if ((after as Situation) !== before) {
      const isSame = this.children === after.children;
      this.context = after.context;
      // XState deletes a child that ends, and leaves a dictionary. A copy takes less memory, for as long as the actor lives.
      if (!isSame) this.children = { ...after.children };
      this.#change(isSame ? after : undefined);
    }
    if (invoked !== undefined && 'retryResolve' in action) {
      this.#retries ??= [];
      this.#retries.push([action, own]);
    }
    if (action.execute !== undefined) {
      if (runsAtOnce(scope)) action.execute(scope, own);
      else scope.actionExecutor({ type: action.type, info, params: own, exec: action.execute.bind(null, scope, own) });
    }
    if (more) this.#run(more, invoked);
  }

  #assign(assignment: unknown, params?: unknown): void {
    const { self, system } = this.#scope;
    const { context } = this;
    const event = this.#event;
    let spawned: Record<string, AnyActorRef> | undefined;
    // Not assigned to a field: V8 makes such a function in old memory, where it keeps the actor until all memory is collected.
    const spawn = (src: unknown, options: unknown): AnyActorRef => {
      const actor = spawnerOf(this.#scope, this.machine, context, event)(src, options);
      spawned ??= {};
      spawned[actor.id] = actor;
      return actor;
    };
    const args = { context, event, spawn, self, system };
    let changes: Record<string, unknown> = {};
    if (typeof assignment === 'function') {
      changes = assignment(args, params);
    } else {
      for (const [field, value] of Object.entries(assignment as object)) {
        changes[field] = typeof value === 'function' ? value(args, params) : value;
      }
    }
    this.context = this.#structure.contexts.with(context, changes);
    if (spawned !== undefined) this.children = { ...this.children, ...spawned };
    this.#change();
  }
}

/** Selects the transitions that answer an event, as {@link Plan} describes it. */
export function select(plan: Plan<Part, Part>, at: Situation, seen: Seen): readonly Transition[] {
  let selected: readonly Transition[] = NONE;
  for (const region of plan.regions) {
    const more = select(region, at, seen);
    if (more.length > 0) selected = selected.length === 0 ? more : [...selected, ...more];
  }
  return selected.length > 0 ? selected : (firstOf(plan.branches, at, seen)?.alone ?? NONE);
}

/** Returns the first branch whose guard holds. */
function firstOf(branches: readonly Branch<Part, Part>[], at: Situation, seen: Seen): Branch<Part, Part> | undefined {
  for (const branch of branches) {
    const { guard } = branch;
    if (guard === undefined) return branch;
    let isHeld: unknown;
    try {
      isHeld = holds(guard, at, seen);
    } catch (error) {
      const name = typeof guard === 'string' ? guard : typeof guard === 'object' ? guard.type : undefined;
      // biome-ignore lint/style/useErrorCause: XState's error has none.
      throw new Error(
        `Unable to evaluate guard ${name ? `'${name}' ` : ''}in transition for event '${seen.event.type}' in state node '${branch.transition.source.id}':\n${(error as Error).message}`,
      );
    }
    if (isHeld) return branch;
  }
  return undefined;
}

function holds(guard: Part, at: Situation, seen: Seen): unknown {
  const isInline = typeof guard === 'function';
  const name = isInline ? '' : typeof guard === 'string' ? guard : guard.type;
  const resolved = (isInline ? guard : at.machine.implementations.guards[name]) as
    | Run
    | BuiltInGuard
    | string
    | undefined;
  if (!isInline && !resolved) throw new Error(`Guard '${name}' is not implemented.'.`);
  if (typeof resolved !== 'function') return holds(resolved as Part, at, seen);
  const given = typeof guard === 'object' ? guard.params : undefined;
  const params = typeof given === 'function' ? given(seen) : given;
  if (!isBuiltInGuard(resolved)) return resolved(seen, params);
  const kind = kindOf(resolved);
  if (kind === 'not') return !holds(resolved.guards[0] as Part, at, seen);
  if (kind !== undefined) {
    const isDecisive = kind === 'or';
    for (const part of resolved.guards) if (Boolean(holds(part, at, seen)) === isDecisive) return isDecisive;
    return !isDecisive;
  }
  // A guard of another kind gets the snapshot itself.
  return resolved.check(at instanceof Macrostep && !isStateIn(resolved) ? at.result : at, seen, resolved);
}
