import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import type { Connection } from '../../src/session/connection.js';
import { closeOf, established, itemOf, openOf, pingOf } from '../support/rig.js';
import { settle } from '../support/settle.js';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** A round in which the peer opens, writes one item and closes. */
function round(id: number) {
  return [openOf(id), itemOf(id, 0, 40), closeOf(id)];
}

test('What can’t be read any more stops the reading only until its connection is collected', async () => {
  const { rig } = await established({ limits: { inboxBytes: 350 }, onConnection: () => ({ type: 'accept' }) });
  await rig.say(...round(2), ...round(4), ...round(6), ...round(8));
  expect(await rig.say(itemOf(0, 0), pingOf(1))).toEqual([]);
  collectGarbage();
  await settle();
  await settle();
  expect((await rig.say()).map(({ type }) => type)).toEqual(['Pong']);
});

test('What may still be read counts, and can be read', async () => {
  const held: Connection[] = [];
  const setup = (connection: Connection) => held.push(connection);
  const { rig } = await established({ limits: { inboxBytes: 350 }, onConnection: () => ({ type: 'accept', setup }) });
  await rig.say(...round(2), ...round(4), ...round(6), ...round(8));
  collectGarbage();
  await settle();
  expect(await rig.say(itemOf(0, 0), pingOf(1))).toEqual([]);
  for (const connection of held) for await (const message of connection) expect(message.body.type).toBe('Item');
  expect((await rig.say()).map(({ type }) => type)).toEqual(['Pong']);
});
