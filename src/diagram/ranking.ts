/**
 * The vertical order of states: a chart reads downwards from its initial state, and arrows that lead back are found here.
 *
 * The order is computed here and given to Graphviz, level by level. Each direct child of a state stands for all states in
 * it.
 */
import { isWithin, type State } from './chart.js';

export class Ranking {
  /** The neighbours of each state to which an arrow leads back. */
  readonly #backwards = new Map<State, State[]>();
  readonly #tops = new Map<State, readonly State[]>();
  readonly #bottoms = new Map<State, readonly State[]>();

  constructor(root: State) {
    this.#rank(root);
  }

  /** Returns those of its states to which no arrow leads down. */
  topsOf(state: State): readonly State[] {
    return this.#tops.get(state) ?? [];
  }

  /** Returns those of its states from which no arrow leads down. */
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

/** Returns, for each direct child of a state, the other children to which an arrow leads from it or from a state in it. */
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

/** Returns the direct child of `state` that is `other` or contains it. */
function childTowards(state: State, other: State): State | undefined {
  for (let at: State | undefined = other; at !== undefined; at = at.parent) if (at.parent === state) return at;
  return undefined;
}

export function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
