import { expect, test } from '@jest/globals';
import { established, itemOf, NOTHING_LEFT } from '../support/rig.js';
import { settle } from '../support/settle.js';

test.each(['goes on', 'leaves'])('A session that is not read ends at its time, also when the peer %s', async (does) => {
  const { rig, session } = await established({ limits: { inboxMessages: 2, unreadTimeout: 5_000 } });
  rig.track('closed', session.closed);
  await rig.say(itemOf(0, 0), itemOf(0, 1), itemOf(0, 2));
  if (does === 'leaves') await rig.say('end');
  await rig.clock.advance(4_999);
  await settle();
  expect(rig.settled).not.toHaveProperty('closed');
  await rig.clock.advance(1);
  await settle();
  expect(rig.settled).toHaveProperty('closed.error.limit', 'unreadTimeout');
  expect(rig.settled).toHaveProperty('closed.cause', 'limit');
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

test('A session that is read in time goes on, and its time begins anew', async () => {
  const { rig, session } = await established({ limits: { inboxMessages: 2, unreadTimeout: 5_000 } });
  const reader = session.root[Symbol.asyncIterator]();
  for (let round = 0; round < 3; round++) {
    await rig.say(itemOf(0, 0), itemOf(0, 1));
    await rig.clock.advance(4_999);
    await reader.next();
    await reader.next();
    await settle();
  }
  expect(session.root.isConnected).toBe(true);
});
