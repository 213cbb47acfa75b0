/**
 * Where everything stands: Graphviz places boxes, arrows and labels, whose sizes it is told.
 *
 * A state that has states is a cluster. What it does and answers to is a node of its own in there, on top, so that no arrow
 * runs across it; arrows into the cluster aim at that node, and arrows out of it come from a point at the bottom.
 */
import { type Edge, type Graph, instance, type Subgraph, type Viz } from '@viz-js/viz';
import { type Block, blockOf, labelOf, TITLE_SIZE, titleOf } from './block.js';
import { isArrow, isWithin, type State, type Transition } from './chart.js';
import { widthOf } from './metrics.js';
import { append, Ranking } from './ranking.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Pixels, from the upper left corner. */
export interface Rectangle extends Point {
  readonly width: number;
  readonly height: number;
}

export interface Arrow {
  readonly source: State;
  /** Unless it leads from where a state begins. */
  readonly isInitial: boolean;
  readonly target: State;
  /** A start and then three points for each cubic curve. */
  readonly curve: readonly Point[];
  readonly tip: Point;
  readonly label: Block;
  readonly labelAt: Point;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<State, Rectangle>;
  /** What stands in a state's box, and from where on. */
  readonly blocks: ReadonlyMap<State, { readonly block: Block; readonly at: Point }>;
  /** Where a state begins: a dot. */
  readonly dots: ReadonlyMap<State, Point>;
  /** What leads from any state within a state to one of these. */
  readonly pills: ReadonlyMap<State, Rectangle>;
  readonly arrows: readonly Arrow[];
}

export const ANY_STATE = 'any state';
export const DOT_RADIUS = 5;
/** Around what is in a cluster. */
export const MARGIN = 14;
const HISTORY = 26;
const PILL_HEIGHT = 22;
/** Graphviz counts nodes in inches of 72 points; a point is a pixel here. */
const INCH = 72;

let engine: Promise<Viz> | undefined;

/** Graphviz, which is loaded once. */
export function loadEngine(): Promise<Viz> {
  engine ??= instance();
  return engine;
}

export function layoutOf(root: State, viz: Viz): Layout {
  const plan = new Plan(root);
  const result = viz.render(plan.graph, { format: 'json' });
  if (result.status === 'failure') {
    throw new Error(`Graphviz can't place ${root.key}: ${result.errors.map(({ message }) => message).join('; ')}`);
  }
  return plan.read(JSON.parse(result.output) as Placed);
}

/** What of Graphviz's answer is read. */
interface Placed {
  readonly bb: string;
  readonly objects?: readonly { readonly name: string; readonly bb?: string; readonly pos?: string }[];
  readonly edges?: readonly { readonly id?: string; readonly pos?: string; readonly lp?: string }[];
}

type Four = [number, number, number, number];
type Planned = Pick<Arrow, 'source' | 'target' | 'isInitial' | 'label'>;

/** What Graphviz is asked, and what its answer means. */
class Plan {
  readonly graph: Graph;
  readonly #names = new Map<State, string>();
  readonly #blocks = new Map<State, Block>();
  readonly #leaving = new Set<State>();
  readonly #entering = new Map<State, Transition[]>();
  readonly #ranking: Ranking;
  readonly #arrows: Planned[] = [];
  readonly #edges: Edge[] = [];

  constructor(root: State) {
    this.#survey(root);
    this.#ranking = new Ranking(root);
    this.#connect(root);
    this.graph = {
      directed: true,
      graphAttributes: { compound: true, rankdir: 'TB', nodesep: 0.4, ranksep: 0.4, ...this.#heading(root) },
      nodeAttributes: { fixedsize: true, shape: 'box', label: '' },
      edgeAttributes: { arrowsize: 0.8 },
      // Not a cluster: those are drawn too tightly for what runs along their sides.
      ...(root.children.length === 0 ? { nodes: this.#node(root), subgraphs: [] } : this.#content(root)),
      edges: this.#edges,
    };
  }

  /** Names the states, and finds which of their transitions are drawn as arrows. */
  #survey(state: State): void {
    this.#names.set(state, `s${this.#names.size}`);
    const stays = state.transitions.filter((transition) => !isArrow(transition));
    this.#blocks.set(state, blockOf(state, stays, state.children.length === 0));
    for (const transition of state.transitions.filter(isArrow)) {
      for (const target of transition.targets) {
        if (isWithin(target, state)) append(this.#entering, state, transition);
        else this.#leaving.add(state);
      }
    }
    for (const child of state.children) this.#survey(child);
  }

  #nameOf(state: State): string {
    return this.#names.get(state) as string;
  }

  #node(state: State): NonNullable<Subgraph['nodes']> {
    const { width, height } = this.#blocks.get(state) as Block;
    const name = this.#nameOf(state);
    if (state.kind === 'history') return [{ name, attributes: sizeOf(HISTORY, HISTORY) }];
    return [{ name, attributes: sizeOf(width, height) }];
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
    if (this.#hasHeader(state)) nodes.push(...this.#node(state));
    if (state.initial !== undefined) {
      nodes.push({ name: `${name}_dot`, attributes: { ...sizeOf(2 * DOT_RADIUS, 2 * DOT_RADIUS), shape: 'circle' } });
    }
    if (this.#entering.has(state)) {
      nodes.push({ name: `${name}_any`, attributes: sizeOf(widthOf(ANY_STATE, 12) + 20, PILL_HEIGHT) });
    }
    for (const child of state.children) {
      if (child.children.length > 0) subgraphs.push(this.#cluster(child));
      else nodes.push(...this.#node(child));
    }
    if (this.#isBare(state)) nodes.push({ name: `${name}_in`, attributes: { ...sizeOf(1, 1), style: 'invis' } });
    if (this.#hasExit(state)) nodes.push({ name: `${name}_out`, attributes: { ...sizeOf(1, 1), style: 'invis' } });
    return { nodes, subgraphs };
  }

  /** Whether there is more to say of a cluster than its name. */
  #hasHeader(state: State): boolean {
    return (this.#blocks.get(state) as Block).rows.length > 0;
  }

  /** A cluster without anything on top that an arrow could aim at. */
  #isBare(state: State): boolean {
    return !this.#hasHeader(state) && state.initial === undefined;
  }

  #hasExit(state: State | undefined): boolean {
    return state !== undefined && (this.#leaving.has(state) || this.#hasExit(state.parent));
  }

  #entryOf(state: State): string {
    const name = this.#nameOf(state);
    if (state.children.length === 0 || this.#hasHeader(state)) return name;
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

  #arrow(arrow: Planned, tail: string): void {
    const { source, target, isInitial, label } = arrow;
    const head = this.#entryOf(target);
    const from = source.children.length > 0 && tail.endsWith('_out') ? `cluster_${this.#nameOf(source)}` : undefined;
    const to = target.children.length > 0 ? `cluster_${this.#nameOf(target)}` : undefined;
    const isBack = !isInitial && this.#ranking.leadsBack(source, target);
    const ends = isBack ? { ltail: to, lhead: from, dir: 'back' } : { ltail: from, lhead: to };
    this.#edges.push({
      ...(isBack ? { tail: head, head: tail } : { tail, head }),
      attributes: {
        id: `a${this.#arrows.length}`,
        ...Object.fromEntries(
          Object.entries(ends).filter((entry): entry is [string, string] => entry[1] !== undefined),
        ),
        ...(label.width > 0 ? { label: space(label.width + 14, label.height + 6) } : undefined),
      },
    });
    this.#arrows.push(arrow);
  }

  read({ bb, objects = [], edges = [] }: Placed): Layout {
    const [, , width, height] = numbersOf(bb) as Four;
    const turned = ([x, y]: readonly number[]): Point => ({ x: round(x as number), y: round(height - (y as number)) });
    const places = new Map(objects.map((object) => [object.name, object]));
    const boxes = new Map<State, Rectangle>();
    const blocks = new Map<State, { block: Block; at: Point }>();
    const dots = new Map<State, Point>();
    const pills = new Map<State, Rectangle>();
    const around = (node: string, size: Pick<Rectangle, 'width' | 'height'>): Rectangle => {
      const centre = turned(numbersOf(places.get(node)?.pos ?? '0,0'));
      return { x: round(centre.x - size.width / 2), y: round(centre.y - size.height / 2), ...size };
    };
    for (const [state, name] of this.#names) {
      const block = this.#blocks.get(state) as Block;
      if (state.kind === 'history') boxes.set(state, around(name, { width: HISTORY, height: HISTORY }));
      else if (state.children.length === 0) {
        const box = around(name, { width: block.width, height: block.height });
        boxes.set(state, box);
        blocks.set(state, { block, at: box });
      } else {
        const [left, bottom, right, top] = numbersOf(places.get(`cluster_${name}`)?.bb ?? bb) as Four;
        boxes.set(state, { ...turned([left, top]), width: round(right - left), height: round(top - bottom) });
        if (this.#hasHeader(state)) blocks.set(state, { block, at: around(name, block) });
      }
      if (places.has(`${name}_dot`)) dots.set(state, turned(numbersOf(places.get(`${name}_dot`)?.pos ?? '')));
      if (places.has(`${name}_any`)) {
        pills.set(state, around(`${name}_any`, { width: widthOf(ANY_STATE, 12) + 20, height: PILL_HEIGHT }));
      }
    }
    const placed = new Map(edges.map((edge) => [edge.id, edge]));
    const arrows = this.#arrows.map((arrow, at): Arrow => {
      const { pos = '', lp = '0,0' } = placed.get(`a${at}`) ?? {};
      const [end = '', ...points] = pos.split(' ');
      const curve = points.map((point) => turned(numbersOf(point)));
      const middle = turned(numbersOf(lp));
      return {
        ...arrow,
        // One that was turned around for Graphviz begins with its end, `s,x,y`.
        curve: end.startsWith('s') ? curve.reverse() : curve,
        tip: turned(numbersOf(end.replace(/^[es],/, ''))),
        labelAt: { x: round(middle.x - arrow.label.width / 2), y: round(middle.y - arrow.label.height / 2) },
      };
    });
    return { width, height, boxes, blocks, dots, pills, arrows };
  }
}

/** What happens where a state begins, as if it were a transition. */
function beginning(source: State, effects: Transition['effects']): Transition[] {
  if (effects.length === 0) return [];
  return [
    { key: `${source.path}|xstate.init|0`, source, event: '', isElse: false, targets: [], effects, reenters: false },
  ];
}

function sizeOf(width: number, height: number): { width: number; height: number } {
  return { width: width / INCH, height: height / INCH };
}

/** Room for a text that Graphviz needs not know. */
function space(width: number, height: number): { html: string } {
  const size = `FIXEDSIZE="TRUE" WIDTH="${Math.ceil(width)}" HEIGHT="${Math.ceil(height)}"`;
  return {
    html: `<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0"><TR><TD ${size}></TD></TR></TABLE>`,
  };
}

function numbersOf(text: string): number[] {
  return text.split(',').map(Number);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
