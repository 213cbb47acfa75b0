import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { InvalidArgument } from '../../src/base/errors.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import type { Connection } from '../../src/session/connection.js';
import { accept, initiate } from '../../src/session/default-codec.js';
import { proxyConnections } from '../../src/session/proxy.js';
import type { Session } from '../../src/session/session.js';
import type { DataMessage } from '../../src/wire/message.js';
import { type Metadata, NO_PROPAGATE, SENSITIVE } from '../../src/wire/metadata.js';
import { Sensitive } from '../../src/wire/sensitive.js';
import { VirtualClock } from '../support/clock.js';
import { ControlledLink } from '../support/link.js';
import { sensitiveEquality } from '../support/messages.js';
import { itemOf, numberOf } from '../support/rig.js';
import { upTo } from '../support/sequence.js';
import { settle } from '../support/settle.js';

expect.addEqualityTesters([sensitiveEquality]);

/** Two peers, and a proxy between them that has a session with each. */
interface Scene {
  readonly caller: Session;
  readonly left: Session;
  readonly right: Session;
  readonly callee: Session;
  /** The link from the proxy to the callee. */
  readonly link: ControlledLink;
}

let scene: Scene;

let reports: unknown[];

const options = () => ({ clock: new VirtualClock(), onReport: (report: unknown) => reports.push(report) });

beforeEach(async () => {
  reports = [];
  const [callerEnd, leftEnd] = memoryLinkPair();
  const [rightEnd, calleeEnd] = memoryLinkPair();
  const link = new ControlledLink(rightEnd);
  const limits = { inboxMessages: 4, outboxBytes: 2_000 };
  const [caller, left, right, callee] = await Promise.all([
    initiate(callerEnd, { ...options(), limits }),
    accept(leftEnd, { ...options(), limits }),
    initiate(link, { ...options(), limits }),
    accept(calleeEnd, { ...options(), limits, onConnection: () => ({ type: 'accept' }) }),
  ]);
  scene = { caller, left, right, callee, link };
});

afterEach(async () => {
  const { caller, left, right, callee } = scene;
  for (const session of [caller, left, right, callee]) session.shutdown();
  await settle();
  expect(reports).toEqual([]);
});

/** A virtual leg on the right, and the callee's end of it. */
async function virtualLeg(): Promise<[Connection, Connection]> {
  const leg = await scene.right.open();
  return [leg, scene.callee.connection(leg.id) as Connection];
}

/** Collects the messages that arrive, and notes the end of the connection. */
function collect(connection: Connection): { messages: DataMessage[]; isOver: boolean } {
  const collected = { messages: [] as DataMessage[], isOver: false };
  void (async () => {
    for await (const message of connection) collected.messages.push(message);
    collected.isOver = true;
  })();
  return collected;
}

const metadata: Metadata = [
  { key: 'kept', value: 'a', flags: 0n },
  { key: 'stripped', value: 'b', flags: NO_PROPAGATE },
  { key: 'kept', value: 2n, flags: (2n ** 63n) | 4n },
  { key: 'stripped', value: 3n, flags: 2n ** 64n - 1n },
  { key: 'secret', value: new Sensitive('c'), flags: SENSITIVE },
];
const kept = metadata.filter(({ key }) => key !== 'stripped');
const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);

interface Body {
  readonly [field: string]: unknown;
  readonly metadata?: Metadata;
}

const BODIES: readonly [kind: string, type: DataMessage['type'], body: Body][] = [
  ['Call', 'RequestMessage', { type: 'Call', methodId: 2n ** 64n - 1n, channels: [5, 7], metadata, args: bytes }],
  ['Response', 'RequestMessage', { type: 'Response', channels: [2 ** 53 - 1], metadata, ret: bytes }],
  ['Cancel', 'RequestMessage', { type: 'Cancel', metadata }],
  ['Item', 'ChannelMessage', { type: 'Item', item: bytes }],
  ['Close', 'ChannelMessage', { type: 'Close', metadata }],
  ['Reset', 'ChannelMessage', { type: 'Reset', metadata }],
  ['GrantCredit', 'ChannelMessage', { type: 'GrantCredit', additional: 2 ** 32 - 1 }],
];

describe('a proxy', () => {
  // 9b.15
  test.each(BODIES)(
    'passes on %s both ways, with its ids and bytes, without what is marked NO_PROPAGATE',
    async (_, type, body) => {
      const [leg, far] = await virtualLeg();
      void proxyConnections(scene.left.root, leg);
      const expected = { ...body, ...('metadata' in body ? { metadata: kept } : {}) };
      const there = collect(far);
      const back = collect(scene.caller.root);
      await scene.caller.root.send({ type, id: 2 ** 53 - 1, body } as never);
      await far.send({ type, id: 4, body } as never);
      await settle();
      expect(there.messages).toEqual([{ type, connectionId: leg.id, id: 2 ** 53 - 1, body: expected }]);
      expect(back.messages).toEqual([{ type, connectionId: 0, id: 4, body: expected }]);
    },
  );

  test('keeps the order, each way on its own', async () => {
    const [leg, far] = await virtualLeg();
    void proxyConnections(leg, scene.left.root);
    const there = collect(far);
    const back = collect(scene.caller.root);
    const { root } = scene.caller;
    await Promise.all(
      upTo(200).flatMap((number) => [root.send(itemOf(0, number)), far.send(itemOf(0, number + 1_000))]),
    );
    await settle();
    expect(there.messages.map(numberOf)).toEqual(upTo(200));
    expect(back.messages.map(numberOf)).toEqual(upTo(200).map((number) => number + 1_000));
  });

  test('closes its virtual leg when the other session ends, and is over', async () => {
    const [leg, far] = await virtualLeg();
    const proxied = proxyConnections(scene.left.root, leg);
    scene.caller.shutdown();
    await expect(proxied).resolves.toBe(undefined);
    await expect(leg.closed).resolves.toEqual({ by: 'local', metadata: [] });
    await expect(far.closed).resolves.toEqual({ by: 'peer', metadata: [] });
    expect(scene.right.root.isConnected).toBe(true);
  });

  test('releases its root leg when the virtual one is closed: that session is over, and nothing is an error', async () => {
    const [leg, far] = await virtualLeg();
    const proxied = proxyConnections(scene.left.root, leg);
    await far.close();
    await expect(proxied).resolves.toBe(undefined);
    await expect(scene.left.closed).resolves.toEqual({ cause: 'released', by: 'local' });
    await expect(scene.caller.closed).resolves.toEqual({ cause: 'peer', by: 'peer' });
    await expect(leg.closed).resolves.toEqual({ by: 'peer', metadata: [] });
  });

  test('keeps the session of its root leg while another connection lives there', async () => {
    const [other] = await virtualLeg();
    const proxied = proxyConnections(scene.left.root, scene.right.root);
    scene.caller.shutdown();
    await proxied;
    await settle();
    expect([other.isConnected, scene.right.root.isConnected]).toEqual([true, true]);
    await other.close();
    await expect(scene.right.closed).resolves.toEqual({ cause: 'released', by: 'local' });
  });

  test('releases both legs when one of them takes no more messages', async () => {
    const [leg] = await virtualLeg();
    const proxied = proxyConnections(scene.left.root, leg);
    scene.link.refuse();
    await scene.caller.root.send(itemOf(0, 1));
    await proxied;
    await expect(scene.right.closed).resolves.toMatchObject({ cause: 'link' });
    await expect(scene.left.closed).resolves.toEqual({ cause: 'released', by: 'local' });
  });

  test('makes the sender wait when the receiver is slow, and loses nothing', async () => {
    const [leg, far] = await virtualLeg();
    void proxyConnections(scene.left.root, leg);
    const count = 400;
    let sent = 0;
    void (async () => {
      for (const number of upTo(count)) {
        await scene.caller.root.send(itemOf(0, number, 16 * 1024));
        sent += 1;
      }
    })();
    await settle();
    // The memory between the two ends is bounded: inboxes, outboxes, and the buffers of each link.
    const stuck = sent;
    expect(stuck).toBeLessThan(count / 2);
    await settle();
    expect(sent).toBe(stuck);
    const there = collect(far);
    await settle();
    expect(sent).toBe(count);
    expect(there.messages.map(numberOf)).toEqual(upTo(count));
  });

  test('refuses two legs whose ids cannot be kept, and touches neither', async () => {
    const [leg] = await virtualLeg();
    const error = new InvalidArgument("request ids can't be kept: both connections have odd parity on our side");
    await expect(proxyConnections(scene.right.root, leg)).rejects.toEqual(error);
    await expect(proxyConnections(leg, leg)).rejects.toEqual(
      new InvalidArgument('a connection cannot be proxied to itself'),
    );
    expect([leg.isConnected, scene.right.root.isConnected]).toEqual([true, true]);
    // The leg has no reader yet, so the test can take one.
    leg[Symbol.asyncIterator]();
  });

  test('refuses a leg that has a reader already', async () => {
    const [leg] = await virtualLeg();
    leg[Symbol.asyncIterator]();
    const error = new InvalidArgument(`connection ${String(leg.id)} has a reader already`);
    await expect(proxyConnections(scene.left.root, leg)).rejects.toEqual(error);
    await expect(proxyConnections(leg, scene.left.root)).rejects.toEqual(error);
    await settle();
    expect([leg.isConnected, scene.left.root.isConnected]).toEqual([true, true]);
    // The other leg can still be given a reader.
    scene.left.root[Symbol.asyncIterator]();
  });
});
