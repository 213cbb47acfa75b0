import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { bystanderTable, type Figures } from '../../bench/bystander-table.js';

const FILE = 'bench/bystander.json';

test('the documentation has the figures of the last run that was kept', () => {
  // The formatter pads the cells of tables.
  const unpadded = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{2,}/g, '--');
  expect(unpadded(readFileSync('docs/fairness.md', 'utf8'))).toContain(unpadded(bystanderTable(FILE)));
});

test('an honest session beside peers that flood its server is answered in time', () => {
  const { rows } = JSON.parse(readFileSync(FILE, 'utf8')) as Figures;
  const late = rows.filter(({ p99, target }) => target !== undefined && p99 > target);
  expect(late).toEqual([]);
  expect(rows.filter(({ target }) => target !== undefined)).toHaveLength(3);
});
