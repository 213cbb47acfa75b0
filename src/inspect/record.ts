/**
 * Records about inspected processes, as plain data. A record is one line of a recording (JSONL), and one element of the
 * inspect server's stream to its page. This file depends neither on Node nor on a browser.
 *
 * Three rules apply to all records:
 *
 * - A recording begins with one `recording` record. Records of the state at its beginning follow (`process`, `definition`,
 *   `actor`), then the events, in order. A late viewer and a file get exactly that.
 * - A definition, parent or actor is recorded before a record refers to it. If the process sent it late or not at all, the
 *   record still counts, and its reference leads to no entry.
 * - No record holds a payload or a SENSITIVE value. Data that an inspected process does not send can't leak.
 *
 * The page gets frames of JSON text, each an array of records. It sends nothing. `history.ts` computes states from them.
 */

import type { Json } from '../wire/plain.js';

export type { Json };

/** The version of this format. */
export const RECORDING_VERSION = 1;

/**
 * The key of an actor, unique in the recording: the number of its process, and XState's own session id there, as in `2/x:7`.
 */
export type ActorKey = `${number}/${string}`;

export function actorKey(process: number, sessionId: string): ActorKey {
  return `${process}/${sessionId}`;
}

interface Recorded {
  /** A number that counts up from 1 through the recording. It gives the order of the events, as far as that is known. */
  readonly seq: number;
  /** Milliseconds since the epoch, with fractions, by the clock of the process that it is about. */
  readonly at: number;
}

/** The first record of a recording. */
export interface RecordingStart {
  readonly kind: 'recording';
  readonly version: typeof RECORDING_VERSION;
  /** The time when the recording was made, or the stream opened. Milliseconds since the epoch. */
  readonly at: number;
  /** The program that wrote the recording: `roam-actors 0.1.0`. */
  readonly by: string;
  /** True for the stream of a running server: new records follow the present ones. False for a file. */
  readonly isLive: boolean;
  /** The number of following records that are already there. The page can show them at once, without playing them. */
  readonly backlog: number;
}

/** An inspected process has connected. */
export interface ProcessRecord extends Recorded {
  readonly kind: 'process';
  readonly process: number;
  /** The name that the process sent, or `process 2` and so on without one. */
  readonly name: string;
  /**
   * Absent for a process that speaks plain `@statelyai/inspect`. Such a process sends no wire records, parts or transitions.
   */
  readonly runtime?: 'node' | 'browser';
  readonly pid?: number;
}

/** An inspected process has disconnected, and its actors are gone. If it connects again, it counts as another process. */
export interface LeftRecord extends Recorded {
  readonly kind: 'left';
  readonly process: number;
}

/** A machine's definition, as Stately's editor imports it. One record serves all actors that run the machine. */
export interface DefinitionRecord extends Recorded {
  readonly kind: 'definition';
  readonly hash: string;
  readonly definition: Json;
}

/**
 * The actor's part in a session of roam-actors. Absent for any other actor. Each part but the session itself names its
 * session.
 */
export type Part =
  | {
      readonly part: 'session';
      readonly role: 'initiator' | 'acceptor';
      readonly conformance: 'reference' | 'strict';
      /** The link's name. Both ends of a link have the same name, if they know it. */
      readonly link?: string;
      /** The limits that this side keeps, by their names in `Limits`. */
      readonly limits: { readonly [limit: string]: number };
    }
  | { readonly part: 'handshake' | 'keepalive'; readonly session: ActorKey }
  | { readonly part: 'connection'; readonly session: ActorKey; readonly connection: number };

/** An actor's state, as plain data. A machine's state has a `value`. An actor of another kind may have none. */
export interface ActorSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  /** XState's state value: `'active'`, or `{ running: { inbound: 'reading' } }`. */
  readonly value?: Json;
  /**
   * The context. Values that are too long or too deep are cut, and marked as cut. A session's and a connection's are those
   * of their machines.
   */
  readonly context?: Json;
  readonly output?: Json;
  readonly error?: Json;
}

/** Counts of messages and of their payload bytes: args, ret and items. */
export interface Traffic {
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
}

/** A transition that a machine has taken, by its place in the definition. */
export interface TakenTransition {
  /** The path of its source state: `running.inbound.reading`. Empty for the machine itself. */
  readonly source: string;
  /**
   * The event as in the definition: `rx.ConnectionOpen`, `rx.*`, `xstate.after.…`, `xstate.done.actor.…`. It is `''` for
   * `always`.
   */
  readonly event: string;
  /** The paths of its target states. Empty for a transition without a target. */
  readonly targets: readonly string[];
  /** Its index among the source's transitions for this event, from 0. */
  readonly index: number;
}

/**
 * An actor exists. Its first snapshot follows when it starts. If it began before the recording, this record has its
 * snapshot.
 */
export interface ActorRecord extends Recorded {
  readonly kind: 'actor';
  readonly process: number;
  readonly actor: ActorKey;
  readonly parent?: ActorKey;
  /** The actor's id within its parent: `handshake`, `5`. */
  readonly id: string;
  /** A short name: its id, or its machine's. */
  readonly name: string;
  /** The hash of its machine's definition. Absent if the actor is no machine. */
  readonly definition?: string;
  readonly part?: Part;
  readonly snapshot: ActorSnapshot;
  /** The time since which it has been in this state. Milliseconds since the epoch. Absent if that is `at`. */
  readonly since?: number;
  /** The messages that it sent and received before this record. */
  readonly traffic?: Traffic;
  /** The event and the transitions that led to this state. */
  readonly last?: { readonly event: string; readonly transitions: readonly TakenTransition[] };
  /** For a session: the actor at the link's other end, if that is already found. */
  readonly peer?: ActorKey;
}

/** An actor has been sent an event. A snapshot follows if the event had an effect. */
export interface EventRecord extends Recorded {
  readonly kind: 'event';
  readonly actor: ActorKey;
  /** The sender. Absent for an event from outside. */
  readonly source?: ActorKey;
  readonly event: { readonly type: string; readonly [key: string]: Json };
}

/** An actor has a new state, or has taken a transition that changes none. */
export interface SnapshotRecord extends Recorded {
  readonly kind: 'snapshot';
  readonly actor: ActorKey;
  /** The type of the event that led there. */
  readonly event: string;
  readonly snapshot: ActorSnapshot;
  /** The transitions in the order in which they were taken. Absent if that is not known. */
  readonly transitions?: readonly TakenTransition[];
}

/**
 * A message of the session's protocol at one end of a link, or several similar ones if only a sample is reported. Each
 * inspected end reports its own: a message that A sent is recorded again when B receives it.
 */
export interface WireRecord extends Recorded {
  readonly kind: 'wire';
  /** The session's actor, at this end. */
  readonly session: ActorKey;
  readonly direction: 'sent' | 'received';
  readonly connection: number;
  /** The message's name; that of its body for a RequestMessage or ChannelMessage: `Hello`, `Ping`, `Call`, `Item`. */
  readonly message: string;
  /** The id of a request or a channel. */
  readonly id?: number;
  /** The number of messages in this record. More than 1 if data messages are sampled: then those since the last record. */
  readonly count: number;
  /** The total size of their payloads. 0 for a message without payload. */
  readonly bytes: number;
  /**
   * The other fields of the message, without payload: settings, metadata, a nonce, a description. Absent if there are none.
   */
  readonly detail?: { readonly [key: string]: Json };
}

/** A text for the user of the viewer: records were lost, a process sends invalid records, a limit is reached. */
export interface NoticeRecord extends Recorded {
  readonly kind: 'notice';
  readonly process?: number;
  readonly text: string;
}

export type InspectionRecord =
  | ProcessRecord
  | LeftRecord
  | DefinitionRecord
  | ActorRecord
  | EventRecord
  | SnapshotRecord
  | WireRecord
  | NoticeRecord;

/** One line of a recording. */
export type RecordingLine = RecordingStart | InspectionRecord;
