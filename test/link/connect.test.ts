import { getEventListeners } from 'node:events';
import { expect, jest, test } from '@jest/globals';
import { LinkError } from '../../src/base/errors.js';
import { type Attempt, attemptToConnect } from '../../src/link/connect.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { record } from './recorder.js';

/** An attempt that the test plays. */
function begun(connectTimeout = 1_000) {
  const controller = new AbortController();
  const given = { up: 0 };
  let attempt: Attempt | undefined;
  const outcome = attemptToConnect('ws://host/', { connectTimeout, signal: controller.signal }, (its) => {
    attempt = its;
    return () => void given.up++;
  });
  return { attempt: attempt as unknown as Attempt, outcome, controller, given };
}

test('an attempt that opens gives its link, holds no timer and no listener, and is never given up', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  const { attempt, outcome, controller, given } = begun();
  const [link, other] = memoryLinkPair();
  attempt.opened(link);
  const timers = jest.getTimerCount();
  jest.useRealTimers();
  expect([timers, getEventListeners(controller.signal, 'abort')]).toEqual([0, []]);
  controller.abort();
  attempt.failed('too late');
  expect([await outcome, given.up]).toEqual([link, 0]);
  const events = record(other);
  link.start({ message() {}, drained() {}, ended() {}, failed() {} });
  link.close();
  expect(await events.end()).toBe('ended');
});

test('an attempt that fails is given up once, and a link that opens after that is aborted', async () => {
  const { attempt, outcome, controller, given } = begun();
  const cause = new Error('no route');
  attempt.failed('no route', cause);
  attempt.failed('again');
  controller.abort();
  const error = await outcome.catch((reason) => reason as LinkError);
  expect([error, (error as LinkError).cause]).toEqual([new LinkError('cannot connect to ws://host/: no route'), cause]);
  const [link, other] = memoryLinkPair();
  const events = record(other);
  attempt.opened(link);
  expect(await events.end()).toEqual(new LinkError('the peer aborted the link'));
  expect(given.up).toBe(1);
});
