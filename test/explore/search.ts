/**
 * The search. It is breadth first, so the path to a finding is a shortest one. It keeps every state, and every transition
 * for the liveness check: see liveness.ts.
 */

import { type Draft, type Label, pack, WORDS } from './draft.js';
import type { Finding } from './peer.js';
import type { Move, Side } from './side.js';
import { Integers, Store } from './store.js';

/** A system to explore: a world, or one peer against an adversary. */
export interface System {
  readonly sides: readonly Side[];
  /** The number of messages that the link takes before the others count as waiting to leave. If absent, it takes all. */
  readonly capacity?: number | undefined;
  start(words: Int32Array): Finding | undefined;
  successors(words: Int32Array, at: number, visit: Visitor): void;
  /** Returns the peer's part of a transition. Undefined for an event of the link. */
  moveOf(words: Int32Array, label: Label): Move | undefined;
}

/** Called for each successor. `violation` is its finding, if it has one. */
export type Visitor = (draft: Draft, kind: number, label: Label, violation: Finding | undefined) => void;

export interface Exploration {
  readonly store: Store;
  /** For each state, the index of its first transition. One more entry marks the end. */
  readonly begins: Integers;
  /** For each transition, four times its target, plus its kind. */
  readonly edges: Integers;
  readonly parents: Integers;
  readonly depth: number;
  /** The first finding, and the state from which it was reached. */
  readonly wrong?: { readonly from: number; readonly label?: Label; readonly finding: Finding };
  /** True if the search ended at its limit of states. */
  readonly isCut: boolean;
}

export function search(system: System, most = Number.POSITIVE_INFINITY): Exploration {
  const store = new Store(WORDS);
  const begins = new Integers();
  const edges = new Integers();
  const parents = new Integers();
  const words = new Int32Array(WORDS);
  let wrong: Exploration['wrong'];
  const finding = system.start(words);
  if (finding !== undefined) wrong = { from: -1, finding };
  store.add(words);
  parents.push(-1);
  let depth = 0;
  let levelEnd = 1;
  let current = 0;
  const visit: Visitor = (draft, kind, label, violation) => {
    pack(draft, words);
    const known = store.size;
    const target = store.add(words);
    if (target === known) parents.push(current);
    edges.push(target * 4 + kind);
    if (violation !== undefined && wrong === undefined) wrong = { from: current, label, finding: violation };
  };
  while (current < store.size && wrong === undefined && store.size < most) {
    if (current === levelEnd) {
      depth++;
      levelEnd = store.size;
    }
    begins.push(edges.length);
    system.successors(store.words.items, current * WORDS, visit);
    current++;
  }
  begins.push(edges.length);
  return { store, begins, edges, parents, depth, isCut: store.size >= most, ...(wrong && { wrong }) };
}

/** Returns the state that a transition leads to. */
export function follow(system: System, words: Int32Array, label: Label): Int32Array<ArrayBuffer> {
  const next = new Int32Array(WORDS);
  const wanted = JSON.stringify(label);
  let isFound = false;
  system.successors(words, 0, (draft, _kind, other) => {
    if (isFound || JSON.stringify(other) !== wanted) return;
    pack(draft, next);
    isFound = true;
  });
  if (!isFound) throw new Error(`${wanted} cannot happen now`);
  return next;
}

/** Returns the transitions that lead to a state, first to last. */
export function pathTo(system: System, { store, parents }: Exploration, state: number): Label[] {
  const states: number[] = [];
  for (let at = state; at >= 0; at = parents.at(at)) states.unshift(at);
  const words = new Int32Array(WORDS);
  const path: Label[] = [];
  for (let index = 1; index < states.length; index++) {
    const [from, to] = [states[index - 1] as number, states[index] as number];
    let found: Label | undefined;
    system.successors(store.words.items, from * WORDS, (draft, _kind, label) => {
      pack(draft, words);
      const at = to * WORDS;
      if (found === undefined && words.every((word, offset) => word === store.words.at(at + offset))) found = label;
    });
    path.push(found as Label);
  }
  return path;
}
