import type { ChannelId, ConnectionId, Parity, RequestId } from '../../src/wire/id.js';
import { hasParity, opposite } from '../../src/wire/id.js';
import type {
  ChannelMessage,
  ConnectionAccept,
  ConnectionClose,
  ConnectionOpen,
  ConnectionReject,
  ConnectionSettings,
  Hello,
  HelloYourself,
  Message,
  Ping,
  Pong,
  ProtocolErrorMessage,
  RequestMessage,
  Response,
} from '../../src/wire/message.js';
import { type Metadata, SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';

// Short names for messages, so that a scenario reads like the specification. A field that a case does not care about has the
// protocol's own default.

/** Some metadata. The duplicate key is on purpose: duplicates are kept in order. */
// r[rpc.metadata.duplicates]
// r[rpc.metadata.unknown]
export const M: Metadata = [
  { key: 'why', value: 'because', flags: 0n },
  { key: 'why', value: 7n, flags: 4n },
];

/** Metadata that must not show up in logs by accident. It travels like any other metadata. */
// r[rpc.metadata.flags.sensitive]
export const SECRET: Metadata = [{ key: 'token', value: new Sensitive('s3cret'), flags: SENSITIVE }];

/** Other metadata, different from {@link M}. */
export const N: Metadata = [{ key: 'who', value: new Uint8Array([1, 2]), flags: 0n }];

/** Arguments, a result, an item. */
export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

export function settings(parity: Parity, maxConcurrentRequests = 64): ConnectionSettings {
  return { parity, maxConcurrentRequests };
}

/** The parity of an id. The root has none and counts as even. */
export function parityOf(id: ConnectionId): Parity {
  return hasParity(id, 'odd') ? 'odd' : 'even';
}

interface HelloOptions {
  readonly on?: ConnectionId;
  readonly version?: number;
  readonly settings?: ConnectionSettings;
  readonly metadata?: Metadata;
}

/** The initiator's Hello, odd by default. */
export function hello(options: HelloOptions = {}): Hello {
  const { on = 0, version = 7, settings: connectionSettings = settings('odd'), metadata = [] } = options;
  return { type: 'Hello', connectionId: on, version, connectionSettings, metadata };
}

/** The acceptor's HelloYourself, even by default. */
export function helloYourself(options: Omit<HelloOptions, 'version'> = {}): HelloYourself {
  const { on = 0, settings: connectionSettings = settings('even'), metadata = [] } = options;
  return { type: 'HelloYourself', connectionId: on, connectionSettings, metadata };
}

export function protocolError(description: string, on: ConnectionId = 0): ProtocolErrorMessage {
  return { type: 'ProtocolError', connectionId: on, description };
}

/** By default with the session parity of the opener, which follows from the id. */
export function open(
  id: ConnectionId,
  connectionSettings: ConnectionSettings = settings(parityOf(id)),
  metadata: Metadata = [],
): ConnectionOpen {
  return { type: 'ConnectionOpen', connectionId: id, connectionSettings, metadata };
}

/** By default with the opposite of the opener's default. */
export function accept(
  id: ConnectionId,
  connectionSettings: ConnectionSettings = settings(opposite(parityOf(id))),
  metadata: Metadata = [],
): ConnectionAccept {
  return { type: 'ConnectionAccept', connectionId: id, connectionSettings, metadata };
}

export function reject(id: ConnectionId, metadata: Metadata = []): ConnectionReject {
  return { type: 'ConnectionReject', connectionId: id, metadata };
}

export function close(id: ConnectionId, metadata: Metadata = []): ConnectionClose {
  return { type: 'ConnectionClose', connectionId: id, metadata };
}

/** A Call on connection `on`, its args one byte that tells it from others. */
export function call(on: ConnectionId, id: RequestId, methodId = 1n): RequestMessage {
  const args = new Uint8Array([id % 256]);
  return {
    type: 'RequestMessage',
    connectionId: on,
    id,
    body: { type: 'Call', methodId, channels: [], metadata: [], args },
  };
}

export function responseBody(): Response {
  return { type: 'Response', channels: [], metadata: [], ret: new Uint8Array([9]) };
}

export function response(on: ConnectionId, id: RequestId, ret = responseBody().ret): RequestMessage {
  return { type: 'RequestMessage', connectionId: on, id, body: { ...responseBody(), ret } };
}

export function cancel(on: ConnectionId, id: RequestId): RequestMessage {
  return { type: 'RequestMessage', connectionId: on, id, body: { type: 'Cancel', metadata: [] } };
}

/** An Item on a channel of connection `on`. */
export function item(on: ConnectionId, id: number): ChannelMessage {
  return { type: 'ChannelMessage', connectionId: on, id, body: { type: 'Item', item: new Uint8Array([id % 256]) } };
}

/** A Close, from the sender's end of a channel. */
export function closeOfChannel(on: ConnectionId, id: ChannelId, metadata: Metadata = []): ChannelMessage {
  return { type: 'ChannelMessage', connectionId: on, id, body: { type: 'Close', metadata } };
}

/** A Reset, from the receiver's end. */
export function resetOfChannel(on: ConnectionId, id: ChannelId, metadata: Metadata = []): ChannelMessage {
  return { type: 'ChannelMessage', connectionId: on, id, body: { type: 'Reset', metadata } };
}

/** A Call that names channels. */
export function callNaming(on: ConnectionId, id: RequestId, channels: readonly ChannelId[]): RequestMessage {
  const { body, ...rest } = call(on, id);
  return { ...rest, body: { ...body, channels } as RequestMessage['body'] };
}

export function credit(on: ConnectionId, id: number, additional: number): ChannelMessage {
  return { type: 'ChannelMessage', connectionId: on, id, body: { type: 'GrantCredit', additional } };
}

export function ping(nonce: bigint, on: ConnectionId = 0): Ping {
  return { type: 'Ping', connectionId: on, nonce };
}

export function pong(nonce: bigint, on: ConnectionId = 0): Pong {
  return { type: 'Pong', connectionId: on, nonce };
}

/** One message of every kind but those in `except`, as the peer could send it, all on connection 0. */
export function oneOfEach(...except: readonly Message['type'][]): readonly Message[] {
  const all: readonly Message[] = [
    hello(),
    helloYourself(),
    protocolError('you broke it'),
    open(0),
    accept(0),
    reject(0),
    close(0),
    call(0, 2),
    item(0, 2),
    ping(5n),
    pong(5n),
  ];
  return all.filter((message) => !except.includes(message.type));
}
