import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { CONFIGURATIONS } from './configurations.js';
import { explore } from './explore.js';
import { hunt, MUTANTS } from './mutants.js';
import { PROPERTIES } from './properties.js';

const counts = JSON.parse(readFileSync('test/explore/calls/counts.json', 'utf8')) as Record<string, object>;

// r[rpc.response.one-per-request] r[rpc.flow-control.max-concurrent-requests] r[rpc.flow-control.credit]
test.each(CONFIGURATIONS.map((one) => [one.name, one] as const))(
  'every property holds in every state of %s',
  (name, one) => {
    const { failure, ...found } = explore(one);
    expect(failure).toBeUndefined();
    expect(found).toEqual(counts[name]);
  },
);

test('nothing else has its counts written down', () => {
  expect(Object.keys(counts).sort()).toEqual(CONFIGURATIONS.map(({ name }) => name).sort());
});

describe('a machine with a mistake in it is found', () => {
  test.each(MUTANTS.map((mutant) => [mutant.by, mutant.text, mutant] as const))('by %s: %s', (by, _, mutant) => {
    expect(hunt(mutant)?.property).toBe(by);
  });

  test('by each of the properties', () => {
    expect(new Set(MUTANTS.map(({ by }) => by))).toEqual(new Set(Object.keys(PROPERTIES)));
  });
});

test('a counterexample is told in words', () => {
  const [mutant] = MUTANTS.filter(({ by }) => by === 'limit-kept');
  expect(mutant && hunt(mutant)).toEqual({
    property: 'limit-kept',
    text: '3 is sent while 1 are in flight',
    path: ['caller: call', 'caller: call'],
  });
});
