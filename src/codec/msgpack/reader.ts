import { ProtocolError } from '../../base/errors.js';
import type { Parity } from '../../wire/id.js';
import type { ChannelMessage, ConnectionSettings, Message, RequestMessage } from '../../wire/message.js';
import { type Metadata, type MetadataEntry, sizeOf } from '../../wire/metadata.js';
import type { MetadataValue } from '../../wire/sensitive.js';
import type { DecodeLimits } from '../codec.js';
import { CHANNEL_BODY, KIND, MAX_U32, PARITY, REQUEST_BODY, TAG } from './layout.js';

// Checks the decoded MessagePack against the messages of the protocol. The scan has accepted only arrays, strings, bytes and
// integers from 0 to 2^64 − 1. An integer is a number up to 2^32 − 1, or a bigint, in any encoding that the peer chose. So
// the sign and the range of u64 fields need no check here. Errors name message and field, and never the value that the peer
// sent: it may be SENSITIVE.

type Parts = readonly unknown[];

/** Returns the message that `parts` encode. The arrays in `parts` become part of the message. */
// r[session.message]
export function messageOf(parts: Parts, limits: DecodeLimits): Message {
  if (parts.length < 2) throw malformed('message', 'it has no connectionId and tag');
  const tag = u32(parts[1], 'message', 'tag');
  switch (tag) {
    case TAG.RequestMessage:
      return requestMessage(parts, limits);
    case TAG.ChannelMessage:
      return channelMessage(parts, limits);
    case TAG.Ping:
      return { type: 'Ping', connectionId: connectionId(parts, 3, 'Ping'), nonce: u64(parts[2], 'Ping', 'nonce') };
    case TAG.Pong:
      return { type: 'Pong', connectionId: connectionId(parts, 3, 'Pong'), nonce: u64(parts[2], 'Pong', 'nonce') };
    case TAG.Hello:
      return {
        type: 'Hello',
        connectionId: connectionId(parts, 5, 'Hello'),
        version: u32(parts[2], 'Hello', 'version'),
        connectionSettings: settings(parts[3], 'Hello'),
        metadata: metadata(parts[4], 'Hello', limits),
      };
    case TAG.HelloYourself:
      return settingsMessage('HelloYourself', parts, limits);
    case TAG.ConnectionOpen:
      return settingsMessage('ConnectionOpen', parts, limits);
    case TAG.ConnectionAccept:
      return settingsMessage('ConnectionAccept', parts, limits);
    case TAG.ConnectionReject:
      return metadataMessage('ConnectionReject', parts, limits);
    case TAG.ConnectionClose:
      return metadataMessage('ConnectionClose', parts, limits);
    case TAG.ProtocolError:
      return {
        type: 'ProtocolError',
        connectionId: connectionId(parts, 3, 'ProtocolError'),
        description: text(parts[2], 'ProtocolError', 'description'),
      };
    default:
      throw malformed('message', `unknown tag ${String(tag)}`);
  }
}

function settingsMessage<T extends 'HelloYourself' | 'ConnectionOpen' | 'ConnectionAccept'>(
  type: T,
  parts: Parts,
  limits: DecodeLimits,
) {
  return {
    type,
    connectionId: connectionId(parts, 4, type),
    connectionSettings: settings(parts[2], type),
    metadata: metadata(parts[3], type, limits),
  };
}

function metadataMessage<T extends 'ConnectionReject' | 'ConnectionClose'>(
  type: T,
  parts: Parts,
  limits: DecodeLimits,
) {
  return { type, connectionId: connectionId(parts, 3, type), metadata: metadata(parts[2], type, limits) };
}

function requestMessage(parts: Parts, limits: DecodeLimits): RequestMessage {
  const tag = u32(parts[3], 'RequestMessage', 'body tag');
  switch (tag) {
    case REQUEST_BODY.Call:
      return {
        type: 'RequestMessage',
        connectionId: connectionId(parts, 8, 'Call'),
        id: id(parts[2], 'Call', 'id'),
        body: {
          type: 'Call',
          methodId: u64(parts[4], 'Call', 'methodId'),
          channels: channels(parts[5], 'Call'),
          metadata: metadata(parts[6], 'Call', limits),
          args: bytes(parts[7], 'Call', 'args'),
        },
      };
    case REQUEST_BODY.Response:
      return {
        type: 'RequestMessage',
        connectionId: connectionId(parts, 7, 'Response'),
        id: id(parts[2], 'Response', 'id'),
        body: {
          type: 'Response',
          channels: channels(parts[4], 'Response'),
          metadata: metadata(parts[5], 'Response', limits),
          ret: bytes(parts[6], 'Response', 'ret'),
        },
      };
    case REQUEST_BODY.Cancel:
      return {
        type: 'RequestMessage',
        connectionId: connectionId(parts, 5, 'Cancel'),
        id: id(parts[2], 'Cancel', 'id'),
        body: { type: 'Cancel', metadata: metadata(parts[4], 'Cancel', limits) },
      };
    default:
      throw malformed('RequestMessage', `unknown body tag ${String(tag)}`);
  }
}

function channelMessage(parts: Parts, limits: DecodeLimits): ChannelMessage {
  const tag = u32(parts[3], 'ChannelMessage', 'body tag');
  switch (tag) {
    case CHANNEL_BODY.Item:
      return onChannel(parts, 'Item', () => ({ type: 'Item', item: bytes(parts[4], 'Item', 'item') }));
    case CHANNEL_BODY.Close:
      return onChannel(parts, 'Close', () => ({ type: 'Close', metadata: metadata(parts[4], 'Close', limits) }));
    case CHANNEL_BODY.Reset:
      return onChannel(parts, 'Reset', () => ({ type: 'Reset', metadata: metadata(parts[4], 'Reset', limits) }));
    case CHANNEL_BODY.GrantCredit:
      return onChannel(parts, 'GrantCredit', () => ({
        type: 'GrantCredit',
        additional: u32(parts[4], 'GrantCredit', 'additional'),
      }));
    default:
      throw malformed('ChannelMessage', `unknown body tag ${String(tag)}`);
  }
}

/** Reads the fields in their order: an error names the first wrong one. */
function onChannel(parts: Parts, where: string, body: () => ChannelMessage['body']): ChannelMessage {
  return {
    type: 'ChannelMessage',
    connectionId: connectionId(parts, 5, where),
    id: id(parts[2], where, 'id'),
    body: body(),
  };
}

/** Returns the first element, after checking that the message has `arity` elements. */
function connectionId(parts: Parts, arity: number, where: string): number {
  arityIs(parts, arity, where);
  return id(parts[0], where, 'connectionId');
}

function arityIs(parts: Parts, arity: number, where: string): void {
  if (parts.length !== arity) {
    throw malformed(where, `it has ${String(parts.length)} elements, expected ${String(arity)}`);
  }
}

/** Connection, request and channel ids: u64 on the wire, and a number here, so at most 2^53 − 1 (protocol row 9a.12). */
function id(value: unknown, where: string, field: string): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'bigint') throw malformed(where, `${field} is not an integer`);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(where, `${field} is above 2^53 - 1`);
  return Number(value);
}

function u32(value: unknown, where: string, field: string): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'bigint') throw malformed(where, `${field} is not an integer`);
  if (value > BigInt(MAX_U32)) throw malformed(where, `${field} is above 2^32 - 1`);
  return Number(value);
}

function u64(value: unknown, where: string, field: string): bigint {
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'number') throw malformed(where, `${field} is not an integer`);
  return BigInt(value);
}

function text(value: unknown, where: string, field: string): string {
  if (typeof value !== 'string') throw malformed(where, `${field} is not a string`);
  return value;
}

function bytes(value: unknown, where: string, field: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw malformed(where, `${field} is not bytes`);
  return value;
}

function array(value: unknown, where: string, field: string): unknown[] {
  if (!Array.isArray(value)) throw malformed(where, `${field} is not an array`);
  return value;
}

function channels(value: unknown, where: string): number[] {
  const list = array(value, where, 'channels');
  // In place: the array is ours, and nearly always holds the right numbers already.
  for (let index = 0; index < list.length; index++) list[index] = id(list[index], where, `channels[${String(index)}]`);
  return list as number[];
}

function settings(value: unknown, where: string): ConnectionSettings {
  const parts = array(value, where, 'connectionSettings');
  arityIs(parts, 2, `${where}.connectionSettings`);
  return {
    parity: parity(parts[0], where),
    maxConcurrentRequests: u32(parts[1], where, 'maxConcurrentRequests'),
  };
}

function parity(value: unknown, where: string): Parity {
  const number = u32(value, where, 'parity');
  if (number === PARITY.odd) return 'odd';
  if (number === PARITY.even) return 'even';
  throw malformed(where, `unknown parity ${String(number)}`);
}

function metadata(value: unknown, where: string, limits: DecodeLimits): Metadata {
  const list = array(value, where, 'metadata');
  if (list.length === 0) return list as [];
  // The number of entries is within the limit: the scan has counted them.
  let room = limits.metadataBytes;
  for (let index = 0; index < list.length; index++) {
    const at = `metadata[${String(index)}]`;
    const parts = array(list[index], where, at);
    arityIs(parts, 4, `${where}.${at}`);
    const key = text(parts[0], where, `${at}.key`);
    const plain = metadataValue(parts[1], parts[2], where, at);
    const flags = u64(parts[3], where, `${at}.flags`);
    room -= sizeOf(key) + sizeOf(plain);
    if (room < 0) {
      throw malformed(where, `metadata has more than ${String(limits.metadataBytes)} bytes`, 'metadataBytes');
    }
    const entry: MetadataEntry = { key, value: plain, flags };
    list[index] = entry;
  }
  return list as MetadataEntry[];
}

function metadataValue(kind: unknown, value: unknown, where: string, at: string): MetadataValue {
  switch (u32(kind, where, `${at}.kind`)) {
    case KIND.string:
      return text(value, where, `${at}.value`);
    case KIND.bytes:
      return bytes(value, where, `${at}.value`);
    case KIND.u64:
      return u64(value, where, `${at}.value`);
    default:
      throw malformed(where, `${at}.kind is unknown`);
  }
}

export function malformed(where: string, what: string, limit?: keyof DecodeLimits): ProtocolError {
  return new ProtocolError('remote', `malformed ${where}: ${what}`, 'session.message', limit);
}
