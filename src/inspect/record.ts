/**
 * What is known of inspected processes, as plain data: one line of a recording (JSONL), and one element of what the
 * inspect server streams to its page. Nothing here knows Node or a browser.
 *
 * Three rules carry everything:
 *
 * - A recording begins with one `recording` record. Then come records that say how things stood when it began (`process`,
 *   `definition`, `actor`), then what happened, in order. A late viewer gets just that, and so does a file.
 * - A record stands for itself: whatever it refers to, a definition, a parent or an actor, was told before it; where it was
 *   not, since the process said so too late or not at all, the record still counts, and the reference leads nowhere.
 * - No record holds a payload or a SENSITIVE value: what an inspected process does not send can't leak.
 *
 * The page gets frames of JSON text, each an array of records; it sends nothing. `history.ts` makes states of them.
 */

import type { Json } from '../wire/plain.js';

export type { Json };

/** The version of this format. */
export const RECORDING_VERSION = 1;

/** An actor in the whole recording: the number of its process, and XState's own session id there, as in `2/x:7`. */
export type ActorKey = `${number}/${string}`;

export function actorKey(process: number, sessionId: string): ActorKey {
  return `${process}/${sessionId}`;
}

interface Recorded {
  /** Counts up from 1 through the recording; the order in which things happened, as far as that is known. */
  readonly seq: number;
  /** Milliseconds since the epoch, with fractions, by the clock of the process that it is about. */
  readonly at: number;
}

/** The first record of a recording. */
export interface RecordingStart {
  readonly kind: 'recording';
  readonly version: typeof RECORDING_VERSION;
  /** When the recording was made, or the stream opened. Milliseconds since the epoch. */
  readonly at: number;
  /** Who wrote it: `roam-actors 0.1.0`. */
  readonly by: string;
  /** Whether more follows than what there is: a stream of a running server, not a file. */
  readonly isLive: boolean;
  /** How many records follow that were there already: the page can show them at once, without playing them. */
  readonly backlog: number;
}

/** An inspected process has connected. */
export interface ProcessRecord extends Recorded {
  readonly kind: 'process';
  readonly process: number;
  /** What it calls itself; `process 2` where it does not. */
  readonly name: string;
  /** Absent for a process that speaks plain `@statelyai/inspect`: it tells no wire, no parts and no transitions. */
  readonly runtime?: 'node' | 'browser';
  readonly pid?: number;
}

/** An inspected process is gone, and with it its actors. One that comes back is another. */
export interface LeftRecord extends Recorded {
  readonly kind: 'left';
  readonly process: number;
}

/** A machine's definition, as Stately's editor imports it; told once, however many actors run it. */
export interface DefinitionRecord extends Recorded {
  readonly kind: 'definition';
  readonly hash: string;
  readonly definition: Json;
}

/** The actor's place in a session of roam-actors; absent for any other actor. Each but the session's own names its session. */
export type Part =
  | {
      readonly part: 'session';
      readonly role: 'initiator' | 'acceptor';
      readonly conformance: 'reference' | 'strict';
      /** The link's name, the same at both of its ends, where they know it. */
      readonly link?: string;
      /** The limits that this side keeps, by their names in `Limits`. */
      readonly limits: { readonly [limit: string]: number };
    }
  | { readonly part: 'handshake' | 'keepalive' | 'conduit' | 'connections'; readonly session: ActorKey }
  | { readonly part: 'connection'; readonly session: ActorKey; readonly connection: number };

/** An actor's state, as plain data. Of a machine it has a `value`; an actor of another kind may have none. */
export interface ActorSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped';
  /** XState's state value: `'active'`, or `{ running: { inbound: 'reading' } }`. */
  readonly value?: Json;
  /** What is too long or too deep is cut short, and says so. A session's and a connection's are those of the machines. */
  readonly context?: Json;
  readonly output?: Json;
  readonly error?: Json;
}

/** How often and how much. Bytes are those of payloads: args, ret and items. */
export interface Traffic {
  readonly sentMessages: number;
  readonly sentBytes: number;
  readonly receivedMessages: number;
  readonly receivedBytes: number;
}

/** A transition that a machine has taken, by what its definition says of it. */
export interface TakenTransition {
  /** The path of the state that it belongs to: `running.inbound.reading`; empty for the machine itself. */
  readonly source: string;
  /** As it stands in the definition: `rx.ConnectionOpen`, `rx.*`, `xstate.after.…`, `xstate.done.actor.…`; `''` for `always`. */
  readonly event: string;
  /** The paths of its target states; empty where it has none, and stays. */
  readonly targets: readonly string[];
  /** Which of the source's transitions for this event it is, from 0. */
  readonly index: number;
}

/** There is an actor; its first snapshot follows as it starts, or is this one where it began before the recording did. */
export interface ActorRecord extends Recorded {
  readonly kind: 'actor';
  readonly process: number;
  readonly actor: ActorKey;
  readonly parent?: ActorKey;
  /** The actor's id within its parent: `handshake`, `5`. */
  readonly id: string;
  /** What to call it where there is no place for more: its id, or its machine's. */
  readonly name: string;
  /** The hash of its machine's definition; absent for what is no machine. */
  readonly definition?: string;
  readonly part?: Part;
  readonly snapshot: ActorSnapshot;
  /** Since when it has been in this state; absent where that is `at`. Milliseconds since the epoch. */
  readonly since?: number;
  /** What it has sent and received before. */
  readonly traffic?: Traffic;
  /** What brought it into this state. */
  readonly last?: { readonly event: string; readonly transitions: readonly TakenTransition[] };
  /** Of a session: the actor at the link's other end, where that was found already. */
  readonly peer?: ActorKey;
}

/** An actor has been sent an event. What it made of it, if anything, comes as a snapshot. */
export interface EventRecord extends Recorded {
  readonly kind: 'event';
  readonly actor: ActorKey;
  /** Who sent it; absent for what comes from outside. */
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
  /** In the order in which they were taken; absent where that is not known. */
  readonly transitions?: readonly TakenTransition[];
}

/**
 * A message of the session's protocol at one end of a link, or several alike where only a sample is told. Both ends tell
 * theirs: what A sent is what B received, where both are inspected.
 */
export interface WireRecord extends Recorded {
  readonly kind: 'wire';
  /** The session's actor, at this end. */
  readonly session: ActorKey;
  readonly direction: 'sent' | 'received';
  readonly connection: number;
  /** The message's name; that of its body for a RequestMessage or ChannelMessage: `Hello`, `Ping`, `Call`, `Item`. */
  readonly message: string;
  /** Of a request or a channel. */
  readonly id?: number;
  /** How many messages this stands for; more than 1 where the hot path is sampled: those since the last one told. */
  readonly count: number;
  /** Of their payloads together; 0 for what has none. */
  readonly bytes: number;
  /** What else the message says, without payload: settings, metadata, a nonce, a description. Absent where that is nothing. */
  readonly detail?: { readonly [key: string]: Json };
}

/** Something that whoever watches should know: records lost, a process that sends nonsense, a limit reached. */
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
