import type { Metadata } from '../../src/wire/metadata.js';
import { accept, open, ping, pong, reject, settings } from './messages.js';
import { alike, BOTH, failed, offence, opened } from './outcome.js';
import { ACCEPTING, ACTIVE_1, DECIDING, UNDECIDED_2 } from './scenes.js';
import type { Row } from './vocabulary.js';

// Section 5, notices: Opens that are no connections.

/** The metadata of a notice, or of the answer to one. */
const notice = (value: string): Metadata => [{ key: 'roam-actors.notice', value, flags: 0n }];

const DRAINING = notice('draining');
const OK = notice('ok');

/** 5.31. */
export const notices: readonly Row[] = [
  {
    // Only a peer to which we have announced that we understand notices sends one. Any other would be answered the same.
    row: '5.31',
    rule: 'connection.open.rejection',
    layer: 'session',
    situation: 'ConnectionOpen whose metadata has roam-actors.notice',
    ...alike(
      'ConnectionReject with roam-actors.notice: ok, or refused.unknown for a kind that is not known; behind ok to draining no Call and no Open leaves',
      'onConnection is not asked; at draining the session emits draining once, and later opens and calls fail',
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
