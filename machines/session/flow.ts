/**
 * Flow and time of a running session: one region for reading, and one for sending. They bound the messages that wait on either
 * side, and the time that they wait. Neither region waits for the other, and no row of the protocol's tables checks their
 * state. Besides, the keepalive, and the deadlines of opens and decisions.
 */
import { not, or } from 'xstate';
import type { Pong } from '../../src/wire/message.js';
import type { KeepaliveSettings } from '../keepalive.js';
import { spawnRoot } from './connections.js';
import { conclude, session } from './context.js';
import { crash, violation } from './ends.js';

const keepaliveActor = session.createStateConfig({
  invoke: {
    id: 'keepalive',
    src: 'keepalive',
    input: ({ context: { port, keepalive, isInterrupted } }) => ({
      port,
      ...(keepalive as KeepaliveSettings),
      isInterrupted,
    }),
    onDone: {
      target: '#session.ended',
      actions: {
        type: 'conclude',
        params: ({ event }) => ({ cause: 'keepalive', pongTimeout: event.output.pongTimeout }),
      },
    },
    onError: crash,
  },
}).invoke;

/** The region for liveness. An actor costs some KiB, so only a session with a keepalive has one. */
export const liveness = session.createStateConfig({
  initial: 'unwatched',
  states: {
    // 6.01
    unwatched: { always: { guard: 'hasKeepalive', target: 'watched' } },
    watched: { invoke: keepaliveActor },
  },
});

/** Row "5 link": the session goes on without a connection. The rows of the regions act on the noted fact. */
export const linkRows = session.createStateConfig({
  on: {
    'link.interrupted': {
      actions: ['noteInterrupted', 'emitInterrupted', { type: 'toKeepalive', params: { type: 'link.interrupted' } }],
    },
    'link.restored': {
      actions: ['noteRestored', 'emitRestored', { type: 'toKeepalive', params: { type: 'link.restored' } }],
    },
  },
}).on;

/** 5.17 to 5.19. */
export const livenessRows = session.createStateConfig({
  on: {
    // r[session.keepalive]
    'rx.Ping': [
      // 5.17, 9a.11
      {
        guard: or(['isOnRoot', 'isReference']),
        actions: {
          type: 'transmit',
          params: ({ event }): Pong => ({
            type: 'Pong',
            connectionId: event.message.connectionId,
            nonce: event.message.nonce,
          }),
        },
      },
      violation('session.keepalive', 'Ping on a connection other than the root'),
    ],
    'rx.Pong': [
      // 5.18, 5.19: the keepalive knows which nonce it waits for.
      { guard: 'isOnRoot', actions: { type: 'toKeepalive', params: ({ event }) => event } },
      // 9a.11
      { guard: 'isReference' },
      violation('session.keepalive', 'Pong on a connection other than the root'),
    ],
    'keepalive.confirmed': { actions: { type: 'toKeepalive', params: ({ event }) => event } },
  },
}).on;

/** The region for reading. A full inbox stops reading, and nothing else: 9b.06, row "5 inbox". */
export const inbound = session.createStateConfig({
  // The root exists as soon as the session runs.
  initial: { target: 'reading', actions: spawnRoot },
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
      initial: 'timed',
      states: {
        timed: {
          always: { guard: 'isInterrupted', target: 'interrupted' },
          after: {
            stallTimeout: {
              target: '#session.ended',
              actions: conclude({ cause: 'limit', limit: 'stallTimeout' }),
            },
          },
        },
        // Nothing can leave. The link has a time of its own, after which it fails.
        interrupted: { always: { guard: not('isInterrupted'), target: 'timed' } },
      },
      on: {
        'outbox.progressed': { target: '.timed' },
        'outbox.drained': { target: 'flowing' },
        'outbox.overflowed': {
          target: '#session.ended',
          actions: conclude({ cause: 'limit', limit: 'replyBytes' }),
        },
      },
    },
  },
});

/** 5.06, 5.23: one timer for all opens and decisions, and only while there are any. */
export const deadlines = session.createStateConfig({
  initial: 'idle',
  states: {
    idle: { always: { guard: 'isUnsettled', target: 'sweeping' } },
    sweeping: {
      always: { guard: not('isUnsettled'), target: 'idle' },
      after: { sweepInterval: { target: 'sweeping', reenter: true, actions: 'sweep' } },
    },
  },
});
