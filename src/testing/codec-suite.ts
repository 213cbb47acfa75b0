import { InvalidArgument, ProtocolError } from '../base/errors.js';
import type { Codec, DecodeLimits } from '../codec/codec.js';
import type { ChannelMessage, Message, RequestMessage } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import { type MetadataValue, Sensitive } from '../wire/sensitive.js';
import { alike, equal, isA, ok, type SuiteCase } from './assert.js';
import { malformedOf } from './malformed.js';
import { close } from './phrases.js';

/** Options of {@link testCodec}. */
export interface TestCodecOptions {
  readonly codec: Codec;
  /**
   * The number of frames with random damage to decode.
   *
   * @defaultValue 2000
   */
  readonly frames?: number;
}

const LIMITS: DecodeLimits = { metadataEntries: 1_000, metadataBytes: 2 ** 20 };

/** One message of each kind, and one of each kind of body. */
export const exampleMessages: readonly Message[] = [
  {
    type: 'Hello',
    connectionId: 0,
    version: 7,
    connectionSettings: { parity: 'odd', maxConcurrentRequests: 64 },
    metadata: [
      { key: 'name', value: 'Ada', flags: 0n },
      { key: 'token', value: new Sensitive(Uint8Array.of(1, 2)), flags: 1n },
    ],
  },
  {
    type: 'HelloYourself',
    connectionId: 0,
    connectionSettings: { parity: 'even', maxConcurrentRequests: 200 },
    metadata: [],
  },
  { type: 'ProtocolError', connectionId: 0, description: 'session.parity' },
  {
    type: 'ConnectionOpen',
    connectionId: 1,
    connectionSettings: { parity: 'odd', maxConcurrentRequests: 2 ** 32 - 1 },
    metadata: [{ key: 'n', value: 300n, flags: 2n }],
  },
  {
    type: 'ConnectionAccept',
    connectionId: 1,
    connectionSettings: { parity: 'even', maxConcurrentRequests: 0 },
    metadata: [],
  },
  { type: 'ConnectionReject', connectionId: 65_536, metadata: [{ key: 'why', value: 'full', flags: 0n }] },
  { type: 'ConnectionClose', connectionId: 3, metadata: [] },
  {
    type: 'RequestMessage',
    connectionId: 0,
    id: 1,
    body: {
      type: 'Call',
      methodId: 0x0123_4567_89ab_cdefn,
      channels: [1, 3],
      metadata: [],
      args: Uint8Array.of(0xca, 0xfe),
    },
  },
  {
    type: 'RequestMessage',
    connectionId: 0,
    id: 1,
    body: { type: 'Response', channels: [], metadata: [], ret: Uint8Array.of(42) },
  },
  { type: 'RequestMessage', connectionId: 0, id: 300, body: { type: 'Cancel', metadata: [] } },
  { type: 'ChannelMessage', connectionId: 2, id: 5, body: { type: 'Item', item: new Uint8Array(0) } },
  { type: 'ChannelMessage', connectionId: 2, id: 5, body: { type: 'Close', metadata: [] } },
  { type: 'ChannelMessage', connectionId: 2, id: 2 ** 53 - 1, body: { type: 'Reset', metadata: [] } },
  { type: 'ChannelMessage', connectionId: 2, id: 5, body: { type: 'GrantCredit', additional: 16 } },
  { type: 'Ping', connectionId: 0, nonce: 1n },
  { type: 'Pong', connectionId: 0, nonce: 2n ** 64n - 1n },
];

/** Returns the message as a codec decodes it: the values of SENSITIVE entries are plain. */
export function bare<T>(value: T): T {
  if (value instanceof Sensitive) return value.reveal() as T;
  if (Array.isArray(value)) return value.map(bare) as T;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, bare(inner)])) as T;
}

/** The values at which an encoding may grow by a byte, and the ends of the ranges. */
const EDGES = [0n, 1n, 127n, 128n, 255n, 256n, 16_383n, 16_384n, 65_535n, 65_536n, 2n ** 31n, 2n ** 32n - 1n];
const LONG_EDGES = [...EDGES, 2n ** 32n, 2n ** 53n - 1n];
const LONGEST_EDGES = [...LONG_EDGES, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];
const LENGTHS = [0, 1, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 16_384, 65_535, 65_536];

/**
 * Returns the cases that every codec has to pass: each message there and back in every field, the values that `encode` and
 * `decode` refuse and the errors for them, and damaged frames, which must give a message or a ProtocolError only. The codecs
 * of this library pass the same cases.
 *
 * @example
 * for (const { name, run } of testCodec({ codec: myCodec })) test(name, run);
 */
export function testCodec({ codec, frames = 2_000 }: TestCodecOptions): readonly SuiteCase[] {
  if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') {
    throw new InvalidArgument('codec must have the methods encode and decode');
  }
  const cases: SuiteCase[] = [];
  const add = (name: string, body: () => void): void => {
    cases.push({ name, run: async () => body() });
  };
  const decode = (frame: Uint8Array, limits = LIMITS) => codec.decode(frame, limits);
  const sameAfter = (message: Message): void =>
    equal(decode(codec.encode(message)), bare(message), `${typeOf(message)} there and back`);

  for (const message of exampleMessages) add(`${typeOf(message)} comes back as it was`, () => sameAfter(message));

  add('integers come back over their whole ranges', () => {
    for (const nonce of LONGEST_EDGES) {
      sameAfter({ type: 'Ping', connectionId: 0, nonce });
      sameAfter(request({ type: 'Call', methodId: nonce, channels: [], metadata: [], args: new Uint8Array(1) }));
      sameAfter(close(1, [{ key: 'k', value: nonce, flags: nonce & ~1n }]));
    }
    for (const id of LONG_EDGES.map(Number)) {
      sameAfter({ ...close(id), metadata: [] } as Message);
      sameAfter({ ...request({ type: 'Response', channels: [id, id], metadata: [], ret: new Uint8Array() }), id });
      sameAfter({ ...channel({ type: 'Item', item: new Uint8Array(1) }), id });
    }
    for (const additional of EDGES.map(Number)) {
      sameAfter(channel({ type: 'GrantCredit', additional }));
      const connectionSettings = { parity: 'even', maxConcurrentRequests: additional } as const;
      sameAfter({ type: 'Hello', connectionId: 0, version: additional, connectionSettings, metadata: [] });
    }
  });

  add('texts, bytes and payloads of every length come back', () => {
    for (const length of LENGTHS) {
      const payload = new Uint8Array(length).fill(0xd3);
      sameAfter(channel({ type: 'Item', item: payload }));
      sameAfter(request({ type: 'Response', channels: [], metadata: [], ret: payload }));
      for (const letter of ['a', 'é', '€', '😀', '\uFEFF']) {
        const value = letter.repeat(Math.min(length, 2_000));
        sameAfter(
          close(1, [
            { key: value, value, flags: 0n },
            { key: 'bytes', value: payload, flags: 0n },
          ]),
        );
        sameAfter({ type: 'ProtocolError', connectionId: 0, description: value });
      }
    }
  });

  add('lists of many elements come back, in order', () => {
    for (const length of [0, 1, 15, 16, 127, 128, 300]) {
      const channels = Array.from({ length }, (_, index) => index * 2 ** 33);
      sameAfter(request({ type: 'Response', channels, metadata: [], ret: new Uint8Array(3) }));
      sameAfter(
        close(
          1,
          channels.map((key) => ({ key: String(key % 3), value: '', flags: 0n })),
        ),
      );
    }
  });

  // r[rpc.metadata.flags.sensitive]
  add('the value of a SENSITIVE entry comes as it is, whether it was sent in its box or not', () => {
    for (const value of ['s3cret', 7n, Uint8Array.of(1, 2)] satisfies MetadataValue[]) {
      for (const given of [value, new Sensitive(value)]) sameAfter(close(1, [{ key: 'k', value: given, flags: 5n }]));
    }
  });

  add('a frame is read wherever it lies, and is not changed', () => {
    for (const message of exampleMessages) {
      const frame = codec.encode(message);
      const room = new Uint8Array(frame.length + 20).fill(0xc1);
      room.set(frame, 7);
      const before = room.slice();
      equal(decode(room.subarray(7, 7 + frame.length)), bare(message), typeOf(message));
      equal(room, before, 'the memory around the frame');
    }
  });

  add('a frame stays as it is when others are encoded and decoded afterwards', () => {
    const copies: Uint8Array[] = [];
    const made = exampleMessages.map((message) => {
      const frame = codec.encode(message);
      copies.push(frame.slice());
      return frame;
    });
    for (let round = 0; round < 100; round++) for (const message of exampleMessages) decode(codec.encode(message));
    equal(made, copies, 'each frame');
  });

  add('what is decoded has plain Uint8Arrays, and metadata of its own', () => {
    const payload = (value: Uint8Array) => [{ key: 'k', value, flags: 0n }];
    const frame = codec
      .encode(
        request({ type: 'Response', channels: [], metadata: payload(Uint8Array.of(1, 1)), ret: Uint8Array.of(2) }),
      )
      .slice();
    const message = decode(frame);
    ok(message.type === 'RequestMessage' && message.body.type === 'Response', 'this is no Response');
    const { metadata, ret } = message.body;
    equal(ret.constructor, Uint8Array, 'the constructor of the payload');
    frame.fill(9);
    equal(metadata, payload(Uint8Array.of(1, 1)), 'the metadata, when the frame was overwritten,');
  });

  add('a frame cut short anywhere is refused, or a message with a shorter payload', () => {
    for (const message of exampleMessages) {
      const frame = codec.encode(message);
      for (let length = 0; length < frame.length; length++) {
        const result = judged(codec, frame.slice(0, length));
        ok(result === undefined || 'body' in result, `${length} bytes of ${typeOf(message)} are taken for a message`);
      }
    }
  });

  add('a damaged frame gives a message that comes back as it was, or a ProtocolError', () => {
    const random = randomFrom(0x726f_616d);
    const whole = exampleMessages.map((message) => codec.encode(message).slice());
    for (let count = 0; count < frames; count++) {
      let frame: Uint8Array = (whole[random(whole.length)] as Uint8Array).slice();
      for (let times = 1 + random(3); times > 0; times--) frame = damaged(frame, random);
      const result = judged(codec, frame);
      if (result !== undefined) sameAfter(result);
    }
  });

  add('an error says nothing of what metadata holds', () => {
    const secret = 's3cret-s3cret-s3cret';
    const frame = codec.encode(close(1, [{ key: 'k', value: new Sensitive(secret), flags: 1n }])).slice();
    for (let at = 0; at < frame.length; at++) {
      for (const bits of [1, 0x80, 0xff]) {
        const changed = Uint8Array.from(frame, (byte, index) => (index === at ? byte ^ bits : byte));
        const error = refusalOf(codec, changed);
        ok(error === undefined || !/s3cret/.test(error.message), 'the text of an error has a value of metadata');
      }
    }
  });

  for (const { name, field, bytes } of malformedOf(codec)) {
    add(`${name} is refused, and the field named`, () => {
      const error = refusalOf(codec, bytes);
      ok(error !== undefined, 'it is taken for a message');
      ok(error.message.includes(field), `the error does not name ${field}: ${error.message}`);
    });
  }

  for (const [name, message] of UNREPRESENTABLE) {
    add(`${name} is InvalidArgument, or comes back as it is`, () => {
      let frame: Uint8Array;
      try {
        frame = codec.encode(message as Message);
      } catch (error) {
        isA(error, InvalidArgument);
        return;
      }
      ok(alike(decode(frame), message), 'encode takes it, and another message comes back');
    });
  }

  if (codec.checksMetadata === true) {
    for (const [limit, size, metadata] of LIMITED) {
      add(`decode takes metadata up to ${limit}, and no more`, () => {
        const limits = { ...LIMITS, [limit]: size };
        for (const less of [1, 0]) decode(codec.encode(close(1, metadata(size - less))), limits);
        const error = refusalOf(codec, codec.encode(close(1, metadata(size + 1))), limits);
        equal(error?.limit, limit, 'the limit that the error names');
      });
    }
  }

  return cases;
}

const LIMITED: readonly (readonly [keyof DecodeLimits, number, (size: number) => Metadata])[] = [
  ['metadataEntries', 5, (size) => Array.from({ length: size }, () => ({ key: '', value: '', flags: 0n }))],
  ['metadataBytes', 40, (size) => [{ key: 'k', value: 'v'.repeat(size - 1), flags: 0n }]],
];

/** The values without an exact form in most formats, or in any. */
const UNREPRESENTABLE: readonly (readonly [string, unknown])[] = [
  ...[-1, 0.5, 2 ** 53, Number.NaN].map((id) => [`a connection id of ${id}`, close(id)] as const),
  ...[-1n, 2n ** 64n].map((nonce) => [`a nonce of ${nonce}`, { type: 'Ping', connectionId: 0, nonce }] as const),
  ...[-1, 2 ** 32].map(
    (additional) => [`a credit of ${additional}`, channel({ type: 'GrantCredit', additional })] as const,
  ),
  ['a text with half a character', { type: 'ProtocolError', connectionId: 0, description: 'a\ud800' }],
  ['a value that metadata cannot hold', close(1, [{ key: 'k', value: {} as never, flags: 0n }])],
  ['metadata without flags', close(1, [{ key: 'k', value: 'v' } as never])],
  ['a payload that is no Uint8Array', channel({ type: 'Item', item: 'text' as never })],
  ['a message of no type', { type: 'Greeting', connectionId: 0 }],
];

function request(body: RequestMessage['body']): RequestMessage {
  return { type: 'RequestMessage', connectionId: 2, id: 1, body };
}

function channel(body: ChannelMessage['body']): ChannelMessage {
  return { type: 'ChannelMessage', connectionId: 2, id: 1, body };
}

function typeOf(message: Message): string {
  return 'body' in message ? message.body.type : message.type;
}

/** Returns the message. Undefined if the codec refuses the frame with the right error. */
function judged(codec: Codec, frame: Uint8Array): Message | undefined {
  try {
    return codec.decode(frame, LIMITS);
  } catch (error) {
    isRefusal(error);
    return undefined;
  }
}

function refusalOf(codec: Codec, frame: Uint8Array, limits = LIMITS): ProtocolError | undefined {
  try {
    codec.decode(frame, limits);
    return undefined;
  } catch (error) {
    isRefusal(error);
    return error;
  }
}

function isRefusal(error: unknown): asserts error is ProtocolError {
  isA(error, ProtocolError);
  equal(error.side, 'remote', 'the side of the error');
}

/** Returns a source of whole numbers below a bound. Each run gives the same numbers. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function damaged(frame: Uint8Array, random: (below: number) => number): Uint8Array {
  const at = random(frame.length + 1);
  const length = random(5);
  const [before, after] = [frame.subarray(0, at), frame.subarray(at)];
  switch (random(4)) {
    case 0:
      return Uint8Array.from(frame, (byte, index) => (index === at ? byte ^ (1 << random(8)) : byte));
    case 1:
      return Uint8Array.of(...before, ...after.subarray(length));
    case 2:
      return Uint8Array.of(...before, ...Array.from({ length }, () => random(256)), ...after);
    default:
      return Uint8Array.of(...before, ...after.subarray(0, length), ...after);
  }
}
