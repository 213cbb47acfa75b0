/**
 * How inspectors come and go that do not always listen. XState builds every inspection event as soon as a system has an
 * observer, whatever becomes of it; so one that is attached observes a system only while somebody listens to it.
 */
import type { AnyActorRef, AnyStateMachine } from 'xstate';
import type { Stepper } from '../compile/stepper.js';

/** Attaches an inspector to the actor system of a root. Never throws. */
export type Attach = (root: AnyActorRef) => void;

/** What the `inspect` function of such an inspector brings along. */
export const ATTACH = Symbol('attach');

/** The way to attach an inspector instead of giving XState its `inspect`, where it has one. */
export function attachOf(inspect: object | undefined): Attach | undefined {
  return (inspect as { readonly [ATTACH]?: Attach } | undefined)?.[ATTACH];
}

/** A call or a channel in progress, and who shows it as an actor. */
interface Shown {
  readonly stepper: Stepper<AnyStateMachine>;
  readonly by: { actorOf(stepper: Stepper<AnyStateMachine>): object };
}

/** What the inspectors that are attached to one system share. */
export class Attachment {
  /** How many of them listen now. */
  listeners = 0;
  /** Calls and channels in progress, which no actor leads to; each knows its place, which costs less than a map. */
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

/** That of an actor system; undefined where nothing is attached to it. */
export function attachmentOf(system: object): Attachment | undefined {
  return attachments.get(system);
}

/** That of an actor system, made where there is none. */
export function attachmentTo(system: object): Attachment {
  let attachment = attachments.get(system);
  if (attachment === undefined) {
    attachment = new Attachment();
    attachments.set(system, attachment);
  }
  return attachment;
}
