import { afterEach, expect, test } from '@jest/globals';
import { nextTask } from '../../src/base/turn.js';

const host = globalThis as { setImmediate?: typeof setImmediate | undefined };
const { setImmediate: immediate } = host;

afterEach(() => {
  host.setImmediate = immediate;
});

test.each(['setImmediate', 'a message'])('the next task comes in order, and not within this one, by %s', async (by) => {
  const done: number[] = [];
  if (by === 'a message') delete host.setImmediate;
  const all = new Promise<void>((resolve) => {
    nextTask(() => done.push(1));
    nextTask(() => {
      done.push(2);
      // From within a task, too.
      nextTask(() => {
        done.push(3);
        resolve();
      });
    });
  });
  await Promise.resolve();
  expect(done).toEqual([]);
  await all;
  expect(done).toEqual([1, 2, 3]);
});
