import { describe, expect, test } from '@jest/globals';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { QUEUED_MESSAGE_COST } from '../../src/conduit/costs.js';
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
    const { rig, session, one } = await held({ outboxBytes: 1, waitingBytes: 2 * (1_000 + QUEUED_MESSAGE_COST) });
    for (const number of upTo(4)) rig.track(`send ${number}`, one.send(message(number)));
    await settle();
    expect(rig.settled).toEqual({
      start: session,
      'send 0': undefined,
      'send 3': {
        name: 'LimitExceeded',
        message: 'more than limits.waitingBytes (2512) wait to be sent: await what send returns',
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

  test('names no end of the session as the cause, where the peer had closed the connection before', async () => {
    const { rig, session, one } = await held({ outboxBytes: 1 });
    await rig.say(closeOf(1));
    session.shutdown();
    rig.track('late', one.send(message(1)));
    await settle();
    const { message: text, cause } = rig.settled['late'] as Error;
    expect([text, cause]).toEqual(['connection 1 was closed by the peer', undefined]);
  });

  test('makes room for waitingBytes again when what waited is dropped', async () => {
    const { rig, one, two } = await held({ outboxBytes: 1, waitingBytes: 1_000 + QUEUED_MESSAGE_COST });
    rig.track('first', one.send(message(0)));
    rig.track('one', one.send(message(1)));
    await rig.say(closeOf(1));
    rig.track('two', two.send(message(2)));
    await settle();
    expect(Object.keys(rig.settled)).toEqual(['start', 'first', 'one']);
  });

  test.each([
    ['it is shut down', 'shutdown'],
    ['its last caller is released', 'released'],
  ] as const)('sends all that waits when the session ends because %s', async (_why, cause) => {
    const { rig, session } = await established({ limits: { outboxBytes: 1 } });
    const caller = session.root.caller();
    rig.link.hold();
    for (const number of upTo(4)) rig.track(`send ${number}`, session.root.send(itemOf(0, number)));
    if (cause === 'shutdown') session.shutdown();
    else caller.release();
    rig.link.take();
    expect((await rig.heard()).map(numberOf)).toEqual([0, 1, 2, 3]);
    expect(await session.closed).toEqual({ cause, by: 'local' });
    expect(Object.keys(rig.settled)).toEqual(['start', 'send 0', 'send 1', 'send 2', 'send 3']);
    expect(Object.values(rig.settled).slice(1)).toEqual([undefined, undefined, undefined, undefined]);
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
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

  test('counts what a message costs beside its bytes: thousands of empty ones go past waitingBytes', async () => {
    const { rig, one } = await held({ outboxBytes: 1, waitingBytes: 100_000 });
    const sent = upTo(1_000).map(() => one.send(itemOf(1, 0)));
    const outcomes = Promise.allSettled(sent);
    await settle();
    rig.link.take();
    const taken = (await outcomes).filter(({ status }) => status === 'fulfilled').length;
    // One message fills the outbox. Then as many wait as the limit has room for.
    const size = messagePack.encode(itemOf(1, 0)).length;
    expect(taken).toBe(1 + Math.floor(100_000 / (size + QUEUED_MESSAGE_COST)));
  });

  test('rejects with LinkError what the link refused', async () => {
    const { rig, session, one } = await held({});
    rig.link.refuse();
    rig.track('refused', one.send(message(0)));
    rig.track('after', one.send(message(1)));
    await settle();
    expect(rig.settled).toMatchObject({
      refused: { name: 'LinkError', message: 'refused' },
      after: { name: 'ConnectionClosed' },
    });
    expect((await session.closed).cause).toBe('link');
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('rejects with LinkError what had waited when the link refuses it', async () => {
    const { rig, one } = await held({ outboxBytes: 1_500 });
    for (const number of upTo(4)) rig.track(`send ${number}`, one.send(message(number)));
    await settle();
    rig.link.refuse();
    rig.link.takeFirst();
    rig.link.takeFirst();
    await settle();
    expect(rig.settled).toMatchObject({
      'send 1': undefined,
      'send 2': { name: 'LinkError' },
      'send 3': { name: 'SessionClosed' },
    });
  });
});
