import type { AnyEventObject, AnyStateMachine, AnyStateNode, ContextFrom, InputFrom } from 'xstate';
import { assignmentOf, builtInTypeOf, isBuiltInGuard } from './internals.js';

/** An action or a guard, in each form that XState accepts. */
type Part = string | { type: string; params?: unknown } | ((args: Args, params: unknown) => unknown);
type Params = ((args: Args) => unknown) | undefined;
type Refuse = (what: string) => never;

/**
 * The arguments of guards and actions. There is no actor: `self`, `system` and `spawn` throw, since undefined would mislead.
 */
export class Args {
  readonly context: object;
  readonly event: AnyEventObject;

  constructor(context: object, event: AnyEventObject) {
    this.context = context;
    this.event = event;
  }

  get self(): never {
    return noActor('self');
  }

  get system(): never {
    return noActor('system');
  }

  get spawn(): never {
    return noActor('spawn');
  }
}

/** The arguments of the function that makes the initial context. */
class ContextArgs {
  readonly input: unknown;

  constructor(input: unknown) {
    this.input = input;
  }

  get self(): never {
    return noActor('self');
  }

  get spawn(): never {
    return noActor('spawn');
  }
}

function noActor(what: string): never {
  throw new Error(`a compiled machine has no '${what}': it is no actor`);
}

/** One effect, or one assignment, that a step makes. */
export interface Action {
  readonly run: (args: Args, params: unknown) => unknown;
  readonly params: Params;
  readonly fixed: unknown;
  readonly isAssign: boolean;
}

interface Guard {
  readonly check: (args: Args, params: unknown) => unknown;
  readonly params: Params;
  readonly fixed: unknown;
}

interface Branch {
  readonly guard: Guard | undefined;
  readonly target: State | undefined;
  /** All actions of the step: those of leaving, of the transition, and of entering. */
  readonly actions: readonly Action[];
}

export interface State {
  readonly value: string;
  readonly id: string;
  readonly isFinal: boolean;
  readonly on: Map<string, readonly Branch[]>;
}

/** A flat machine as a table of its transitions. */
export interface Table<Machine extends AnyStateMachine> {
  readonly machine: Machine;
  readonly contextOf: (input: InputFrom<Machine>) => ContextFrom<Machine>;
  readonly initial: State;
  readonly entry: readonly Action[];
  /** True if any action assigns. */
  readonly assigns: boolean;
  readonly outputOf: ((args: Args) => unknown) | undefined;
}

/**
 * Compiles a flat machine: states side by side, events by their exact names, guards, assignments and plain effects. The
 * definition stays the only source. A step costs only its guards and effects: no actor, no mailbox, no snapshot.
 *
 * Guards and effects get the machine's own context, which is updated in place. They must not keep it, and neither may code
 * that reads {@link Stepper.context}. An effect that uses `self`, `system` or `spawn` throws.
 *
 * @throws Error for each feature that would not behave exactly as in XState; the text says which feature, and where. These
 * are: states in states, `invoke`, `after`, `always`, wildcards, tags, history, `exit` at the end and `output` of a final
 * state, more than one target, a transition that enters the whole machine anew, guards made of others, names without an
 * implementation, and actions that XState itself carries out, except `assign`.
 */
export function compile<Machine extends AnyStateMachine>(machine: Machine): Table<Machine> {
  const { root } = machine;
  const refuse: Refuse = (what) => {
    throw new Error(`machine '${machine.id}' can't be compiled: ${what}`);
  };
  if (root.type !== 'compound') refuse('it has no states, or parallel ones');
  refuseNode(root, refuse);
  const nodes = Object.values(root.states) as AnyStateNode[];
  const states = new Map<AnyStateNode, State>(
    nodes.map((node) => [node, { value: node.key, id: node.id, isFinal: node.type === 'final', on: new Map() }]),
  );
  for (const node of nodes) {
    const where = `state '${node.key}'`;
    if (node.type !== 'atomic' && node.type !== 'final') refuse(`${where} is ${node.type}`);
    refuseNode(node, (what) => refuse(`${where}: ${what}`));
    // The transitions of the machine as a whole come after those of the state.
    const events = new Set([...node.transitions.keys(), ...root.transitions.keys()]);
    for (const event of events) {
      const refuseHere: Refuse = (what) => refuse(`${where}, '${event}': ${what}`);
      if (event.includes('*')) refuseHere('a wildcard');
      const transitions = [...(node.transitions.get(event) ?? []), ...(root.transitions.get(event) ?? [])];
      const branches = transitions.map((transition): Branch => {
        const { guard, target, actions, reenter, source } = transition;
        if (target !== undefined && target.length !== 1) refuseHere('not one target');
        const to = target?.[0] as AnyStateNode | undefined;
        if (to !== undefined && !states.has(to)) refuseHere(`the target '${to.id}'`);
        if (source === root && reenter) refuseHere('it enters the whole machine anew');
        // A transition of the machine as a whole enters its target state even from that same state.
        const isMove = to !== undefined && (to !== source || reenter);
        const run = isMove ? [...node.exit, ...actions, ...to.entry] : actions;
        return {
          guard: guard === undefined ? undefined : guardOf(guard as unknown as Part, machine, refuseHere),
          target: to === undefined ? undefined : states.get(to),
          actions: run.map((part) => actionOf(part as Part, machine, refuseHere)),
        };
      });
      (states.get(node) as State).on.set(event, branches);
    }
  }
  const { target, actions } = root.initial;
  const initial = target[0] as AnyStateNode;
  if (!states.has(initial)) refuse(`the initial state '${initial.id}'`);
  const { context, output } = machine.config as { context?: unknown; output?: unknown };
  if (output !== undefined && typeof output !== 'function') refuse('an output that is no function');
  const entry = [...root.entry, ...actions, ...initial.entry].map((part) =>
    actionOf(part as Part, machine, (what) => refuse(`at the start: ${what}`)),
  );
  const all = [
    ...entry,
    ...[...states.values()].flatMap(({ on }) => [...on.values()].flat().flatMap((of) => of.actions)),
  ];
  return {
    machine,
    assigns: all.some(({ isAssign }) => isAssign),
    contextOf: (typeof context === 'function'
      ? (input: unknown) => (context as (args: ContextArgs) => unknown)(new ContextArgs(input))
      : () => context ?? {}) as Table<Machine>['contextOf'],
    initial: states.get(initial) as State,
    entry,
    outputOf: output as ((args: Args) => unknown) | undefined,
  };
}

/** Refuses the features that neither a state nor the machine as a whole may have. */
function refuseNode(node: AnyStateNode, refuse: Refuse): void {
  if (node.invoke.length > 0) refuse('invoke');
  if (node.after.length > 0) refuse('after');
  if ((node.always?.length ?? 0) > 0) refuse('always');
  if (node.tags.length > 0) refuse('tags');
  // XState runs these after the output is made.
  if ((node.type === 'final' || node.parent === undefined) && node.exit.length > 0) refuse('exit at the end');
  if (node.type === 'final' && node.output !== undefined) refuse('an output of its own');
}

function actionOf(part: Part, machine: AnyStateMachine, refuse: Refuse): Action {
  const { resolved, params, fixed } = resolve(part, machine.implementations.actions, 'action', refuse);
  const type = builtInTypeOf(resolved);
  if (type === undefined) return { run: resolved as Action['run'], params, fixed, isAssign: false };
  const assignment = assignmentOf(resolved);
  if (assignment === undefined) refuse(`the action ${type}`);
  const run = typeof assignment === 'function' ? (assignment as Action['run']) : byField(assignment as object);
  return { run, params, fixed, isAssign: true };
}

/** `assign({ field: value or function })`. */
function byField(assignment: object): Action['run'] {
  const fields = Object.entries(assignment) as [string, unknown][];
  return (args, params) =>
    Object.fromEntries(
      fields.map(([name, value]) => [
        name,
        typeof value === 'function' ? (value as Action['run'])(args, params) : value,
      ]),
    );
}

function guardOf(part: Part, machine: AnyStateMachine, refuse: Refuse): Guard {
  const { resolved, params, fixed } = resolve(part, machine.implementations.guards, 'guard', refuse);
  // `and`, `or`, `not` and `stateIn` need more of XState than the compiled machine has.
  if (isBuiltInGuard(resolved)) refuse('a guard made of others; give it a name of its own');
  return { check: resolved as Guard['check'], params, fixed };
}

function resolve(part: Part, named: Record<string, unknown>, kind: string, refuse: Refuse) {
  const name = typeof part === 'string' ? part : typeof part === 'function' ? undefined : part.type;
  const resolved = name === undefined ? part : named[name];
  if (typeof resolved !== 'function') return refuse(`the ${kind} '${name}' has no implementation of its own`);
  const params = typeof part === 'object' ? part.params : undefined;
  return {
    resolved,
    params: typeof params === 'function' ? (params as (args: Args) => unknown) : undefined,
    fixed: typeof params === 'function' ? undefined : params,
  };
}
