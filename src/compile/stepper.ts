import type { AnyEventObject, AnyStateMachine, AnyStateNode, ContextFrom, EventFrom, InputFrom } from 'xstate';
import { assignmentOf, builtInTypeOf, isBuiltInGuard, type Part } from './internals.js';
import { type Configuration, type Move, Structure } from './structure.js';

/**
 * The arguments of guards and effects. There is no actor: `self`, `system` and `spawn` throw, since undefined would mislead.
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

/** A guard, an effect or an assignment, with its parameters. */
export interface Run {
  readonly run: (args: Args, params: unknown) => unknown;
  readonly params: ((args: Args) => unknown) | undefined;
  readonly fixed: unknown;
  /** The field that gets the result, or true if the result has the fields to assign; undefined if nothing is assigned. */
  readonly assigns: string | true | undefined;
}

type Author = Run['run'];
type Refuse = (what: string) => never;

/** Runs a guard, an effect or an assignment. It assigns in place, which costs a tenth of a copy. */
export function run({ run: author, params, fixed, assigns }: Run, args: Args): unknown {
  const result = author(args, params === undefined ? fixed : params(args));
  if (assigns === undefined) return result;
  if (assigns === true) return Object.assign(args.context, result);
  (args.context as Record<string, unknown>)[assigns] = result;
  return result;
}

/** A flat machine whose steps are found as those of {@link compile}, for steppers. */
export interface Table<Machine extends AnyStateMachine> {
  readonly machine: Machine;
  readonly structure: Structure<Run, Run>;
  readonly contextOf: (input: InputFrom<Machine>) => ContextFrom<Machine>;
  /** True if any action assigns. */
  readonly assigns: boolean;
  readonly outputOf: ((args: Args) => unknown) | undefined;
}

/** An inspector that is told every step. */
export interface StepObserver {
  stepped(stepper: Stepper<AnyStateMachine>, event: AnyEventObject): void;
}

/** The event of a start, as observers see it. The input is left out: it holds the port, which observers must not see. */
const INIT = { type: 'xstate.init' } as const;

const NO_HISTORY = {};

/**
 * One instance of a flat machine, without an actor. Its steps are XState's own; `send` returns when all effects of the event
 * are done. As with an actor, an error of a guard or an effect ends the instance; `start` or `send` throws it.
 */
export class Stepper<Machine extends AnyStateMachine> {
  readonly table: Table<Machine>;
  /** The machine's own context. Later steps update it in place. */
  readonly context: ContextFrom<Machine>;
  /** Its index in the session's list of steppers that inspectors are shown; undefined if it is not in the list. */
  place: number | undefined;
  readonly #observer: StepObserver | undefined;
  readonly #input: InputFrom<Machine>;
  #configuration: Configuration<Run, Run>;
  #status: 'active' | 'done' | 'error' = 'active';
  /** True until it is started, too: events sent before the start come after it. */
  #isBusy = true;
  /** Events sent from within an effect. They wait for the end of the step, as in an actor's mailbox. */
  #waiting: AnyEventObject[] | undefined;

  constructor(table: Table<Machine>, input: InputFrom<Machine>, observer?: StepObserver) {
    this.table = table;
    const context = table.contextOf(input) as object;
    this.context = (table.assigns ? { ...context } : context) as ContextFrom<Machine>;
    this.#observer = observer;
    this.#input = input;
    this.#configuration = initialOf(table.structure);
  }

  /** The state. Within an effect it is still the state before the step. */
  get value(): string {
    return this.#configuration.value() as string;
  }

  get status(): 'active' | 'done' | 'error' {
    return this.#status;
  }

  /** True if the machine takes no more events. */
  get isDone(): boolean {
    return this.#status !== 'active';
  }

  get output(): unknown {
    const { context, table } = this;
    if (this.#status !== 'done') return undefined;
    const [state] = this.#configuration.nodes;
    const event = { type: `xstate.done.state.${(state as AnyStateNode).id}`, output: undefined };
    return table.outputOf?.(new Args(context, event));
  }

  /** Enters the initial state; once. */
  start(): void {
    try {
      // No spread of a constant: V8 puts such an object into old memory at once, and all that it holds lives for long.
      const init = { type: INIT.type, input: this.#input as unknown };
      this.#carryOut(this.table.structure.start, new Args(this.context, init));
      this.#observer?.stepped(this as unknown as Stepper<AnyStateMachine>, INIT);
      this.#settle();
    } catch (error) {
      this.#fail(error);
    }
  }

  send(event: EventFrom<Machine>): void {
    if (this.#isBusy) {
      if (this.isDone) return;
      this.#waiting ??= [];
      this.#waiting.push(event as AnyEventObject);
      return;
    }
    this.#isBusy = true;
    try {
      this.#step(event as AnyEventObject);
      this.#settle();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Makes the steps for the events that were sent during the last step. */
  #settle(): void {
    if (this.#waiting !== undefined) {
      for (const event of this.#waiting) this.#step(event);
      this.#waiting = undefined;
    }
    this.#isBusy = false;
  }

  #fail(error: unknown): never {
    this.#status = 'error';
    this.#waiting = undefined;
    throw error;
  }

  #step(event: AnyEventObject): void {
    const configuration = this.#configuration;
    const plan = this.#status === 'active' ? configuration.planOf(event.type) : undefined;
    if (plan !== undefined) {
      const args = new Args(this.context, event);
      for (const branch of plan.branches) {
        if (branch.guard !== undefined && !run(branch.guard, args)) continue;
        this.#carryOut(branch.step ?? configuration.stepOf(branch, NO_HISTORY), args);
        break;
      }
    }
    this.#observer?.stepped(this as unknown as Stepper<AnyStateMachine>, event);
  }

  #carryOut(step: Move<Run, Run>, args: Args): void {
    for (const action of step.all) run(action, args);
    if (step.next !== undefined) this.#configuration = step.next;
    if (step.isDone) this.#status = 'done';
  }
}

/** Returns the configuration that the machine starts in. */
export function initialOf(structure: Structure<Run, Run>): Configuration<Run, Run> {
  return structure.start.next as Configuration<Run, Run>;
}

function noActor(what: string): never {
  throw new Error(`a compiled machine has no '${what}': it is no actor`);
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

/**
 * Compiles a flat machine for steppers: states side by side, events by their exact names, guards, assignments and plain
 * effects. The definition stays the only source. A step costs only its guards and effects: no actor, no mailbox, no snapshot.
 *
 * Guards and effects get the machine's own context, which is updated in place. They must not keep it, and neither may code
 * that reads {@link Stepper.context}. An effect that uses `self`, `system` or `spawn` throws, since undefined would mislead.
 *
 * @throws Error for each feature that a stepper does not support; the text says which feature, and where. These are: states
 * in states, `invoke`, `after`, `always`, wildcards, tags, history, `exit` at the end and `output` of a final state, more than
 * one target, guards made of others, names without an implementation, and actions that XState itself carries out, except
 * `assign`.
 */
export function tableOf<Machine extends AnyStateMachine>(machine: Machine): Table<Machine> {
  const { root } = machine;
  const refuse: Refuse = (what) => {
    throw new Error(`machine '${machine.id}' can't be compiled: ${what}`);
  };
  if (root.type !== 'compound') refuse('it has no states, or parallel ones');
  const effects = new Map<Part, Run>();
  const guards = new Map<Part, Run>();
  const addAll = (parts: readonly unknown[], refuseHere: Refuse): void => {
    for (const part of parts as readonly Part[]) effects.set(part, effectOf(part, machine, refuseHere));
  };
  for (const node of [root, ...(Object.values(root.states) as AnyStateNode[])]) {
    const where = node === root ? '' : `state '${node.key}'`;
    if (node !== root && node.type !== 'atomic' && node.type !== 'final') refuse(`${where} is ${node.type}`);
    const refuseHere: Refuse = (what) => refuse(where === '' ? what : `${where}: ${what}`);
    refuseNode(node, refuseHere);
    addAll([...node.entry, ...node.exit, ...(node === root ? node.initial.actions : [])], refuseHere);
    for (const [event, transitions] of node.transitions) {
      const refuseThere: Refuse = (what) => refuse(`${where === '' ? '' : `${where}, `}'${event}': ${what}`);
      if (event.includes('*')) refuseThere('a wildcard');
      for (const { guard, target, actions } of transitions) {
        if (target !== undefined && target.length !== 1) refuseThere('not one target');
        const to = target?.[0] as AnyStateNode | undefined;
        if (to !== undefined && to.parent !== root) refuseThere(`the target '${to.id}'`);
        if (guard !== undefined) guards.set(guard as Part, guardOf(guard as Part, machine, refuseThere));
        addAll(actions, refuseThere);
      }
    }
  }
  const { context, output } = machine.config as { context?: unknown; output?: unknown };
  if (output !== undefined && typeof output !== 'function') refuse('an output that is no function');
  return {
    machine,
    structure: new Structure<Run, Run>(machine, {
      action: (part) => effects.get(part) as Run,
      guard: (part) => guards.get(part) as Run,
    }),
    contextOf: (typeof context === 'function'
      ? (input: unknown) => (context as (args: ContextArgs) => unknown)(new ContextArgs(input))
      : () => context ?? {}) as Table<Machine>['contextOf'],
    assigns: [...effects.values()].some(({ assigns }) => assigns !== undefined),
    outputOf: output as Table<Machine>['outputOf'],
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

function effectOf(part: Part, machine: AnyStateMachine, refuse: Refuse): Run {
  const resolved = resolve(part, machine.implementations.actions, 'action', refuse);
  const type = builtInTypeOf(resolved);
  if (type === undefined) return withParams(resolved, part, undefined);
  const assignment = assignmentOf(resolved);
  if (assignment === undefined) refuse(`the action ${type}`);
  if (typeof assignment === 'function') return withParams(assignment as Author, part, true);
  const fields = Object.entries(assignment as object).map(([name, value]): [string, Author] => [
    name,
    typeof value === 'function' ? (value as Author) : () => value,
  ]);
  const [first] = fields;
  if (first !== undefined && fields.length === 1) return withParams(first[1], part, first[0]);
  return withParams(
    (args, params) => Object.fromEntries(fields.map(([name, value]) => [name, value(args, params)])),
    part,
    true,
  );
}

function withParams(author: Author, part: Part, assigns: Run['assigns']): Run {
  const params = typeof part === 'object' ? part.params : undefined;
  return typeof params === 'function'
    ? { run: author, params: params as Run['params'], fixed: undefined, assigns }
    : { run: author, params: undefined, fixed: params, assigns };
}

function guardOf(part: Part, machine: AnyStateMachine, refuse: Refuse): Run {
  const resolved = resolve(part, machine.implementations.guards, 'guard', refuse);
  // `and`, `or`, `not` and `stateIn` need more of XState than a stepper has.
  if (isBuiltInGuard(resolved)) refuse('a guard made of others; give it a name of its own');
  return withParams(resolved, part, undefined);
}

function resolve(part: Part, named: Record<string, unknown>, kind: string, refuse: Refuse): Author {
  const name = typeof part === 'string' ? part : typeof part === 'function' ? undefined : part.type;
  const resolved = name === undefined ? part : named[name];
  if (typeof resolved !== 'function') return refuse(`the ${kind} '${name}' has no implementation of its own`);
  return resolved as Author;
}
