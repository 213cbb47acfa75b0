import { describe, expect, test } from '@jest/globals';
import { reliableMachine } from '../../../machines/index.js';
import { compare, explore, exploreWith, MUTANTS } from './explore.js';

test('every invariant of a reliable link holds in every order of events, with two links and one cut', () => {
  expect(explore({ messages: 1, window: 1, links: 2, cuts: 1, acks: true }).failure).toBeUndefined();
});

const SMALL = { messages: 1, window: 1, links: 2, cuts: 1, acks: true };

describe('a second checker, written from the tables,', () => {
  test.each([
    ['with two links and one cut', SMALL],
    ['with a window of two', { ...SMALL, messages: 2, window: 2 }],
    ['with three links and two cuts', { ...SMALL, links: 3, cuts: 2 }],
  ])('comes by the same states %s', (_, bounds) => {
    expect(compare(explore(bounds), bounds)).toEqual({ onlyHere: [], onlyThere: [] });
  });

  test('notices a chart that acknowledges late, although every invariant holds', () => {
    const late = reliableMachine.provide({ guards: { owesMuch: () => false } });
    const found = exploreWith(late, SMALL);
    expect(found.failure).toBeUndefined();
    expect(compare(found, SMALL).onlyHere.length).toBeGreaterThan(0);
  });
});

describe('a reliable link with a mistake in it is found', () => {
  test.each(MUTANTS.map(({ by, text, make }) => [by, text, make] as const))('by %s: %s', (by, _, make) => {
    expect(make().failure?.text.slice(0, 2)).toBe(by);
  });
});
