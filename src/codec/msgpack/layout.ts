import type { Parity } from '../../wire/id.js';
import type { ChannelMessage, MessageType, RequestMessage } from '../../wire/message.js';

// The numbers that stand for names on the wire; docs/wire-format.md documents them.
// r[session.message]

/** The second element of every message. */
export const TAG = {
  Hello: 0,
  HelloYourself: 1,
  ProtocolError: 2,
  ConnectionOpen: 3,
  ConnectionAccept: 4,
  ConnectionReject: 5,
  ConnectionClose: 6,
  RequestMessage: 7,
  ChannelMessage: 8,
  Ping: 9,
  Pong: 10,
} as const satisfies Record<MessageType, number>;

/** The fourth element of a RequestMessage. */
export const REQUEST_BODY = {
  Call: 0,
  Response: 1,
  Cancel: 2,
} as const satisfies Record<RequestMessage['body']['type'], number>;

/** The fourth element of a ChannelMessage. */
export const CHANNEL_BODY = {
  Item: 0,
  Close: 1,
  Reset: 2,
  GrantCredit: 3,
} as const satisfies Record<ChannelMessage['body']['type'], number>;

/** The encoding of the parity in settings. */
export const PARITY = { odd: 0, even: 1 } as const satisfies Record<Parity, number>;

/** The encoding of the type of a metadata value. */
export const KIND = { string: 0, bytes: 1, u64: 2 } as const;

/** The highest value of a field of 32 bits. */
export const MAX_U32 = 0xffff_ffff;

/** The highest value of a field of 64 bits. */
export const MAX_U64 = 0xffff_ffff_ffff_ffffn;
