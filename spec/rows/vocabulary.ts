import type { ConnectionId, Parity, RequestId } from '../../src/wire/id.js';
import type { ConnectionSettings, DataMessage, Message, Response } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Refusal } from '../../src/wire/refusal.js';
import type { Rule } from '../../src/wire/rule.js';
import type { CallsAction, CallsExpectation, CallsSettlement, ConnectionName } from './vocabulary-calls.js';

// The vocabulary of the oracle: a row says in words what the specification demands, its cases say the same as scenarios
// that a runner plays against the public interface. Nothing here knows how the library works inside.

export type { ConnectionName } from './vocabulary-calls.js';

/** The option `conformance`. */
export type Mode = 'reference' | 'strict';

/** One row of the specification's tables. */
export interface Row {
  /**
   * As the specification numbers it (`5.07`), or, for a paragraph without numbers, its section and a word (`5 inbox`).
   */
  readonly row: string;
  /** The specification's own name of the rule, where the row has one. */
  readonly rule?: string;
  /** The layer that carries it out. Rows of the proxy have no cases here. */
  readonly layer: 'session' | 'driver' | 'proxy';
  readonly situation: string;
  readonly reference: Outcome;
  readonly strict: Outcome;
  readonly cases: readonly Case[];
}

/** The demands of a row, in words: the messages on the wire, and the effects that the application sees. */
export interface Outcome {
  readonly wire: string;
  readonly user: string;
}

/** One scenario. It is played once in each of its modes, from the start. */
export interface Case {
  /** Unique in the whole table. */
  readonly name: string;
  readonly modes: readonly Mode[];
  readonly given?: Given;
  readonly steps: readonly Step[];
}

/**
 * The situation before the first step. Without any field: a session that is established (with the steps that `preamble`
 * gives, which the runner plays, and checks, first), in which we are the initiator with odd parity, so that we allocate 1,
 * 3, 5, … and the peer 2, 4, 6, …; no keepalive, no `onConnection`, default limits, empty metadata. The virtual clock stands
 * at 0 ms all through the preamble.
 */
export interface Given {
  /** Default: initiator. */
  readonly role?: 'initiator' | 'acceptor';
  /**
   * Our session parity. Default: odd for the initiator, even for the acceptor, whose peer then asks for the opposite.
   */
  readonly parity?: Parity;
  /** Default: 64. Our root connection's. */
  readonly maxConcurrentRequests?: number;
  /** The metadata of our Hello or HelloYourself. Default: empty. */
  readonly metadata?: Metadata;
  /** False: the case starts with a fresh link, without the preamble, and calls `initiate` or `accept` itself. */
  readonly established?: false;
  /** The option `keepalive`. */
  readonly keepalive?: { readonly pingInterval: number; readonly pongTimeout: number };
  /** The option `limits`; what is not listed keeps its default. */
  readonly limits?: Limits;
  /** The option `onConnection`, as the answer that it gives to every request. Absent: no such option. */
  readonly onConnection?: Decision | 'pending';
  /** The option `authenticate`, as the answer that it gives. Absent: no such option. */
  readonly authenticate?: Identification | 'pending';
}

/**
 * An answer of `authenticate`: it gives a principal, refuses the peer, or throws (a pending one rejects with) an `Error`.
 */
export type Identification = 'accept' | 'throw' | { readonly refuse: Refusal };

/**
 * The limits that the table sets or relies on, with their defaults. Open and accept deadlines are swept by one timer:
 * they take effect no earlier than the deadline and at most a tenth of the time (at most 1 s) later. So a case advances
 * to one millisecond before the deadline (nothing), then past 1.1 times the time (expired). All other times are exact.
 */
export interface Limits {
  /** 10 000 ms. */
  readonly handshakeTimeout?: number;
  /** 5 000 ms, for `authenticate`. Exact. */
  readonly authenticateTimeout?: number;
  /** 10 000 ms, for a decision of `onConnection`. */
  readonly acceptTimeout?: number;
  /** 30 000 ms, for the answer to our open. */
  readonly openTimeout?: number;
  /** 1 000 ms, for the outbox at the end. */
  readonly flushTimeout?: number;
  /** 64 KiB for the peer's first frame. */
  readonly handshakeBytes?: number;
  /** 64 messages in one inbox. */
  readonly inboxMessages?: number;
  /** 4 096 virtual connections: active, pending or undecided, opened by either side. */
  readonly connections?: number;
  /** 256 opens of the peer that wait for a decision. */
  readonly undecided?: number;
  /** 4 096 channels alive at a time. */
  readonly channels?: number;
  /** 4 MiB that wait to leave; from this many bytes on the outbox is full. */
  readonly outboxBytes?: number;
  /** 10 000 ms of a full outbox without progress. */
  readonly stallTimeout?: number;
}

/**
 * An answer of `onConnection`. What `accept` and `reject` leave out, the answer given to the library leaves out too.
 * `throw`: the callback throws (a pending one rejects) an `Error`.
 */
export type Decision =
  | { readonly reject: { readonly metadata?: Metadata } }
  | { readonly accept: Acceptance }
  | 'throw';

/**
 * An acceptance. The runner always gives a `setup`, which notes the handle that it gets and then does as `setup` says.
 */
export interface Acceptance {
  readonly settings?: ConnectionSettings;
  readonly metadata?: Metadata;
  /** Default: nothing more. `throw`: it throws an `Error`. `send`: it sends this, in the same turn. */
  readonly setup?: 'throw' | { readonly send: DataMessage };
}

/**
 * One action, and all that comes of it. A step is over when everything has happened that can happen without time
 * passing: microtasks, I/O turns, and timers already due.
 */
export type Step = Action & Expectation;

/** An input of a step. */
export type Action = PeerAction | UserAction | ClockAction | LinkAction | TogetherAction;

/**
 * An input that the scripted peer puts on the link: a message, bytes as one frame, the end of the stream, or a failure to
 * receive.
 */
export type PeerInput = Message | Uint8Array | 'end' | { readonly fail: string };

/**
 * The peer sends, in order. A list arrives in one segment: all of it is there before anything is handled. `fail` has
 * the link error's text.
 */
export interface PeerAction {
  readonly peer: PeerInput | readonly PeerInput[];
}

/**
 * A call of the application. `as` names the promise that the call returns, for `settled`. Where `as` is optional and absent,
 * the promise resolves within the step. A call that throws counts as a promise that rejects.
 */
export type UserAction =
  | CallsAction
  /** `initiate(link, options)` or `accept(link, options)`, as `given.role` says; its promise is named `session`. */
  | { readonly user: 'start' }
  /**
   * `session.open(...)`. On resolution `as` also names the connection. `signal` names an AbortSignal not aborted yet.
   */
  | {
      readonly user: 'open';
      readonly as: string;
      readonly settings?: ConnectionSettings;
      readonly metadata?: Metadata;
      readonly signal?: string;
    }
  /** Aborts the signal of that name, with the reason. */
  | { readonly user: 'abort'; readonly signal: string; readonly reason: string }
  /** `session.close(id, { metadata })`. */
  | { readonly user: 'close'; readonly id: ConnectionId; readonly metadata?: Metadata; readonly as?: string }
  /** `connection.close({ metadata })`. */
  | { readonly user: 'closeHandle'; readonly on: ConnectionName; readonly metadata?: Metadata; readonly as?: string }
  /** `connection.caller()`; `as` names the handle. */
  | { readonly user: 'caller'; readonly on: ConnectionName; readonly as: string }
  /** `release()` of that handle. */
  | { readonly user: 'release'; readonly caller: string }
  /** `session.shutdown()`. */
  | { readonly user: 'shutdown' }
  /** `connection.send(message)`. The message's `connectionId` is the connection's own, as it goes on the wire. */
  | { readonly user: 'send'; readonly on: ConnectionName; readonly message: DataMessage; readonly as?: string }
  /** `connection.sendResponse(requestId, response)`. */
  | {
      readonly user: 'sendResponse';
      readonly on: ConnectionName;
      readonly requestId: RequestId;
      readonly response: Response;
      readonly as?: string;
    }
  /**
   * Reads up to `count` messages (default 1) with the connection's one iterator, made at the first read. The promise
   * resolves with what was read once that many are there or the iterator is done: fewer than `count` means done.
   */
  | { readonly user: 'read'; readonly on: ConnectionName; readonly count?: number; readonly as: string }
  /** `return()` of the connection's iterator, made if there is none yet: the reader is gone. */
  | { readonly user: 'stopReading'; readonly on: ConnectionName }
  /** Settles the pending question who the peer is, whether or not anyone still waits for it. */
  | { readonly user: 'authenticate'; readonly answer: Identification }
  /** Settles the pending decision on the peer's open of that id, whether or not anyone still waits for it. */
  | { readonly user: 'decide'; readonly id: ConnectionId; readonly decision: Decision };

/** The virtual clock goes on by so many milliseconds, timers firing in order. */
export interface ClockAction {
  readonly advance: number;
}

/**
 * The link's own behaviour from now on. `refuse-sends`: each send of ours fails with the link error "refused"; nothing
 * leaves. `hold-sends`: the link takes nothing more off us, as a socket whose peer does not read; what is sent waits,
 * and neither fails nor counts as `wire`. `take-sends`: the link takes what waits, and from now on everything. It never
 * hinders what the peer sends. `interrupt`: the link reports that it has no connection for now; `restore`: that it has one
 * again. Neither changes what it takes.
 */
export interface LinkAction {
  readonly link: 'refuse-sends' | 'hold-sends' | 'take-sends' | 'interrupt' | 'restore';
}

/** Several actions in one synchronous turn, in order; expectations are those of the whole. */
export interface TogetherAction {
  readonly together: readonly (PeerAction | UserAction | ClockAction | LinkAction)[];
}

/** The required results of a step. Exact: results that are not listed must not happen. */
export interface Expectation extends CallsExpectation {
  /** The messages that leave our side, whole and in order. Default: nothing. */
  readonly wire?: readonly ExpectedMessage[];
  /** The promises that settle, by name. Those not listed stay as they were. Default: none. */
  readonly settled?: Readonly<Record<string, Settlement>>;
  /**
   * The connections whose `closed` resolves. Default: none, but see `ends`. Throughout, `isConnected` is true until `closed`
   * has resolved and false after. A late reader of `closed` gets the same value.
   */
  readonly closed?: Readonly<Record<ConnectionName, Closed>>;
  /**
   * `session.closed` resolves with this. It implies that every connection that still was open closes `by: 'session'`,
   * with empty metadata, in this step, and that the link is closed by the end of it. Default: the session goes on, or
   * had ended.
   */
  readonly ends?: SessionEnd;
  /** The link gets closed by us without `ends` (a handshake that failed). Default: it stays as it was. */
  readonly linkClosed?: true;
  /** The calls of `authenticate`, each with the metadata of the Hello. Default: none. */
  readonly identified?: readonly Metadata[];
  /** True if the `signal` of `authenticate` gets aborted. Default: it does not. */
  readonly unidentified?: true;
  /** The calls of `onConnection`, in order. A bare id checks the id only. Default: none. */
  readonly asked?: readonly (ConnectionId | Asked)[];
  /** The requests whose `signal` gets aborted. Default: none. */
  readonly aborted?: readonly ConnectionId[];
  /** The setups called, in order. A bare id checks the id only. Default: none. */
  readonly setup?: readonly (ConnectionId | ConnectionFacts)[];
  /**
   * The reports that appear, in order, of the kinds in {@link Report}; others are no business of this table. Default:
   * none.
   */
  readonly reports?: readonly Report[];
}

/**
 * A message in full, or a ProtocolError on connection 0 whose description begins with the rule, a colon and a space.
 */
export type ExpectedMessage = Message | { readonly violation: Rule };

/**
 * The settlement of a promise. `resolved: 'nothing'`: with undefined. A connection's facts: with that connection (`open`),
 * or with the session that has it as its root (`start`). `read`: the messages read, in order.
 */
export type Settlement =
  | CallsSettlement
  | { readonly resolved: 'nothing' | ConnectionFacts }
  | { readonly read: readonly DataMessage[] }
  | { readonly rejected: ErrorFacts };

/** The facts that a connection's handle shows. Its `parity` is `localSettings.parity`. */
export interface ConnectionFacts {
  readonly id: ConnectionId;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  /** The metadata of the peer's Hello, HelloYourself, Open or Accept. */
  readonly peerMetadata: Metadata;
}

/** An error. What is listed must be equal; what is not listed is not compared. */
export interface ErrorFacts {
  readonly code:
    | 'protocol'
    | 'link'
    | 'handshake'
    | 'refused'
    | 'keepalive'
    | 'rejected'
    | 'connection-closed'
    | 'session-closed'
    | 'unavailable'
    | 'limit'
    | 'invalid-argument'
    | 'cancelled'
    | 'channel-closed';
  readonly by?: 'local' | 'peer' | 'session';
  readonly rule?: Rule;
  readonly side?: 'local' | 'remote';
  readonly limit?: string;
  /** The reason of a refusal. */
  readonly reason?: Refusal['reason'];
  /** The whole text. */
  readonly message?: string;
  readonly metadata?: Metadata;
  /** The error's `cause`: the reason of an abort, or the error beneath it. */
  readonly cause?: string | ErrorFacts | undefined;
}

/** The value that `connection.closed` resolves with. */
export interface Closed {
  readonly by: 'local' | 'peer' | 'session';
  readonly metadata: Metadata;
}

/** The value that `session.closed` resolves with. `by` and `error` are compared where they are listed. */
export interface SessionEnd {
  readonly cause:
    | 'shutdown'
    | 'released'
    | 'peer'
    | 'link'
    | 'keepalive'
    | 'protocol'
    | 'limit'
    | 'stopped'
    | 'crashed'
    | 'abandoned';
  readonly by?: 'local' | 'peer';
  readonly error?: ErrorFacts;
}

/** A request as `onConnection` gets it. */
export interface Asked {
  readonly id: ConnectionId;
  readonly peerSettings: ConnectionSettings;
  readonly metadata: Metadata;
}

/**
 * Events that are reported besides errors: a decision that threw or took too long, a setup that threw, reading stopped for a
 * second by the full inbox of one connection, a keepalive configured away, the peer's Close on the root.
 */
export type Report =
  | { readonly report: 'acceptor-failed' | 'setup-failed' | 'stalled'; readonly id: ConnectionId }
  | { readonly report: 'keepalive-disabled' | 'root-closed-by-peer' | 'authenticate-failed' };
