import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { explore, prepare } from './configuration.js';
import { CONFIGURATIONS } from './configurations.js';
import { configurationOf } from './hunt.js';
import { type Counts, configurationsTable, propertiesTable } from './tables.js';

const counts = JSON.parse(readFileSync('test/explore/counts.json', 'utf8')) as Counts;

const quick = CONFIGURATIONS.filter(({ isQuick }) => isQuick);

// The others are explored by `npm run explore -- --all`.
test.each(quick.map(({ name }) => name))('every property holds in every state of %s', (name) => {
  const { states, transitions, depth, failure } = explore(prepare(configurationOf(name)));
  expect(failure).toBeUndefined();
  expect({ states, transitions, depth }).toEqual(counts[name]);
});

test('every configuration has its counts written down, and docs/testing.md has them', () => {
  expect(Object.keys(counts).sort()).toEqual(CONFIGURATIONS.map(({ name }) => name).sort());
  const table = configurationsTable(CONFIGURATIONS, counts);
  expect(readFileSync('docs/testing.md', 'utf8')).toContain(`<!-- configurations -->\n\n${table}\n<!-- end -->`);
});

test('docs/testing.md lists every property', () => {
  expect(readFileSync('docs/testing.md', 'utf8')).toContain(
    `<!-- properties -->\n\n${propertiesTable()}\n<!-- end -->`,
  );
});

/** Returns the causes by which sessions end, over all steps of a configuration. */
function endsOf(name: string): Set<string> {
  const setup = prepare(configurationOf(name));
  expect(explore(setup).failure).toBeUndefined();
  const seen = setup.sides.flatMap((side) => [...side.moves].flatMap(({ observed }) => observed));
  return new Set(seen.flatMap((one) => (one.type === 'ended' ? [one.limit ?? one.cause] : [])));
}

test('two readers that wait until they may answer stall each other, and the stall is cut', () => {
  expect(endsOf('coupled-stall')).toEqual(new Set(['stallTimeout', 'link']));
});

test('the narrow link has sessions that neither read nor have room to send, and messages that wait for it', () => {
  const setup = prepare(configurationOf('narrow-link'));
  // A part of the states is enough here. That no session gets stuck is a property of the whole exploration.
  explore(setup, 30_000);
  for (const { states } of setup.sides) {
    const ports = Array.from({ length: states.size }, (_, number) => states.of(number).port);
    expect(ports.some(({ isFull, isPaused, parked }) => isFull && isPaused && parked.length > 0)).toBe(true);
  }
});

test.each([
  ['flooded-reference', ['intakeBytes', 'link', 'peer', 'shutdown']],
  ['flooded-strict', ['intakeBytes', 'link', 'peer', 'shutdown']],
  ['replies', ['replyBytes', 'link']],
])('in %s a peer that does not read what it is sent costs no more than a limit', (name, ends) => {
  expect(endsOf(name)).toEqual(new Set(ends));
});

test('a peer that vanishes is given up by the keepalive', () => {
  expect([...endsOf('dead-peer')]).toContain('keepalive');
});
