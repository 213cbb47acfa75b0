/** One peer as data: its actors, its timers, the contents of its port, and the remaining budget of its user. */
import type { Outcome, SessionEnd } from '../../machines/index.js';
import type { ConnectionSettings, Message } from '../../src/wire/message.js';

/** The number of times that a user may take each action. A missing action is never taken. */
export interface Budget {
  readonly open?: number;
  /** Aborts an open of ours. */
  readonly abort?: number;
  readonly send?: number;
  /** Closes a connection that is active or pending. */
  readonly close?: number;
  /** Closes what cannot be closed: the root, an id that is not open, an undecided one. */
  readonly misclose?: number;
  /** Releases the last caller of a virtual connection. */
  readonly release?: number;
  /** Releases the last caller of the root. */
  readonly releaseRoot?: number;
  /** The reader of an inbox leaves. */
  readonly leave?: number;
  readonly shutdown?: number;
  readonly abortHandshake?: number;
  /** Pings of the keepalive. They are not the user's, but their number must be bounded. */
  readonly ping?: number;
}

export type UserAction = Exclude<keyof Budget, 'ping'> | 'accept' | 'reject' | 'read';

/** An input of a peer. With all its effects it is one step of the search. */
export type Input =
  | { readonly type: 'message'; readonly message: Message }
  /** The link is over at our end, by an end of stream or a failure. */
  | { readonly type: 'ended' }
  | { readonly type: 'failed' }
  /** The end of stream came while reading was paused, and is handled now. */
  | { readonly type: 'heldEnd' }
  /** The link has broken, or its owner has closed it. It takes no more messages, and the peer does not know yet. */
  | { readonly type: 'broken' }
  | { readonly type: 'drained' }
  /** A link that outlives its connections has none, or has one again. */
  | { readonly type: 'interrupted' }
  | { readonly type: 'restored' }
  | { readonly type: 'confirmed' }
  | { readonly type: 'malformed' }
  | { readonly type: 'timer'; readonly timer: string; readonly opens?: number; readonly decisions?: number }
  | { readonly type: 'user'; readonly action: UserAction; readonly id?: number };

/** A connection that the user has a handle for. */
export interface Handle {
  readonly id: number;
  /** Messages that wait to be read. */
  readonly unread: number;
  readonly hasLeft: boolean;
}

/** A local request without an outcome. An open has its id once it is pending. */
export interface Waiting {
  readonly request: number;
  readonly kind: 'open' | 'close';
  readonly id?: number;
}

/** The state of each part of the port: see src/session/runtime.ts. */
export interface PortState {
  link: 'open' | 'closing' | 'over';
  isPaused: boolean;
  /** The messages that arrived while reading was paused. Empty if the link keeps them. */
  held: readonly Message[];
  isEndHeld: boolean;
  isConfirming: boolean;
  /** The outbox. */
  isBroken: boolean;
  isFull: boolean;
  parked: readonly Message[];
  /** The id of the inbox that has stopped the reading. */
  full: number | undefined;
  waiting: readonly Waiting[];
  lastRequest: number;
  decisions: readonly number[];
  handles: readonly Handle[];
  isEstablished: boolean;
  end: SessionEnd['cause'] | undefined;
  left: Budget;
}

/** The memory of the properties. They read everything else from the actors. */
export interface Memory {
  /** The id that we opened last. */
  lastOpened: number;
  /** The ids of ours without an answer yet, and those that we have closed. */
  unanswered: readonly number[];
  closed: readonly number[];
  hasGreeted: boolean;
  hasAccused: boolean;
  /** The nonce of the Ping without a Pong. */
  ping: string | undefined;
}

export interface PeerState {
  /** The local state of each living actor, by its path. */
  readonly actors: Readonly<Record<string, number>>;
  readonly timers: readonly string[];
  readonly port: Readonly<PortState>;
  readonly memory: Readonly<Memory>;
}

/** The effects of a step on the world. */
export interface StepResult {
  readonly state: PeerState;
  readonly sent: readonly Message[];
  /** Our action on the link, after the messages. */
  readonly link: 'kept' | 'closed' | 'aborted';
  readonly confirms: boolean;
  /** The accusation against the peer. */
  readonly accuses?: string;
  readonly observed: readonly Observation[];
  readonly violation?: Finding;
}

/** A property that fails, and the reason. */
export interface Finding {
  readonly property: string;
  readonly text: string;
}

/** The observations of the user in a step. A run of the real actors must have the same ones. */
export type Observation =
  | { readonly type: 'settled'; readonly request: number; readonly outcome: Outcome['type'] }
  | { readonly type: 'asked'; readonly id: number }
  | { readonly type: 'moot'; readonly id: number }
  | { readonly type: 'active'; readonly id: number; readonly request?: number }
  | { readonly type: 'delivered'; readonly id: number }
  | { readonly type: 'retired'; readonly id: number; readonly by: 'local' | 'peer' | 'session' }
  | { readonly type: 'ended'; readonly cause: SessionEnd['cause']; readonly limit?: string | undefined };

/** The options of a peer, for a whole configuration. */
export interface PeerOptions {
  readonly role: 'initiator' | 'acceptor';
  readonly conformance: 'reference' | 'strict';
  readonly settings: ConnectionSettings;
  readonly budget: Budget;
  readonly isAccepting: boolean;
  /** True if the user may also reject. */
  readonly rejects: boolean;
  readonly keepalive: boolean;
  readonly limits: {
    readonly connections: number;
    readonly undecided: number;
    /** The number of messages that an inbox holds. If absent, readers take each message at once. */
    readonly inbox?: number;
    /**
     * The number of messages that are held back while reading is paused, on a link that goes on delivering. If absent, the
     * link keeps them. Not for a link of bounded capacity.
     */
    readonly intake?: number;
    /** The number of messages that wait to leave before the outbox is full. If absent, it never is. */
    readonly outbox?: number;
    /** The number of replies beyond that. */
    readonly replies?: number;
  };
  /** True if the reader sends a message for each one that it reads, and waits until it may send. */
  readonly isCoupled?: boolean;
  /** If false, all states of a session that is over are kept apart. */
  readonly isReduced?: boolean;
}
