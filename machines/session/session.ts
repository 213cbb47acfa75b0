/**
 * The session: it makes the handshake, then runs, then ends. This file is the map. The rows stand beside it: start.ts (the
 * handshake), connections.ts (ids), flow.ts (reading, sending, liveness, deadlines), drain.ts (taking no more work),
 * renewal.ts (new credentials of the peer), ends.ts (every way to end).
 *
 * It decides what an inbound message means for the session as a whole: which ids may be opened, which were used before, and
 * what a message on an unused id means. It forwards other messages to the connection actors. It knows only which connections
 * live; each connection knows its own phase. The row numbers in comments are those of the protocol's tables. Three rules:
 *
 * - A message that is not listed breaks a rule. Conformance only decides whether a listed tolerance applies: that is why
 *   each such row reads `[{ guard: 'isReference', … }, violation(…)]`.
 * - Every removal is followed, in the same step, by the root-closed check: the `always` of `released`.
 * - The first cause of an end wins: `conclude` is called on the way out of `running` or `handshaking`, and nowhere else.
 */
import { not } from 'xstate';
import { ROOT } from '../../src/wire/id.js';
import { IdSet } from '../../src/wire/idset.js';
import type { SessionEnd } from '../events.js';
import { connectionRows, root } from './connections.js';
import { session } from './context.js';
import { intake } from './drain.js';
import { closeAtOnce, closeInOrder, crash, endingRows, finish, handshakingEnds, runningEnds } from './ends.js';
import { deadlines, inbound, linkRows, liveness, livenessRows, outbound } from './flow.js';
import { renewal } from './renewal.js';
import { handshakeActor, handshakeRows } from './start.js';

// r[session]
export const sessionMachine = session.createMachine({
  id: 'session',
  options: { maxIterations: 100 },
  context: ({ input }) =>
    // A copy by `...` would have a shape of its own, made field by field.
    Object.assign(
      {
        live: IdSet.empty,
        pending: 0,
        undecided: 0,
        localHigh: ROOT,
        peerHigh: ROOT,
        isInterrupted: false,
        renewal: ROOT,
        hearsNotices: false,
        isDraining: false,
        isPeerDraining: false,
        drainTimeout: 0,
      },
      input,
    ),
  output: ({ context }) => context.end as SessionEnd,
  on: { 'conduit.crashed': crash },
  initial: 'handshaking',
  states: {
    // r[session.handshake]
    handshaking: { invoke: handshakeActor, on: { ...handshakeRows, ...handshakingEnds } },

    // r[session.symmetry]: the states below do not depend on who spoke first.
    running: {
      type: 'parallel',
      on: {
        ...connectionRows, // who may open, answer, use and close which id: 5.01 to 5.16, 5.20 to 5.28, 5.31
        ...livenessRows, // Ping and Pong: 5.17 to 5.19
        ...linkRows, // a link without a connection: 5 link
        ...runningEnds, // Hello, ProtocolError, the link, limits, shutdown: 5.29, 9a, 9b
      },
      states: { root, inbound, outbound, deadlines, liveness, intake, renewal },
    },

    /** Over for the application. Messages already transmitted still leave; then the link closes. Row "5 end". */
    ending: {
      entry: [finish, 'resumeReading', closeInOrder],
      initial: 'flushing',
      states: {
        flushing: {
          always: { guard: 'isInterrupted', target: 'interrupted' },
          after: { flushTimeout: '#session.ended' },
        },
        // The link sends what waits when it has a connection again, or fails when its own time has passed.
        interrupted: { always: { guard: not('isInterrupted'), target: 'flushing' } },
      },
      on: endingRows,
    },

    /** Every end closes the link: 9b.10, row "5 end". */
    ended: { type: 'final', entry: [finish, closeAtOnce, 'emitEnded'] },
  },
});
