import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { AREAS, filesOf } from './areas.js';
import { storedScores, tableOf } from './scores.js';

describe.each(Object.entries(AREAS))('the area %s', (_, { mutate, tests }) => {
  test('names files and tests that exist', () => {
    expect(mutate.filter((pattern) => filesOf(pattern).length === 0)).toEqual([]);
    expect(tests.filter((file) => !existsSync(file))).toEqual([]);
  });
});

test('no file belongs to two areas', () => {
  const files = Object.values(AREAS).flatMap(({ mutate }) => mutate.flatMap(filesOf));
  expect(files.filter((file, index) => files.indexOf(file) !== index)).toEqual([]);
});

test.each([
  'machines',
  'src/wire',
  'src/codec',
  'src/compile',
  'src/conduit',
  'src/calls',
  'src/session',
  'src/service',
  'src/link',
  'src/client',
  'src/reliable',
])('each file of %s belongs to an area', (folder) => {
  const known = new Set(Object.values(AREAS).flatMap(({ mutate }) => mutate.flatMap(filesOf)));
  expect(filesOf(`${folder}/**/*.ts`).filter((file) => !known.has(file) && !PLAIN.has(file))).toEqual([]);
});

/** Files without behaviour: types, constants, and what other modules export. The last one does in browsers what another one does. */
const PLAIN = new Set([
  'machines/index.ts',
  'src/codec/index.ts',
  'src/link/link.ts',
  'src/reliable/index.ts',
  'src/client/client-browser.ts',
]);

test('a mutant that is listed as equivalent was not noticed', () => {
  for (const { survivors, equivalent = {} } of Object.values(storedScores())) {
    expect(survivors).toEqual(expect.arrayContaining(Object.keys(equivalent)));
  }
});

test('docs/testing.md has the table of the scores that are stored', () => {
  expect(readFileSync('docs/testing.md', 'utf8')).toContain(
    `<!-- mutation -->\n\n${tableOf(storedScores())}\n<!-- end -->`,
  );
});
