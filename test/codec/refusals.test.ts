import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import type { Codec } from '../../src/codec/codec.js';
import type { Message } from '../../src/wire/message.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { CODECS } from '../support/codecs.js';
import { DEFAULT_LIMITS, exampleMessages } from '../support/messages.js';

type Fields = Record<string, unknown>;

/** The example of this name, with one field, named by its path, replaced. */
function spoiled(name: string, path: string, value: unknown): unknown {
  const example = exampleMessages.find((message) => ('body' in message ? message.body.type : message.type) === name);
  const replace = (from: unknown, [key, ...rest]: string[]): unknown => {
    if (key === undefined) return value;
    const inner = replace((from as Fields)[key], rest);
    return Array.isArray(from) ? Object.assign([...from], { [key]: inner }) : { ...(from as Fields), [key]: inner };
  };
  return replace(example, path.split('.'));
}

function refusalBy(codec: Codec, message: unknown): string | undefined {
  try {
    codec.encode(message as Message);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidArgument)) throw error;
    return error.message;
  }
}

const ID = 'must be an integer from 0 to 2^53 - 1';
const U32 = 'must be an integer from 0 to 2^32 - 1';
const U64 = 'must be a bigint from 0 to 2^64 - 1';
const TEXT = 'must be a string';
const LONE = "has a lone surrogate, which UTF-8 can't represent";
const BYTES = 'must be a Uint8Array';
const ARRAY = 'must be an array';
const OBJECT = 'must be an object';

const NOT_IDS = [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 1n, '1', null, undefined, [1], true];
const NOT_U32S = [-1, 0.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY, 1n, '1', null, undefined];
const NOT_U64S = [-1n, 2n ** 64n, 1, '1', null, undefined];
const NOT_TEXT = [1, null, undefined, new Uint8Array(1), ['a'], new Sensitive('a')];
const LONE_SURROGATES = ['\ud800', 'a\udc00', '\ud800a', '\udc00\ud800', `${'a'.repeat(99)}\udbff`];
const NOT_BYTES: unknown[] = [
  'a',
  null,
  undefined,
  [1],
  new ArrayBuffer(1),
  new DataView(new ArrayBuffer(1)),
  new Uint16Array(1),
];
NOT_BYTES.push(new Uint8ClampedArray(1), Object.create(Uint8Array.prototype), { length: 1, 0: 1 }, new Sensitive('a'));
const NOT_ARRAYS = [null, undefined, {}, 'a', new Uint8Array(1), new Set()];
const NOT_OBJECTS = [null, undefined, 1, 'a'];
const NOT_VALUES = [1, null, undefined, true, [1], {}, new Date(0), new Uint16Array(1), new Map(), Symbol('a')];

// The example, the field's path, its wrong values, and the text of the refusal.
const TABLE: [string, string, unknown[], string][] = [
  ['Hello', 'connectionId', NOT_IDS, `Hello.connectionId ${ID}`],
  ['Hello', 'version', NOT_U32S, `Hello.version ${U32}`],
  ['Hello', 'connectionSettings', NOT_OBJECTS, `Hello.connectionSettings ${OBJECT}`],
  [
    'Hello',
    'connectionSettings.parity',
    [0, 'Odd', '', null, undefined, 'toString'],
    "Hello.connectionSettings.parity must be 'odd' or 'even'",
  ],
  [
    'Hello',
    'connectionSettings.maxConcurrentRequests',
    NOT_U32S,
    `Hello.connectionSettings.maxConcurrentRequests ${U32}`,
  ],
  ['Hello', 'metadata', NOT_ARRAYS, `Hello.metadata ${ARRAY}`],
  ['Hello', 'metadata.1', NOT_OBJECTS, `Hello.metadata[1] ${OBJECT}`],
  ['Hello', 'metadata.0.key', NOT_TEXT, `Hello.metadata[0].key ${TEXT}`],
  ['Hello', 'metadata.0.key', LONE_SURROGATES, `Hello.metadata[0].key ${LONE}`],
  ['Hello', 'metadata.1.key', LONE_SURROGATES, `Hello.metadata[1].key ${LONE}`],
  ['Hello', 'metadata.0.flags', NOT_U64S, `Hello.metadata[0].flags ${U64}`],
  ['Hello', 'metadata.1.flags', NOT_U64S, `Hello.metadata[1].flags ${U64}`],
  ['Hello', 'metadata.1.flags', [0n, 2n], 'Hello.metadata[1].value is Sensitive, but its flags do not say SENSITIVE'],
  ['Hello', 'metadata.0.value', NOT_VALUES, 'Hello.metadata[0].value must be a string, a Uint8Array or a bigint'],
  ['Hello', 'metadata.0.value', LONE_SURROGATES, `Hello.metadata[0].value ${LONE}`],
  ['Hello', 'metadata.0.value', [-1n, 2n ** 64n], `Hello.metadata[0].value ${U64}`],
  [
    'Hello',
    'metadata.1.value',
    [-1n, 2n ** 64n].map((value) => new Sensitive(value)),
    `Hello.metadata[1].value ${U64}`,
  ],
  [
    'Hello',
    'metadata.1.value',
    LONE_SURROGATES.map((value) => new Sensitive(value)),
    `Hello.metadata[1].value ${LONE}`,
  ],
  ['HelloYourself', 'connectionSettings', NOT_OBJECTS, `HelloYourself.connectionSettings ${OBJECT}`],
  ['HelloYourself', 'metadata', NOT_ARRAYS, `HelloYourself.metadata ${ARRAY}`],
  ['ProtocolError', 'connectionId', NOT_IDS, `ProtocolError.connectionId ${ID}`],
  ['ProtocolError', 'description', NOT_TEXT, `ProtocolError.description ${TEXT}`],
  ['ProtocolError', 'description', LONE_SURROGATES, `ProtocolError.description ${LONE}`],
  ['ConnectionOpen', 'connectionId', NOT_IDS, `ConnectionOpen.connectionId ${ID}`],
  ['ConnectionAccept', 'connectionSettings', NOT_OBJECTS, `ConnectionAccept.connectionSettings ${OBJECT}`],
  ['ConnectionReject', 'metadata', NOT_ARRAYS, `ConnectionReject.metadata ${ARRAY}`],
  ['ConnectionClose', 'connectionId', NOT_IDS, `ConnectionClose.connectionId ${ID}`],
  ['Call', 'connectionId', NOT_IDS, `RequestMessage.connectionId ${ID}`],
  ['Call', 'id', NOT_IDS, `RequestMessage.id ${ID}`],
  ['Call', 'body', NOT_OBJECTS, `RequestMessage.body ${OBJECT}`],
  ['Call', 'body.type', ['Item', 'call', null, undefined, 0], 'RequestMessage.body.type is unknown'],
  ['Call', 'body.methodId', NOT_U64S, `Call.methodId ${U64}`],
  ['Call', 'body.channels', NOT_ARRAYS, `Call.channels ${ARRAY}`],
  ['Call', 'body.channels.1', NOT_IDS, `Call.channels[1] ${ID}`],
  ['Call', 'body.channels', [new Array(2)], `Call.channels[0] ${ID}`],
  ['Call', 'body.metadata', NOT_ARRAYS, `Call.metadata ${ARRAY}`],
  ['Call', 'body.args', NOT_BYTES, `Call.args ${BYTES}`],
  ['Response', 'body.channels', NOT_ARRAYS, `Response.channels ${ARRAY}`],
  ['Response', 'body.metadata', NOT_ARRAYS, `Response.metadata ${ARRAY}`],
  ['Response', 'body.ret', NOT_BYTES, `Response.ret ${BYTES}`],
  ['Cancel', 'body.metadata', NOT_ARRAYS, `Cancel.metadata ${ARRAY}`],
  ['Item', 'connectionId', NOT_IDS, `ChannelMessage.connectionId ${ID}`],
  ['Item', 'id', NOT_IDS, `ChannelMessage.id ${ID}`],
  ['Item', 'body', NOT_OBJECTS, `ChannelMessage.body ${OBJECT}`],
  ['Item', 'body.type', ['Call', 'item', null, undefined, 0], 'ChannelMessage.body.type is unknown'],
  ['Item', 'body.item', NOT_BYTES, `Item.item ${BYTES}`],
  ['Close', 'body.metadata', NOT_ARRAYS, `Close.metadata ${ARRAY}`],
  ['Reset', 'body.metadata', NOT_ARRAYS, `Reset.metadata ${ARRAY}`],
  ['GrantCredit', 'body.additional', NOT_U32S, `GrantCredit.additional ${U32}`],
  ['Ping', 'nonce', NOT_U64S, `Ping.nonce ${U64}`],
  ['Pong', 'nonce', NOT_U64S, `Pong.nonce ${U64}`],
  ['Ping', 'type', ['ping', 'Call', null, undefined, 9, 'toString'], 'message.type is unknown'],
];

describe.each(CODECS)('encode of %s refuses what the wire cannot represent exactly, and names it', (_, codec) => {
  const refusal = (message: unknown) => refusalBy(codec, message);

  it.each(TABLE)('in %s: %s', (name, path, values, expected) => {
    for (const value of values) expect([value, refusal(spoiled(name, path, value))]).toEqual([value, expected]);
  });

  it.each(NOT_OBJECTS.map((value) => [value]))('where the message is %p', (value) => {
    expect(refusal(value)).toBe('the message is not an object');
  });

  it.each([
    ['Call', 'body.args', 'Call.args is longer than 2^32 - 1 bytes'],
    ['Item', 'body.item', 'Item.item is longer than 2^32 - 1 bytes'],
    ['Hello', 'metadata.0.value', 'Hello.metadata[0].value is longer than 2^32 - 1 bytes'],
  ])('in %s: %s, where that has more bytes than the wire can count', (name, path, expected) => {
    // The array takes no memory, since no page of it is written.
    expect(refusal(spoiled(name, path, new Uint8Array(2 ** 32)))).toBe(expected);
  });

  it('in an engine, too, whose strings cannot say whether they are well formed', () => {
    const description = (value: string) => refusal(spoiled('ProtocolError', 'description', value));
    const native = Object.getOwnPropertyDescriptor(String.prototype, 'isWellFormed');
    Reflect.deleteProperty(String.prototype, 'isWellFormed');
    try {
      const refused = LONE_SURROGATES.map(() => `ProtocolError.description ${LONE}`);
      expect(LONE_SURROGATES.map(description)).toEqual(refused);
      expect(['', 'a', '😀'].map(description)).toEqual([undefined, undefined, undefined]);
    } finally {
      if (native !== undefined) Object.defineProperty(String.prototype, 'isWellFormed', native);
    }
  });

  it('and then encodes the next message as ever', () => {
    const ping: Message = { type: 'Ping', connectionId: 0, nonce: 1n };
    const before = codec.encode(ping);
    expect(refusal(spoiled('Hello', 'metadata.1.value', new Sensitive(-1n)))).toBe(`Hello.metadata[1].value ${U64}`);
    expect(codec.encode(ping)).toEqual(before);
  });

  // r[rpc.metadata.flags.sensitive]
  it('and says nothing of what the metadata holds', () => {
    for (const value of ['s3cret\ud800', new Sensitive('s3cret\ud800')]) {
      expect(refusal(spoiled('Hello', 'metadata.1.value', value))).not.toContain('s3cret');
    }
    expect(refusal(spoiled('Hello', 'metadata.1.key', 's3cret\ud800'))).not.toContain('s3cret');
  });
});

describe.each(CODECS)('encode of %s takes', (_, codec) => {
  it('Buffers, and Uint8Arrays of another realm, for Uint8Arrays', () => {
    const foreign = runInNewContext('Uint8Array.of(1, 2, 3)') as Uint8Array;
    expect(foreign).not.toBeInstanceOf(Uint8Array);
    for (const bytes of [foreign, Buffer.of(1, 2, 3)]) {
      const message = (value: Uint8Array): Message => ({
        type: 'RequestMessage',
        connectionId: 0,
        id: 1,
        body: { type: 'Response', channels: [], metadata: [{ key: 'k', value, flags: 0n }], ret: value },
      });
      expect(codec.decode(codec.encode(message(bytes)), DEFAULT_LIMITS)).toEqual(message(Uint8Array.of(1, 2, 3)));
    }
  });

  it('frozen messages', () => {
    const ping: Message = Object.freeze({ type: 'Ping', connectionId: 0, nonce: 1n });
    expect(codec.decode(codec.encode(ping), DEFAULT_LIMITS)).toEqual(ping);
  });
});
