import type { AnyStateMachine, AnyTransitionDefinition, InspectionEvent } from 'xstate';

/** A transition of a definition, by its name: the state's id, the event, and which branch of it. */
export interface Branch {
  readonly name: string;
  /** The id of the state that it leaves, and the event that it answers; `always` if none. */
  readonly source: string;
  readonly event: string;
  readonly transition: AnyTransitionDefinition;
}

/**
 * Counts the transitions of a machine's definition that were really taken: each branch of each event, `always`, `after`,
 * `onDone` and `onError`. It looks at the microsteps that ran, not at the expected result of an event.
 */
export class Coverage {
  readonly #branches: readonly Branch[];
  readonly #taken = new Set<AnyTransitionDefinition>();

  constructor(machine: AnyStateMachine) {
    this.#branches = nodesOf(machine.root).flatMap((node) => [
      ...[...node.transitions].flatMap(([event, transitions]) => branchesOf(node.id, event, transitions)),
      ...branchesOf(node.id, 'always', node.always ?? []),
    ]);
  }

  note(event: InspectionEvent): void {
    if (event.type === '@xstate.microstep') for (const transition of event._transitions) this.#taken.add(transition);
  }

  get branches(): readonly Branch[] {
    return this.#branches;
  }

  get names(): readonly string[] {
    return this.#branches.map(({ name }) => name);
  }

  /** The transitions taken so far, of all machines. */
  get taken(): ReadonlySet<AnyTransitionDefinition> {
    return this.#taken;
  }

  get missed(): readonly string[] {
    return this.#branches.filter(({ transition }) => !this.#taken.has(transition)).map(({ name }) => name);
  }
}

function nodesOf(node: AnyStateMachine['root']): readonly AnyStateMachine['root'][] {
  return [node, ...Object.values(node.states).flatMap(nodesOf)];
}

function branchesOf(source: string, event: string, transitions: readonly AnyTransitionDefinition[]): readonly Branch[] {
  const name = event === 'always' ? `${source} always` : `${source} + ${event}`;
  return transitions.map((transition, index) => ({
    name: transitions.length === 1 ? name : `${name} [${String(index + 1)} of ${String(transitions.length)}]`,
    source,
    event,
    transition,
  }));
}
