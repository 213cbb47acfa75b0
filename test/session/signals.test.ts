import { getEventListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import { acceptOf, closeOf, established, Rig } from '../support/rig.js';
import { settle } from '../support/settle.js';

// Many opens and calls may wait with one signal. From eleven listeners on, Node warns of a leak.

const MANY = 20;

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

test('many opens add one listener to the signal that they share, and none is left of those that are answered', async () => {
  const { rig, session } = await established();
  const { signal } = new AbortController();
  const opens = Array.from({ length: MANY }, () => session.open({ signal }));
  await settle();
  expect(listeners(signal)).toBe(1);
  await rig.say(...opens.map((_, at) => acceptOf(1 + 2 * at)));
  expect((await Promise.all(opens)).map(({ id }) => id)).toEqual(opens.map((_, at) => 1 + 2 * at));
  expect(listeners(signal)).toBe(0);
});

test('a signal gives up each of the opens that wait for it, and only these', async () => {
  const { rig, session } = await established();
  const controller = new AbortController();
  const { signal } = controller;
  for (let at = 1; at <= 3; at++) rig.track(`open ${at}`, session.open({ signal }));
  await rig.say(acceptOf(3));
  rig.peer.take();
  controller.abort('enough');
  expect(listeners(signal)).toBe(0);
  expect(await rig.say()).toEqual([closeOf(1), closeOf(5)]);
  const { 'open 2': second, ...others } = rig.settled;
  expect(second).toMatchObject({ id: 3, isConnected: true });
  const error = (id: number) => ({
    name: 'ConnectionClosed',
    message: `the open of connection ${id} was aborted`,
    cause: 'enough',
  });
  expect(others).toMatchObject({ 'open 1': error(1), 'open 3': error(5) });
});

test('many handshakes add one listener to the signal that they share, and end with it', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const rigs = Array.from({ length: MANY }, () => new Rig({ signal }));
  await settle();
  expect(listeners(signal)).toBe(1);
  controller.abort();
  await settle();
  for (const { settled } of rigs) expect(settled['start']).toMatchObject({ name: 'HandshakeError' });
  expect(listeners(signal)).toBe(0);
});
