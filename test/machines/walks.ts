import type { AnyStateMachine } from 'xstate';
import { type Path, type PathEvent, paths } from '../../src/testing/index.js';
import { nameEvent, type Part, type Variant } from './part.js';

/** All paths of one variant of a machine. */
export function pathsOf(part: Part, variant: Variant): readonly Path<AnyStateMachine>[] {
  return paths(part.machine, {
    // What the stage adds is nobody's state: no guard or assign reads it.
    input: variant.input,
    events: (snapshot) => part.events(snapshot, variant),
    serialize: part.serialize,
    nameState: part.nameState,
    nameEvent,
  });
}

/** What can come in the state where a path ends, and nothing there answers: no path goes on with it. */
export function unansweredBy(
  part: Part,
  variant: Variant,
  path: Path<AnyStateMachine>,
): readonly PathEvent<AnyStateMachine>[] {
  const snapshot = path.steps.at(-1)?.snapshot ?? path.start;
  if (snapshot.status !== 'active') return [];
  return part.events(snapshot, variant).filter((event) => part.machine.getTransitionData(snapshot, event).length === 0);
}
