import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IdMap } from '../../src/base/id-map.js';

/** Ids that share one slot, for every initial number of slots. */
const sharing = fc.constantFrom(1, 65, 129, 257, 513, 1025, 2 ** 32 + 1, 2 ** 53 - 63);
const spread = fc.oneof(
  sharing,
  fc.integer({ min: 0, max: 300 }).map((index) => index * 2 + 1),
);

const stepsWith = (id: fc.Arbitrary<number>) =>
  fc.array(fc.record({ what: fc.constantFrom('set', 'delete', 'delete another', 'clear'), id }), {
    maxLength: 200,
    size: 'max',
  });

test('it holds what a map by the ids would hold, after any changes', () => {
  fc.assert(
    fc.property(fc.oneof(stepsWith(sharing), stepsWith(spread)), (steps) => {
      const idMap = new IdMap<{ id: number }>();
      const map = new Map<number, { id: number }>();
      for (const { what, id } of steps) {
        if (what === 'clear' && id > 2) continue;
        if (what === 'clear') {
          idMap.clear();
          map.clear();
        } else if (what === 'set') {
          const item = { id };
          idMap.set(item);
          map.set(id, item);
        } else {
          const item = what === 'delete' ? map.get(id) : { id };
          expect(idMap.delete(item ?? { id })).toBe(item !== undefined && map.get(id) === item);
          if (map.get(id) === item) map.delete(id);
        }
        expect(idMap.size).toBe(map.size);
        expect(idMap.get(id)).toBe(map.get(id));
      }
      expect(idMap.all()).toEqual([...map.values()].sort((a, b) => a.id - b.id));
      for (const [id, item] of map) expect(idMap.get(id)).toBe(item);
    }),
    { numRuns: 300 },
  );
});

test('a thousand that share one slot are all found, and all deleted', () => {
  const idMap = new IdMap<{ id: number }>();
  const items = Array.from({ length: 1000 }, (_, index) => ({ id: 1 + index * 2 ** 16 }));
  for (const item of items) idMap.set(item);
  expect(idMap.size).toBe(1000);
  expect(items.every((item) => idMap.get(item.id) === item)).toBe(true);
  expect(items.every((item) => idMap.delete(item))).toBe(true);
  expect(idMap.size).toBe(0);
  expect(idMap.all()).toEqual([]);
});
