/**
 * Turns XState's inspection events into records. A process speaks of itself as process 0; whoever receives the records
 * gives it its number. While nobody listens it notes which actors live, and nothing else: whoever begins to listen is told
 * how they stand.
 */
import type { AnyActorRef, AnyEventObject, AnyTransitionDefinition, InspectionEvent, Snapshot } from 'xstate';
import { SessionPort } from '../port.js';
import { IdSet } from '../wire/idset.js';
import type { Message } from '../wire/message.js';
import { plain } from '../wire/plain.js';
import { Definitions } from './definition.js';
import { isDataMessage, told } from './message.js';
import {
  type ActorKey,
  type ActorRecord,
  type ActorSnapshot,
  actorKey,
  type EventRecord,
  type InspectionRecord,
  type Part,
  type SnapshotRecord,
  type TakenTransition,
  type WireRecord,
} from './record.js';
import { type Messages, Sampler } from './sampler.js';

export interface WatcherOptions {
  readonly messages: Messages;
  readonly filter: (event: InspectionEvent) => boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What is known of an actor that was told of. */
interface Known {
  readonly key: ActorKey;
  readonly part: Part | undefined;
  /** Of a session: what tells of its data messages. */
  readonly sampler?: Sampler;
  readonly release?: () => void;
  snapshot: Snapshot<unknown>;
}

type Ref = AnyActorRef & { readonly logic?: { readonly config?: unknown } };

export class Watcher {
  /** Whether records are wanted. */
  isListening = false;
  #isOver = false;
  readonly #options: WatcherOptions;
  readonly #tell: (record: InspectionRecord) => void;
  /** The actors that run, in the order in which they began: parents come before their children. */
  readonly #living = new Set<Ref>();
  #known = new WeakMap<object, Known>();
  /** What each actor has taken since its last snapshot. */
  #taken = new WeakMap<object, TakenTransition[]>();
  /** Sessions whose sending is watched. */
  readonly #watched = new Set<Known>();
  #definitions = new Definitions();

  constructor(options: WatcherOptions, tell: (record: InspectionRecord) => void) {
    this.#options = options;
    this.#tell = tell;
  }

  next(event: InspectionEvent): void {
    if (this.#isOver) return;
    const ref = event.actorRef as Ref;
    // Whatever the filter says: an actor that is not noted as it starts and stops would never be known, or never be forgotten.
    if (event.type === '@xstate.event' && event.event.type === 'xstate.init') this.#living.add(ref);
    if (this.isListening && this.#options.filter(event)) this.#look(event, ref);
    if (event.type === '@xstate.snapshot' && event.snapshot.status !== 'active') this.#living.delete(ref);
  }

  /** Tells how things stand to somebody who knows nothing yet. */
  tellAll(): void {
    this.#forget();
    for (const ref of this.#living) {
      this.#meet(ref);
      this.#settle(ref);
    }
  }

  /**
   * Tells what no inspection event says: that an actor has failed which has no parent to hear of it.
   */
  tellFailures(): void {
    for (const ref of this.#living) {
      if (ref._parent === undefined) this.#settle(ref);
    }
  }

  /** Tells what was held back, and lets go of every session. */
  end(): void {
    this.#isOver = true;
    for (const { sampler } of this.#watched) sampler?.endAll();
    this.#forget();
    this.#living.clear();
  }

  #forget(): void {
    for (const { release } of this.#watched) release?.();
    this.#watched.clear();
    this.#known = new WeakMap();
    this.#taken = new WeakMap();
    this.#definitions = new Definitions();
  }

  #look(event: InspectionEvent, ref: Ref): void {
    switch (event.type) {
      case '@xstate.event':
        this.#lookAtEvent(ref, event.event, event.sourceRef as Ref | undefined);
        break;
      case '@xstate.snapshot':
        this.#lookAtSnapshot(ref, event.event, event.snapshot);
        break;
      case '@xstate.microstep':
        this.#lookAtStep(ref, event._transitions);
        break;
      case '@xstate.action':
        if (event.action.type === 'transmit') this.#lookAtSent(ref, event.action.params as Message);
        break;
      default:
    }
  }

  #lookAtEvent(ref: Ref, event: AnyEventObject, source: Ref | undefined): void {
    if (event.type === 'xstate.init') {
      this.#meet(ref);
      return;
    }
    if (event.type.startsWith('xstate.error.actor.') && source !== undefined) this.#settle(source);
    const known = this.#known.get(ref);
    if (known === undefined) return;
    const message = messageIn(event);
    if (message !== undefined && known.part?.part === 'session') this.#received(known, message);
    // A data message is told as what it is on the wire, and its way through the actors is always the same.
    if (message !== undefined && isDataMessage(message)) return;
    const sourceKey = source === undefined ? undefined : this.#known.get(source)?.key;
    this.#tell({
      ...this.#now('event'),
      actor: known.key,
      ...(sourceKey === undefined ? {} : { source: sourceKey }),
      event: shownEvent(event),
    });
  }

  #lookAtSnapshot(ref: Ref, event: AnyEventObject, snapshot: Snapshot<unknown>): void {
    const known = this.#known.get(ref);
    if (known === undefined) return;
    const transitions = this.#take(ref);
    if (transitions === undefined && isSame(known.snapshot, snapshot)) return;
    known.snapshot = snapshot;
    this.#tell({
      ...this.#now('snapshot'),
      actor: known.key,
      event: event.type,
      snapshot: snapshotOf(snapshot),
      ...(transitions === undefined ? {} : { transitions }),
    } as SnapshotRecord);
    if (snapshot.status !== 'active') this.#leave(known);
  }

  #lookAtStep(ref: Ref, transitions: readonly AnyTransitionDefinition[]): void {
    if (transitions.length === 0) return;
    const taken = this.#taken.get(ref) ?? [];
    taken.push(...transitions.map(takenOf));
    this.#taken.set(ref, taken);
  }

  #take(ref: Ref): TakenTransition[] | undefined {
    const taken = this.#taken.get(ref);
    this.#taken.delete(ref);
    return taken;
  }

  #received(session: Known, message: Message): void {
    if (isDataMessage(message)) session.sampler?.take('received', message);
    else this.#tellWire(session.key, { direction: 'received', count: 1, ...told(message) });
  }

  #lookAtSent(ref: Ref, message: Message): void {
    const known = this.#known.get(ref);
    if (known?.part === undefined) return;
    const session = known.part.part === 'session' ? known.key : known.part.session;
    this.#tellWire(session, { direction: 'sent', count: 1, ...told(message) });
  }

  #tellWire(session: ActorKey, wire: Omit<WireRecord, 'kind' | 'seq' | 'at' | 'session'>): void {
    this.#tell({ ...this.#now('wire'), session, ...wire } as WireRecord);
  }

  /** Tells of an actor that has begun, or that somebody who knows nothing yet is to know. */
  #meet(ref: Ref): void {
    const snapshot = ref.getSnapshot() as Snapshot<unknown> | undefined;
    if (snapshot === undefined || this.#known.has(ref)) return;
    const key = actorKey(0, ref.sessionId);
    const parent = ref._parent as Ref | undefined;
    const known = this.#know(key, ref, parent, snapshot);
    const definition = this.#definitions.of(ref.logic?.config);
    if (definition?.isNew === true) {
      const { hash, value } = definition;
      this.#tell({ ...this.#now('definition'), hash, definition: value } as InspectionRecord);
    }
    const transitions = this.#take(ref);
    this.#tell({
      ...this.#now('actor'),
      process: 0,
      actor: key,
      ...(parent === undefined ? {} : { parent: actorKey(0, parent.sessionId) }),
      id: ref.id,
      name: ref.id === ref.sessionId ? (definition?.name ?? ref.id) : ref.id,
      ...(definition === undefined ? {} : { definition: definition.hash }),
      ...(known.part === undefined ? {} : { part: known.part }),
      snapshot: snapshotOf(snapshot),
      ...(transitions === undefined ? {} : { last: { event: 'xstate.init', transitions } }),
    } as ActorRecord);
  }

  #know(key: ActorKey, ref: Ref, parent: Ref | undefined, snapshot: Snapshot<unknown>): Known {
    const port = portOf(snapshot);
    const part =
      port === undefined ? partOf(ref.id, parent === undefined ? undefined : this.#known.get(parent)) : sessionOf(port);
    if (port === undefined) {
      const known: Known = { key, part, snapshot };
      this.#known.set(ref, known);
      return known;
    }
    const sampler = new Sampler(this.#options.messages, (wire) => this.#tellWire(key, wire));
    const release = port.watch((message) => {
      if (this.isListening) sampler.take('sent', message);
    });
    const known: Known = { key, part, snapshot, sampler, release };
    this.#known.set(ref, known);
    this.#watched.add(known);
    return known;
  }

  /** What has ended sends and receives nothing any more. */
  #leave({ part, sampler, release }: Known): void {
    if (part?.part === 'connection') {
      for (const session of this.#watched) {
        if (session.key === part.session) session.sampler?.end(part.connection);
      }
    }
    if (release === undefined) return;
    sampler?.endAll();
    release();
    for (const known of this.#watched) if (known.sampler === sampler) this.#watched.delete(known);
  }

  /** An actor that has failed says so to its parent, and in no snapshot that an inspector is shown. */
  #settle(ref: Ref): void {
    const snapshot = ref.getSnapshot() as Snapshot<unknown> | undefined;
    if (snapshot === undefined || snapshot.status === 'active') return;
    this.#lookAtSnapshot(ref, { type: 'xstate.error' }, snapshot);
    this.#living.delete(ref);
  }

  #now<Kind extends InspectionRecord['kind']>(kind: Kind): { kind: Kind; seq: number; at: number } {
    return { kind, seq: 0, at: this.#options.now() };
  }
}

/** The message that an event brings, itself or for somebody. */
function messageIn(event: AnyEventObject): Message | undefined {
  if (event.type === 'connections.deliver') return messageIn(event['event'] as AnyEventObject);
  return event.type.startsWith('rx.') ? (event['message'] as Message | undefined) : undefined;
}

/** One whose `toJSON` gives no object is its type alone. */
function shownEvent(event: AnyEventObject): EventRecord['event'] {
  const shown = plain(event);
  const fields = typeof shown === 'object' && !Array.isArray(shown) ? (shown as EventRecord['event']) : {};
  return { ...fields, type: event.type };
}

function portOf(snapshot: Snapshot<unknown>): SessionPort | undefined {
  const { context } = snapshot as { context?: { port?: unknown; live?: unknown } };
  // Of all that have the port, only the session itself knows who lives.
  return context?.port instanceof SessionPort && context.live instanceof IdSet ? context.port : undefined;
}

function sessionOf({ config }: SessionPort): Part {
  const { role, conformance, limits, link } = config;
  const name: unknown = link.name;
  return {
    part: 'session',
    role,
    conformance,
    limits: { ...limits },
    ...(typeof name === 'string' ? { link: name } : {}),
  };
}

function partOf(id: string, parent: Known | undefined): Part | undefined {
  if (parent?.part?.part === 'connections') {
    return { part: 'connection', session: parent.part.session, connection: Number(id) };
  }
  if (parent?.part?.part !== 'session') return undefined;
  if (id !== 'handshake' && id !== 'keepalive' && id !== 'conduit' && id !== 'connections') return undefined;
  return { part: id, session: parent.key };
}

interface Seen {
  readonly status: ActorSnapshot['status'];
  readonly value?: unknown;
  readonly context?: unknown;
  readonly output?: unknown;
  readonly error?: unknown;
}

/** Whether nothing that is told of it has changed. A machine's new snapshot shares with the old what is the same. */
function isSame(one: Snapshot<unknown>, other: Snapshot<unknown>): boolean {
  if (one === other) return true;
  const [before, after] = [one as Seen, other as Seen];
  return before.status === after.status && before.value === after.value && before.context === after.context;
}

function snapshotOf(snapshot: Snapshot<unknown>): ActorSnapshot {
  const { status, value, context, output, error } = snapshot as Seen;
  return { status, ...(plain({ value, context, output, error }) as Omit<ActorSnapshot, 'status'>) };
}

function takenOf(transition: AnyTransitionDefinition): TakenTransition {
  const { source, target, eventType: event } = transition;
  const alternatives = (event === '' ? source.always : source.transitions.get(event)) ?? [];
  return {
    source: source.path.join('.'),
    event,
    targets: (target ?? []).map(({ path }) => path.join('.')),
    index: Math.max(0, alternatives.indexOf(transition)),
  };
}
