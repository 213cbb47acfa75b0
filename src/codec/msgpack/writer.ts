import { isBytes, isWellFormed, lengthOf } from '../../base/bytes.js';
import { InvalidArgument } from '../../base/errors.js';
import type { ChannelMessage, ConnectionSettings, Message, RequestMessage } from '../../wire/message.js';
import { type Metadata, type MetadataEntry, SENSITIVE } from '../../wire/metadata.js';
import { Sensitive } from '../../wire/sensitive.js';
import { CHANNEL_BODY, KIND, MAX_U32, MAX_U64, PARITY, REQUEST_BODY, TAG } from './layout.js';

// Turns a message into the array for MessagePack. Every field is checked first: a wrong value would silently become
// something else on the wire, such as a float, nil or a map. JavaScript callers have no types that protect them, so fields
// are checked at run time. Errors name the field and never its value, which may be SENSITIVE.

/** A value that msgpackr encodes. */
export type Part = number | bigint | string | Uint8Array | Part[];

/**
 * `message` as an array, in the order of the wire. The last element of Call, Response and Item is their payload, the
 * caller's own Uint8Array. No other element is a Uint8Array.
 *
 * @throws InvalidArgument for a field that the wire can't represent exactly.
 */
// r[session.message]
export function partsOf(message: Message): Part[] {
  const given: unknown = message;
  if (typeof given !== 'object' || given === null) throw new InvalidArgument('the message is not an object');
  const { type } = message;
  switch (type) {
    case 'RequestMessage':
      return requestParts(message);
    case 'ChannelMessage':
      return channelParts(message);
    case 'Ping':
    case 'Pong':
      return [connectionId(message), TAG[type], u64(message.nonce, `${type}.nonce`)];
    case 'Hello':
      return [
        connectionId(message),
        TAG.Hello,
        u32(message.version, 'Hello.version'),
        settings(message.connectionSettings, 'Hello'),
        metadata(message.metadata, 'Hello'),
      ];
    case 'HelloYourself':
    case 'ConnectionOpen':
    case 'ConnectionAccept':
      return [
        connectionId(message),
        TAG[type],
        settings(message.connectionSettings, type),
        metadata(message.metadata, type),
      ];
    case 'ConnectionReject':
    case 'ConnectionClose':
      return [connectionId(message), TAG[type], metadata(message.metadata, type)];
    case 'ProtocolError':
      return [connectionId(message), TAG.ProtocolError, text(message.description, 'ProtocolError.description')];
    default:
      throw unknown(type, 'message.type');
  }
}

function requestParts(message: RequestMessage): Part[] {
  const connection = connectionId(message);
  const request = id(message.id, 'RequestMessage.id');
  const body = object(message.body, 'RequestMessage.body');
  switch (body.type) {
    case 'Call':
      return [
        connection,
        TAG.RequestMessage,
        request,
        REQUEST_BODY.Call,
        u64(body.methodId, 'Call.methodId'),
        channels(body.channels, 'Call'),
        metadata(body.metadata, 'Call'),
        bytes(body.args, 'Call.args'),
      ];
    case 'Response':
      return [
        connection,
        TAG.RequestMessage,
        request,
        REQUEST_BODY.Response,
        channels(body.channels, 'Response'),
        metadata(body.metadata, 'Response'),
        bytes(body.ret, 'Response.ret'),
      ];
    case 'Cancel':
      return [connection, TAG.RequestMessage, request, REQUEST_BODY.Cancel, metadata(body.metadata, 'Cancel')];
    default:
      throw unknown(body, 'RequestMessage.body.type');
  }
}

function channelParts(message: ChannelMessage): Part[] {
  const connection = connectionId(message);
  const channel = id(message.id, 'ChannelMessage.id');
  const body = object(message.body, 'ChannelMessage.body');
  switch (body.type) {
    case 'Item':
      return [connection, TAG.ChannelMessage, channel, CHANNEL_BODY.Item, bytes(body.item, 'Item.item')];
    case 'Close':
    case 'Reset':
      return [connection, TAG.ChannelMessage, channel, CHANNEL_BODY[body.type], metadata(body.metadata, body.type)];
    case 'GrantCredit':
      return [
        connection,
        TAG.ChannelMessage,
        channel,
        CHANNEL_BODY.GrantCredit,
        u32(body.additional, 'GrantCredit.additional'),
      ];
    default:
      throw unknown(body, 'ChannelMessage.body.type');
  }
}

function connectionId(message: Message): Part {
  const value: unknown = message.connectionId;
  // The name is built only for an error: this is a hot path.
  return isId(value) ? integer(value) : id(value, `${message.type}.connectionId`);
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function id(value: unknown, name: string): Part {
  if (!isId(value)) throw new InvalidArgument(`${name} must be an integer from 0 to 2^53 - 1`);
  return integer(value);
}

/** msgpackr writes a number above 32 bits as a float, and a bigint as an integer. */
function integer(value: number): Part {
  return value <= MAX_U32 ? value : BigInt(value);
}

function u32(value: unknown, name: string): Part {
  if (!isId(value) || value > MAX_U32) throw new InvalidArgument(`${name} must be an integer from 0 to 2^32 - 1`);
  return value;
}

/** msgpackr spends nine bytes on any bigint, so a small one is passed as a number. */
function u64(value: unknown, name: string): Part {
  if (typeof value !== 'bigint' || value < 0n || value > MAX_U64) {
    throw new InvalidArgument(`${name} must be a bigint from 0 to 2^64 - 1`);
  }
  return value <= MAX_U32 ? Number(value) : value;
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw new InvalidArgument(`${name} must be a string`);
  if (!isWellFormed(value)) throw new InvalidArgument(`${name} has a lone surrogate, which UTF-8 can't represent`);
  return value;
}

function bytes(value: unknown, name: string): Uint8Array {
  if (!isBytes(value)) throw new InvalidArgument(`${name} must be a Uint8Array`);
  if (lengthOf(value) > MAX_U32) throw new InvalidArgument(`${name} is longer than 2^32 - 1 bytes`);
  return value;
}

function object<T>(value: T, name: string): T & object {
  if (typeof value !== 'object' || value === null) throw new InvalidArgument(`${name} must be an object`);
  return value;
}

function list<T>(value: readonly T[], name: string): readonly T[] {
  if (!Array.isArray(value)) throw new InvalidArgument(`${name} must be an array`);
  return value;
}

function channels(value: readonly number[], where: string): Part[] {
  const parts: Part[] = [];
  const { length } = list(value, `${where}.channels`);
  for (let index = 0; index < length; index++) parts.push(id(value[index], `${where}.channels[${String(index)}]`));
  return parts;
}

function settings(value: ConnectionSettings, where: string): Part[] {
  const { parity, maxConcurrentRequests } = object(value, `${where}.connectionSettings`);
  const given: unknown = parity;
  if (given !== 'odd' && given !== 'even') {
    throw new InvalidArgument(`${where}.connectionSettings.parity must be 'odd' or 'even'`);
  }
  return [PARITY[given], u32(maxConcurrentRequests, `${where}.connectionSettings.maxConcurrentRequests`)];
}

function metadata(value: Metadata, where: string): Part[] {
  const parts: Part[] = [];
  const { length } = list(value, `${where}.metadata`);
  for (let index = 0; index < length; index++) {
    parts.push(entryParts(value[index] as MetadataEntry, `${where}.metadata[${String(index)}]`));
  }
  return parts;
}

// r[rpc.metadata.flags.sensitive]
function entryParts(entry: MetadataEntry, name: string): Part[] {
  const { key, value, flags } = object(entry, name);
  const flagsPart = u64(flags, `${name}.flags`);
  if (!(value instanceof Sensitive)) return valueParts(text(key, `${name}.key`), value, flagsPart, name);
  // Without the bit the peer would treat a secret as an ordinary value, and log it.
  if ((flags & SENSITIVE) === 0n) {
    throw new InvalidArgument(`${name}.value is Sensitive, but its flags do not say SENSITIVE`);
  }
  return valueParts(text(key, `${name}.key`), value.reveal(), flagsPart, name);
}

function valueParts(key: string, value: unknown, flags: Part, name: string): Part[] {
  if (typeof value === 'string') return [key, KIND.string, text(value, `${name}.value`), flags];
  if (typeof value === 'bigint') return [key, KIND.u64, u64(value, `${name}.value`), flags];
  if (!isBytes(value)) throw new InvalidArgument(`${name}.value must be a string, a Uint8Array or a bigint`);
  // A copy: msgpackr would write a Uint8Array of another realm as a map, and would trust the properties of a subclass.
  return [key, KIND.bytes, new Uint8Array(bytes(value, `${name}.value`)), flags];
}

/** The type `never` shows that all cases are handled. A JavaScript caller may still pass another value. */
function unknown(_rest: never, name: string): InvalidArgument {
  return new InvalidArgument(`${name} is unknown`);
}
