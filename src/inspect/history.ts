/**
 * How things stand, and how they stood: a reducer that makes states of records, and an index that finds the state after
 * any of them. The server keeps one to tell late viewers from, the page one to pause and step back in.
 */
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

export interface ProcessState {
  readonly process: number;
  readonly name: string;
  readonly runtime?: ProcessRecord['runtime'];
  readonly pid?: number;
  readonly joined: number;
  /** When it went; absent while it is connected. */
  readonly left?: number;
}

/** An actor at one moment. A new object with each change, the same one as long as nothing changes. */
export interface ActorState extends ActorSnapshot {
  readonly key: ActorKey;
  readonly process: number;
  readonly id: string;
  readonly name: string;
  readonly parent?: ActorKey;
  /** A key of {@link State.definitions}. */
  readonly definition?: string;
  readonly part?: Part;
  /** When it came to be, as far as is known. */
  readonly born: number;
  /** Since when it has had this value and status. */
  readonly since: number;
  /** The type of the last event that it has made something of. */
  readonly event?: string;
  /** What it took then. */
  readonly transitions: readonly TakenTransition[];
  /** Of a session: over all its connections. Of a connection: its own. Of anything else: nothing. */
  readonly traffic: Traffic;
  /** Of a session: the actor at the link's other end, where that is inspected too. */
  readonly peer?: ActorKey;
  /** Its process went while it was active: nobody knows what became of it. */
  readonly isLost: boolean;
}

/** Everything at one moment. */
export interface State {
  readonly processes: ReadonlyMap<number, ProcessState>;
  readonly definitions: ReadonlyMap<string, Json>;
  /** In the order in which they were told of. Those that ended stay for a while: the last {@link MAX_ENDED}. */
  readonly actors: ReadonlyMap<ActorKey, ActorState>;
}

/** How many actors that are no longer active are remembered. */
export const MAX_ENDED = 2_000;

/** Processes that have left, and definitions, are remembered up to this many. */
const MAX_LEFT = 200;
const MAX_DEFINITIONS = 500;

/** How many Hellos wait for their other end to be told of, and for how long. Milliseconds. */
const MAX_HELLOS = 200;
const HELLO_WINDOW = 5_000;

const NO_TRAFFIC: Traffic = { sentMessages: 0, sentBytes: 0, receivedMessages: 0, receivedBytes: 0 };

interface Hello {
  readonly session: ActorKey;
  readonly direction: WireRecord['direction'];
  readonly at: number;
  readonly text: string;
}

/** A state that records are applied to. The objects in its maps are never written to, so that a copy is a shallow one. */
class Folded implements State {
  readonly processes: Map<number, ProcessState>;
  readonly definitions: Map<string, Json>;
  readonly actors: Map<ActorKey, ActorState>;
  /** Actors that are no longer active, the longest ended first. */
  readonly #ended: Set<ActorKey>;
  /** The actor of a connection, by its session and id: the last one, where an id was used again. */
  readonly #connections: Map<string, ActorKey>;
  /** The session at the one end of each link whose other end is not known. */
  readonly #links: Map<string, ActorKey>;
  #hellos: readonly Hello[];

  constructor(from?: Folded) {
    this.processes = new Map(from?.processes);
    this.definitions = new Map(from?.definitions);
    this.actors = new Map(from?.actors);
    this.#ended = new Set(from === undefined ? [] : from.#ended);
    this.#connections = new Map(from === undefined ? [] : from.#connections);
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
        this.definitions.set(record.hash, record.definition);
        forgetOldest(this.definitions, MAX_DEFINITIONS);
        break;
      case 'actor':
        this.#meet(record);
        break;
      case 'snapshot': {
        const actor = this.actors.get(record.actor);
        // What has ended does not come back, whatever a process says.
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
    this.#put({
      ...snapshot,
      key,
      process,
      id,
      name,
      born: known?.born ?? at,
      since,
      transitions: last?.transitions ?? [],
      traffic: traffic ?? known?.traffic ?? NO_TRAFFIC,
      isLost: false,
      ...(parent === undefined ? {} : { parent }),
      ...(definition === undefined ? {} : { definition }),
      ...(part === undefined ? {} : { part }),
      ...(last === undefined ? {} : { event: last.event }),
      ...(peer === undefined ? {} : { peer }),
    });
    if (part?.part === 'connection') this.#connections.set(`${part.session}#${part.connection}`, key);
    if (part?.part !== 'session' || part.link === undefined || peer !== undefined) return;
    const other = this.#links.get(part.link);
    if (other !== undefined && this.#pair(key, other)) this.#links.delete(part.link);
    else this.#links.set(part.link, key);
  }

  #put(actor: ActorState): void {
    const { key } = actor;
    this.actors.set(key, actor);
    if (actor.status === 'active' && !actor.isLost) {
      this.#ended.delete(key);
      return;
    }
    this.#ended.add(key);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= MAX_ENDED) return;
      this.#forget(oldest);
    }
  }

  #forget(key: ActorKey): void {
    const part = this.actors.get(key)?.part;
    this.#ended.delete(key);
    this.actors.delete(key);
    if (part?.part === 'connection') {
      const place = `${part.session}#${part.connection}`;
      if (this.#connections.get(place) === key) this.#connections.delete(place);
    } else if (part?.part === 'session' && part.link !== undefined && this.#links.get(part.link) === key) {
      this.#links.delete(part.link);
    }
  }

  #leave(process: number, at: number): void {
    const state = this.processes.get(process);
    if (state === undefined || state.left !== undefined) return;
    // Behind those that are here: the longest gone are forgotten first.
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
    const { session, connection } = record;
    for (const key of [session, this.#connections.get(`${session}#${connection}`)]) {
      const actor = key === undefined ? undefined : this.actors.get(key);
      if (actor !== undefined) this.actors.set(actor.key, { ...actor, traffic: added(actor.traffic, record) });
    }
    if (record.message === 'Hello') this.#hear(record);
  }

  /** Where a link has no name that both ends know, as in a browser, its two ends are those that tell of the same Hello. */
  #hear({ session, direction, at, detail }: WireRecord): void {
    if (this.actors.get(session)?.peer !== undefined) return;
    const text = JSON.stringify(detail ?? null);
    const waiting = this.#hellos.filter((hello) => Math.abs(hello.at - at) < HELLO_WINDOW);
    const others = waiting.filter((hello) => hello.direction !== direction && hello.text === text);
    const [other] = others;
    // Of several that are alike nobody knows which one it is.
    if (other !== undefined && others.length === 1 && this.#pair(session, other.session)) {
      this.#hellos = waiting.filter((hello) => hello !== other);
    } else {
      this.#hellos = [...waiting, { session, direction, at, text }].slice(-MAX_HELLOS);
    }
  }

  /** Whether they are the two ends of one session. */
  #pair(one: ActorKey, other: ActorKey): boolean {
    const [a, b] = [this.actors.get(one), this.actors.get(other)];
    if (a?.part?.part !== 'session' || b?.part?.part !== 'session' || a.part.role === b.part.role) return false;
    if (a.peer !== undefined || b.peer !== undefined) return false;
    this.actors.set(one, { ...a, peer: other });
    this.actors.set(other, { ...b, peer: one });
    return true;
  }
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

/** A copy of the state is kept each time that so many records have come, or so many bytes of them. */
const CHECKPOINT_RECORDS = 2_048;
const CHECKPOINT_BYTES = 8 * 2 ** 20;

/** The state before a record, by its position. */
interface Checkpoint {
  readonly position: number;
  readonly state: Folded;
  /** Of all records before it. */
  readonly bytes: number;
}

/** Records in order, and the state after each of them. */
export class History {
  #records: InspectionRecord[] = [];
  /** The first is that of the first record that is kept. */
  #checkpoints: Checkpoint[] = [{ position: 0, state: new Folded(), bytes: 0 }];
  readonly #now = new Folded();
  #first = 0;
  #bytes = 0;

  /** How many records there have been, those forgotten included: the position of the present. */
  get end(): number {
    return this.#first + this.#records.length;
  }

  /** The first position that can be gone back to. */
  get start(): number {
    return this.#first;
  }

  /** The state after the last record. The same object always, which goes on with what is pushed; what is in it does not. */
  get now(): State {
    return this.#now;
  }

  /** Adds a record; `size` is what it counts for, in bytes, where {@link trim} is to go by that. */
  push(record: InspectionRecord, size = 0): void {
    this.#records.push(record);
    this.#now.apply(record);
    this.#bytes += size;
    const { position, bytes } = this.#checkpoints.at(-1) as Checkpoint;
    if (this.end - position >= CHECKPOINT_RECORDS || this.#bytes - bytes >= CHECKPOINT_BYTES) {
      this.#checkpoints.push({ position: this.end, state: new Folded(this.#now), bytes: this.#bytes });
    }
  }

  /** The record that leads from position `position` to the next; undefined where none is kept. */
  record(position: number): InspectionRecord | undefined {
    return this.#records[position - this.#first];
  }

  /** The records from one position to another, the present by default. */
  records(from: number = this.#first, to: number = this.end): readonly InspectionRecord[] {
    return this.#records.slice(Math.max(0, from - this.#first), Math.max(0, to - this.#first));
  }

  /** The state at a position, the nearest that is kept. It takes milliseconds, and the result is the caller's. */
  at(position: number): State {
    const target = Math.min(Math.max(position, this.#first), this.end);
    let checkpoint = this.#checkpoints[0] as Checkpoint;
    for (const each of this.#checkpoints) if (each.position <= target) checkpoint = each;
    const state = new Folded(checkpoint.state);
    for (let at = checkpoint.position; at < target; at++) state.apply(this.record(at) as InspectionRecord);
    return state;
  }

  /** Forgets the oldest records, from checkpoint to checkpoint, as long as more are left than that; their effect stays. */
  trim(most: number, mostBytes = Number.POSITIVE_INFINITY): void {
    let keep = 0;
    for (const [index, { position, bytes }] of this.#checkpoints.entries()) {
      if (this.end - position < most && this.#bytes - bytes < mostBytes) break;
      keep = index;
    }
    const { position } = this.#checkpoints[keep] as Checkpoint;
    this.#checkpoints = this.#checkpoints.slice(keep);
    this.#records = this.#records.slice(position - this.#first);
    this.#first = position;
  }
}

/**
 * The records that a recording has to begin with where it begins at a state: applied to nothing, they give that state.
 * Their `seq` is 0, since nothing has happened with them.
 */
export function recordsOf(state: State): InspectionRecord[] {
  const records: InspectionRecord[] = [];
  for (const { process, name, runtime, pid, joined } of state.processes.values()) {
    records.push({
      kind: 'process',
      seq: 0,
      at: joined,
      process,
      name,
      ...(runtime === undefined ? {} : { runtime }),
      ...(pid === undefined ? {} : { pid }),
    });
  }
  for (const [hash, definition] of state.definitions) {
    records.push({ kind: 'definition', seq: 0, at: 0, hash, definition });
  }
  for (const actor of state.actors.values()) records.push(recordOf(actor));
  for (const { process, left } of state.processes.values()) {
    if (left !== undefined) records.push({ kind: 'left', seq: 0, at: left, process });
  }
  return records;
}

function recordOf(actor: ActorState): ActorRecord {
  const { key, process, id, name, parent, definition, part, born, since, traffic, peer, event, transitions } = actor;
  const { status, value, context, output, error } = actor;
  const snapshot: ActorSnapshot = {
    status,
    ...(value === undefined ? {} : { value }),
    ...(context === undefined ? {} : { context }),
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
  };
  return {
    kind: 'actor',
    seq: 0,
    at: born,
    process,
    actor: key,
    id,
    name,
    snapshot,
    since,
    traffic,
    ...(parent === undefined ? {} : { parent }),
    ...(definition === undefined ? {} : { definition }),
    ...(part === undefined ? {} : { part }),
    ...(event === undefined ? {} : { last: { event, transitions } }),
    ...(peer === undefined ? {} : { peer }),
  };
}

/** The actor that a record is about; for what was sent or received, the session's. */
export function actorOf(record: InspectionRecord): ActorKey | undefined {
  if (record.kind === 'wire') return record.session;
  return 'actor' in record ? record.actor : undefined;
}
