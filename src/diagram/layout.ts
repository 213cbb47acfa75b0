/** Where everything stands: what Graphviz answers to a plan. */
import { instance, type Viz } from '@viz-js/viz';
import type { Block } from './block.js';
import type { State } from './chart.js';
import { HISTORY, PILL, Plan, type PlannedArrow } from './plan.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Pixels, from the upper left corner. */
export interface Rectangle extends Point {
  readonly width: number;
  readonly height: number;
}

export interface Arrow extends PlannedArrow {
  /** A start and then three points for each cubic curve. */
  readonly curve: readonly Point[];
  readonly tip: Point;
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
  return read(plan, JSON.parse(result.output) as Placed);
}

/** What of Graphviz's answer is read. */
interface Placed {
  readonly bb: string;
  readonly objects?: readonly { readonly name: string; readonly bb?: string; readonly pos?: string }[];
  readonly edges?: readonly { readonly id?: string; readonly pos?: string; readonly lp?: string }[];
}

type Four = [number, number, number, number];

/** What Graphviz's answer means. */
function read(plan: Plan, { bb, objects = [], edges = [] }: Placed): Layout {
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
  for (const [state, name] of plan.names) {
    const block = plan.blocks.get(state) as Block;
    if (state.kind === 'history') boxes.set(state, around(name, HISTORY));
    else if (state.children.length === 0) {
      const box = around(name, { width: block.width, height: block.height });
      boxes.set(state, box);
      blocks.set(state, { block, at: box });
    } else {
      const [left, bottom, right, top] = numbersOf(places.get(`cluster_${name}`)?.bb ?? bb) as Four;
      boxes.set(state, { ...turned([left, top]), width: round(right - left), height: round(top - bottom) });
      if (plan.hasHeader(state)) blocks.set(state, { block, at: around(name, block) });
    }
    if (places.has(`${name}_dot`)) dots.set(state, turned(numbersOf(places.get(`${name}_dot`)?.pos ?? '')));
    if (places.has(`${name}_any`)) {
      pills.set(state, around(`${name}_any`, PILL));
    }
  }
  const placed = new Map(edges.map((edge) => [edge.id, edge]));
  const arrows = plan.arrows.map((arrow, at): Arrow => {
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

function numbersOf(text: string): number[] {
  return text.split(',').map(Number);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
