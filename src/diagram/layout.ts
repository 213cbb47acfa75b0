/** The positions of all parts of a chart: Graphviz's result for a plan. */
import type { Viz } from '@viz-js/viz';
import { InvalidArgument } from '../base/errors.js';
import type { Block } from './block.js';
import type { State } from './chart.js';
import { hashOf } from './hash.js';
import { LAYOUTS, type Placed } from './layouts.js';
import { HISTORY, PILL, type Plan, type PlannedArrow } from './plan.js';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A rectangle in pixels. The origin is the upper left corner. */
export interface Rectangle extends Point {
  readonly width: number;
  readonly height: number;
}

export interface Arrow extends PlannedArrow {
  /** A start point, then three points for each cubic curve. */
  readonly curve: readonly Point[];
  readonly tip: Point;
  readonly labelAt: Point;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: ReadonlyMap<State, Rectangle>;
  /** The content of each state's box, and its position. */
  readonly blocks: ReadonlyMap<State, { readonly block: Block; readonly at: Point }>;
  /** The dots that mark the initial state. */
  readonly dots: ReadonlyMap<State, Point>;
  /** The boxes "any state": an arrow from such a box applies in any state within the key's state. */
  readonly pills: ReadonlyMap<State, Rectangle>;
  readonly arrows: readonly Arrow[];
}

let engine: Promise<Viz> | undefined;

/**
 * Loads Graphviz, once.
 *
 * @throws {InvalidArgument} It is not installed.
 */
export function loadEngine(): Promise<Viz> {
  engine ??= load();
  return engine;
}

async function load(): Promise<Viz> {
  let module: typeof import('@viz-js/viz');
  // Bundlers tolerate a missing package only if its import stands in a `try`.
  try {
    module = await import('@viz-js/viz');
  } catch (error) {
    throw missing(error);
  }
  return module.instance();
}

function missing(cause: unknown): InvalidArgument {
  const message = "svg needs Graphviz for a machine that is not the library's own: npm install @viz-js/viz";
  return new InvalidArgument(message, cause);
}

/** Returns the layout that the build has stored. Undefined for a machine that is not ours, or of another version. */
export function storedLayout(plan: Plan): Layout | undefined {
  const placed = LAYOUTS[keyOf(plan)];
  return placed === undefined ? undefined : read(plan, placed);
}

export function layoutOf(plan: Plan, viz: Viz): Layout {
  return read(plan, place(plan, viz));
}

/** Returns the key of a plan's stored layout. */
export function keyOf({ graph }: Plan): string {
  return hashOf(JSON.stringify(graph));
}

/** Returns Graphviz's result for a plan. */
export function place({ graph, root }: Plan, viz: Viz): Placed {
  const result = viz.render(graph, { format: 'json' });
  if (result.status === 'failure') {
    throw new Error(`Graphviz can't place ${root.key}: ${result.errors.map(({ message }) => message).join('; ')}`);
  }
  return JSON.parse(result.output) as Placed;
}

type Four = [number, number, number, number];

/** Converts Graphviz's result to a layout. */
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
      // An arrow that was reversed for Graphviz has its start point marked `s,x,y`, so its curve is reversed back.
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
