/** The data of one actor's panel: its time in each state, the agreed settings and metadata, and its traffic. */

import type { ActorKey, ActorSnapshot, InspectionRecord, Json, TakenTransition } from '../../inspect/record.js';
import type { ActorState, State } from '../../inspect/state.js';
import { kindOf } from './exchange.js';
import { countBelow } from './recording.js';
import { type Forest, leavesOf, placeOf } from './tree.js';

/** A span of time in which the same states of an actor were active. */
export interface Stay {
  /** The innermost active states, several with parallel regions. For an actor without states, its status. */
  readonly states: readonly string[];
  /** The states that were not active before. */
  readonly entered: readonly string[];
  readonly from: number;
  /** The position after the record that it began with. */
  readonly position: number;
  /** The event that led there. */
  readonly event: string;
}

/** The number of latest stays that are kept. */
const MOST_STAYS = 500;

/** The records at those of `positions` that lie from `from` up to `to`, each with its position. */
function* recordsBetween(
  positions: readonly number[],
  from: number,
  to: number,
  recordAt: (position: number) => InspectionRecord | undefined,
): Generator<[at: number, record: InspectionRecord | undefined]> {
  for (let index = countBelow(positions, from); index < positions.length; index++) {
    const at = positions[index] as number;
    if (at >= to) return;
    yield [at, recordAt(at)];
  }
}

/** The stays of an actor, computed from its records. A call for a later position continues from the last one. */
export class Stays {
  readonly actor: ActorKey;
  readonly stays: Stay[] = [];
  /** The time in each state before the last stay. Milliseconds. */
  readonly #totals = new Map<string, number>();
  #next = 0;

  constructor(actor: ActorKey) {
    this.actor = actor;
  }

  /** True if it can advance to this position of this actor. */
  reaches(actor: ActorKey, position: number): boolean {
    return actor === this.actor && position >= this.#next;
  }

  /** Returns the time in each state until `now`. Milliseconds. */
  totals(now: number): Map<string, number> {
    const totals = new Map(this.#totals);
    const last = this.stays.at(-1);
    if (last !== undefined) add(totals, last, now);
    return totals;
  }

  /** Adds the actor's records before `position`. */
  advance(
    positions: readonly number[],
    position: number,
    recordAt: (position: number) => InspectionRecord | undefined,
  ): void {
    for (const [at, record] of recordsBetween(positions, this.#next, position, recordAt)) {
      // A machine that is recorded before it starts has no value yet.
      const isBegun =
        record?.kind === 'actor' && (record.definition === undefined || record.snapshot.value !== undefined);
      if (isBegun) this.#enter(record.snapshot, record.since ?? record.at, at, record.last?.event ?? '');
      if (record?.kind === 'snapshot') this.#enter(record.snapshot, record.at, at, record.event);
    }
    this.#next = position;
  }

  #enter({ value, status }: ActorSnapshot, at: number, position: number, event: string): void {
    const hasStopped = status === 'stopped' || status === 'error';
    const states = value === undefined || hasStopped ? [status] : leavesOf(value);
    const last = this.stays.at(-1);
    const entered = states.filter((state) => last?.states.includes(state) !== true);
    if (entered.length === 0 && last?.states.length === states.length) return;
    if (last !== undefined) add(this.#totals, last, at);
    this.stays.push({ states, entered, from: at, position: position + 1, event });
    if (this.stays.length > MOST_STAYS) this.stays.shift();
  }
}

function add(totals: Map<string, number>, { states, from }: Stay, to: number): void {
  for (const state of states) totals.set(state, (totals.get(state) ?? 0) + Math.max(0, to - from));
}

/** The metadata of one side for a connection, with the message that carried it. */
export interface Words {
  readonly isSent: boolean;
  readonly message: string;
  readonly entries: readonly Entry[];
}

/** The metadata of both sides for a connection, from the records of one end of its session. */
export class Metadata {
  readonly words: Words[] = [];
  readonly #session: ActorKey;
  readonly #connection: number;
  #next = 0;

  constructor(session: ActorKey, connection: number) {
    this.#session = session;
    this.#connection = connection;
  }

  reaches(session: ActorKey, connection: number, position: number): boolean {
    return session === this.#session && connection === this.#connection && position >= this.#next;
  }

  advance(
    positions: readonly number[],
    position: number,
    recordAt: (position: number) => InspectionRecord | undefined,
  ): void {
    for (const [, record] of recordsBetween(positions, this.#next, position, recordAt)) {
      if (record?.kind !== 'wire' || record.connection !== this.#connection) continue;
      const { message, direction, detail } = record;
      if (kindOf(message) !== 'session' && kindOf(message) !== 'connection') continue;
      const entries = entriesOf(detail?.['metadata']);
      if (entries.length > 0) this.words.push({ isSent: direction === 'sent', message, entries });
    }
    this.#next = position;
  }
}

/** Returns the session of an actor, or the actor itself if it is a session. Undefined for an actor outside sessions. */
function sessionOf(actor: ActorState | undefined): ActorKey | undefined {
  if (actor?.part === undefined) return undefined;
  return actor.part.part === 'session' ? actor.key : actor.part.session;
}

/** Returns the two ends of the session that `actor` belongs to, the initiator first. */
export function endsOf(state: State, actor: ActorKey | undefined): { left: ActorKey; right?: ActorKey } | undefined {
  const key = sessionOf(actor === undefined ? undefined : state.actors.get(actor));
  const session = key === undefined ? undefined : state.actors.get(key);
  if (session === undefined) return undefined;
  const peer = session.peer;
  const isInitiator = session.part?.part === 'session' && session.part.role === 'initiator';
  if (peer === undefined) return { left: session.key };
  return isInitiator ? { left: session.key, right: peer } : { left: peer, right: session.key };
}

/** Returns the same connection at the other end of the link, if that end is inspected. */
export function counterpartOf(state: State, forest: Forest, actor: ActorState): ActorState | undefined {
  const { part } = actor;
  if (part?.part === 'session') return actor.peer === undefined ? undefined : state.actors.get(actor.peer);
  if (part === undefined) return undefined;
  const peer = state.actors.get(part.session)?.peer;
  if (peer === undefined) return undefined;
  if (part.part === 'connection') {
    const key = forest.connections.get(placeOf(peer, part.connection));
    return key === undefined ? undefined : state.actors.get(key);
  }
  for (const key of forest.children.get(peer) ?? []) {
    const other = state.actors.get(key);
    if (other?.part?.part === part.part) return other;
  }
  return undefined;
}

/** One entry of metadata as it is shown: its value as text, and its flags. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly isSensitive: boolean;
  readonly isPrivate: boolean;
}

/** Returns the entries of a metadata list in a record. Empty if the value is no such list. */
export function entriesOf(metadata: Json | undefined): Entry[] {
  if (!Array.isArray(metadata)) return [];
  return metadata.filter(isRecord).map(({ key, value, flags }) => {
    const bits = Number(flags ?? 0);
    const isSensitive = (bits & 1) === 1 || value === '[sensitive]';
    return {
      key: String(key),
      // An inspected process should never send a sensitive value. The page does not show one either.
      value: isSensitive ? 'sensitive' : typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
      isSensitive,
      isPrivate: (bits & 2) === 2,
    };
  });
}

export function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns a member of an actor's context. */
export function contextOf(actor: ActorState | undefined, member: string): Json | undefined {
  return isRecord(actor?.context) ? actor.context[member] : undefined;
}

/** Returns settings such as `{ parity: 'odd', maxConcurrentRequests: 64 }` as rows. Empty if the value is no object. */
export function settingsOf(settings: Json | undefined): [name: string, value: string][] {
  if (!isRecord(settings)) return [];
  return Object.entries(settings).map(([name, value]) => [name, String(value)]);
}

/** Describes a transition: `rx.Pong → waiting`, `rx.Ping, stays in running`. */
export function transitionText({ event, targets, source }: TakenTransition): string {
  const on = event === '' ? 'always' : event;
  const names = targets.map((id) => id.split('.').at(-1) ?? id);
  return names.length === 0 ? `${on}, stays in ${source.split('.').at(-1)}` : `${on} → ${names.join(', ')}`;
}
