import { describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { channel } from '../../src/calls/channel.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { initiate } from '../../src/session/default-codec.js';
import type { Message } from '../../src/wire/message.js';
import { acceptOf, established, HELLO_YOURSELF, Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';
import { bytes, callOf, cancelOf, itemOn, responseOf } from '../support/traffic.js';

// The official Swift peer is scripted here, from its source: rows 9.01, 9.02, 9.06, 9.19 to 9.23 of what real peers do.

const SWIFT: RigOptions = { peer: 'roam-swift-7' };

/** A session whose peer takes one request at a time. */
async function narrow(options: RigOptions) {
  const rig = new Rig(options);
  const connectionSettings = { parity: 'even', maxConcurrentRequests: 1 } as const;
  rig.peer.say({ ...HELLO_YOURSELF, connectionSettings } as Message);
  const session = await rig.starting;
  await settle();
  rig.peer.take();
  return { rig, caller: session.root.caller() };
}

describe('cancelTimeout (9.19)', () => {
  test.each([
    ['of the preset', SWIFT, 5_000],
    ['of the user', { ...SWIFT, cancelTimeout: 70 }, 70],
    ['alone', { cancelTimeout: 70 }, 70],
  ])('%s: a cancelled call gives its place free without a Response', async (_, options, time) => {
    const { rig, caller } = await narrow(options);
    const controller = new AbortController();
    rig.track('first', caller.call(1n, bytes(1), { signal: controller.signal }));
    rig.track('second', caller.call(1n, bytes(2)));
    expect(await rig.heard()).toEqual([callOf(1, bytes(1))]);
    controller.abort();
    expect(await rig.heard()).toEqual([cancelOf(1)]);
    expect(rig.settled).toMatchObject({ first: { name: 'Cancelled' } });
    await rig.clock.advance(time - 1);
    expect(await rig.heard()).toEqual([]);
    await rig.clock.advance(1);
    expect(await rig.heard()).toEqual([callOf(3, bytes(2))]);
    // A late Response: its caller has already given up.
    await rig.say(responseOf(1, bytes(7)));
    await rig.say(responseOf(3, bytes(8)));
    expect(rig.settled).toMatchObject({ second: { ret: bytes(8) } });
    expect(rig.clock.size).toBe(0);
  });

  test('leaves no timer when the Response comes, or the session ends', async () => {
    for (const input of [responseOf(1, bytes(7)), 'end'] as const) {
      const { rig, caller } = await narrow(SWIFT);
      const controller = new AbortController();
      rig.track('call', caller.call(1n, bytes(1), { signal: controller.signal }));
      await rig.heard();
      controller.abort();
      await rig.heard();
      expect(rig.clock.size).toBe(1);
      await rig.say(input);
      expect(rig.clock.size).toBe(0);
    }
  });

  test('Infinity waits for ever', async () => {
    const { rig, caller } = await narrow({ ...SWIFT, cancelTimeout: Number.POSITIVE_INFINITY });
    const controller = new AbortController();
    rig.track('first', caller.call(1n, bytes(1), { signal: controller.signal }));
    rig.track('second', caller.call(1n, bytes(2)));
    controller.abort();
    await rig.clock.advance(1_000_000);
    expect(await rig.heard()).toEqual([callOf(1, bytes(1)), cancelOf(1)]);
  });

  test.each([
    [{ cancelTimeout: 0 }, 'cancelTimeout must be an integer from 1 to 2147483647, or Infinity, not 0'],
    [{ cancelTimeout: 2 ** 31 }, 'cancelTimeout must be an integer from 1 to 2147483647, or Infinity, not 2147483648'],
    [
      { cancelTimeout: 5, conformance: 'strict' },
      "cancelTimeout is for peers that break rules: with it, conformance must be 'reference'",
    ],
  ])('InvalidArgument for %j', async (options, message) => {
    const [near] = memoryLinkPair();
    await expect(initiate(near, options as never)).rejects.toThrow(new InvalidArgument(message));
  });
});

test('a call on a virtual connection is answered there, and its channels’ messages are on connection 0 (9.06, 9.22)', async () => {
  const { rig, session } = await established(SWIFT);
  const opening = session.open();
  const connectionSettings = { parity: 'odd', maxConcurrentRequests: 64 } as const;
  await rig.say({ ...acceptOf(1), connectionSettings } as Message);
  const connection = await opening;
  expect(connection.parity).toBe('odd');
  const [theirTx, rx] = channel<Uint8Array>();
  rig.track('call', connection.caller().call(1n, bytes(), { channels: [theirTx] }));
  const read = rx[Symbol.asyncIterator]();
  rig.track('item', read.next());
  await rig.say(itemOn(1, 5), { ...responseOf(1, bytes(9)), connectionId: 1 });
  expect(rig.settled).toMatchObject({ item: { value: bytes(5) }, call: { ret: bytes(9) } });
});

test('metadata of its own means nothing (9.23)', async () => {
  const rig = new Rig(SWIFT);
  const entry = { key: 'moire.connection_correlation_id', value: 'x', flags: 0n };
  rig.peer.say({ ...HELLO_YOURSELF, metadata: [entry] } as Message);
  const { root } = await rig.starting;
  expect(root.peerMetadata).toEqual([entry]);
  rig.track('call', root.caller().call(1n, bytes(1)));
  await rig.heard();
  await rig.say(responseOf(1, bytes(2), [], [{ ...entry, key: 'moire.method_name' }]));
  expect(rig.settled).toMatchObject({ call: { ret: bytes(2) } });
});
