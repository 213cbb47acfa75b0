/** Blocks of text, placed line by line: the content of a state's box, and the label of an arrow. */
import { destination, guardText, inFull, namesOf, type Part, type State, type Transition } from './chart.js';
import { widthOf, wrap } from './metrics.js';

/** The sizes of text. Pixels. */
export const TITLE_SIZE = 14;
export const TEXT_SIZE = 12;
const LINE = 16;
const TITLE_LINE = 20;
const GAP = 12;
const PADDING = 10;

/** A piece of a line, with its role, which is a class of the style sheet. */
export interface Span {
  readonly text: string;
  readonly role: 'title' | 'tag' | 'note' | 'word' | 'event' | 'guard' | 'effect';
}

/** Spans that follow each other. They start at (x, y), where y is the base line. */
export interface Line {
  readonly x: number;
  readonly y: number;
  readonly spans: readonly Span[];
}

/** The lines that belong together. A row of one transition has its key. */
export interface Row {
  readonly key?: string;
  /** The tooltip. */
  readonly hint?: string;
  readonly lines: readonly Line[];
}

export interface Block {
  readonly width: number;
  readonly height: number;
  readonly rows: readonly Row[];
  /** The y positions of rules across the block. */
  readonly rules: readonly number[];
}

/** The maximum length of each kind of text, in characters. */
const MOST = { event: 34, guard: 38, effect: 40, label: 40, inline: 30, note: 64 };
/** The number of rows from which a table has two columns. */
const LONG = 24;

/** The cells of one row of a state's table: each has one line or more. */
interface Cells {
  readonly transition?: Transition;
  readonly hint?: string;
  readonly cells: readonly (readonly Span[])[];
}

/** Returns a state's name with its tags, in one line. */
export function titleOf(state: State): { readonly spans: readonly Span[]; readonly width: number } {
  const tags = state.tags.map((tag): Span => ({ text: `#${tag}`, role: 'tag' }));
  const width =
    widthOf(state.key, TITLE_SIZE, 'bold') + tags.reduce((sum, { text }) => sum + 8 + widthOf(text, TEXT_SIZE), 0);
  return { spans: [{ text: state.key, role: 'title' }, ...tags], width };
}

/**
 * Returns the content of a state's box: its name unless it is written elsewhere, its actions and invocations, and the
 * transitions that stay in it.
 */
export function blockOf(state: State, stays: readonly Transition[], isTitled: boolean): Block {
  const title = titleOf(state);
  const notes = state.description === undefined ? [] : wrap(state.description, MOST.note);
  const rows: Row[] = [];
  const rules: number[] = [];
  let y = isTitled ? PADDING : 4;
  let width = 0;
  if (isTitled) {
    rows.push({ lines: [{ x: PADDING, y: y + TITLE_SIZE, spans: title.spans }] });
    y += TITLE_LINE;
    width = title.width;
  }
  for (const text of notes) {
    rows.push({ lines: [{ x: PADDING, y: y + TEXT_SIZE, spans: [{ text, role: 'note' }] }] });
    y += LINE;
    width = Math.max(width, widthOf(text, TEXT_SIZE));
  }
  for (const cells of [lifeOf(state), stays.map(reaction)]) {
    if (cells.length === 0) continue;
    if (rows.length > 0) {
      rules.push(y + 5);
      y += 11;
    }
    const table = tableOf(cells);
    rows.push(...moved(table.rows, PADDING, y));
    y += table.height;
    width = Math.max(width, table.width);
  }
  const least = isTitled ? 84 : 8;
  return { width: Math.max(least, width + 2 * PADDING), height: y + (isTitled ? PADDING : 4), rows, rules };
}

/**
 * Returns the label of an arrow: one line for each transition. Transitions with the same effects are grouped, with these
 * effects below.
 */
export function labelOf(transitions: readonly Transition[]): Block {
  const groups = new Map<string, Transition[]>();
  for (const transition of transitions) {
    const effects = namesOf(transition.effects);
    groups.set(effects, [...(groups.get(effects) ?? []), transition]);
  }
  const rows: Row[] = [];
  let y = 0;
  let width = 0;
  const add = (spans: readonly Span[], x: number): Line => {
    const line = { x, y: y + TEXT_SIZE, spans };
    y += LINE;
    width = Math.max(width, x + widthOf(spans.map(({ text }) => text).join(''), TEXT_SIZE));
    return line;
  };
  for (const [effects, members] of groups) {
    for (const transition of members) {
      const lines = headOf(transition);
      const isAlone = members.length === 1 && effects !== '';
      const last = lines.at(-1) as Span[];
      const fits = isAlone && lengthOf(last) + effects.length + 3 <= MOST.inline;
      if (fits) last.push({ text: ` / ${effects}`, role: 'effect' });
      const placed = lines.map((spans, at) => add(spans, at === 0 ? 0 : GAP));
      if (isAlone && !fits) placed.push(...effectLines(effects).map((spans) => add(spans, GAP)));
      rows.push(rowOf(transition, placed));
    }
    if (members.length > 1 && effects !== '')
      rows.push({ lines: effectLines(effects).map((spans) => add(spans, GAP)) });
  }
  return { width, height: y, rows, rules: [] };
}

/** Returns the tooltip of a transition: all its parts in a few lines. */
function hintOf({ event, guard, isElse, targets, effects, reenters, description }: Transition): string {
  const names = targets.map(({ path }) => path).join(', ');
  return [
    description ?? '',
    `${event}${guard === undefined ? (isElse ? ' [else]' : '') : ` [${inFull(guard)}]`}`,
    names === '' ? '' : `${reenters ? 're-enters' : '→'} ${names}`,
    ...effects.map((effect) => `/ ${inFull(effect)}`),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

function rowOf(transition: Transition, lines: readonly Line[]): Row {
  return { key: transition.key, hint: hintOf(transition), lines };
}

function headOf(transition: Transition): Span[][] {
  const guard = guardText(transition);
  const event = { text: transition.event, role: 'event' } as const;
  if (transition.event.length + guard.length < MOST.label) {
    return [guard === '' ? [event] : [event, { text: ` ${guard}`, role: 'guard' }]];
  }
  return [
    ...wrap(transition.event, MOST.label).map((text): Span[] => [{ text, role: 'event' }]),
    ...(guard === '' ? [] : wrap(guard, MOST.label).map((text): Span[] => [{ text, role: 'guard' }])),
  ];
}

function effectLines(effects: string): Span[][] {
  return wrap(`/ ${effects}`, MOST.label).map((text) => [{ text, role: 'effect' }]);
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + text.length, 0);
}

/** Returns the rows for a state's life: invokes, entry, exit. */
function lifeOf({ invokes, entry, exit }: State): Cells[] {
  const row = (word: string, text: string, hint?: string): Cells => ({
    cells: [[{ text: word, role: 'word' }], [], cellOf(text, MOST.effect, 'effect')],
    ...(hint === undefined ? undefined : { hint }),
  });
  const effects = (word: string, parts: readonly Part[]) =>
    parts.length === 0
      ? []
      : [row(word, `/ ${namesOf(parts)}`, parts.map((part) => `${word} / ${inFull(part)}`).join('\n'))];
  return [...invokes.map((name) => row('invoke', name)), ...effects('entry', entry), ...effects('exit', exit)];
}

function reaction(transition: Transition, at: number, all: readonly Transition[]): Cells {
  // An event is named once, in the first row of its transitions.
  const isFirst = all[at - 1]?.event !== transition.event;
  const effects = namesOf(transition.effects);
  const words = [destination(transition), effects === '' ? '' : `/ ${effects}`].filter((word) => word !== '');
  return {
    transition,
    cells: [
      isFirst ? cellOf(transition.event, MOST.event, 'event') : [],
      cellOf(guardText(transition), MOST.guard, 'guard'),
      words.length === 0 ? [{ text: 'ignored', role: 'note' }] : cellOf(words.join(' '), MOST.effect, 'effect'),
    ],
  };
}

function cellOf(text: string, most: number, role: Span['role']): Span[] {
  return text === '' ? [] : wrap(text, most).map((line) => ({ text: line, role }));
}

type Table = Pick<Block, 'width' | 'height' | 'rows'>;

/** Returns rows with aligned columns. A long table is cut between two events into two halves side by side. */
function tableOf(cells: readonly Cells[]): Table {
  if (cells.length < LONG) return columnsOf(cells);
  const starts = cells.flatMap((row, at) => ((row.cells[0] ?? []).length > 0 ? [at] : []));
  const half = cells.length / 2;
  const cut = starts.reduce((best, at) => (Math.abs(at - half) < Math.abs(best - half) ? at : best), 0);
  if (cut === 0) return columnsOf(cells);
  const [left, right] = [columnsOf(cells.slice(0, cut)), columnsOf(cells.slice(cut))];
  const offset = left.width + 3 * GAP;
  return {
    width: offset + right.width,
    height: Math.max(left.height, right.height),
    rows: [...left.rows, ...moved(right.rows, offset, 0)],
  };
}

function columnsOf(cells: readonly Cells[]): Table {
  const count = Math.max(...cells.map((row) => row.cells.length));
  const starts: number[] = [];
  let x = 0;
  for (let column = 0; column < count; column += 1) {
    const spans = cells.flatMap((row) => row.cells[column] ?? []);
    starts.push(x);
    if (spans.length > 0) x += Math.max(...spans.map(({ text }) => widthOf(text, TEXT_SIZE))) + GAP;
  }
  const rows: Row[] = [];
  let y = 0;
  for (const { transition, hint, cells: row } of cells) {
    const lines = row.flatMap((spans, column) =>
      spans.map((span, at) => ({ x: starts[column] as number, y: y + at * LINE + TEXT_SIZE, spans: [span] })),
    );
    rows.push(
      transition === undefined ? { lines, ...(hint === undefined ? undefined : { hint }) } : rowOf(transition, lines),
    );
    y += LINE * Math.max(...row.map((spans) => spans.length));
  }
  return { width: Math.max(0, x - GAP), height: y, rows };
}

/** Returns the rows, moved by (dx, dy). */
function moved(rows: readonly Row[], dx: number, dy: number): Row[] {
  return rows.map((row) => ({
    ...row,
    lines: row.lines.map((line) => ({ ...line, x: line.x + dx, y: line.y + dy })),
  }));
}
