import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type ChaosResults, chaosTable } from './table.js';

test('docs/reliable.md has the figures of the last chaos that was noted', () => {
  const results = JSON.parse(readFileSync('test/reliable/chaos.json', 'utf8')) as ChaosResults;
  const page = readFileSync('docs/reliable.md', 'utf8');
  expect(page).toContain(chaosTable(results));
  expect(page).toContain(`commit ${results.commit}, seed ${results.seed}, ${results.seconds} s`);
});
