import type { Role } from '../../machines/index.js';
import type { ConnectionId, Parity } from '../wire/id.js';
import type { Message, MessageType } from '../wire/message.js';
import type { PeerInput } from './peer.js';

// The parts of a conformance case: steps of the tester, and the answers that a peer may give.

/** A rule of the specification, and the row of the protocol's tables with the requirement. */
export interface Citation {
  readonly rule: string;
  readonly row: string;
}

/** An offence of a peer, with a text. */
export interface Offence extends Citation {
  readonly reason: string;
}

/** The state within a case: ids depend on the peer's role, and on its opens. */
export interface World {
  /** The role of the peer under test. */
  readonly role: Role;
  /** The tester's session parity. */
  parity: Parity;
  /** The opens of the peer, in order: the id of each, and the parity in its settings. */
  readonly opens: { readonly id: ConnectionId; readonly parity: Parity }[];
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
  /** Returns the offence of a message of that type on that id. Undefined if it has none. */
  readonly check?: (message: Message, world: World) => Partial<Offence> | undefined;
}

/** A right or tolerated answer to a step. */
export interface Answer {
  /**
   * The required messages. No other message may come but data on open connections. The order is fixed on each id only, since
   * decisions on different ids may come in any order.
   */
  readonly hear?: (world: World) => readonly Expected[];
  /** The messages that may come besides: they were under way. */
  readonly maybe?: (world: World) => readonly Expected[];
  /** True if the peer ends the session and its link. */
  readonly ends?: boolean;
}

/** The means that a case may need to make the peer act. */
export type Need = Act | 'ended' | 'keepalive' | 'handshakeTimeout' | Limit;

/** The actions that the peer can be made to take. */
export type Act = 'open' | 'close' | 'shutdown' | 'rejectNext' | 'defer' | 'refuseNext';

/** A limit that the peer claims to enforce. */
export type Limit = 'frame' | 'metadataEntries' | 'metadataBytes' | 'connections' | 'undecided';

/** An action of the tester, and the expected answer. */
export interface Step extends Answer {
  /** The rule and row of the step, if they differ from those of the case. */
  readonly cites?: Citation;
  /** The action of the peer, before the tester sends. */
  readonly act?: Act;
  /** The connection that `act: 'close'` closes. */
  readonly at?: (world: World) => ConnectionId;
  /** The inputs that the tester sends at once. */
  readonly tell?: (world: World) => readonly PeerInput[];
  /** The tester breaks the link, and asks the peer whether its session is over. */
  readonly breaks?: true;
  /** The tester listens for a while before it pings. */
  readonly lingers?: true;
  /** Another right answer. The peer's timing decides which one comes. */
  readonly or?: Answer;
  /** The tester breaks a rule, and expects a ProtocolError and the end. This is the answer by the reference's tolerance. */
  readonly tolerated?: Answer;
  /** From here on the peer answers Pings. */
  readonly establishes?: true;
  /** The tester leaves the peer's Pings unanswered from here on. */
  readonly ignoresPings?: true;
  /** The time for the peer, if it differs from the usual time for an answer. */
  readonly within?: 'handshakeTimeout' | 'pingInterval' | 'pongTimeout';
}

/** One case of the table. */
export interface CaseSpec extends Citation {
  readonly name: string;
  readonly needs?: readonly Need[];
  /** Only for a peer of this role. */
  readonly role?: Role;
  readonly steps: readonly Step[];
  /** The known deviation of a peer of the kind under test. The last step expects it. */
  readonly deviates?: string;
  /** Steps of another session with the same peer, over a link of its own, once the first one is over. */
  readonly again?: readonly Step[];
}

/** The input for the table. */
export interface TableInput {
  readonly role: Role;
  readonly malformed: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Returns a frame of that many bytes with a Call on the root. */
  readonly frameOf: (size: number, requestId: number) => Uint8Array;
  readonly limits: { readonly [L in Limit]?: number | undefined };
}
