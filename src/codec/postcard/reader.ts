import type { Parity } from '../../wire/id.js';
import type { ChannelMessage, ConnectionSettings, Message, RequestMessage } from '../../wire/message.js';
import type { Metadata, MetadataEntry } from '../../wire/metadata.js';
import type { MetadataValue } from '../../wire/sensitive.js';
import type { DecodeLimits } from '../codec.js';
import { CHANNEL_BODY, KIND, MAX_U32, PARITY, REQUEST_BODY, TAG } from '../msgpack/layout.js';
import { malformed } from '../msgpack/reader.js';

// One pass from the first byte to the last. A count or a length is compared with the bytes that are left, and with the
// limit, before memory is allocated for it. Errors name the message and the field, and never the value, which may be
// SENSITIVE.

/** The most elements that official peers accept in one list. */
const MOST_ELEMENTS = 2 ** 24;

/** Shorter ASCII strings are faster to read byte by byte than with a TextDecoder. */
const SHORT = 24;

/** Strict; a leading U+FEFF is part of the string. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Converts two halves of 32 bits into a bigint. */
const long = new DataView(new ArrayBuffer(8));

/** The index of the next field. */
let at = 0;

/**
 * Returns the message in `bytes`.
 *
 * @throws ProtocolError (side `'remote'`) for bytes that are not exactly one message within the limits.
 */
// r[session.message]
export function readMessage(bytes: Uint8Array, limits: DecodeLimits): Message {
  at = 0;
  const connectionId = takeId(bytes, 'message', 'connectionId');
  const tag = takeU32(bytes, 'message', 'tag');
  switch (tag) {
    case TAG.RequestMessage:
      return takeRequest(bytes, limits, connectionId);
    case TAG.ChannelMessage:
      return takeChannelMessage(bytes, limits, connectionId);
    case TAG.Ping:
      return atEnd(bytes, { type: 'Ping', connectionId, nonce: takeU64(bytes, 'Ping', 'nonce') });
    case TAG.Pong:
      return atEnd(bytes, { type: 'Pong', connectionId, nonce: takeU64(bytes, 'Pong', 'nonce') });
    case TAG.Hello:
      return atEnd(bytes, {
        type: 'Hello',
        connectionId,
        version: takeU32(bytes, 'Hello', 'version'),
        connectionSettings: takeSettings(bytes, 'Hello'),
        metadata: takeMetadata(bytes, 'Hello', limits),
      });
    case TAG.HelloYourself:
      return takeSettingsMessage('HelloYourself', bytes, limits, connectionId);
    case TAG.ConnectionOpen:
      return takeSettingsMessage('ConnectionOpen', bytes, limits, connectionId);
    case TAG.ConnectionAccept:
      return takeSettingsMessage('ConnectionAccept', bytes, limits, connectionId);
    case TAG.ConnectionReject:
      return takeMetadataMessage('ConnectionReject', bytes, limits, connectionId);
    case TAG.ConnectionClose:
      return takeMetadataMessage('ConnectionClose', bytes, limits, connectionId);
    case TAG.ProtocolError:
      return atEnd(bytes, {
        type: 'ProtocolError',
        connectionId,
        description: takeText(bytes, 'ProtocolError', 'description'),
      });
    default:
      throw malformed('message', `unknown tag ${String(tag)}`);
  }
}

function takeSettingsMessage<T extends 'HelloYourself' | 'ConnectionOpen' | 'ConnectionAccept'>(
  type: T,
  bytes: Uint8Array,
  limits: DecodeLimits,
  connectionId: number,
) {
  const connectionSettings = takeSettings(bytes, type);
  return atEnd(bytes, { type, connectionId, connectionSettings, metadata: takeMetadata(bytes, type, limits) });
}

function takeMetadataMessage<T extends 'ConnectionReject' | 'ConnectionClose'>(
  type: T,
  bytes: Uint8Array,
  limits: DecodeLimits,
  connectionId: number,
) {
  return atEnd(bytes, { type, connectionId, metadata: takeMetadata(bytes, type, limits) });
}

function takeRequest(bytes: Uint8Array, limits: DecodeLimits, connectionId: number): RequestMessage {
  const id = takeId(bytes, 'RequestMessage', 'id');
  const tag = takeU32(bytes, 'RequestMessage', 'body tag');
  switch (tag) {
    case REQUEST_BODY.Call: {
      const methodId = takeU64(bytes, 'Call', 'methodId');
      const channels = takeChannels(bytes, 'Call');
      const metadata = takeMetadata(bytes, 'Call', limits);
      const body = { type: 'Call', methodId, channels, metadata, args: rest(bytes) } as const;
      return { type: 'RequestMessage', connectionId, id, body };
    }
    case REQUEST_BODY.Response: {
      const channels = takeChannels(bytes, 'Response');
      const metadata = takeMetadata(bytes, 'Response', limits);
      const body = { type: 'Response', channels, metadata, ret: rest(bytes) } as const;
      return { type: 'RequestMessage', connectionId, id, body };
    }
    case REQUEST_BODY.Cancel: {
      const body = { type: 'Cancel', metadata: takeMetadata(bytes, 'Cancel', limits) } as const;
      return atEnd(bytes, { type: 'RequestMessage', connectionId, id, body });
    }
    default:
      throw malformed('RequestMessage', `unknown body tag ${String(tag)}`);
  }
}

function takeChannelMessage(bytes: Uint8Array, limits: DecodeLimits, connectionId: number): ChannelMessage {
  const id = takeId(bytes, 'ChannelMessage', 'id');
  const tag = takeU32(bytes, 'ChannelMessage', 'body tag');
  switch (tag) {
    case CHANNEL_BODY.Item:
      return { type: 'ChannelMessage', connectionId, id, body: { type: 'Item', item: rest(bytes) } };
    case CHANNEL_BODY.Close: {
      const body = { type: 'Close', metadata: takeMetadata(bytes, 'Close', limits) } as const;
      return atEnd(bytes, { type: 'ChannelMessage', connectionId, id, body });
    }
    case CHANNEL_BODY.Reset: {
      const body = { type: 'Reset', metadata: takeMetadata(bytes, 'Reset', limits) } as const;
      return atEnd(bytes, { type: 'ChannelMessage', connectionId, id, body });
    }
    case CHANNEL_BODY.GrantCredit: {
      const body = { type: 'GrantCredit', additional: takeU32(bytes, 'GrantCredit', 'additional') } as const;
      return atEnd(bytes, { type: 'ChannelMessage', connectionId, id, body });
    }
    default:
      throw malformed('ChannelMessage', `unknown body tag ${String(tag)}`);
  }
}

/** `message`, if the frame ends with it. */
function atEnd<T extends Message>(bytes: Uint8Array, message: T): T {
  if (at !== bytes.length) {
    const { type } = 'body' in message ? message.body : message;
    throw malformed(type, 'bytes after the end of the message');
  }
  return message;
}

/** All bytes that are left, as a plain Uint8Array, also of Node's Buffer: the slice and toString of a Buffer differ. */
function rest(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
}

/** A u64 that is a number here, so at most 2^53 − 1 (protocol row 9a.12): the id of a connection, request or channel. */
function takeId(bytes: Uint8Array, where: string, field: string): number {
  const byte = bytes[at];
  if (byte !== undefined && byte < 0x80) {
    at++;
    return byte;
  }
  const value = takeVarint(bytes, 10, where, field);
  if (value > Number.MAX_SAFE_INTEGER) throw malformed(where, `${field} is above 2^53 - 1`);
  return value;
}

function takeU32(bytes: Uint8Array, where: string, field: string): number {
  const byte = bytes[at];
  if (byte !== undefined && byte < 0x80) {
    at++;
    return byte;
  }
  const value = takeVarint(bytes, 5, where, field);
  if (value > MAX_U32) throw malformed(where, `${field} is above 2^32 - 1`);
  return value;
}

/** A varint of at most `most` bytes. A value above 2^53 is rounded, but the result is never below 2^53. */
function takeVarint(bytes: Uint8Array, most: number, where: string, field: string): number {
  const low = takeGroups(bytes, where, field);
  if (low >= 0) return low;
  let value = low & 0x0fff_ffff;
  let unit = 2 ** 28;
  for (let left = most - 4; left > 0; left--) {
    const byte = takeByte(bytes, where, field);
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) return value;
    unit *= 0x80;
  }
  throw malformed(where, `${field} has more than ${String(most)} bytes`);
}

function takeU64(bytes: Uint8Array, where: string, field: string): bigint {
  const low = takeGroups(bytes, where, field);
  if (low >= 0) return BigInt(low);
  const middle = takeGroups(bytes, where, field);
  let high = 0;
  if (middle < 0) {
    const ninth = takeByte(bytes, where, field);
    high = ninth & 0x7f;
    if (ninth >= 0x80) {
      const tenth = takeByte(bytes, where, field);
      if (tenth >= 0x80) throw malformed(where, `${field} has more than 10 bytes`);
      if (tenth > 1) throw malformed(where, `${field} is above 2^64 - 1`);
      high |= tenth << 7;
    }
  }
  long.setUint32(4, (low & 0x0fff_ffff) | (middle << 28));
  long.setUint32(0, ((middle & 0x0fff_ffff) >>> 4) | (high << 24));
  return long.getBigUint64(0);
}

/** The next 28 bits of a varint, in up to four bytes; negative if more bytes follow. */
function takeGroups(bytes: Uint8Array, where: string, field: string): number {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = takeByte(bytes, where, field);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return value | 0x8000_0000;
}

function takeByte(bytes: Uint8Array, where: string, field: string): number {
  const byte = bytes[at++];
  if (byte === undefined) throw malformed(where, `it ends within ${field}`);
  return byte;
}

/** The number of bytes or elements that follow. Refuses a number greater than the bytes left. */
function takeCount(bytes: Uint8Array, where: string, field: string): number {
  const byte = bytes[at];
  let count = 0;
  if (byte !== undefined && byte < 0x80) {
    at++;
    count = byte;
  } else {
    const start = at;
    count = takeVarint(bytes, 10, where, field);
    if (at === start + 10 && (bytes[at - 1] ?? 0) > 1) throw malformed(where, `${field} has a length above 2^64 - 1`);
  }
  if (count > bytes.length - at) throw malformed(where, `it ends within ${field}`);
  return count;
}

function takeText(bytes: Uint8Array, where: string, field: string): string {
  return textOf(bytes, takeCount(bytes, where, field), where, field);
}

/** The string in the next `length` bytes, which exist. */
function textOf(bytes: Uint8Array, length: number, where: string, field: string): string {
  const start = at;
  at += length;
  let text = '';
  if (length <= SHORT) {
    let next = start;
    for (; next < at; next++) {
      const byte = bytes[next] ?? 0;
      if (byte >= 0x80) break;
      text += String.fromCharCode(byte);
    }
    if (next === at) return text;
  }
  const decoded = decodedText(bytes.subarray(start, at));
  if (decoded === undefined) throw malformed(where, `${field} is not UTF-8`);
  return decoded;
}

function decodedText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** A copy of the next `length` bytes, which exist. */
function bytesOf(bytes: Uint8Array, length: number): Uint8Array {
  const start = at;
  at += length;
  return new Uint8Array(bytes.subarray(start, at));
}

function takeChannels(bytes: Uint8Array, where: string): number[] {
  const count = takeCount(bytes, where, 'channels');
  const channels: number[] = [];
  if (count === 0) return channels;
  if (count > MOST_ELEMENTS) throw malformed(where, `channels has more than ${String(MOST_ELEMENTS)} elements`);
  for (let index = 0; index < count; index++) channels.push(takeId(bytes, where, 'channels'));
  return channels;
}

function takeSettings(bytes: Uint8Array, where: string): ConnectionSettings {
  return { parity: takeParity(bytes, where), maxConcurrentRequests: takeU32(bytes, where, 'maxConcurrentRequests') };
}

function takeParity(bytes: Uint8Array, where: string): Parity {
  const number = takeU32(bytes, where, 'parity');
  if (number === PARITY.odd) return 'odd';
  if (number === PARITY.even) return 'even';
  throw malformed(where, `unknown parity ${String(number)}`);
}

function takeMetadata(bytes: Uint8Array, where: string, limits: DecodeLimits): Metadata {
  const count = takeCount(bytes, where, 'metadata');
  const entries: MetadataEntry[] = [];
  if (count === 0) return entries;
  const { metadataEntries, metadataBytes } = limits;
  if (count > metadataEntries) {
    throw malformed(where, `metadata has more than ${String(metadataEntries)} entries`, 'metadataEntries');
  }
  let used = 0;
  for (let index = 0; index < count; index++) {
    const name = `metadata[${String(index)}]`;
    const keyLength = takeCount(bytes, where, `${name}.key`);
    used = within(metadataBytes, used + keyLength, where);
    const key = textOf(bytes, keyLength, where, `${name}.key`);
    const kind = takeU32(bytes, where, `${name}.kind`);
    if (kind > KIND.u64) throw malformed(where, `${name}.kind is unknown`);
    const length = kind === KIND.u64 ? 8 : takeCount(bytes, where, `${name}.value`);
    used = within(metadataBytes, used + length, where);
    const plain = takeValue(bytes, kind, length, where, `${name}.value`);
    const flags = takeU64(bytes, where, `${name}.flags`);
    entries.push({ key, value: plain, flags });
  }
  return entries;
}

/** Returns `used` if so many bytes of metadata are within the limit. */
function within(limit: number, used: number, where: string): number {
  if (used > limit) throw malformed(where, `metadata has more than ${String(limit)} bytes`, 'metadataBytes');
  return used;
}

function takeValue(bytes: Uint8Array, kind: number, length: number, where: string, field: string): MetadataValue {
  if (kind === KIND.u64) return takeU64(bytes, where, field);
  return kind === KIND.bytes ? bytesOf(bytes, length) : textOf(bytes, length, where, field);
}
