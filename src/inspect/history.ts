/**
 * An index that finds the state after any record. The server keeps one to bring late viewers up to date, the page one to
 * pause and step back.
 */
import type { ActorKey, ActorRecord, ActorSnapshot, InspectionRecord } from './record.js';
import { type ActorState, InspectionState, type State } from './state.js';

/** The distance between two checkpoints, which are copies of the state: in records, and in bytes of records. */
const CHECKPOINT_RECORDS = 2_048;
const CHECKPOINT_BYTES = 8 * 2 ** 20;

/** The state before a record, by its position. */
interface Checkpoint {
  readonly position: number;
  readonly state: InspectionState;
  /** The bytes of all records before it. */
  readonly bytes: number;
}

/** Records in order, and the state after each of them. */
export class History {
  #records: InspectionRecord[] = [];
  /** The first checkpoint belongs to the first record that is kept. */
  #checkpoints: Checkpoint[] = [{ position: 0, state: new InspectionState(), bytes: 0 }];
  readonly #now = new InspectionState();
  #first = 0;
  #bytes = 0;

  /** The number of records so far, including forgotten ones. It is the position of the present. */
  get end(): number {
    return this.#first + this.#records.length;
  }

  /** The first position that {@link at} can return to. */
  get start(): number {
    return this.#first;
  }

  /**
   * The state after the last record. It is always the same object and changes with each push. The objects in its maps do not
   * change.
   */
  get now(): State {
    return this.#now;
  }

  /** Adds a record. `size` is its weight in bytes, for a {@link trim} by bytes. */
  push(record: InspectionRecord, size = 0): void {
    this.#records.push(record);
    this.#now.apply(record);
    this.#bytes += size;
    const { position, bytes } = this.#checkpoints.at(-1) as Checkpoint;
    if (this.end - position >= CHECKPOINT_RECORDS || this.#bytes - bytes >= CHECKPOINT_BYTES) {
      this.#checkpoints.push({ position: this.end, state: new InspectionState(this.#now), bytes: this.#bytes });
    }
  }

  /** Returns the record that leads from `position` to the next one. Undefined if it is no longer kept. */
  record(position: number): InspectionRecord | undefined {
    return this.#records[position - this.#first];
  }

  /** Returns the records between two positions, by default until the present. */
  records(from: number = this.#first, to: number = this.end): readonly InspectionRecord[] {
    return this.#records.slice(Math.max(0, from - this.#first), Math.max(0, to - this.#first));
  }

  /**
   * Returns the state at a position, or at the nearest one that is kept. It takes milliseconds. The result belongs to the
   * caller.
   */
  at(position: number): State {
    const target = Math.min(Math.max(position, this.#first), this.end);
    let checkpoint = this.#checkpoints[0] as Checkpoint;
    for (const each of this.#checkpoints) if (each.position <= target) checkpoint = each;
    const state = new InspectionState(checkpoint.state);
    for (let at = checkpoint.position; at < target; at++) state.apply(this.record(at) as InspectionRecord);
    return state;
  }

  /**
   * Forgets the oldest records, in steps of a checkpoint, while more than `most` records or `mostBytes` bytes stay. The
   * state keeps the effect of forgotten records.
   */
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
 * Returns records that produce a state from the empty state, for a recording that begins at that state. Their `seq` is 0,
 * since they are no events.
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

/** Returns the actor that a record is about. For a wire record that is the session's actor. */
export function actorOf(record: InspectionRecord): ActorKey | undefined {
  if (record.kind === 'wire') return record.session;
  return 'actor' in record ? record.actor : undefined;
}
