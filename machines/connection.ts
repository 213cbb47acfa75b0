/**
 * One connection, the root or a virtual one, from our side: `opening` (we asked), `deciding` (the peer asked), `active`,
 * then over.
 *
 * It decides what an inbound message or a local request means in the current phase, and answers on the wire. It does not
 * know other connections: the session knows whether an id is free, in use or used before, and forwards only messages for a
 * living connection. A message that a phase does not list breaks a rule. Conformance only decides whether a listed tolerance
 * applies.
 */
import { and, assign, sendTo, setup } from 'xstate';
import type { ConnectionId } from '../src/wire/id.js';
import type {
  ConnectionAccept,
  ConnectionClose,
  ConnectionOpen,
  ConnectionReject,
  ConnectionSettings,
  DataMessage,
} from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import { type Json, plain } from '../src/wire/plain.js';
import type { Rule } from '../src/wire/rule.js';
import {
  type Conformance,
  type ConnectionEnd,
  type ConnectionEvent,
  type ConnectionParent,
  type ConnectionStart,
  NO_METADATA,
  type OpenedConnection,
  type Outcome,
  type Port,
  type RequestNumber,
} from './events.js';

export type ConnectionPort = Pick<
  Port,
  'transmit' | 'decide' | 'dropDecision' | 'pend' | 'activate' | 'deliver' | 'dropUnsent' | 'closeHandle' | 'settle'
>;

export interface ConnectionInput extends ConnectionStart {
  readonly port: ConnectionPort;
  readonly conformance: Conformance;
  /** The session's actor. It is told when the connection is open. */
  readonly parent: ConnectionParent;
}

export interface ConnectionContext extends ConnectionInput {
  /** Set by the transition that ends the connection. */
  readonly end?: ConnectionEnd;
}

export type ConnectionOutput = ConnectionEnd;

const connection = setup({
  types: {
    context: {} as ConnectionContext,
    events: {} as ConnectionEvent,
    input: {} as ConnectionInput,
    output: {} as ConnectionOutput,
    tags: {} as 'delivers',
  },
  actions: {
    transmit: ({ context }, message: ConnectionOpen | ConnectionAccept | ConnectionReject | ConnectionClose) =>
      context.port.transmit(message),
    decide: ({ context }, params: { id: ConnectionId; peerSettings: ConnectionSettings; metadata: Metadata }) =>
      context.port.decide(params),
    dropDecision: ({ context }, params: { id: ConnectionId; why: 'withdrawn' | 'expired' }) =>
      context.port.dropDecision(params),
    pend: ({ context }, params: { id: ConnectionId; request: RequestNumber }) => context.port.pend(params),
    activate: ({ context }, params: OpenedConnection & { request?: RequestNumber }) => context.port.activate(params),
    deliver: ({ context }, params: { id: ConnectionId; message: DataMessage }) => context.port.deliver(params),
    dropUnsent: ({ context }, params: { id: ConnectionId }) => context.port.dropUnsent(params),
    closeHandle: ({ context }, params: { id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }) =>
      context.port.closeHandle(params),
    settle: ({ context }, params: { request: RequestNumber; outcome: Outcome }) => context.port.settle(params),
    announce: sendTo(
      ({ context }) => context.parent,
      ({ context }) => ({ type: 'connections.opened', connection: opened(context) }) as const,
    ),
    adopt: assign((_, known: Partial<Pick<ConnectionContext, 'localSettings' | 'peerSettings' | 'metadata'>>) => known),
    conclude: assign((_, end: ConnectionEnd) => ({ end })),
  },
  guards: {
    isOurs: ({ context }) => context.origin === 'local',
    isTheirs: ({ context }) => context.origin === 'peer',
    isRoot: ({ context }) => context.origin === 'root',
    isReference: ({ context }) => context.conformance === 'reference',
    isStrict: ({ context }) => context.conformance === 'strict',
    hasOurParity: ({ context, event }) =>
      event.type === 'rx.ConnectionAccept' && event.message.connectionSettings.parity === context.localSettings?.parity,
  },
});

/** A connection that both sides have agreed on. */
function opened(context: ConnectionContext): OpenedConnection {
  const { id, origin, metadata } = context;
  return {
    id,
    origin,
    localSettings: context.localSettings as ConnectionSettings,
    peerSettings: context.peerSettings as ConnectionSettings,
    metadata,
  };
}

type Phase = ConnectionEnd['phase'];
interface Args {
  context: ConnectionContext;
}

/**
 * A message for the reader. Inspectors serialise the parameters of an action; `toJSON` keeps the payload bytes out of it.
 */
class Delivery {
  readonly id: ConnectionId;
  readonly message: DataMessage;

  constructor(id: ConnectionId, message: DataMessage) {
    this.id = id;
    this.message = message;
  }

  toJSON(): Json | undefined {
    return plain({ ...this });
  }
}

/** A Close of ours. */
function close(metadata: Metadata = NO_METADATA) {
  return {
    type: 'transmit',
    params: ({ context }: Args): ConnectionClose => ({ type: 'ConnectionClose', connectionId: context.id, metadata }),
  } as const;
}

/** The Close that the application asks for. 5.26: r[connection.close] */
const closeAsAsked = {
  type: 'transmit',
  params: ({ context, event }: Args & { event: { metadata: Metadata } }): ConnectionClose => ({
    type: 'ConnectionClose',
    connectionId: context.id,
    metadata: event.metadata,
  }),
} as const;

const dropUnsent = { type: 'dropUnsent', params: ({ context }: Args) => ({ id: context.id }) } as const;

function dropDecision(why: 'withdrawn' | 'expired') {
  return { type: 'dropDecision', params: ({ context }: Args) => ({ id: context.id, why }) } as const;
}

const settleDone = {
  type: 'settle',
  params: ({ event }: { event: { request: RequestNumber } }): { request: RequestNumber; outcome: Outcome } => ({
    request: event.request,
    outcome: { type: 'done' },
  }),
} as const;

/** Settles our open when it fails. */
function settleOpen(outcome: (id: ConnectionId) => Outcome) {
  return {
    type: 'settle',
    params: ({ context }: Args) => ({ request: context.request as RequestNumber, outcome: outcome(context.id) }),
  } as const;
}

/** Ends a connection without metadata; `by` says which side ended it. */
function conclude(phase: Phase, by: 'local' | 'peer', outcome: 'closed' | 'rejected' | 'abandoned' = 'closed') {
  return { type: 'conclude', params: { phase, outcome, by, metadata: NO_METADATA } } as const;
}

/** Ends a connection with the metadata of the peer's message. */
function concludeByPeer(phase: Phase, outcome: 'closed' | 'rejected') {
  return {
    type: 'conclude',
    params: ({ event }: { event: { message: { metadata: Metadata } } }): ConnectionEnd => ({
      phase,
      outcome,
      by: 'peer',
      metadata: event.message.metadata,
    }),
  } as const;
}

/** Ends a connection with the metadata that the application gave. */
function concludeByUs(phase: Phase, outcome: 'closed' | 'rejected') {
  return {
    type: 'conclude',
    params: ({ event }: { event: { metadata: Metadata } }): ConnectionEnd => ({
      phase,
      outcome,
      by: 'local',
      metadata: event.metadata,
    }),
  } as const;
}

/** Gives up our open, which the peer has not answered. */
function giveUp(why: 'aborted' | 'expired') {
  return {
    target: 'withdrawn',
    actions: [close(), settleOpen((id) => ({ type: why, id })), conclude('opening', 'local')],
  } as const;
}

/** The peer broke `rule`: the session ends, and tells the peer. */
function violation(phase: Phase, rule: Rule, description: string) {
  const outcome = { rule, description };
  return {
    target: '#connection.violated',
    actions: { type: 'conclude', params: { phase, outcome, by: 'peer', metadata: NO_METADATA } },
  } as const;
}

/** The events of an accepted connection, with or without a reader. */
const acceptedRows = connection.createStateConfig({
  on: {
    // 5.10: r[connection.close.semantics]
    'rx.ConnectionClose': {
      target: 'closed',
      actions: [dropUnsent, concludeByPeer('active', 'closed')],
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
        'app.abandonOpen': giveUp('aborted'),
        'deadline.passed': giveUp('expired'),
      },
    },

    /** The peer's Open has come, and the application has not decided yet. */
    // r[rpc.virtual-connection.accept]
    deciding: {
      entry: [
        // The peer has closed the connection that had this id before. Messages that wait to be sent on that one must not
        // reach this one: 9b.18
        dropUnsent,
        {
          type: 'decide',
          params: ({ context }) => ({
            id: context.id,
            peerSettings: context.peerSettings as ConnectionSettings,
            metadata: context.metadata,
          }),
        },
      ],
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
        // 5.04: r[connection.open.rejection]
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
        // 5.06
        'deadline.passed': {
          target: 'rejected',
          actions: [
            dropDecision('expired'),
            {
              type: 'transmit',
              params: ({ context }): ConnectionReject => ({
                type: 'ConnectionReject',
                connectionId: context.id,
                metadata: NO_METADATA,
              }),
            },
            conclude('deciding', 'local', 'rejected'),
          ],
        },
        // 5.12
        'rx.ConnectionClose': {
          target: 'withdrawn',
          actions: [dropDecision('withdrawn'), concludeByPeer('deciding', 'closed')],
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
        'app.leave': { target: 'unread' },
      },
    },

    /** The reader has left: the next message ends the connection, since it would never be read. 5.16, 9b.05 */
    unread: {
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
        type: 'closeHandle',
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
