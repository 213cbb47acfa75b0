/**
 * How inspectors come and go that do not always listen. XState builds every inspection event as soon as a system has an
 * observer, whatever becomes of it; so one that is attached observes a system only while somebody listens to it.
 */
import type { AnyActorRef, AnyStateMachine } from 'xstate';
import type { Stepper } from './calls/stepper.js';

/** Attaches an inspector to the actor system of a root. Never throws. */
export type Attach = (root: AnyActorRef) => void;

/** What the `inspect` function of such an inspector brings along. */
export const ATTACH = Symbol('attach');

/** The way to attach an inspector instead of giving XState its `inspect`, where it has one. */
export function attachOf(inspect: object | undefined): Attach | undefined {
  return (inspect as { readonly [ATTACH]?: Attach } | undefined)?.[ATTACH];
}

/** Shows a stepper as an actor. */
interface Shows {
  actorOf(stepper: Stepper<AnyStateMachine>): object;
}

/** What the inspectors that are attached to one system share. */
export class Attachment {
  /** How many of them listen now. */
  listeners = 0;
  /** Calls and channels in progress, which no actor leads to, and who shows them. */
  readonly steppers = new Map<Stepper<AnyStateMachine>, Shows>();
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
