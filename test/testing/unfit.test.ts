import { expect, test } from '@jest/globals';
import { accept, helloYourself, pong, protocolError } from '../../spec/rows/messages.js';
import type { Link, Message } from '../../src/index.js';
import { memoryLinkPair } from '../../src/link/memory.js';
import { type ConformanceResult, conformance, type PeerInput, ScriptedPeer } from '../../src/testing/index.js';
import { hasParity } from '../../src/wire/id.js';

// A case that no peer fails would prove nothing. Three peers that do not speak the protocol show that every case can fail:
// where one of them is right by chance, another one is wrong.

type Answer = (message: Message) => readonly PeerInput[];

/** Greets, answers Pings, and does nothing else: it never ends and never answers. */
const deaf: Answer = (message) => {
  if (message.type === 'Hello') return [helloYourself()];
  return message.type === 'Ping' ? [pong(message.nonce)] : [];
};

/** Greets, answers Pings, accepts what it may, and ends without a word at anything else. */
const touchy: Answer = (message) => {
  if (message.type === 'ConnectionOpen' && hasParity(message.connectionId, 'odd'))
    return [accept(message.connectionId)];
  if (message.type === 'Hello' && message.connectionId !== 0) return ['end'];
  return message.type === 'Hello' || message.type === 'Ping' ? deaf(message) : ['end'];
};

/** Sends a ProtocolError at anything but a correct Hello. */
const hostile: Answer = (message) => {
  if (message.type === 'Hello' && message.version === 7 && message.connectionId === 0) return deaf(message);
  return message.type === 'Ping' ? deaf(message) : [protocolError('session.message: no'), 'end'];
};

async function failuresOf(answer: Answer): Promise<{ tried: readonly string[]; failed: readonly string[] }> {
  const connect = (): Link => {
    const [near, far] = memoryLinkPair();
    const peer = new ScriptedPeer(near, {
      onHeard: (word) => {
        if (typeof word === 'object' && 'type' in word) {
          try {
            peer.say(...answer(word));
          } catch {
            // It has ended already.
          }
        }
      },
    });
    return far;
  };
  const results = await conformance(connect, {
    timeouts: { answer: 25 },
    control: { rejectNext: () => {} },
    limits: { frame: 4_096, metadataEntries: 8, metadataBytes: 64 },
  });
  const named = (verdicts: readonly ConformanceResult['verdict'][]) =>
    results.filter(({ verdict }) => verdicts.includes(verdict)).map(({ name }) => name);
  return { tried: named(['pass', 'non-strict', 'fail']), failed: named(['fail']) };
}

test('every case that needs no control is failed by one of three peers that do not speak the protocol', async () => {
  const failures = await Promise.all([deaf, touchy, hostile].map(failuresOf));
  const unfailed = [...new Set(failures.flatMap(({ tried }) => tried))].filter((name) =>
    failures.every(({ failed }) => !failed.includes(name)),
  );
  // All three greet and answer Pings, or no other case would be tried; broken.test.ts has peers that do that wrong. When the
  // stream ends outside of any exchange, a peer can go wrong only by sending a message out of turn.
  expect(unfailed).toEqual([
    'an acceptor takes the parity that an odd initiator leaves it',
    "the end of the stream fails the acceptor's handshake",
    'a Ping is answered with its nonce, over the whole range',
    'the tester’s end closes the link',
  ]);
});
