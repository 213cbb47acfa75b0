import type { Role } from '../../index.js';

/** An entry of an actor, as its process reports it: a change of state, its messages on the wire, or both. */
export interface Entry {
  readonly kind: 'entry';
  /** Milliseconds since the epoch, with fractions. */
  readonly at: number;
  readonly process: Role;
  readonly actor: string;
  /** Absent if the actor has just started. */
  readonly from?: string;
  /** The same as `from` if the entry has only messages. */
  readonly to: string;
  readonly wire: readonly Wire[];
  /** The region of the change, if it is below the top level. Shown only with `isVerbose`. */
  readonly region?: string;
}

/** A message, as the reporting process sees it. */
export interface Wire {
  readonly direction: 'sent' | 'received';
  readonly type: string;
  /** Details besides the type: metadata, an id, a length. */
  readonly text: string;
  /** True for a request or channel message. Runs of these are shown together. */
  readonly isData?: boolean;
  /** The nonce of a Ping or Pong. Only the first round is shown. */
  readonly nonce?: number;
}

/** The title of the next scene. */
export interface Scene {
  readonly kind: 'scene';
  readonly at: number;
  readonly title: string;
}

/** The messages of a process of the demo to its parent process. */
export type DemoEvent =
  | { readonly kind: 'listening'; readonly url: string }
  /** The part is played but for its end, and waits for the parent's word. */
  | { readonly kind: 'holding' }
  | Entry
  | Scene
  | { readonly kind: 'result'; readonly facts: Facts }
  | { readonly kind: 'failed'; readonly message: string };

/** The results of the calls to the typed service. */
export interface Called {
  readonly echoed: unknown;
  /** The result of the call that was cancelled. */
  readonly cancelled: string;
  readonly streamed: readonly number[];
}

/** The observations of a process, for the summary to compare. */
export interface Facts {
  readonly parity: string;
  /** The peer's name, from the metadata of the handshake. */
  readonly peerName: string;
  /** True if the peer's token arrived unchanged, as a Sensitive value. */
  readonly isTokenRight: boolean;
  /** The results of our Calls on the connection that we opened. */
  readonly echoes: readonly string[];
  /** The items received on a channel of the peer. */
  readonly items: readonly string[];
  /** The number of items that came without credit. */
  readonly overruns: number;
  /** The peer's response to the items that we sent. */
  readonly receipt: string;
  /** The metadata of the Close that the peer sent us. */
  readonly farewell: string;
  /** The metadata of the Reject for our other open. Only the initiator has it. */
  readonly rejection?: string;
  /** The results of our Calls through the proxy. Only the initiator has them. */
  readonly proxied?: readonly string[];
  /** The metadata of Calls that came through the proxy. Only the initiator has them. */
  readonly behindProxy?: readonly string[];
  /** The results of the calls to the typed service. Only the initiator has them. */
  readonly called?: Called;
  /** The calls that were told to stop, and why. Only the acceptor has them. */
  readonly stopped?: readonly string[];
  /** The reason for the session's end. */
  readonly closed: string;
  readonly pings: number;
  readonly pongs: number;
  /** The number of messages received, by type of request and channel message. */
  readonly received: Readonly<Record<string, number>>;
  /** Each connection's states, in order. */
  readonly connections: Readonly<Record<string, string>>;
}
