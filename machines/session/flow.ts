/**
 * Flow control of a running session: one region for reading, and one for sending. They bound the messages that wait on
 * either side, and the time that they wait. Neither region waits for the other, and no row of the protocol's tables checks
 * their state.
 */
import { ROOT } from '../../src/wire/id.js';
import type { ConnectionStart } from '../events.js';
import { conclude, session, settled } from './context.js';

/** The region for reading. A full inbox stops reading, and nothing else: 9b.06, row "5 inbox". */
export const inbound = session.createStateConfig({
  // The root exists as soon as the session runs. This is no entry action, because the slot is invoked after those.
  initial: {
    target: 'reading',
    actions: {
      type: 'spawn',
      params: ({ context }): ConnectionStart => ({ id: ROOT, origin: 'root', ...settled(context) }),
    },
  },
  states: {
    reading: {
      // The session's tag for the fast path.
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
      // A session that is not read ends after `unreadTimeout`: while paused, it cannot see that its peer has gone.
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

/** The region for sending: our callers wait while the outbox is full. Reading never waits for it: 9b.11 */
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
