/**
 * One connection, the root or a virtual one, from our side: `opening` (we asked), `deciding` (the peer asked), `active`,
 * then over.
 *
 * It decides what an inbound message or a local request means in the current phase, and answers on the wire. It does not
 * know other connections: the session knows whether an id is free, in use or used before, and forwards only messages for a
 * living connection. A message that a phase does not list breaks a rule. Conformance only decides whether a listed tolerance
 * applies.
 */
import { and } from 'xstate';
import type {
  ConnectionAccept,
  ConnectionOpen,
  ConnectionReject,
  ConnectionSettings,
  DataMessage,
} from '../src/wire/message.js';
import {
  type Args,
  close,
  closeAsAsked,
  conclude,
  concludeByPeer,
  concludeByUs,
  Delivery,
  settleDone,
  settleOpen,
  violation,
} from './connection-effects.js';
import { connection, opened } from './connection-setup.js';
import type { ConnectionEnd, RequestNumber } from './events.js';

/** The events of an accepted connection, with or without a reader. */
const acceptedRows = connection.createStateConfig({
  on: {
    // 5.10: r[connection.close.semantics]
    'rx.ConnectionClose': {
      target: 'closed',
      actions: concludeByPeer('active', 'closed'),
    },
    // 9a.04, 9b.02
    'rx.ConnectionAccept': [
      { guard: 'isReference' },
      violation('active', 'connection.open', 'ConnectionAccept for a connection that is active'),
    ],
    'rx.ConnectionReject': [
      { guard: 'isReference' },
      violation('active', 'connection.open', 'ConnectionReject for a connection that is active'),
    ],
    'rx.*': violation('active', 'session.message', 'unexpected message'),
    // 5.26: r[connection.close]
    'app.close': {
      target: 'closed',
      actions: [closeAsAsked, settleDone, concludeByUs('active', 'closed')],
    },
    // 5.27, 5.07: r[rpc.caller.liveness.last-drop-closes-connection]
    'app.release': { target: 'closed', actions: [close(), conclude('active', 'local')] },
  },
}).on;

const deliver = {
  type: 'deliver',
  params: ({ context, event }: Args & { event: { message: DataMessage } }) => new Delivery(context.id, event.message),
} as const;

/** No ConnectionClose is ever sent for the root: the session ends instead. */
const unread = [
  { guard: 'isRoot', target: 'abandoned', actions: conclude('active', 'local', 'abandoned') },
  { target: 'closed', actions: [close(), conclude('active', 'local')] },
] as const;

// r[connection]
export const connectionMachine = connection.createMachine({
  id: 'connection',
  options: { maxIterations: 100 },
  context: ({ input }) => input,
  initial: 'starting',
  output: ({ context }) => context.end as ConnectionEnd,
  states: {
    starting: {
      always: [{ guard: 'isOurs', target: 'opening' }, { guard: 'isTheirs', target: 'deciding' }, { target: 'active' }],
    },

    /** Our Open is sent. Until the answer comes, only a Close may follow it on this id. */
    // r[connection.open]
    opening: {
      entry: [
        // 5.21
        { type: 'pend', params: ({ context }) => ({ id: context.id, request: context.request as RequestNumber }) },
        {
          type: 'transmit',
          params: ({ context }): ConnectionOpen => ({
            type: 'ConnectionOpen',
            connectionId: context.id,
            connectionSettings: context.localSettings as ConnectionSettings,
            metadata: context.metadata,
          }),
        },
      ],
      on: {
        'rx.ConnectionAccept': [
          // 9a.02: r[connection.parity]
          {
            guard: and(['isStrict', 'hasOurParity']),
            ...violation('opening', 'connection.parity', 'ConnectionAccept with the same parity as ConnectionOpen'),
          },
          // 5.08
          {
            target: 'active',
            actions: [
              {
                type: 'adopt',
                params: ({ event }) => ({
                  peerSettings: event.message.connectionSettings,
                  metadata: event.message.metadata,
                }),
              },
              'announce',
            ],
          },
        ],
        // 5.09; 9b.17: the metadata as it was sent
        'rx.ConnectionReject': {
          target: 'rejected',
          actions: [
            {
              type: 'settle',
              params: ({ context, event }) => ({
                request: context.request as RequestNumber,
                outcome: { type: 'rejected', id: context.id, metadata: event.message.metadata },
              }),
            },
            concludeByPeer('opening', 'rejected'),
          ],
        },
        // 5.11, 9b.08
        'rx.ConnectionClose': {
          target: 'withdrawn',
          actions: [settleOpen((id) => ({ type: 'closed', id, by: 'peer' })), concludeByPeer('opening', 'closed')],
        },
        // 5.15, 9a.06
        'rx.RequestMessage': [
          { guard: 'isReference' },
          violation('opening', 'session.message', 'RequestMessage on a connection that is not yet accepted'),
        ],
        'rx.ChannelMessage': [
          { guard: 'isReference' },
          violation('opening', 'session.message', 'ChannelMessage on a connection that is not yet accepted'),
        ],
        'rx.*': violation('opening', 'session.message', 'unexpected message'),
        // 5.26: r[connection.close]
        'app.close': {
          target: 'withdrawn',
          actions: [
            closeAsAsked,
            settleOpen((id) => ({ type: 'closed', id, by: 'local' })),
            settleDone,
            concludeByUs('opening', 'closed'),
          ],
        },
        // 5.23, 9b.07
        'app.abandonOpen': {
          target: 'withdrawn',
          actions: [
            close(),
            {
              type: 'settle',
              params: ({ context, event }) => ({
                request: context.request as RequestNumber,
                outcome: { type: event.why, id: context.id },
              }),
            },
            conclude('opening', 'local'),
          ],
        },
      },
    },

    /** The peer's Open has come, and the application has not decided yet. */
    // r[rpc.virtual-connection.accept]
    deciding: {
      entry: {
        type: 'decide',
        params: ({ context }) => ({
          id: context.id,
          peerSettings: context.peerSettings as ConnectionSettings,
          metadata: context.metadata,
        }),
      },
      on: {
        // 5.05
        'app.accept': {
          target: 'active',
          actions: [
            { type: 'adopt', params: ({ event }) => ({ localSettings: event.settings }) },
            {
              type: 'transmit',
              params: ({ context, event }): ConnectionAccept => ({
                type: 'ConnectionAccept',
                connectionId: context.id,
                connectionSettings: event.settings,
                metadata: event.metadata,
              }),
            },
            'announce',
          ],
        },
        // 5.04, and 5.06 with empty metadata: r[connection.open.rejection]
        'app.reject': {
          target: 'rejected',
          actions: [
            {
              type: 'transmit',
              params: ({ context, event }): ConnectionReject => ({
                type: 'ConnectionReject',
                connectionId: context.id,
                metadata: event.metadata,
              }),
            },
            concludeByUs('deciding', 'rejected'),
          ],
        },
        // 5.12
        'rx.ConnectionClose': {
          target: 'withdrawn',
          actions: [
            { type: 'dropDecision', params: ({ context }) => ({ id: context.id }) },
            concludeByPeer('deciding', 'closed'),
          ],
        },
        // 5.15, 9a.07
        'rx.RequestMessage': [
          { guard: 'isReference' },
          violation('deciding', 'session.message', 'RequestMessage on a connection that is not yet accepted'),
        ],
        'rx.ChannelMessage': [
          { guard: 'isReference' },
          violation('deciding', 'session.message', 'ChannelMessage on a connection that is not yet accepted'),
        ],
        'rx.*': violation('deciding', 'session.message', 'unexpected message'),
        // 5.25
        'app.close': {
          actions: {
            type: 'settle',
            params: ({ event }) => ({
              request: event.request,
              outcome: { type: 'invalid', message: 'connection not found' },
            }),
          },
        },
      },
    },

    /** Both sides have agreed. Messages go to the inbox. */
    active: {
      entry: {
        type: 'activate',
        params: ({ context }) => ({
          ...opened(context),
          ...(context.request === undefined ? undefined : { request: context.request }),
        }),
      },
      // The fast path checks this tag: while it is set, a data message goes to the inbox and has no other effect.
      tags: 'delivers',
      on: {
        ...acceptedRows,
        // 5.14
        'rx.RequestMessage': { actions: deliver },
        'rx.ChannelMessage': { actions: deliver },
        'app.leave': { target: 'left' },
      },
    },

    /** The reader has left: the next message ends the connection, since it would never be read. 5.16, 9b.05 */
    left: {
      on: {
        ...acceptedRows,
        'rx.RequestMessage': unread,
        'rx.ChannelMessage': unread,
      },
    },

    /** The connection was active. Its handle is told that it closed. */
    closed: {
      type: 'final',
      entry: {
        type: 'retire',
        params: ({ context }) => {
          const { by, metadata } = context.end as ConnectionEnd;
          return { id: context.id, by, metadata };
        },
      },
    },
    rejected: { type: 'final' },
    /** Given up by either side before it was accepted. */
    withdrawn: { type: 'final' },
    violated: { type: 'final' },
    /** The root has no reader: it ends with its session, which tells its handle. */
    abandoned: { type: 'final' },
  },
});
