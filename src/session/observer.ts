import type { AnyActorRef, AnyEventObject, AnyStateMachine, InspectionEvent } from 'xstate';
import { newSessionId, sendInspection } from '../compile/internals.js';
import type { StepObserver, Stepper } from '../compile/stepper.js';
import type { Attachment } from './attachment.js';

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
export class ShownSteppers implements StepObserver {
  readonly #system: unknown;
  readonly #parent: () => AnyActorRef | undefined;
  readonly #always: boolean;
  readonly #attachment: Attachment | undefined;
  readonly #shown = new WeakMap<Stepper<AnyStateMachine>, ShownActor>();

  /** If `always` is true, an inspector always listens. Otherwise nothing is shown while the attachment has no listener. */
  constructor(system: unknown, parent: () => AnyActorRef | undefined, always: boolean, attachment?: Attachment) {
    this.#system = system;
    this.#parent = parent;
    this.#always = always;
    this.#attachment = attachment;
  }

  stepped(stepper: Stepper<AnyStateMachine>, event: AnyEventObject): void {
    if (this.#attachment !== undefined) {
      if (stepper.isDone) this.#attachment.remove(stepper);
      else if (event.type === 'xstate.init') this.#attachment.add({ stepper, by: this });
      if (this.#attachment.listeners === 0 && !this.#always) return;
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
