import type { AnyStateMachine } from 'xstate';
import type { Path, PathEvent } from '../../src/testing/index.js';
import type { Part, Variant } from '../machines/part.js';
import * as machines from '../machines/walks.js';

// Stands in for test/machines/walks.ts. A mutated machine is led through the paths of the right machine. A graph that is
// made from a wrong machine lacks the very paths on which the machine goes wrong. Of a machine with very many paths, a few of
// each transition are played.

interface Record {
  readonly paths: Map<string, readonly Path<AnyStateMachine>[]>;
  readonly unanswered: Map<string, readonly PathEvent<AnyStateMachine>[]>;
}

// The script runs anew for each mutant, so the paths are kept outside of it.
const world = globalThis as unknown as { roamWalks?: Record };
const isFirst = world.roamWalks === undefined;
world.roamWalks ??= { paths: new Map(), unanswered: new Map() };
const { paths, unanswered } = world.roamWalks;

function remembered<T>(memory: Map<string, T>, key: string, make: () => T): T {
  const known = memory.get(key);
  if (known !== undefined) return known;
  if (!isFirst) throw new Error(`the right machine has shown nothing of ${key}`);
  const made = make();
  memory.set(key, made);
  return made;
}

export function pathsOf(part: Part, variant: Variant): readonly Path<AnyStateMachine>[] {
  return remembered(paths, `${part.machine.id} ${variant.name}`, () =>
    machines.fewOf(part, machines.pathsOf(part, variant)),
  );
}

export function unansweredBy(
  part: Part,
  variant: Variant,
  path: Path<AnyStateMachine>,
): readonly PathEvent<AnyStateMachine>[] {
  const key = `${part.machine.id} ${variant.name} ${path.name}`;
  return remembered(unanswered, key, () => machines.unansweredBy(part, variant, path));
}
