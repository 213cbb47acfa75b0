import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, test } from '@jest/globals';
import { afterTurn } from '../../src/base/turn.js';
import {
  ConnectionBudget,
  detached,
  detachedMessage,
  MessageQueue,
  ReceiveBudget,
  UNBOUNDED,
} from '../../src/conduit/receive-queue.js';
import type { DataMessage } from '../../src/wire/message.js';

const chunk = Uint8Array.from({ length: 65_536 }, (_, at) => at % 251);

describe('bytes that are kept', () => {
  it('do not pin the chunk that they were read in', () => {
    const view = chunk.subarray(1000, 1016);
    expect(detached(view)).toEqual(view);
    expect(detached(view).buffer.byteLength).toBe(16);
  });

  it('stay where they are when they are most of it', () => {
    const view = chunk.subarray(0, 40_000);
    expect(detached(view)).toBe(view);
  });

  const messages: DataMessage[] = [
    {
      type: 'RequestMessage',
      connectionId: 1,
      id: 1,
      body: { type: 'Call', methodId: 1n, channels: [], metadata: [], args: chunk.subarray(7, 9) },
    },
    {
      type: 'RequestMessage',
      connectionId: 1,
      id: 1,
      body: { type: 'Response', channels: [], metadata: [], ret: chunk.subarray(7, 9) },
    },
    { type: 'RequestMessage', connectionId: 1, id: 1, body: { type: 'Cancel', metadata: [] } },
    { type: 'ChannelMessage', connectionId: 1, id: 1, body: { type: 'Item', item: chunk.subarray(7, 9) } },
    { type: 'ChannelMessage', connectionId: 1, id: 1, body: { type: 'GrantCredit', additional: 3 } },
  ];

  it.each(messages.map((message) => [message.body.type, message] as const))(
    'are the same in a %s, in memory of their own',
    (_, message) => {
      const kept = detachedMessage(message);
      expect(kept).toEqual(message);
      const bytes = Object.values(kept.body).filter((value) => value instanceof Uint8Array);
      expect(bytes.every((value) => value.buffer.byteLength === 2)).toBe(true);
    },
  );
});

describe('a queue of messages', () => {
  test('detaches the messages that are left after the turn, and only those', async () => {
    const keep = ({ bytes }: { bytes: Uint8Array }) => ({ bytes: detached(bytes) });
    const queue = new MessageQueue<{ bytes: Uint8Array }>(new ConnectionBudget(UNBOUNDED, 1), keep);
    const views = [1, 2, 3].map((at) => ({ bytes: chunk.subarray(at, at + 1) }));
    for (const view of views) queue.receive(view, 1);
    expect((await queue.next()).value).toBe(views[0]);
    await new Promise<void>(afterTurn);
    queue.receive({ bytes: chunk.subarray(4, 5) }, 1);
    const left = [queue.shift(), queue.shift(), queue.shift()];
    expect(left.map((message) => [message?.bytes[0], message?.bytes.buffer.byteLength])).toEqual([
      [2, 1],
      [3, 1],
      [4, 65_536],
    ]);
  });
});

const turn = () => new Promise<void>(afterTurn);

/** A budget, with the notes of what it does to the reading of its session. */
function budgetOf(limits: { inboxMessages?: number; inboxBytes?: number }) {
  const done: unknown[] = [];
  const budget = new ReceiveBudget(
    { inboxMessages: 8, inboxBytes: 1_000, ...limits },
    {
      pause: () => done.push('pause'),
      resume: () => done.push('resume'),
      push: (event) => done.push(event),
    },
  );
  /** Returns what was done since the last look. */
  const take = () => done.splice(0);
  return { budget, take };
}

/** The cost of a message beside the bytes of its frame. */
const COST = 128;

/** A queue of messages, each of which is the size of its own frame. */
const queueOf = (budget: ReceiveBudget, id: number) => {
  const connection = new ConnectionBudget(budget, id);
  const queue = new MessageQueue<number>(connection, (size) => size);
  /** Offers messages, as a session does: returns true if all found room. */
  const offer = (...sizes: number[]) =>
    sizes.every((size) => {
      if (!queue.admits(size)) return false;
      queue.receive(size, size);
      return true;
    });
  return { connection, queue, offer };
};

describe('the budget of unread messages', () => {
  test('stops the reading at the limit of one queue, until that queue is half empty', () => {
    const { budget, take } = budgetOf({ inboxMessages: 4, inboxBytes: 10_000 });
    const { queue, offer } = queueOf(budget, 1);
    expect([offer(1, 2, 3, 4), take()]).toEqual([true, []]);
    expect([offer(5), take()]).toEqual([false, ['pause']]);
    expect([queue.shift(), take()]).toEqual([1, []]);
    expect([queue.shift(), take()]).toEqual([2, ['resume']]);
    expect([queue.shift(), take()]).toEqual([3, []]);
  });

  test('lets reading go on with a queue that is half empty only when there are bytes, too', () => {
    const { budget, take } = budgetOf({ inboxMessages: 2, inboxBytes: 1_000 });
    const [one, other] = [queueOf(budget, 1), queueOf(budget, 3)];
    expect([one.offer(0, 0), one.offer(0), take()]).toEqual([true, false, ['pause']]);
    other.queue.receive(1_000, 1_000);
    expect([one.queue.shift(), one.queue.shift(), take()]).toEqual([0, 0, []]);
    expect([other.queue.shift(), take()]).toEqual([1_000, ['resume']]);
  });

  test('stops the reading when all queues together have so many bytes, until there are fewer', () => {
    const { budget, take } = budgetOf({ inboxBytes: 1_000 });
    const [one, other] = [queueOf(budget, 1), queueOf(budget, 3)];
    expect([one.offer(499 - COST), other.offer(500 - COST), budget.bytes]).toEqual([true, true, 999]);
    expect([one.offer(0), budget.bytes]).toEqual([true, 1_127]);
    expect([take(), other.offer(0), take()]).toEqual([[], false, ['pause']]);
    one.queue.shift();
    expect([budget.bytes, take()]).toEqual([628, ['resume']]);
    other.offer(372 - COST);
    expect([budget.bytes, one.offer(0), take()]).toEqual([1_000, false, ['pause']]);
  });

  test('tells the machines only of what lasts beyond a turn, by the id of the connection, and once', async () => {
    const { budget, take } = budgetOf({ inboxMessages: 2, inboxBytes: 10_000 });
    const { queue, offer } = queueOf(budget, 7);
    offer(1, 2, 3);
    queue.shift();
    expect(take()).toEqual(['pause', 'resume']);
    await turn();
    expect(take()).toEqual([]);
    offer(4, 5);
    await turn();
    expect(take()).toEqual(['pause', { type: 'inbox.filled', id: 7 }]);
    offer(6);
    await turn();
    expect(take()).toEqual(['pause']);
    queue.shift();
    expect(take()).toEqual([{ type: 'inbox.drained' }]);
    offer(7, 8);
    await turn();
    expect(take()).toEqual(['pause', { type: 'inbox.filled', id: 7 }]);
  });

  test('counts what is left on connections that are over with the rest, against twice the bytes', () => {
    const { budget, take } = budgetOf({ inboxBytes: 1_000 });
    const [one, other, third] = [queueOf(budget, 1), queueOf(budget, 3), queueOf(budget, 5)];
    expect(one.offer(999 - COST, 500 - COST)).toBe(true);
    expect(other.offer(0)).toBe(false);
    one.connection.leave();
    expect([budget.bytes, budget.leftBytes, take()]).toEqual([0, 1_499, ['pause', 'resume']]);
    expect([other.offer(500 - COST, 0), budget.bytes]).toEqual([true, 628]);
    expect([third.offer(0), take()]).toEqual([false, ['pause']]);
    // What was left can still be read, and makes room.
    expect([one.queue.shift(), budget.leftBytes, take()]).toEqual([999 - COST, 500, ['resume']]);
    one.connection.leave();
    expect([budget.bytes, budget.leftBytes]).toEqual([628, 500]);
    one.queue.receive(7, 7);
    expect([budget.bytes, budget.leftBytes]).toEqual([628, 635]);
    one.queue.drop();
    other.queue.shift();
    other.connection.leave();
    expect([budget.bytes, budget.leftBytes]).toEqual([0, 128]);
    other.queue.drop();
    expect([budget.bytes, budget.leftBytes]).toEqual([0, 0]);
  });

  test('is free of what a queue held once that is dropped, or its part is', () => {
    const { budget } = budgetOf({});
    const [one, other] = [queueOf(budget, 1), queueOf(budget, 3)];
    for (const { queue, offer } of [one, other]) {
      offer(10, 20, 30);
      queue.shift();
    }
    expect(budget.bytes).toBe(2 * (50 + 2 * COST));
    one.queue.drop();
    expect(budget.bytes).toBe(50 + 2 * COST);
    // The queue itself was garbage-collected.
    other.queue.budget.drop();
    expect(budget.bytes).toBe(0);
  });

  test('lets a message come for which it has no room, if that goes to a reader or is dropped', async () => {
    const { budget, take } = budgetOf({ inboxBytes: 1_000 });
    const [one, read, ended] = [queueOf(budget, 1), queueOf(budget, 3), queueOf(budget, 5)];
    one.offer(1_000);
    const next = read.queue.next();
    ended.queue.end();
    expect([read.offer(7), ended.offer(8), take()]).toEqual([true, true, []]);
    expect([await next, ended.queue.length, ended.queue.shift()]).toEqual([{ value: 7, done: false }, 0, undefined]);
    expect([read.offer(9), take()]).toEqual([false, ['pause']]);
  });

  test('has no bound for what only our own application can add', () => {
    const { queue, offer } = queueOf(UNBOUNDED, 1);
    expect(offer(...Array.from({ length: 1_000 }, () => 2 ** 40))).toBe(true);
    queue.drop();
  });

  test('is kept alive by no unread message of a connection that is over, which can still be read', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    let session: ReturnType<typeof budgetOf> | undefined = budgetOf({});
    const { connection, queue, offer } = queueOf(session.budget, 1);
    offer(1, 2, 3);
    connection.leave();
    session = undefined;
    for (let round = 0; round < 10 && connection.session !== undefined; round++) {
      await turn();
      collectGarbage();
    }
    expect(connection.session).toBeUndefined();
    expect([queue.shift(), await queue.next(), offer(4), queue.length]).toEqual([
      1,
      { value: 2, done: false },
      true,
      2,
    ]);
    connection.leave();
    queue.end();
    queue.drop();
    expect([queue.length, await queue.next()]).toEqual([0, { value: undefined, done: true }]);
    // One that is made only now, for a late reader.
    expect(new MessageQueue<number>(connection).admits(1)).toBe(true);
  });
});
