/**
 * The region for the work that the session takes. Once the application drains the session, the calls and opens of the peer are
 * refused, with the word that nothing of them has run. What was taken before is finished, within a time. Then the session ends.
 *
 * - A peer that understands notices is told by one. No Call of its follows its answer, so none crosses the end.
 * - Our own calls still leave: handlers at work may need them. Our opens do not.
 * - Each state has a time of its own, and no state waits for the peer to read.
 */
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
            target: 'draining.announcing',
            actions: [noteDrain, 'drain', 'spendId', announce],
          },
          { target: 'draining.settling', actions: [noteDrain, 'drain'] },
        ],
      },
    },

    draining: {
      after: { drainTimeout: 'cutting' },
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
        settling: {
          after: { workInterval: { target: 'settling', reenter: true, actions: 'checkWork' } },
          on: {
            'work.none': [{ guard: 'isUnsettled' }, { guard: 'hearsNotices', target: 'leaving' }, over],
          },
        },
        /** Nothing is left to do. The peer ends the session first, if it has nothing left either. */
        leaving: { after: { linger: over } },
      },
    },

    /** The time is over. */
    cutting: {
      entry: 'cut',
      after: { cutTimeout: over },
      on: { 'work.none': over },
      initial: 'checking',
      states: {
        checking: { after: { workInterval: { target: 'checking', reenter: true, actions: 'checkWork' } } },
      },
    },
  },
});
