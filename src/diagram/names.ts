import { and, not, or, stateIn } from 'xstate';

/** The name for a function that has none. */
export const INLINE = 'inline';

/** The names that JavaScript gives to anonymous functions: those of the property that they are assigned to. */
const PROPERTIES: ReadonlySet<string> = new Set(['guard', 'actions', 'entry', 'exit', 'src', 'resolve', 'actionImpl']);

interface Combined {
  readonly check?: { readonly name?: string };
  readonly guards?: readonly unknown[];
  readonly stateValue?: unknown;
}

/**
 * The name of a guard's `check` identifies XState's own guards. This works with another copy of XState, and after a bundler
 * has renamed ours.
 */
const checkOf = (guard: unknown): string | undefined => (guard as Combined).check?.name;
const [AND, OR, NOT, IN] = [and([]), or([]), not(''), stateIn('')].map(checkOf);

/** Returns a guard in words: `not isFull`, `isOpen and (isOurs or isRoot)`. */
export function nameOfGuard(guard: unknown): string {
  const check = checkOf(guard);
  const { guards = [], stateValue } = guard as Combined;
  if (check === NOT && guards.length > 0) return `not ${operand(guards[0])}`;
  if (check === AND && guards.length > 0) return guards.map(operand).join(' and ');
  if (check === OR && guards.length > 0) return guards.map(operand).join(' or ');
  if (check === IN && stateValue !== undefined) return `in ${pathOf(stateValue)}`;
  return nameOf(guard);
}

function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const paths = Object.entries(value as object).map(([key, inner]) => [key, pathOf(inner)].filter(Boolean).join('.'));
  return paths.length === 1 ? (paths[0] as string) : `{${paths.join(', ')}}`;
}

function operand(guard: unknown): string {
  const { guards = [] } = guard as Combined;
  const name = nameOfGuard(guard);
  return guards.length > 1 ? `(${name})` : name;
}

/**
 * Returns an action in words. XState's own actions include their subject, as far as it is data: `raise tick`, `assign
 * count`.
 */
export function nameOfAction(action: unknown): string {
  const { type } = (action ?? {}) as { type?: unknown };
  if (typeof action !== 'function' || typeof type !== 'string' || !type.startsWith('xstate.')) return nameOf(action);
  const about = action as unknown as Readonly<Record<string, unknown>>;
  const words = (...parts: (string | undefined)[]) => parts.filter((part) => part !== undefined).join(' ');
  const delay = typeof about['delay'] === 'function' ? undefined : (about['delay'] as string | number | undefined);
  const later = delay === undefined ? undefined : `after ${delay}${typeof delay === 'number' ? ' ms' : ''}`;
  switch (type) {
    case 'xstate.assign':
      return words('assign', keysOf(about['assignment']));
    case 'xstate.raise':
      return words('raise', eventOf(about['event']), later);
    case 'xstate.emit':
      return words('emit', eventOf(about['event']));
    case 'xstate.sendTo':
      return words('send', eventOf(about['event']), 'to', idOf(about['to']) ?? 'an actor', later);
    case 'xstate.log':
      return words('log', typeof about['value'] === 'string' ? about['value'] : undefined);
    case 'xstate.cancel':
      return words('cancel', idOf(about['sendId']));
    case 'xstate.spawnChild':
      return words('spawn', nameOfActor(about['src']));
    case 'xstate.stopChild':
      return words('stop', idOf(about['actorRef']));
    default:
      return type.slice('xstate.'.length);
  }
}

/** Returns the name of an actor's logic: the machine's name for it, or its own. */
export function nameOfActor(src: unknown): string {
  if (typeof src === 'string') return src;
  const { id, config } = (src ?? {}) as { id?: unknown; config?: unknown };
  if (typeof id === 'string') return id;
  return nameOf(config);
}

function keysOf(assignment: unknown): string | undefined {
  return typeof assignment === 'object' && assignment !== null ? Object.keys(assignment).join(', ') : undefined;
}

function eventOf(event: unknown): string | undefined {
  const { type } = (event ?? {}) as { type?: unknown };
  return typeof type === 'string' ? type : undefined;
}

function idOf(actor: unknown): string | undefined {
  if (typeof actor === 'string') return actor;
  const { id } = (actor ?? {}) as { id?: unknown };
  return typeof id === 'string' ? id : undefined;
}

function nameOf(part: unknown): string {
  if (typeof part === 'string') return part;
  const { type, name } = (part ?? {}) as { type?: unknown; name?: unknown };
  if (typeof type === 'string') return type;
  return typeof name === 'string' && name !== '' && !PROPERTIES.has(name) ? name : INLINE;
}
