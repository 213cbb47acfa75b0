import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Metadata, NO_PROPAGATE, propagated, SENSITIVE, sizeOf } from '../../src/wire/metadata.js';
import { arbitraryMetadata, sensitiveEquality } from '../support/messages.js';

expect.addEqualityTesters([sensitiveEquality]);

// r[rpc.metadata.flags.no-propagate]
describe('what a proxy passes on', () => {
  test('is everything but the entries marked NO_PROPAGATE: in order, duplicates, unknown flags and all', () => {
    fc.assert(
      fc.property(arbitraryMetadata, (metadata) => {
        const kept = propagated(metadata);
        // Word by word, without a filter of its own.
        const expected: Metadata[number][] = [];
        for (const entry of metadata) if ((entry.flags / NO_PROPAGATE) % 2n === 0n) expected.push(entry);
        expect(kept).toEqual(expected);
        for (const [index, entry] of kept.entries()) expect(entry).toBe(expected[index]);
      }),
    );
  });

  test('is the very same list where nothing is to be left out', () => {
    const metadata: Metadata = [
      { key: 'a', value: '1', flags: 0n },
      { key: 'a', value: 2n, flags: 2n ** 63n },
    ];
    expect(propagated(metadata)).toBe(metadata);
    expect(propagated([])).toEqual([]);
  });

  test('looks at the one bit only', () => {
    const flags = [
      SENSITIVE,
      NO_PROPAGATE,
      NO_PROPAGATE | SENSITIVE,
      4n,
      2n ** 64n - 1n,
      2n ** 64n - 1n - NO_PROPAGATE,
    ];
    const metadata = flags.map((flag) => ({ key: 'k', value: 'v', flags: flag }));
    expect(propagated(metadata).map((entry) => entry.flags)).toEqual([SENSITIVE, 4n, 2n ** 64n - 1n - NO_PROPAGATE]);
  });
});

describe('what a key or a value counts for', () => {
  test('is the length of its UTF-8, wherever that takes a byte more', () => {
    const edges = [0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff].map((point) =>
      String.fromCodePoint(point),
    );
    expect(edges.map(sizeOf)).toEqual([1, 1, 2, 2, 3, 3, 3, 3, 4, 4]);
    expect(sizeOf(edges.join(''))).toBe(26);
    expect(sizeOf('')).toBe(0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(sizeOf(text)).toBe(new TextEncoder().encode(text).length);
      }),
    );
  });

  test('is the length of bytes, and 8 for an integer however small', () => {
    expect([new Uint8Array(), new Uint8Array(300), 0n, 2n ** 64n - 1n].map(sizeOf)).toEqual([0, 300, 8, 8]);
  });
});
