/** A reducer that computes states from records. */
import type {
  ActorKey,
  ActorRecord,
  ActorSnapshot,
  InspectionRecord,
  Json,
  Part,
  ProcessRecord,
  TakenTransition,
  Traffic,
  WireRecord,
} from './record.js';
import { clipped, weightOf } from './weight.js';

export interface ProcessState {
  readonly process: number;
  readonly name: string;
  readonly runtime?: ProcessRecord['runtime'];
  readonly pid?: number;
  readonly joined: number;
  /** The time when it disconnected. Absent while it is connected. */
  readonly left?: number;
}

/** An actor at one moment. Each change makes a new object. Without a change the object stays the same. */
export interface ActorState extends ActorSnapshot {
  readonly key: ActorKey;
  readonly process: number;
  readonly id: string;
  readonly name: string;
  readonly parent?: ActorKey;
  /** A key of {@link State.definitions}. */
  readonly definition?: string;
  readonly part?: Part;
  /** The time when it started, as far as that is known. */
  readonly born: number;
  /** The time since which it has had this value and status. */
  readonly since: number;
  /** The type of the last event that led to a snapshot. */
  readonly event?: string;
  /** The transitions that it took for that event. */
  readonly transitions: readonly TakenTransition[];
  /** The traffic of a session over all its connections, or of one connection. All other actors have none. */
  readonly traffic: Traffic;
  /** For a session: the actor at the link's other end, if that is inspected too. */
  readonly peer?: ActorKey;
  /** True if its process disconnected while it was active. Its further state is unknown. */
  readonly isLost: boolean;
}

/** The state of all inspected processes at one moment. */
export interface State {
  readonly processes: ReadonlyMap<number, ProcessState>;
  readonly definitions: ReadonlyMap<string, Json>;
  /** The actors in the order of their records. Ended ones stay for a while: the last {@link MAX_ENDED}. */
  readonly actors: ReadonlyMap<ActorKey, ActorState>;
}

/** The maximum number of ended actors that are remembered, and their bytes. */
export const MAX_ENDED = 2_000;
const MAX_ENDED_BYTES = 32 * 2 ** 20;

/** The maximum numbers of remembered processes that have left, and of definitions, and the bytes of definitions. */
const MAX_LEFT = 200;
const MAX_DEFINITIONS = 500;
const MAX_DEFINITION_BYTES = 32 * 2 ** 20;

/** The maximum number of Hellos that wait for the record of the other end, and the time for that. Milliseconds. */
const MAX_HELLOS = 200;
const HELLO_WINDOW = 5_000;

/** The characters of a Hello's fields that are compared to find its two ends. */
const HELLO_TEXT = 4_096;

/** The maximum number of connections whose traffic is kept before their actors are recorded. */
const MAX_UNBORN = 200;

const NO_TRAFFIC: Traffic = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };

interface Hello {
  readonly session: ActorKey;
  readonly direction: WireRecord['direction'];
  readonly at: number;
  readonly text: string;
}

/** A state that records are applied to. The objects in its maps are never changed, so a shallow copy is enough. */
export class InspectionState implements State {
  readonly processes: Map<number, ProcessState>;
  readonly definitions: Map<string, Json>;
  readonly actors: Map<ActorKey, ActorState>;
  /** The weights of actors that are no longer active, in the order of their end. */
  readonly #ended: Map<ActorKey, number>;
  #endedBytes: number;
  /** The weight of each definition. Bytes. */
  readonly #definitionWeights: Map<string, number>;
  #definitionBytes: number;
  /** The actor of a connection, by its session and id. For a reused id it is the last one. */
  readonly #connections: Map<string, ActorKey>;
  /** The traffic of connections whose actors are not recorded yet, by session and id, the oldest first. */
  readonly #unborn: Map<string, Traffic>;
  /** The first known session of each link whose other end is not known yet. */
  readonly #links: Map<string, ActorKey>;
  #hellos: readonly Hello[];

  constructor(from?: InspectionState) {
    this.processes = new Map(from?.processes);
    this.definitions = new Map(from?.definitions);
    this.actors = new Map(from?.actors);
    this.#ended = new Map(from === undefined ? [] : from.#ended);
    this.#endedBytes = from === undefined ? 0 : from.#endedBytes;
    this.#definitionWeights = new Map(from === undefined ? [] : from.#definitionWeights);
    this.#definitionBytes = from === undefined ? 0 : from.#definitionBytes;
    this.#connections = new Map(from === undefined ? [] : from.#connections);
    this.#unborn = new Map(from === undefined ? [] : from.#unborn);
    this.#links = new Map(from === undefined ? [] : from.#links);
    this.#hellos = from === undefined ? [] : from.#hellos;
  }

  apply(record: InspectionRecord): void {
    switch (record.kind) {
      case 'process': {
        const { process, name, runtime, pid, at } = record;
        this.processes.set(process, {
          process,
          name,
          joined: at,
          ...(runtime === undefined ? {} : { runtime }),
          ...(pid === undefined ? {} : { pid }),
        });
        break;
      }
      case 'left':
        this.#leave(record.process, record.at);
        break;
      case 'definition':
        this.#define(record.hash, record.definition);
        break;
      case 'actor':
        this.#meet(record);
        break;
      case 'snapshot': {
        const actor = this.actors.get(record.actor);
        // An ended actor stays ended, even if its process sends another snapshot.
        if (actor === undefined || actor.status !== 'active' || actor.isLost) break;
        const { snapshot, event, transitions = [], at } = record;
        const isSame = actor.status === snapshot.status && isEqual(actor.value, snapshot.value);
        const { value: _, context: __, output: ___, error: ____, ...rest } = actor;
        this.#put({ ...rest, ...snapshot, event, transitions, since: isSame ? actor.since : at });
        break;
      }
      case 'wire':
        this.#count(record);
        break;
      default:
    }
  }

  #meet(record: ActorRecord): void {
    const { actor: key, process, id, name, parent, definition, part, snapshot, at, since = at, traffic, last } = record;
    const known = this.actors.get(key);
    const peer = record.peer ?? known?.peer;
    const place = part?.part === 'connection' ? placeOf(part.session, part.connection) : undefined;
    const before = place === undefined ? undefined : this.#unborn.get(place);
    this.#put({
      ...snapshot,
      key,
      process,
      id,
      name,
      born: known?.born ?? at,
      since,
      transitions: last?.transitions ?? [],
      traffic: traffic ?? known?.traffic ?? before ?? NO_TRAFFIC,
      isLost: false,
      ...(parent === undefined ? {} : { parent }),
      ...(definition === undefined ? {} : { definition }),
      ...(part === undefined ? {} : { part }),
      ...(last === undefined ? {} : { event: last.event }),
      ...(peer === undefined ? {} : { peer }),
    });
    if (place !== undefined) {
      this.#connections.set(place, key);
      this.#unborn.delete(place);
    }
    if (part?.part !== 'session' || part.link === undefined || peer !== undefined) return;
    const other = this.#links.get(part.link);
    if (other !== undefined && this.#pair(key, other)) this.#links.delete(part.link);
    else this.#links.set(part.link, key);
  }

  #put(actor: ActorState): void {
    const { key } = actor;
    this.actors.set(key, actor);
    this.#endedBytes -= this.#ended.get(key) ?? 0;
    if (actor.status === 'active' && !actor.isLost) {
      this.#ended.delete(key);
      return;
    }
    const weight = weightOf(actor);
    this.#ended.set(key, weight);
    this.#endedBytes += weight;
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= MAX_ENDED && this.#endedBytes <= MAX_ENDED_BYTES) return;
      this.#forget(oldest);
    }
  }

  #define(hash: string, definition: Json): void {
    const weights = this.#definitionWeights;
    const weight = weightOf(definition);
    this.definitions.set(hash, definition);
    this.#definitionBytes += weight - (weights.get(hash) ?? 0);
    weights.set(hash, weight);
    for (const [oldest, weighs] of weights) {
      if (weights.size <= MAX_DEFINITIONS && this.#definitionBytes <= MAX_DEFINITION_BYTES) return;
      this.definitions.delete(oldest);
      weights.delete(oldest);
      this.#definitionBytes -= weighs;
    }
  }

  #forget(key: ActorKey): void {
    const part = this.actors.get(key)?.part;
    this.#endedBytes -= this.#ended.get(key) ?? 0;
    this.#ended.delete(key);
    this.actors.delete(key);
    if (part?.part === 'connection') {
      const place = placeOf(part.session, part.connection);
      if (this.#connections.get(place) === key) this.#connections.delete(place);
    } else if (part?.part === 'session' && part.link !== undefined && this.#links.get(part.link) === key) {
      this.#links.delete(part.link);
    }
  }

  #leave(process: number, at: number): void {
    const state = this.processes.get(process);
    if (state === undefined || state.left !== undefined) return;
    // The process moves to the end of the map, so the ones that left first are forgotten first.
    this.processes.delete(process);
    this.processes.set(process, { ...state, left: at });
    for (const actor of this.actors.values()) {
      if (actor.process === process && actor.status === 'active') this.#put({ ...actor, isLost: true });
    }
    let left = 0;
    for (const { left: when } of this.processes.values()) if (when !== undefined) left++;
    for (const [key, { left: when }] of this.processes) {
      if (left <= MAX_LEFT) return;
      if (when === undefined) continue;
      this.processes.delete(key);
      left--;
    }
  }

  #count(record: WireRecord): void {
    const { session, connection, message } = record;
    const own = this.actors.get(session);
    if (own !== undefined) this.actors.set(session, { ...own, traffic: added(own.traffic, record) });
    const place = placeOf(session, connection);
    const key = this.#connections.get(place);
    const actor = key === undefined ? undefined : this.actors.get(key);
    const opens = message === 'ConnectionOpen';
    // An ended connection gets only the sums that were still pending. An Open belongs to the next connection with this id.
    if (actor !== undefined && !(opens && actor.status !== 'active')) {
      this.actors.set(actor.key, { ...actor, traffic: added(actor.traffic, record) });
    } else {
      this.#hold(place, added((opens ? undefined : this.#unborn.get(place)) ?? NO_TRAFFIC, record));
    }
    if (message === 'Hello') this.#hear(record);
  }

  #hold(place: string, traffic: Traffic): void {
    this.#unborn.delete(place);
    this.#unborn.set(place, traffic);
    forgetOldest(this.#unborn, MAX_UNBORN);
  }

  /** Pairs the two ends of a link without a common name, as in a browser: both record the same Hello. */
  #hear({ session, direction, at, detail }: WireRecord): void {
    if (this.actors.get(session)?.peer !== undefined) return;
    const text = clipped(JSON.stringify(detail ?? null), HELLO_TEXT);
    const waiting = this.#hellos.filter((hello) => Math.abs(hello.at - at) < HELLO_WINDOW);
    const others = waiting.filter((hello) => hello.direction !== direction && hello.text === text);
    const [other] = others;
    // With several equal Hellos the right one is unknown.
    if (other !== undefined && others.length === 1 && this.#pair(session, other.session)) {
      this.#hellos = waiting.filter((hello) => hello !== other);
    } else {
      this.#hellos = [...waiting, { session, direction, at, text }].slice(-MAX_HELLOS);
    }
  }

  /** Pairs two actors. Returns true if they can be the two ends of one session. */
  #pair(one: ActorKey, other: ActorKey): boolean {
    const [a, b] = [this.actors.get(one), this.actors.get(other)];
    if (a?.part?.part !== 'session' || b?.part?.part !== 'session' || a.part.role === b.part.role) return false;
    if (a.peer !== undefined || b.peer !== undefined) return false;
    this.actors.set(one, { ...a, peer: other });
    this.actors.set(other, { ...b, peer: one });
    return true;
  }
}

function placeOf(session: ActorKey, connection: number): string {
  return `${session}#${connection}`;
}

function added(traffic: Traffic, { direction, count, bytes }: WireRecord): Traffic {
  const { sentMessages, sentBytes, receivedMessages, receivedBytes } = traffic;
  return direction === 'sent'
    ? { ...traffic, sentMessages: sentMessages + count, sentBytes: sentBytes + bytes }
    : { ...traffic, receivedMessages: receivedMessages + count, receivedBytes: receivedBytes + bytes };
}

function isEqual(one: Json | undefined, other: Json | undefined): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function forgetOldest<Key>(map: Map<Key, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
