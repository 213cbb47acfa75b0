/**
 * The parts of XState beyond its documented API that this library uses. Therefore `package.json` accepts only patch releases
 * of one minor version. A test checks each part, and names the one that a new version has changed.
 */
import type { AnyActorRef } from 'xstate';

interface System {
  readonly _clock: unknown;
  _bookId(): string;
  _relay(source: unknown, target: unknown, event: unknown): void;
  _sendInspectionEvent(event: unknown): void;
}

interface Root {
  readonly options?: { readonly inspect?: unknown };
}

/** The actor that started this one, or undefined for the root of a system. */
export function parentOf(actor: AnyActorRef): AnyActorRef | undefined {
  return actor._parent;
}

/** The first actor of the system that this one runs in. */
export function rootOf(actor: AnyActorRef): AnyActorRef {
  let root = actor;
  while (root._parent !== undefined) root = root._parent;
  return root;
}

/** True if the system was created with an inspector. An inspector attached later sees the actors only. */
export function isInspected(actor: AnyActorRef): boolean {
  return (rootOf(actor) as unknown as Root).options?.inspect !== undefined;
}

/** Sends an event from one actor to another. Unlike `send`, it tells inspectors where the event came from. */
export function relay(system: unknown, source: unknown, target: unknown, event: unknown): void {
  (system as System)._relay(source, target, event);
}

/** A session id that no actor of the system has yet. */
export function newSessionId(system: unknown): string {
  return (system as System)._bookId();
}

/** Sends an inspection event to all inspectors of the system. */
export function sendInspection(system: unknown, event: object): void {
  (system as System)._sendInspectionEvent(event);
}

/** The assignment that was passed to `assign`, or undefined for another function. */
export function assignmentOf(action: object): unknown {
  const { type, assignment } = action as { type?: unknown; assignment?: unknown };
  return type === 'xstate.assign' ? assignment : undefined;
}

/** The type of an action that XState carries out itself, such as `xstate.assign`; undefined for an ordinary function. */
export function builtInTypeOf(action: object): string | undefined {
  const { type } = action as { type?: unknown };
  return typeof type === 'string' && type.startsWith('xstate.') ? type : undefined;
}

/** The clock of all timers of a system. */
export function clockOf(system: unknown): unknown {
  return (system as System)._clock;
}

const FOUND = new Error('an inspector listens');

/** An event that can't be copied. XState copies an inspection event before it tells an inspector, if there is any. */
const PROBE = {
  get type(): never {
    throw FOUND;
  },
};

/** True if an inspector listens to the system now. */
export function hasInspector(system: unknown): boolean {
  try {
    (system as System)._sendInspectionEvent(PROBE);
    return false;
  } catch {
    return true;
  }
}

/** True if a guard is one of `and`, `or`, `not` and `stateIn`. */
export function isBuiltInGuard(guard: object): boolean {
  return 'check' in guard;
}
