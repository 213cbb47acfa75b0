import { TEXT_SIZE } from './block.js';
import { element, escapeXml, picture } from './markup.js';
import { widthOf, wrap } from './metrics.js';
import {
  participantsOf,
  type Sequence,
  type SequenceMessage,
  type SequenceNote,
  type SequenceStep,
} from './sequence.js';

/** The measures of the picture. Pixels. */
const EDGE = 16;
const HEAD = 30;
const LINE = 16;
/** The least distance of two lifelines. */
const NEAR = 150;
const NOTE_PADDING = 8;
/** The maximum length of a line, in characters. */
const MOST = { message: 56, note: 40 };

interface Column {
  readonly name: string;
  readonly x: number;
}

/**
 * Returns a sequence as SVG, in the style of {@link svg}. Each participant has a lifeline, and each message is an arrow,
 * from top to bottom. The arrow of a late arrival slants. Each step is a `<g data-step="…">` with its number.
 */
export function sequenceSvg(sequence: Sequence): string {
  const columns = columnsOf(sequence);
  const at = new Map(columns.map((column) => [column.name, column.x]));
  const heights = placesOf(sequence.steps);
  const arrivals = new Map(
    sequence.steps.flatMap((step, place) => (step.type === 'arrival' ? [[step.of, place]] : [])),
  );
  const width = Math.max(...columns.map(({ name, x }) => x + headWidth(name) / 2), reachOf(sequence, at)) + EDGE;
  const height = (heights.at(-1) ?? 0) + EDGE;
  const content = [
    ...columns.map(({ name, x }) => headMarkup(name, x, height)),
    ...sequence.steps.map((step, number) => {
      const y = heights[number + 1] as number;
      const arrival = arrivals.get(number);
      const marks = stepMarkup(step, y, at, arrival === undefined ? y : (heights[arrival + 1] as number), width);
      return marks.length === 0 ? '' : element('g', { class: 'label', 'data-step': number }, ...marks);
    }),
  ];
  return picture(
    'sequence',
    Math.max(width, 2 * EDGE),
    height,
    content.filter((part) => part !== ''),
  );
}

/** Places the lifelines as near to each other as the texts between them allow. */
function columnsOf(sequence: Sequence): Column[] {
  const names = participantsOf(sequence);
  const order = new Map(names.map((name, at) => [name, at]));
  const gaps = names
    .slice(1)
    .map((name, at) => Math.max(NEAR, (headWidth(names[at] as string) + headWidth(name)) / 2 + 20));
  const room = { left: 0 };
  for (const step of sequence.steps) {
    if (step.type === 'message') {
      const [from, to] = [order.get(step.from) as number, order.get(step.to) as number].sort((a, b) => a - b) as [
        number,
        number,
      ];
      const needed = Math.max(...linesOf(step).map((line) => widthOf(line, TEXT_SIZE))) + 40;
      // A message to a participant farther away distributes its width over the gaps between.
      for (let at = from; at < to; at += 1) gaps[at] = Math.max(gaps[at] as number, Math.ceil(needed / (to - from)));
    } else if (step.type === 'note') {
      const half = noteWidth(step) / 2;
      const place = order.get(step.over) as number;
      if (place === 0) room.left = Math.max(room.left, half);
      for (const gap of [place - 1, place]) {
        if (gaps[gap] !== undefined) gaps[gap] = Math.max(gaps[gap], half + 24);
      }
    }
  }
  const first = EDGE + Math.max(room.left, headWidth(names[0] ?? '') / 2);
  return names.map((name, at) => ({ name, x: gaps.slice(0, at).reduce((sum, gap) => sum + gap, first) }));
}

/** Returns the right end of the notes and other parts that are no arrows between two lifelines. */
function reachOf({ steps }: Sequence, at: ReadonlyMap<string, number>): number {
  return steps.reduce((most, step) => Math.max(most, reachOfStep(step, at)), 0);
}

function reachOfStep(step: SequenceStep, at: ReadonlyMap<string, number>): number {
  if (step.type === 'arrival') return 0;
  if (step.type === 'pause') return widthOf(step.text, TEXT_SIZE) + 80;
  if (step.type === 'note') return (at.get(step.over) as number) + noteWidth(step) / 2;
  const widest = Math.max(...linesOf(step).map((line) => widthOf(line, TEXT_SIZE)));
  return step.from === step.to ? (at.get(step.from) as number) + 36 + widest : 0;
}

/** Returns the y position of each step. The last one is the end of the picture. */
function placesOf(steps: readonly SequenceStep[]): number[] {
  let y = EDGE + HEAD + 10;
  const places = [y];
  for (const step of steps) {
    if (step.type === 'message') y += linesOf(step).length * LINE + 14;
    else if (step.type === 'note') y += wrap(step.text, MOST.note).length * LINE + 2 * NOTE_PADDING + 8;
    else y += step.type === 'pause' ? 36 : 20;
    places.push(y);
  }
  return [...places, y + 14];
}

function headMarkup(name: string, x: number, height: number): string {
  const width = headWidth(name);
  return element(
    'g',
    { 'data-participant': name },
    element('path', { class: 'rule lifeline', d: `M${x} ${EDGE + HEAD}V${height - EDGE / 2}` }),
    element('rect', { class: 'box', x: x - width / 2, y: EDGE, width, height: HEAD, rx: 8 }),
    element('text', { class: 'title', x, y: EDGE + 20, 'text-anchor': 'middle' }, escapeXml(name)),
  );
}

function stepMarkup(
  step: SequenceStep,
  y: number,
  at: ReadonlyMap<string, number>,
  arrival: number,
  width: number,
): string[] {
  switch (step.type) {
    case 'message':
      return messageMarkup(step, y, at, arrival);
    case 'note':
      return noteMarkup(step, y, at.get(step.over) as number);
    case 'pause':
      return pauseMarkup(step.text, y, width);
    case 'arrival':
      return [];
  }
}

function messageMarkup(step: SequenceMessage, y: number, at: ReadonlyMap<string, number>, arrival: number): string[] {
  const [from, to] = [at.get(step.from) as number, at.get(step.to) as number];
  const lines = linesOf(step);
  if (from === to) {
    const top = y - lines.length * LINE;
    const texts = lines.map((line, index) =>
      textMarkup(from + 32, top + (index + 1) * LINE - 6, 'start', line, index === 0),
    );
    return [
      element('path', { class: 'curve', d: `M${from} ${top}H${from + 24}V${y - 4}H${from + 8}` }),
      tipMarkup({ x: from + 8, y: y - 4 }, { x: from, y: y - 4 }),
      ...texts,
    ];
  }
  const isSlanted = arrival !== y;
  const side = Math.sign(to - from);
  const whole = { x: to, y: arrival };
  // The arrow of a lost message ends halfway.
  const end = step.isLost === true ? { x: (from + to) / 2, y: (y + arrival) / 2 } : whole;
  const length = Math.hypot(end.x - from, end.y - y);
  const back = 9 / length;
  const base = { x: end.x + (from - end.x) * back, y: end.y + (y - end.y) * back };
  const tip =
    step.isLost === true
      ? element('path', {
          class: 'curve',
          d: `M${point(end, -5, -5)}L${point(end, 5, 5)}M${point(end, -5, 5)}L${point(end, 5, -5)}`,
        })
      : tipMarkup(base, end);
  const texts = lines.map((line, index) => {
    const up = y - 6 - (lines.length - 1 - index) * LINE;
    if (!isSlanted) return textMarkup((from + to) / 2, up, 'middle', line, index === 0);
    // The text stands at the sender, where the arrow does not cross another one yet.
    return textMarkup(from + side * 8, up, side > 0 ? 'start' : 'end', line, index === 0);
  });
  return [element('path', { class: 'curve', d: `M${point({ x: from, y })}L${point(base)}` }), tip, ...texts];
}

function textMarkup(x: number, y: number, anchor: 'start' | 'middle' | 'end', line: string, isFirst: boolean): string {
  // A text that begins with a capital has a message's name. Other texts, such as the end of the stream, have none.
  const [name, ...rest] = isFirst && /^\p{Lu}/u.test(line) ? line.split(' ') : ['', line];
  const spans = [
    ...(name === '' ? [] : [element('tspan', { class: 'event' }, escapeXml(name as string))]),
    ...(rest.length === 0
      ? []
      : [element('tspan', { class: 'word' }, escapeXml(`${name === '' ? '' : ' '}${rest.join(' ')}`))]),
  ];
  return element('text', { x: tidy(x), y, 'text-anchor': anchor === 'start' ? undefined : anchor }, ...spans);
}

function noteMarkup(step: SequenceNote, y: number, x: number): string[] {
  const lines = wrap(step.text, MOST.note);
  const width = noteWidth(step);
  const height = lines.length * LINE + 2 * NOTE_PADDING - 4;
  const top = y - height;
  return [
    element('rect', { class: 'box remark', x: tidy(x - width / 2), y: top, width, height, rx: 4 }),
    ...lines.map((line, index) =>
      element(
        'text',
        { x: tidy(x), y: top + NOTE_PADDING + TEXT_SIZE - 2 + index * LINE, 'text-anchor': 'middle', class: 'guard' },
        escapeXml(line),
      ),
    ),
  ];
}

function pauseMarkup(text: string, y: number, width: number): string[] {
  const wide = widthOf(text, TEXT_SIZE) + 16;
  const middle = width / 2;
  return [
    element('path', {
      class: 'rule lifeline',
      d: `M${EDGE} ${y - 12}H${tidy(middle - wide / 2)}M${tidy(middle + wide / 2)} ${y - 12}H${width - EDGE}`,
    }),
    element('text', { class: 'note', x: tidy(middle), y: y - 8, 'text-anchor': 'middle' }, escapeXml(text)),
  ];
}

function tipMarkup(from: Point, tip: Point): string {
  const [dx, dy] = [tip.x - from.x, tip.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [nx, ny] = [(-dy / length) * 4, (dx / length) * 4];
  return element('path', { class: 'tip', d: `M${point(tip)}L${point(from, nx, ny)}L${point(from, -nx, -ny)}Z` });
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function point({ x, y }: Point, dx = 0, dy = 0): string {
  return `${tidy(x + dx)} ${tidy(y + dy)}`;
}

function linesOf({ text }: SequenceMessage): string[] {
  return wrap(text, MOST.message);
}

function headWidth(name: string): number {
  return widthOf(name, 14, 'bold') + 28;
}

function noteWidth({ text }: SequenceNote): number {
  return Math.max(...wrap(text, MOST.note).map((line) => widthOf(line, TEXT_SIZE))) + 2 * NOTE_PADDING + 4;
}

function tidy(value: number): number {
  return Math.round(value * 10) / 10;
}
