/**
 * The beginning of a session: its link, and the handshake.
 */
import { ROOT } from '../../src/wire/id.js';
import type { ProtocolErrorMessage } from '../../src/wire/message.js';
import type { Violation } from '../events.js';
import type { HandshakeEvent, HandshakeOutput } from '../handshake.js';
import { earlyRows } from './connections.js';
import { session } from './context.js';
import { crash, protocolError, settle } from './ends.js';

type Failed = Extract<HandshakeOutput, { type: 'failed' | 'refused' }>;

/** Returns the violation that a failed handshake reports to the peer. */
function accusation(output: HandshakeOutput): Violation {
  const { message, rule = 'session.handshake' } = (output as Failed).failure;
  return { rule, description: message };
}

/** Returns the message that tells the peer of its refusal. */
function refusal(output: HandshakeOutput): ProtocolErrorMessage {
  return { type: 'ProtocolError', connectionId: ROOT, description: (output as Failed).failure.message };
}

const toHandshake = { type: 'toHandshake', params: ({ event }: { event: HandshakeEvent }) => event } as const;

export const handshakeActor = session.createStateConfig({
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
      isAuthenticating: context.isAuthenticating,
      authenticateTimeout: context.limits.authenticateTimeout,
    }),
    onDone: [
      {
        guard: { type: 'isEstablished', params: ({ event }) => event.output },
        target: '#session.running',
        actions: [{ type: 'establish', params: ({ event }) => event.output }, 'emitEstablished'],
      },
      // 3.12
      {
        guard: { type: 'isRefusal', params: ({ event }) => event.output },
        target: '#session.ending',
        actions: [
          { type: 'transmit', params: ({ event }) => refusal(event.output) },
          { type: 'concludeHandshake', params: ({ event }) => event.output },
        ],
      },
      // 9a.01
      {
        guard: { type: 'isAccusable', params: ({ event }) => event.output },
        target: '#session.ending',
        actions: [
          { type: 'transmit', params: ({ event }) => protocolError(accusation(event.output)) },
          { type: 'concludeHandshake', params: ({ event }) => event.output },
        ],
      },
      { target: '#session.ended', actions: { type: 'concludeHandshake', params: ({ event }) => event.output } },
    ],
    onError: crash,
  },
}).invoke;

export const handshakeRows = session.createStateConfig({
  on: {
    'rx.*': { actions: toHandshake },
    'auth.*': { actions: toHandshake },
    'link.ended': { actions: toHandshake },
    'link.failed': { actions: toHandshake },
    'link.unsendable': { actions: toHandshake },
    // The time of the handshake runs on: it is the application's.
    'link.interrupted': { actions: ['noteInterrupted', 'emitInterrupted'] },
    'link.restored': { actions: ['noteRestored', 'emitRestored'] },
    'conduit.flushed': { actions: toHandshake },
    'conduit.malformed': { actions: toHandshake },
    ...earlyRows,
    'app.close': { actions: settle({ type: 'invalid', message: 'the handshake is not over yet' }) },
  },
}).on;
