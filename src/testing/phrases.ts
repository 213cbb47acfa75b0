import { type ConnectionId, hasParity, opposite, type Parity, ROOT } from '../wire/id.js';
import {
  type ConnectionSettings,
  type Message,
  type MessageOf,
  type MessageType,
  PROTOCOL_VERSION,
} from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Expected } from './vocabulary.js';

// Short forms for the tester's messages and expectations. Fields that do not matter have the protocol's default.

/** The metadata of an open that the peer should reject, for peers that decide by metadata. */
export const REJECT_PLEASE: Metadata = [{ key: 'reject', value: 'please', flags: 0n }];

function settings(parity: Parity): ConnectionSettings {
  return { parity, maxConcurrentRequests: 64 };
}

/** Returns the parity of an id. The root's id has none and counts as even. */
function parityOf(id: ConnectionId): Parity {
  return hasParity(id, 'odd') ? 'odd' : 'even';
}

export function hello(parity: Parity = 'odd', version: number = PROTOCOL_VERSION, on: ConnectionId = ROOT): Message {
  return { type: 'Hello', connectionId: on, version, connectionSettings: settings(parity), metadata: [] };
}

export function helloYourself(parity: Parity, on: ConnectionId = ROOT): Message {
  return { type: 'HelloYourself', connectionId: on, connectionSettings: settings(parity), metadata: [] };
}

export function open(id: ConnectionId, metadata: Metadata = [], parity = parityOf(id)): Message {
  return { type: 'ConnectionOpen', connectionId: id, connectionSettings: settings(parity), metadata };
}

export function close(id: ConnectionId, metadata: Metadata = []): Message {
  return { type: 'ConnectionClose', connectionId: id, metadata };
}

export function protocolError(description: string, on: ConnectionId = ROOT): Message {
  return { type: 'ProtocolError', connectionId: on, description };
}

export function ping(nonce: bigint, on: ConnectionId = ROOT): Message {
  return { type: 'Ping', connectionId: on, nonce };
}

export function pong(nonce: bigint, on: ConnectionId = ROOT): Message {
  return { type: 'Pong', connectionId: on, nonce };
}

/**
 * Returns a Call. Its id has the parity of the tester's settings of the connection, which equals the opener's parity here.
 */
export function call(on: ConnectionId, id: number, args: Uint8Array = Uint8Array.of(1)): Message {
  const body = { type: 'Call', methodId: 1n, channels: [], metadata: [], args } as const;
  return { type: 'RequestMessage', connectionId: on, id, body };
}

export function response(on: ConnectionId, id: number): Message {
  const body = { type: 'Response', channels: [], metadata: [], ret: Uint8Array.of(1) } as const;
  return { type: 'RequestMessage', connectionId: on, id, body };
}

/** Listens for a message by its type and its id. */
export function heard<T extends MessageType>(
  type: T,
  on: ConnectionId,
  check?: (message: MessageOf<T>, parity: Parity) => { reason: string; rule?: string; row?: string } | undefined,
): Expected {
  if (check === undefined) return { type, on };
  return { type, on, check: (message, { parity }) => check(message as MessageOf<T>, parity) };
}

/** Listens for the answer to a Ping. */
export function echoOf(nonce: bigint, on: ConnectionId = ROOT): Expected {
  return heard('Pong', on, (message) =>
    message.nonce === nonce ? undefined : { reason: `its nonce is ${message.nonce}, that of the Ping ${nonce}` },
  );
}

/** Listens for an Accept of an open with that parity in its settings. */
export function acceptOf(id: ConnectionId, parity = parityOf(id)): Expected {
  return heard('ConnectionAccept', id, (message) =>
    message.connectionSettings.parity === opposite(parity)
      ? undefined
      : { reason: "it carries the opener's own parity", rule: 'connection.parity', row: '9a.02' },
  );
}
