import { describe, expect, jest, test } from '@jest/globals';
import { HandshakeError, InvalidPayload, LinkError, ProtocolError } from '../../src/base/errors.js';
import type { Message } from '../../src/wire/message.js';
import { established, Rig } from '../support/rig.js';

// Text from a peer that a person reads must neither control a terminal nor fill a screen or a log.

const TEXT = `\u001b[2J\u202e${'x'.repeat(50_000)}`;
const SHOWN = `\\u001b[2J\\u202e${'x'.repeat(496)}…`;
const ACCUSATION: Message = { type: 'ProtocolError', connectionId: 0, description: TEXT };

describe('the description of a ProtocolError', () => {
  test('is cut and escaped in the error that ends the session, which has the whole of it, too', async () => {
    const { rig, session } = await established();
    await rig.say(ACCUSATION);
    const { error } = await session.closed;
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error).toMatchObject({ message: SHOWN, fullMessage: TEXT });
    expect(error?.stack).not.toContain('\u001b');
  });

  test('is cut and escaped in the error of a handshake', async () => {
    const rig = new Rig();
    rig.track('fails', expect(rig.starting).rejects.toThrow(HandshakeError));
    await rig.say(ACCUSATION);
    const error = await rig.starting.catch((reason: HandshakeError) => reason);
    expect(error).toMatchObject({ message: expect.not.stringMatching(/[\p{Cc}\p{Bidi_Control}]/u) });
    expect((error as HandshakeError).message).toHaveLength(512);
    expect((error as HandshakeError).fullMessage).toContain(TEXT);
  });
});

test('no error prints the whole of its text', () => {
  const error = new LinkError(TEXT);
  expect(Object.keys(error)).not.toContain('fullMessage');
  expect(JSON.stringify(error)).not.toContain('xxx');
  expect(error.fullMessage).toBe(TEXT);
});

test('a short text of ours is as it was', () => {
  const error = new InvalidPayload('malformed payload');
  expect([error.message, error.fullMessage]).toEqual(['malformed payload', 'malformed payload']);
});

test('a report that goes to the console has no control character of a peer, and a bounded length', async () => {
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
  const onConnection = () => {
    throw new TypeError(`no such thing as ${TEXT}`, { cause: new Error(TEXT) });
  };
  // Pass undefined explicitly for the default report: the rig has an option of its own.
  const { rig, session } = await established({ onConnection, onReport: undefined } as object);
  await rig.say({
    type: 'ConnectionOpen',
    connectionId: 2,
    connectionSettings: { parity: 'odd', maxConcurrentRequests: 1 },
    metadata: [],
  });
  session.shutdown();
  await session.closed;
  const calls = warn.mock.calls.map((parts) => parts.map(String).join(' '));
  warn.mockRestore();
  expect(calls).toEqual([
    expect.stringMatching(/^roam-actors: onConnection failed for connection 2: TypeError: no such/),
  ]);
  expect(calls[0]).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
  expect(calls[0]?.length).toBeLessThan(10_000);
});
