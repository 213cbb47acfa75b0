import type { Role } from '../../index.js';

/** Something that an actor did, as its process tells it: a change of state, what went over the wire with it, or both. */
export interface Entry {
  readonly kind: 'entry';
  /** Milliseconds since the epoch, with fractions. */
  readonly at: number;
  readonly process: Role;
  readonly actor: string;
  /** Absent where the actor has just begun. */
  readonly from?: string;
  /** The same as `from` where only something went over the wire. */
  readonly to: string;
  readonly wire: readonly Wire[];
  /** The place of the change where it is below the top level; not told unless everything is. */
  readonly region?: string;
}

/** A message, as seen by the one who tells of it. */
export interface Wire {
  readonly direction: 'sent' | 'received';
  readonly type: string;
  /** What one sees besides the type: metadata, an id, a length. */
  readonly text: string;
  /** Of a request or channel message; one of many, told together with its like. */
  readonly isData?: boolean;
  /** Of a Ping or Pong: the first stands for all. */
  readonly nonce?: number;
}

/** What comes now. */
export interface Scene {
  readonly kind: 'scene';
  readonly at: number;
  readonly title: string;
}

/** What a process of the demo tells the one that shows it. */
export type Told =
  | { readonly kind: 'listening'; readonly url: string }
  /** Everything but the end is played, and waits for a word. */
  | { readonly kind: 'holding' }
  | Entry
  | Scene
  | { readonly kind: 'result'; readonly facts: Facts }
  | { readonly kind: 'failed'; readonly message: string };

/** What came of the calls of the typed service. */
export interface Called {
  readonly echoed: unknown;
  /** What the call that was cancelled came to. */
  readonly cancelled: string;
  readonly streamed: readonly number[];
}

/** What a process has counted and seen, for the summary to compare. */
export interface Facts {
  readonly parity: string;
  /** What the peer said of itself in the handshake. */
  readonly peerName: string;
  /** Whether the peer's token arrived whole, in its box. */
  readonly isTokenRight: boolean;
  /** What our Calls returned on the connection that we opened. */
  readonly echoes: readonly string[];
  /** What we received on a channel of the peer's. */
  readonly items: readonly string[];
  /** How often an item came for which there was no credit. */
  readonly overruns: number;
  /** What the peer made of the items that we sent. */
  readonly receipt: string;
  /** The metadata of the Close that the peer sent us. */
  readonly farewell: string;
  /** What the other open came back with; the initiator's. */
  readonly rejection?: string;
  /** What our Calls returned from behind the proxy; the initiator's. */
  readonly proxied?: readonly string[];
  /** Which metadata came out behind the proxy; the initiator's. */
  readonly behindProxy?: readonly string[];
  /** What came of the calls of the typed service; the initiator's. */
  readonly called?: Called;
  /** Which of them were to stop, and why; the acceptor's. */
  readonly stopped?: readonly string[];
  /** Why the session ended. */
  readonly closed: string;
  readonly pings: number;
  readonly pongs: number;
  /** How many of each request and channel message arrived. */
  readonly received: Readonly<Record<string, number>>;
  /** Each connection's states, in order. */
  readonly connections: Readonly<Record<string, string>>;
}
