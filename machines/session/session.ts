/**
 * The session: it makes the handshake, then runs, then ends.
 *
 * It decides what an inbound message means for the session as a whole: which ids may be opened, which were used before, and
 * what a message on an unused id means. It forwards other messages to the connection actors. It knows only which connections
 * live; each connection knows its own phase. Three rules:
 *
 * - A message that is not listed breaks a rule. Conformance only decides whether a listed tolerance applies: that is why
 *   each such row reads `[{ guard: 'isReference', … }, violation(…)]`.
 * - Every removal is followed, in the same step, by the root-closed check: the `always` of `running`.
 * - The first cause of an end wins: `conclude` is called on the way out of `running` or `handshaking`, and nowhere else.
 *
 * The row numbers in comments are those of the protocol's tables.
 */
import { not } from 'xstate';
import { ROOT } from '../../src/wire/id.js';
import { IdSet } from '../../src/wire/idset.js';
import type { SessionEnd, Violation } from '../events.js';
import type { HandshakeEvent, HandshakeOutput } from '../handshake.js';
import { protocolError, receivedRows } from './connections.js';
import { conclude, type SessionContext, session } from './context.js';
import { inbound, outbound } from './flow.js';
import { requestRows, settle } from './requests.js';

interface Args {
  context: SessionContext;
}

const finish = { type: 'finish', params: ({ context }: Args) => context.end as SessionEnd } as const;

/** Returns the violation that a failed handshake reports to the peer. */
function accusation(output: HandshakeOutput): Violation {
  const { message, rule = 'session.handshake' } = (output as Extract<HandshakeOutput, { type: 'failed' }>).failure;
  return { rule, description: message };
}

const toHandshake = { type: 'toHandshake', params: ({ event }: { event: HandshakeEvent }) => event } as const;

/**
 * One of our machines threw. Unhandled, the error would stop the conduit first, and the session would end without a reason.
 */
const crash = {
  target: '#session.ended',
  actions: {
    type: 'conclude',
    params: ({ event }: { event: { error: unknown } }): SessionEnd => ({ cause: 'crashed', error: event.error }),
  },
} as const;

const overflow = { target: '#session.ended', actions: conclude({ cause: 'limit', limit: 'intakeBytes' }) } as const;

/** The peer broke a rule that neither the session nor a connection checks. The peer is told, and the session ends. */
const accuse = {
  target: 'ending',
  actions: [
    { type: 'transmit', params: ({ event }: { event: Violation }) => protocolError(event) },
    { type: 'emitViolation', params: ({ event }: { event: Violation }) => event },
    {
      type: 'conclude',
      params: ({ event: { rule, description, limit } }: { event: Violation }): SessionEnd => ({
        cause: 'violation',
        rule,
        description,
        limit,
      }),
    },
  ],
} as const;

// r[session]
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

    // r[session.symmetry]: the states below do not depend on who spoke first.
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
        ...receivedRows,

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
          accuse,
        ],
        'calls.violated': accuse,
        'conduit.overflowed': overflow,
        'link.ended': { target: 'ended', actions: conclude({ cause: 'peer' }) },
        'link.failed': {
          target: 'ended',
          actions: { type: 'conclude', params: ({ event }) => ({ cause: 'link', error: event.error }) },
        },
        // 6.13, 9b.09
        'link.unsendable': {
          target: 'ended',
          actions: { type: 'conclude', params: ({ event }) => ({ cause: 'link', error: event.error }) },
        },

        ...requestRows,

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
        inbound,
        outbound,
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

    /** Over for the application. Messages already transmitted still leave; then the link closes. Row "5 end". */
    ending: {
      entry: [finish, 'resumeReading', { type: 'closeLink', params: { orderly: true } }],
      after: { flushTimeout: 'ended' },
      on: {
        'rx.*': {},
        'link.*': { target: 'ended' },
        // 5.30; a second shutdown does nothing: 9b.23
        'app.open': { actions: settle({ type: 'ended' }) },
        'app.close': { actions: settle({ type: 'ended' }) },
      },
    },

    /** Every end closes the link: 9b.10, row "5 end". */
    ended: {
      type: 'final',
      entry: [finish, { type: 'closeLink', params: { orderly: false } }, 'emitEnded'],
    },
  },
});
