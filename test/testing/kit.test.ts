import { describe, expect, test } from '@jest/globals';
import { helloYourself, ping } from '../../spec/rows/messages.js';
import { accept, InvalidArgument, initiate } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { ControlledLink, ScriptedPeer, settle, VirtualClock } from '../../src/testing/index.js';

// Does what the documentation of each helper says.

describe('a scripted peer', () => {
  test('says what it is told to, the wrong thing too', async () => {
    const [near, far] = memoryLinkPair();
    const peer = new ScriptedPeer(far);
    const starting = accept(near);
    peer.say({ type: 'Ping', connectionId: 0, nonce: 1n });
    await expect(starting).rejects.toThrow('expected Hello');
    await settle();
    expect(peer.hasHeardEnd).toBe(true);
  });

  test('gives what it hears once, and tells of each thing as it comes', async () => {
    const [near, far] = memoryLinkPair();
    const heard: unknown[] = [];
    const peer = new ScriptedPeer(far, { onHeard: (word) => heard.push(word) });
    const other = new ScriptedPeer(near);
    other.say(ping(3n), Uint8Array.of(0xc1), 'end');
    await settle();
    expect(heard).toEqual([ping(3n), Uint8Array.of(0xc1), 'end']);
    expect([peer.take(), peer.take()]).toEqual([[ping(3n)], []]);
  });

  test('refuses what it cannot say', () => {
    const [near] = memoryLinkPair();
    const peer = new ScriptedPeer(near);
    expect(() => peer.say('stop' as never)).toThrow(
      new InvalidArgument("a peer says a message, bytes, 'end' or { fail }, not stop"),
    );
    expect(() => peer.say(undefined as never)).toThrow(InvalidArgument);
    expect(() => peer.say({ type: 'Bing' } as never)).toThrow(InvalidArgument);
    expect(() => new ScriptedPeer('ws://127.0.0.1' as never)).toThrow(new InvalidArgument('a peer needs a link'));
    expect(() => new ScriptedPeer(near, { onHeard: 1 as never })).toThrow(
      new InvalidArgument('onHeard must be a function'),
    );
    expect(() => new ControlledLink(undefined as never)).toThrow(
      new InvalidArgument('a controlled link goes around a link'),
    );
  });

  test('cannot make a link fail that has no way to', () => {
    const [near] = memoryLinkPair();
    const peer = new ScriptedPeer(new ControlledLink(near));
    expect(() => peer.say({ fail: 'pulled' })).toThrow('this link cannot be made to fail');
  });
});

test('a controlled link holds back what is sent, and the link beneath it fails', async () => {
  const clock = new VirtualClock();
  const [near, far] = memoryLinkPair();
  const peer = new ScriptedPeer(far);
  peer.say(helloYourself());
  const link = new ControlledLink(near);
  const session = await initiate(link, { clock });
  await settle();
  peer.take();
  link.hold();
  void session.open().catch(() => {});
  await settle();
  expect(peer.take()).toEqual([]);
  link.take();
  await settle();
  expect(peer.take()).toMatchObject([{ type: 'ConnectionOpen', connectionId: 1 }]);
  peer.say({ fail: 'pulled' });
  expect(await session.closed).toMatchObject({ cause: 'link', error: { message: 'pulled' } });
});

test('a virtual clock goes on when it is told to, and not before', async () => {
  const clock = new VirtualClock();
  const [link, far] = memoryLinkPair();
  new ScriptedPeer(far).say(helloYourself());
  const session = await initiate(link, { clock, keepalive: { pingInterval: 100, pongTimeout: 50 } });
  await clock.advance(149);
  expect(session.root.isConnected).toBe(true);
  await clock.advance(1);
  expect(await session.closed).toMatchObject({ cause: 'keepalive' });
  expect(clock.size).toBe(0);
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('a virtual clock does not go on by %p ms', async (time) => {
  const clock = new VirtualClock();
  const message = `a clock goes on by a number of milliseconds from 0, not by ${String(time)}`;
  expect(() => clock.advanceNow(time)).toThrow(new InvalidArgument(message));
  await expect(clock.advance(time)).rejects.toThrow(new InvalidArgument(message));
  expect(() => clock.setTimeout(() => {}, time)).toThrow(InvalidArgument);
  expect(() => clock.setTimeout('callback' as never, 1)).toThrow(InvalidArgument);
  expect([clock.now(), clock.size]).toEqual([0, 0]);
});
