/**
 * The region for the work that the session takes. Once the application drains the session, the calls and opens of the peer are
 * refused, with the word that nothing of them has run. What was taken before is finished, within a time. Then the session ends.
 *
 * - A peer that understands notices is told by one. No Call of its follows its answer, so none crosses the end.
 * - Our own calls still leave: handlers at work may need them. Our opens do not.
 * - Each state has a time of its own, and no state waits for the peer to read.
 */
import { and, not } from 'xstate';
import type { ConnectionClose, ConnectionOpen } from '../../src/wire/message.js';
import { DRAINING, NOTICE } from '../../src/wire/metadata.js';
import { NO_METADATA } from '../events.js';
import { conclude, type SessionContext, session } from './context.js';

interface Args {
  context: SessionContext;
}

const noteDrain = { type: 'noteDrain', params: ({ event }: { event: { timeout: number } }) => event } as const;

/** The notice is an Open that the peer rejects: 5.31. A version that does not know it would reject it, too. */
const announce = {
  type: 'transmit',
  params: ({ context }: Args): ConnectionOpen => ({
    type: 'ConnectionOpen',
    connectionId: context.localHigh,
    connectionSettings: context.localSettings,
    metadata: [{ key: NOTICE, value: DRAINING, flags: 0n }],
  }),
} as const;

/** A peer that accepts a notice after all has a connection that nothing here knows. */
const closeNotice = {
  type: 'transmit',
  params: ({ context }: Args): ConnectionClose => ({
    type: 'ConnectionClose',
    connectionId: context.localHigh,
    metadata: NO_METADATA,
  }),
} as const;

const over = { target: '#session.ending', actions: conclude({ cause: 'shutdown' }) } as const;

export const intake = session.createStateConfig({
  initial: 'taking',
  states: {
    taking: {
      on: {
        'app.drain': [
          {
            guard: 'hearsNotices',
            target: 'draining.work.announcing',
            actions: [noteDrain, 'drain', 'spendId', announce],
          },
          { target: 'draining', actions: [noteDrain, 'drain'] },
        ],
      },
    },

    draining: {
      type: 'parallel',
      states: {
        /** The time that the work may take. A later drain may shorten it. */
        time: {
          initial: 'limited',
          states: {
            limited: {
              after: { drainTimeout: '#session.running.intake.cutting' },
              on: { 'app.drain': { guard: 'isSooner', target: 'limited', reenter: true, actions: noteDrain } },
            },
          },
        },
        work: {
          initial: 'settling',
          states: {
            /** The notice has left. Calls that the peer sent before it read that are refused. */
            announcing: {
              after: { noticeTimeout: 'settling' },
              on: {
                'rx.ConnectionReject': { guard: 'isOfNotice', target: 'settling' },
                'rx.ConnectionAccept': { guard: 'isOfNotice', target: 'settling', actions: closeNotice },
              },
            },
            /** The work that was taken is under way. */
            settling: { entry: 'watchWork', on: { 'work.none': 'deciding' } },
            /** No work is left, but opens may still be unanswered. */
            deciding: {
              always: [
                { guard: and([not('isUnsettled'), 'hearsNotices']), target: 'leaving' },
                { guard: not('isUnsettled'), target: 'listening' },
              ],
              on: { 'work.some': 'settling' },
            },
            /** Nothing is left to do. The peer ends the session first, if it has nothing left either. */
            leaving: { after: { linger: over }, on: { 'work.some': 'settling' } },
            /** The same, for a peer that hears of no drain: the session ends once it has not called for a while. */
            listening: {
              after: { quietTime: over },
              on: { 'work.some': 'settling', 'work.refused': { target: 'listening', reenter: true } },
            },
          },
        },
      },
    },

    /** The time is over. */
    cutting: { entry: ['cut', 'watchWork'], after: { cutTimeout: over }, on: { 'work.none': over } },
  },
});
