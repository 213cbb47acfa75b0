/** Converts events, snapshots and transitions to plain data for records, without values that must not be seen. */
import type { AnyEventObject, AnyTransitionDefinition, Snapshot } from 'xstate';
import { plain } from '../wire/plain.js';
import type { ActorSnapshot, EventRecord, TakenTransition } from './record.js';
import { clipped } from './weight.js';

/** Returns an event as plain data. If its `toJSON` gives no object, only its type is left. */
export function shownEvent(event: AnyEventObject): EventRecord['event'] {
  const shown = plain(event);
  const fields = typeof shown === 'object' && !Array.isArray(shown) ? (shown as EventRecord['event']) : {};
  return { ...fields, type: clipped(event.type) };
}

interface Seen {
  readonly status: ActorSnapshot['status'];
  readonly value?: unknown;
  readonly context?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
}

/**
 * True if the reported parts of two snapshots are the same. A machine's new snapshot shares its unchanged parts with the old
 * one.
 */
export function isSame(one: Snapshot<unknown>, other: Snapshot<unknown>): boolean {
  if (one === other) return true;
  const [before, after] = [one as Seen, other as Seen];
  return before.status === after.status && before.value === after.value && before.context === after.context;
}

export function snapshotOf(snapshot: Snapshot<unknown>): ActorSnapshot {
  const { status, value, context, output, error } = snapshot as Seen;
  return { status, ...(plain({ value, context, output, error }) as Omit<ActorSnapshot, 'status'>) };
}

export function takenOf(transition: AnyTransitionDefinition): TakenTransition {
  const { source, target, eventType: event } = transition;
  const alternatives = (event === '' ? source.always : source.transitions.get(event)) ?? [];
  return {
    source: source.path.join('.'),
    event,
    targets: (target ?? []).map(({ path }) => path.join('.')),
    index: Math.max(0, alternatives.indexOf(transition)),
  };
}
