import { bytesLength, lengthOf } from '../../base/bytes.js';
import { allocate, allocateAround, copy } from '../../base/frame-memory.js';
import type { Call, ChannelMessage, DataMessage, Message, RequestMessage, Response } from '../../wire/message.js';
import { sizeOf } from '../../wire/metadata.js';
import { CHANNEL_BODY, MAX_U32, MAX_U64, REQUEST_BODY, TAG } from '../msgpack/layout.js';
import { type Part, partsOf } from '../msgpack/writer.js';
import { writeText } from '../text.js';

// A frame is written in two steps: first its exact length, then its bytes into memory of that length. The fields of a
// message may be getters, which may throw or encode messages themselves. So each field is read once, and nothing is written
// before the last field has been read.
//
// Nearly all traffic is Calls and Responses without channels and metadata, Items and GrantCredits. They are written directly
// from the message, without an intermediate object. All other messages, and everything that may be wrong, go through
// `partsOf`, which checks each field and names the field that it refuses.

/**
 * The frame of `message`.
 *
 * @throws InvalidArgument for a field that the wire can't represent exactly.
 */
// r[session.message]
export function writeMessage(message: Message): Uint8Array {
  return writeUsual(message) ?? writeParts(partsOf(message));
}

/** The index of the next byte of the frame. */
let at = 0;

/** Converts a bigint into two halves of 32 bits. */
const long = new DataView(new ArrayBuffer(8));

function writeUsual(message: Message): Uint8Array | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { type } = message;
  if (type !== 'RequestMessage' && type !== 'ChannelMessage') return undefined;
  const { connectionId } = message;
  if (!isId(connectionId)) return undefined;
  const { id } = message as DataMessage;
  if (!isId(id)) return undefined;
  const { body } = message as DataMessage;
  if (typeof body !== 'object' || body === null) return undefined;
  return type === 'RequestMessage'
    ? writeRequest(connectionId, id, body as RequestMessage['body'])
    : writeChannel(connectionId, id, body as ChannelMessage['body']);
}

function writeRequest(connectionId: number, id: number, body: RequestMessage['body']): Uint8Array | undefined {
  const { type } = body;
  if (type === 'Call') {
    const { methodId } = body as Call;
    if (typeof methodId !== 'bigint' || methodId < 0n || methodId > MAX_U64) return undefined;
    if (!isEmpty(body.channels) || !isEmpty(body.metadata)) return undefined;
    const { args } = body as Call;
    const length = bytesLength(args);
    if (length === undefined || length > MAX_U32) return undefined;
    long.setBigUint64(0, methodId);
    const high = long.getUint32(0);
    const low = long.getUint32(4);
    const frame = begin(
      connectionId,
      TAG.RequestMessage,
      id,
      REQUEST_BODY.Call,
      longLength(low, high) + 2,
      args,
      length,
    );
    putLong(frame, low, high);
    return endWith(frame, args, length);
  }
  if (type === 'Response') {
    if (!isEmpty(body.channels) || !isEmpty(body.metadata)) return undefined;
    const { ret } = body as Response;
    const length = bytesLength(ret);
    if (length === undefined || length > MAX_U32) return undefined;
    const frame = begin(connectionId, TAG.RequestMessage, id, REQUEST_BODY.Response, 2, ret, length);
    return endWith(frame, ret, length);
  }
  return undefined;
}

function writeChannel(connectionId: number, id: number, body: ChannelMessage['body']): Uint8Array | undefined {
  const { type } = body;
  if (type === 'Item') {
    const { item } = body;
    const length = bytesLength(item);
    if (length === undefined || length > MAX_U32) return undefined;
    const frame = begin(connectionId, TAG.ChannelMessage, id, CHANNEL_BODY.Item, 0, item, length);
    putPayload(frame, item, length);
    return frame;
  }
  if (type === 'GrantCredit') {
    const { additional } = body;
    if (!isId(additional) || additional > MAX_U32) return undefined;
    const frame = begin(connectionId, TAG.ChannelMessage, id, CHANNEL_BODY.GrantCredit, varintLength(additional));
    put(frame, additional);
    return frame;
  }
  return undefined;
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** A frame that begins with these four fields, and has room for `more` bytes and the `length` bytes of the payload. */
function begin(
  connectionId: number,
  tag: number,
  id: number,
  body: number,
  more: number,
  payload?: Uint8Array,
  length = 0,
): Uint8Array {
  const head = varintLength(connectionId) + varintLength(id) + 2 + more;
  const around = payload === undefined ? undefined : allocateAround(payload, head);
  const frame = around ?? allocate(head + length);
  at = 0;
  put(frame, connectionId);
  frame[at++] = tag;
  put(frame, id);
  frame[at++] = body;
  return frame;
}

/** Ends `frame` with two empty lists and the payload. */
function endWith(frame: Uint8Array, payload: Uint8Array, length: number): Uint8Array {
  frame[at++] = 0;
  frame[at++] = 0;
  putPayload(frame, payload, length);
  return frame;
}

/** Copies the payload, unless the frame was made around it and it is in its place already. */
function putPayload(frame: Uint8Array, payload: Uint8Array, length: number): void {
  if (payload.buffer === frame.buffer && payload.byteOffset === frame.byteOffset + at) return;
  copy(payload, 0, frame, at, length);
}

/** The number of bytes of the varint of a safe integer. */
function varintLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let length = 3;
  for (let rest = value / 0x20_0000; rest >= 1; rest /= 0x80) length++;
  return length;
}

function put(frame: Uint8Array, value: number): void {
  let rest = value;
  while (rest > 0x7fff_ffff) {
    frame[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    frame[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  frame[at++] = rest;
}

/** The number of bytes of the varint of 64 bits in two halves. */
function longLength(low: number, high: number): number {
  if (high === 0) return varintLength(low);
  // 35 bits fill five bytes, and 63 fill nine.
  return high < 0x20_0000 ? varintLength(high * 2 ** 32 + low) : high < 0x0100_0000 ? 8 : high < 0x8000_0000 ? 9 : 10;
}

function putLong(frame: Uint8Array, low: number, high: number): void {
  let lower = low;
  let upper = high;
  while (upper !== 0) {
    frame[at++] = (lower & 0x7f) | 0x80;
    lower = ((lower >>> 7) | (upper << 25)) >>> 0;
    upper >>>= 7;
  }
  put(frame, lower);
}

/** The frame of the parts that `partsOf` returned. */
function writeParts(parts: readonly Part[]): Uint8Array {
  const settings = settingsIndex(parts[1]);
  let length = 0;
  for (let index = 0; index < parts.length; index++) length += topLength(parts[index] as Part, index === settings);
  const frame = allocate(length);
  at = 0;
  for (let index = 0; index < parts.length; index++) putTop(frame, parts[index] as Part, index === settings);
  return frame;
}

/** The index of the settings in a message with this tag. They are a struct; all other arrays are lists. */
function settingsIndex(tag: Part | undefined): number | undefined {
  if (tag === TAG.Hello) return 3;
  return tag === TAG.HelloYourself || tag === TAG.ConnectionOpen || tag === TAG.ConnectionAccept ? 2 : undefined;
}

/** The length of a top-level part of a message. Bytes are the payload there, which has no length before it. */
function topLength(part: Part, isStruct: boolean): number {
  if (typeof part !== 'object') return partLength(part);
  if (!Array.isArray(part)) return lengthOf(part);
  return isStruct ? partLength(part) : varintLength(part.length) + partLength(part);
}

/** The length of a part. An array is counted without its element count, as structs are. */
function partLength(part: Part): number {
  if (typeof part === 'number') return varintLength(part);
  if (typeof part === 'bigint') {
    long.setBigUint64(0, part);
    return longLength(long.getUint32(4), long.getUint32(0));
  }
  if (!Array.isArray(part)) {
    const length = sizeOf(part);
    return varintLength(length) + length;
  }
  let length = 0;
  for (const inner of part) length += partLength(inner);
  return length;
}

function putTop(frame: Uint8Array, part: Part, isStruct: boolean): void {
  if (typeof part !== 'object') putPart(frame, part);
  else if (!Array.isArray(part)) copy(part, 0, frame, at, lengthOf(part));
  else {
    if (!isStruct) put(frame, part.length);
    putPart(frame, part);
  }
}

function putPart(frame: Uint8Array, part: Part): void {
  if (typeof part === 'number') put(frame, part);
  else if (typeof part === 'bigint') {
    long.setBigUint64(0, part);
    putLong(frame, long.getUint32(4), long.getUint32(0));
  } else if (typeof part === 'string') {
    const length = sizeOf(part);
    put(frame, length);
    writeText(part, length, frame, at);
    at += length;
  } else if (Array.isArray(part)) for (const inner of part) putPart(frame, inner);
  else {
    put(frame, part.length);
    frame.set(part, at);
    at += part.length;
  }
}
