import { describe, expect, it } from '@jest/globals';
import { ProtocolError } from '../../src/base/errors.js';
import type { Codec } from '../../src/codec/codec.js';
import { decodeFrame } from '../../src/codec/metadata.js';
import type { Message } from '../../src/wire/message.js';
import { type Metadata, SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { ALL_CODECS } from '../support/codecs.js';
import { DEFAULT_LIMITS, exampleMessages, sensitiveEquality } from '../support/messages.js';

expect.addEqualityTesters([sensitiveEquality]);

const LIMITS = { metadataEntries: 3, metadataBytes: 20 };

function outcome(codec: Codec, message: Message): string {
  try {
    return decodeFrame(codec, codec.encode(message), LIMITS).type;
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.side !== 'remote') throw error;
    // MessagePack counts the entries before it knows the message.
    return `${String(error.limit)}: ${error.message.replace(/^malformed \w+: /, '')}`;
  }
}

const close = (metadata: Metadata): Message => ({ type: 'ConnectionClose', connectionId: 1, metadata });
const entries = (count: number): Metadata => Array.from({ length: count }, () => ({ key: '', value: '', flags: 0n }));

/** Each with so many bytes, and others beside it. */
const SIZED: readonly (readonly [string, (size: number) => Metadata])[] = [
  ['a key', (size) => [{ key: 'k'.repeat(size), value: '', flags: 0n }]],
  ['a key of more bytes than letters', (size) => [{ key: `€${'k'.repeat(size - 3)}`, value: '', flags: 0n }]],
  ['a string', (size) => [{ key: 'k', value: 'v'.repeat(size - 1), flags: 0n }]],
  ['bytes', (size) => [{ key: 'k', value: new Uint8Array(size - 1), flags: 0n }]],
  ['an integer', (size) => [{ key: 'k'.repeat(size - 8), value: 0n, flags: 0n }]],
  ['a SENSITIVE string', (size) => [{ key: '', value: 'v'.repeat(size), flags: SENSITIVE }]],
  ['two entries', (size) => [...entries(1), { key: 'k'.repeat(5), value: 'v'.repeat(size - 5), flags: 0n }]],
];

describe.each(ALL_CODECS)('metadata in a frame of %s', (_, codec) => {
  it('has as many entries as the limit says, and no more', () => {
    expect([2, 3, 4].map((count) => outcome(codec, close(entries(count))))).toEqual([
      'ConnectionClose',
      'ConnectionClose',
      'metadataEntries: metadata has more than 3 entries',
    ]);
  });

  it.each(SIZED)('has as many bytes as the limit says, and no more: %s', (_what, metadata) => {
    expect([19, 20, 21].map((size) => outcome(codec, close(metadata(size))))).toEqual([
      'ConnectionClose',
      'ConnectionClose',
      'metadataBytes: metadata has more than 20 bytes',
    ]);
  });

  it('is held against the limits in every message that has some', () => {
    for (const message of exampleMessages) {
      const where = 'body' in message ? message.body : message;
      if (!('metadata' in where)) continue;
      const over =
        'body' in message
          ? { ...message, body: { ...message.body, metadata: entries(4) } }
          : { ...message, metadata: entries(4) };
      const text = 'metadataEntries: metadata has more than 3 entries';
      expect(outcome(codec, over as Message)).toBe(text);
    }
  });

  // r[rpc.metadata.flags.sensitive]
  it('has its SENSITIVE values in boxes, and no others, in every message that has some', () => {
    const plain = [
      { key: 'a', value: 's3cret', flags: SENSITIVE },
      { key: 'b', value: 'no secret', flags: 2n },
      { key: 'c', value: 7n, flags: SENSITIVE | 4n },
      { key: 'd', value: Uint8Array.of(1), flags: SENSITIVE },
    ] as const;
    const boxed = [
      { ...plain[0], value: new Sensitive('s3cret') },
      plain[1],
      { ...plain[2], value: new Sensitive(7n) },
      { ...plain[3], value: new Sensitive(Uint8Array.of(1)) },
    ];
    let seen = 0;
    for (const message of exampleMessages) {
      const where = 'body' in message ? message.body : message;
      if (!('metadata' in where)) continue;
      seen++;
      const withMetadata = (metadata: Metadata) =>
        ('body' in message ? { ...message, body: { ...message.body, metadata } } : { ...message, metadata }) as Message;
      const frame = codec.encode(withMetadata(plain));
      expect(decodeFrame(codec, frame, DEFAULT_LIMITS)).toEqual(withMetadata(boxed));
    }
    expect(seen).toBe(11);
  });

  it('is left as it is in what the codec gave', () => {
    const frozen = Object.freeze(close(Object.freeze([Object.freeze({ key: 'k', value: 'v', flags: SENSITIVE })])));
    const constant: Codec = { ...codec, decode: () => frozen };
    expect(decodeFrame(constant, new Uint8Array(), DEFAULT_LIMITS)).toEqual(
      close([{ key: 'k', value: new Sensitive('v'), flags: SENSITIVE }]),
    );
    expect(frozen).toStrictEqual(close([{ key: 'k', value: 'v', flags: SENSITIVE }]));
  });
});

describe('metadata that is none, from a codec that does not check it,', () => {
  it.each([
    [{}],
    [[{ key: 1, value: '', flags: 0n }]],
    [[{ key: '', value: '', flags: 0 }]],
    [[{ key: '', value: 1, flags: 0n }]],
    [[{ key: '', value: { secret: 's3cret' }, flags: 1n }]],
  ])('is refused: %p', (metadata) => {
    const codec: Codec = { name: 'lax', encode: () => new Uint8Array(), decode: () => close(metadata as never) };
    expect(() => decodeFrame(codec, new Uint8Array(), DEFAULT_LIMITS)).toThrow(/^(it|metadata) /);
  });
});
