/**
 * The vocabulary: every event that a machine takes, every effect that it asks for, and the data in both. All of it is
 * plain data, so that the same machines run for real, are explored, and are drawn.
 *
 * An event's name says where it comes from: `rx.` the peer, `app.` the user, `link.` and `conduit.` what carries the
 * messages, `inbox.` and `outbox.` what holds them, `connections.` the connection actors, `reading.` and `keepalive.`
 * the session and its keepalive among themselves.
 */
import type { ActorRef, Snapshot } from 'xstate';
import type { ConnectionId } from '../src/wire/id.js';
import type { ConnectionSettings, DataMessage, Message, MessageOf, MessageType } from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import type { Rule } from '../src/wire/rule.js';

/** Whether the specification is enforced to the letter, or real peers are met with the reference's tolerance. */
export type Conformance = 'reference' | 'strict';

/** Who speaks first; it matters for the handshake alone. `[session.symmetry]` */
export type Role = 'initiator' | 'acceptor';

/** A local request that waits for an answer: a number that the port gave it. */
export type RequestNumber = number;

export const NO_METADATA: Metadata = [];

// ---- Events -------------------------------------------------------------------------------------------------------

/** A message of the peer's, by its name: `rx.Hello`, `rx.ConnectionOpen`, … */
export type Received = { [T in MessageType]: { type: `rx.${T}`; message: MessageOf<T> } }[MessageType];

/** What became of the link, and of what was read from it. */
export type ConduitEvent =
  /** End of stream, after everything that was received before it. */
  | { type: 'link.ended' }
  /** The link broke. */
  | { type: 'link.failed'; error: Error }
  /** The link would not take what we had to send. */
  | { type: 'link.unsendable'; error: Error }
  /** Everything transmitted so far has been handed to the link. */
  | { type: 'conduit.flushed' }
  /** A frame that is no message: it does not decode, or is over a limit. */
  | { type: 'conduit.malformed'; rule: Rule; description: string; limit?: string | undefined }
  /** More arrived while reading was paused than the intake holds. */
  | { type: 'conduit.overflowed' };

/** How full our two ends of the link are. Between `filled` and `drained` of one of them comes no second `filled`. */
export type FlowEvent =
  | { type: 'inbox.filled'; id: ConnectionId }
  | { type: 'inbox.drained' }
  | { type: 'outbox.filled' }
  /** Some of a full outbox has left. */
  | { type: 'outbox.progressed' }
  | { type: 'outbox.drained' }
  /** Replies to the peer have used up what is kept for them beyond the outbox. */
  | { type: 'outbox.overflowed' };

/** What the user asks of one connection. */
export type ConnectionRequest =
  | { type: 'app.close'; id: ConnectionId; request: RequestNumber; metadata: Metadata }
  /** The last caller is gone. */
  | { type: 'app.release'; id: ConnectionId }
  /** The opener does not want it any more, or has waited long enough. */
  | { type: 'app.abandonOpen'; id: ConnectionId; why: 'aborted' | 'expired' }
  | { type: 'app.accept'; id: ConnectionId; settings: ConnectionSettings; metadata: Metadata }
  | { type: 'app.reject'; id: ConnectionId; metadata: Metadata }
  /** The reader of the inbox has left. */
  | { type: 'app.leave'; id: ConnectionId };

/** What the user asks of the session. */
export type SessionRequest =
  | { type: 'app.open'; request: RequestNumber; settings: ConnectionSettings; metadata: Metadata }
  | { type: 'app.shutdown' }
  /** The user does not want to wait for the handshake any longer. */
  | { type: 'app.abortHandshake'; reason: unknown };

/** What those who look after a connection's calls and channels tell: the peer broke a rule of theirs. */
export type CallsReport = { type: 'calls.violated' } & Violation;

/** What the session asks of the `connections` slot. */
export type ConnectionsCommand =
  | { type: 'connections.spawn'; input: ConnectionStart }
  | { type: 'connections.deliver'; id: ConnectionId; event: ConnectionEvent };

/** What the `connections` slot tells the session. */
export type ConnectionsReport =
  | { type: 'connections.opened'; connection: OpenedConnection }
  | { type: 'connections.ended'; id: ConnectionId; output: ConnectionEnd }
  /** A machine of ours threw: a defect, never the peer's doing. */
  | { type: 'connections.crashed'; id: ConnectionId; error: unknown };

/** The session's machine is gone without having left its states: what its children's timers would do is moot. */
export interface SessionGone {
  type: 'session.ended';
}

/** What a connection can be told. */
export type ConnectionEvent = Received | ConnectionRequest;

/** What a connection tells whoever spawned it. */
export type ToConnections = Extract<ConnectionsReport, { type: 'connections.opened' }>;

/** What emits from a session actor, as plain data. */
export type SessionEmitted =
  | { type: 'established'; localSettings: ConnectionSettings; peerSettings: ConnectionSettings; metadata: Metadata }
  | ({ type: 'connectionOpened' } & OpenedConnection)
  /** Also for a connection that was never active: rejected, or given up. */
  | { type: 'connectionClosed'; id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }
  | { type: 'violation'; rule: Rule; description: string }
  /** Reading has been paused for a second, since this connection's inbox is full. */
  | { type: 'stalled'; id: ConnectionId }
  | { type: 'ended'; end: SessionEnd };

// ---- Data ---------------------------------------------------------------------------------------------------------

/** How a connection comes to be: we open it, the peer does, or it comes with the session. */
export type Origin = 'local' | 'peer' | 'root';

/** What is known of a connection when it begins. */
export interface ConnectionStart {
  readonly id: ConnectionId;
  readonly origin: Origin;
  /** The request that opens it; ours alone have one. */
  readonly request?: RequestNumber | undefined;
  /** Unknown while we decide on the peer's open. */
  readonly localSettings?: ConnectionSettings | undefined;
  /** Unknown while the peer decides on ours. */
  readonly peerSettings?: ConnectionSettings | undefined;
  /** What our Open carries, or what the peer's Open, Hello or HelloYourself carried. */
  readonly metadata: Metadata;
}

/** A connection at the moment when it becomes active. */
export interface OpenedConnection {
  readonly id: ConnectionId;
  readonly origin: Origin;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  /** The peer's: of its Open, its Accept, its Hello or its HelloYourself. */
  readonly metadata: Metadata;
}

/** How a connection ended, and in which phase: a connection that was never active ends too. */
export interface ConnectionEnd {
  readonly phase: 'opening' | 'deciding' | 'active';
  /** `closed` with or without a word on the wire, `rejected`, `abandoned` (the root, by its reader), or a violation. */
  readonly outcome: 'closed' | 'rejected' | 'abandoned' | Violation;
  readonly by: 'local' | 'peer';
  readonly metadata: Metadata;
}

/** A rule that the peer broke, and how. */
export interface Violation {
  readonly rule: Rule;
  readonly description: string;
  /** The limit of ours that a message was over, where that is what was wrong with it. */
  readonly limit?: string | undefined;
}

/** Why a session ended. The first cause wins. */
export type SessionEnd =
  | { readonly cause: 'shutdown' }
  /** The root was released, and no virtual connection is left. */
  | { readonly cause: 'released' }
  /** The reader of the root is gone, and a message came for it. */
  | { readonly cause: 'abandoned' }
  /** End of stream, or a Close on the root. */
  | { readonly cause: 'peer' }
  | { readonly cause: 'link'; readonly error: Error }
  | { readonly cause: 'keepalive'; readonly pongTimeout: number }
  /** The peer accuses us, in its own words. */
  | { readonly cause: 'accused'; readonly description: string }
  | ({ readonly cause: 'violation' } & Violation)
  | { readonly cause: 'limit'; readonly limit: 'intakeBytes' | 'replyBytes' | 'stallTimeout' | 'unreadTimeout' }
  | { readonly cause: 'handshake'; readonly failure: HandshakeFailure }
  /** The actor was stopped from outside: no machine says so, whoever cleans up after it does. */
  | { readonly cause: 'stopped' }
  /** A machine of ours threw. */
  | { readonly cause: 'crashed'; readonly error: unknown };

/** Why a handshake failed. */
export interface HandshakeFailure {
  readonly message: string;
  readonly error?: unknown;
  /** The rule that the peer broke: in strict mode it is told. Absent when there is nobody to tell, or nothing to accuse of. */
  readonly rule?: Rule;
  /** The limit of ours that the peer's message was over, where that is what was wrong with it. */
  readonly limit?: string | undefined;
}

/** What became of a local request. */
export type Outcome =
  | { readonly type: 'done' }
  | { readonly type: 'rejected'; readonly id: ConnectionId; readonly metadata: Metadata }
  | { readonly type: 'closed'; readonly id: ConnectionId; readonly by: 'local' | 'peer' }
  | { readonly type: 'aborted'; readonly id: ConnectionId }
  | { readonly type: 'expired'; readonly id: ConnectionId }
  | { readonly type: 'limited' }
  | { readonly type: 'invalid'; readonly message: string }
  | { readonly type: 'ended' };

// ---- Effects ------------------------------------------------------------------------------------------------------

/**
 * Every effect, with its parameters. A machine names them; whoever runs it gives them their meaning. A port belongs to
 * one session, travels in the machines' context as an opaque constant that no guard or assign reads, and never throws.
 */
export interface Port {
  /** Sends a message to the peer, after everything transmitted before. */
  transmit(message: Message): void;
  /** Asks for `conduit.flushed`, or `link.unsendable`, as the very next event. */
  flush(): void;
  /** Asks the user whether to accept; the answer is `app.accept` or `app.reject`. */
  decide(params: { id: ConnectionId; peerSettings: ConnectionSettings; metadata: Metadata }): void;
  /** The question has become moot: no answer may come any more. */
  dropDecision(params: { id: ConnectionId }): void;
  /** An open has got its id: from now it can be given up, and its time runs. */
  pend(params: { id: ConnectionId; request: RequestNumber }): void;
  /** A connection is active: its handle exists from now on. An open of ours is settled with it. */
  activate(params: OpenedConnection & { request?: RequestNumber }): void;
  /** A message for the reader of an active connection. */
  deliver(params: { id: ConnectionId; message: DataMessage }): void;
  /** A connection that was active is closed: its handle is told. */
  retire(params: { id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }): void;
  /** A local request has its outcome; an open that succeeds is settled by `activate`. */
  settle(params: { request: RequestNumber; outcome: Outcome }): void;
  /** Gives up, by `app.abandonOpen` and `app.reject`, what has waited longer than it may. */
  sweep(): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Asks for `keepalive.confirmed` once everything that has already arrived is taken. */
  confirm(): void;
  /** The peer closed the root: tolerated, and yet the user should know. */
  reportRootClosed(): void;
  /** The session is over for its user: everything that waits is settled, everybody is told. */
  finish(end: SessionEnd): void;
  /** Lets go of the link: in order, after what was transmitted, or at once. */
  closeLink(params: { orderly: boolean }): void;
}

/** Where a connection sends its reports. */
export type ConnectionsRef = ActorRef<Snapshot<unknown>, ToConnections>;
