import type { MetadataEntry } from '../../src/wire/metadata.js';
import type { Rule } from '../../src/wire/rule.js';
import { call, close, hello, open, ping, pong } from './messages.js';
import { BOTH, closedBy, failed, read, sessionClosed } from './outcome.js';
import { ACTIVE_1, PENDING_1 } from './scenes.js';
import type { Case, ErrorFacts, Expectation, Given, Row, SessionEnd, Step } from './vocabulary.js';

// Section 9a, row 12: frames that a peer must not send at all. They are raw MessagePack, since no encoder of ours would
// write them: [connectionId, tag, …fields].

const RULE: Rule = 'session.message';

/** 2^53, the first id that is too large, as a MessagePack uint 64. */
const TOO_LARGE = [0xcf, 0x00, 0x20, 0, 0, 0, 0, 0, 0];

/** An entry of the metadata, `["k", String, "v", 0]`. */
const ENTRY = [0x94, 0xa1, 0x6b, 0x00, 0xa1, 0x76, 0x00];

function frame(...parts: readonly (number | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

/** A Close on 1 whose metadata has so many entries. */
function closeWith(entries: number): Uint8Array {
  return frame(0x93, 1, 6, [0xdc, 0, entries], ...Array.from({ length: entries }, () => ENTRY));
}

/** A Close on 1 with one value of so many bytes. */
function closeWithValue(length: number): Uint8Array {
  const value = [0xc6, 0, length >> 16, (length >> 8) & 0xff, length & 0xff, ...new Uint8Array(length)];
  return frame(0x93, 1, 6, 0x91, [0x94, 0xa1, 0x6b, 0x01], value, 0x00);
}

const sixtyFour: readonly MetadataEntry[] = Array.from({ length: 64 }, () => ({ key: 'k', value: 'v', flags: 0n }));

/**
 * A frame that ends the session: unanswered in reference mode, with an accusation in strict mode; the error is the
 * same.
 */
function fatal(name: string, bytes: Uint8Array, error: ErrorFacts): readonly Case[] {
  const ends: SessionEnd = { cause: error.code === 'limit' ? 'limit' : 'protocol', error };
  const settled = { b: sessionClosed() };
  const steps = [...ACTIVE_1, { user: 'open', as: 'b', wire: [open(3)] }] as const;
  return [
    { name: `${name} ends the session`, modes: ['reference'], steps: [...steps, { peer: bytes, ends, settled }] },
    {
      name: `${name} is accused, and ends the session`,
      modes: ['strict'],
      steps: [...steps, { peer: bytes, wire: [{ violation: RULE }], ends, settled }],
    },
  ];
}

/** The same in answer to Hello: the handshake fails, and the error is its cause. */
function fatalAtFirst(name: string, bytes: Uint8Array, cause: ErrorFacts): readonly Case[] {
  const given: Given = { established: false };
  const start: Step = { user: 'start', wire: [hello()] };
  const fails: Expectation = { settled: { session: failed({ code: 'handshake', cause }) }, linkClosed: true };
  return [
    { name: `${name} fails the handshake`, modes: ['reference'], given, steps: [start, { peer: bytes, ...fails }] },
    {
      name: `${name} fails the handshake, and is accused`,
      modes: ['strict'],
      given,
      steps: [start, { peer: bytes, wire: [{ violation: RULE }], ...fails }],
    },
  ];
}

const BROKEN: ErrorFacts = { code: 'protocol', side: 'remote', rule: RULE };
const over = (limit: string): ErrorFacts => ({ code: 'limit', limit });

export const limits: Row = {
  row: '9a.12',
  rule: 'session.message',
  layer: 'session',
  situation:
    'an id above 2^53 − 1 (method ids and nonces are exempt); bytes that do not decode; a frame or ' +
    'metadata over its limit',
  reference: { wire: 'nothing', user: 'the session ends with that error' },
  strict: { wire: 'ProtocolError on 0', user: 'the session ends with that error' },
  cases: [
    ...fatal('a connection id of 2^53', frame(0x93, TOO_LARGE, 6, 0x90), BROKEN),
    ...fatal('a request id of 2^53', frame(0x95, 1, 7, TOO_LARGE, 2, 0x90), BROKEN),
    ...fatal('a channel id of 2^53', frame(0x95, 1, 8, TOO_LARGE, 3, 1), BROKEN),
    ...fatal('a frame of a byte that means nothing', frame(0xc1), BROKEN),
    ...fatal('an empty frame', frame(), BROKEN),
    ...fatal('a frame cut short', frame(0x93, 1, 6), BROKEN),
    ...fatal('a frame with bytes behind the message', frame(0x93, 1, 6, 0x90, 0x00), BROKEN),
    ...fatal('an unknown tag', frame(0x93, 1, 11, 0x90), BROKEN),
    ...fatal('a frame of one byte above 1 MiB', new Uint8Array(2 ** 20 + 1), over('frame')),
    ...fatal('metadata of 65 entries', closeWith(65), over('metadataEntries')),
    ...fatal('metadata of 20 KiB', closeWithValue(20 * 1024), over('metadataBytes')),
    ...fatalAtFirst('a frame that does not decode', frame(0xc1), BROKEN),
    ...fatalAtFirst('a frame above its limit', new Uint8Array(2 ** 16 + 1), over('handshakeBytes')),
    ...fatalAtFirst('metadata above its limit', closeWith(65), over('metadataEntries')),
    {
      name: 'metadata of 64 entries is within its limit',
      modes: BOTH,
      steps: [...ACTIVE_1, { peer: close(1, sixtyFour), closed: { a: closedBy('peer', sixtyFour) } }],
    },
    {
      name: 'the largest id is 2^53 − 1',
      modes: BOTH,
      steps: [
        { peer: call(0, 2 ** 53 - 2) },
        { user: 'read', on: 'root', as: 'r', settled: { r: read(call(0, 2 ** 53 - 2)) } },
      ],
    },
    {
      name: 'method ids and nonces have the whole range of 64 bits',
      modes: BOTH,
      steps: [
        PENDING_1,
        { peer: ping(2n ** 64n - 1n), wire: [pong(2n ** 64n - 1n)] },
        { peer: call(0, 2, 2n ** 64n - 1n) },
        { user: 'read', on: 'root', as: 'r', settled: { r: read(call(0, 2, 2n ** 64n - 1n)) } },
      ],
    },
  ],
};
