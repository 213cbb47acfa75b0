import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type Figures, PAIRS } from '../../bench/wire-table.js';

const FILE = 'bench/wire.json';

test('the figures that are kept are of every work over both links, between every pair', () => {
  const { rows } = JSON.parse(readFileSync(FILE, 'utf8')) as Figures;
  const works = (link: string) => rows.filter((row) => row.link === link).map(({ work }) => work);
  expect(works('TCP')).toHaveLength(7);
  expect(works('WebSocket')).toEqual(works('TCP'));
  const pairs = Object.keys(PAIRS);
  for (const { toWs, toRust } of rows) expect([Object.keys(toWs), toRust]).toEqual([pairs, expect.any(Number)]);
});
