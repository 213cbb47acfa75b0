import { opposite } from '../../src/wire/id.js';
import type { ConnectionSettings, Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Refusal } from '../../src/wire/refusal.js';
import type { Rule } from '../../src/wire/rule.js';
import type { Mode } from '../rows/vocabulary.js';
import {
  type AuthenticationEvent,
  type Failure,
  type LinkEvent,
  nothing,
  type Oracle,
  type ReceivedEvent,
  type TimeEvent,
  type Verdict,
} from './oracle.js';

// Section 3: rows 3.01 to 3.12, with 9a.01, 9a.02 and 9a.12.

export interface HandshakeInput {
  readonly role: 'initiator' | 'acceptor';
  readonly mode: Mode;
  readonly localSettings: ConnectionSettings;
  readonly metadata: Metadata;
  /** Our application decides who the peer is. */
  readonly authenticates: boolean;
}

export interface HandshakeState extends HandshakeInput {
  readonly phase:
    | 'waiting for HelloYourself'
    | 'waiting for Hello'
    | 'authenticating'
    | 'replying'
    | 'established'
    | 'failed'
    | 'refused'
    | 'moot';
  /** The content of the Hello that is being answered. */
  readonly hello?: { readonly connectionSettings: ConnectionSettings; readonly metadata: Metadata };
}

export type HandshakeEvent =
  | ReceivedEvent
  | LinkEvent
  | AuthenticationEvent
  | TimeEvent
  | { readonly type: 'session.ended' };

type Outcome = Verdict<HandshakeState>;

function fail(state: HandshakeState, failure: Failure): Outcome {
  return { state: { ...state, phase: 'failed' }, effects: [['output', { type: 'failed', failure }]] };
}

/** 9a.01: the peer is at fault, and in strict mode it is told. */
function blame(state: HandshakeState, message?: string, rule: Rule = 'session.handshake'): Outcome {
  return fail(state, { ...(message === undefined ? {} : { message }), rule });
}

function establish(state: HandshakeState, peer: NonNullable<HandshakeState['hello']>): Outcome {
  const { localSettings } = state;
  const { connectionSettings: peerSettings, metadata } = peer;
  return {
    state: { ...state, phase: 'established' },
    effects: [['output', { type: 'established', localSettings, peerSettings, metadata }]],
  };
}

/** Handles the events that both roles may get while they wait: 3.02, 3.04, 3.05, 3.07, 9a.12. */
function waiting(state: HandshakeState, event: HandshakeEvent): Outcome {
  const { role, mode } = state;
  switch (event.type) {
    case 'time':
      return blame(state, 'handshake timed out');
    case 'link.ended':
      return fail(state, { message: 'peer closed during handshake' });
    case 'link.failed':
      return fail(state, { message: event.error.message, error: event.error });
    case 'link.unsendable':
      // 3.06. An acceptor has sent nothing yet.
      return role === 'initiator'
        ? fail(state, { message: 'failed to send Hello', error: event.error })
        : nothing(state);
    case 'conduit.malformed': {
      const { description: message, rule, limit } = event;
      return fail(state, { message, rule, ...(limit === undefined ? {} : { limit }) });
    }
    case 'conduit.flushed':
    case 'auth.accepted':
    case 'auth.refused':
    case 'session.ended':
      return nothing(state);
    default:
      return role === 'initiator' ? answer(state, event.message, mode) : listen(state, event.message, mode);
  }
}

/** 3.02, 3.12: the peer fails the handshake, in its own words, or refuses us. */
function told(state: HandshakeState, description: string): Outcome {
  const [, reason, text] = /^refused\.(unauthenticated|forbidden|unavailable|draining): (.*)/s.exec(description) ?? [];
  if (reason === undefined || text === undefined) return fail(state, { message: description });
  return fail(state, { message: description, refusal: { reason, text } as Refusal });
}

/** 3.12: the peer is refused, in both modes. */
function refuse(state: HandshakeState, refusal: Refusal, before: Outcome['effects']): Outcome {
  const message = `refused.${refusal.reason}: ${refusal.text}`;
  return {
    state: { ...state, phase: 'refused' },
    effects: [...before, ['output', { type: 'refused', failure: { message, refusal } }]],
  };
}

/** 3.12: our application is asked who the peer is. Messages do not come meanwhile. */
function authenticating(state: HandshakeState, event: HandshakeEvent): Outcome {
  const over: Outcome['effects'] = [['stopAuthenticating']];
  switch (event.type) {
    case 'auth.accepted':
      return reply(state, over);
    case 'auth.refused':
      return refuse(state, { reason: event.reason, text: event.text }, over);
    case 'time':
      return refuse(state, { reason: 'unavailable', text: 'try again later' }, [...over, ['reportUnanswered']]);
    case 'link.ended':
    case 'link.failed': {
      const { state: next, effects } = waiting(state, event);
      return { state: next, effects: [...over, ...effects] };
    }
    default:
      return nothing(state);
  }
}

/** 3.08. */
function reply(state: HandshakeState, before: Outcome['effects'] = []): Outcome {
  const { localSettings: connectionSettings, metadata } = state;
  const message: Message = { type: 'HelloYourself', connectionId: 0, connectionSettings, metadata };
  return { state: { ...state, phase: 'replying' }, effects: [...before, ['transmit', message], ['flush']] };
}

/** 3.01 to 3.03. */
function answer(state: HandshakeState, message: Message, mode: Mode): Outcome {
  if (message.type === 'ProtocolError') return told(state, message.description);
  if (message.type !== 'HelloYourself') return blame(state, 'expected HelloYourself');
  // 9a.02
  if (mode === 'strict' && message.connectionId !== 0) return blame(state);
  if (mode === 'strict' && message.connectionSettings.parity === state.localSettings.parity) {
    return blame(state, undefined, 'session.parity');
  }
  return establish(state, message);
}

/** 3.08, 3.09, 3.11. */
function listen(state: HandshakeState, message: Message, mode: Mode): Outcome {
  if (message.type === 'ProtocolError') return told(state, message.description);
  if (message.type !== 'Hello') return blame(state, 'expected Hello');
  // 9a.02
  if (mode === 'strict' && message.connectionId !== 0) return blame(state);
  if (message.version !== 7) return blame(state, `version mismatch: got ${String(message.version)}, expected 7`);
  const localSettings = { ...state.localSettings, parity: opposite(message.connectionSettings.parity) };
  const heard: HandshakeState = { ...state, localSettings, hello: message };
  if (!state.authenticates) return reply(heard);
  return { state: { ...heard, phase: 'authenticating' }, effects: [['authenticate', { metadata: message.metadata }]] };
}

/** The session has gone: its application need not answer any more. */
function abandon(state: HandshakeState): Outcome {
  const effects: Outcome['effects'] = state.phase === 'authenticating' ? [['stopAuthenticating']] : [];
  return { state: { ...state, phase: 'moot' }, effects };
}

// r[session.handshake]
export const handshake: Oracle<HandshakeInput, HandshakeState, HandshakeEvent> = {
  start: (input) => {
    if (input.role === 'acceptor') return nothing({ ...input, phase: 'waiting for Hello' });
    const { localSettings: connectionSettings, metadata } = input;
    const hello: Message = { type: 'Hello', connectionId: 0, version: 7, connectionSettings, metadata };
    return { state: { ...input, phase: 'waiting for HelloYourself' }, effects: [['transmit', hello]] };
  },

  step: (state, event) => {
    const { phase } = state;
    if (['established', 'failed', 'refused', 'moot'].includes(phase)) return nothing(state);
    if (event.type === 'session.ended') return abandon(state);
    if (phase === 'authenticating') return authenticating(state, event);
    if (phase !== 'replying') return waiting(state, event);
    // 3.10: from now on only the sending of the answer matters.
    if (event.type === 'conduit.flushed' && state.hello !== undefined) return establish(state, state.hello);
    if (event.type !== 'link.unsendable') return nothing(state);
    return fail(state, { message: 'failed to send HelloYourself', error: event.error });
  },

  timers: ({ phase }) => {
    if (phase === 'authenticating') return ['authenticateTimeout'];
    return phase.startsWith('waiting') ? ['handshakeTimeout'] : [];
  },
};
