/**
 * Whether a running session reads, and whether it may send: what bounds what waits on either side, and how long. Two
 * regions of their own: neither waits for the other, and no row of the protocol's tables asks where they stand.
 */
import { ROOT } from '../../src/wire/id.js';
import type { ConnectionStart } from '../events.js';
import { conclude, session, settled } from './context.js';

/** Whether we read. A full inbox stops the reading, and nothing else: 9b.06, row "5 inbox". */
export const inbound = session.createStateConfig({
  // The root is there as soon as the session runs; not an entry action, since the slot is invoked after those.
  initial: {
    target: 'reading',
    actions: {
      type: 'spawn',
      params: ({ context }): ConnectionStart => ({ id: ROOT, origin: 'root', ...settled(context) }),
    },
  },
  states: {
    reading: {
      // What the fast path goes by, for the session's part.
      tags: 'routes',
      on: {
        'inbox.filled': {
          target: 'paused',
          actions: { type: 'noteFullInbox', params: ({ event }) => ({ id: event.id }) },
        },
      },
    },
    paused: {
      entry: ['pauseReading', { type: 'toKeepalive', params: { type: 'reading.paused' } }],
      initial: 'briefly',
      // What is read by nobody ends: a paused session does not see that its peer has gone.
      after: {
        unreadTimeout: {
          target: '#session.ended',
          actions: conclude({ cause: 'limit', limit: 'unreadTimeout' }),
        },
      },
      states: {
        briefly: { after: { stallNotice: 'stalled' } },
        stalled: { entry: 'emitStalled' },
      },
      on: {
        'inbox.drained': {
          target: 'reading',
          actions: ['resumeReading', { type: 'toKeepalive', params: { type: 'reading.resumed' } }],
        },
      },
    },
  },
});

/** Whether our callers may send. Reading never waits for it: 9b.11 */
export const outbound = session.createStateConfig({
  initial: 'flowing',
  states: {
    flowing: { on: { 'outbox.filled': { target: 'full' } } },
    full: {
      after: {
        stallTimeout: {
          target: '#session.ended',
          actions: conclude({ cause: 'limit', limit: 'stallTimeout' }),
        },
      },
      on: {
        'outbox.progressed': { target: 'full', reenter: true },
        'outbox.drained': { target: 'flowing' },
        'outbox.overflowed': {
          target: '#session.ended',
          actions: conclude({ cause: 'limit', limit: 'replyBytes' }),
        },
      },
    },
  },
});
