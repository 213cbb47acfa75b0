import type { Message } from '../../src/wire/message.js';
import {
  call,
  hello,
  helloYourself,
  M,
  N,
  oneOfEach,
  open,
  ping,
  pong,
  protocolError,
  reject,
  settings,
} from './messages.js';
import { alike, BOTH, byPeer, established, handshakeFails, handshakeViolates, NOTHING, read } from './outcome.js';
import type { Case, Given, Outcome, Row, Step } from './vocabulary.js';

// Section 3, the handshake. Every failure closes the link. In strict mode, a failure that is the peer's fault is answered
// first.

const INITIATOR: Given = { established: false };
const ACCEPTOR: Given = { established: false, role: 'acceptor' };

/** The initiator's first step. */
const START: Step = { user: 'start', wire: [hello()] };
/** The acceptor's first step: it sends nothing before the peer has sent Hello. */
const LISTEN: Step = { user: 'start' };

const refused = (text: string): Outcome => ({ wire: NOTHING, user: `HandshakeError "${text}", the link closed` });
const accused = (text: string): Outcome => ({
  wire: 'ProtocolError on 0 [session.handshake]',
  user: `HandshakeError "${text}", the link closed`,
});

/** The wrong first message, in both modes. */
// r[session.handshake]
function unexpected(role: 'initiator' | 'acceptor', message: Message, text: string): readonly Case[] {
  const given = role === 'initiator' ? INITIATOR : ACCEPTOR;
  const first = role === 'initiator' ? START : LISTEN;
  const name = `a ${message.type} is no answer to the ${role}'s handshake`;
  return [
    {
      name: `${name}: nothing is sent`,
      modes: ['reference'],
      given,
      steps: [first, { peer: message, ...handshakeFails(text) }],
    },
    {
      name: `${name}: accuses`,
      modes: ['strict'],
      given,
      steps: [first, { peer: message, ...handshakeViolates(text) }],
    },
  ];
}

/** Cases in which the handshake times out. */
function slow(role: 'initiator' | 'acceptor'): readonly Case[] {
  const given: Given = { ...(role === 'initiator' ? INITIATOR : ACCEPTOR), limits: { handshakeTimeout: 500 } };
  const waiting: readonly Step[] = [role === 'initiator' ? START : LISTEN, { advance: 499 }];
  const text = 'handshake timed out';
  return [
    {
      name: `the ${role} waits for the handshake time and no longer`,
      modes: ['reference'],
      given,
      steps: [...waiting, { advance: 1, ...handshakeFails(text) }],
    },
    {
      name: `the ${role} accuses a peer that says nothing for the handshake time`,
      modes: ['strict'],
      given,
      steps: [...waiting, { advance: 1, ...handshakeViolates(text) }],
    },
  ];
}

/** Cases that neither mode answers: a ProtocolError, the end, a failure. */
function unanswered(role: 'initiator' | 'acceptor'): { told: Case; ended: Case; failed: Case } {
  const given = role === 'initiator' ? INITIATOR : ACCEPTOR;
  const first = role === 'initiator' ? START : LISTEN;
  return {
    told: {
      name: `a ProtocolError fails the ${role}'s handshake with the peer's own words and is never answered`,
      modes: BOTH,
      given,
      steps: [first, { peer: protocolError('go away'), ...handshakeFails('go away') }],
    },
    ended: {
      name: `the end of the stream fails the ${role}'s handshake`,
      modes: BOTH,
      given,
      steps: [first, { peer: 'end', ...handshakeFails('peer closed during handshake') }],
    },
    failed: {
      name: `a receive error fails the ${role}'s handshake with the error's text`,
      modes: BOTH,
      given,
      steps: [first, { peer: { fail: 'cable cut' }, ...handshakeFails('cable cut') }],
    },
  };
}

const asInitiator = unanswered('initiator');
const asAcceptor = unanswered('acceptor');

export const handshake: readonly Row[] = [
  {
    row: '3.01',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'initiator: HelloYourself',
    ...alike('Hello before it, nothing after', 'established; the peer settings are its connectionSettings'),
    cases: [
      {
        name: 'HelloYourself establishes the session with the defaults',
        modes: BOTH,
        given: INITIATOR,
        steps: [START, { peer: helloYourself(), settled: { session: established() } }],
      },
      {
        name: 'an initiator may ask for Even, and either side gives settings and metadata of its own',
        modes: BOTH,
        given: { ...INITIATOR, parity: 'even', maxConcurrentRequests: 3, metadata: M },
        steps: [
          { user: 'start', wire: [hello({ settings: settings('even', 3), metadata: M })] },
          {
            peer: helloYourself({ settings: settings('odd', 5), metadata: N }),
            settled: { session: established({ local: settings('even', 3), peer: settings('odd', 5), metadata: N }) },
          },
        ],
      },
      {
        // The root is active from here on, so what comes in the same segment already finds it.
        name: 'what arrives in one segment with HelloYourself reaches the established session, in order',
        modes: BOTH,
        given: INITIATOR,
        steps: [
          START,
          {
            peer: [helloYourself(), ping(9n), call(0, 2), open(2)],
            wire: [pong(9n), reject(2)],
            settled: { session: established() },
          },
          { user: 'read', on: 'root', as: 'r', settled: { r: read(call(0, 2)) } },
        ],
      },
      {
        name: 'the end of the stream right behind HelloYourself ends an established session',
        modes: BOTH,
        given: INITIATOR,
        steps: [START, { peer: [helloYourself(), 'end'], settled: { session: established() }, ends: byPeer }],
      },
      {
        name: 'the handshake time is over once the session is established',
        modes: BOTH,
        given: { ...INITIATOR, limits: { handshakeTimeout: 500 } },
        steps: [START, { peer: helloYourself(), settled: { session: established() } }, { advance: 20_000 }],
      },
    ],
  },
  {
    row: '3.02',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'initiator: ProtocolError',
    reference: refused('the peer’s description'),
    strict: refused('the peer’s description'),
    cases: [asInitiator.told],
  },
  {
    row: '3.03',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'initiator: any other message',
    reference: refused('expected HelloYourself'),
    strict: accused('expected HelloYourself'),
    cases: oneOfEach('HelloYourself', 'ProtocolError').flatMap((message) =>
      unexpected('initiator', message, 'expected HelloYourself'),
    ),
  },
  {
    row: '3.04',
    layer: 'session',
    situation: 'initiator: end of stream',
    reference: refused('peer closed during handshake'),
    strict: refused('peer closed during handshake'),
    cases: [asInitiator.ended],
  },
  {
    row: '3.05',
    layer: 'session',
    situation: 'initiator: receive error',
    reference: refused('the error’s text'),
    strict: refused('the error’s text'),
    cases: [asInitiator.failed],
  },
  {
    row: '3.06',
    layer: 'session',
    situation: 'initiator: Hello cannot be sent',
    reference: refused('failed to send Hello'),
    strict: refused('failed to send Hello'),
    cases: [
      {
        name: 'an initiator that cannot send Hello fails',
        modes: BOTH,
        given: INITIATOR,
        steps: [{ link: 'refuse-sends' }, { user: 'start', ...handshakeFails('failed to send Hello') }],
      },
    ],
  },
  {
    row: '3.07',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'initiator: handshake time passed',
    reference: refused('handshake timed out'),
    strict: accused('handshake timed out'),
    cases: slow('initiator'),
  },
  {
    // r[session.role]
    row: '3.08',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'acceptor: Hello, version 7',
    ...alike('HelloYourself with the opposite parity', 'established; the peer settings are Hello’s'),
    cases: [
      {
        name: 'an acceptor takes the parity that an odd initiator leaves it',
        modes: BOTH,
        given: { ...ACCEPTOR, maxConcurrentRequests: 3, metadata: M },
        steps: [
          LISTEN,
          {
            peer: hello({ settings: settings('odd', 5), metadata: N }),
            wire: [helloYourself({ settings: settings('even', 3), metadata: M })],
            settled: { session: established({ local: settings('even', 3), peer: settings('odd', 5), metadata: N }) },
          },
        ],
      },
      {
        name: 'an acceptor takes the parity that an even initiator leaves it',
        modes: BOTH,
        given: ACCEPTOR,
        steps: [
          LISTEN,
          {
            peer: hello({ settings: settings('even') }),
            wire: [helloYourself({ settings: settings('odd') })],
            settled: { session: established({ local: settings('odd') }) },
          },
        ],
      },
      {
        name: 'what arrives in one segment with Hello is answered after HelloYourself',
        modes: BOTH,
        given: ACCEPTOR,
        steps: [
          LISTEN,
          {
            peer: [hello(), ping(9n), open(1)],
            wire: [helloYourself(), pong(9n), reject(1)],
            settled: { session: established({ local: settings('even') }) },
          },
        ],
      },
    ],
  },
  {
    row: '3.09',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'acceptor: Hello, other version',
    reference: refused('version mismatch: got V, expected 7'),
    strict: accused('version mismatch: got V, expected 7'),
    cases: [0, 6, 8, 2 ** 32 - 1].flatMap((version): readonly Case[] => {
      const peer = hello({ version });
      const text = `version mismatch: got ${String(version)}, expected 7`;
      return [
        {
          name: `Hello of version ${String(version)} fails the handshake`,
          modes: ['reference'],
          given: ACCEPTOR,
          steps: [LISTEN, { peer, ...handshakeFails(text) }],
        },
        {
          name: `Hello of version ${String(version)} is a violation`,
          modes: ['strict'],
          given: ACCEPTOR,
          steps: [LISTEN, { peer, ...handshakeViolates(text) }],
        },
      ];
    }),
  },
  {
    row: '3.10',
    layer: 'session',
    situation: 'acceptor: HelloYourself cannot be sent',
    reference: refused('failed to send HelloYourself'),
    strict: refused('failed to send HelloYourself'),
    cases: [
      {
        name: 'an acceptor that cannot send HelloYourself fails',
        modes: BOTH,
        given: ACCEPTOR,
        steps: [{ link: 'refuse-sends' }, LISTEN, { peer: hello(), ...handshakeFails('failed to send HelloYourself') }],
      },
    ],
  },
  {
    row: '3.11',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'acceptor: ProtocolError, any other message, end, receive error, time',
    reference: {
      wire: NOTHING,
      user: 'HandshakeError with the texts of 3.02 to 3.07, "expected Hello" for 3.03; the link closed',
    },
    strict: { wire: 'ProtocolError on 0 for another message and for time', user: 'the same' },
    cases: [
      asAcceptor.told,
      ...oneOfEach('Hello', 'ProtocolError').flatMap((message) => unexpected('acceptor', message, 'expected Hello')),
      asAcceptor.ended,
      asAcceptor.failed,
      ...slow('acceptor'),
    ],
  },
];
