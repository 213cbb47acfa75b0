import { describe, expect, test } from '@jest/globals';
import { accept, initiate } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { ControlledLink, ScriptedPeer, settle, VirtualClock } from '../../src/testing/index.js';
import { helloYourself, ping } from '../spec/messages.js';

// What the documentation of each says, done.

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
