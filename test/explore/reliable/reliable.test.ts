import { describe, expect, test } from '@jest/globals';
import { explore, MUTANTS } from './explore.js';

test('every invariant of a reliable link holds in every order of events, with two links and one cut', () => {
  expect(explore({ messages: 1, window: 1, links: 2, cuts: 1, acks: true }).failure).toBeUndefined();
});

describe('a reliable link with a mistake in it is found', () => {
  test.each(MUTANTS.map(({ by, text, make }) => [by, text, make] as const))('by %s: %s', (by, _, make) => {
    expect(make().failure?.text.slice(0, 2)).toBe(by);
  });
});
