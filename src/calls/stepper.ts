import type { AnyEventObject, AnyStateMachine, AnyStateNode, ContextFrom, EventFrom, InputFrom } from 'xstate';

/** An action or a guard, as everybody may write one. */
type Part = string | { type: string; params?: unknown } | ((args: Args, params: unknown) => unknown);
interface Args {
  context: object;
  event: AnyEventObject;
}
type Params = ((args: Args) => unknown) | undefined;

/** One effect, or one assignment, that a step makes. */
interface Action {
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
  /** All that the step does: leaving, what the transition asks for, entering. */
  readonly actions: readonly Action[];
}

interface State {
  readonly value: string;
  readonly isFinal: boolean;
  readonly on: Map<string, readonly Branch[]>;
}

/** A flat machine as a table of its transitions. */
export interface Table<Machine extends AnyStateMachine> {
  readonly machine: Machine;
  readonly contextOf: (input: InputFrom<Machine>) => ContextFrom<Machine>;
  readonly initial: State;
  readonly entry: readonly Action[];
  /** Whether any action assigns. */
  readonly assigns: boolean;
  readonly outputOf: ((context: object) => unknown) | undefined;
}

/** What hears of every step that is made: an inspector. */
export interface StepObserver {
  stepped(stepper: Stepper<AnyStateMachine>, event: AnyEventObject): void;
}

/**
 * Compiles a flat machine: states side by side, events by their exact names, guards and assignments and plain effects. The
 * definition stays the one source, and a step costs what its guards and effects cost: no actor, no mailbox, no snapshot.
 * The context that guards and effects are given is the machine's own, and changes with it: none of them may keep it.
 *
 * @throws Error for anything that would not come out exactly as XState has it: states in states, `invoke`, `after`,
 * `always`, wildcards, history, tags, and actions that XState itself carries out, but for `assign`.
 */
export function compile<Machine extends AnyStateMachine>(machine: Machine): Table<Machine> {
  const { root } = machine;
  const refuse = (what: string): never => {
    throw new Error(`machine '${machine.id}' can't be compiled: ${what}`);
  };
  if (root.type !== 'compound') refuse('it has no states, or parallel ones');
  refuseNode(root, refuse);
  const nodes = Object.values(root.states) as AnyStateNode[];
  const states = new Map<AnyStateNode, State>(
    nodes.map((node) => [node, { value: node.key, isFinal: node.type === 'final', on: new Map() }]),
  );
  let assigns = false;
  const compileActions = (parts: readonly unknown[]): Action[] => {
    const actions = parts.map((part) => actionOf(part as Part, machine, refuse));
    assigns ||= actions.some(({ isAssign }) => isAssign);
    return actions;
  };
  for (const node of nodes) {
    const where = `state '${node.key}'`;
    if (node.type !== 'atomic' && node.type !== 'final') refuse(`${where} is ${node.type}`);
    refuseNode(node, (what) => refuse(`${where}: ${what}`));
    // What the machine as a whole answers to comes after what the state does.
    const events = new Set([...node.transitions.keys(), ...root.transitions.keys()]);
    for (const event of events) {
      if (event.includes('*')) refuse(`${where}: the wildcard '${event}'`);
      const transitions = [...(node.transitions.get(event) ?? []), ...(root.transitions.get(event) ?? [])];
      const branches = transitions.map((transition): Branch => {
        const { guard, target, actions, reenter } = transition;
        if (target !== undefined && target.length !== 1) refuse(`${where}, '${event}': not one target`);
        const to = target?.[0] as AnyStateNode | undefined;
        if (to !== undefined && !states.has(to)) refuse(`${where}, '${event}': the target '${to.id}'`);
        const isMove = to !== undefined && (to !== node || reenter);
        const run = isMove ? [...node.exit, ...actions, ...to.entry] : actions;
        return {
          guard: guard === undefined ? undefined : guardOf(guard as unknown as Part, machine, refuse),
          target: to === undefined ? undefined : states.get(to),
          actions: compileActions(run),
        };
      });
      (states.get(node) as State).on.set(event, branches);
    }
  }
  const { target, actions } = root.initial;
  const initial = target[0] as AnyStateNode;
  const { context, output } = machine.config as { context?: unknown; output?: unknown };
  if (output !== undefined && typeof output !== 'function') refuse('an output that is no function');
  const outputOf = output as ((args: { context: object }) => unknown) | undefined;
  const entry = compileActions([...root.entry, ...actions, ...initial.entry]);
  return {
    machine,
    assigns,
    contextOf: (typeof context === 'function'
      ? (input: unknown) => (context as (args: { input: unknown }) => unknown)({ input })
      : () => context ?? {}) as Table<Machine>['contextOf'],
    initial: states.get(initial) as State,
    entry,
    outputOf: outputOf && ((context) => outputOf({ context })),
  };
}

/** What no state may have. */
function refuseNode(node: AnyStateNode, refuse: (what: string) => never): void {
  if (node.invoke.length > 0) refuse('invoke');
  if (node.after.length > 0) refuse('after');
  if ((node.always?.length ?? 0) > 0) refuse('always');
  if (node.tags.length > 0) refuse('tags');
  if (node.parent !== null && node.parent !== undefined && Object.keys(node.states).length > 0) refuse('states within');
}

function actionOf(part: Part, machine: AnyStateMachine, refuse: (what: string) => never): Action {
  const { resolved, params, fixed } = resolve(part, machine.implementations.actions, 'action', refuse);
  const { type, assignment } = resolved as { type?: string; assignment?: unknown };
  if (type?.startsWith('xstate.') !== true) {
    return { run: resolved as Action['run'], params, fixed, isAssign: false };
  }
  if (type !== 'xstate.assign') refuse(`the action ${type}`);
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

function guardOf(part: Part, machine: AnyStateMachine, refuse: (what: string) => never): Guard {
  const { resolved, params, fixed } = resolve(part, machine.implementations.guards, 'guard', refuse);
  // `and`, `or`, `not` and `stateIn` look at more than there is here.
  if ('check' in resolved) refuse('a guard made of others; give it a name of its own');
  return { check: resolved as Guard['check'], params, fixed };
}

function resolve(part: Part, named: Record<string, unknown>, kind: string, refuse: (what: string) => never) {
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

/** One instance of a compiled machine. Its steps are XState's own; `send` returns when all effects of the event are done. */
export class Stepper<Machine extends AnyStateMachine> {
  readonly table: Table<Machine>;
  readonly #observer: StepObserver | undefined;
  readonly #context: object;
  #state: State;
  #isBusy = false;
  /** What was sent from within an effect: an actor's mailbox keeps it for after the step, too. */
  #waiting: AnyEventObject[] | undefined;

  constructor(table: Table<Machine>, input: InputFrom<Machine>, observer?: StepObserver) {
    this.table = table;
    this.#observer = observer;
    this.#state = table.initial;
    const context = table.contextOf(input) as object;
    this.#context = table.assigns ? { ...context } : context;
  }

  get value(): string {
    return this.#state.value;
  }

  /** The context as it is now. */
  get context(): ContextFrom<Machine> {
    return { ...this.#context } as ContextFrom<Machine>;
  }

  get isDone(): boolean {
    return this.#state.isFinal;
  }

  get output(): unknown {
    return this.#state.isFinal ? this.table.outputOf?.(this.#context) : undefined;
  }

  /** Enters the initial state. */
  start(): void {
    const event = { type: 'xstate.init' };
    this.#isBusy = true;
    this.#run(this.table.entry, event);
    this.#observer?.stepped(this as unknown as Stepper<AnyStateMachine>, event);
    this.#settle();
  }

  send(event: EventFrom<Machine>): void {
    if (this.#isBusy) {
      this.#waiting ??= [];
      this.#waiting.push(event as AnyEventObject);
      return;
    }
    this.#isBusy = true;
    this.#step(event as AnyEventObject);
    this.#settle();
  }

  /** The steps that the step before has asked for. */
  #settle(): void {
    if (this.#waiting !== undefined) {
      for (const event of this.#waiting) this.#step(event);
      this.#waiting = undefined;
    }
    this.#isBusy = false;
  }

  #step(event: AnyEventObject): void {
    const state = this.#state;
    const branches = state.isFinal ? undefined : state.on.get(event.type);
    if (branches !== undefined) {
      for (const { guard, target, actions } of branches) {
        if (guard !== undefined) {
          const args = { context: this.#context, event };
          if (!guard.check(args, guard.params === undefined ? guard.fixed : guard.params(args))) continue;
        }
        if (target !== undefined) this.#state = target;
        this.#run(actions, event);
        break;
      }
    }
    this.#observer?.stepped(this as unknown as Stepper<AnyStateMachine>, event);
  }

  #run(actions: readonly Action[], event: AnyEventObject): void {
    for (const { run, params, fixed, isAssign } of actions) {
      const args = { context: this.#context, event };
      const result = run(args, params === undefined ? fixed : params(args));
      // In place, which costs a tenth of a copy.
      if (isAssign) Object.assign(this.#context, result);
    }
  }
}
