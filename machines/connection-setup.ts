/**
 * The context, actions and guards of the connection chart in connection.ts.
 */
import { assign, sendTo, setup } from 'xstate';
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
import type {
  Conformance,
  ConnectionEnd,
  ConnectionEvent,
  ConnectionStart,
  ConnectionsRef,
  OpenedConnection,
  Outcome,
  Port,
  RequestNumber,
} from './events.js';

export type ConnectionPort = Pick<
  Port,
  'transmit' | 'decide' | 'dropDecision' | 'pend' | 'activate' | 'deliver' | 'retire' | 'settle'
>;

export interface ConnectionInput extends ConnectionStart {
  readonly port: ConnectionPort;
  readonly conformance: Conformance;
  /** The actor that spawned the connection. It is told when the connection is open. */
  readonly parent: ConnectionsRef;
}

export interface ConnectionContext extends ConnectionInput {
  /** Set by the transition that ends the connection. */
  readonly end?: ConnectionEnd;
}

export type ConnectionOutput = ConnectionEnd;

export const connection = setup({
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
    dropDecision: ({ context }, params: { id: ConnectionId }) => context.port.dropDecision(params),
    pend: ({ context }, params: { id: ConnectionId; request: RequestNumber }) => context.port.pend(params),
    activate: ({ context }, params: OpenedConnection & { request?: RequestNumber }) => context.port.activate(params),
    deliver: ({ context }, params: { id: ConnectionId; message: DataMessage }) => context.port.deliver(params),
    retire: ({ context }, params: { id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }) =>
      context.port.retire(params),
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
export function opened(context: ConnectionContext): OpenedConnection {
  const { id, origin, metadata } = context;
  return {
    id,
    origin,
    localSettings: context.localSettings as ConnectionSettings,
    peerSettings: context.peerSettings as ConnectionSettings,
    metadata,
  };
}
