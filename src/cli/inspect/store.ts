import { createHash } from 'node:crypto';
import { History, recordsOf } from '../../inspect/history.js';
import {
  type ActorKey,
  type ActorRecord,
  type InspectionRecord,
  RECORDING_VERSION,
  type RecordingLine,
  type RecordingStart,
  type SnapshotRecord,
} from '../../inspect/record.js';
import { flawOf, lineOf, type Recording } from '../../inspect/recording.js';
import { framesOf } from '../../inspect/sender.js';
import { recordsOfStately } from '../../inspect/stately.js';
import { bounded, clipped, weightOf } from '../../inspect/weight.js';
import { adopt } from './adopt.js';

/**
 * The limits for the records of all processes: counts, and bytes as {@link weightOf} counts them. Strings are cut before
 * they count: see {@link bounded}. Ended actors and definitions have limits of their own in {@link History}.
 */
export interface StoreLimits {
  /** The number of records that the viewer can go back to. */
  readonly records: number;
  readonly recordBytes: number;
  /** The maximum length of one record, and of one definition. Characters of JSON. */
  readonly record: number;
  readonly definition: number;
  /**
   * The bytes of all living actors. Beyond them contexts are left out, and states stay. An actor that does not fit even
   * without its context is left out.
   */
  readonly actorBytes: number;
  /** The number of living actors of all processes. */
  readonly actors: number;
}

const STORE_LIMITS: StoreLimits = {
  records: 20_000,
  recordBytes: 64 * 2 ** 20,
  record: 64 * 1024,
  definition: 2 ** 20,
  actorBytes: 64 * 2 ** 20,
  actors: 50_000,
};

/** The time that a record waits for an earlier one from another process. Milliseconds. */
const HOLD = 30;

/** Waiting records are sorted and passed on at once when they reach this number, or this many bytes. */
const MOST_HELD = 10_000;
const MOST_HELD_BYTES = 8 * 2 ** 20;

/**
 * The maximum length of an actor's or a definition's name. A longer name is refused, since a cut one could equal another.
 */
const MAX_KEY = 256;

/** The maximum number of definitions of one process. */
const MOST_DEFINITIONS = 500;

/** The maximum number of complaints about one process. */
const MOST_NOTICES = 20;

/** The approximate number of characters in one frame to a page. */
const FRAME = 512 * 1024;

interface Process {
  readonly number: number;
  /**
   * True once a record introduces this process: its own `process` record, or one that the store adds before its first other
   * record.
   */
  isIntroduced: boolean;
  /** Our hash of each definition, by the process's own hash. */
  readonly hashes: Map<string, string>;
  readonly complaints: Set<string>;
  /** The time of the last record. No record of the process gets an earlier time. */
  lastAt: number;
}

/** The bytes that a living actor takes. */
interface Weight {
  /** The actor without its snapshot. */
  readonly base: number;
  readonly snapshot: number;
}

const LEFT_OUT = '[left out]';

type Subscriber = (frame: string) => void;

/** Everything that is known of the inspected processes, within limits, with the subscribers to it. */
export class Store {
  readonly #by: string;
  readonly #limits: StoreLimits;
  readonly #now: () => number;
  readonly #isLive: boolean;
  readonly #history = new History();
  readonly #processes = new Map<number, Process>();
  readonly #subscribers = new Set<Subscriber>();
  /** The weights of living actors. */
  readonly #weights = new Map<ActorKey, Weight>();
  #actorBytes = 0;
  #held: InspectionRecord[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;
  #seq = 0;

  /**
   * Creates a store. A store with a recording is complete. Without one, the store takes records of processes. `now` returns
   * milliseconds since the epoch.
   */
  constructor(by: string, now: () => number, options: { limits?: Partial<StoreLimits>; recording?: Recording } = {}) {
    this.#by = by;
    this.#now = now;
    this.#limits = { ...STORE_LIMITS, ...options.limits };
    this.#isLive = options.recording === undefined;
    for (const record of options.recording?.records ?? []) this.#history.push(record);
  }

  /** Adds a process that has connected, and returns its number. It may not prove to be one. */
  join(): number {
    const number = ++this.#last;
    this.#processes.set(number, {
      number,
      isIntroduced: false,
      hashes: new Map(),
      complaints: new Set(),
      lastAt: 0,
    });
    return number;
  }

  leave(number: number): void {
    const process = this.#processes.get(number);
    this.#processes.delete(number);
    if (process?.isIntroduced !== true) return;
    this.#hold({ kind: 'left', seq: 0, at: this.#now(), process: number });
    for (const key of this.#weights.keys()) if (key.startsWith(`${number}/`)) this.#weigh(key, undefined);
  }

  /**
   * Takes a message of a process: an array of records, or one object in Stately's protocol. Each kind of error is reported
   * once.
   */
  take(number: number, text: string): void {
    const process = this.#processes.get(number);
    if (process === undefined) return;
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch (error) {
      this.complain(number, 'it sent what is no JSON', (error as Error).message);
      return;
    }
    if (Array.isArray(message)) for (const record of message) this.#takeRecord(process, record);
    else this.#takeStately(process, message);
  }

  /** Reports an error of a process, once for each kind of error. */
  complain(number: number, what: string, detail = ''): void {
    const process = this.#processes.get(number);
    if (process === undefined || process.complaints.has(what) || process.complaints.size >= MOST_NOTICES) return;
    process.complaints.add(what);
    this.#introduce(process, this.#now());
    const text = clipped(detail === '' ? what : `${what}: ${detail}`, 300);
    this.#hold({ kind: 'notice', seq: 0, at: this.#now(), process: number, text });
  }

  /**
   * Sends the present state to the subscriber at once, and then each new record. The returned function ends the
   * subscription.
   */
  subscribe(send: Subscriber): () => void {
    const { start, records } = this.#whole(this.#isLive);
    for (const frame of framesOf([start, ...records], lineOf, FRAME)) send(frame);
    this.#subscribers.add(send);
    return () => this.#subscribers.delete(send);
  }

  /** Yields the recording so far, line by line. */
  *lines(): Iterable<string> {
    this.settle();
    const { start, records } = this.#whole(false);
    yield lineOf(start);
    for (const record of records) yield lineOf(record);
  }

  /** Stops the clock. */
  close(): void {
    clearTimeout(this.#timer);
    this.settle();
    this.#subscribers.clear();
  }

  /** Sorts the held records and passes them on: those up to `until`, or all. */
  settle(until = Number.POSITIVE_INFINITY): void {
    const due = this.#held.filter(({ at }) => at <= until).sort((one, other) => one.at - other.at);
    this.#held = this.#held.filter(({ at }) => at > until);
    if (this.#held.length === 0) this.#heldBytes = 0;
    const settled: InspectionRecord[] = [];
    for (const record of due) {
      const numbered = { ...record, seq: ++this.#seq };
      settled.push(numbered);
      this.#history.push(numbered, weightOf(numbered));
    }
    this.#history.trim(this.#limits.records, this.#limits.recordBytes);
    if (settled.length === 0 || this.#subscribers.size === 0) return;
    for (const frame of framesOf(settled, lineOf, FRAME)) for (const send of this.#subscribers) send(frame);
  }

  #whole(isLive: boolean): { start: RecordingStart; records: readonly InspectionRecord[] } {
    const base = recordsOf(this.#history.at(this.#history.start));
    const records = [...base, ...this.#history.records()];
    const [version, at, by] = [RECORDING_VERSION, this.#now(), this.#by] as const;
    return { start: { kind: 'recording', version, at, by, isLive, backlog: records.length }, records };
  }

  #takeStately(process: Process, message: unknown): void {
    const records =
      typeof message === 'object' && message !== null ? recordsOfStately(message, hashOf, this.#now()) : undefined;
    if (records === undefined)
      this.complain(process.number, 'it sent what is neither a record nor an event of Stately’s');
    for (const record of records ?? []) this.#takeRecord(process, record);
  }

  #takeRecord(process: Process, value: unknown): void {
    const { number } = process;
    const flaw = flawOf(value);
    const record =
      flaw === undefined && hasShortKeys(value as RecordingLine)
        ? this.#adopted(process, bounded(value as RecordingLine))
        : undefined;
    if (record === undefined) {
      this.complain(number, 'it sent what is no record', flaw ?? 'not one of a process');
      return;
    }
    const size = JSON.stringify(record).length;
    const most = record.kind === 'definition' ? this.#limits.definition : this.#limits.record;
    if (size > most) {
      this.complain(number, `it sent a ${record.kind} of more than ${most} characters`);
      return;
    }
    if (record.kind === 'process') {
      if (!process.isIntroduced) this.#hold(record);
      process.isIntroduced = true;
      return;
    }
    this.#introduce(process, record.at);
    // Another process has already sent the same machine.
    if (record.kind === 'definition' && this.#history.now.definitions.has(record.hash)) return;
    if (record.kind === 'actor' && !this.#weights.has(record.actor) && this.#weights.size >= this.#limits.actors) {
      this.complain(number, `more than ${this.#limits.actors} actors live: no more are told of`);
      return;
    }
    const admitted = this.#admitted(number, record);
    if (admitted !== undefined) this.#hold(admitted);
  }

  /** Introduces a process that did not send its name. This precedes its first record. */
  #introduce(process: Process, at: number): void {
    if (process.isIntroduced) return;
    process.isIntroduced = true;
    process.lastAt = at;
    const { number } = process;
    this.#hold({ kind: 'process', seq: 0, at, process: number, name: `process ${number}` });
  }

  /** Returns the record as one of this process. Its time is limited to a plausible one. */
  #adopted(process: Process, record: RecordingLine): InspectionRecord | undefined {
    const at = Math.max(process.lastAt, Math.min(record.at, this.#now()));
    process.lastAt = at;
    if (record.kind !== 'definition') return adopt(record, process.number, at, process.hashes);
    const hash = hashOf(JSON.stringify(record.definition));
    if (process.hashes.size < MOST_DEFINITIONS) process.hashes.set(record.hash, hash);
    return { ...record, at, hash };
  }

  /**
   * Weighs a record of an actor. Leaves its context out if all actors take too much room. Returns undefined if the record is
   * too big even then.
   */
  #admitted(number: number, record: InspectionRecord): InspectionRecord | undefined {
    if (record.kind !== 'actor' && record.kind !== 'snapshot') return record;
    const { actor, snapshot } = record;
    const known = this.#weights.get(actor);
    if (snapshot.status !== 'active') {
      this.#weigh(actor, undefined);
      return record;
    }
    if (record.kind === 'snapshot' && known === undefined) return record;
    const most = this.#limits.actorBytes;
    const room = most - this.#actorBytes + (known === undefined ? 0 : known.base + known.snapshot);
    const { status, value } = snapshot;
    const light = { ...record, snapshot: { status, ...(value === undefined ? {} : { value }), context: LEFT_OUT } };
    for (const each of [record, light]) {
      const weight = weighed(each, known);
      if (weight.base + weight.snapshot > room) {
        this.complain(number, `actors take more than ${most} bytes: the rest of their contexts is left out`);
        continue;
      }
      this.#weigh(actor, weight);
      return each;
    }
    this.complain(number, `actors take more than ${most} bytes: no more are told of`);
    return undefined;
  }

  #weigh(actor: ActorKey, weight: Weight | undefined): void {
    const known = this.#weights.get(actor);
    if (known !== undefined) this.#actorBytes -= known.base + known.snapshot;
    if (weight === undefined) {
      this.#weights.delete(actor);
      return;
    }
    this.#weights.set(actor, weight);
    this.#actorBytes += weight.base + weight.snapshot;
  }

  #hold(record: InspectionRecord): void {
    this.#held.push(record);
    this.#heldBytes += weightOf(record);
    if (this.#held.length >= MOST_HELD || this.#heldBytes >= MOST_HELD_BYTES) this.settle();
    this.#tick();
  }

  #tick(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.settle(this.#now() - HOLD);
      if (this.#held.length > 0) this.#tick();
    }, HOLD);
  }
}

/**
 * Returns the weight after a record. A snapshot replaces the previous snapshot and the event that led to it. The rest of an
 * actor stays.
 */
function weighed(record: ActorRecord | SnapshotRecord, known: Weight | undefined): Weight {
  if (record.kind === 'snapshot') return { base: known?.base ?? 0, snapshot: weightOf(record) };
  const { snapshot, last, ...rest } = record;
  return { base: weightOf(rest), snapshot: weightOf({ snapshot, last }) };
}

/** True if all names of actors and definitions in a record are short. Other texts are simply cut. */
function hasShortKeys(record: RecordingLine): boolean {
  const { actor, parent, source, session, peer, hash, definition, part } = record as unknown as Record<string, unknown>;
  const keys = [
    actor,
    parent,
    source,
    session,
    peer,
    hash,
    definition,
    (part as { session?: unknown } | undefined)?.session,
  ];
  return keys.every((key) => typeof key !== 'string' || key.length <= MAX_KEY);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
