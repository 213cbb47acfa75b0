import type { ChannelId, ConnectionId, Parity, RequestId } from './id.js';
import type { Metadata } from './metadata.js';

/** The version of the session protocol that this library speaks. `[session.handshake]` */
export const PROTOCOL_VERSION = 7;

/**
 * One side's settings of a connection: the parity of its ids, and the number of requests that the peer may have in flight.
 */
export interface ConnectionSettings {
  readonly parity: Parity;
  /** 0 to 2^32 − 1. */
  readonly maxConcurrentRequests: number;
}

/** Opens a session; the initiator's first message. `[session.handshake]` */
export interface Hello {
  readonly type: 'Hello';
  readonly connectionId: ConnectionId;
  /** 0 to 2^32 − 1. */
  readonly version: number;
  readonly connectionSettings: ConnectionSettings;
  readonly metadata: Metadata;
}

/** The acceptor's answer to Hello. `[session.handshake]` */
export interface HelloYourself {
  readonly type: 'HelloYourself';
  readonly connectionId: ConnectionId;
  readonly connectionSettings: ConnectionSettings;
  readonly metadata: Metadata;
}

/** Accuses the peer of a violation. Its sender sends no message after it. */
export interface ProtocolErrorMessage {
  readonly type: 'ProtocolError';
  readonly connectionId: ConnectionId;
  readonly description: string;
}

/** Opens a virtual connection under an id of the sender's parity. `[connection.open]` */
export interface ConnectionOpen {
  readonly type: 'ConnectionOpen';
  readonly connectionId: ConnectionId;
  readonly connectionSettings: ConnectionSettings;
  readonly metadata: Metadata;
}

/** Accepts an open: the connection is active. */
export interface ConnectionAccept {
  readonly type: 'ConnectionAccept';
  readonly connectionId: ConnectionId;
  readonly connectionSettings: ConnectionSettings;
  readonly metadata: Metadata;
}

/** Rejects an open. `[connection.open.rejection]` */
export interface ConnectionReject {
  readonly type: 'ConnectionReject';
  readonly connectionId: ConnectionId;
  readonly metadata: Metadata;
}

/** Closes a virtual connection, never the root. `[connection.close]` */
export interface ConnectionClose {
  readonly type: 'ConnectionClose';
  readonly connectionId: ConnectionId;
  readonly metadata: Metadata;
}

/** Starts a request. */
export interface Call {
  readonly type: 'Call';
  /** An unsigned integer of 64 bits. */
  readonly methodId: bigint;
  readonly channels: readonly ChannelId[];
  readonly metadata: Metadata;
  /** Opaque to the session. */
  readonly args: Uint8Array;
}

/** Answers a Call. */
export interface Response {
  readonly type: 'Response';
  readonly channels: readonly ChannelId[];
  readonly metadata: Metadata;
  /** Opaque to the session. */
  readonly ret: Uint8Array;
}

/** Asks the peer to give up a Call. A Response still follows. */
export interface Cancel {
  readonly type: 'Cancel';
  readonly metadata: Metadata;
}

/** One item on a channel. */
export interface Item {
  readonly type: 'Item';
  /** Opaque to the session. */
  readonly item: Uint8Array;
}

/** The channel's sender has finished. */
export interface Close {
  readonly type: 'Close';
  readonly metadata: Metadata;
}

/** The channel's receiver wants no more items. */
export interface Reset {
  readonly type: 'Reset';
  readonly metadata: Metadata;
}

/** The channel's receiver lets the sender send `additional` more items. */
export interface GrantCredit {
  readonly type: 'GrantCredit';
  /** 0 to 2^32 − 1. */
  readonly additional: number;
}

/** A Call, its Response or its Cancel. */
export interface RequestMessage {
  readonly type: 'RequestMessage';
  readonly connectionId: ConnectionId;
  readonly id: RequestId;
  readonly body: Call | Response | Cancel;
}

/** A message on a channel. */
export interface ChannelMessage {
  readonly type: 'ChannelMessage';
  readonly connectionId: ConnectionId;
  readonly id: ChannelId;
  readonly body: Item | Close | Reset | GrantCredit;
}

/** Asks the peer to show that it is alive. `[session.keepalive]` */
export interface Ping {
  readonly type: 'Ping';
  readonly connectionId: ConnectionId;
  /** An unsigned integer of 64 bits. */
  readonly nonce: bigint;
}

/** Answers a Ping with its nonce. `[session.keepalive]` */
export interface Pong {
  readonly type: 'Pong';
  readonly connectionId: ConnectionId;
  readonly nonce: bigint;
}

/** Everything that can travel on a link. `[session.message]` */
// r[session.message]
export type Message =
  | Hello
  | HelloYourself
  | ProtocolErrorMessage
  | ConnectionOpen
  | ConnectionAccept
  | ConnectionReject
  | ConnectionClose
  | RequestMessage
  | ChannelMessage
  | Ping
  | Pong;

/** The names of the messages. */
export type MessageType = Message['type'];

/** One message by its name. */
export type MessageOf<T extends MessageType> = Extract<Message, { type: T }>;

/** A message on an open connection: of a request or of a channel. */
export type DataMessage = RequestMessage | ChannelMessage;
