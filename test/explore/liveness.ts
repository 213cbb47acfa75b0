/**
 * Checks liveness: the states that every run must reach in the end.
 *
 * Users and failures of the link are optional. Delivery, readers that read and timers that run are not. Users have budgets,
 * so every run has a last action of a user, and from then on only the others act. Suppose they are strongly fair: an event
 * that is possible again and again does happen. Then such a run, which has finitely many states, enters a set of states that
 * it cannot leave, and visits all of those for ever. So a good state is reached again and again in every such run, if and
 * only if *from every reachable state a good one can be reached by transitions of those kinds alone*. That is computed here,
 * backwards from the good states, for all properties at once: a bit for each.
 *
 * Each property says which kinds of transition count: a goal for delivery alone must not need a timer.
 */

import { DELIVERY, OPTIONAL } from './draft.js';
import type { Exploration } from './search.js';

export interface Goal {
  readonly property: string;
  /** The transitions that lead to the goal: delivery alone, or also time. */
  readonly by: 'delivery' | 'time';
  isGood(words: Int32Array, at: number): boolean;
}

export interface Missed {
  readonly property: string;
  /** The first state from which no good one can be reached. */
  readonly state: number;
}

export function missedGoals({ store, begins, edges }: Exploration, goals: readonly Goal[], width: number): Missed[] {
  const reaches = new Uint8Array(store.size);
  const { items: words } = store.words;
  let timely = 0;
  for (const [bit, { by, isGood }] of goals.entries()) {
    if (by === 'time') timely |= 1 << bit;
    for (let state = 0; state < store.size; state++)
      if (isGood(words, state * width)) (reaches[state] as number) |= 1 << bit;
  }
  // From the last state to the first: most transitions lead to a later state, so few rounds are needed.
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (let state = store.size - 1; state >= 0; state--) {
      const known = reaches[state] as number;
      let reached = known;
      for (let edge = begins.at(state); edge < begins.at(state + 1); edge++) {
        const { items } = edges;
        const kind = (items[edge] as number) & 3;
        if (kind === OPTIONAL) continue;
        const target = reaches[(items[edge] as number) >>> 2] as number;
        reached |= kind === DELIVERY ? target : target & timely;
      }
      if (reached !== known) {
        reaches[state] = reached;
        isChanged = true;
      }
    }
  }
  return goals.flatMap(({ property }, bit) => {
    const state = reaches.findIndex((bits) => (bits & (1 << bit)) === 0);
    return state < 0 ? [] : [{ property, state }];
  });
}
