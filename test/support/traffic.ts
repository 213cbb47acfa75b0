import type { ChannelMessage, Message, RequestMessage } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';

// Short names for the traffic on the root connection. The scripted peer is even, so 2, 4, 6, … are its ids.

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

const request = (id: number, body: RequestMessage['body']): RequestMessage => ({
  type: 'RequestMessage',
  connectionId: 0,
  id,
  body,
});

const onChannel = (id: number, body: ChannelMessage['body']): ChannelMessage => ({
  type: 'ChannelMessage',
  connectionId: 0,
  id,
  body,
});

interface CallParts {
  readonly method?: bigint;
  readonly channels?: readonly number[];
  readonly metadata?: Metadata;
}

export const callOf = (id: number, args: Uint8Array, { method = 1n, channels = [], metadata = [] }: CallParts = {}) =>
  request(id, { type: 'Call', methodId: method, channels, metadata, args });

export const responseOf = (id: number, ret: Uint8Array, channels: readonly number[] = [], metadata: Metadata = []) =>
  request(id, { type: 'Response', channels, metadata, ret });

export const cancelOf = (id: number) => request(id, { type: 'Cancel', metadata: [] });

export const itemOn = (id: number, ...values: number[]) => onChannel(id, { type: 'Item', item: bytes(...values) });

export const closeOn = (id: number, metadata: Metadata = []) => onChannel(id, { type: 'Close', metadata });

export const resetOn = (id: number, metadata: Metadata = []) => onChannel(id, { type: 'Reset', metadata });

export const grantOn = (id: number, additional: number) => onChannel(id, { type: 'GrantCredit', additional });

/** The replies that a service that speaks MessagePack sends instead of a result. */
export const UNKNOWN_METHOD = bytes(0x92, 1, 0x91, 1);
export const INVALID_PAYLOAD = bytes(0x92, 1, 0x91, 2);
export const CANCELLED = bytes(0x92, 1, 0x91, 3);

/** The ProtocolError that a strict session ends with, by its rule. */
export function accusationIn(messages: readonly Message[]): string | undefined {
  const last = messages.at(-1);
  return last?.type === 'ProtocolError' ? last.description.split(':')[0] : undefined;
}
