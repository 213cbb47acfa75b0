/**
 * Effects that many rows of the connection chart use: closing, settling, concluding.
 */
import type { ConnectionId } from '../src/wire/id.js';
import type { ConnectionClose, DataMessage } from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import { type Json, plain } from '../src/wire/plain.js';
import type { Rule } from '../src/wire/rule.js';
import type { ConnectionContext } from './connection-setup.js';
import { type ConnectionEnd, NO_METADATA, type Outcome, type RequestNumber } from './events.js';

type Phase = ConnectionEnd['phase'];
export interface Args {
  context: ConnectionContext;
}

/**
 * A message for the reader. Inspectors serialise the parameters of an action; `toJSON` keeps the payload bytes out of it.
 */
export class Delivery {
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
export function close(metadata: Metadata = NO_METADATA) {
  return {
    type: 'transmit',
    params: ({ context }: Args): ConnectionClose => ({ type: 'ConnectionClose', connectionId: context.id, metadata }),
  } as const;
}

/** The Close that the application asks for. 5.26: r[connection.close] */
export const closeAsAsked = {
  type: 'transmit',
  params: ({ context, event }: Args & { event: { metadata: Metadata } }): ConnectionClose => ({
    type: 'ConnectionClose',
    connectionId: context.id,
    metadata: event.metadata,
  }),
} as const;

export const settleDone = {
  type: 'settle',
  params: ({ event }: { event: { request: RequestNumber } }): { request: RequestNumber; outcome: Outcome } => ({
    request: event.request,
    outcome: { type: 'done' },
  }),
} as const;

/** Settles our open when it fails. */
export function settleOpen(outcome: (id: ConnectionId) => Outcome) {
  return {
    type: 'settle',
    params: ({ context }: Args) => ({ request: context.request as RequestNumber, outcome: outcome(context.id) }),
  } as const;
}

/** Ends a connection without metadata; `by` says which side ended it. */
export function conclude(phase: Phase, by: 'local' | 'peer', outcome: 'closed' | 'rejected' | 'abandoned' = 'closed') {
  return { type: 'conclude', params: { phase, outcome, by, metadata: NO_METADATA } } as const;
}

/** Ends a connection with the metadata of the peer's message. */
export function concludeByPeer(phase: Phase, outcome: 'closed' | 'rejected') {
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
export function concludeByUs(phase: Phase, outcome: 'closed' | 'rejected') {
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

/** The peer broke `rule`: the session ends, and tells the peer. */
export function violation(phase: Phase, rule: Rule, description: string) {
  const outcome = { rule, description };
  return {
    target: '#connection.violated',
    actions: { type: 'conclude', params: { phase, outcome, by: 'peer', metadata: NO_METADATA } },
  } as const;
}
