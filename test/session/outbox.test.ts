import { describe, expect, test } from '@jest/globals';
import { messagePack } from '../../src/codec/msgpack.js';
import { acceptOf, closeOf, established, itemOf, NOTHING_LEFT, numberOf, openOf } from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { settle } from '../support/settle.js';

/** An item of 1 000 bytes on the wire. */
function message(number: number) {
  const padding = 1_000 - messagePack.encode(itemOf(1, number, 500)).length + 500;
  return itemOf(1, number, padding);
}

/** A session with connections 1 and 2, over a link that takes nothing. */
async function held(limits: object) {
  const { rig, session } = await established({ limits, onConnection: () => ({ type: 'accept' }) });
  const [one] = await Promise.all([session.open(), rig.say(acceptOf(1), openOf(2))]);
  const two = session.connection(2);
  if (two === undefined) throw new Error('connection 2 is not there');
  rig.peer.take();
  rig.link.hold();
  return { rig, session, one, two };
}

describe('a full outbox', () => {
  test('lets send wait from its limit on, and go on in order once there is room', async () => {
    const { rig, session, one } = await held({ outboxBytes: 2_000 });
    expect(messagePack.encode(message(0))).toHaveLength(1_000);
    for (const number of upTo(5)) rig.track(`send ${number}`, one.send(message(number)));
    await settle();
    expect(rig.settled).toEqual({ start: session, 'send 0': undefined, 'send 1': undefined });
    rig.link.take();
    await settle();
    expect(Object.keys(rig.settled)).toEqual(['start', ...upTo(5).map((number) => `send ${number}`)]);
    expect(rig.peer.take().map(numberOf)).toEqual(upTo(5));
    await one.send(message(5));
    await settle();
    expect(rig.peer.take().map(numberOf)).toEqual([5]);
  });

  test('refuses what goes past waitingBytes, sends nothing of it, and nothing else suffers', async () => {
    const { rig, session, one } = await held({ outboxBytes: 1, waitingBytes: 2_000 });
    for (const number of upTo(4)) rig.track(`send ${number}`, one.send(message(number)));
    await settle();
    expect(rig.settled).toEqual({
      start: session,
      'send 0': undefined,
      'send 3': {
        name: 'LimitExceeded',
        message: 'more than limits.waitingBytes (2000) wait to be sent: await what send returns',
      },
    });
    rig.link.take();
    await settle();
    expect(rig.peer.take().map(numberOf)).toEqual([0, 1, 2]);
  });

  test('puts our Close behind what was taken for its connection, and before nothing of the others', async () => {
    const { rig, one, two } = await held({ outboxBytes: 1 });
    rig.track('one', one.send(message(0)));
    rig.track('one too', one.send(message(1)));
    rig.track('two', two.send(message(2)));
    await one.close();
    rig.track('two too', two.send(message(3)));
    rig.track('late', one.send(message(4)));
    rig.link.take();
    await settle();
    expect(rig.peer.take().map((sent) => (sent.type === 'ConnectionClose' ? sent : numberOf(sent)))).toEqual([
      0,
      1,
      2,
      closeOf(1),
      3,
    ]);
    expect(rig.settled).toMatchObject({
      one: undefined,
      'one too': undefined,
      two: undefined,
      'two too': undefined,
      late: { name: 'ConnectionClosed', message: 'connection 1 was closed by us' },
    });
  });

  test('drops what waits for a connection that the peer closes, and keeps the rest in order', async () => {
    const { rig, one, two } = await held({ outboxBytes: 1 });
    rig.track('first', one.send(message(0)));
    rig.track('one', one.send(message(1)));
    rig.track('two', two.send(message(2)));
    rig.track('one too', one.send(message(3)));
    rig.track('two too', two.send(message(4)));
    await rig.say(closeOf(1));
    const closed = { name: 'ConnectionClosed', message: 'connection 1 was closed by the peer' };
    expect(rig.settled).toMatchObject({ first: undefined, one: closed, 'one too': closed });
    rig.link.take();
    await settle();
    expect(rig.peer.take().map(numberOf)).toEqual([0, 2, 4]);
    expect(rig.settled).toMatchObject({ two: undefined, 'two too': undefined });
  });

  test('makes room for waitingBytes again when what waited is dropped', async () => {
    const { rig, one, two } = await held({ outboxBytes: 1, waitingBytes: 1_000 });
    rig.track('first', one.send(message(0)));
    rig.track('one', one.send(message(1)));
    await rig.say(closeOf(1));
    rig.track('two', two.send(message(2)));
    await settle();
    expect(Object.keys(rig.settled)).toEqual(['start', 'first', 'one']);
  });

  test('rejects what waits with SessionClosed when the session ends', async () => {
    const { rig, one } = await held({ outboxBytes: 1 });
    rig.track('first', one.send(message(0)));
    rig.track('one', one.send(message(1)));
    await rig.say('end');
    expect(rig.settled).toMatchObject({ first: undefined, one: { name: 'SessionClosed', message: 'session closed' } });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('that makes some progress within every stallTimeout does not end the session; one that makes none does', async () => {
    const { rig, session, one } = await held({ outboxBytes: 1_000 });
    for (const number of upTo(4)) rig.track(`send ${number}`, one.send(message(number)));
    for (const round of upTo(3)) {
      await rig.clock.advance(9_999);
      rig.link.takeFirst();
      await settle();
      expect(rig.peer.take().map(numberOf)).toEqual([round]);
    }
    await rig.clock.advance(9_999);
    expect(session.root.isConnected).toBe(true);
    await rig.clock.advance(1);
    expect(await session.closed).toMatchObject({ cause: 'limit', by: 'local', error: { limit: 'stallTimeout' } });
  });
});
