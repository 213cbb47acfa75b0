import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InFlight } from '../../src/calls/in-flight.js';

/** All in one slot, however many slots there are at first. */
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

test('it holds what a map by the ids would hold, whatever is set and deleted', () => {
  fc.assert(
    fc.property(fc.oneof(stepsWith(sharing), stepsWith(spread)), (steps) => {
      const inFlight = new InFlight<{ id: number }>();
      const map = new Map<number, { id: number }>();
      for (const { what, id } of steps) {
        if (what === 'clear' && id > 2) continue;
        if (what === 'clear') {
          inFlight.clear();
          map.clear();
        } else if (what === 'set') {
          const request = { id };
          inFlight.set(request);
          map.set(id, request);
        } else {
          const request = what === 'delete' ? map.get(id) : { id };
          expect(inFlight.delete(request ?? { id })).toBe(request !== undefined && map.get(id) === request);
          if (map.get(id) === request) map.delete(id);
        }
        expect(inFlight.size).toBe(map.size);
        expect(inFlight.get(id)).toBe(map.get(id));
      }
      expect(inFlight.all()).toEqual([...map.values()].sort((a, b) => a.id - b.id));
      for (const [id, request] of map) expect(inFlight.get(id)).toBe(request);
    }),
    { numRuns: 300 },
  );
});

test('a thousand that share one slot are all found, and all deleted', () => {
  const inFlight = new InFlight<{ id: number }>();
  const requests = Array.from({ length: 1000 }, (_, index) => ({ id: 1 + index * 2 ** 16 }));
  for (const request of requests) inFlight.set(request);
  expect(inFlight.size).toBe(1000);
  expect(requests.every((request) => inFlight.get(request.id) === request)).toBe(true);
  expect(requests.every((request) => inFlight.delete(request))).toBe(true);
  expect(inFlight.size).toBe(0);
  expect(inFlight.all()).toEqual([]);
});
