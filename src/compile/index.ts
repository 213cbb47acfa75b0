import { type AnyEventObject, type AnyStateMachine, StateMachine } from 'xstate';
import { allNodesOf, type MachineSnapshot, type Part, type Scope, type Transition } from './internals.js';
import { Macrostep, select } from './logic.js';
import { Structure } from './structure.js';

/** The machines that `compile` returned. */
const COMPILED = new WeakSet<AnyStateMachine>();

const asWritten = { action: (part: Part) => part, guard: (part: Part) => part };

/**
 * Compiles a state machine. The result is an XState logic that behaves as the machine does: the same snapshots, actions,
 * inspection events and errors in the same order. It only takes less time, since it works out once what depends on the
 * machine's definition alone: which transitions answer an event, and which nodes and actions belong to a step.
 *
 * The result takes the machine's place everywhere: in `createActor`, `invoke`, `spawn`, `transition`, and in
 * {@link https://stately.ai/docs/graph | graph} tools. Its `provide` returns a compiled machine, too. It shares the state
 * nodes with the machine. So each of them continues from a snapshot of the other, persisted or not.
 *
 * A machine is returned as it is if it was compiled before, if another copy of XState has made it, or if it has an event
 * descriptor or an output that XState warns of.
 *
 * @param machine what `createMachine` or `setup(…).createMachine` returned
 * @throws TypeError if `machine` is no state machine
 * @example
 * ```ts
 * const light = createMachine({ initial: 'red', states: { red: { on: { next: 'green' } }, green: {} } });
 * const actor = createActor(compile(light)).start();
 * actor.send({ type: 'next' });
 * ```
 */
export function compile<Machine extends AnyStateMachine>(machine: Machine): Machine {
  if (!isMachine(machine)) {
    throw new TypeError(
      `compile: 'machine' has to be a state machine of XState, as createMachine returns it, but is ${describe(machine)}`,
    );
  }
  if (COMPILED.has(machine) || !(machine instanceof StateMachine) || isOdd(machine)) return machine;
  const prototype = Object.getPrototypeOf(machine) as AnyStateMachine;
  const structure = new Structure<Part, Part>(machine, asWritten);
  const { root } = machine;

  // XState's own step takes all other snapshots. Those of a machine that has ended take no events, except in pure functions.
  const isOurs = (snapshot: MachineSnapshot | undefined) => snapshot?.machine?.root === root;

  const compiled = Object.create(
    Object.create(prototype, {
      provide: hidden((implementations: never) => compile(prototype.provide.call(compiled, implementations))),
      getTransitionData: hidden((snapshot: MachineSnapshot, event: AnyEventObject): readonly Transition[] => {
        if (!isOurs(snapshot) || typeof event.type !== 'string') {
          return prototype.getTransitionData.call(compiled, snapshot as never, event) as never;
        }
        const plan = structure.configurationOf(snapshot._nodes).planOf(event.type);
        return plan === undefined ? [] : [...select(plan, snapshot, { context: snapshot.context, event })];
      }),
    }),
    Object.getOwnPropertyDescriptors(machine),
  ) as Machine;

  const transition = (snapshot: MachineSnapshot, event: AnyEventObject, scope: Scope): MachineSnapshot => {
    if (typeof event.type !== 'string' || event.type === '*' || !isOurs(snapshot) || snapshot.status !== 'active') {
      return prototype.transition.call(compiled, snapshot as never, event, scope as never) as never;
    }
    return new Macrostep(structure, snapshot, event, scope).take();
  };

  const getInitialSnapshot = (scope: Scope, input: unknown): MachineSnapshot => {
    const { context } = compiled.config as { context?: object };
    const { preInitial } = structure;
    const origin = {
      status: 'active' as const,
      output: undefined,
      error: undefined,
      machine: compiled,
      context: typeof context !== 'function' && context ? context : {},
      children: {},
      _nodes: preInitial.nodes,
      historyValue: {},
    };
    return new Macrostep(structure, origin, { type: 'xstate.init', input }, scope).start();
  };

  const restoreSnapshot = prototype.restoreSnapshot.bind(compiled);
  Object.assign(compiled, { transition, getInitialSnapshot, restoreSnapshot });
  COMPILED.add(compiled);
  return compiled;
}

function hidden(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true };
}

function isMachine(value: unknown): value is AnyStateMachine {
  return typeof value === 'object' && value !== null && '__xstatenode' in value;
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

/**
 * True if XState's step would print a warning for the machine or, for state names that it takes for ids, find other states.
 */
function isOdd(machine: AnyStateMachine): boolean {
  for (const { key, parent, transitions, output } of allNodesOf(machine)) {
    if (parent !== undefined && key.startsWith('#')) return true;
    for (const type of transitions.keys()) if (type.endsWith('.*') && type.indexOf('*') < type.length - 1) return true;
    const isObject = typeof output === 'object' && output !== null;
    if (isObject && Object.values(output).some((value) => typeof value === 'function')) return true;
  }
  return false;
}
