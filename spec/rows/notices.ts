import type { Metadata } from '../../src/wire/metadata.js';
import { accept, hello, helloYourself, open, ping, pong, reject, SECRET, settings } from './messages.js';
import { alike, BOTH, byPeer, established, failed, offence, opened } from './outcome.js';
import { ACCEPTING, ACTIVE_1, DECIDING, UNDECIDED_2 } from './scenes.js';
import type { Case, Given, Row, Step } from './vocabulary.js';

// Section 5, notices: Opens that are no connections.

/** The metadata of a notice, or of the answer to one. */
const notice = (value: string): Metadata => [{ key: 'roam-actors.notice', value, flags: 0n }];

const DRAINING = notice('draining');
const OK = notice('ok');

/** An acceptor whose application knows the peer, and is asked again. */
const KNOWN: Given = { established: false, role: 'acceptor', authenticate: 'pending' };
const BEGUN: readonly Step[] = [
  { user: 'start' },
  { peer: hello(), identified: [[]] },
  {
    user: 'authenticate',
    answer: 'accept',
    wire: [helloYourself()],
    settled: { session: established({ local: settings('even') }) },
  },
];
const RENEWAL = open(1, settings('odd'), [...notice('renew'), ...SECRET]);
const RENEWING: readonly Step[] = [...BEGUN, { peer: RENEWAL, identified: [SECRET] }];

/** The Reject that refuses new credentials. */
function refused(reason: string, text: string, id = 1) {
  return reject(id, [...notice(`refused.${reason}`), { key: 'reason', value: text, flags: 0n }]);
}

const LATER = refused('unavailable', 'try again later');
const FAILED_ASKING = { reports: [{ report: 'authenticate-failed' }] } as const;

const renewals: readonly Case[] = [
  {
    name: 'new credentials are accepted, and all else goes on meanwhile',
    modes: BOTH,
    given: KNOWN,
    steps: [
      ...RENEWING,
      { peer: [ping(1n), open(3)], wire: [pong(1n), reject(3)] },
      { user: 'authenticate', answer: 'accept', wire: [reject(1, OK)] },
      { peer: ping(2n), wire: [pong(2n)] },
    ],
  },
  {
    name: 'new credentials that are refused change nothing',
    modes: BOTH,
    given: KNOWN,
    steps: [
      ...RENEWING,
      {
        user: 'authenticate',
        answer: { refuse: { reason: 'forbidden', text: 'not you' } },
        wire: [refused('forbidden', 'not you')],
      },
      { peer: ping(2n), wire: [pong(2n)] },
    ],
  },
  {
    name: 'new credentials about which authenticate throws are refused, without a word of the error',
    modes: BOTH,
    given: KNOWN,
    steps: [...RENEWING, { user: 'authenticate', answer: 'throw', wire: [LATER], ...FAILED_ASKING }],
  },
  {
    name: 'new credentials about which authenticate takes too long are refused, and may come again',
    modes: BOTH,
    given: { ...KNOWN, limits: { authenticateTimeout: 900 } },
    steps: [
      ...RENEWING,
      { advance: 899 },
      { advance: 1, wire: [LATER], ...FAILED_ASKING, unidentified: true },
      { user: 'authenticate', answer: 'accept' },
      { peer: open(3, settings('odd'), notice('renew')), identified: [[]] },
      { user: 'authenticate', answer: 'accept', wire: [reject(3, OK)] },
    ],
  },
  {
    name: 'new credentials that come while others are decided on are refused',
    modes: BOTH,
    given: KNOWN,
    steps: [
      ...RENEWING,
      { peer: open(3, settings('odd'), notice('renew')), wire: [refused('unavailable', 'try again later', 3)] },
      { user: 'authenticate', answer: 'accept', wire: [reject(1, OK)] },
    ],
  },
  {
    name: 'the end of the session withdraws the question about new credentials',
    modes: BOTH,
    given: KNOWN,
    steps: [...RENEWING, { peer: 'end', ends: byPeer, unidentified: true }, { user: 'authenticate', answer: 'accept' }],
  },
  {
    name: 'new credentials for an application that asks for none are refused',
    modes: BOTH,
    given: ACCEPTING,
    steps: [
      {
        peer: open(2, settings('even'), [...notice('renew'), ...SECRET]),
        wire: [reject(2, notice('refused.unknown'))],
      },
    ],
  },
];

/** 5.31. */
export const notices: readonly Row[] = [
  {
    // Only a peer to which we have announced that we understand notices sends one. Any other would be answered the same.
    row: '5.31',
    rule: 'connection.open.rejection',
    layer: 'session',
    situation: 'ConnectionOpen whose metadata has roam-actors.notice',
    ...alike(
      'ConnectionReject with roam-actors.notice: ok, or refused.<why>, unknown for a kind that is not known; behind ok to draining no Call and no Open leaves',
      'onConnection is not asked; at draining the session emits draining once, and later opens and calls fail; at renew authenticate is asked, and a refusal changes nothing',
    ),
    cases: [
      {
        name: 'the notice that the peer drains is answered by a Reject, and behind it no Open of ours leaves',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          { peer: open(2, settings('even'), DRAINING), wire: [reject(2, OK)] },
          { user: 'open', as: 'a', settled: { a: failed({ code: 'unavailable' }) } },
          { peer: open(4), asked: [4], wire: [accept(4)], setup: [4] },
          { peer: ping(1n), wire: [pong(1n)] },
        ],
      },
      {
        name: 'a notice is answered also without onConnection, and again when it comes again',
        modes: BOTH,
        steps: [
          {
            peer: [open(2, settings('even'), DRAINING), open(4, settings('even'), DRAINING)],
            wire: [reject(2, OK), reject(4, OK)],
          },
        ],
      },
      {
        name: 'an open of ours that the notice crosses is still answered',
        modes: BOTH,
        steps: [
          ...ACTIVE_1,
          { user: 'open', as: 'b', wire: [open(3)] },
          { peer: open(2, settings('even'), DRAINING), wire: [reject(2, OK)] },
          { peer: accept(3), settled: { b: opened(3) } },
        ],
      },
      {
        name: 'a notice of an unknown kind is refused, and changes nothing',
        modes: BOTH,
        given: ACCEPTING,
        steps: [
          { peer: open(2, settings('even'), notice('later')), wire: [reject(2, notice('refused.unknown'))] },
          { user: 'open', as: 'a', wire: [open(1)] },
        ],
      },
      {
        name: 'a notice counts in no limit',
        modes: BOTH,
        given: { ...DECIDING, limits: { connections: 1, undecided: 1 } },
        steps: [
          UNDECIDED_2,
          { peer: open(4, settings('even'), DRAINING), wire: [reject(4, OK)] },
          { user: 'decide', id: 2, decision: { accept: {} }, wire: [accept(2)], setup: [2] },
        ],
      },
      ...renewals,
      ...offence({
        name: 'a notice under an id of our own parity',
        given: ACCEPTING,
        peer: open(1, settings('odd'), DRAINING),
        rule: 'session.parity',
        reference: { wire: [reject(1)] },
      }),
    ],
  },
];
