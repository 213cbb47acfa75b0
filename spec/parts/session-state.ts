import { type ConnectionId, hasParity } from '../../src/wire/id.js';
import type { ConnectionSettings } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Rule } from '../../src/wire/rule.js';
import type { Mode } from '../rows/vocabulary.js';
import type {
  AuthenticationEvent,
  ConnectionEnd,
  Effect,
  HandshakeResult,
  LinkEvent,
  ReceivedEvent,
  TimeEvent,
  Verdict,
} from './oracle.js';

// The state and the events of the session itself, and the two ways in which it ends.

export interface SessionInput {
  readonly mode: Mode;
  readonly localSettings: ConnectionSettings;
  readonly isAccepting: boolean;
  readonly hasKeepalive: boolean;
  readonly role: 'initiator' | 'acceptor';
  /** Our application decides who the peer is. */
  readonly authenticates: boolean;
  readonly limits: { readonly connections: number; readonly undecided: number };
  /** Our opens leave behind Hello. */
  readonly opensEarly?: boolean;
}

export interface SessionState extends SessionInput {
  readonly phase: 'handshaking' | 'running' | 'ending' | 'ended';
  /** The virtual connections in use, ascending: pending, undecided or active. */
  readonly live: readonly ConnectionId[];
  readonly pending: number;
  readonly undecided: number;
  /** The highest id opened so far, by us and by the peer. */
  readonly ours: ConnectionId;
  readonly theirs: ConnectionId;
  readonly isReleased: boolean;
  readonly reading: 'on' | 'paused' | 'stalled';
  /** The connection whose inbox is full, while reading is not on. */
  readonly full?: ConnectionId;
  readonly sending: 'free' | 'full';
  /** The link has no connection for now. */
  readonly isInterrupted: boolean;
  /** The peer has said in its Hello that it understands notices. */
  readonly hearsNotices: boolean;
  /** The notice with new credentials of the peer that our application decides on. */
  readonly renewing?: ConnectionId;
  /** How far our own drain has come. */
  readonly drain: 'none' | 'announced' | 'settling' | 'deciding' | 'leaving' | 'listening' | 'cut';
  /** The milliseconds that the work may take once our drain has begun. */
  readonly drainTimeout: number;
  /** The peer has sent the notice that it drains the session. */
  readonly isPeerDraining: boolean;
  readonly end?: SessionEnd;
}

export type SessionEnd = { readonly cause: string } & Readonly<Record<string, unknown>>;

export interface OpenedConnection {
  readonly id: ConnectionId;
  readonly origin: 'local' | 'peer' | 'root';
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  readonly metadata: Metadata;
}

export type RequestEvent =
  | {
      readonly type: 'app.open';
      readonly request: number;
      readonly settings: ConnectionSettings;
      readonly metadata: Metadata;
    }
  | { readonly type: 'app.close'; readonly id: ConnectionId; readonly request: number; readonly metadata: Metadata }
  | {
      readonly type: 'app.release' | 'app.leave' | 'app.reject' | 'app.accept' | 'app.abandonOpen' | 'deadline.passed';
      readonly id: ConnectionId;
    }
  | { readonly type: 'app.shutdown' }
  | { readonly type: 'app.drain'; readonly timeout: number; readonly isSooner: boolean };

export type FlowEvent =
  | { readonly type: 'inbox.filled'; readonly id: ConnectionId }
  | {
      readonly type: 'inbox.drained' | 'outbox.filled' | 'outbox.progressed' | 'outbox.drained' | 'outbox.overflowed';
    };

export interface InterruptionEvent {
  readonly type: 'link.interrupted' | 'link.restored';
}

export type SessionEvent =
  | ReceivedEvent
  | LinkEvent
  | AuthenticationEvent
  | { readonly type: 'conduit.overflowed' }
  /** There is no work, or there is some again, or a Call or an Open of the peer was refused. */
  | { readonly type: 'work.none' | 'work.some' | 'work.refused' }
  | RequestEvent
  | { readonly type: 'app.abortHandshake'; readonly reason: unknown }
  | InterruptionEvent
  | FlowEvent
  | TimeEvent
  | { readonly type: 'handshake.done'; readonly result: HandshakeResult }
  | { readonly type: 'keepalive.late'; readonly pongTimeout: number }
  | { readonly type: 'keepalive.confirmed' }
  | { readonly type: 'connections.opened'; readonly connection: OpenedConnection }
  | { readonly type: 'connections.ended'; readonly id: ConnectionId; readonly output: ConnectionEnd }
  /** The driver of a connection has found a violation by the peer. */
  | { readonly type: 'calls.violated'; readonly rule: Rule }
  /** One of our own parts has crashed. */
  | { readonly type: 'crashed'; readonly error: unknown };

export type Outcome = Verdict<SessionState>;

/** Row "5 end": the messages that the application has handed over still leave at an end of our own. */
function finish(end: SessionEnd): Effect {
  return ['finish', { end, unsent: end.cause === 'shutdown' || end.cause === 'released' ? 'sent' : 'dropped' }];
}

/** Ends the session at once. Messages in the outbox are dropped. */
export function cut(state: SessionState, end: SessionEnd, before: readonly Effect[] = []): Outcome {
  return {
    state: { ...state, phase: 'ended', end },
    effects: [
      ...before,
      finish(end),
      ['closeLink', { orderly: false }],
      ['emit', { type: 'ended', end }],
      ['output', end],
    ],
  };
}

/**
 * Ends the session for its application. Messages in the outbox still leave, and frames that arrive are read and discarded.
 * Then the link closes.
 */
export function wind(state: SessionState, end: SessionEnd, before: readonly Effect[] = []): Outcome {
  return {
    state: { ...state, phase: 'ending', end },
    effects: [...before, finish(end), ['resumeReading'], ['closeLink', { orderly: true }]],
  };
}

/** Ends the session for a violation by the peer: in strict mode, or in either mode if no mode tolerates it. */
export function violate(state: SessionState, rule: string): Outcome {
  return wind(state, { cause: 'violation', rule }, [
    ['accuse', rule],
    ['emit', { type: 'violation', rule }],
  ]);
}

/** Returns true if an id was ever opened, by the side that allocates it. */
export function wasOpened({ localSettings, ours, theirs }: SessionState, id: ConnectionId): boolean {
  return id > 0 && id <= (hasParity(id, localSettings.parity) ? ours : theirs);
}
