import { expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { Outbox } from '../../src/conduit/outbox.js';
import type { Link } from '../../src/link/link.js';
import type { DataMessage } from '../../src/wire/message.js';

test('an outbox that was full tells that it is empty, though the link takes all that waits at once', () => {
  const nothing = (): void => {};
  const link: Link & { buffered: number } = {
    ...{ buffered: 2_000, start: nothing, pause: nothing, resume: nothing, close: nothing, abort: nothing },
    send: nothing,
  };
  const events = {
    ...{ filled: nothing, progressed: nothing, drained: nothing, overflowed: nothing, unsendable: nothing },
  };
  const outbox = new Outbox(link, messagePack, { ...DEFAULT_LIMITS, outboxBytes: 1_000 }, events);
  const item = new Uint8Array(600);
  const message: DataMessage = { type: 'ChannelMessage', connectionId: 0, id: 1, body: { type: 'Item', item } };
  for (let count = 0; count < 3; count++) void outbox.send(message);
  let empty = 0;
  outbox.onEmpty = () => empty++;
  expect(outbox.isEmpty).toBe(false);
  link.buffered = 0;
  outbox.onDrained();
  expect([outbox.isEmpty, empty]).toEqual([true, 1]);
});
