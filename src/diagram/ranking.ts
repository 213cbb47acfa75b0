/**
 * What stands above what: a chart reads downwards from where it begins, and an arrow that leads back is known as such.
 *
 * Graphviz is told rather than asked, level by level, each of a state's own states standing for all that are within it.
 */
import { isWithin, type State } from './chart.js';

export class Ranking {
  /** Of a state, its neighbours that an arrow leads back to. */
  readonly #backwards = new Map<State, State[]>();
  readonly #tops = new Map<State, readonly State[]>();
  readonly #bottoms = new Map<State, readonly State[]>();

  constructor(root: State) {
    this.#rank(root);
  }

  /** Those of its states that nothing leads down to. */
  topsOf(state: State): readonly State[] {
    return this.#tops.get(state) ?? [];
  }

  /** Those of its states that lead down to none. */
  bottomsOf(state: State): readonly State[] {
    return this.#bottoms.get(state) ?? [];
  }

  leadsBack(source: State, target: State): boolean {
    for (let at = source.parent; at !== undefined; at = at.parent) {
      if (!isWithin(target, at)) continue;
      const [from, to] = [childTowards(at, source), childTowards(at, target)];
      return from !== undefined && to !== undefined && this.#isBack(from, to);
    }
    return false;
  }

  #isBack(from: State, to: State): boolean {
    return this.#backwards.get(from)?.includes(to) === true;
  }

  #rank(state: State): void {
    const onward = neighbours(state);
    const begin = state.initial === undefined || state.children.length === 0 ? [] : [state.initial.target];
    const tops: State[] = [];
    const path = new Set<State>();
    const seen = new Set<State>();
    const visit = (at: State): void => {
      seen.add(at);
      path.add(at);
      for (const next of onward.get(at) ?? []) {
        if (path.has(next)) append(this.#backwards, at, next);
        else if (!seen.has(next)) visit(next);
      }
      path.delete(at);
    };
    for (const child of [...begin, ...state.children]) {
      if (seen.has(child)) continue;
      if (!begin.includes(child)) tops.push(child);
      visit(child);
    }
    this.#tops.set(state, tops);
    this.#bottoms.set(
      state,
      state.children.filter((child) => (onward.get(child) ?? []).every((next) => this.#isBack(child, next))),
    );
    for (const child of state.children) this.#rank(child);
  }
}

/** Of each of a state's own states, which of the others something in it leads to. */
function neighbours(state: State): ReadonlyMap<State, readonly State[]> {
  const onward = new Map<State, State[]>();
  const gather = (at: State, from: State): void => {
    for (const { targets } of at.transitions) {
      for (const target of targets) {
        const to = childTowards(state, target);
        if (to !== undefined && to !== from && onward.get(from)?.includes(to) !== true) append(onward, from, to);
      }
    }
    for (const child of at.children) gather(child, from);
  };
  for (const child of state.children) gather(child, child);
  return onward;
}

/** The one of its states by which `state` leads to `other`, which is within. */
function childTowards(state: State, other: State): State | undefined {
  for (let at: State | undefined = other; at !== undefined; at = at.parent) if (at.parent === state) return at;
  return undefined;
}

export function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
