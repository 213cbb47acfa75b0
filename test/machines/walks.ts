import type { AnyStateMachine } from 'xstate';
import { type Path, type PathEvent, paths } from '../../src/testing/index.js';
import { nameEvent, type Part, type Variant } from './part.js';

/** All paths of one variant of a machine. */
export function pathsOf(part: Part, variant: Variant): readonly Path<AnyStateMachine>[] {
  return paths(part.machine, {
    // The stage adds fields to the input that are no part of the state: no guard or assign reads them.
    input: variant.input,
    events: (snapshot) => part.events(snapshot, variant),
    serialize: part.serialize,
    nameState: part.nameState,
    nameEvent,
  });
}

/**
 * Returns the events that may come in the last state of a path but that have no transition there. No path continues with
 * them.
 */
export function unansweredBy(
  part: Part,
  variant: Variant,
  path: Path<AnyStateMachine>,
): readonly PathEvent<AnyStateMachine>[] {
  const snapshot = path.steps.at(-1)?.snapshot ?? path.start;
  if (snapshot.status !== 'active') return [];
  return part.events(snapshot, variant).filter((event) => part.machine.getTransitionData(snapshot, event).length === 0);
}

/** Returns the shortest of the paths for mutants: as many as the part wants for each last transition and each event that takes it. */
export function fewOf(
  { machine, fewPaths = Number.POSITIVE_INFINITY }: Part,
  all: readonly Path<AnyStateMachine>[],
): readonly Path<AnyStateMachine>[] {
  if (fewPaths === Number.POSITIVE_INFINITY) return all;
  const counts = new Map<unknown, Map<string, number>>();
  return all
    .toSorted((one, other) => one.steps.length - other.steps.length)
    .filter(({ start, steps }) => {
      const last = steps.at(-1);
      if (last === undefined) return true;
      const [transition] = machine.getTransitionData(steps.at(-2)?.snapshot ?? start, last.event);
      const counted = counts.get(transition) ?? new Map<string, number>();
      counts.set(transition, counted);
      const name = nameEvent(last.event);
      const count = (counted.get(name) ?? 0) + 1;
      counted.set(name, count);
      return count <= fewPaths;
    });
}
