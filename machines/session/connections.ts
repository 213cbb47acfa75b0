/**
 * The messages that the peer may send to a running session: the rows of the protocol's table of inbound messages. The last
 * branch of each row has no guard: a violation, where no tolerance applies.
 */
import { and, not, or } from 'xstate';
import { type ConnectionId, ROOT } from '../../src/wire/id.js';
import type { ConnectionReject, Pong, ProtocolErrorMessage } from '../../src/wire/message.js';
import type { Rule } from '../../src/wire/rule.js';
import { type ConnectionStart, NO_METADATA, type Received, type Violation } from '../events.js';
import { conclude, session } from './context.js';

export function protocolError({ rule, description }: Violation): ProtocolErrorMessage {
  return { type: 'ProtocolError', connectionId: ROOT, description: `${rule}: ${description}` };
}

/** The peer broke `rule`, and no tolerance applies. The peer is told, and that is our last message. */
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

export const receivedRows = session.createStateConfig({
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
      // 5.18, 5.19: the keepalive knows which nonce it waits for.
      { guard: 'isOnRoot', actions: { type: 'toKeepalive', params: ({ event }) => event } },
      // 9a.11
      { guard: 'isReference' },
      violation('session.keepalive', 'Pong on a connection other than the root'),
    ],
    // 9a.09: r[session.handshake]
    'rx.Hello': [{ guard: 'isReference' }, violation('session.handshake', 'Hello after the handshake')],
    'rx.HelloYourself': [{ guard: 'isReference' }, violation('session.handshake', 'HelloYourself after the handshake')],
    'rx.ProtocolError': [
      // 9a.10, 9b.16
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
  },
}).on;
