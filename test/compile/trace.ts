import { type AnyActorRef, isMachineSnapshot, StateNode } from 'xstate';

// Everything that a machine does is written down as lines of text. Two interpretations are equal if their lines are.

/** The lines of the run that is going on. */
let lines: string[] = [];
/** The session ids of actors without an id of their own, in the order of their first appearance. */
let sessions = new Map<string, number>();
/** What settles the promises of that run. */
let unsettled: (() => void)[] = [];

/** Where one run writes to. */
export class Trace {
  readonly #lines: string[] = [];
  readonly #sessions = new Map<string, number>();
  readonly #unsettled: (() => void)[] = [];

  /** Makes the functions below write here until the returned function is called. */
  open(): () => void {
    const before = [lines, sessions, unsettled] as const;
    lines = this.#lines;
    sessions = this.#sessions;
    unsettled = this.#unsettled;
    return () => {
      [lines, sessions, unsettled] = before;
    };
  }

  /** Settles the promises that the run waits for. */
  async settle(): Promise<void> {
    for (const settle of this.#unsettled.splice(0)) settle();
    for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
  }

  /** Returns the lines since the last call. */
  take(): readonly string[] {
    return this.#lines.splice(0);
  }
}

/** Returns a promise that is settled when the run is at its next turn. */
export function promise<T>(value: T, error?: Error): Promise<T> {
  return new Promise((resolve, reject) => {
    unsettled.push(() => (error === undefined ? resolve(value) : reject(error)));
  });
}

/** Writes a line. */
export function note(what: string, ...values: readonly unknown[]): void {
  lines.push(`${what} ${show(...values)}`);
}

/** Shows values with all that users see of them. Actors are shown by their ids. */
export function show(...values: readonly unknown[]): string {
  return values.map((value) => shown(value, 0)).join(' ');
}

function shown(value: unknown, depth: number): string {
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? JSON.stringify(nameless(value)) : String(value);
  if (value instanceof Error) return `${value.name}(${nameless(value.message)})`;
  if (isActor(value)) return `actor ${idOf(value)}`;
  if (value instanceof StateNode) return `#${value.id}`;
  if (isMachineSnapshot(value)) {
    const { value: state, context, status, output, error } = value;
    return `snapshot ${shown([state, context, status, output, error], depth + 1)}`;
  }
  if (depth > 6) return '…';
  if (Array.isArray(value)) return `[${value.map((each) => shown(each, depth + 1)).join()}]`;
  if ('_relay' in value) return 'system';
  return `{${Object.entries(value)
    .map(([key, each]) => `${nameless(key)}:${shown(each, depth + 1)}`)
    .join()}}`;
}

function isActor(value: object): value is AnyActorRef {
  return 'sessionId' in value && 'send' in value;
}

function idOf({ id }: { readonly id: string }): string {
  return nameless(id);
}

/** Replaces session ids, of which each actor has another one. */
function nameless(text: string): string {
  if (!text.includes('x:')) return text;
  return text.replace(/\bx:\d+/g, (id) => {
    if (!sessions.has(id)) sessions.set(id, sessions.size);
    return `x:${String(sessions.get(id))}'`;
  });
}
