/**
 * The actors as the rows of a tree: each process, its actors below it, each below its parent. A parent with many children is
 * folded at first, and shows the number of children in each state.
 */

import type { ActorKey, Json } from '../../inspect/record.js';
import type { ActorState, State } from '../../inspect/state.js';

/** A parent with more children than this is folded until the user unfolds it. */
export const FOLDED_ABOVE = 60;

export interface TreeRow {
  /** An actor's key, or a process's. */
  readonly key: string;
  readonly depth: number;
  readonly actor?: ActorKey;
  readonly process: number;
  /** Undefined if the row has no children. */
  readonly isExpanded?: boolean;
  /** The number of direct children. */
  readonly children: number;
}

/** The parents and children in one state. */
export interface Forest {
  readonly processes: readonly number[];
  /** The roots of each process. */
  readonly roots: ReadonlyMap<number, readonly ActorKey[]>;
  readonly children: ReadonlyMap<ActorKey, readonly ActorKey[]>;
  /** The actor of a connection, by its session and id. */
  readonly connections: ReadonlyMap<string, ActorKey>;
}

export function forestOf(state: State): Forest {
  const roots = new Map<number, ActorKey[]>([...state.processes.keys()].map((process) => [process, []]));
  const children = new Map<ActorKey, ActorKey[]>();
  const connections = new Map<string, ActorKey>();
  for (const { key, parent, process, part } of state.actors.values()) {
    // An actor whose parent was forgotten or never recorded counts as a root.
    if (parent !== undefined && state.actors.has(parent)) append(children, parent, key);
    else append(roots, process, key);
    if (part?.part === 'connection') connections.set(placeOf(part.session, part.connection), key);
  }
  return { processes: [...roots.keys()], roots, children, connections };
}

export function placeOf(session: ActorKey, connection: number): string {
  return `${session}#${connection}`;
}

/** The rows that the user has folded or unfolded. All other rows follow their number of children. */
export type Folding = ReadonlyMap<string, boolean>;

/** The filter of the tree. */
export interface Narrowing {
  /** Text to find in the name, the state or the id. In lower case, empty for all. */
  readonly text: string;
  readonly isHidingEnded: boolean;
}

export function rowsOf(state: State, forest: Forest, folding: Folding, narrowing: Narrowing): TreeRow[] {
  const rows: TreeRow[] = [];
  const { text, isHidingEnded } = narrowing;
  const isWanted = (key: ActorKey): boolean => {
    const actor = state.actors.get(key);
    if (actor === undefined || (isHidingEnded && hasEnded(actor))) return false;
    return text === '' || `${titleOf(actor)} ${stateOf(actor)}`.toLowerCase().includes(text);
  };
  /** Adds the row and those below it. Returns true if the filter lets one of them pass. */
  const add = (key: ActorKey, process: number, depth: number): boolean => {
    const below = forest.children.get(key) ?? [];
    const at = rows.length;
    const isExpanded = text !== '' || (folding.get(key) ?? below.length <= FOLDED_ABOVE);
    const row: TreeRow = { key, actor: key, process, depth, children: below.length };
    rows.push(below.length === 0 ? row : { ...row, isExpanded });
    let isAnyWanted = isWanted(key);
    if (isExpanded) {
      for (const child of below) isAnyWanted = add(child, process, depth + 1) || isAnyWanted;
    }
    if (!isAnyWanted) rows.length = at;
    return isAnyWanted;
  };
  for (const process of forest.processes) {
    const roots = forest.roots.get(process) ?? [];
    const key = `process ${process}`;
    const isExpanded = text !== '' || (folding.get(key) ?? true);
    const at = rows.length;
    rows.push({ key, process, depth: 0, children: roots.length, isExpanded });
    let isAnyWanted = text === '' && !(isHidingEnded && state.processes.get(process)?.left !== undefined);
    if (isExpanded) for (const root of roots) isAnyWanted = add(root, process, 1) || isAnyWanted;
    if (!isAnyWanted) rows.length = at;
  }
  return rows;
}

export function hasEnded(actor: ActorState): boolean {
  return actor.status !== 'active' || actor.isLost;
}

/** The condition of an actor, for its mark: a shape and a colour. */
export type Standing = 'pending' | 'active' | 'ended' | 'failed';

const PENDING = /^(opening|awaiting|handshaking|pending|undecided|deciding|connecting|ending|closing|waiting)/;

export function standingOf(actor: ActorState): Standing {
  if (actor.isLost || actor.status === 'error') return 'failed';
  if (actor.status !== 'active') return 'ended';
  if (isInterrupted(actor)) return 'pending';
  return PENDING.test(topOf(actor.value)) ? 'pending' : 'active';
}

/** Returns the state value as one word or path. For an actor without one, its status. */
export function stateOf(actor: ActorState): string {
  if (actor.isLost) return 'lost';
  if (actor.value === undefined || actor.status === 'error' || actor.status === 'stopped') return actor.status;
  return isInterrupted(actor) ? `${labelOf(actor.value)}, interrupted` : labelOf(actor.value);
}

/** True for a running session whose link has no connection for now. */
function isInterrupted({ part, status, context }: ActorState): boolean {
  const has = typeof context === 'object' && context !== null && 'isInterrupted' in context;
  return part?.part === 'session' && status === 'active' && has && context['isInterrupted'] === true;
}

/** Returns the top-level state: `running` for `{ running: { inbound: 'reading' } }`. */
function topOf(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  return value === null || typeof value !== 'object' ? '' : Object.keys(value).join(' · ');
}

/**
 * Returns the state value in one line: `running.inbound.reading`. A parallel state with more than one region appears by its
 * name only.
 */
export function labelOf(value: Json): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return '';
  const entries = Object.entries(value);
  const [first] = entries;
  if (first === undefined) return '';
  if (entries.length > 1) return entries.map(([region, inner]) => `${region}: ${labelOf(inner)}`).join(' · ');
  const inner = labelOf(first[1]);
  return inner === '' ? first[0] : /: /.test(inner) ? first[0] : `${first[0]}.${inner}`;
}

/** Returns the state value with all its regions in one line: `running · inbound.reading · keepalive.on`. */
export function fullLabelOf(value: Json): string {
  if (typeof value === 'string') return value;
  if (value === null || typeof value !== 'object') return '';
  const entries = Object.entries(value);
  return entries
    .map(([key, inner]) => {
      const label = fullLabelOf(inner);
      const isParallel = typeof inner === 'object' && inner !== null && Object.keys(inner).length > 1;
      return label === '' ? key : isParallel ? `${key} · ${label}` : `${key}.${label}`;
    })
    .join(' · ');
}

/** Returns the innermost states: `running.inbound.reading`, `running.outbound.flowing`. */
export function leavesOf(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const below = leavesOf(inner);
    return below.length === 0 ? [key] : below.map((leaf) => `${key}.${leaf}`);
  });
}

/** Returns a leaf without its outermost state, which all leaves share: `inbound.reading`. */
export function shortLeaf(leaf: string): string {
  return leaf.includes('.') ? leaf.slice(leaf.indexOf('.') + 1) : leaf;
}

/** Returns the title of an actor: its part in a session, or its own name. */
export function titleOf({ part, name, id }: ActorState): string {
  if (part === undefined) return name === '' ? id : name;
  return part.part === 'connection' ? `connection ${part.connection}` : part.part;
}

/** Returns the text behind the title. */
export function roleOf({ part }: ActorState): string {
  if (part?.part === 'session') return part.role;
  return part?.part === 'connection' && part.connection === 0 ? 'root' : '';
}

/** Returns the number of these actors in each state, the most frequent first. */
export function countsOf(state: State, keys: Iterable<ActorKey>): [label: string, count: number][] {
  const counts = new Map<string, number>();
  for (const key of keys) {
    const actor = state.actors.get(key);
    if (actor === undefined) continue;
    const label = actor.value === undefined ? actor.status : actor.isLost ? 'lost' : topOf(actor.value);
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].sort((one, other) => other[1] - one[1]);
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
