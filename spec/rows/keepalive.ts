import { call, hello, helloYourself, open, ping, pong } from './messages.js';
import { alike, BOTH, byKeepalive, byLink, established, invalid, NOTHING, read, sessionClosed } from './outcome.js';
import { INTERRUPTED, KEEPALIVE, PENDING_1, RESTORED } from './scenes.js';
import type { Case, Row } from './vocabulary.js';

// Section 6, keepalive: a Ping every 100 ms, its Pong within 50. The paragraph's facts, numbered in reading order.

/** A keepalive configured so that there is none. */
function disabled(pingInterval: number, pongTimeout: number): Case {
  return {
    name: `a keepalive of ${String(pingInterval)} and ${String(pongTimeout)} ms is disabled with a warning`,
    modes: BOTH,
    given: { established: false, keepalive: { pingInterval, pongTimeout } },
    steps: [
      {
        together: [{ user: 'start' }, { peer: helloYourself() }],
        wire: [hello()],
        settled: { session: established() },
        reports: [{ report: 'keepalive-disabled' }],
      },
      { advance: 600_000 },
    ],
  };
}

/** A keepalive that no timer can keep. */
function impossible(pingInterval: number, pongTimeout: number): Case {
  return {
    name: `a keepalive of ${String(pingInterval)} and ${String(pongTimeout)} ms is an invalid argument`,
    modes: BOTH,
    given: { established: false, keepalive: { pingInterval, pongTimeout } },
    steps: [{ user: 'start', settled: { session: invalid() } }],
  };
}

// r[session.keepalive]
const fact = (row: string, situation: string, wire: string, user: string, ...cases: readonly Case[]): Row => ({
  row,
  rule: 'session.keepalive',
  layer: 'session',
  situation,
  ...alike(wire, user),
  cases,
});

export const keepalive: readonly Row[] = [
  fact('6.01', 'no pingInterval and pongTimeout configured', 'no Ping', NOTHING, {
    name: 'a session without keepalive never pings',
    modes: BOTH,
    steps: [{ advance: 600_000 }, { peer: ping(1n), wire: [pong(1n)] }],
  }),
  fact(
    '6.02',
    'zero or negative',
    'no Ping',
    'disabled, with a warning',
    disabled(0, 50),
    disabled(100, 0),
    disabled(-1, 50),
    disabled(100, -1),
  ),
  fact(
    '6.03',
    'NaN or above 2^31 − 1',
    NOTHING,
    'InvalidArgument',
    impossible(Number.NaN, 50),
    impossible(100, Number.NaN),
    impossible(2 ** 31, 50),
    impossible(100, 2 ** 31),
    impossible(Number.POSITIVE_INFINITY, 50),
    {
      name: 'the longest keepalive is 2^31 − 1 ms',
      modes: BOTH,
      given: { keepalive: { pingInterval: 2 ** 31 - 1, pongTimeout: 2 ** 31 - 1 } },
      steps: [{ advance: 2 ** 31 - 2 }, { advance: 1, wire: [ping(1n)] }],
    },
  ),
  fact('6.04', 'the session is established', 'the first Ping, pingInterval later', NOTHING, {
    name: 'the first Ping goes one interval after the session is established',
    modes: BOTH,
    given: KEEPALIVE,
    steps: [{ advance: 99 }, { advance: 1, wire: [ping(1n)] }],
  }),
  fact('6.05', 'the Pong arrives', 'the next Ping, pingInterval later', NOTHING, {
    name: 'the next Ping goes one interval after the Pong, not after the Ping',
    modes: BOTH,
    given: KEEPALIVE,
    steps: [
      { advance: 100, wire: [ping(1n)] },
      { advance: 30 },
      { peer: pong(1n) },
      { advance: 99 },
      { advance: 1, wire: [ping(2n)] },
    ],
  }),
  fact('6.06', 'the nonce', '1, 2, 3, …, wrapping at u64', NOTHING, {
    name: 'Pings are numbered from one',
    modes: BOTH,
    given: KEEPALIVE,
    steps: [
      { advance: 100, wire: [ping(1n)] },
      { peer: pong(1n) },
      { advance: 100, wire: [ping(2n)] },
      { peer: pong(2n) },
      { advance: 100, wire: [ping(3n)] },
      { peer: pong(3n) },
      { advance: 100, wire: [ping(4n)] },
    ],
  }),
  fact('6.07', 'a Ping is outstanding', 'no other Ping', NOTHING, {
    name: 'no Ping goes out while one is outstanding',
    modes: BOTH,
    given: { keepalive: { pingInterval: 100, pongTimeout: 1_000 } },
    steps: [
      { advance: 100, wire: [ping(1n)] },
      { advance: 999 },
      { peer: pong(1n) },
      { advance: 100, wire: [ping(2n)] },
    ],
  }),
  fact('6.08', 'a Ping is handed to the outbox', 'the Ping', 'the deadline counts from here', {
    name: 'the Pong’s deadline counts from the outbox, though the link does not take the Ping',
    modes: BOTH,
    given: KEEPALIVE,
    steps: [{ link: 'hold-sends' }, { advance: 100 }, { advance: 49 }, { advance: 1, ends: byKeepalive }],
  }),
  fact(
    '6.09',
    'exactly the deadline, the Pong has arrived',
    NOTHING,
    'what has arrived is taken first: keepalive satisfied',
    {
      name: 'a Pong one millisecond before the deadline is in time',
      modes: BOTH,
      given: KEEPALIVE,
      steps: [{ advance: 100, wire: [ping(1n)] }, { advance: 49 }, { peer: pong(1n) }, { advance: 99 }],
    },
    {
      // A blocked event loop: the timer fires, and only then is the Pong read that lay in the socket.
      name: 'a Pong that lies in the socket when the deadline’s timer fires is in time',
      modes: BOTH,
      given: KEEPALIVE,
      steps: [
        { advance: 100, wire: [ping(1n)] },
        { together: [{ advance: 50 }, { peer: [call(0, 2), pong(1n)] }] },
        { user: 'read', on: 'root', as: 'r', settled: { r: read(call(0, 2)) } },
        { advance: 100, wire: [ping(2n)] },
      ],
    },
  ),
  fact('6.10', 'exactly the deadline, the Pong has not arrived', NOTHING, 'the session ends: KeepaliveError', {
    name: 'without a Pong by the deadline the session ends',
    modes: BOTH,
    given: KEEPALIVE,
    steps: [
      { user: 'open', as: 'a', wire: [open(1)] },
      { advance: 100, wire: [ping(1n)] },
      { advance: 49 },
      { advance: 1, ends: byKeepalive, settled: { a: sessionClosed() } },
    ],
  }),
  fact('6.11', 'other traffic', NOTHING, 'does not count as life', {
    name: 'neither requests nor the peer’s own Pings stand in for a Pong',
    modes: BOTH,
    given: KEEPALIVE,
    steps: [
      { peer: call(0, 2) },
      { advance: 100, wire: [ping(1n)] },
      { peer: [call(0, 4), ping(1n)], wire: [pong(1n)] },
      { advance: 49 },
      { peer: call(0, 6) },
      { advance: 1, ends: byKeepalive },
    ],
  }),
  fact(
    '6.12',
    'reading is paused',
    NOTHING,
    'the deadline is suspended',
    {
      name: 'a Pong that waits behind a full inbox is not missed',
      modes: BOTH,
      given: { ...KEEPALIVE, limits: { inboxMessages: 2 } },
      steps: [
        { advance: 100, wire: [ping(1n)] },
        { peer: [call(0, 2), call(0, 4), call(0, 6), pong(1n)] },
        { advance: 500 },
        { user: 'read', on: 'root', count: 2, as: 'r', settled: { r: read(call(0, 2), call(0, 4)) } },
        { advance: 99 },
        { advance: 1, wire: [ping(2n)] },
      ],
    },
    {
      // 20 ms had passed when reading stopped; 30 are left, or all 50, as one reads "suspended".
      name: 'the deadline goes on when reading does',
      modes: BOTH,
      given: { ...KEEPALIVE, limits: { inboxMessages: 2 } },
      steps: [
        { advance: 100, wire: [ping(1n)] },
        { advance: 20 },
        { peer: [call(0, 2), call(0, 4), call(0, 6)] },
        { advance: 500 },
        { user: 'read', on: 'root', count: 3, as: 'r', settled: { r: read(call(0, 2), call(0, 4), call(0, 6)) } },
        { advance: 29 },
        { advance: 22, ends: byKeepalive },
      ],
    },
  ),
  fact('6.13', 'a Ping cannot be sent', NOTHING, 'the session ends', {
    name: 'a Ping that cannot be sent ends the session',
    modes: BOTH,
    given: KEEPALIVE,
    steps: [
      PENDING_1,
      { link: 'refuse-sends' },
      { advance: 99 },
      { advance: 1, ends: byLink, settled: { a: sessionClosed() } },
    ],
  }),
  fact(
    '6.14',
    'a link that outlives its connections has none for now',
    NOTHING,
    'the deadline is suspended',
    {
      name: 'a Pong that a cut delays is not missed',
      modes: BOTH,
      given: KEEPALIVE,
      steps: [
        { advance: 100, wire: [ping(1n)] },
        { link: 'interrupt' },
        { advance: 500 },
        { link: 'restore' },
        { advance: 49 },
        { peer: pong(1n) },
        { advance: 99 },
        { advance: 1, wire: [ping(2n)] },
      ],
    },
    {
      name: 'a Ping that is due meanwhile leaves afterwards, and its Pong has the whole time',
      modes: BOTH,
      given: KEEPALIVE,
      steps: [
        INTERRUPTED,
        { advance: 500 },
        { ...RESTORED, wire: [ping(1n)] },
        { advance: 49 },
        { advance: 1, ends: byKeepalive },
      ],
    },
    {
      name: 'a Pong that arrived before the cut was known counts',
      modes: BOTH,
      given: KEEPALIVE,
      steps: [
        { advance: 100, wire: [ping(1n)] },
        { together: [{ peer: pong(1n) }, { link: 'hold-sends' }, { link: 'interrupt' }] },
        { advance: 500 },
        { ...RESTORED, wire: [ping(2n)] },
        { advance: 49 },
        { advance: 1, ends: byKeepalive },
      ],
    },
    {
      name: 'reading that goes on does not start the deadline of an interrupted link',
      modes: BOTH,
      given: { ...KEEPALIVE, limits: { inboxMessages: 2 } },
      steps: [
        { advance: 100, wire: [ping(1n)] },
        { peer: [call(0, 2), call(0, 4), call(0, 6)] },
        { link: 'interrupt' },
        { user: 'read', on: 'root', count: 3, as: 'r', settled: { r: read(call(0, 2), call(0, 4), call(0, 6)) } },
        { advance: 500 },
        { link: 'restore' },
        { advance: 49 },
        { advance: 1, ends: byKeepalive },
      ],
    },
    {
      name: 'a link that is restored does not start the deadline while reading is paused',
      modes: BOTH,
      given: { ...KEEPALIVE, limits: { inboxMessages: 2 } },
      steps: [
        { advance: 100, wire: [ping(1n)] },
        { link: 'interrupt' },
        { peer: [call(0, 2), call(0, 4), call(0, 6)] },
        { link: 'restore' },
        { advance: 500 },
        { user: 'read', on: 'root', count: 3, as: 'r', settled: { r: read(call(0, 2), call(0, 4), call(0, 6)) } },
        { advance: 49 },
        { advance: 1, ends: byKeepalive },
      ],
    },
  ),
];
