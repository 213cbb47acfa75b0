import fc from 'fast-check';
import { type Chart, charts, type Happening, happenings } from './charts.js';
import { lockstep, type Manner } from './lockstep.js';

const manners: fc.Arbitrary<Manner> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ inspects: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ inspects: fc.boolean(), throwsAt: fc.nat({ max: 40 }) }) },
);

/** Every random statechart behaves the same compiled as on XState's own step. */
export function law(events: number): fc.IAsyncProperty<[Chart, readonly Happening[], Manner]> {
  return fc.asyncProperty(charts, happenings(events), manners, lockstep);
}
