import type { Role } from '../../machines/index.js';
import type { ConnectionId, Parity } from '../wire/id.js';
import type { Message, MessageType } from '../wire/message.js';
import type { PeerInput } from './peer.js';

// What a conformance case is made of: steps of the tester's, and what a peer may answer to each.

/** A rule of the specification and the row of the protocol's tables that say what is asked for. */
export interface Citation {
  readonly rule: string;
  readonly row: string;
}

/** What a peer did wrong, in words. */
export interface Offence extends Citation {
  readonly reason: string;
}

/** What is known in the midst of a case: ids depend on who the peer is, and what it opened. */
export interface World {
  /** The role of the peer under test. */
  readonly role: Role;
  /** The tester's session parity. */
  parity: Parity;
  /** The id that the peer opened last; the first of its parity before that. */
  opened: ConnectionId;
  /** The parity in the settings of the peer's last open. */
  askedParity: Parity;
  /** The nonce of the peer's last Ping. */
  pinged: bigint;
  /** The n-th id of the tester's parity, from 1. */
  mine(n?: number): ConnectionId;
  /** The n-th id of the peer's parity, from 1. */
  theirs(n?: number): ConnectionId;
}

/** A message that the peer is to send. */
export interface Expected {
  readonly type: MessageType;
  readonly on: ConnectionId;
  /** What is wrong with a message of that type on that id, if anything is. */
  readonly check?: (message: Message, world: World) => Partial<Offence> | undefined;
}

/** One way to answer a step that is right, or tolerated. */
export interface Answer {
  /**
   * What has to come, and nothing else but data on open connections; in this order on each id, since decisions on
   * different ids need not come in the order of the questions.
   */
  readonly hear?: (world: World) => readonly Expected[];
  /** What may come besides: it was under way. */
  readonly maybe?: (world: World) => readonly Expected[];
  /** Whether the peer ends the session, and its link. */
  readonly ends?: boolean;
}

/** What the tester has at its disposal to make the peer act. */
export type Need = Act | 'ended' | 'keepalive' | 'handshakeTimeout' | Limit;

/** What the peer can be made to do. */
export type Act = 'open' | 'close' | 'shutdown' | 'rejectNext' | 'defer';

/** A limit that the peer is said to enforce. */
export type Limit = 'frame' | 'metadataEntries' | 'metadataBytes' | 'connections' | 'undecided';

/** Something that the tester does, and what it expects of it. */
export interface Step extends Answer {
  /** What it is about, where that is not what the case is about. */
  readonly cites?: Citation;
  /** What the peer is made to do, before the tester speaks. */
  readonly act?: Act;
  /** The connection that `act: 'close'` closes. */
  readonly at?: (world: World) => ConnectionId;
  /** What the tester says, all in one go. */
  readonly tell?: (world: World) => readonly PeerInput[];
  /** The tester breaks the link, and asks the peer whether its session is over. */
  readonly breaks?: true;
  /** The tester listens for a while before it asks for a sign of life. */
  readonly lingers?: true;
  /** Another answer that is as right: which one it is depends on when the peer decides. */
  readonly or?: Answer;
  /** The tester breaks a rule, and is to hear a ProtocolError and the end; or this, by the reference's tolerance. */
  readonly tolerated?: Answer;
  /** From here on the peer answers Pings. */
  readonly establishes?: true;
  /** The tester leaves the peer's Pings unanswered from here on. */
  readonly ignoresPings?: true;
  /** How long the peer may take, where that is not the answer's usual time. */
  readonly within?: 'handshakeTimeout' | 'pingInterval' | 'pongTimeout';
}

/** One case, as it stands in the table. */
export interface CaseSpec extends Citation {
  readonly name: string;
  readonly needs?: readonly Need[];
  /** Only for a peer of this role. */
  readonly role?: Role;
  readonly steps: readonly Step[];
  /** What a peer of the kind under test does instead of what the protocol says: the last step expects that. */
  readonly deviates?: string;
  /** Steps of another session with the same peer, over a link of its own, once the first one is over. */
  readonly again?: readonly Step[];
}

/** What the table is made with. */
export interface TableInput {
  readonly role: Role;
  readonly malformed: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** A frame of so many bytes that is a Call on the root. */
  readonly frameOf: (size: number, requestId: number) => Uint8Array;
  readonly limits: { readonly [L in Limit]?: number | undefined };
}
