/**
 * The rows about ids: who may open, answer, use and close a connection. First the messages that the peer may send: the last
 * branch of each row has no guard, and is a violation where no tolerance applies. Then the requests of the application: a
 * request that comes after the end of its connection has no effect. Then the reports of the connections themselves.
 */
import { and, not, or } from 'xstate';
import { type ConnectionId, ROOT } from '../../src/wire/id.js';
import type { ConnectionOpen, ConnectionReject } from '../../src/wire/message.js';
import { DRAINING, NOTICE, noticeOf, withoutReserved } from '../../src/wire/metadata.js';
import {
  type ConnectionRequest,
  type ConnectionStart,
  type ConnectionsReport,
  type DeadlineEvent,
  NO_METADATA,
  type Received,
  type SessionRequest,
  type Violation,
} from '../events.js';
import { conclude, type SessionContext, session, settled } from './context.js';
import { crash, protocolError, settle, violation } from './ends.js';

type OpenRequest = Extract<SessionRequest, { type: 'app.open' }>;
type EndedReport = Extract<ConnectionsReport, { type: 'connections.ended' }>;

/** The root exists as soon as the session runs. */
export const spawnRoot = {
  type: 'spawn',
  params: ({ context }: { context: Parameters<typeof settled>[0] }): ConnectionStart => ({
    id: ROOT,
    origin: 'root',
    ...settled(context),
  }),
} as const;

const reject = {
  type: 'transmit',
  params: ({ event }: { event: { message: { connectionId: ConnectionId } } }): ConnectionReject => ({
    type: 'ConnectionReject',
    connectionId: event.message.connectionId,
    metadata: NO_METADATA,
  }),
} as const;

/** The answer to a notice. A kind that this version does not know is refused, and changes nothing. 5.31 */
function answerNotice({ event }: { event: { message: ConnectionOpen } }): ConnectionReject {
  const { connectionId, metadata } = event.message;
  const value = noticeOf(metadata) === DRAINING ? 'ok' : 'refused.unknown';
  return { type: 'ConnectionReject', connectionId, metadata: [{ key: NOTICE, value, flags: 0n }] };
}

export const noteOpen = {
  type: 'noteOpen',
  params: ({ event }: { event: { message: { connectionId: ConnectionId } } }) => ({ id: event.message.connectionId }),
} as const;

/** Forwards a message to its connection. */
const route = {
  type: 'forward',
  params: ({ event }: { event: Received }) => ({ id: event.message.connectionId, event }),
} as const;

/** 5.14, 5.15: rows of a request or a channel message. Its connection knows its own phase and decides; see there. */
const data = (name: 'RequestMessage' | 'ChannelMessage') =>
  [
    { guard: 'isRouted', actions: route },
    // 9a.05
    { guard: 'wasOpened' },
    // 9a.06
    { guard: 'isReference' },
    violation('session.message', `${name} on a connection that was never opened`),
  ] as const;

/** 5.20: an Accept or a Reject may only answer an open of ours. */
const answer = (name: 'ConnectionAccept' | 'ConnectionReject') =>
  [
    { guard: 'answersOpen', actions: route },
    // 9a.05
    { guard: 'answersLate' },
    // 9a.04
    { guard: 'isReference' },
    violation('connection.open', `${name} for a connection that we did not open`),
  ] as const;

/** Forwards a request, or the end of its time, to its connection. */
const pass = {
  type: 'forward',
  params: ({ event }: { event: ConnectionRequest | DeadlineEvent }) => ({ id: event.id, event }),
} as const;

/** Opens a connection of ours. 5.21, 5.22 */
const openRows = [
  // 5.22, and 5.31: a notice counts in no limit
  { guard: and(['isFull', not('isOurNotice')]), actions: settle({ type: 'limited' }) },
  // 5.21
  {
    actions: [
      'open',
      {
        type: 'spawn',
        params: ({ context, event }: { context: SessionContext; event: OpenRequest }): ConnectionStart => ({
          id: context.localHigh,
          origin: 'local',
          request: event.request,
          localSettings: event.settings,
          metadata: event.metadata,
        }),
      },
    ],
  },
] as const;

const abandonRows = [{ guard: 'isLive', actions: pass }, {}] as const;

/** A connection is over, and the session goes on. */
const removal = {
  actions: [
    { type: 'remove', params: ({ event }: { event: EndedReport }) => ({ id: event.id, phase: event.output.phase }) },
    { type: 'emitClosed', params: ({ event }: { event: EndedReport }) => event },
  ],
} as const;

/** 5.21, 5.22: opens that leave behind Hello. The peer answers none of them before it has answered Hello. */
export const earlyRows = session.createStateConfig({
  on: {
    'app.open': [
      { guard: not('opensEarly'), actions: settle({ type: 'invalid', message: 'the handshake is not over yet' }) },
      ...openRows,
    ],
    'app.abandonOpen': abandonRows,
    'connections.ended': removal,
    'connections.crashed': crash,
  },
}).on;

/** The region for the root: held until its last caller is gone. Then the session ends with the last virtual connection. */
export const root = session.createStateConfig({
  initial: 'held',
  states: {
    // 5.28: r[rpc.caller.liveness.root-internal-close]
    held: { on: { 'app.release': { guard: 'isForRoot', target: 'released' } } },
    // The root-closed check, 5.28 and 9b.04: r[rpc.caller.liveness.root-teardown-condition]
    released: {
      always: { guard: 'hasNoneLive', target: '#session.ending', actions: conclude({ cause: 'released' }) },
    },
  },
});

export const connectionRows = session.createStateConfig({
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
      // 5.31: a notice, which is no connection
      {
        guard: and(['isDrainNotice', not('isPeerDraining')]),
        actions: [noteOpen, { type: 'heedDrain', params: answerNotice }, 'notePeerDrain', 'emitDraining'],
      },
      { guard: 'isNotice', actions: [noteOpen, { type: 'transmit', params: answerNotice }] },
      {
        guard: 'isDraining',
        actions: [noteOpen, { type: 'refuseOpen', params: ({ event }) => ({ id: event.message.connectionId }) }],
      },
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
              metadata: withoutReserved(event.message.metadata),
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

    'app.open': [
      { guard: 'isPeerDraining', actions: settle({ type: 'draining', by: 'peer' }) },
      { guard: 'isDraining', actions: settle({ type: 'draining', by: 'local' }) },
      ...openRows,
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
      // 5.27: r[rpc.caller.liveness.last-drop-closes-connection]
      { guard: 'isLive', actions: pass },
      {},
    ],
    'app.abandonOpen': abandonRows,
    // 5.06, 5.23
    'deadline.passed': [{ guard: 'isLive', actions: pass }, {}],
    'app.accept': [{ guard: 'isLive', actions: pass }, {}],
    'app.reject': [{ guard: 'isLive', actions: pass }, {}],
    'app.leave': [{ guard: 'isRouted', actions: pass }, {}],

    'connections.opened': {
      actions: [
        { type: 'noteOpened', params: ({ event }) => event.connection },
        { type: 'emitOpened', params: ({ event }) => event.connection },
      ],
    },
    'connections.ended': [
      {
        guard: 'isViolation',
        target: '#session.ending',
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
      { guard: 'isAbandonment', target: '#session.ended', actions: conclude({ cause: 'abandoned' }) },
      removal,
    ],
  },
}).on;
