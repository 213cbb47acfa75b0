/**
 * The session: it shakes hands, then runs, then ends.
 *
 * It decides what an inbound message means for the session as a whole: which ids may be opened, which were ever used,
 * what a message on an id that nobody uses is worth. It routes the rest to the connection actors, and knows of them only
 * that they live; the phases are theirs. Three rules carry everything:
 *
 * - A message that is not listed breaks a rule. Conformance only decides whether a listed tolerance applies: that is why
 *   each such row reads `[{ guard: 'isReference', … }, violation(…)]`.
 * - Every removal is followed, in the same step, by the root-closed check: the `always` of `running`.
 * - The first cause of an end wins: `conclude` is written on the way out of `running` or `handshaking`, and nowhere else.
 *
 * The row numbers in comments are those of the protocol's tables.
 */
import { and, not, or } from 'xstate';
import { type ConnectionId, ROOT } from '../src/wire/id.js';
import { IdSet } from '../src/wire/idset.js';
import type { ConnectionReject, Pong, ProtocolErrorMessage } from '../src/wire/message.js';
import type { Rule } from '../src/wire/rule.js';
import {
  type ConnectionRequest,
  type ConnectionStart,
  NO_METADATA,
  type Outcome,
  type Received,
  type RequestNumber,
  type SessionEnd,
  type Violation,
} from './events.js';
import type { HandshakeEvent, HandshakeOutput } from './handshake.js';
import { type SessionContext, session, settled } from './session-setup.js';

interface Args {
  context: SessionContext;
}

function protocolError({ rule, description }: Violation): ProtocolErrorMessage {
  return { type: 'ProtocolError', connectionId: ROOT, description: `${rule}: ${description}` };
}

/** The peer broke `rule`, and it is not tolerated: it is told, and that is the last message. */
function violation(rule: Rule, description: string) {
  const broken = { rule, description };
  return {
    target: '#session.ending',
    actions: [
      { type: 'transmit', params: protocolError(broken) },
      { type: 'emitViolation', params: broken },
      { type: 'conclude', params: { cause: 'violation', ...broken } },
    ],
  } as const;
}

const reject = {
  type: 'transmit',
  params: ({ event }: { event: { message: { connectionId: ConnectionId } } }): ConnectionReject => ({
    type: 'ConnectionReject',
    connectionId: event.message.connectionId,
    metadata: NO_METADATA,
  }),
} as const;

const noteOpen = {
  type: 'noteOpen',
  params: ({ event }: { event: { message: { connectionId: ConnectionId } } }) => ({ id: event.message.connectionId }),
} as const;

/** To the connection that a message is for. */
const route = {
  type: 'forward',
  params: ({ event }: { event: Received }) => ({ id: event.message.connectionId, event }),
} as const;

/** To the connection that a request is for. */
const pass = {
  type: 'forward',
  params: ({ event }: { event: ConnectionRequest }) => ({ id: event.id, event }),
} as const;

function settle(outcome: Outcome) {
  return {
    type: 'settle',
    params: ({ event }: { event: { request: RequestNumber } }) => ({ request: event.request, outcome }),
  } as const;
}

const finish = { type: 'finish', params: ({ context }: Args) => context.end as SessionEnd } as const;

/** 5.14, 5.15: what a request or a channel message is worth. Its connection knows the phase; see there. */
const data = (name: 'RequestMessage' | 'ChannelMessage') =>
  [
    { guard: 'isRouted', actions: route },
    // 9a.05
    { guard: 'wasOpened' },
    // 9a.06
    { guard: 'isReference' },
    violation('session.message', `${name} on a connection that was never opened`),
  ] as const;

/** 5.20: an Accept or a Reject answers an open of ours, and nothing else. */
const answer = (name: 'ConnectionAccept' | 'ConnectionReject') =>
  [
    { guard: 'answersOpen', actions: route },
    // 9a.05
    { guard: 'answersLate' },
    // 9a.04
    { guard: 'isReference' },
    violation('connection.open', `${name} for a connection that we did not open`),
  ] as const;

/** What a failed handshake accuses the peer of. */
function accusation(output: HandshakeOutput): Violation {
  const { message, rule = 'session.handshake' } = (output as Extract<HandshakeOutput, { type: 'failed' }>).failure;
  return { rule, description: message };
}

function conclude(end: SessionEnd) {
  return { type: 'conclude', params: end } as const;
}

const toHandshake = { type: 'toHandshake', params: ({ event }: { event: HandshakeEvent }) => event } as const;

/** A machine of ours threw. Unhandled, its error would stop the conduit first, and the session would end for no reason. */
const crash = {
  target: '#session.ended',
  actions: {
    type: 'conclude',
    params: ({ event }: { event: { error: unknown } }): SessionEnd => ({ cause: 'crashed', error: event.error }),
  },
} as const;

const overflow = { target: '#session.ended', actions: conclude({ cause: 'limit', limit: 'intakeBytes' }) } as const;

export const sessionMachine = session.createMachine({
  id: 'session',
  options: { maxIterations: 100 },
  context: ({ input }) => ({
    ...input,
    live: IdSet.empty,
    pending: 0,
    undecided: 0,
    localHigh: ROOT,
    peerHigh: ROOT,
    isRootReleased: false,
  }),
  output: ({ context }) => context.end as SessionEnd,
  invoke: { id: 'conduit', src: 'conduit', input: ({ context }) => ({ port: context.port }), onError: crash },
  initial: 'handshaking',
  states: {
    // r[session.handshake]
    handshaking: {
      invoke: {
        id: 'handshake',
        src: 'handshake',
        input: ({ context }) => ({
          port: context.port,
          role: context.role,
          conformance: context.conformance,
          localSettings: context.localSettings,
          metadata: context.metadata,
          timeout: context.limits.handshakeTimeout,
        }),
        onDone: [
          {
            guard: { type: 'isEstablished', params: ({ event }) => event.output },
            target: 'running',
            actions: [{ type: 'establish', params: ({ event }) => event.output }, 'emitEstablished'],
          },
          // 9a.01
          {
            guard: { type: 'isAccusable', params: ({ event }) => event.output },
            target: 'ending',
            actions: [
              { type: 'transmit', params: ({ event }) => protocolError(accusation(event.output)) },
              { type: 'concludeHandshake', params: ({ event }) => event.output },
            ],
          },
          { target: 'ended', actions: { type: 'concludeHandshake', params: ({ event }) => event.output } },
        ],
        onError: crash,
      },
      on: {
        'rx.*': { actions: toHandshake },
        'link.*': { actions: toHandshake },
        'conduit.flushed': { actions: toHandshake },
        'conduit.malformed': { actions: toHandshake },
        'conduit.overflowed': overflow,
        'app.open': { actions: settle({ type: 'invalid', message: 'the handshake is not over yet' }) },
        'app.close': { actions: settle({ type: 'invalid', message: 'the handshake is not over yet' }) },
        'app.shutdown': { target: 'ended', actions: conclude({ cause: 'shutdown' }) },
        'app.abortHandshake': {
          target: 'ended',
          actions: {
            type: 'conclude',
            params: ({ event }) => ({
              cause: 'handshake',
              failure: { message: 'handshake aborted', error: event.reason },
            }),
          },
        },
      },
    },

    // r[session.symmetry]: nothing below asks who spoke first.
    running: {
      type: 'parallel',
      invoke: [
        {
          id: 'connections',
          src: 'connections',
          input: ({ context }) => ({ port: context.port, conformance: context.conformance }),
          onError: crash,
        },
        {
          id: 'keepalive',
          src: 'keepalive',
          input: ({ context }) => ({ port: context.port, ...context.keepalive }),
          onDone: {
            target: 'ended',
            actions: {
              type: 'conclude',
              params: ({ event }) => ({ cause: 'keepalive', pongTimeout: event.output.pongTimeout }),
            },
          },
          onError: crash,
        },
      ],

      // The root-closed check, 5.28 and 9b.04: r[rpc.caller.liveness.root-teardown-condition]
      always: { guard: 'isOver', target: 'ending', actions: conclude({ cause: 'released' }) },

      on: {
        // r[connection.open]
        'rx.ConnectionOpen': [
          // 5.01, 9a.03: r[session.parity]
          { guard: and([not('isTheirs'), 'isReference']), actions: reject },
          {
            guard: not('isTheirs'),
            ...violation('session.parity', "ConnectionOpen with an id that is not the opener's"),
          },
          { guard: and(['isLive', 'isReference']), actions: reject },
          { guard: 'isLive', ...violation('connection.open', 'ConnectionOpen with an id that is in use') },
          // 5.02: r[connection.open.rejection]
          { guard: not('isAccepting'), actions: [noteOpen, reject] },
          // 5.03
          { guard: or(['isFull', 'isCrowded']), actions: [noteOpen, reject] },
          {
            actions: [
              { type: 'admit', params: ({ event }) => ({ id: event.message.connectionId }) },
              {
                type: 'spawn',
                params: ({ event }): ConnectionStart => ({
                  id: event.message.connectionId,
                  origin: 'peer',
                  peerSettings: event.message.connectionSettings,
                  metadata: event.message.metadata,
                }),
              },
            ],
          },
        ],
        'rx.ConnectionAccept': answer('ConnectionAccept'),
        'rx.ConnectionReject': answer('ConnectionReject'),
        // r[connection.close]
        'rx.ConnectionClose': [
          // 5.13, 9a.08, 9b.03
          {
            guard: and(['isOnRoot', 'isReference']),
            target: 'ended',
            actions: ['reportRootClosed', conclude({ cause: 'peer' })],
          },
          { guard: 'isOnRoot', ...violation('connection.close', 'ConnectionClose on the root connection') },
          // 5.10, 5.11, 5.12
          { guard: 'isLive', actions: route },
          // 9a.05
          { guard: 'wasOpened' },
          // 9a.06
          { guard: 'isReference' },
          violation('connection.close', 'ConnectionClose on a connection that was never opened'),
        ],
        'rx.RequestMessage': data('RequestMessage'),
        'rx.ChannelMessage': data('ChannelMessage'),
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
          // 5.18, 5.19: which nonce is waited for, the keepalive knows.
          { guard: 'isOnRoot', actions: { type: 'toKeepalive', params: ({ event }) => event } },
          // 9a.11
          { guard: 'isReference' },
          violation('session.keepalive', 'Pong on a connection other than the root'),
        ],
        // 9a.09: r[session.handshake]
        'rx.Hello': [{ guard: 'isReference' }, violation('session.handshake', 'Hello after the handshake')],
        'rx.HelloYourself': [
          { guard: 'isReference' },
          violation('session.handshake', 'HelloYourself after the handshake'),
        ],
        'rx.ProtocolError': [
          // 9a.10
          {
            guard: or(['isOnRoot', 'isReference']),
            target: 'ended',
            actions: {
              type: 'conclude',
              params: ({ event }) => ({ cause: 'accused', description: event.message.description }),
            },
          },
          // 9a.11
          violation('session.message', 'ProtocolError on a connection other than the root'),
        ],

        // 9a.12
        'conduit.malformed': [
          {
            guard: 'isReference',
            target: 'ended',
            actions: [
              { type: 'emitViolation', params: ({ event }) => event },
              {
                type: 'conclude',
                params: ({ event: { rule, description, limit } }) => ({ cause: 'violation', rule, description, limit }),
              },
            ],
          },
          {
            target: 'ending',
            actions: [
              { type: 'transmit', params: ({ event }) => protocolError(event) },
              { type: 'emitViolation', params: ({ event }) => event },
              {
                type: 'conclude',
                params: ({ event: { rule, description, limit } }) => ({ cause: 'violation', rule, description, limit }),
              },
            ],
          },
        ],
        'conduit.overflowed': overflow,
        'link.ended': { target: 'ended', actions: conclude({ cause: 'peer' }) },
        'link.failed': {
          target: 'ended',
          actions: { type: 'conclude', params: ({ event }) => ({ cause: 'link', error: event.error }) },
        },
        // 9b.09
        'link.unsendable': {
          target: 'ended',
          actions: { type: 'conclude', params: ({ event }) => ({ cause: 'link', error: event.error }) },
        },

        'app.open': [
          // 5.22
          { guard: 'isFull', actions: settle({ type: 'limited' }) },
          // 5.21
          {
            actions: [
              'open',
              {
                type: 'spawn',
                params: ({ context, event }): ConnectionStart => ({
                  id: context.localHigh,
                  origin: 'local',
                  request: event.request,
                  localSettings: event.settings,
                  metadata: event.metadata,
                }),
              },
            ],
          },
        ],
        'app.close': [
          // 5.24
          { guard: 'isForRoot', actions: settle({ type: 'invalid', message: 'cannot close root connection' }) },
          // 5.26
          { guard: 'isLive', actions: pass },
          // 5.25
          { actions: settle({ type: 'invalid', message: 'connection not found' }) },
        ],
        'app.release': [
          // 5.28: r[rpc.caller.liveness.root-internal-close]
          { guard: 'isForRoot', actions: 'releaseRoot' },
          // 5.27: r[rpc.caller.liveness.last-drop-closes-connection]
          { guard: 'isLive', actions: pass },
          {},
        ],
        // What comes too late for its connection counts for nothing.
        'app.abandonOpen': [{ guard: 'isLive', actions: pass }, {}],
        'app.accept': [{ guard: 'isLive', actions: pass }, {}],
        'app.reject': [{ guard: 'isLive', actions: pass }, {}],
        'app.leave': [{ guard: 'isRouted', actions: pass }, {}],
        // 5.29
        'app.shutdown': { target: 'ending', actions: conclude({ cause: 'shutdown' }) },

        'connections.opened': {
          actions: [
            { type: 'noteOpened', params: ({ event }) => event.connection },
            { type: 'emitOpened', params: ({ event }) => event.connection },
          ],
        },
        'connections.ended': [
          {
            guard: 'isViolation',
            target: 'ending',
            actions: [
              { type: 'transmit', params: ({ event }) => protocolError(event.output.outcome as Violation) },
              { type: 'emitViolation', params: ({ event }) => event.output.outcome as Violation },
              {
                type: 'conclude',
                params: ({ event }) => ({ cause: 'violation', ...(event.output.outcome as Violation) }),
              },
            ],
          },
          // 5.16
          { guard: 'isAbandonment', target: 'ended', actions: conclude({ cause: 'abandoned' }) },
          {
            actions: [
              { type: 'remove', params: ({ event }) => ({ id: event.id, phase: event.output.phase }) },
              { type: 'emitClosed', params: ({ event }) => event },
            ],
          },
        ],
        'connections.crashed': crash,
        'keepalive.confirmed': { actions: { type: 'toKeepalive', params: ({ event }) => event } },
      },

      states: {
        /** Whether we read. A full inbox stops the reading, and nothing else: 9b.06 */
        inbound: {
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
        },
        /** Whether our callers may send. */
        outbound: {
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
        },
        /** 5.06, 5.23: one timer for all opens and decisions, and only while there are any. */
        deadlines: {
          initial: 'idle',
          states: {
            idle: { always: { guard: 'isUnsettled', target: 'sweeping' } },
            sweeping: {
              always: { guard: not('isUnsettled'), target: 'idle' },
              after: { sweepInterval: { target: 'sweeping', reenter: true, actions: 'sweep' } },
            },
          },
        },
      },
    },

    /** Over for everybody here; what was transmitted still leaves, and the link is closed behind it. */
    ending: {
      entry: [finish, 'resumeReading', { type: 'closeLink', params: { orderly: true } }],
      after: { flushTimeout: 'ended' },
      on: {
        'rx.*': {},
        'link.*': { target: 'ended' },
        // 5.30
        'app.open': { actions: settle({ type: 'ended' }) },
        'app.close': { actions: settle({ type: 'ended' }) },
      },
    },

    ended: {
      type: 'final',
      entry: [finish, { type: 'closeLink', params: { orderly: false } }, 'emitEnded'],
    },
  },
});
