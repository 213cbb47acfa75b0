/** Makes records from XState's inspection events. */

import type { AnyEventObject, AnyTransitionDefinition, InspectionEvent, Snapshot } from 'xstate';
import { parentOf } from '../compile/internals.js';
import type { Message } from '../wire/message.js';
import { Definitions } from './definition.js';
import { isDataMessage, told } from './message.js';
import { partOf, runtimeOf, sessionOf } from './part.js';
import {
  type ActorKey,
  type ActorRecord,
  actorKey,
  type InspectionRecord,
  type Part,
  type SnapshotRecord,
  type TakenTransition,
  type WireRecord,
} from './record.js';
import { type Messages, Sampler } from './sampler.js';
import { isSame, shownEvent, snapshotOf, takenOf } from './shown.js';
import type { Ref } from './systems.js';
import { clipped } from './weight.js';

export interface RecordWriterOptions {
  readonly messages: Messages;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Our knowledge of an actor that was reported. */
interface Known {
  readonly key: ActorKey;
  readonly part: Part | undefined;
  /** The sampler of a session's data messages. */
  readonly sampler?: Sampler;
  readonly release?: () => void;
  snapshot: Snapshot<unknown>;
}

export class RecordWriter {
  readonly #options: RecordWriterOptions;
  readonly #tell: (record: InspectionRecord) => void;
  readonly #onOver: (ref: Ref) => void;
  #known = new WeakMap<object, Known>();
  /** The transitions that each actor has taken since its last snapshot. */
  #taken = new WeakMap<object, TakenTransition[]>();
  /** The sessions whose sent messages are observed. */
  readonly #watched = new Set<Known>();
  #definitions = new Definitions();

  /** `onOver` is called for ended actors, where no event reports the end. */
  constructor(options: RecordWriterOptions, tell: (record: InspectionRecord) => void, onOver: (ref: Ref) => void) {
    this.#options = options;
    this.#tell = tell;
    this.#onOver = onOver;
  }

  /** Forgets the reported actors, and stops observing every session. */
  forget(): void {
    for (const { release } of this.#watched) release?.();
    this.#watched.clear();
    this.#known = new WeakMap();
    this.#taken = new WeakMap();
    this.#definitions = new Definitions();
  }

  /** Reports the messages that the samplers held back. */
  flush(): void {
    for (const { sampler } of this.#watched) sampler?.endAll();
  }

  /** Reports an inspection event of this actor. */
  look(event: InspectionEvent, ref: Ref): void {
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
      this.meet(ref);
      return;
    }
    if (event.type.startsWith('xstate.error.actor.') && source !== undefined) this.settle(source);
    const known = this.#known.get(ref);
    if (known === undefined) return;
    const message = messageIn(event);
    if (message !== undefined && known.part?.part === 'session') this.#received(known, message);
    // A data message is reported by its wire record only: its way through the actors is always the same.
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
      event: clipped(event.type),
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

  /** Reports an actor that has started, or that a new server does not know yet. */
  meet(ref: Ref): void {
    const snapshot = ref.getSnapshot() as Snapshot<unknown> | undefined;
    if (snapshot === undefined || this.#known.has(ref)) return;
    const key = actorKey(0, ref.sessionId);
    const parent = parentOf(ref) as Ref | undefined;
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
      id: clipped(ref.id),
      name: clipped(ref.id === ref.sessionId ? (definition?.name ?? ref.id) : ref.id),
      ...(definition === undefined ? {} : { definition: definition.hash }),
      ...(known.part === undefined ? {} : { part: known.part }),
      snapshot: snapshotOf(snapshot),
      ...(transitions === undefined ? {} : { last: { event: 'xstate.init', transitions } }),
    } as ActorRecord);
  }

  #know(key: ActorKey, ref: Ref, parent: Ref | undefined, snapshot: Snapshot<unknown>): Known {
    const runtime = runtimeOf(snapshot);
    const part =
      runtime === undefined
        ? partOf(ref.id, parent === undefined ? undefined : this.#known.get(parent))
        : sessionOf(runtime);
    if (runtime === undefined) {
      const known: Known = { key, part, snapshot };
      this.#known.set(ref, known);
      return known;
    }
    const sampler = new Sampler(this.#options.messages, (wire) => this.#tellWire(key, wire));
    const release = runtime.conduit.outbox.watch((message) => sampler.take('sent', message));
    const known: Known = { key, part, snapshot, sampler, release };
    this.#known.set(ref, known);
    this.#watched.add(known);
    return known;
  }

  /** Stops observing an ended actor: it sends and receives no more messages. */
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

  /** Reports a failed actor. XState tells only its parent of the failure, and shows an inspector no snapshot of it. */
  settle(ref: Ref): void {
    const snapshot = ref.getSnapshot() as Snapshot<unknown> | undefined;
    if (snapshot === undefined || snapshot.status === 'active') return;
    this.#lookAtSnapshot(ref, { type: 'xstate.error' }, snapshot);
    this.#onOver(ref);
  }

  #now<Kind extends InspectionRecord['kind']>(kind: Kind): { kind: Kind; seq: number; at: number } {
    return { kind, seq: 0, at: this.#options.now() };
  }
}

/** Returns the message in an event, if it is that of a message. */
function messageIn(event: AnyEventObject): Message | undefined {
  return event.type.startsWith('rx.') ? (event['message'] as Message | undefined) : undefined;
}
