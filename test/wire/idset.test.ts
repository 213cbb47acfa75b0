import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IdSet } from '../../src/wire/idset.js';

const id = fc.oneof(
  { weight: 3, arbitrary: fc.nat({ max: 70 }) },
  fc.nat({ max: 40_000 }),
  fc.maxSafeNat(),
  // Where the tree grows by a level, and where numbers leave what the bit operators take.
  fc.constantFrom(31, 32, 1023, 1024, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 50, 2 ** 53 - 2, 2 ** 53 - 1),
);
const change = fc.record({ op: fc.constantFrom('add', 'delete'), id });

function sorted(model: ReadonlySet<number>): number[] {
  return [...model].sort((left, right) => left - right);
}

describe('an id set', () => {
  test('is a set: add, delete, has, size and its members agree with a Set', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 80 }), fc.array(id, { maxLength: 10 }), (changes, probes) => {
        const model = new Set<number>();
        let set = IdSet.empty;
        for (const { op, id } of changes) {
          model[op as 'add'](id);
          set = set[op as 'add'](id);
          expect(set.size).toBe(model.size);
          expect(set.has(id)).toBe(op === 'add');
        }
        for (const probe of [...probes, ...changes.map(({ id }) => id)]) expect(set.has(probe)).toBe(model.has(probe));
        expect(set.toJSON()).toEqual(sorted(model));
      }),
    );
  });

  test('is persistent: no change is seen in a set that was there before it', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        let set = IdSet.empty;
        const versions = changes.map(({ op, id }) => {
          set = set[op as 'add'](id);
          return { set, members: set.toJSON() };
        });
        for (const { set: version, members } of versions) expect(version.toJSON()).toEqual(members);
        expect(IdSet.empty.toJSON()).toEqual([]);
      }),
    );
  });

  test('is the same text for each order of changes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { maxLength: 20 }), fc.uniqueArray(id, { maxLength: 20 }), (members, detours) => {
        const gone = detours.filter((detour) => !members.includes(detour));
        const straight = members.reduce((set, member) => set.add(member), IdSet.empty);
        const round = gone.reduce(
          (set, detour) => set.delete(detour),
          [...gone, ...members].reverse().reduce((set, member) => set.add(member), IdSet.empty),
        );
        expect(JSON.stringify(round)).toBe(JSON.stringify(straight));
        expect(JSON.stringify(straight)).toBe(JSON.stringify(sorted(new Set(members))));
      }),
    );
  });

  test('is itself when nothing changes, and the empty set when the last member goes', () => {
    const set = IdSet.empty.add(5).add(2 ** 53 - 1);
    expect(set.add(5)).toBe(set);
    expect(set.delete(6)).toBe(set);
    expect(IdSet.empty.delete(5)).toBe(IdSet.empty);
    expect(set.delete(5).delete(2 ** 53 - 1)).toBe(IdSet.empty);
  });

  test('has nothing below 0, and nothing above what it has seen', () => {
    // In the bitmap of one level -1 would be 31, and 32 would be 0.
    const set = IdSet.empty.add(0).add(31);
    expect([-1, 0, 31, 32, 2 ** 53 - 1].map((id) => set.has(id))).toEqual([false, true, true, false, false]);
  });

  test('holds ten thousand members, and knows each of them', () => {
    let set = IdSet.empty;
    for (let member = 0; member < 10_000; member++) set = set.add(2 * member + 1);
    expect(set.size).toBe(10_000);
    expect([set.has(19_999), set.has(19_998), set.has(20_001)]).toEqual([true, false, false]);
  });
});
