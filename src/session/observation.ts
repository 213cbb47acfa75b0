/**
 * Lets inspectors come and go that do not always listen. XState builds every inspection event as soon as a system has
 * an observer, even if the observer ignores it. So an attached inspector observes a system only while it has a
 * listener.
 */
import type { AnyActorRef, AnyEventObject, AnyStateMachine, InspectionEvent } from 'xstate';
import { newSessionId, sendInspection } from '../compile/internals.js';
import type { StepObserver, Stepper } from '../compile/stepper.js';

/** Attaches an inspector to the actor system of a root. Never throws. */
export type Attach = (root: AnyActorRef) => void;

/** The key under which the `inspect` function of such an inspector holds its `Attach`. */
export const ATTACH = Symbol('attach');

/** Returns the `Attach` of an inspector that has one. It is used instead of giving XState the `inspect`. */
export function attachOf(inspect: object | undefined): Attach | undefined {
  return (inspect as { readonly [ATTACH]?: Attach } | undefined)?.[ATTACH];
}

/** A call or a channel in progress, and the object that shows it as an actor. */
interface Shown {
  readonly stepper: Stepper<AnyStateMachine>;
  readonly by: { actorOf(stepper: Stepper<AnyStateMachine>): object };
}

/** The state that the inspectors attached to one system share. */
export class Observation {
  /** The number of these inspectors that listen now. */
  listeners = 0;
  /**
   * Calls and channels in progress, which no actor leads to. Each stepper knows its index here, which costs less than a
   * map.
   */
  readonly #shown: Shown[] = [];

  get steppers(): readonly Shown[] {
    return this.#shown;
  }

  add(shown: Shown): void {
    shown.stepper.place = this.#shown.push(shown) - 1;
  }

  remove(stepper: Stepper<AnyStateMachine>): void {
    const { place } = stepper;
    if (place === undefined) return;
    stepper.place = undefined;
    const last = this.#shown.pop() as Shown;
    if (last.stepper === stepper) return;
    this.#shown[place] = last;
    last.stepper.place = place;
  }
}

const observations = new WeakMap<object, Observation>();

/** Returns the observation of an actor system; undefined when no inspector is attached to it. */
export function observationOf(system: object): Observation | undefined {
  return observations.get(system);
}

/** Returns the observation of an actor system. Makes it when there is none. */
export function observationTo(system: object): Observation {
  let observation = observations.get(system);
  if (observation === undefined) {
    observation = new Observation();
    observations.set(system, observation);
  }
  return observation;
}

/** The owner of a stepper. Inspectors see its number, and beside that only its machine. */
interface Numbered {
  readonly id: number;
}

/** A stepper, in the form in which inspectors see actors. */
interface ShownActor {
  readonly sessionId: string;
  readonly id: string;
  readonly src: string;
  readonly logic: AnyStateMachine;
  readonly _parent: AnyActorRef | undefined;
  getSnapshot(): unknown;
}

/**
 * Shows the calls and channels of a connection to the inspectors of its session, as if each were an actor: its start,
 * its events, and the snapshot after each event. Payloads are shown as their sizes.
 */
export class StepperActors implements StepObserver {
  readonly #system: unknown;
  readonly #parent: () => AnyActorRef | undefined;
  readonly #always: boolean;
  readonly #observation: Observation | undefined;
  readonly #shown = new WeakMap<Stepper<AnyStateMachine>, ShownActor>();

  /** If `always` is true, an inspector always listens. Otherwise nothing is shown while the observation has no listener. */
  constructor(system: unknown, parent: () => AnyActorRef | undefined, always: boolean, observation?: Observation) {
    this.#system = system;
    this.#parent = parent;
    this.#always = always;
    this.#observation = observation;
  }

  stepped(stepper: Stepper<AnyStateMachine>, event: AnyEventObject): void {
    if (this.#observation !== undefined) {
      if (stepper.isDone) this.#observation.remove(stepper);
      else if (event.type === 'xstate.init') this.#observation.add({ stepper, by: this });
      if (this.#observation.listeners === 0 && !this.#always) return;
    }
    const actorRef = this.actorOf(stepper);
    const shown = withSizes(event) as AnyEventObject;
    this.#tell({ type: '@xstate.event', actorRef, sourceRef: this.#parent(), event: shown });
    this.#tell({ type: '@xstate.snapshot', actorRef, event: shown, snapshot: actorRef.getSnapshot() });
  }

  actorOf(stepper: Stepper<AnyStateMachine>): ShownActor {
    let actor = this.#shown.get(stepper);
    if (actor === undefined) {
      const { machine } = stepper.table;
      const { port } = stepper.context as { port: Numbered };
      actor = {
        sessionId: newSessionId(this.#system),
        id: `${machine.id}-${port.id}`,
        src: machine.id,
        logic: machine,
        _parent: this.#parent(),
        getSnapshot: () => snapshotOf(stepper),
      };
      this.#shown.set(stepper, actor);
      this.#tell({ type: '@xstate.actor', actorRef: actor });
    }
    return actor;
  }

  #tell(event: { type: InspectionEvent['type'] } & Record<string, unknown>): void {
    sendInspection(this.#system, event);
  }
}

/** Returns the snapshot that XState's own actor would show. */
function snapshotOf(stepper: Stepper<AnyStateMachine>): unknown {
  const { machine } = stepper.table;
  const { port: _, ...context } = withSizes(stepper.context) as { port: unknown };
  const status = stepper.isDone ? 'done' : 'active';
  return machine.resolveState({ value: stepper.value, context, status, output: stepper.output });
}

/** Returns the same value, with the size of each payload in place of the payload. It goes as deep as messages go. */
function withSizes(value: unknown, depth = 3): unknown {
  if (value instanceof Uint8Array) return { bytes: value.length };
  if (depth === 0 || typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withSizes(inner, depth - 1)]));
}
