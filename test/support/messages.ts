import fc from 'fast-check';
import type { DecodeLimits } from '../../src/codec/codec.js';
import type { ChannelMessage, ConnectionSettings, Message, RequestMessage } from '../../src/wire/message.js';
import { type Metadata, type MetadataEntry, SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';

/** Limits that every message of this file keeps: the library's own defaults. */
export const DEFAULT_LIMITS: DecodeLimits = { metadataEntries: 64, metadataBytes: 16 * 1024 };

/**
 * An equality tester for `expect.addEqualityTesters`: two Sensitive values are equal if what they hide is. Without it
 * `toEqual` takes any two for equal, since it does not see private fields.
 */
export function sensitiveEquality(left: unknown, right: unknown): boolean | undefined {
  const isLeft = left instanceof Sensitive;
  const isRight = right instanceof Sensitive;
  if (!isLeft && !isRight) return undefined;
  return isLeft && isRight && same(left.reveal(), right.reveal());
}

/** One message of each kind, and one of each kind of body. */
export { bare, exampleMessages } from '../../src/testing/codec-suite.js';

/** Returns true if two messages are the same in every field, the values in Sensitive and the bytes of payloads included. */
export function sameMessage(left: Message, right: Message): boolean {
  return same(left, right);
}

function same(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  const sensitive = sensitiveEquality(left, right);
  if (sensitive !== undefined) return sensitive;
  // A Buffer counts as an equal Uint8Array.
  if (left instanceof Uint8Array || right instanceof Uint8Array) {
    return left instanceof Uint8Array && right instanceof Uint8Array && Buffer.compare(left, right) === 0;
  }
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  return keys.every((key) => Object.hasOwn(right, key) && same((left as Fields)[key], (right as Fields)[key]));
}

type Fields = Record<string, unknown>;

// Values at which an encoding grows by a byte or more, and the ends of the ranges.
const BOUNDARIES = [0n, 127n, 128n, 255n, 256n, 65_535n, 65_536n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n];
const BEYOND_NUMBERS = [2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

const id = fc.oneof(fc.nat({ max: 200 }), fc.maxSafeNat(), fc.constantFrom(...BOUNDARIES.map(Number)));
const u32 = fc.oneof(
  fc.nat({ max: 200 }),
  fc.nat({ max: 2 ** 32 - 1 }),
  fc.constantFrom(...BOUNDARIES.map(Number).filter((value) => value < 2 ** 32)),
);
const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 200n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(...BOUNDARIES, ...BEYOND_NUMBERS),
);

// Every code point but surrogates; also long enough for each string format, with a byte order mark in front or not.
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('', '\uFEFF', '\uFEFF\uFEFF'), fc.constantFrom('a', 'é', '€', '😀'), fc.nat({ max: 300 }))
      .map(([mark, letter, length]) => mark + letter.repeat(length)),
  },
);

const payload = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(255, 256, 4096, 65_535, 65_536).map((length) => new Uint8Array(length).fill(7)),
  },
);

const settings: fc.Arbitrary<ConnectionSettings> = fc.record({
  parity: fc.constantFrom('odd', 'even'),
  maxConcurrentRequests: u32,
});

const entry: fc.Arbitrary<MetadataEntry> = fc
  .tuple(text, fc.oneof(text, fc.uint8Array({ maxLength: 60 }), u64), fc.oneof(fc.bigInt({ min: 0n, max: 3n }), u64))
  .map(([key, value, flags]) => ({
    key,
    value: (flags & SENSITIVE) === 0n ? value : new Sensitive(value),
    flags,
  }));

/** Any metadata within {@link DEFAULT_LIMITS}. */
export const arbitraryMetadata: fc.Arbitrary<Metadata> = fc.array(entry, { maxLength: 4 });

const channels = fc.array(id, { maxLength: 20 });

const requestBody: fc.Arbitrary<RequestMessage['body']> = fc.oneof(
  fc.record({
    type: fc.constant('Call' as const),
    methodId: u64,
    channels,
    metadata: arbitraryMetadata,
    args: payload,
  }),
  fc.record({ type: fc.constant('Response' as const), channels, metadata: arbitraryMetadata, ret: payload }),
  fc.record({ type: fc.constant('Cancel' as const), metadata: arbitraryMetadata }),
);

const channelBody: fc.Arbitrary<ChannelMessage['body']> = fc.oneof(
  fc.record({ type: fc.constant('Item' as const), item: payload }),
  fc.record({ type: fc.constantFrom('Close' as const, 'Reset' as const), metadata: arbitraryMetadata }),
  fc.record({ type: fc.constant('GrantCredit' as const), additional: u32 }),
);

const settingsType = fc.constantFrom('HelloYourself' as const, 'ConnectionOpen' as const, 'ConnectionAccept' as const);
const metadataType = fc.constantFrom('ConnectionReject' as const, 'ConnectionClose' as const);

/** Any message that has an encoding, each field over its whole range; metadata within {@link DEFAULT_LIMITS}. */
export const arbitraryMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    type: fc.constant('Hello' as const),
    connectionId: id,
    version: u32,
    connectionSettings: settings,
    metadata: arbitraryMetadata,
  }),
  fc.record({ type: settingsType, connectionId: id, connectionSettings: settings, metadata: arbitraryMetadata }),
  fc.record({ type: fc.constant('ProtocolError' as const), connectionId: id, description: text }),
  fc.record({ type: metadataType, connectionId: id, metadata: arbitraryMetadata }),
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('RequestMessage' as const), connectionId: id, id, body: requestBody }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('ChannelMessage' as const), connectionId: id, id, body: channelBody }),
  },
  fc.record({ type: fc.constantFrom('Ping' as const, 'Pong' as const), connectionId: id, nonce: u64 }),
);
