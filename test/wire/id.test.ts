import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasParity, nextId, opposite, type Parity, ROOT } from '../../src/wire/id.js';

const parity = fc.constantFrom<Parity[]>('odd', 'even');

// r[session.parity] r[connection.parity]
describe('ids and their parity', () => {
  test('each id but 0 has exactly one parity, and 0 has none', () => {
    expect([hasParity(ROOT, 'odd'), hasParity(ROOT, 'even')]).toEqual([false, false]);
    fc.assert(
      fc.property(fc.maxSafeNat(), parity, (id, ours) => {
        fc.pre(id !== 0);
        expect(hasParity(id, ours)).toBe(!hasParity(id, opposite(ours)));
        expect(hasParity(id, 'odd')).toBe(id % 2 === 1);
      }),
    );
  });

  test.each([
    ['odd', [1, 3, 5, 7]],
    ['even', [2, 4, 6, 8]],
  ] as const)('%s allocates %j', (ours, ids) => {
    let last = 0;
    expect(
      ids.map(() => {
        last = nextId(last, ours);
        return last;
      }),
    ).toEqual(ids);
  });

  test('the last id that there is comes after the one before it', () => {
    expect(nextId(2 ** 53 - 3, 'odd')).toBe(2 ** 53 - 1);
    expect(nextId(2 ** 53 - 4, 'even')).toBe(2 ** 53 - 2);
  });

  test('the opposite of the opposite is the same', () => {
    expect([opposite('odd'), opposite('even')]).toEqual(['even', 'odd']);
  });
});
