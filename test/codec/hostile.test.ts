import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ProtocolError } from '../../src/base/errors.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import type { Message } from '../../src/wire/message.js';
import { SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { arbitraryMessage, DEFAULT_LIMITS, exampleMessages, sameMessage } from '../support/messages.js';

/** The message, or the ProtocolError; any other error is the test's failure. */
function decoded(bytes: Uint8Array): Message | ProtocolError {
  try {
    return messagePack.decode(bytes, DEFAULT_LIMITS);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    expect([error.side, error.rule, error.cause]).toEqual(['remote', 'session.message', undefined]);
    return error;
  }
}

/**
 * Checks the law of this file: bytes decode to a message, which encodes and decodes to itself, or to a ProtocolError.
 * Returns true for a message.
 */
function isLawful(bytes: Uint8Array): boolean {
  const before = bytes.slice();
  const result = decoded(bytes);
  expect(Buffer.compare(bytes, before)).toBe(0);
  if (result instanceof ProtocolError) return false;
  expect(sameMessage(messagePack.decode(messagePack.encode(result), DEFAULT_LIMITS), result)).toBe(true);
  return true;
}

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

function textOf(hex: string): string {
  const result = decoded(bytesOf(hex));
  return result instanceof ProtocolError ? result.message : result.type;
}

describe('any bytes are a message or a ProtocolError', () => {
  it('for arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void isLawful(bytes)),
      { numRuns: 3000 },
    );
  });

  it('for arbitrary elements in a message of any tag', () => {
    // One-byte elements, the headers of longer ones, and complete small ones: random bytes seldom contain these.
    const pieces = ['00', '01', '02', '7f', '90', '91', '92', '94', 'a0', 'a161', 'c400', 'c40107', 'cc80', 'd3', 'cf'];
    const piece = fc.constantFrom(
      ...pieces,
      'cf0020000000000000',
      'cf001fffffffffffff',
      'ceffffffff',
      '9494',
      'c0',
      'cb',
    );
    fc.assert(
      fc.property(fc.nat({ max: 12 }), fc.array(piece, { maxLength: 20 }), fc.nat({ max: 9 }), (tag, list, arity) => {
        isLawful(bytesOf(`9${arity.toString()}00${tag.toString(16).padStart(2, '0')}${list.join('')}`));
      }),
      { numRuns: 3000 },
    );
  });

  it('for every single byte changed in every example, to every value', () => {
    for (const message of exampleMessages) {
      const bytes = messagePack.encode(message).slice();
      for (let at = 0; at < bytes.length; at++) {
        const original = bytes[at] ?? 0;
        for (let value = 0; value < 256; value++) {
          bytes[at] = value;
          const result = decoded(bytes);
          if (!(result instanceof ProtocolError)) messagePack.encode(result);
        }
        bytes[at] = original;
      }
    }
  });

  it('for valid messages with bits flipped, bytes cut out, inserted, repeated, or spliced with others', () => {
    const mutation = fc.record({
      kind: fc.constantFrom('flip', 'cut', 'insert', 'repeat', 'splice'),
      at: fc.nat(),
      length: fc.nat({ max: 12 }),
      bytes: fc.uint8Array({ maxLength: 6 }),
      bit: fc.nat({ max: 7 }),
    });
    let messages = 0;
    fc.assert(
      fc.property(
        arbitraryMessage,
        arbitraryMessage,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (one, two, list) => {
          let bytes: Uint8Array = messagePack.encode(one).slice(0, 4000);
          const other = messagePack.encode(two).slice(0, 4000);
          for (const { kind, at: anywhere, length, bytes: extra, bit } of list) {
            const at = anywhere % (bytes.length + 1);
            const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
            if (kind === 'flip')
              bytes = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ (1 << bit) : byte));
            else if (kind === 'cut') bytes = joined(before, after.subarray(length));
            else if (kind === 'insert') bytes = joined(before, extra, after);
            else if (kind === 'repeat') bytes = joined(before, after.subarray(0, length), after);
            else bytes = joined(before, other.subarray(anywhere % (other.length + 1)));
          }
          if (isLawful(bytes)) messages++;
        },
      ),
      { numRuns: 4000 },
    );
    // Some mutations are harmless. Otherwise the second half of the law would go untested.
    expect(messages).toBeGreaterThan(100);
  });

  it('for every beginning of every example: none of them is a message', () => {
    for (const message of exampleMessages) {
      const bytes = messagePack.encode(message);
      for (let length = 0; length < bytes.length; length++) {
        expect(isLawful(bytes.subarray(0, length))).toBe(false);
        // Bytes behind the frame in the same buffer must not count, either.
        expect(isLawful(Buffer.from(bytes).subarray(0, length))).toBe(false);
      }
      expect(isLawful(joined(bytes, Uint8Array.of(0)))).toBe(false);
    }
  });
});

describe('hostile bytes are refused at a cost in proportion to their number', () => {
  const nested = (header: string, depth: number): string => header.repeat(depth);

  it.each([
    ['2.5 KB that claim gigabytes', nested('dc0ccc', 800)],
    ['arrays that each claim all the rest', nested('dd00000400', 512)],
    ['an array of 2^32 - 1', 'ddffffffff'],
    ['metadata of 2^32 - 1 entries', '93 01 06 ddffffffff'],
    ['a string of 4 GiB', '93 00 02 dbffffffff'],
    ['bytes of 4 GiB', '95 00 08 01 00 c6ffffffff'],
    ['depth 5 000', nested('91', 5000)],
    ['depth 5 000 in metadata', `93 01 06 ${nested('91', 5000)}`],
    ['a million empty lists', `93 01 06 dd000f4240 ${'90'.repeat(1_000_000)}`],
    ['a timestamp', '93 00 09 d6ff00000000'],
    ['a Set', '93 00 09 d4730090'],
    ['a RegExp', '93 00 09 d4780092a161a0'],
    ['an error', '93 00 09 d4650093a161a161c0'],
    ['a record', '93 00 09 d47240 91a161 01'],
    ['bundled strings', '93 00 02 d662 00000004 c101 a0 a161'],
    ['a big integer', '93 00 09 c70142ff'],
    ['0xc1', '93 00 09 c1'],
    ['a map', '93 00 09 80'],
    ['a map with __proto__', '93 00 09 81 a9 5f5f70726f746f5f5f 80'],
  ])('%s', (_, hex) => {
    const bytes = bytesOf(hex);
    const started = performance.now();
    expect(decoded(bytes)).toBeInstanceOf(ProtocolError);
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('a refusal names the message and the field', () => {
  it.each([
    ['90', 'malformed message: it has no connectionId and tag'],
    ['91 00', 'malformed message: it has no connectionId and tag'],
    ['92 00 0b', 'malformed message: unknown tag 11'],
    ['92 00 a0', 'malformed message: tag is not an integer'],
    ['92 00 cf0000000100000000', 'malformed message: tag is above 2^32 - 1'],
    ['92 00 09', 'malformed Ping: it has 2 elements, expected 3'],
    ['94 00 09 01 01', 'malformed Ping: it has 4 elements, expected 3'],
    ['93 a0 09 01', 'malformed Ping: connectionId is not an integer'],
    ['93 cf0020000000000000 09 01', 'malformed Ping: connectionId is above 2^53 - 1'],
    ['93 cfffffffffffffffff 0a 01', 'malformed Pong: connectionId is above 2^53 - 1'],
    ['93 00 0a c400', 'malformed Pong: nonce is not an integer'],
    ['93 00 02 00', 'malformed ProtocolError: description is not a string'],
    ['93 00 02 c400', 'malformed ProtocolError: description is not a string'],
    ['95 00 00 cf0000000100000000 920040 90', 'malformed Hello: version is above 2^32 - 1'],
    ['95 00 00 07 00 90', 'malformed Hello: connectionSettings is not an array'],
    ['95 00 00 07 91 00 90', 'malformed Hello.connectionSettings: it has 1 elements, expected 2'],
    ['95 00 00 07 92 02 40 90', 'malformed Hello: unknown parity 2'],
    ['95 00 00 07 92 a0 40 90', 'malformed Hello: parity is not an integer'],
    ['94 00 01 92 00 cf0000000100000000 90', 'malformed HelloYourself: maxConcurrentRequests is above 2^32 - 1'],
    ['94 01 03 92 00 40 00', 'malformed ConnectionOpen: metadata is not an array'],
    ['93 01 04 90', 'malformed ConnectionAccept: it has 3 elements, expected 4'],
    ['93 01 05 91 00', 'malformed ConnectionReject: metadata[0] is not an array'],
    ['93 01 06 92 94a000a000 93a000a0', 'malformed ConnectionClose.metadata[1]: it has 3 elements, expected 4'],
    ['93 01 06 91 94 00 00 a0 00', 'malformed ConnectionClose: metadata[0].key is not a string'],
    ['93 01 06 91 94 a0 03 a0 00', 'malformed ConnectionClose: metadata[0].kind is unknown'],
    ['93 01 06 91 94 a0 a0 a0 00', 'malformed ConnectionClose: metadata[0].kind is not an integer'],
    ['93 01 06 91 94 a0 00 00 00', 'malformed ConnectionClose: metadata[0].value is not a string'],
    ['93 01 06 91 94 a0 01 a0 00', 'malformed ConnectionClose: metadata[0].value is not bytes'],
    ['93 01 06 91 94 a0 02 a0 00', 'malformed ConnectionClose: metadata[0].value is not an integer'],
    ['93 01 06 91 94 a0 00 a0 a0', 'malformed ConnectionClose: metadata[0].flags is not an integer'],
    ['93 00 07 01', 'malformed RequestMessage: body tag is not an integer'],
    ['94 00 07 01 03', 'malformed RequestMessage: unknown body tag 3'],
    ['98 00 07 01 00 a0 90 90 c400', 'malformed Call: methodId is not an integer'],
    ['98 00 07 01 00 01 00 90 c400', 'malformed Call: channels is not an array'],
    ['98 00 07 01 00 01 9201a0 90 c400', 'malformed Call: channels[1] is not an integer'],
    ['98 00 07 01 00 01 91cf0020000000000000 90 c400', 'malformed Call: channels[0] is above 2^53 - 1'],
    ['98 00 07 01 00 01 90 90 a0', 'malformed Call: args is not bytes'],
    ['97 00 07 cf0020000000000000 01 90 90 c400', 'malformed Response: id is above 2^53 - 1'],
    ['97 00 07 01 01 90 90 90', 'malformed Response: ret is not bytes'],
    ['94 00 07 01 02', 'malformed Cancel: it has 4 elements, expected 5'],
    ['94 00 08 01 04', 'malformed ChannelMessage: unknown body tag 4'],
    ['95 00 08 a0 00 c400', 'malformed Item: id is not an integer'],
    ['95 00 08 01 00 00', 'malformed Item: item is not bytes'],
    ['95 00 08 01 01 c400', 'malformed Close: metadata is not an array'],
    ['96 00 08 01 02 90 90', 'malformed Reset: it has 6 elements, expected 5'],
    ['95 00 08 01 03 cf0000000100000000', 'malformed GrantCredit: additional is above 2^32 - 1'],
  ])('%s', (hex, text) => {
    expect(textOf(hex)).toBe(text);
  });

  it.each([
    ['95 00 08 cf001fffffffffffff 01 90', 'ChannelMessage'],
    ['93 00 09 cfffffffffffffffff', 'Ping'],
    ['98 00 07 01 00 cfffffffffffffffff 90 90 c400', 'RequestMessage'],
    ['95 00 08 01 03 ceffffffff', 'ChannelMessage'],
    ['95 00 08 01 03 cf00000000ffffffff', 'ChannelMessage'],
  ])('and what is at the limit is none: %s', (hex, type) => {
    expect(textOf(hex)).toBe(type);
  });

  // r[rpc.metadata.flags.sensitive]
  it('and says nothing of what the metadata holds', () => {
    const secret = 's3cret';
    const message: Message = {
      type: 'ConnectionClose',
      connectionId: 1,
      metadata: [
        { key: secret, value: new Sensitive(secret), flags: SENSITIVE },
        { key: secret, value: secret, flags: 0n },
      ],
    };
    const bytes = messagePack.encode(message).slice();
    for (let at = 0; at < bytes.length; at++) {
      for (let value = 0; value < 256; value++) {
        const result = decoded(bytes.map((byte, index) => (index === at ? value : byte)));
        if (result instanceof ProtocolError) expect(result.message).not.toMatch(/s3c|cret/);
      }
    }
  });
});

describe('the limits of metadata', () => {
  const close = (entries: number, value: string | Uint8Array | bigint, key = 'k'): Uint8Array =>
    messagePack.encode({
      type: 'ConnectionClose',
      connectionId: 1,
      metadata: Array.from({ length: entries }, () => ({ key, value, flags: 1n })),
    });

  const outcome = (bytes: Uint8Array, metadataEntries: number, metadataBytes: number): string => {
    try {
      return messagePack.decode(bytes, { metadataEntries, metadataBytes }).type;
    } catch (error) {
      return error instanceof ProtocolError ? `${String(error.limit)}: ${error.message}` : String(error);
    }
  };

  it.each([
    [0, 1, 'metadataEntries: malformed message: metadata has more than 0 entries'],
    [1, 0, 'ConnectionClose'],
    [7, 6, 'ConnectionClose'],
    [7, 7, 'ConnectionClose'],
    [7, 8, 'metadataEntries: malformed message: metadata has more than 7 entries'],
    [64, 64, 'ConnectionClose'],
    [64, 65, 'metadataEntries: malformed message: metadata has more than 64 entries'],
  ])('allow %d entries: of %d', (limit, entries, expected) => {
    expect(outcome(close(entries, 'v'), limit, 1 << 20)).toBe(expected);
  });

  it.each([
    ['ASCII', 'v'.repeat(99), 100],
    ['two bytes each', 'é'.repeat(99), 199],
    ['three bytes each', '€'.repeat(99), 298],
    ['four bytes each', '😀'.repeat(99), 397],
    ['bytes', new Uint8Array(99), 100],
    ['an integer', 1n, 9],
  ])('count the bytes of keys and values: %s', (_, value, size) => {
    const tooMany = (limit: number): string =>
      `metadataBytes: malformed ConnectionClose: metadata has more than ${String(limit)} bytes`;
    for (const entries of [1, 2, 5]) {
      const all = size * entries;
      expect(outcome(close(entries, value), 64, all - 1)).toBe(tooMany(all - 1));
      expect(outcome(close(entries, value), 64, all)).toBe('ConnectionClose');
      expect(outcome(close(entries, value), 64, all + 1)).toBe('ConnectionClose');
    }
    expect(outcome(close(1, 0n, 'é'), 64, 9)).toBe(tooMany(9));
    expect(outcome(close(1, 0n, 'é'), 64, 10)).toBe('ConnectionClose');
  });
});

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
