/**
 * Lets inspectors come and go that do not always listen. XState builds every inspection event as soon as a system has
 * an observer, even if the observer ignores it. So an attached inspector observes a system only while it has a
 * listener.
 */
import type { AnyActorRef, AnyStateMachine } from 'xstate';
import type { Stepper } from '../compile/stepper.js';

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
export class Attachment {
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

const attachments = new WeakMap<object, Attachment>();

/** Returns the attachment of an actor system; undefined when no inspector is attached to it. */
export function attachmentOf(system: object): Attachment | undefined {
  return attachments.get(system);
}

/** Returns the attachment of an actor system. Makes it when there is none. */
export function attachmentTo(system: object): Attachment {
  let attachment = attachments.get(system);
  if (attachment === undefined) {
    attachment = new Attachment();
    attachments.set(system, attachment);
  }
  return attachment;
}
