import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { messagePack } from '../../src/codec/msgpack/msgpack.js';
import { closeOf, HELLO, HELLO_YOURSELF, NOTHING_LEFT, Rig, type RigOptions } from '../support/rig.js';
import { settle } from '../support/settle.js';

interface Failure {
  readonly name: string;
  readonly options?: RigOptions;
  readonly act: (rig: Rig) => unknown;
  readonly message: string;
  readonly cause?: unknown;
}

const broken = { ...HELLO_YOURSELF, connectionSettings: undefined } as never;

const FAILURES: readonly Failure[] = [
  { name: 'end of stream', act: (rig) => rig.peer.say('end'), message: 'peer closed during handshake' },
  {
    name: 'a failure to receive',
    act: (rig) => rig.peer.say({ fail: 'cable cut' }),
    message: 'cable cut',
    cause: { name: 'LinkError', message: 'cable cut' },
  },
  {
    name: 'time',
    act: async (rig) => {
      await rig.clock.advance(9_999);
      expect(rig.settled).toEqual({});
      await rig.clock.advance(1);
    },
    message: 'handshake timed out',
    cause: { name: 'ProtocolError', message: 'session.handshake: handshake timed out' },
  },
  {
    name: 'an acceptor that cannot answer',
    options: { role: 'acceptor' },
    act: (rig) => {
      rig.link.refuse();
      rig.peer.say(HELLO);
    },
    message: 'failed to send HelloYourself',
    cause: { name: 'LinkError', message: 'refused' },
  },
  {
    name: 'another message',
    act: (rig) => rig.peer.say(closeOf(1)),
    message: 'expected HelloYourself',
    cause: { name: 'ProtocolError', message: 'session.handshake: expected HelloYourself' },
  },
  {
    name: 'a ProtocolError',
    act: (rig) => rig.peer.say({ type: 'ProtocolError', connectionId: 0, description: 'go away' }),
    message: 'go away',
  },
  {
    name: 'a machine that throws',
    options: {
      conformance: 'strict',
      codec: { ...messagePack, decode: () => broken },
    },
    act: (rig) => rig.peer.say(HELLO_YOURSELF),
    message: 'the session ended during the handshake: crashed',
    cause: {
      name: 'SessionClosed',
      message: 'session closed',
      cause: expect.objectContaining({ message: expect.stringContaining("reading 'parity'") }),
    },
  },
];

describe('a handshake that fails rejects with HandshakeError and leaves nothing', () => {
  test.each(FAILURES)('$name', async ({ options, act, message, cause }) => {
    const controller = new AbortController();
    const rig = new Rig({ ...options, signal: controller.signal });
    await settle();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    await act(rig);
    await settle();
    expect(rig.settled).toEqual({
      start: { name: 'HandshakeError', message, ...(cause === undefined ? {} : { cause }) },
    });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    expect(rig.reports).toEqual([]);
  });

  test('an abort, with its reason as the cause', async () => {
    const controller = new AbortController();
    const rig = new Rig({ signal: controller.signal });
    await settle();
    controller.abort('enough');
    await settle();
    expect(rig.settled).toEqual({ start: { name: 'HandshakeError', message: 'handshake aborted', cause: 'enough' } });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  test('an abort before it began', async () => {
    const rig = new Rig({ signal: AbortSignal.abort('never mind') });
    await settle();
    expect(rig.settled).toEqual({
      start: { name: 'HandshakeError', message: 'handshake aborted', cause: 'never mind' },
    });
    expect(rig.leftovers).toEqual(NOTHING_LEFT);
  });
});

test('an abort after the handshake has no effect, and the session no longer listens', async () => {
  const controller = new AbortController();
  const rig = new Rig({ signal: controller.signal });
  await rig.say(HELLO_YOURSELF);
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  controller.abort();
  await settle();
  expect((await rig.starting).root.isConnected).toBe(true);
});
