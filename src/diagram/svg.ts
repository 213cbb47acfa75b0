import type { Block, Row, Span } from './block.js';
import { TEXT_SIZE, TITLE_SIZE, titleOf } from './block.js';
import { chartOf, type State } from './chart.js';
import type { Drawable } from './definition.js';
import { type Arrow, type Layout, layoutOf, loadEngine, type Point, type Rectangle, storedLayout } from './layout.js';
import { element, escapeXml, picture } from './markup.js';
import { ANY_STATE, DOT_RADIUS, MARGIN, Plan } from './plan.js';

/** The space around the picture. Pixels. */
const EDGE = 10;

/**
 * Returns a machine as SVG: every state with its actions and the transitions that stay in it, and an arrow for each
 * transition that leaves it.
 *
 * The same machine always gives the same text. The picture is legible on light and on dark paper: it follows `color-scheme`.
 * A page around it may set its colours by the variables `--diagram-paper`, `-box`, `-ink`, `-muted`, `-line`, `-event`,
 * `-guard`, `-effect` and `-accent`. A program that shows a running machine can use these parts:
 *
 * - each state is a `<g data-state="running.inbound.reading">`; the machine itself has the empty path;
 * - each transition is a `<g data-transition="running|rx.Ping|0">`: the path of its source, the type of the event as
 *   XState has it (`xstate.after.…` and so on; empty for `always`), and its index among the transitions for this event;
 * - an arrow is a `<g data-source data-target>`, and its transitions are within it;
 * - the classes `active` (on a state) and `taken` (on a transition or an arrow) highlight them.
 *
 * Graphviz computes the layout. The layouts of this library's own machines come with it. Other machines need the optional
 * package `@viz-js/viz`.
 *
 * @throws {InvalidArgument} It is neither a machine nor a definition, or can't be drawn: see {@link definitionOf}; or it
 *   is not the library's own, and `@viz-js/viz` is not installed.
 */
export async function svg(machine: Drawable): Promise<string> {
  const plan = new Plan(chartOf(machine));
  return draw(plan, storedLayout(plan) ?? layoutOf(plan, await loadEngine()));
}

/**
 * Loads Graphviz, and resolves to a function that draws as {@link svg} does, without waiting.
 *
 * @throws {InvalidArgument} `@viz-js/viz` is not installed.
 */
export async function loadSvg(): Promise<(machine: Drawable) => string> {
  const engine = await loadEngine();
  return (machine) => {
    const plan = new Plan(chartOf(machine));
    return draw(plan, storedLayout(plan) ?? layoutOf(plan, engine));
  };
}

function draw({ root }: Plan, layout: Layout): string {
  const content = [stateMarkup(root, layout), ...layout.arrows.map(arrowMarkup)];
  const moved = element('g', { transform: `translate(${EDGE} ${EDGE})` }, '\n', ...content.map((part) => `${part}\n`));
  return picture(`statechart ${root.key}`, layout.width + 2 * EDGE, layout.height + 2 * EDGE, [moved]);
}

function stateMarkup(state: State, layout: Layout): string {
  const box = layout.boxes.get(state) as Rectangle;
  const content = [
    ...shapeOf(state, box),
    ...(state.children.length > 0 ? [titleMarkup(state, box)] : []),
    ...contentOf(layout.blocks.get(state), box, state.children.length === 0),
    ...state.children.map((child) => `\n${stateMarkup(child, layout)}`),
  ];
  const dot = layout.dots.get(state);
  if (dot !== undefined) content.push(element('circle', { class: 'dot', cx: dot.x, cy: dot.y, r: DOT_RADIUS }));
  const pill = layout.pills.get(state);
  if (pill !== undefined) {
    content.push(
      element('rect', { class: 'box', ...pill, rx: pill.height / 2 }),
      textMarkup(pill.x + 10, pill.y + 15, [{ text: ANY_STATE, role: 'word' }]),
    );
  }
  return element('g', { class: state.kind, 'data-state': state.path }, ...content);
}

function shapeOf(state: State, box: Rectangle): string[] {
  const { x, y, width, height } = box;
  if (state.kind === 'history') {
    const [cx, cy] = [x + width / 2, y + height / 2];
    return [
      element('circle', { class: 'box', cx, cy, r: width / 2 }),
      element('text', { x: cx, y: cy + 4, 'text-anchor': 'middle' }, state.isDeep ? 'H*' : 'H'),
      element('title', {}, escapeXml(`${state.key}: ${state.isDeep ? 'deep' : 'shallow'} history`)),
    ];
  }
  // The machine has no frame of its own: the picture's frame serves for it.
  if (state.parent === undefined && state.children.length > 0) return [];
  if (state.children.length > 0) {
    const isRegion = state.parent?.kind === 'parallel';
    return [element('rect', { class: isRegion ? 'frame region' : 'frame', ...box, rx: 8 })];
  }
  const outer = element('rect', { class: 'box', ...box, rx: 8 });
  if (state.kind !== 'final') return [outer];
  const inner = { x: x + 3, y: y + 3, width: width - 6, height: height - 6, rx: 5.5 };
  return [outer, element('rect', { class: 'inner', ...inner })];
}

function titleMarkup(state: State, { x, y }: Rectangle): string {
  const inset = state.parent === undefined ? 4 : MARGIN;
  return textMarkup(x + inset, y + inset / 2 + TITLE_SIZE, titleOf(state).spans);
}

function contentOf(placed: { block: Block; at: Point } | undefined, box: Rectangle, isFilled: boolean): string[] {
  if (placed === undefined) return [];
  const { block, at } = placed;
  const rules = block.rules.map((y) => {
    const [from, to] = isFilled ? [box.x, box.x + box.width] : [at.x + 10, at.x + block.width - 10];
    return element('path', { class: 'rule', d: `M${from} ${at.y + y}H${to}` });
  });
  return [...rules, ...block.rows.map((row) => rowMarkup(row, at, block.width))];
}

function rowMarkup({ key, hint, lines }: Row, at: Point, width: number): string {
  const texts = lines.map(({ x, y, spans }) => textMarkup(at.x + x, at.y + y, spans));
  const title = hint === undefined ? [] : [element('title', {}, escapeXml(hint))];
  if (key === undefined) return title.length === 0 ? texts.join('') : element('g', {}, ...title, ...texts);
  const top = Math.min(...lines.map(({ y }) => y)) - TEXT_SIZE;
  const bottom = Math.max(...lines.map(({ y }) => y)) + 4;
  const left = Math.min(...lines.map(({ x }) => x)) - 4;
  const mark = {
    x: tidy(at.x + left),
    y: tidy(at.y + top),
    width: tidy(width - left - 6),
    height: bottom - top,
    rx: 3,
  };
  return element('g', { 'data-transition': key }, ...title, element('rect', { class: 'mark', ...mark }), ...texts);
}

function textMarkup(x: number, y: number, spans: readonly Span[]): string {
  const [first, ...others] = spans;
  const at = { x: tidy(x), y: tidy(y) };
  if (first !== undefined && others.length === 0)
    return element('text', { ...at, class: first.role }, escapeXml(first.text));
  const parts = spans.map(({ text, role }, index) =>
    element('tspan', { class: role, dx: role === 'tag' && index > 0 ? 8 : undefined }, escapeXml(text)),
  );
  return element('text', at, ...parts);
}

function arrowMarkup({ source, target, isInitial, curve, tip, label, labelAt }: Arrow): string {
  const [start, ...points] = curve;
  if (start === undefined) return '';
  const path = `M${pair(start)}C${points.map(pair).join(' ')}`;
  const content = [
    element('path', { class: 'curve', d: path }),
    element('path', { class: 'tip', d: tipOf(curve.at(-1) as Point, tip) }),
    ...(label.rows.length === 0
      ? []
      : [element('g', { class: 'label' }, ...label.rows.map((row) => rowMarkup(row, labelAt, label.width + 10)))]),
  ];
  const data = isInitial ? {} : { 'data-source': source.path, 'data-target': target.path };
  return element('g', { class: isInitial ? 'initial' : 'arrow', ...data }, ...content);
}

/** Returns the tip of an arrow: a slim triangle from the end of the curve. */
function tipOf(from: Point, tip: Point): string {
  const [dx, dy] = [tip.x - from.x, tip.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [nx, ny] = [(-dy / length) * 3.6, (dx / length) * 3.6];
  return `M${pair(tip)}L${pair({ x: from.x + nx, y: from.y + ny })}L${pair({ x: from.x - nx, y: from.y - ny })}Z`;
}

function pair({ x, y }: Point): string {
  return `${tidy(x)} ${tidy(y)}`;
}

function tidy(value: number): number {
  return Math.round(value * 10) / 10;
}
