/**
 * The records of the page, with indexes into them. No operation takes time that grows with the number of records, except
 * `trim`, which runs seldom.
 *
 * A *position* counts records from the first that ever came. The state at a position is the one after all records before it.
 */
import { actorOf, History } from '../../inspect/history.js';
import type { ActorKey, InspectionRecord, RecordingLine, RecordingStart } from '../../inspect/record.js';
import type { State } from '../../inspect/state.js';

/** The maximum number of kept records. Older ones are forgotten, and the state keeps their effect. */
export const MOST_RECORDS = 60_000;

const NONE: readonly number[] = [];

export class Recording {
  readonly #history = new History();
  /** The time of each kept record. Times never fall, though the clocks of two processes may differ. */
  #times: number[] = [];
  /** The positions of an actor's records. */
  readonly #byActor = new Map<ActorKey, number[]>();
  /** The positions of a session's messages, and of the cuts and resumes of its link. */
  readonly #wires = new Map<ActorKey, number[]>();
  #begin: RecordingStart | undefined;
  #structure = 0;
  #latest = 0;

  /** The first record. Undefined until it has come. */
  get begin(): RecordingStart | undefined {
    return this.#begin;
  }

  /** The first position that the page can return to. */
  get start(): number {
    return this.#history.start;
  }

  /** The position of the present. */
  get end(): number {
    return this.#history.end;
  }

  get now(): State {
    return this.#history.now;
  }

  /** A number that changes when actors or processes come or go. While it is the same, the tree has the same rows. */
  get structure(): number {
    return this.#structure;
  }

  push(line: RecordingLine): void {
    if (line.kind === 'recording') {
      this.#begin = line;
      return;
    }
    const position = this.end;
    this.#history.push(line);
    this.#latest = Math.max(this.#latest, line.at);
    this.#times.push(this.#latest);
    this.#index(line, position);
    if (this.end - this.start > MOST_RECORDS * 1.1) this.#trim();
  }

  record(position: number): InspectionRecord | undefined {
    return this.#history.record(position);
  }

  records(): readonly InspectionRecord[] {
    return this.#history.records();
  }

  /** Returns the state at a position, as an object of its own that later records do not change. */
  at(position: number): State {
    return this.#history.at(position);
  }

  /**
   * Returns the time of the record that leads to `position`. For the first position, the time of the record that follows.
   */
  timeAt(position: number): number {
    const offset = Math.min(Math.max(position - this.start - 1, 0), this.#times.length - 1);
    return this.#times[offset] ?? this.#begin?.at ?? 0;
  }

  /** Returns the position after all records until `time`, `time` included. */
  positionAt(time: number): number {
    return this.start + countBefore(this.#times.length, (index) => (this.#times[index] as number) <= time);
  }

  /** Returns the positions of the actor's records, in order. */
  positionsOf(actor: ActorKey): readonly number[] {
    return this.#byActor.get(actor) ?? NONE;
  }

  /** Returns the positions of a session's wire records, and of the cuts and resumes of its link, in order. */
  wiresOf(session: ActorKey): readonly number[] {
    return this.#wires.get(session) ?? NONE;
  }

  #index(record: InspectionRecord, position: number): void {
    const isEnd = record.kind === 'snapshot' && record.snapshot.status !== 'active';
    if (isEnd || record.kind === 'actor' || record.kind === 'process' || record.kind === 'left') this.#structure++;
    const actor = actorOf(record);
    if (actor === undefined) return;
    const isCut = cutOf(record) !== undefined;
    if (record.kind === 'wire' || isCut) append(this.#wires, actor, position);
    if (record.kind !== 'wire') append(this.#byActor, actor, position);
  }

  #trim(): void {
    const before = this.start;
    this.#history.trim(MOST_RECORDS);
    const { start } = this;
    this.#times = this.#times.slice(start - before);
    for (const index of [this.#byActor, this.#wires]) {
      for (const [actor, positions] of index) {
        const kept = positions.slice(countBelow(positions, start));
        if (kept.length === 0) index.delete(actor);
        else index.set(actor, kept);
      }
    }
  }
}

/** Returns the news of a session about the link beneath it: it is lost, or there is one again. */
export function cutOf(record: InspectionRecord | undefined): 'interrupted' | 'restored' | undefined {
  if (record?.kind !== 'snapshot') return undefined;
  if (record.event === 'link.interrupted') return 'interrupted';
  return record.event === 'link.restored' ? 'restored' : undefined;
}

function append(index: Map<ActorKey, number[]>, actor: ActorKey, position: number): void {
  const positions = index.get(actor);
  if (positions === undefined) index.set(actor, [position]);
  else positions.push(position);
}

/** Returns the number of indices below `count` that pass the test. All indices that pass come before all that don't. */
export function countBefore(count: number, isBefore: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Returns the number of members of an ascending list that are below `value`. */
export function countBelow(list: readonly number[], value: number): number {
  return countBefore(list.length, (index) => (list[index] as number) < value);
}
