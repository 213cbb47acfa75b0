import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { PendingRequests } from '../../src/conduit/pending-requests.js';

/** Pending requests whose outcomes are noted by number, as `[request, value]` or `[request, error]`. */
function noting() {
  const requests = new PendingRequests();
  const outcomes: unknown[] = [];
  const add = (signal?: AbortSignal, service?: string): number => {
    const { request, promise } = requests.add(signal, service);
    promise.then(
      (value) => outcomes.push([request, value]),
      (error: unknown) => outcomes.push([request, error]),
    );
    return request;
  };
  return { requests, outcomes, add };
}

const microtask = () => new Promise<void>(queueMicrotask);

describe('a pending request', () => {
  test('gets the next number, and settles once, with its own outcome', async () => {
    const { requests, outcomes, add } = noting();
    expect([add(), add(), add()]).toEqual([1, 2, 3]);
    requests.reject(2, 'refused');
    requests.resolve(1, 'done');
    requests.resolve(2, 'too late');
    requests.reject(1, 'too late');
    await microtask();
    expect(outcomes).toEqual([
      [2, 'refused'],
      [1, 'done'],
    ]);
  });

  test('settles with the others when all are rejected, each with an error of its own', async () => {
    const { requests, outcomes, add } = noting();
    add();
    add();
    requests.resolve(1, 'done');
    let made = 0;
    requests.rejectAll(() => new Error(`error ${++made}`));
    add();
    await microtask();
    expect(outcomes).toEqual([
      [1, 'done'],
      [2, new Error('error 1')],
    ]);
    requests.rejectAll(() => new Error(`error ${++made}`));
    await microtask();
    expect(outcomes.slice(2)).toEqual([[3, new Error('error 2')]]);
  });

  test('that is not there is nothing: neither to settle, nor to ask about', () => {
    const none = new PendingRequests();
    const { requests: one, add } = noting();
    add();
    for (const requests of [none, one]) {
      requests.resolve(7, 'done');
      requests.reject(7, 'refused');
      requests.postpone(1_000);
      expect([requests.reasonOf(7), requests.serviceOf(7), requests.expired(1_000)]).toEqual([
        undefined,
        undefined,
        [],
      ]);
    }
    none.rejectAll(() => new Error('made for nothing'));
  });

  test('knows its service, and why its signal aborted, until it settles', () => {
    const { requests, add } = noting();
    const controller = new AbortController();
    add(controller.signal, 'clock');
    add();
    expect([requests.reasonOf(1), requests.serviceOf(1)]).toEqual([undefined, 'clock']);
    controller.abort('enough');
    expect([requests.reasonOf(1), requests.serviceOf(1)]).toEqual(['enough', 'clock']);
    expect([requests.reasonOf(2), requests.serviceOf(2)]).toEqual([undefined, undefined]);
    requests.resolve(1, undefined);
    expect([requests.reasonOf(1), requests.serviceOf(1)]).toEqual([undefined, undefined]);
  });
});

describe('an open that waits for the answer', () => {
  /** Makes an open that is on its way, with its id as its request's number times ten. */
  function pended({ requests, add }: ReturnType<typeof noting>, deadline: number, signal?: AbortSignal) {
    const request = add(signal);
    const abandoned: number[] = [];
    requests.pend(request, 10 * request, deadline, () => abandoned.push(request));
    return { request, abandoned };
  }

  test('is abandoned once, when its signal aborts', () => {
    const all = noting();
    const controller = new AbortController();
    const { abandoned } = pended(all, 100, controller.signal);
    expect(abandoned).toEqual([]);
    controller.abort();
    expect(abandoned).toEqual([1]);
    all.requests.resolve(1, undefined);
    expect(abandoned).toEqual([1]);
  });

  test('is abandoned at once where its signal has aborted before its id was known, and listens to it no more', () => {
    const all = noting();
    const signal = AbortSignal.abort();
    expect(pended(all, 100, signal).abandoned).toEqual([1]);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test.each(['resolve', 'reject'] as const)('stops listening to its signal when it settles: %s', (settle) => {
    const all = noting();
    const controller = new AbortController();
    const { request, abandoned } = pended(all, 100, controller.signal);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    all.requests[settle](request, undefined);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    controller.abort();
    expect(abandoned).toEqual([]);
  });

  test('without a signal, or whose request has settled already, is never abandoned', () => {
    const all = noting();
    const { abandoned } = pended(all, 100);
    all.requests.pend(7, 70, 100, () => abandoned.push(7));
    expect(abandoned).toEqual([]);
  });

  test('expires at its deadline, not before, and the oldest is named first', () => {
    const all = noting();
    for (const deadline of [100, 100, 101]) pended(all, deadline);
    const { requests } = all;
    expect([99, 100, 101].map((now) => requests.expired(now))).toEqual([[], [10, 20], [10, 20, 30]]);
    requests.resolve(1, undefined);
    expect(requests.expired(100)).toEqual([20]);
  });

  test('has a later deadline once it is postponed', () => {
    const all = noting();
    for (const deadline of [100, 101]) pended(all, deadline);
    const { requests } = all;
    requests.postpone(200);
    expect([199, 200].map((now) => requests.expired(now))).toEqual([[], [10, 20]]);
  });
});
