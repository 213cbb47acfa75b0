/** The data of the page as signals: the records, the selected moment, and the user's choices. */
import { computed, effect, signal } from '@preact/signals';
import type { ActorKey, RecordingLine } from '../inspect/record.js';
import type { ActorState, State } from '../inspect/state.js';
import { Exchange, type Filter, Filtered, type Kind, type Row } from './model/exchange.js';
import { Recording } from './model/recording.js';
import { endsOf } from './model/story.js';
import { type Folding, type Forest, forestOf, type Narrowing, rowsOf } from './model/tree.js';

/** The source of the records. */
export type Source = 'connecting' | 'live' | 'file' | 'gone';

export const source = signal<Source>('connecting');
/** The name of the file that the user has opened instead of the stream. */
export const opened = signal<string | undefined>(undefined);
/** The error of the last file. */
export const flaw = signal<string | undefined>(undefined);
export const recording = signal(new Recording());
/** Counts the frames with new records. */
const revision = signal(0);
/** The position that the user looks at. Undefined for the present. */
const cursor = signal<number | undefined>(undefined);
/** The current time, updated at intervals. */
const clock = signal(Date.now());

const chosen = signal<ActorKey | undefined>(undefined);
const folding = signal<Folding>(new Map());
export const narrowing = signal<Narrowing>({ text: '', isHidingEnded: false });
export const filter = signal<Filter>({ connection: undefined, hidden: new Set<Kind>(), text: '' });

/** One moment: the present, or a past one. */
export interface Moment {
  readonly state: State;
  readonly position: number;
  readonly isLive: boolean;
  /** The time from which ages are counted. */
  readonly now: number;
}

export const moment = computed<Moment>(() => {
  const from = recording.value;
  void revision.value;
  const at = cursor.value;
  if (at !== undefined) {
    const position = Math.min(Math.max(at, from.start), from.end);
    return { state: from.at(position), position, isLive: false, now: from.timeAt(position) };
  }
  const isRunning = source.value === 'live';
  const last = from.timeAt(from.end);
  return { state: from.now, position: from.end, isLive: true, now: isRunning ? Math.max(last, clock.value) : last };
});

let known: { from: Recording; structure: number; forest: Forest } | undefined;

export const forest = computed<Forest>(() => {
  const { state, isLive } = moment.value;
  if (!isLive) return forestOf(state);
  const from = recording.value;
  if (known?.from === from && known.structure === from.structure) return known.forest;
  known = { from, structure: from.structure, forest: forestOf(state) };
  return known.forest;
});

export const rows = computed(() => {
  const narrow = narrowing.value;
  const isPlain = narrow.text === '' && !narrow.isHidingEnded;
  // The content of a row changes with every step. The set of rows does not, unless the filter depends on the actors' states.
  const { state } = isPlain ? moment.peek() : moment.value;
  return rowsOf(state, forest.value, folding.value, { ...narrow, text: narrow.text.trim().toLowerCase() });
});

/** The selected actor: the chosen one, or the first initiator. It may not exist at the selected moment. */
export const selected = computed<ActorKey | undefined>(() => {
  const { actors } = moment.value.state;
  const { value } = chosen;
  if (value !== undefined && (actors.has(value) || recording.value.now.actors.has(value))) return value;
  let session: ActorState | undefined;
  let machine: ActorState | undefined;
  for (const actor of actors.values()) {
    if (actor.part?.part === 'session') {
      if (actor.part.role === 'initiator') return actor.key;
      session ??= actor;
    } else if (actor.definition !== undefined) machine ??= actor;
  }
  return (session ?? machine)?.key;
});

/** The two ends of the selected actor's link, as they are known in the present. */
export const ends = computed(() => {
  const { state } = moment.value;
  return endsOf(recording.value.now, selected.value) ?? endsOf(state, selected.value);
});

let exchange: { from: Recording; exchange: Exchange } | undefined;
let filtered: Filtered | undefined;

/**
 * The messages of that link that pass the filter, up to the present. The list stays the same object while the link is the
 * same.
 */
export const messages = computed<{ readonly rows: readonly Row[] }>(() => {
  const from = recording.value;
  void revision.value;
  const pair = ends.value;
  if (pair === undefined) return { rows: [] };
  if (exchange?.from !== from || !exchange.exchange.isOf(pair.left, pair.right)) {
    exchange = { from, exchange: new Exchange(pair.left, pair.right, from.start) };
  }
  exchange.exchange.advance(
    from.end,
    (session) => from.wiresOf(session),
    (position) => from.record(position),
  );
  if (filtered?.exchange !== exchange.exchange || filtered.filter !== filter.value) {
    filtered = new Filtered(exchange.exchange, filter.value);
  }
  return { rows: filtered.advance() };
});

let frame = 0;

/** Takes new records. The page shows them with the next frame, together with all others that come until then. */
export function take(lines: readonly RecordingLine[]): void {
  for (const line of lines) {
    if (line.kind === 'recording') {
      recording.value = new Recording();
      cursor.value = undefined;
      chosen.value = undefined;
      source.value = line.isLive ? 'live' : 'file';
    }
    recording.peek().push(line);
  }
  if (frame !== 0) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    clock.value = Date.now();
    revision.value++;
  });
}

/** Moves to a position. The last position, or one beyond it, is the present. */
export function goTo(position: number): void {
  const { start, end } = recording.peek();
  cursor.value = position >= end && source.peek() !== 'live' ? undefined : Math.min(Math.max(position, start), end);
}

export function goLive(): void {
  cursor.value = undefined;
}

export function togglePause(): void {
  if (cursor.peek() === undefined) cursor.value = moment.peek().position;
  else cursor.value = undefined;
}

export function step(by: number): void {
  goTo(moment.peek().position + by);
}

/** Moves to the selected actor's next record, or to the one before. */
export function stepActor(by: 1 | -1): void {
  const actor = selected.peek();
  if (actor === undefined) return;
  const positions = recording.peek().positionsOf(actor);
  const here = moment.peek().position - 1;
  const next = by === 1 ? positions.find((at) => at > here) : positions.findLast((at) => at < here);
  if (next !== undefined) goTo(next + 1);
}

export function select(actor: ActorKey): void {
  chosen.value = actor;
}

export function fold(key: string, isExpanded: boolean): void {
  folding.value = new Map(folding.peek()).set(key, isExpanded);
}

const THEME = 'roam-actors.theme';

export const theme = signal<'system' | 'light' | 'dark'>(stored());

function stored(): 'system' | 'light' | 'dark' {
  const value = localStorage.getItem(THEME);
  return value === 'light' || value === 'dark' ? value : 'system';
}

const NEXT = { system: 'light', light: 'dark', dark: 'system' } as const;

export function nextTheme(): void {
  theme.value = NEXT[theme.peek()];
}

/** Applies the chosen theme to the document and stores it in the browser, and keeps the clock running. */
export function start(): void {
  effect(() => {
    const { value } = theme;
    if (value === 'system') localStorage.removeItem(THEME);
    else localStorage.setItem(THEME, value);
    document.documentElement.dataset['theme'] = value;
  });
  setInterval(() => {
    if (source.peek() === 'live' && cursor.peek() === undefined) clock.value = Date.now();
  }, 500);
}
