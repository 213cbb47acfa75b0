import { isDeepStrictEqual } from 'node:util';
import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate';
import type { Path } from '../../src/testing/index.js';
import { type Branch, Coverage } from './coverage.js';
import type { Part, Variant } from './part.js';
import { play } from './stage.js';
import { fewOf, pathsOf, unansweredBy } from './walks.js';

type StateNode = AnyStateMachine['root'];

/** The parts of a transition that a mutation changes. */
interface Mutable {
  guard: unknown;
  target: readonly StateNode[] | undefined;
  actions: readonly unknown[];
  reenter: boolean;
}

/** One way in which a transition could be wrong. */
interface Mutation {
  readonly name: string;
  readonly change: Partial<Mutable>;
}

interface Walk {
  readonly variant: Variant;
  readonly steps: Path<AnyStateMachine>['steps'];
  /** The transition that its last event takes, if that is known. */
  readonly last?: AnyTransitionDefinition | undefined;
}

/** The wrong versions of one machine's transitions. The paths of the right machine have to detect them. */
export class Mutants {
  readonly #part: Part;
  /** The walks on which a branch is taken, by its transition. */
  readonly #walks = new Map<AnyTransitionDefinition, Walk[]>();
  /** The walks that end with an event without a transition, by the event. An additional branch would be taken there. */
  readonly #unanswered = new Map<string, Walk[]>();
  readonly branches: readonly Branch[];

  constructor(part: Part) {
    this.#part = part;
    this.branches = new Coverage(part.machine).branches;
    for (const variant of part.variants.filter(({ isHidden }) => isHidden !== true)) {
      for (const events of Object.values(part.deeper?.(variant) ?? {})) {
        this.#note({ variant, steps: events.map((event) => ({ event }) as Walk['steps'][number]) });
      }
      for (const path of fewOf(part, pathsOf(part, variant))) {
        const { start, steps } = path;
        const [event, before] = [steps.at(-1)?.event, steps.at(-2)?.snapshot ?? start];
        const last = event && part.machine.getTransitionData(before, event)[0];
        this.#note({ variant, steps, last });
        if (!path.isShortest) continue;
        for (const event of unansweredBy(part, variant, path)) {
          add(this.#unanswered, event.type, { variant, steps: [...path.steps, { event, snapshot: path.start }] });
        }
      }
    }
  }

  /** Returns the mutations of a transition that the tests do not detect. */
  survivors(branch: Branch): readonly string[] {
    // The next branch may take an event that a mutated branch does not take, and so may one of a parent state.
    const siblings = this.branches.filter(
      ({ event, source }) => event === branch.event && `${branch.source}.`.startsWith(`${source}.`),
    );
    // A walk may take several of them.
    const walks = new Set([
      ...siblings.flatMap(({ transition }) => this.#walks.get(transition) ?? []),
      ...(this.#unanswered.get(branch.event) ?? []),
    ]);
    // Those that end with the branch first, and the shortest of them: they notice soonest.
    const rank = ({ last, steps }: Walk) => steps.length + (last === branch.transition ? 0 : 1_000);
    const ordered = [...walks].toSorted((one, other) => rank(one) - rank(other));
    return mutationsOf(branch)
      .filter((mutation) => !this.#isNoticed(branch, mutation, ordered))
      .map(({ name }) => name);
  }

  #note(walk: Walk): void {
    const coverage = new Coverage(this.#part.machine);
    play(this.#part, walk.variant, walk, coverage);
    for (const transition of coverage.taken) add(this.#walks, transition, walk);
  }

  /** Plays the right machine's paths on the wrong machine. Returns true if the oracle disagrees. */
  #isNoticed({ transition }: Branch, { change }: Mutation, walks: readonly Walk[]): boolean {
    const mutable = transition as unknown as Mutable;
    const { guard, target, actions, reenter } = mutable;
    Object.assign(mutable, change);
    try {
      return walks.some((walk) => this.#isWrong(walk));
    } finally {
      Object.assign(mutable, { guard, target, actions, reenter });
    }
  }

  #isWrong(walk: Walk): boolean {
    try {
      return play(this.#part, walk.variant, walk).some(
        ({ got, want }) => !isDeepStrictEqual(defined(got), defined(want)),
      );
    } catch {
      return true;
    }
  }
}

function add<K>(walks: Map<K, Walk[]>, key: K, walk: Walk): void {
  const known = walks.get(key);
  if (known === undefined) walks.set(key, [walk]);
  else known.push(walk);
}

function mutationsOf({ transition }: Branch): readonly Mutation[] {
  const { guard, target, actions, reenter, source } = transition as unknown as Mutable & { source: StateNode };
  const [to] = target ?? [];
  const elsewhere = Object.values((to ?? source).parent?.states ?? source.states).find(
    (node) => node !== to && node !== source,
  );
  return [
    { name: 'is not there', change: { guard: () => false } },
    ...(guard === undefined ? [] : [{ name: 'has no guard', change: { guard: undefined } }]),
    ...(to === undefined ? [] : [{ name: 'leads nowhere', change: { target: undefined } }]),
    ...(elsewhere === undefined ? [] : [{ name: `leads to ${elsewhere.id}`, change: { target: [elsewhere] } }]),
    ...(to === source ? [{ name: 'does not begin anew', change: { reenter: !reenter } }] : []),
    ...actions.map((action, index) => ({
      name: `does not ${nameOf(action)}`,
      change: { actions: actions.filter((_, other) => other !== index) },
    })),
  ];
}

function nameOf(action: unknown): string {
  return typeof action === 'string' ? action : String((action as { type?: unknown }).type);
}

/** Returns the value without undefined fields, which count as absent. */
function defined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(defined);
  if (typeof value !== 'object' || value === null || ![Object.prototype, null].includes(Object.getPrototypeOf(value)))
    return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, defined(inner)]])),
  );
}
