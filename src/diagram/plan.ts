/**
 * The input for Graphviz, which places boxes, arrows and labels of given sizes.
 *
 * A state with states in it is a cluster. Its own actions and transitions form a node at the top of the cluster, so that no
 * arrow crosses them. Arrows into the cluster aim at that node. Arrows out of it come from a point at the bottom.
 */
import type { Edge, Graph, Subgraph } from '@viz-js/viz';
import { type Block, blockOf, labelOf, TITLE_SIZE, titleOf } from './block.js';
import { isArrow, isWithin, type State, type Transition } from './chart.js';
import { widthOf } from './metrics.js';
import { append, Ranking } from './ranking.js';

/** An arrow to draw. */
export interface PlannedArrow {
  readonly source: State;
  /** True if it leads from the dot that marks an initial state. */
  readonly isInitial: boolean;
  readonly target: State;
  readonly label: Block;
}

export const ANY_STATE = 'any state';
export const DOT_RADIUS = 5;
/** The space around the content of a cluster. */
export const MARGIN = 14;
export const HISTORY = { width: 26, height: 26 };
export const PILL = { width: widthOf(ANY_STATE, 12) + 20, height: 22 };
/** Graphviz measures nodes in inches of 72 points. A point is a pixel here. */
const INCH = 72;

/**
 * A plan for Graphviz. A state's node has the state's name. Further nodes in a cluster add `_dot`, `_any`, `_in` or `_out`.
 */
export class Plan {
  readonly root: State;
  readonly graph: Graph;
  /** The name of each state's node. Its cluster has the prefix `cluster_`. */
  readonly names = new Map<State, string>();
  readonly blocks = new Map<State, Block>();
  /** The arrows. The one at index `n` has the id `an`. */
  readonly arrows: PlannedArrow[] = [];
  readonly #leaving = new Set<State>();
  readonly #entering = new Map<State, Transition[]>();
  readonly #ranking: Ranking;
  readonly #edges: Edge[] = [];

  constructor(root: State) {
    this.root = root;
    this.#survey(root);
    this.#ranking = new Ranking(root);
    this.#connect(root);
    this.graph = {
      directed: true,
      graphAttributes: { compound: true, rankdir: 'TB', nodesep: 0.4, ranksep: 0.4, ...this.#heading(root) },
      nodeAttributes: { fixedsize: true, shape: 'box', label: '' },
      edgeAttributes: { arrowsize: 0.8 },
      // The machine is no cluster: Graphviz leaves too little space for arrows along the sides of a cluster.
      ...(root.children.length === 0 ? { nodes: this.#node(root), subgraphs: [] } : this.#content(root)),
      edges: this.#edges,
    };
  }

  /** Names the states, and finds which of their transitions are drawn as arrows. */
  #survey(state: State): void {
    this.names.set(state, `s${this.names.size}`);
    const stays = state.transitions.filter((transition) => !isArrow(transition));
    this.blocks.set(state, blockOf(state, stays, state.children.length === 0));
    for (const transition of state.transitions.filter(isArrow)) {
      for (const target of transition.targets) {
        if (isWithin(target, state)) append(this.#entering, state, transition);
        else this.#leaving.add(state);
      }
    }
    for (const child of state.children) this.#survey(child);
  }

  #nameOf(state: State): string {
    return this.names.get(state) as string;
  }

  #node(state: State): NonNullable<Subgraph['nodes']> {
    const name = this.#nameOf(state);
    if (state.kind === 'history') return [{ name, attributes: inches(HISTORY) }];
    return [{ name, attributes: inches(this.blocks.get(state) as Block) }];
  }

  #heading(state: State): Record<string, string | number | { html: string }> {
    const title = titleOf(state);
    const isTitled = state.children.length > 0;
    return {
      labeljust: 'l',
      labelloc: 't',
      ...(isTitled ? { label: space(title.width + 8, TITLE_SIZE + 6) } : undefined),
    };
  }

  #cluster(state: State): Subgraph {
    return {
      name: `cluster_${this.#nameOf(state)}`,
      graphAttributes: { margin: MARGIN, ...this.#heading(state) },
      ...this.#content(state),
    };
  }

  #content(state: State): Required<Pick<Subgraph, 'nodes' | 'subgraphs'>> {
    const name = this.#nameOf(state);
    const nodes: NonNullable<Subgraph['nodes']> = [];
    const subgraphs: Subgraph[] = [];
    if (this.hasHeader(state)) nodes.push(...this.#node(state));
    if (state.initial !== undefined) {
      nodes.push({
        name: `${name}_dot`,
        attributes: { ...inches({ width: 2 * DOT_RADIUS, height: 2 * DOT_RADIUS }), shape: 'circle' },
      });
    }
    if (this.#entering.has(state)) {
      nodes.push({ name: `${name}_any`, attributes: inches(PILL) });
    }
    for (const child of state.children) {
      if (child.children.length > 0) subgraphs.push(this.#cluster(child));
      else nodes.push(...this.#node(child));
    }
    if (this.#isBare(state))
      nodes.push({ name: `${name}_in`, attributes: { ...inches({ width: 1, height: 1 }), style: 'invis' } });
    if (this.#hasExit(state))
      nodes.push({ name: `${name}_out`, attributes: { ...inches({ width: 1, height: 1 }), style: 'invis' } });
    return { nodes, subgraphs };
  }

  /** True if a cluster's header has more than its name. */
  hasHeader(state: State): boolean {
    return (this.blocks.get(state) as Block).rows.length > 0;
  }

  /** True if a cluster has no node at its top that an arrow could aim at. */
  #isBare(state: State): boolean {
    return !this.hasHeader(state) && state.initial === undefined;
  }

  #hasExit(state: State | undefined): boolean {
    return state !== undefined && (this.#leaving.has(state) || this.#hasExit(state.parent));
  }

  #entryOf(state: State): string {
    const name = this.#nameOf(state);
    if (state.children.length === 0 || this.hasHeader(state)) return name;
    return state.initial === undefined ? `${name}_in` : `${name}_dot`;
  }

  #exitOf(state: State): string {
    return state.children.length === 0 ? this.#nameOf(state) : `${this.#nameOf(state)}_out`;
  }

  #connect(state: State): void {
    const name = this.#nameOf(state);
    const within = (tail: string, head: string, attributes = {}) =>
      this.#edges.push({ tail, head, attributes: { style: 'invis', weight: 1, ...attributes } });
    if (state.children.length > 0) {
      const entry = this.#entryOf(state);
      if (state.initial !== undefined) {
        if (entry !== `${name}_dot`) within(entry, `${name}_dot`, { weight: 4 });
        const { target, effects } = state.initial;
        this.#arrow(
          { source: state, target, isInitial: true, label: labelOf(beginning(state, effects)) },
          `${name}_dot`,
        );
      }
      for (const child of this.#ranking.topsOf(state)) within(entry, this.#entryOf(child));
      if (this.#entering.has(state) && entry === name) within(entry, `${name}_any`);
      if (this.#hasExit(state))
        for (const child of this.#ranking.bottomsOf(state)) within(this.#exitOf(child), `${name}_out`);
    } else if (state.initial !== undefined) {
      this.#arrow({ source: state, target: state.initial.target, isInitial: true, label: labelOf([]) }, name);
    }
    for (const [target, transitions] of this.#targetsOf(state)) {
      const tail = isWithin(target, state) ? `${name}_any` : this.#exitOf(state);
      this.#arrow({ source: state, target, isInitial: false, label: labelOf(transitions) }, tail);
    }
    for (const child of state.children) this.#connect(child);
  }

  #targetsOf(state: State): ReadonlyMap<State, readonly Transition[]> {
    const targets = new Map<State, Transition[]>();
    for (const transition of state.transitions.filter(isArrow)) {
      for (const target of new Set(transition.targets)) append(targets, target, transition);
    }
    return targets;
  }

  #arrow(arrow: PlannedArrow, tail: string): void {
    const { source, target, isInitial, label } = arrow;
    const head = this.#entryOf(target);
    const from = source.children.length > 0 && tail.endsWith('_out') ? `cluster_${this.#nameOf(source)}` : undefined;
    const to = target.children.length > 0 ? `cluster_${this.#nameOf(target)}` : undefined;
    const isBack = !isInitial && this.#ranking.leadsBack(source, target);
    const ends = isBack ? { ltail: to, lhead: from, dir: 'back' } : { ltail: from, lhead: to };
    this.#edges.push({
      ...(isBack ? { tail: head, head: tail } : { tail, head }),
      attributes: {
        id: `a${this.arrows.length}`,
        ...Object.fromEntries(
          Object.entries(ends).filter((entry): entry is [string, string] => entry[1] !== undefined),
        ),
        ...(label.width > 0 ? { label: space(label.width + 14, label.height + 6) } : undefined),
      },
    });
    this.arrows.push(arrow);
  }
}

/** Returns the effects of an initial state in the form of a transition. */
function beginning(source: State, effects: Transition['effects']): Transition[] {
  if (effects.length === 0) return [];
  return [
    { key: `${source.path}|xstate.init|0`, source, event: '', isElse: false, targets: [], effects, reenters: false },
  ];
}

function inches({ width, height }: { readonly width: number; readonly height: number }): {
  width: number;
  height: number;
} {
  return { width: width / INCH, height: height / INCH };
}

/** Reserves room for a text. Graphviz does not need the text itself. */
function space(width: number, height: number): { html: string } {
  const size = `FIXEDSIZE="TRUE" WIDTH="${Math.ceil(width)}" HEIGHT="${Math.ceil(height)}"`;
  return {
    html: `<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0"><TR><TD ${size}></TD></TR></TABLE>`,
  };
}
