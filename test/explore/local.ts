/**
 * One machine as a table that is filled in during its use: its local states, and for each state and event the next state and
 * XState's actions on the way there, as data. XState runs once for each distinct local step.
 *
 * The compiled machine makes each of these steps, too, and has to come to the same state by the same actions.
 *
 * XState gives its actions to the `actionExecutor` of the scope in which a transition runs. Ours collects them and executes
 * none. The caller of a step interprets them.
 */
import { type AnyActorRef, type AnyMachineSnapshot, type AnyStateMachine, createActor, createMachine } from 'xstate';
import { compile } from '../../src/compile/index.js';
import { canonical, Interner } from './canonical.js';

export interface Event {
  readonly type: string;
}

/** An action of a local step. They come in XState's order. All but effects wait until the step is over. */
export type Action =
  | { readonly kind: 'effect'; readonly name: string; readonly params: unknown }
  | { readonly kind: 'send'; readonly to: string; readonly event: Event }
  | { readonly kind: 'schedule'; readonly id: string; readonly event: Event; readonly delay: number }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'spawn'; readonly id: string; readonly src: string; readonly input: unknown }
  | { readonly kind: 'stop'; readonly id: string }
  | { readonly kind: 'emit'; readonly event: Event };

export interface Step {
  readonly state: number;
  readonly actions: readonly Action[];
}

/** A step before its state is known by a number. */
interface Made {
  readonly snapshot: AnyMachineSnapshot;
  readonly key: string;
  readonly actions: readonly Action[];
}

/** An opaque constant of the context: a port or a parent that no guard and no assign reads. It is no part of a state. */
export class Opaque {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  toJSON(): undefined {
    return undefined;
  }
}

/** The error of a machine that threw, or that does something else if it is compiled. */
export class Thrown extends Error {}

/** The argument of XState's action executor. */
interface RawAction {
  readonly type: string;
  readonly params: unknown;
}

interface RawParams {
  readonly event: Event;
  readonly id: string;
  readonly delay: number | undefined;
  readonly sendId: string;
  readonly src: string;
  readonly input: unknown;
  readonly to: { readonly id: string };
  readonly targetId: string | undefined;
}

/** The canonical forms of events, by which they are compared. */
const KEYS = new WeakMap<Event, string>();

export class Local {
  readonly name: string;
  readonly #machine: AnyStateMachine;
  readonly #compiled: AnyStateMachine;
  readonly #states = new Interner<AnyMachineSnapshot>();
  readonly #starts = new Map<string, Step>();
  readonly #steps: Map<string, Step>[] = [];
  readonly #representatives = new Map<string, number>();
  #collected: Action[] = [];
  readonly #scope: Parameters<AnyStateMachine['transition']>[2];

  constructor(name: string, machine: AnyStateMachine) {
    this.name = name;
    this.#machine = machine;
    this.#compiled = compile(machine);
    // A placeholder for the actor that XState expects around a transition. It is never started.
    const self: AnyActorRef = createActor(createMachine({}));
    const nothing = () => {};
    this.#scope = {
      self,
      system: self.system,
      id: '',
      sessionId: '',
      logger: nothing,
      defer: nothing,
      stopChild: nothing,
      emit: nothing,
      actionExecutor: (action: RawAction) => this.#collect(action),
    } as never;
  }

  /** The number of local states reached so far. */
  get size(): number {
    return this.#states.size;
  }

  snapshot(state: number): AnyMachineSnapshot {
    return this.#states.of(state);
  }

  start(input: unknown): Step {
    const key = canonical(input);
    let step = this.#starts.get(key);
    if (step === undefined) {
      step = this.#both('the start', (machine) => machine.getInitialSnapshot(this.#scope, input));
      this.#starts.set(key, step);
    }
    return step;
  }

  step(state: number, event: Event): Step {
    const steps = this.#steps[state] ?? new Map<string, Step>();
    this.#steps[state] = steps;
    let key = KEYS.get(event);
    if (key === undefined) {
      key = canonical(event);
      KEYS.set(event, key);
    }
    let step = steps.get(key);
    if (step === undefined) {
      const snapshot = this.snapshot(state);
      step = this.#both(event.type, (machine) => machine.transition(snapshot, event, this.#scope));
      steps.set(key, step);
    }
    return step;
  }

  /** Returns the first state with this `key`. The differences between states with the same key do not matter any more. */
  representative(state: number, key: string): number {
    const first = this.#representatives.get(key);
    if (first === undefined) this.#representatives.set(key, state);
    return first ?? state;
  }

  /** Makes a step on XState's own code and compiled, and compares them. */
  #both(on: string, run: (machine: AnyStateMachine) => unknown): Step {
    const [step, compiled] = [this.#machine, this.#compiled].map((machine) => this.#run(on, machine, run)) as [
      Made,
      Made,
    ];
    if (step.key !== compiled.key || canonical(step.actions) !== canonical(compiled.actions)) {
      throw new Thrown(`${this.name} compiled does something else on ${on}`);
    }
    return { state: this.#states.add(step.snapshot, step.key), actions: step.actions };
  }

  #run(on: string, machine: AnyStateMachine, run: (machine: AnyStateMachine) => unknown): Made {
    this.#collected = [];
    let snapshot: AnyMachineSnapshot;
    try {
      snapshot = run(machine) as AnyMachineSnapshot;
    } catch (error) {
      throw new Thrown(`${this.name} threw on ${on}: ${String(error)}`, { cause: error });
    }
    const { value, context, status, output, error, children } = snapshot;
    if (status === 'error') throw new Thrown(`${this.name} failed: ${String(error)}`, { cause: error });
    const key = canonical({ value, context, status, output, children: Object.keys(children) });
    return { snapshot, key, actions: this.#collected };
  }

  #collect({ type, params }: RawAction): void {
    const action = actionOf(type, params as RawParams);
    if (action !== undefined) this.#collected.push(action);
  }
}

function actionOf(type: string, params: RawParams): Action | undefined {
  switch (type) {
    case 'xstate.raise': {
      const { event, id, delay } = params;
      // An event without a delay has already been taken within the step.
      return delay === undefined ? undefined : { kind: 'schedule', id, event, delay };
    }
    case 'xstate.cancel':
      return { kind: 'cancel', id: params.sendId };
    case 'xstate.spawnChild':
      return { kind: 'spawn', id: params.id, src: params.src, input: params.input };
    case 'xstate.stopChild':
      // Without an actor there is nothing to stop.
      return params === undefined ? undefined : { kind: 'stop', id: params.id };
    case 'xstate.sendTo':
      if (params.delay !== undefined) throw new Error('a delayed sendTo is not modelled');
      return { kind: 'send', to: params.targetId ?? params.to.id, event: params.event };
    case 'xstate.emit':
      return { kind: 'emit', event: params.event };
    default:
      if (type.startsWith('xstate.')) throw new Error(`${type} is not modelled`);
      return { kind: 'effect', name: type, params };
  }
}
