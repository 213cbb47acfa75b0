import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Metadata, NO_PROPAGATE, propagated, SENSITIVE } from '../../src/wire/metadata.js';
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
