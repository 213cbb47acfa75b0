/** One peer as data: its actors, its timers, what its port holds, and what its user may still do. */
import type { Outcome, SessionEnd } from '../machines/index.js';
import type { ConnectionSettings, Message } from '../src/wire/message.js';

/** What a user may do, and how often; what is missing, never. */
export interface Budget {
  readonly open?: number;
  /** Gives up an open of ours. */
  readonly abort?: number;
  readonly send?: number;
  /** Closes a connection that is active or pending. */
  readonly close?: number;
  /** Closes what cannot be closed: the root, an id that is not open, an undecided one. */
  readonly misclose?: number;
  /** The last caller of a virtual connection goes. */
  readonly release?: number;
  /** The last caller of the root goes. */
  readonly releaseRoot?: number;
  /** The reader of an inbox goes. */
  readonly leave?: number;
  readonly shutdown?: number;
  readonly abortHandshake?: number;
  /** Pings of the keepalive: not the user's, but they have to end. */
  readonly ping?: number;
}

export type UserAction = Exclude<keyof Budget, 'ping'> | 'accept' | 'reject' | 'read';

/** One thing that happens to a peer: the whole step that it sets off is one step of the search. */
export type Input =
  | { readonly type: 'message'; readonly message: Message }
  /** The link is over at our end, by an end of stream or a failure. */
  | { readonly type: 'ended' }
  | { readonly type: 'failed' }
  /** The end of stream was heard while reading was paused, and now its turn has come. */
  | { readonly type: 'heldEnd' }
  /** The link has broken, or has been closed by whoever carries it: it takes nothing any more, and we have not heard. */
  | { readonly type: 'broken' }
  | { readonly type: 'drained' }
  | { readonly type: 'confirmed' }
  | { readonly type: 'malformed' }
  | { readonly type: 'timer'; readonly timer: string; readonly opens?: number; readonly decisions?: number }
  | { readonly type: 'user'; readonly action: UserAction; readonly id?: number };

/** A connection that the user has a handle of. */
export interface Handle {
  readonly id: number;
  /** Messages that wait to be read. */
  readonly unread: number;
  readonly hasLeft: boolean;
}

/** A local request that waits for its outcome; an open has its id once it is pending. */
export interface Waiting {
  readonly request: number;
  readonly kind: 'open' | 'close';
  readonly id?: number;
}

/** What each of the port's parts holds; see src/session/runtime.ts. */
export interface PortState {
  link: 'open' | 'closing' | 'over';
  isPaused: boolean;
  /** What arrived while reading was paused; empty where the link keeps it. */
  held: readonly Message[];
  isEndHeld: boolean;
  isConfirming: boolean;
  /** The outbox. */
  isBroken: boolean;
  isFull: boolean;
  parked: readonly Message[];
  /** The inbox that has stopped the reading. */
  full: number | undefined;
  waiting: readonly Waiting[];
  lastRequest: number;
  decisions: readonly number[];
  handles: readonly Handle[];
  isEstablished: boolean;
  end: SessionEnd['cause'] | undefined;
  left: Budget;
}

/** What the properties have to remember of the past; everything else they read off the actors. */
export interface Memory {
  /** The id that we opened last. */
  lastOpened: number;
  /** Ids of ours whose Accept has not come, and those that we have closed. */
  unanswered: readonly number[];
  closed: readonly number[];
  hasGreeted: boolean;
  hasAccused: boolean;
  /** The Ping that is out. */
  ping: string | undefined;
}

export interface PeerState {
  /** The local state of each actor that lives, by its path. */
  readonly actors: Readonly<Record<string, number>>;
  readonly timers: readonly string[];
  readonly port: Readonly<PortState>;
  readonly memory: Readonly<Memory>;
}

/** What the world sees of a step. */
export interface StepResult {
  readonly state: PeerState;
  readonly sent: readonly Message[];
  /** What we did to the link, after what was sent. */
  readonly link: 'kept' | 'closed' | 'aborted';
  readonly confirms: boolean;
  /** What we accuse the peer of. */
  readonly accuses?: string;
  readonly observed: readonly Observation[];
  readonly violation?: Finding;
}

/** A property that does not hold, and why. */
export interface Finding {
  readonly property: string;
  readonly text: string;
}

/** What the user sees of a step: what a run of the real actors is compared by. */
export type Observation =
  | { readonly type: 'settled'; readonly request: number; readonly outcome: Outcome['type'] }
  | { readonly type: 'asked'; readonly id: number }
  | { readonly type: 'moot'; readonly id: number }
  | { readonly type: 'active'; readonly id: number; readonly request?: number }
  | { readonly type: 'delivered'; readonly id: number }
  | { readonly type: 'retired'; readonly id: number; readonly by: 'local' | 'peer' | 'session' }
  | { readonly type: 'ended'; readonly cause: SessionEnd['cause']; readonly limit?: string | undefined };

/** What a peer is, for a whole configuration. */
export interface PeerOptions {
  readonly role: 'initiator' | 'acceptor';
  readonly conformance: 'reference' | 'strict';
  readonly settings: ConnectionSettings;
  readonly budget: Budget;
  readonly isAccepting: boolean;
  /** Whether the user may reject, too. */
  readonly rejects: boolean;
  readonly keepalive: boolean;
  readonly limits: {
    readonly connections: number;
    readonly undecided: number;
    /** Messages that an inbox holds; absent, readers take each message at once. */
    readonly inbox?: number;
    /**
     * Messages that are held back while reading is paused, on a link that goes on delivering; absent, the link keeps them.
     * Not on a link of bounded capacity.
     */
    readonly intake?: number;
    /** Messages that wait to leave before the outbox is full; absent, it never is. */
    readonly outbox?: number;
    /** Replies beyond that. */
    readonly replies?: number;
  };
  /** The reader answers each message that it reads, and waits until it may: it couples its reading to its sending. */
  readonly isCoupled?: boolean;
  /** False: states of a session that is over are all kept apart. */
  readonly isReduced?: boolean;
}
