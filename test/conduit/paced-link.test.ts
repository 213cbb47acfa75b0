import { expect, test } from '@jest/globals';
import { DEFAULT_LIMITS } from '../../src/base/limits.js';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { Outbox } from '../../src/conduit/outbox.js';
import { PacedLink } from '../../src/conduit/paced-link.js';
import type { Link, LinkEvents } from '../../src/link/link.js';
import type { ConnectionOpen, DataMessage } from '../../src/wire/message.js';

test('a frame that is held back is not given back when an Open behind it is withdrawn', () => {
  let sent = 0;
  const nothing = (): void => {};
  const inner: Link = {
    ...{ releasesSent: true, buffered: 0, start: nothing, pause: nothing, resume: nothing, close: nothing },
    ...{ abort: nothing, send: () => void sent++ },
  };
  const released: Uint8Array[] = [];
  const codec = { ...messagePack, release: (frame: Uint8Array) => void released.push(frame) };
  const paced = new PacedLink(inner, codec, DEFAULT_LIMITS, nothing);
  const events = {
    ...{ filled: nothing, progressed: nothing, drained: nothing, overflowed: nothing, unsendable: nothing },
  };
  const outbox = new Outbox(paced, codec, DEFAULT_LIMITS, events);
  paced.start({ message: nothing, drained: outbox.onDrained, ended: nothing, failed: nothing });
  const open = (connectionId: number, length: number): ConnectionOpen => ({
    type: 'ConnectionOpen',
    connectionId,
    connectionSettings: { parity: 'odd', maxConcurrentRequests: 1 },
    metadata: [{ key: 'k', value: 'x'.repeat(length), flags: 0n }],
  });
  const call = (id: number): DataMessage => ({
    type: 'RequestMessage',
    connectionId: 0,
    id,
    body: { type: 'Call', methodId: 1n, channels: [], metadata: [], args: new Uint8Array(2000) },
  });
  outbox.transmit(open(1, 1));
  for (let id = 1; !paced.isHolding && id < 20; id += 2) void outbox.send(call(id));
  const before = sent;
  void outbox.send(call(101));
  expect(sent).toBe(before);
  outbox.transmit(open(3, 5000));
  outbox.transmit({ type: 'ConnectionClose', connectionId: 3, metadata: [] });
  expect(paced.buffered).toBeGreaterThan(2000);
  // The Open and the calls that have left, at most: not the call that is held.
  expect(released.length).toBeLessThan(before);
});

test('says of each moment if the link beneath releases frames: one that outlives its connections may change', () => {
  const nothing = (): void => {};
  const inner = {
    ...{ releasesSent: true, buffered: 0, start: nothing, pause: nothing, resume: nothing, close: nothing },
    ...{ abort: nothing, send: nothing },
  };
  const paced = new PacedLink(inner, messagePack, DEFAULT_LIMITS, nothing);
  expect(paced.releasesSent).toBe(true);
  inner.releasesSent = false;
  expect(paced.releasesSent).toBe(false);
});

test('tells of interruptions, and takes events that have no listener for them', () => {
  const nothing = (): void => {};
  let told: LinkEvents | undefined;
  const inner: Link = {
    ...{ buffered: 0, pause: nothing, resume: nothing, close: nothing, abort: nothing, send: nothing },
    start: (events) => {
      told = events;
    },
  };
  const needed = { message: nothing, drained: nothing, ended: nothing, failed: nothing };
  const heard: string[] = [];
  const heeding = { interrupted: () => void heard.push('interrupted'), restored: () => void heard.push('restored') };
  for (const more of [{}, heeding]) {
    new PacedLink(inner, messagePack, DEFAULT_LIMITS, nothing).start({ ...needed, ...more });
    told?.interrupted?.();
    told?.restored?.();
  }
  expect(heard).toEqual(['interrupted', 'restored']);
});
