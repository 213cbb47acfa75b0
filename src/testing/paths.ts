import type { AnyMachineSnapshot, AnyStateMachine, EventFromLogic, EventObject, InputFrom, SnapshotFrom } from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';
import { InvalidArgument } from '../base/errors.js';

/**
 * An event that XState sends itself: `xstate.after.<delay>.<state id>`, `xstate.done.actor.<id>`, `xstate.error.actor.<id>`.
 */
export interface InternalEvent {
  readonly type: `xstate.${string}`;
}

/** An event for a machine: one of its own, or one that XState sends it. */
export type PathEvent<TMachine extends AnyStateMachine> = EventFromLogic<TMachine> | InternalEvent;

/** Options of {@link paths}. */
export interface PathsOptions<TMachine extends AnyStateMachine> {
  /**
   * The events to try in each state: a list, or a function of the snapshot. Few representatives of each kind keep the graph
   * small. Events that a state does not handle are left out. Delayed transitions (`after`) need no mention. The results of
   * invoked actors do ({@link doneEvent}, {@link errorEvent}), as do events that are raised with a delay.
   */
  readonly events:
    | readonly PathEvent<TMachine>[]
    | ((snapshot: SnapshotFrom<TMachine>) => readonly PathEvent<TMachine>[]);
  /** The machine's input, where it takes one. */
  readonly input?: InputFrom<TMachine>;
  /**
   * Returns a text that identifies a state: two snapshots with the same text are one state. By default it has the state
   * value and the whole context, including Maps, Sets, bigints and values with a `toJSON`. A context that only grows (a
   * counter, a log) gives endless states: leave it out here, or bound it by `filter`.
   */
  readonly serialize?: (snapshot: SnapshotFrom<TMachine>) => string;
  /** Returns true for a state of interest. No path enters any other state. */
  readonly filter?: (snapshot: SnapshotFrom<TMachine>) => boolean;
  /** Returns a state's name, for the names of paths. By default its value: `running.reading`. */
  readonly nameState?: (snapshot: SnapshotFrom<TMachine>) => string;
  /** Returns an event's name, for the names of paths. By default its type. */
  readonly nameEvent?: (event: PathEvent<TMachine>) => string;
  /** The maximum number of transitions before the graph counts as endless. Default: 100 000. */
  readonly limit?: number;
}

/** One event, and the state that it leads to. */
export interface PathStep<TMachine extends AnyStateMachine> {
  readonly event: PathEvent<TMachine>;
  /** The snapshot after it. */
  readonly snapshot: SnapshotFrom<TMachine>;
  /** The milliseconds that the clock has to advance, for a delayed transition. */
  readonly delay?: number;
}

/** A path from the machine's start through its states. */
export interface Path<TMachine extends AnyStateMachine> {
  /** The name. It is unique: `door: closed + open → opening`. For the start alone: `door: → closed`. */
  readonly name: string;
  /** True if this is the shortest path to its last state. If false, the path is there for its last transition. */
  readonly isShortest: boolean;
  /** The snapshot in which it starts. */
  readonly start: SnapshotFrom<TMachine>;
  readonly steps: readonly PathStep<TMachine>[];
}

/**
 * Returns paths through a machine, for any test runner: the shortest path to every state, and one through every transition
 * of every state, by the shortest path to its source. The order depends on the machine and the events only. Guards and
 * `assign` run, and no other action. Invoked actors are never started.
 *
 * A path comes from the machine itself. So a test that compares the machine with its own paths only tests XState. Play the
 * paths on a system that should behave like the machine, or compare them with known results.
 *
 * @throws InvalidArgument when the machine is none, or an option has an impossible value; Error when there are more
 * transitions
 * than `limit`; any error of a guard or an `assign`.
 *
 * @example
 * const door = createMachine({
 * id: 'door',
 * initial: 'closed',
 * states: { closed: { on: { open: 'opened' } }, opened: { on: { close: 'closed' }, after: { 5_000: 'closed' } } },
 * });
 * for (const { name, steps } of paths(door, { events: [{ type: 'open' }, { type: 'close' }] })) {
 * test(name, () => {
 * const device = new Door();
 * for (const { event, delay, snapshot } of steps) {
 * if (delay !== undefined) jest.advanceTimersByTime(delay);
 * else if (event.type === 'open') device.open();
 * else device.close();
 * expect(device.isOpen).toBe(snapshot.matches('opened'));
 * }
 * });
 * }
 */
export function paths<TMachine extends AnyStateMachine>(
  machine: TMachine,
  options: PathsOptions<TMachine>,
): readonly Path<TMachine>[];
// The types are XState's widest. The overload above gives the caller the machine's own types.
export function paths(machine: AnyStateMachine, options: WidestOptions): readonly unknown[] {
  check(machine, options);
  const { filter = () => true, nameState = valueName, nameEvent = ({ type }) => type } = options;
  const textOf = options.serialize ?? serializeSnapshot;
  // The states become the keys of an object, which puts keys that read as numbers first. The prefix keeps the order.
  const serialize = (snapshot: AnyMachineSnapshot) => `state ${textOf(snapshot)}`;
  const adjacency = adjacencyOf(machine, options, serialize);
  const [[startKey, { state: start }] = raise()] = adjacency;
  if (!filter(start)) return [];

  const nameOf = uniqueNames();
  const arrow = (from: string, to: AnyMachineSnapshot) => nameOf(`${machine.id}: ${from}→ ${nameState(to)}`);
  const found = [{ name: arrow('', start), isShortest: true, start, steps: [] as Step[] }];
  const shortest = new Map<string, readonly Step[]>([[startKey, []]]);
  // A Map is iterated in the order of insertion, including keys added meanwhile. So this is a breadth-first search.
  for (const [key, steps] of shortest) {
    const { state, transitions } = adjacency.get(key) ?? raise();
    for (const { event, state: snapshot } of transitions) {
      if (!filter(snapshot)) continue;
      const delay = delayOf(state, event);
      const path = [...steps, { event, snapshot, ...(delay === undefined ? {} : { delay }) }];
      const isShortest = !shortest.has(serialize(snapshot));
      if (isShortest) shortest.set(serialize(snapshot), path);
      const name = arrow(`${nameState(state)} + ${nameEvent(event)} `, snapshot);
      found.push({ name, isShortest, start, steps: path });
    }
  }
  return found;
}

function check(machine: AnyStateMachine, options: WidestOptions): void {
  if (typeof machine?.getTransitionData !== 'function') {
    throw new InvalidArgument('paths are those of a state machine, as createMachine gives it');
  }
  if (typeof options !== 'object' || options === null) throw new InvalidArgument('paths needs options: { events }');
  const { events, limit } = options;
  const isEvent = (event: unknown) => typeof (event as EventObject | null)?.type === 'string';
  if (typeof events !== 'function' && !(Array.isArray(events) && events.every(isEvent))) {
    throw new InvalidArgument(
      "events must be a list of events, such as [{ type: 'open' }], or a function that gives one",
    );
  }
  for (const name of ['serialize', 'filter', 'nameState', 'nameEvent'] as const) {
    if (options[name] === undefined || typeof options[name] === 'function') continue;
    throw new InvalidArgument(`${name} must be a function, not ${String(options[name])}`);
  }
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new InvalidArgument(`limit must be an integer of at least 1, not ${String(limit)}`);
  }
}

/** Returns XState's event for an invoked actor that is done. */
export function doneEvent(id: string, output?: unknown): InternalEvent & { readonly output: unknown } {
  return { type: `xstate.done.actor.${id}`, output, actorId: id } as InternalEvent & { readonly output: unknown };
}

/** Returns XState's event for an invoked actor that has failed. */
export function errorEvent(id: string, error?: unknown): InternalEvent & { readonly error: unknown } {
  return { type: `xstate.error.actor.${id}`, error, actorId: id } as InternalEvent & { readonly error: unknown };
}

/** Returns the state value and any context as text. By default this identifies a state. */
export function serializeSnapshot(snapshot: { readonly value: unknown; readonly context: unknown }): string {
  return stringify({ value: snapshot.value, context: snapshot.context });
}

interface WidestOptions {
  readonly events: readonly EventObject[] | ((snapshot: AnyMachineSnapshot) => readonly EventObject[]);
  readonly input?: unknown;
  readonly serialize?: (snapshot: AnyMachineSnapshot) => string;
  readonly filter?: (snapshot: AnyMachineSnapshot) => boolean;
  readonly nameState?: (snapshot: AnyMachineSnapshot) => string;
  readonly nameEvent?: (event: EventObject) => string;
  readonly limit?: number;
}

type Step = Pick<PathStep<AnyStateMachine>, 'delay'> & {
  readonly event: EventObject;
  readonly snapshot: AnyMachineSnapshot;
};

interface Node {
  readonly state: AnyMachineSnapshot;
  readonly transitions: readonly { readonly event: EventObject; readonly state: AnyMachineSnapshot }[];
}

/** Returns every state by its text, with its outgoing transitions. The initial state comes first. */
function adjacencyOf(
  machine: AnyStateMachine,
  { events, filter = () => true, input, limit = 100_000 }: WidestOptions,
  serialize: (snapshot: AnyMachineSnapshot) => string,
): ReadonlyMap<string, Node> {
  try {
    const adjacency = getAdjacencyMap(machine, {
      input,
      limit,
      serializeState: serialize as never,
      serializeEvent: stringify as never,
      stopWhen: ((snapshot: AnyMachineSnapshot) => snapshot.status !== 'active' || !filter(snapshot)) as never,
      events: ((snapshot: AnyMachineSnapshot) =>
        [...(typeof events === 'function' ? events(snapshot) : events), ...delayedEvents(snapshot)].filter(
          // A forbidden event (`on: { event: {} }`) is handled too, but `can` returns false for it.
          (event) => machine.getTransitionData(snapshot, event).length > 0,
        )) as never,
    });
    const nodes = Object.entries(adjacency) as [string, { state: AnyMachineSnapshot; transitions: object }][];
    return new Map(
      nodes.map(([key, { state, transitions }]) => [key, { state, transitions: Object.values(transitions) }]),
    );
  } catch (error) {
    if (!(error instanceof Error) || error.message !== 'Traversal limit exceeded') throw error;
    const message = `${machine.id} has more than ${String(limit)} transitions: bound its states by serialize or filter`;
    throw new Error(message, { cause: error });
  }
}

function raise(): never {
  throw new Error('a machine has a first state, and a state that is reached has been looked at');
}

/** Returns the events of all delayed transitions of a state. */
function delayedEvents(snapshot: AnyMachineSnapshot): readonly InternalEvent[] {
  const types = snapshot._nodes.flatMap(({ after }) => after.map(({ eventType }) => eventType as string));
  return [...new Set(types)].map((type) => ({ type: type as InternalEvent['type'] }));
}

/** Returns the delay of a delayed transition in its state. */
function delayOf(snapshot: AnyMachineSnapshot, event: EventObject): number | undefined {
  if (!event.type.startsWith('xstate.after.')) return undefined;
  const { delay } =
    snapshot._nodes.flatMap(({ after }) => after).find(({ eventType }) => eventType === event.type) ?? {};
  const named: unknown = typeof delay === 'string' ? snapshot.machine.implementations.delays[delay] : delay;
  const { context } = snapshot;
  const time = typeof named === 'function' ? (named({ context, event, self: undefined }, undefined) as unknown) : named;
  return typeof time === 'number' ? time : Number(delay);
}

/** Returns a readable state value: `running.reading`, and `(a, b.c)` for parallel states. */
function valueName({ value }: { readonly value: unknown }): string {
  if (typeof value === 'string') return value;
  const regions = Object.entries(value as Record<string, unknown>).map(([key, inner]) => {
    const name = valueName({ value: inner });
    return name === '' ? key : `${key}.${name}`;
  });
  return regions.length > 1 ? `(${regions.join(', ')})` : (regions[0] ?? '');
}

/** Returns a function that adds a number to a name from its second use on. */
function uniqueNames(): (name: string) => string {
  const counts = new Map<string, number>();
  return (name) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name} (${String(count)})`;
  };
}

/** Returns JSON that also has bigints, Maps and Sets, with keys in a fixed order. */
function stringify(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return { bigint: String(inner) };
    if (inner instanceof Map) return { map: [...inner] };
    if (inner instanceof Set) return { set: [...inner] };
    if (inner instanceof Error) return { error: `${inner.name}: ${inner.message}` };
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
