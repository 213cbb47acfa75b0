import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { explore, prepare } from '../../explore/configuration.js';
import { CONFIGURATIONS } from '../../explore/configurations.js';
import { configurationOf } from '../../explore/hunt.js';

const counts = JSON.parse(readFileSync('explore/counts.json', 'utf8')) as Record<string, unknown>;

const quick = CONFIGURATIONS.filter(({ isQuick }) => isQuick);

// The others are explored by `npm run explore -- --all`.
test.each(quick.map(({ name }) => name))('every property holds in every state of %s', (name) => {
  const { states, transitions, depth, failure } = explore(prepare(configurationOf(name)));
  expect(failure).toBeUndefined();
  expect({ states, transitions, depth }).toEqual(counts[name]);
});

test('every configuration has its counts written down', () => {
  expect(Object.keys(counts).sort()).toEqual(CONFIGURATIONS.map(({ name }) => name).sort());
});

/** Why sessions end, of all the steps of a configuration. */
function endsOf(name: string): Set<string> {
  const setup = prepare(configurationOf(name));
  expect(explore(setup).failure).toBeUndefined();
  const seen = setup.sides.flatMap((side) => [...side.moves].flatMap(({ observed }) => observed));
  return new Set(seen.flatMap((one) => (one.type === 'ended' ? [one.cause] : [])));
}

test('two readers that wait until they may answer stall each other, and the stall is cut', () => {
  expect(endsOf('coupled-stall')).toEqual(new Set(['limit', 'link']));
});

test('a peer that vanishes is given up by the keepalive', () => {
  expect([...endsOf('dead-peer')]).toContain('keepalive');
});
