import { describe, expect, it } from '@jest/globals';
import { detached, detachedMessage } from '../../src/detach.js';
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
