import { expect, test } from '@jest/globals';
import { play, type Tally } from './schedule.js';

const SCHEDULES = 300;

test(`${SCHEDULES} random schedules lose nothing, double nothing and keep the order`, async () => {
  const tally: Tally = { messages: 0, cuts: 0, links: 0 };
  for (let seed = 1; seed <= SCHEDULES; seed++) await play(seed, tally);
  expect(tally.cuts).toBeGreaterThan(SCHEDULES);
  expect(tally.links).toBeGreaterThan(2 * SCHEDULES);
}, 60_000);
