import { expect, jest, test } from '@jest/globals';
import { accept, handle, initiate } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { VirtualClock } from '../support/clock.js';
import { ControlledLink } from '../support/link.js';
import { HELLO_YOURSELF, NOTHING_LEFT, pingOf, Rig } from '../support/rig.js';
import { settle } from '../support/settle.js';

// A link that outlives its connections reports when it has none. Rows 5 link and 6.14 of the table have the times.

test('the application is told when the link has no connection, and when it has one again', async () => {
  const rig = new Rig();
  await rig.say(HELLO_YOURSELF);
  const session = await rig.starting;
  const told: unknown[] = [];
  for (const type of ['interrupted', 'restored'] as const)
    session.on(type, (event) => told.push(event, session.isInterrupted));
  expect(session.isInterrupted).toBe(false);
  rig.link.interrupt();
  await settle();
  expect([session.isInterrupted, session.actor.getSnapshot().context.isInterrupted]).toEqual([true, true]);
  rig.link.restore();
  await settle();
  expect(session.isInterrupted).toBe(false);
  expect(told).toEqual([{ type: 'interrupted' }, true, { type: 'restored' }, false]);
  session.shutdown();
  await session.closed;
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

test.each(['compiled', 'xstate'] as const)(
  'a link may find out by a Ping that it has no connection, with the interpreter %s',
  async (interpreter) => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
    const rig = new Rig({ interpreter, keepalive: { pingInterval: 100, pongTimeout: 50 } });
    await rig.say(HELLO_YOURSELF);
    const session = await rig.starting;
    await rig.heard();
    const { link } = rig;
    const send = link.send.bind(link);
    link.send = (message) => {
      link.interrupt();
      send(message);
    };
    await rig.clock.advance(100);
    await settle();
    // XState warns where an effect of one machine makes another one take a step.
    expect([session.isInterrupted, warn.mock.calls]).toEqual([true, []]);
    warn.mockRestore();
    expect(await rig.heard()).toEqual([pingOf(1)]);
    session.shutdown();
    await session.closed;
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  },
);

test('a session whose link was interrupted during the handshake begins interrupted, and its Ping has no deadline', async () => {
  const rig = new Rig({ keepalive: { pingInterval: 100, pongTimeout: 50 } });
  rig.link.interrupt();
  await rig.say(HELLO_YOURSELF);
  const session = await rig.starting;
  expect(session.isInterrupted).toBe(true);
  await rig.clock.advance(10_000);
  expect(await rig.heard()).toEqual([pingOf(1)]);
  rig.link.restore();
  await rig.clock.advance(49);
  expect(session.isInterrupted).toBe(false);
  await rig.clock.advance(1);
  expect(await session.closed).toMatchObject({ cause: 'keepalive' });
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

test('the handshake takes no longer because its link is interrupted', async () => {
  const rig = new Rig({ limits: { handshakeTimeout: 1_000 } });
  rig.link.interrupt();
  await rig.clock.advance(1_000);
  expect(rig.settled).toMatchObject({ start: { name: 'HandshakeError', message: 'handshake timed out' } });
  expect(rig.leftovers).toEqual(NOTHING_LEFT);
});

test.each([
  ['is still', false],
  ['is not any more', true],
])('an acceptor whose link was interrupted before the first frame knows that it %s', async (_, isRestored) => {
  const [near, far] = memoryLinkPair();
  const link = new ControlledLink(near);
  const clock = new VirtualClock();
  const starting = accept(link, { clock });
  link.interrupt();
  if (isRestored) link.restore();
  const connecting = initiate(far, { clock });
  const session = await starting;
  expect(session.isInterrupted).toBe(!isRestored);
  expect(handle(session.actor).isInterrupted).toBe(!isRestored);
  (await connecting).shutdown();
  await session.closed;
});

test('a session that paces its messages for an old peer knows of it, too', async () => {
  const rig = new Rig({ peer: 'roam-typescript-7' });
  await rig.say(HELLO_YOURSELF);
  const session = await rig.starting;
  rig.link.interrupt();
  await settle();
  expect(session.isInterrupted).toBe(true);
  rig.link.restore();
  await settle();
  expect(session.isInterrupted).toBe(false);
  session.shutdown();
  await session.closed;
});
