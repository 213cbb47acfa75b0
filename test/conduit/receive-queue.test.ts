import { describe, expect, it, test } from '@jest/globals';
import { afterTurn } from '../../src/base/turn.js';
import {
  ConnectionBudget,
  detached,
  detachedMessage,
  MessageQueue,
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
