import type { Message } from '../../src/wire/message.js';
import type { Refusal } from '../../src/wire/refusal.js';
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
import {
  alike,
  BOTH,
  byPeer,
  established,
  failed,
  handshakeFails,
  handshakeViolates,
  NOTHING,
  read,
} from './outcome.js';
import type { Case, Expectation, Given, Outcome, Row, Step } from './vocabulary.js';

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

/** Our application says later who the peer is. */
const ASKING: Given = { ...ACCEPTOR, authenticate: 'pending' };
const ESTABLISHED = established({ local: settings('even') });
/** The peer has said Hello, and our application is asked. */
const ASKED: readonly Step[] = [LISTEN, { peer: hello({ metadata: N }), identified: [N] }];

/** The session of {@link ASKED}, once the application has accepted. */
const ACCEPTED: Expectation = {
  wire: [helloYourself()],
  settled: { session: established({ local: settings('even'), metadata: N }) },
};

/** The handshake fails by a refusal, ours or the peer's. */
function refusedWith(refusal: Refusal): Expectation {
  const { reason, text } = refusal;
  const message = `refused.${reason}: ${text}`;
  const cause = { code: 'refused', reason, message: text } as const;
  return { settled: { session: failed({ code: 'handshake', message, cause }) }, linkClosed: true };
}

/** We refuse the peer. */
function refuses(refusal: Refusal): Expectation {
  return { wire: [protocolError(`refused.${refusal.reason}: ${refusal.text}`)], ...refusedWith(refusal) };
}

const LATER: Refusal = { reason: 'unavailable', text: 'try again later' };
const FAILED_ASKING = { reports: [{ report: 'authenticate-failed' }] } as const;

const authentication: readonly Case[] = [
  {
    name: 'there is no session before authenticate has given a principal',
    modes: BOTH,
    given: ASKING,
    steps: [...ASKED, { user: 'authenticate', answer: 'accept', ...ACCEPTED }],
  },
  {
    name: 'authenticate may answer at once',
    modes: BOTH,
    given: { ...ACCEPTOR, authenticate: 'accept' },
    steps: [LISTEN, { peer: hello({ metadata: N }), identified: [N], ...ACCEPTED }],
  },
  {
    name: 'messages that arrive while authenticate decides are answered after HelloYourself, in order',
    modes: BOTH,
    given: ASKING,
    steps: [
      LISTEN,
      { peer: [hello(), ping(1n), open(1)], identified: [[]] },
      { peer: [ping(2n), call(0, 1)] },
      {
        user: 'authenticate',
        answer: 'accept',
        wire: [helloYourself(), pong(1n), reject(1), pong(2n)],
        settled: { session: ESTABLISHED },
      },
      { user: 'read', on: 'root', as: 'r', settled: { r: read(call(0, 1)) } },
    ],
  },
  ...(['unauthenticated', 'forbidden', 'unavailable'] as const).map((reason): Case => {
    const refuse = { reason, text: `because of ${reason}` };
    return {
      name: `authenticate refuses a peer as ${reason}`,
      modes: BOTH,
      given: ASKING,
      steps: [...ASKED, { user: 'authenticate', answer: { refuse }, ...refuses(refuse) }],
    };
  }),
  {
    name: 'authenticate may refuse at once',
    modes: BOTH,
    given: { ...ACCEPTOR, authenticate: { refuse: { reason: 'forbidden', text: 'not you' } } },
    steps: [LISTEN, { peer: hello(), identified: [[]], ...refuses({ reason: 'forbidden', text: 'not you' }) }],
  },
  {
    name: 'messages that arrived before a refusal have no effect',
    modes: BOTH,
    given: ASKING,
    steps: [
      LISTEN,
      { peer: [hello(), ping(1n), open(1)], identified: [[]] },
      { user: 'authenticate', answer: { refuse: LATER }, ...refuses(LATER) },
    ],
  },
  {
    name: 'an authenticate that throws refuses the peer as unavailable, without a word of the error',
    modes: BOTH,
    given: ASKING,
    steps: [...ASKED, { user: 'authenticate', answer: 'throw', ...refuses(LATER), ...FAILED_ASKING }],
  },
  {
    name: 'an authenticate that throws at once refuses the peer as unavailable',
    modes: BOTH,
    given: { ...ACCEPTOR, authenticate: 'throw' },
    steps: [LISTEN, { peer: hello(), identified: [[]], ...refuses(LATER), ...FAILED_ASKING }],
  },
  {
    name: 'authenticate has its own time, apart from the time of the handshake',
    modes: BOTH,
    given: { ...ASKING, limits: { handshakeTimeout: 500, authenticateTimeout: 900 } },
    steps: [
      ...ASKED,
      { advance: 899 },
      { advance: 1, ...refuses(LATER), ...FAILED_ASKING, unidentified: true },
      { user: 'authenticate', answer: 'accept' },
    ],
  },
  {
    name: 'an answer in the last moment of its time is in time',
    modes: BOTH,
    given: { ...ASKING, limits: { authenticateTimeout: 900 } },
    steps: [...ASKED, { advance: 899 }, { user: 'authenticate', answer: 'accept', ...ACCEPTED }, { advance: 2 }],
  },
  {
    name: 'a peer that ends while authenticate decides fails the handshake at once, before its own messages',
    modes: BOTH,
    given: ASKING,
    steps: [
      LISTEN,
      { peer: [hello(), ping(1n)], identified: [[]] },
      { peer: 'end', ...handshakeFails('peer closed during handshake'), unidentified: true },
      { user: 'authenticate', answer: 'accept' },
    ],
  },
  {
    name: 'a link that breaks while authenticate decides fails the handshake',
    modes: BOTH,
    given: ASKING,
    steps: [...ASKED, { peer: { fail: 'cable cut' }, ...handshakeFails('cable cut'), unidentified: true }],
  },
  {
    name: 'an answer that cannot be sent fails the handshake',
    modes: BOTH,
    given: ASKING,
    steps: [
      ...ASKED,
      { link: 'refuse-sends' },
      { user: 'authenticate', answer: 'accept', ...handshakeFails('failed to send HelloYourself') },
    ],
  },
  {
    name: 'authenticate is not asked about a Hello of another version',
    modes: ['reference'],
    given: ASKING,
    steps: [LISTEN, { peer: hello({ version: 8 }), ...handshakeFails('version mismatch: got 8, expected 7') }],
  },
  ...(['unauthenticated', 'forbidden', 'unavailable', 'draining'] as const).map((reason): Case => {
    const refusal = { reason, text: 'so it says' };
    const peer = protocolError(`refused.${reason}: so it says`);
    return {
      name: `an initiator learns that it is refused as ${reason}`,
      modes: BOTH,
      given: INITIATOR,
      steps: [START, { peer, ...refusedWith(refusal) }],
    };
  }),
  {
    name: 'an initiator takes another word for no refusal',
    modes: BOTH,
    given: INITIATOR,
    steps: [
      START,
      {
        peer: protocolError('refused.otherwise: so it says'),
        settled: { session: failed({ code: 'handshake', message: 'refused.otherwise: so it says', cause: undefined }) },
        linkClosed: true,
      },
    ],
  },
];

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
  {
    row: '3.12',
    rule: 'session.handshake',
    layer: 'session',
    situation: 'acceptor: Hello, version 7, and the application authenticates its peers',
    ...alike(
      'HelloYourself once authenticate has given a principal; ProtocolError "refused.<reason>: <text>" if it refuses, throws or takes too long; nothing if the link ends meanwhile',
      'established, then the messages that came meanwhile; or HandshakeError with the cause Refused on both sides, and a report if authenticate threw or took too long',
    ),
    cases: authentication,
  },
];
