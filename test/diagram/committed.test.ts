import { expect, test } from '@jest/globals';
import { stale } from '../../diagrams/committed.js';
import { files } from '../../diagrams/files.js';

test('diagrams/ shows the machines, the actors and the exchanges as they are now', async () => {
  const contents = await files();
  expect(stale(contents)).toEqual([]);
});

test('a picture that no longer matches, one that is missing and one too many are found', async () => {
  const contents = new Map(await files());
  contents.set('session.svg', '<svg/>');
  contents.set('new.svg', '<svg/>');
  contents.delete('actors.mmd');
  expect(stale(contents).sort()).toEqual(['actors.mmd', 'new.svg', 'session.svg']);
});

test('every exchange is played the same way twice', async () => {
  expect([...(await files())]).toEqual([...(await files())]);
});
