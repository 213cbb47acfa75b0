import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { accept, InvalidArgument, initiate, type Link, messagePack } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { VirtualClock } from '../support/clock.js';
import { HELLO, HELLO_YOURSELF, NOTHING_LEFT, Rig } from '../support/rig.js';
import { settle } from '../support/settle.js';

describe('an acceptor whose peer has said nothing', () => {
  test('has no session: a link and a timer are all there is', async () => {
    const rig = new Rig({ role: 'acceptor' });
    await settle();
    expect([rig.actors.length, rig.clock.size]).toEqual([0, 1]);
    await rig.say(HELLO);
    expect(rig.actors.length).toBeGreaterThan(0);
    const session = await rig.starting;
    session.shutdown();
    await session.closed;
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test.each([
    ['reference', []],
    ['strict', ['ProtocolError']],
  ] as const)('times out at its time, and not before: %s', async (conformance, said) => {
    const rig = new Rig({ role: 'acceptor', conformance, limits: { handshakeTimeout: 5_000 } });
    rig.clock.advanceNow(4_999);
    await settle();
    expect(rig.settled).toEqual({});
    rig.clock.advanceNow(1);
    expect((await rig.heard()).map(({ type }) => type)).toEqual(said);
    expect(rig.settled).toMatchObject({ start: { name: 'HandshakeError', message: 'handshake timed out' } });
    rig.clock.advanceNow(10_000);
    await settle();
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('hears that the peer is gone, that the link is broken, and that it is to give up', async () => {
    const gone = new Rig({ role: 'acceptor' });
    await gone.say('end');
    expect(gone.settled).toMatchObject({ start: { message: 'peer closed during handshake' } });
    const broken = new Rig({ role: 'acceptor' });
    await broken.say({ fail: 'the cable was pulled' });
    expect(broken.settled).toMatchObject({ start: { message: 'the cable was pulled' } });
    for (const isEarly of [true, false]) {
      const controller = new AbortController();
      if (isEarly) controller.abort(new Error('enough'));
      const rig = new Rig({ role: 'acceptor', signal: controller.signal });
      controller.abort(new Error('enough'));
      await settle();
      expect(rig.settled).toMatchObject({ start: { name: 'HandshakeError', cause: { message: 'enough' } } });
      expect(rig.leftovers).toEqual(NOTHING_LEFT);
    }
    for (const { leftovers } of [gone, broken]) expect(leftovers).toEqual(NOTHING_LEFT);
  });

  test('heeds its signal no more once it has a session', async () => {
    const controller = new AbortController();
    const rig = new Rig({ role: 'acceptor', signal: controller.signal });
    await rig.say(HELLO);
    const session = await rig.starting;
    const actors = rig.actors.length;
    controller.abort();
    await settle();
    expect([rig.actors.length, session.root.isConnected]).toEqual([actors, true]);
    session.shutdown();
    await session.closed;
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });

  test('costs a fraction of what a session does', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const held = async (): Promise<number> => {
      for (let round = 0; round < 3; round++) {
        collectGarbage();
        await settle();
      }
      return process.memoryUsage().heapUsed;
    };
    const controller = new AbortController();
    const idle = { buffered: 0, start() {}, send() {}, pause() {}, resume() {}, close() {}, abort() {} };
    const begun: Promise<unknown>[] = [];
    /**
     * Returns the bytes for each of `count` links, the least of three rounds. Notes of the test runner show up in only one
     * of them.
     */
    const costOf = async (count: number, begin: (link: Link) => Promise<unknown>): Promise<number> => {
      const costs: number[] = [];
      let before = 0;
      // The first round also pays for objects that are made once.
      for (let round = 0; round < 4; round++) {
        for (let made = 0; made < count; made++) begun.push(begin({ ...idle }));
        const after = await held();
        if (round > 0) costs.push((after - before) / count);
        before = after;
      }
      return Math.min(...costs);
    };
    // A busy machine may take longer for this than the usual handshake timeout.
    const options = { signal: controller.signal, limits: { handshakeTimeout: 600_000 } };
    const silent = await costOf(600, (link) => accept(link, options));
    const session = await costOf(200, (link) => initiate(link, options));
    controller.abort();
    await Promise.allSettled(begun);
    expect(silent).toBeLessThan(session / 2);
  }, 60_000);

  test('whose link has no time for more than one millisecond times out, too', async () => {
    const rig = new Rig({ role: 'acceptor', limits: { handshakeTimeout: 1 } });
    await settle();
    rig.clock.advanceNow(1);
    await settle();
    expect(rig.settled).toMatchObject({ start: { message: 'handshake timed out' } });
  });
});

describe('limits.handshakeBytes', () => {
  const size = (message: typeof HELLO): number => messagePack.encode(message).length;

  test.each([
    ['acceptor', HELLO],
    ['initiator', HELLO_YOURSELF],
  ] as const)('is what the peer of an %s may say first, to the byte', async (role, first) => {
    const message = { ...first, metadata: [{ key: 'k', value: 'v'.repeat(1_000), flags: 0n }] } as typeof HELLO;
    const exact = new Rig({ role, limits: { handshakeBytes: size(message) } });
    await exact.say(message);
    const session = await exact.starting;
    // Later frames may be as long as any frame.
    await exact.say({ ...HELLO, type: 'ConnectionClose', connectionId: 2, metadata: [] } as never, {
      type: 'ChannelMessage',
      connectionId: 0,
      id: 2,
      body: { type: 'Item', item: new Uint8Array(5_000) },
    });
    session.shutdown();
    expect(await session.closed).toEqual({ cause: 'shutdown', by: 'local' });
    const over = new Rig({ role, limits: { handshakeBytes: size(message) - 1 } });
    await over.say(message);
    expect(over.settled).toMatchObject({
      start: {
        name: 'HandshakeError',
        message: expect.stringMatching(/^a frame of \d+ bytes is over the limit of \d+$/),
      },
    });
    await expect(over.starting).rejects.toMatchObject({ cause: { code: 'limit', limit: 'handshakeBytes' } });
  });

  test('has a default that is enough for the limits of metadata', async () => {
    const metadata = Array.from({ length: 64 }, (_, at) => ({
      key: `${at}`.padEnd(128, 'k'),
      value: 'v'.repeat(128),
      flags: 0n,
    }));
    const rig = new Rig({ role: 'acceptor' });
    await rig.say({ ...HELLO, metadata } as typeof HELLO);
    const session = await rig.starting;
    expect(session.root.peerMetadata).toHaveLength(64);
    session.shutdown();
    await session.closed;
  });
});

test('an acceptor whose link does not start says why at once, and leaves no timer', async () => {
  const clock = new VirtualClock();
  const link = {
    ...{ buffered: 0, send() {}, pause() {}, resume() {}, close() {}, abort() {} },
    start() {
      throw new Error('the link has been started already');
    },
  };
  await expect(accept(link, { clock })).rejects.toMatchObject({
    name: 'HandshakeError',
    message: 'the session ended during the handshake: crashed',
    cause: { name: 'SessionClosed', cause: { message: 'the link has been started already' } },
  });
  expect(clock.size).toBe(0);
});

test('a link may tell that messages have left before the first frame has come', async () => {
  const [near, far] = memoryLinkPair();
  const clock = new VirtualClock();
  let tell: (() => void) | undefined;
  const start = near.start.bind(near);
  near.start = (events) => {
    tell = () => events.drained();
    start(events);
  };
  const accepting = accept(near, { clock });
  tell?.();
  const connecting = initiate(far, { clock });
  const session = await accepting;
  tell?.();
  (await connecting).shutdown();
  expect(await session.closed).toEqual({ cause: 'peer', by: 'peer' });
});

test('an acceptor refuses a wrong option at once, and leaves its link alone', async () => {
  const [link] = memoryLinkPair();
  await expect(accept(link, { limits: { handshakeBytes: 0 } })).rejects.toBeInstanceOf(InvalidArgument);
  link.start({ message() {}, drained() {}, ended() {}, failed() {} });
  link.abort();
});

test('a link that keeps the functions of its events, and not their object, drives a session all the same', async () => {
  const [near, far] = memoryLinkPair();
  const kept: Link = {
    ...Object.fromEntries(
      (['send', 'pause', 'resume', 'close', 'abort'] as const).map((name) => [name, near[name].bind(near)]),
    ),
    buffered: 0,
    start: ({ message, drained, ended, failed }) => near.start({ message, drained, ended, failed }),
  } as Link;
  const accepting = accept(kept, { clock: new VirtualClock() });
  far.start({ message() {}, drained() {}, ended() {}, failed() {} });
  far.send(messagePack.encode(HELLO));
  const session = await accepting;
  far.close();
  expect(await session.closed).toEqual({ cause: 'peer', by: 'peer' });
});
