import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type ChaosResults, type Figures, figuresOf } from '../../bench/reliable-table.js';

const { cost, cuts } = figuresOf('bench/reliable.json') as Required<Figures>;

test('the cost of a reliable link is noted for each kind of work over both links', () => {
  const works = (link: string) => cost.rows.filter((row) => row.link === link).map(({ work }) => work);
  expect(works('TCP')).toHaveLength(3);
  expect(works('WebSocket')).toEqual(works('TCP'));
});

test('every call over a socket that was destroyed ten times was answered, and executed once', () => {
  const [ours] = cuts.rows;
  expect(ours).toMatchObject({ cuts: 10, runs: 5, answered: 3_000, failed: 0, unsettled: 0, twice: 0 });
});

test('the chaos that was noted is one of a thousand cuts, with a quick return', () => {
  const results = JSON.parse(readFileSync('test/reliable/chaos.json', 'utf8')) as ChaosResults;
  expect(results.cuts).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(results.resumeToDialer, results.resumeToAcceptor)).toBeLessThan(20);
});
