import { bytesLength } from '../../base/bytes.js';
import { allocate, allocateAround, copy } from '../../base/frame-memory.js';
import type { Call, ChannelMessage, DataMessage, Message, RequestMessage, Response } from '../../wire/message.js';
import { CHANNEL_BODY, MAX_U32, MAX_U64, REQUEST_BODY, TAG } from './layout.js';

// Nearly all traffic consists of Calls and Responses without channels and metadata, Items, and GrantCredits, with ids up to
// 2^32 − 1. These are written and read directly, at a third of the cost. All other messages, and wrong ones, return
// `undefined` here and go through msgpackr. It gives the same result, and names the mistake in a wrong message.

/** The header of an array of up to 15 elements, and so an empty list. */
const ARRAY = 0x90;

/** The bytes before the payload: at most two headers, tags, lists, and three integers. */
const head = new Uint8Array(32);
let used = 0;

/** Converts a method's id between a bigint and its bytes. */
const long = new DataView(new ArrayBuffer(8));

/**
 * The frame of `message`, if it is one of these. Its fields may be getters, which may throw or write messages themselves. So
 * each field is read once, in the writer's order. No field is read after a wrong one, and none once `head` is begun.
 */
export function writeDirectly(message: Message): Uint8Array | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { type } = message;
  if (type !== 'RequestMessage' && type !== 'ChannelMessage') return undefined;
  const { connectionId } = message;
  if (!isU32(connectionId)) return undefined;
  const { id } = message as DataMessage;
  if (!isU32(id)) return undefined;
  const { body } = message as DataMessage;
  if (typeof body !== 'object' || body === null) return undefined;
  return type === 'RequestMessage'
    ? writeRequest(connectionId, id, body as RequestMessage['body'])
    : writeChannel(connectionId, id, body as ChannelMessage['body']);
}

function writeRequest(connectionId: number, id: number, body: RequestMessage['body']): Uint8Array | undefined {
  switch (body.type) {
    case 'Call': {
      const { methodId } = body;
      if (!isMethodId(methodId) || !isEmpty(body.channels) || !isEmpty(body.metadata)) return undefined;
      const { args } = body;
      const length = bytesLength(args);
      if (length === undefined || length > MAX_U32) return undefined;
      begin(8, connectionId, TAG.RequestMessage, id, REQUEST_BODY.Call);
      putMethodId(methodId);
      putEmptyLists();
      return frameWith(args, length);
    }
    case 'Response': {
      if (!isEmpty(body.channels) || !isEmpty(body.metadata)) return undefined;
      const { ret } = body;
      const length = bytesLength(ret);
      if (length === undefined || length > MAX_U32) return undefined;
      begin(7, connectionId, TAG.RequestMessage, id, REQUEST_BODY.Response);
      putEmptyLists();
      return frameWith(ret, length);
    }
    default:
      return undefined;
  }
}

function writeChannel(connectionId: number, id: number, body: ChannelMessage['body']): Uint8Array | undefined {
  switch (body.type) {
    case 'Item': {
      const { item } = body;
      const length = bytesLength(item);
      if (length === undefined || length > MAX_U32) return undefined;
      begin(5, connectionId, TAG.ChannelMessage, id, CHANNEL_BODY.Item);
      return frameWith(item, length);
    }
    case 'GrantCredit': {
      const { additional } = body;
      if (!isU32(additional)) return undefined;
      begin(5, connectionId, TAG.ChannelMessage, id, CHANNEL_BODY.GrantCredit);
      put(additional);
      return putHead(allocate(used));
    }
    default:
      return undefined;
  }
}

function isU32(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_U32;
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function isMethodId(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= MAX_U64;
}

function begin(elements: number, connectionId: number, tag: number, id: number, body: number): void {
  head[0] = ARRAY | elements;
  used = 1;
  put(connectionId);
  head[used++] = tag;
  put(id);
  head[used++] = body;
}

/** Writes an integer in its shortest form, as msgpackr does. */
function put(value: number): void {
  if (value < 0x80) {
    head[used++] = value;
  } else if (value < 0x100) {
    head[used++] = 0xcc;
    head[used++] = value;
  } else if (value < 0x1_0000) {
    head[used++] = 0xcd;
    head[used++] = value >>> 8;
    head[used++] = value;
  } else {
    head[used++] = 0xce;
    head[used++] = value >>> 24;
    head[used++] = value >>> 16;
    head[used++] = value >>> 8;
    head[used++] = value;
  }
}

function putMethodId(value: bigint): void {
  if (value <= MAX_U32) {
    put(Number(value));
    return;
  }
  long.setBigUint64(0, value);
  head[used++] = 0xcf;
  for (let at = 0; at < 8; at++) head[used++] = long.getUint8(at);
}

function putEmptyLists(): void {
  head[used++] = ARRAY;
  head[used++] = ARRAY;
}

/** The frame that ends with the `length` bytes of `payload`. */
function frameWith(payload: Uint8Array, length: number): Uint8Array {
  if (length < 0x100) {
    head[used++] = 0xc4;
    head[used++] = length;
  } else if (length < 0x1_0000) {
    head[used++] = 0xc5;
    head[used++] = length >>> 8;
    head[used++] = length;
  } else {
    head[used++] = 0xc6;
    head[used++] = length >>> 24;
    head[used++] = length >>> 16;
    head[used++] = length >>> 8;
    head[used++] = length;
  }
  const around = allocateAround(payload, used);
  if (around !== undefined) return putHead(around);
  const frame = putHead(allocate(used + length));
  copy(payload, 0, frame, used, length);
  return frame;
}

/** Writes the bytes of `head` to the beginning of a frame. */
function putHead(frame: Uint8Array): Uint8Array {
  for (let index = 0; index < used; index++) frame[index] = head[index] as number;
  return frame;
}

/** The index of the next value of the frame. */
let at = 0;

/** Returned where there is no unsigned integer of up to 32 bits. */
const NONE = -1;

/** The message in `bytes`, if it is one of these. */
export function readDirectly(bytes: Uint8Array): DataMessage | undefined {
  at = 1;
  const connectionId = take(bytes);
  const tag = take(bytes);
  const id = take(bytes);
  const body = take(bytes);
  if (connectionId === NONE || id === NONE) return undefined;
  switch (bytes[0]) {
    case ARRAY | 8: {
      if (tag !== TAG.RequestMessage || body !== REQUEST_BODY.Call) return undefined;
      const methodId = takeMethodId(bytes);
      if (methodId === undefined || !takeEmptyLists(bytes)) return undefined;
      const args = takePayload(bytes);
      if (args === undefined) return undefined;
      const call: Call = { type: 'Call', methodId, channels: [], metadata: [], args };
      return { type: 'RequestMessage', connectionId, id, body: call };
    }
    case ARRAY | 7: {
      if (tag !== TAG.RequestMessage || body !== REQUEST_BODY.Response || !takeEmptyLists(bytes)) return undefined;
      const ret = takePayload(bytes);
      if (ret === undefined) return undefined;
      const response: Response = { type: 'Response', channels: [], metadata: [], ret };
      return { type: 'RequestMessage', connectionId, id, body: response };
    }
    case ARRAY | 5: {
      if (tag !== TAG.ChannelMessage) return undefined;
      if (body === CHANNEL_BODY.Item) {
        const item = takePayload(bytes);
        return item && { type: 'ChannelMessage', connectionId, id, body: { type: 'Item', item } };
      }
      if (body !== CHANNEL_BODY.GrantCredit) return undefined;
      const additional = take(bytes);
      if (additional === NONE || at !== bytes.length) return undefined;
      return { type: 'ChannelMessage', connectionId, id, body: { type: 'GrantCredit', additional } };
    }
    default:
      return undefined;
  }
}

/** Reads an integer of up to 32 bits, in an unsigned format. Later checks refuse an integer that reaches past the end. */
function take(bytes: Uint8Array): number {
  const format = bytes[at++] ?? 0xc0;
  if (format < 0x80) return format;
  let length = 0;
  if (format === 0xcc) length = 1;
  else if (format === 0xcd) length = 2;
  else if (format === 0xce) length = 4;
  else return NONE;
  let value = 0;
  for (const end = at + length; at < end; at++) value = value * 0x100 + (bytes[at] ?? 0);
  return value;
}

function takeMethodId(bytes: Uint8Array): bigint | undefined {
  if (bytes[at] !== 0xcf) {
    const value = take(bytes);
    return value === NONE ? undefined : BigInt(value);
  }
  at++;
  for (let index = 0; index < 8; index++) long.setUint8(index, bytes[at++] ?? 0);
  return long.getBigUint64(0);
}

function takeEmptyLists(bytes: Uint8Array): boolean {
  return bytes[at++] === ARRAY && bytes[at++] === ARRAY;
}

/** The payload bytes, if they reach exactly to the end of the frame. */
function takePayload(bytes: Uint8Array): Uint8Array | undefined {
  const format = bytes[at++];
  let length = 0;
  let width = 0;
  if (format === 0xc4) width = 1;
  else if (format === 0xc5) width = 2;
  else if (format === 0xc6) width = 4;
  else return undefined;
  for (const end = at + width; at < end; at++) length = length * 0x100 + (bytes[at] ?? 0);
  if (at + length !== bytes.length) return undefined;
  // A plain Uint8Array, also if a link gives Node's Buffer: the slice and toString of a Buffer differ.
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, length);
}
