import { accept, call, hello, helloYourself, open, ping, pong, protocolError, settings } from './messages.js';
import {
  BOTH,
  byViolation,
  closedBy,
  established,
  handshakeFails,
  handshakeViolates,
  NOTHING,
  offence,
  opened,
  read,
  sessionClosed,
  VIOLATION,
} from './outcome.js';
import { ACTIVE_1, PENDING_1 } from './scenes.js';
import type { Case, Given, Row, Step } from './vocabulary.js';

// Section 9a, the two modes: how the session is established, and how a strict violation ends one.

const INITIATOR: Given = { established: false };
const ACCEPTOR: Given = { established: false, role: 'acceptor' };
const START: Step = { user: 'start', wire: [hello()] };
const LISTEN: Step = { user: 'start' };

/** A frame that no codec decodes: the one byte that MessagePack never uses. */
const GARBAGE = new Uint8Array([0xc1]);

/** The end of a session by a strict violation, the link being slow. */
// r[session.message]
const endings: readonly Case[] = [
  {
    name: 'after a violation local work fails at once, what still arrives is discarded, the accusation goes out last',
    modes: ['strict'],
    steps: [
      ...ACTIVE_1,
      { user: 'open', as: 'b', wire: [open(3)] },
      { link: 'hold-sends' },
      { user: 'send', on: 'a', message: call(1, 1) },
      {
        peer: [hello(), accept(3), ping(1n)],
        settled: { b: sessionClosed() },
        closed: { root: closedBy('session'), a: closedBy('session') },
      },
      { user: 'open', as: 'c', settled: { c: sessionClosed() } },
      { peer: [open(1), ping(2n)] },
      {
        link: 'take-sends',
        wire: [call(1, 1), { violation: 'session.handshake' }],
        ends: byViolation('session.handshake'),
      },
    ],
  },
  {
    name: 'after a violation the link is closed when the accusation does not leave within a second',
    modes: ['strict'],
    steps: [
      { link: 'hold-sends' },
      { peer: hello(), closed: { root: closedBy('session') } },
      { advance: 999 },
      { advance: 1, ends: byViolation('session.handshake') },
      { link: 'take-sends' },
    ],
  },
];

export const modesHandshake: readonly Row[] = [
  {
    row: '9a.01',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'any handshake failure but end, link error or a received ProtocolError',
    reference: { wire: NOTHING, user: 'HandshakeError, the link closed' },
    strict: { wire: 'ProtocolError on 0 [session.handshake]', user: 'HandshakeError, the link closed' },
    cases: [
      {
        name: 'reference: a wrong version is not answered',
        modes: ['reference'],
        given: ACCEPTOR,
        steps: [LISTEN, { peer: hello({ version: 8 }), ...handshakeFails('version mismatch: got 8, expected 7') }],
      },
      {
        name: 'strict: a wrong version is accused',
        modes: ['strict'],
        given: ACCEPTOR,
        steps: [LISTEN, { peer: hello({ version: 8 }), ...handshakeViolates('version mismatch: got 8, expected 7') }],
      },
      {
        name: 'reference: a wrong answer to Hello is not answered',
        modes: ['reference'],
        given: INITIATOR,
        steps: [START, { peer: pong(1n), ...handshakeFails('expected HelloYourself') }],
      },
      {
        name: 'strict: a wrong answer to Hello is accused',
        modes: ['strict'],
        given: INITIATOR,
        steps: [START, { peer: pong(1n), ...handshakeViolates('expected HelloYourself') }],
      },
      {
        // Bytes that do not decode are row 9a.12's, also during the handshake: its rule is the message's.
        name: 'reference: bytes that do not decode fail the handshake unanswered',
        modes: ['reference'],
        given: ACCEPTOR,
        steps: [LISTEN, { peer: GARBAGE, ...handshakeFails() }],
      },
      {
        name: 'strict: bytes that do not decode are accused during the handshake',
        modes: ['strict'],
        given: ACCEPTOR,
        steps: [LISTEN, { peer: GARBAGE, ...handshakeViolates(undefined, 'session.message') }],
      },
      {
        name: 'an end, an error and an accusation are answered in neither mode',
        modes: BOTH,
        given: ACCEPTOR,
        steps: [LISTEN, { peer: [protocolError('no'), 'end'], ...handshakeFails('no') }],
      },
    ],
  },
  {
    row: '9a.02',
    rule: 'connection.parity',
    layer: 'session',
    situation:
      'Hello or HelloYourself on an id other than 0; HelloYourself, or an Accept, with the same parity as ours',
    reference: { wire: NOTHING, user: 'taken as it is' },
    strict: VIOLATION,
    cases: [
      {
        name: 'a Hello on another id than 0: taken',
        modes: ['reference'],
        given: ACCEPTOR,
        steps: [
          LISTEN,
          {
            peer: hello({ on: 3 }),
            wire: [helloYourself()],
            settled: { session: established({ local: settings('even') }) },
          },
        ],
      },
      {
        name: 'a Hello on another id than 0: a violation',
        modes: ['strict'],
        given: ACCEPTOR,
        steps: [LISTEN, { peer: hello({ on: 3 }), ...handshakeViolates() }],
      },
      {
        name: 'a HelloYourself on another id than 0: taken',
        modes: ['reference'],
        given: INITIATOR,
        steps: [START, { peer: helloYourself({ on: 2 }), settled: { session: established() } }],
      },
      {
        name: 'a HelloYourself on another id than 0: a violation',
        modes: ['strict'],
        given: INITIATOR,
        steps: [START, { peer: helloYourself({ on: 2 }), ...handshakeViolates() }],
      },
      {
        // The peer's settings are told as they are; its ids still have to be of the other parity.
        name: 'a HelloYourself with our own parity: taken',
        modes: ['reference'],
        given: { ...INITIATOR, onConnection: { accept: {} } },
        steps: [
          START,
          {
            peer: helloYourself({ settings: settings('odd', 5) }),
            settled: { session: established({ peer: settings('odd', 5) }) },
          },
          { user: 'open', as: 'a', wire: [open(1)] },
          { peer: open(2), asked: [2], wire: [accept(2)], setup: [2] },
        ],
      },
      {
        name: 'a HelloYourself with our own parity: a violation',
        modes: ['strict'],
        given: INITIATOR,
        steps: [
          START,
          { peer: helloYourself({ settings: settings('odd') }), ...handshakeViolates(undefined, 'session.parity') },
        ],
      },
      ...offence({
        name: 'an Accept with the parity that our Open had',
        before: [PENDING_1],
        peer: accept(1, settings('odd', 5)),
        rule: 'connection.parity',
        reference: { settled: { a: opened(1, { peer: settings('odd', 5) }) } },
        after: [{ peer: call(1, 1) }, { user: 'read', on: 'a', as: 'r', settled: { r: read(call(1, 1)) } }],
        strict: { settled: { a: sessionClosed() } },
      }),
      {
        // What counts is the connection's own parity, not the session's.
        name: 'an Accept with the session’s parity, where our Open had the other, is fine',
        modes: BOTH,
        steps: [
          { user: 'open', as: 'a', settings: settings('even'), wire: [open(1, settings('even'))] },
          { peer: accept(1, settings('odd')), settled: { a: opened(1, { local: settings('even') }) } },
        ],
      },
      ...endings,
    ],
  },
];
