import { describe, expect, jest, test } from '@jest/globals';
import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { describeLink, numbered, numbersOf, turns } from './contract.js';
import { record } from './recorder.js';

describeLink('a memory link', async () => {
  const [left, right] = memoryLinkPair();
  return { left, right, dispose: async () => {} };
});

describe('a memory link', () => {
  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a capacity of %p', (capacity) => {
    expect(() => memoryLinkPair({ capacity })).toThrow(InvalidArgument);
  });

  test.each([1, 2, 32])('with a capacity of %p counts as buffered what is beyond it, one by one', async (capacity) => {
    const [left, right] = memoryLinkPair({ capacity });
    const atLeft = record(left);
    const atRight = record(right);
    right.pause();
    const messages = numbered(capacity + 2, 10);
    const buffered = messages.map((bytes) => {
      left.send(bytes);
      return left.buffered;
    });
    expect(buffered).toEqual([...messages.slice(2).map(() => 0), 10, 20]);
    await turns(2);
    expect([atRight.messages.length, atLeft.drains]).toEqual([0, 0]);
    right.resume();
    await atRight.received(capacity + 2);
    await atLeft.until(() => atLeft.drains > 0);
    expect(left.buffered).toBe(0);
    expect(numbersOf(atRight.messages)).toEqual(messages.map((_, index) => index));
  });

  test('passes the very bytes that were sent', async () => {
    const [left, right] = memoryLinkPair();
    record(left);
    const atRight = record(right);
    const bytes = new Uint8Array(3);
    left.send(bytes);
    await atRight.received(1);
    expect(atRight.messages[0]).toBe(bytes);
  });

  test('tells that messages have left only if some were buffered, and tells an end that is over nothing', async () => {
    const [left, right] = memoryLinkPair({ capacity: 2 });
    const [atLeft, atRight] = [record(left), record(right)];
    for (const bytes of numbered(2)) left.send(bytes);
    await atRight.received(2);
    await turns(1);
    expect(atLeft.drains).toBe(0);
    for (const bytes of numbered(3)) left.send(bytes);
    atRight.onMessage = () => left.abort();
    await atRight.end();
    expect(atLeft.events).toBe(0);
  });

  test('takes and forgets messages for an end that is over', async () => {
    const [left, right] = memoryLinkPair({ capacity: 1 });
    const atLeft = record(left);
    right.abort();
    for (const bytes of numbered(3, 10)) left.send(bytes);
    expect(left.buffered).toBe(0);
    expect(await atLeft.end()).toEqual(new LinkError('the peer aborted the link'));
  });

  test('tells an end nothing more once that has aborted it, in the midst of its messages', async () => {
    const [left, right] = memoryLinkPair();
    record(left);
    const atRight = record(right);
    for (const bytes of numbered(2)) left.send(bytes);
    left.close();
    atRight.onMessage = () => right.abort();
    await turns(3);
    expect([atRight.messages.length, atRight.ends]).toEqual([1, []]);
  });

  test('that fails tells both ends the error, even paused ones, and drops what is under way', async () => {
    const [left, right] = memoryLinkPair({ capacity: 1 });
    const [atLeft, atRight] = [record(left), record(right)];
    left.send(new Uint8Array(1));
    left.send(new Uint8Array(1));
    right.pause();
    const error = new Error('the cable was pulled');
    left.fail(error);
    left.fail(new Error('a second cause'));
    expect([atLeft.ends, atRight.ends]).toEqual([[], []]);
    for (const end of [left, right]) expect(() => end.send(new Uint8Array(1))).toThrow(LinkError);
    await turns(1);
    expect([atLeft.ends, atRight.ends]).toEqual([[error], [error]]);
    expect([left.buffered, atRight.messages.length]).toEqual([0, 0]);
  });

  test('fails with a LinkError unless told otherwise, also before start and while closing', async () => {
    const [left, right] = memoryLinkPair();
    const atLeft = record(left);
    left.close();
    right.fail();
    const atRight = record(right);
    expect(await atLeft.end()).toBeInstanceOf(LinkError);
    expect(await atRight.end()).toBeInstanceOf(LinkError);
  });

  test('that has ended does not fail', async () => {
    const [left, right] = memoryLinkPair();
    const [atLeft, atRight] = [record(left), record(right)];
    left.close();
    await Promise.all([atLeft.end(), atRight.end()]);
    left.fail();
    await turns(2);
    expect([atLeft.ends, atRight.ends]).toEqual([['ended'], ['ended']]);
  });

  test('delivers what had left before an abort, and nothing of what was buffered', async () => {
    const [left, right] = memoryLinkPair({ capacity: 2 });
    record(left);
    const atRight = record(right);
    for (const bytes of numbered(5)) left.send(bytes);
    left.abort();
    await atRight.end();
    expect(numbersOf(atRight.messages)).toEqual([0, 1]);
  });

  test('leaves timers their turn while its ends answer each other for ever', async () => {
    const [left, right] = memoryLinkPair();
    const [atLeft, atRight] = [record(left), record(right)];
    // An end to it, or a link that starves timers would never let the test fail.
    const forEver = 1_000_000;
    atLeft.onMessage = (bytes) => void (atLeft.messages.length < forEver && left.send(bytes));
    atRight.onMessage = (bytes) => right.send(bytes);
    left.send(new Uint8Array(1));
    await new Promise((resolve) => setTimeout(resolve, 1));
    left.abort();
    expect(atLeft.messages.length).toBeLessThan(forEver);
  });

  test('delivers the rest when a handler throws', async () => {
    const thrown: unknown[] = [];
    const microtasks = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation(
      (callback) =>
        void Promise.resolve()
          .then(callback)
          .catch((error) => thrown.push(error)),
    );
    const [left, right] = memoryLinkPair();
    record(left);
    const atRight = record(right);
    const error = new Error('the handler is broken');
    atRight.onMessage = () => {
      if (atRight.messages.length === 1) throw error;
    };
    for (const bytes of numbered(3)) left.send(bytes);
    await atRight.received(3);
    microtasks.mockRestore();
    expect(thrown).toEqual([error]);
    expect(numbersOf(atRight.messages)).toEqual([0, 1, 2]);
  });
});
