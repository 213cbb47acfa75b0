/**
 * What the rows of a connection's chart ask for again and again: closing, settling, concluding.
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

/** A message for the reader. Whoever serialises it, as inspectors do with an action's parameters, gets none of its bytes. */
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

/** The Close that the user asks for. 5.26: r[connection.close] */
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

/** How our open comes out, when it comes to nothing. */
export function settleOpen(outcome: (id: ConnectionId) => Outcome) {
  return {
    type: 'settle',
    params: ({ context }: Args) => ({ request: context.request as RequestNumber, outcome: outcome(context.id) }),
  } as const;
}

/** What ends a connection without more to say than by whom. */
export function conclude(phase: Phase, by: 'local' | 'peer', outcome: 'closed' | 'rejected' | 'abandoned' = 'closed') {
  return { type: 'conclude', params: { phase, outcome, by, metadata: NO_METADATA } } as const;
}

/** An end that carries what the peer's message says. */
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

/** An end that carries what the user says. */
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

/** The peer broke `rule`: the session is over, and says so to the peer. */
export function violation(phase: Phase, rule: Rule, description: string) {
  const outcome = { rule, description };
  return {
    target: '#connection.violated',
    actions: { type: 'conclude', params: { phase, outcome, by: 'peer', metadata: NO_METADATA } },
  } as const;
}
