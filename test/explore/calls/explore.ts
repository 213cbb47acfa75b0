import { WORDS } from '../draft.js';
import { missedGoals } from '../liveness.js';
import { pathTo, search } from '../search.js';
import { type Configuration, type Machines, SHIPPED } from './configurations.js';
import type { Property } from './properties.js';
import { World } from './world.js';

/** The result of a configuration. */
export interface Result {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly failure?: Failure;
}

export interface Failure {
  readonly property: Property;
  readonly text: string;
  /** A shortest path to the failure, in words. */
  readonly path: readonly string[];
}

/** Explores a configuration, until the first failure. Of the liveness properties it checks only `goals`, if given. */
export function explore({ worldOf }: Configuration, machines: Machines = SHIPPED, goals?: readonly Property[]): Result {
  const options = worldOf(machines);
  const asked = options.goals.filter((goal) => goals?.includes(goal) ?? true);
  const world = new World({ ...options, goals: asked });
  const exploration = search(world);
  const { store, edges, depth, wrong } = exploration;
  const counts = { states: store.size, transitions: edges.length, depth };
  const wayTo = (state: number) => pathTo(world, exploration, state).map((label) => world.describe(label));
  if (wrong !== undefined) {
    const path = wrong.from < 0 ? [] : wayTo(wrong.from);
    const last = wrong.label === undefined ? [] : [world.describe(wrong.label)];
    const { property, text } = wrong.finding;
    return { ...counts, failure: { property: property as Property, text, path: [...path, ...last] } };
  }
  const [missed] = missedGoals(exploration, world.goals, WORDS).sort((one, other) => one.state - other.state);
  if (missed === undefined) return counts;
  const text = 'from here it can never come about';
  return { ...counts, failure: { property: missed.property as Property, text, path: wayTo(missed.state) } };
}
