/**
 * The vocabulary: every event that a machine takes, every effect that it asks for, and the data in both. All of it is plain
 * data, so that the same machines can run, be explored, and be drawn.
 *
 * The name of an event says where it comes from: `rx.` the peer, `app.` the application, `link.` and `conduit.` the link and
 * its reader and writer, `inbox.` and `outbox.` the queues of messages, `auth.` the application's decision about who the peer
 * is, `connections.` the connection actors, `deadline.` the times of opens and calls. `reading.` and `keepalive.` events pass
 * between the session and its keepalive.
 */
import type { ActorRef, Snapshot } from 'xstate';
import type { ConnectionId } from '../src/wire/id.js';
import type {
  ConnectionReject,
  ConnectionSettings,
  DataMessage,
  Message,
  MessageOf,
  MessageType,
} from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import type { Refusal } from '../src/wire/refusal.js';
import type { Rule } from '../src/wire/rule.js';

/**
 * `strict` enforces the specification exactly; `reference` tolerates the same deviations as the reference implementation.
 */
export type Conformance = 'reference' | 'strict';

/** The initiator speaks first. The role matters for the handshake only. `[session.symmetry]` */
export type Role = 'initiator' | 'acceptor';

/** A local request that waits for an answer: a number that the port gave it. */
export type RequestNumber = number;

export const NO_METADATA: Metadata = [];

// ---- Events -------------------------------------------------------------------------------------------------------

/** A message from the peer, by its name: `rx.Hello`, `rx.ConnectionOpen`, … */
export type Received = { [T in MessageType]: { type: `rx.${T}`; message: MessageOf<T> } }[MessageType];

/** Reports about the link, and about the frames read from it. */
export type ConduitEvent =
  /** End of stream, after everything that was received before it. */
  | { type: 'link.ended' }
  /** The link broke. */
  | { type: 'link.failed'; error: Error }
  /** The link did not accept a message that we had to send. */
  | { type: 'link.unsendable'; error: Error }
  /** Everything transmitted so far has been handed to the link. */
  | { type: 'conduit.flushed' }
  /** A frame that is not a valid message: it does not decode, or it is over a limit. */
  | { type: 'conduit.malformed'; rule: Rule; description: string; limit?: string | undefined }
  /** More messages arrived while reading was paused than the intake holds. */
  | { type: 'conduit.overflowed' }
  /** The link could not be started. */
  | { type: 'conduit.crashed'; error: unknown };

/** Reports of a link that outlives its connections. They come in turn; the link may end instead of being restored. */
export type InterruptionEvent =
  /** The link has no connection for now. It takes messages, and sends them later. */
  { type: 'link.interrupted' } | { type: 'link.restored' };

/** Fill levels of the inboxes and the outbox. A second `filled` never comes before the `drained` of the first. */
export type FlowEvent =
  | { type: 'inbox.filled'; id: ConnectionId }
  | { type: 'inbox.drained' }
  | { type: 'outbox.filled' }
  /** Some of a full outbox has left. */
  | { type: 'outbox.progressed' }
  | { type: 'outbox.drained' }
  /** Replies to the peer have used up the memory reserved for them beyond the outbox. */
  | { type: 'outbox.overflowed' };

/** Requests of the application about one connection. */
export type ConnectionRequest =
  | { type: 'app.close'; id: ConnectionId; request: RequestNumber; metadata: Metadata }
  /** The last caller is gone. */
  | { type: 'app.release'; id: ConnectionId }
  /** The opener no longer wants the connection. */
  | { type: 'app.abandonOpen'; id: ConnectionId }
  | { type: 'app.accept'; id: ConnectionId; settings: ConnectionSettings; metadata: Metadata }
  | { type: 'app.reject'; id: ConnectionId; metadata: Metadata }
  /** The reader of the inbox has left. */
  | { type: 'app.leave'; id: ConnectionId };

/** An open has waited for its answer longer than it may: for the peer's, or for our application's. */
export interface DeadlineEvent {
  type: 'deadline.passed';
  id: ConnectionId;
}

/** Requests of the application about the session. */
export type SessionRequest =
  | { type: 'app.open'; request: RequestNumber; settings: ConnectionSettings; metadata: Metadata }
  | { type: 'app.shutdown' }
  /**
   * Takes no more calls and opens of the peer, and ends the session when its work is done, or `timeout` ms have passed.
   * `isSooner`: that is before the times of all earlier drains.
   */
  | { type: 'app.drain'; timeout: number; isSooner: boolean }
  /** The application does not want to wait for the handshake any longer. */
  | { type: 'app.abortHandshake'; reason: unknown };

/** The application's answer to the question who the peer is. The principal itself stays with the port. */
export type AuthenticationEvent = { type: 'auth.accepted' } | ({ type: 'auth.refused' } & Refusal);

/** A report from the owner of a connection's calls and channels: the peer broke one of their rules. */
export type CallsReport = { type: 'calls.violated' } & Violation;

/** Reports of the host behind `watchWork`. */
export type WorkReport =
  /** No handler is at work, no call waits for its answer, no channel is open, and all messages have left. */
  | { type: 'work.none' }
  /** There is work again. */
  | { type: 'work.some' }
  /** A Call or an Open of the peer was refused, since the session is drained. */
  | { type: 'work.refused' };

/** Reports of the connection actors to the session. */
export type ConnectionsReport =
  | { type: 'connections.opened'; connection: OpenedConnection }
  | { type: 'connections.ended'; id: ConnectionId; output: ConnectionEnd }
  /** One of our machines threw: a defect of ours, never caused by the peer. */
  | { type: 'connections.crashed'; id: ConnectionId; error: unknown };

/** The session's machine stopped without leaving its states. The timers of its children must not act any more. */
export interface SessionGone {
  type: 'session.ended';
}

/** The events of a connection. */
export type ConnectionEvent = Received | ConnectionRequest | DeadlineEvent;

/** The report that a connection makes by itself. Its end is reported for it. */
export type ConnectionReport = Extract<ConnectionsReport, { type: 'connections.opened' }>;

/** The events that a session actor emits, as plain data. */
export type SessionEmitted =
  | { type: 'established'; localSettings: ConnectionSettings; peerSettings: ConnectionSettings; metadata: Metadata }
  | ({ type: 'connectionOpened' } & OpenedConnection)
  /** Also for a connection that was never active: rejected, or given up. */
  | { type: 'connectionClosed'; id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }
  | { type: 'violation'; rule: Rule; description: string }
  /** Reading has been paused for one second, because the inbox of this connection is full. */
  | { type: 'stalled'; id: ConnectionId }
  /** The link has no connection for now. Messages wait, and the session goes on when it has one again. */
  | { type: 'interrupted' }
  /** The link has a connection again. */
  | { type: 'restored' }
  /** The peer takes no more calls and opens. */
  | { type: 'draining' }
  | { type: 'ended'; end: SessionEnd };

// ---- Data ---------------------------------------------------------------------------------------------------------

/** The origin of a connection: we open it, the peer opens it, or it is the root of the session. */
export type Origin = 'local' | 'peer' | 'root';

/** The facts that are known about a connection when it begins. */
export interface ConnectionStart {
  readonly id: ConnectionId;
  readonly origin: Origin;
  /** The request that opens the connection; only opens of ours have one. */
  readonly request?: RequestNumber | undefined;
  /** Unknown until we have accepted the peer's open. */
  readonly localSettings?: ConnectionSettings | undefined;
  /** Unknown until the peer has accepted our open. */
  readonly peerSettings?: ConnectionSettings | undefined;
  /** The metadata of our Open, or of the peer's Open, Hello or HelloYourself. */
  readonly metadata: Metadata;
}

/** A connection at the moment when it becomes active. */
export interface OpenedConnection {
  readonly id: ConnectionId;
  readonly origin: Origin;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  /** The peer's metadata: of its Open, Accept, Hello or HelloYourself. */
  readonly metadata: Metadata;
}

/** The end of a connection, and the phase that it ended in. A connection that was never active ends too. */
export interface ConnectionEnd {
  readonly phase: 'opening' | 'deciding' | 'active';
  /** `closed` with or without a message on the wire, `rejected`, `abandoned` (the root, by its reader), or a violation. */
  readonly outcome: 'closed' | 'rejected' | 'abandoned' | Violation;
  readonly by: 'local' | 'peer';
  readonly metadata: Metadata;
}

/** A rule that the peer broke, and how. */
export interface Violation {
  readonly rule: Rule;
  readonly description: string;
  /** Our limit that the message exceeded, if that is the violation. */
  readonly limit?: string | undefined;
}

/** Why a session ended. The first cause wins. */
export type SessionEnd =
  | { readonly cause: 'shutdown' }
  /** The root was released, and no virtual connection is left. */
  | { readonly cause: 'released' }
  /** The root's reader has left, and a message came for it. */
  | { readonly cause: 'abandoned' }
  /** End of stream, or a Close on the root. */
  | { readonly cause: 'peer' }
  | { readonly cause: 'link'; readonly error: Error }
  | { readonly cause: 'keepalive'; readonly pongTimeout: number }
  /** The peer sent a ProtocolError; `description` is its text. */
  | { readonly cause: 'accused'; readonly description: string }
  | ({ readonly cause: 'violation' } & Violation)
  | { readonly cause: 'limit'; readonly limit: 'intakeBytes' | 'replyBytes' | 'stallTimeout' | 'unreadTimeout' }
  | { readonly cause: 'handshake'; readonly failure: HandshakeFailure }
  /** The actor was stopped from outside. No machine reports this end; the code that cleans up after the actor does. */
  | { readonly cause: 'stopped' }
  /** One of our machines threw. */
  | { readonly cause: 'crashed'; readonly error: unknown };

/** Why a handshake failed. */
export interface HandshakeFailure {
  readonly message: string;
  readonly error?: unknown;
  /**
   * The rule that the peer broke; strict mode reports it to the peer. Absent if the link is gone or the peer broke no rule.
   */
  readonly rule?: Rule;
  /** Our limit that the peer's message exceeded, if that is why the handshake failed. */
  readonly limit?: string | undefined;
  /** The acceptor's refusal, if that is why: ours, or the peer's. */
  readonly refusal?: Refusal | undefined;
}

/** The outcome of a local request. */
export type Outcome =
  | { readonly type: 'done' }
  | { readonly type: 'rejected'; readonly id: ConnectionId; readonly metadata: Metadata }
  | { readonly type: 'closed'; readonly id: ConnectionId; readonly by: 'local' | 'peer' }
  | { readonly type: 'aborted'; readonly id: ConnectionId }
  | { readonly type: 'expired'; readonly id: ConnectionId }
  | { readonly type: 'limited' }
  /** The session takes no more opens: this side drains it, or the peer does. */
  | { readonly type: 'draining'; readonly by: 'local' | 'peer' }
  | { readonly type: 'invalid'; readonly message: string }
  | { readonly type: 'ended' };

// ---- Effects ------------------------------------------------------------------------------------------------------

/**
 * Every effect, with its parameters. A machine names an effect; the port that it runs with carries it out. A port belongs to
 * one session. It travels in the machines' context as an opaque constant that no guard or assign reads, and it never throws.
 */
export interface Port {
  /** Sends a message to the peer, after everything transmitted before. */
  transmit(message: Message): void;
  /** Asks for `conduit.flushed` as the very next event, behind a `link.unsendable`. */
  flush(): void;
  /** Starts the actor of a connection, after the current step. Its end comes as `connections.ended`. */
  spawn(start: ConnectionStart): void;
  /** Sends an event to the actor of a connection, after the current step. */
  forward(params: { id: ConnectionId; event: ConnectionEvent }): void;
  /**
   * Asks the application who the peer is, by the metadata of its Hello. The answer is `auth.accepted` or `auth.refused`. Frames
   * that arrive meanwhile wait. An end of the link does not.
   */
  authenticate(params: { metadata: Metadata }): void;
  /** Takes frames again, after `authenticate`. If the application has not answered, no answer may come any more. */
  stopAuthenticating(): void;
  /** Asks the application about new credentials of the peer, as `authenticate` does. Nothing waits for the answer. */
  renew(params: { metadata: Metadata }): void;
  /** Withdraws the question of `renew`, if it is open: no answer may come any more. */
  stopRenewing(): void;
  /** Reports that the application has not answered `authenticate` or `renew` in time. */
  reportUnanswered(): void;
  /** Asks the application whether to accept the connection. The answer is `app.accept` or `app.reject`. */
  decide(params: { id: ConnectionId; peerSettings: ConnectionSettings; metadata: Metadata }): void;
  /** Withdraws the question of `decide`: no answer may come any more. The application is told why. */
  dropDecision(params: { id: ConnectionId; why: 'withdrawn' | 'expired' }): void;
  /** Reports that an open has its id. From now on it can be given up, and its deadline counts. */
  pend(params: { id: ConnectionId; request: RequestNumber }): void;
  /** Reports that a connection is active: its handle exists from now on. An open of ours is settled with it. */
  activate(params: OpenedConnection & { request?: RequestNumber }): void;
  /** Passes a message to the reader of an active connection. */
  deliver(params: { id: ConnectionId; message: DataMessage }): void;
  /** Drops the messages that wait to be sent on a connection that the peer has closed. */
  dropUnsent(params: { id: ConnectionId }): void;
  /** Reports that a connection that was active is closed. Its handle is told. */
  closeHandle(params: { id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }): void;
  /** Settles a local request. An open that succeeds is settled by `activate` instead. */
  settle(params: { request: RequestNumber; outcome: Outcome }): void;
  /** Asks for `deadline.passed` for each open that has waited longer than it may. */
  sweep(): void;
  /** Refuses the peer's Calls from now on, before any handler, and tells the handlers at work. */
  drain(): void;
  /** Rejects an Open of the peer's, since the session is being drained. */
  refuseOpen(params: { id: ConnectionId }): void;
  /**
   * Sends no Call from now on, since the peer drains the session: calls that wait for their turn fail. The answer to the
   * peer's notice leaves behind the Calls that wait to be sent.
   */
  heedDrain(message: ConnectionReject): void;
  /** Asks for `work.none` once no work is left, and then for each change. */
  watchWork(): void;
  /** Gives up the work that is left: cancels the calls at work, aborts their handlers, and ends all channels. */
  cut(): void;
  pauseReading(): void;
  resumeReading(): void;
  /** Asks for `keepalive.confirmed` once everything that has already arrived is processed. */
  confirm(): void;
  /** Reports that the peer closed the root. That is tolerated, but the application should know. */
  reportRootClosed(): void;
  /**
   * Ends the session for the application: settles every waiting request, and tells every handle. Stops the connection actors.
   * `unsent` says what becomes of the application's messages that wait to be sent.
   */
  finish(params: { end: SessionEnd; unsent: 'sent' | 'dropped' }): void;
  /** Closes the link: in order, after everything transmitted before, or at once. */
  closeLink(params: { orderly: boolean }): void;
}

/** The actor to which a connection reports: its session. */
export type ConnectionParent = ActorRef<Snapshot<unknown>, ConnectionReport>;
