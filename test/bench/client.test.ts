import { expect, test } from '@jest/globals';
import { type Figures, figuresOf, TARGETS } from '../../bench/client-table.js';

const { cost, crowd } = figuresOf('bench/client.json') as Required<Figures>;

test('a call through the client of connect costs next to nothing on an open session', () => {
  expect(cost.rows.map(({ work }) => work)).toEqual(['calls of 16 B, one in flight', 'calls of 16 B, 64 in flight']);
  expect(cost.rows.filter(({ ratio }) => ratio < TARGETS.ratio)).toEqual([]);
});

test('ten thousand clients come back to a new server with their dials spread', () => {
  expect(crowd.rows).toHaveLength(2);
  for (const { clients, dials } of crowd.rows) {
    expect(clients).toBe(10_000);
    expect(dials).toBeLessThan(clients / 4);
  }
});
