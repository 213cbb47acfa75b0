import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type Figures, LEAST } from '../../bench/client-table.js';

test('a call through the client of connect costs next to nothing on an open session', () => {
  const { rows } = JSON.parse(readFileSync('bench/client.json', 'utf8')) as Figures;
  expect(rows.map(({ work }) => work)).toEqual(['calls of 16 B, one in flight', 'calls of 16 B, 64 in flight']);
  expect(rows.filter(({ ratio }) => ratio < LEAST)).toEqual([]);
});
