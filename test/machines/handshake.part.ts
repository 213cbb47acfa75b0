import { handshakeMachine } from '../../machines/index.js';
import { type HandshakeState, handshake } from '../../spec/parts/handshake.js';
import { hello, helloYourself, M, N, oneOfEach, protocolError, settings } from '../../spec/rows/messages.js';
import type { Message } from '../../src/wire/message.js';
import { event, FAILED, heardTime, LINK, MODES, rx, UNSENDABLE } from './inputs.js';
import type { Moment } from './outside.js';
import type { OutsidePart, Variant } from './part.js';
import { FIRST_FRAME } from './project.js';

const TIMEOUT = 7;
const AUTHENTICATE_TIMEOUT = 5;

const PHASES: Readonly<Record<string, HandshakeState['phase']>> = {
  awaitingHelloYourself: 'waiting for HelloYourself',
  awaitingHello: 'waiting for Hello',
  authenticating: 'authenticating',
  replying: 'replying',
  established: 'established',
  failed: 'failed',
  refused: 'refused',
  abandoned: 'moot',
};

const beginnings = [
  { name: 'initiator', role: 'initiator', authenticates: false },
  { name: 'acceptor', role: 'acceptor', authenticates: false },
  { name: 'authenticating acceptor', role: 'acceptor', authenticates: true },
] as const;

const variants = beginnings.flatMap(({ name, role, authenticates }) =>
  MODES.map((mode): Variant => {
    // The parity of an acceptor is ignored. This one is wrong, so a machine that used it would fail.
    const common = { role, localSettings: settings('odd', 8), metadata: M };
    return {
      name: `${name}, ${mode}`,
      mode,
      input: {
        ...common,
        conformance: mode,
        timeout: TIMEOUT,
        isAuthenticating: authenticates,
        authenticateTimeout: AUTHENTICATE_TIMEOUT,
      },
      told: { ...common, mode, authenticates },
    };
  }),
);

const REFUSED = { reason: 'forbidden', text: 'not you' } as const;

/** Each message in its correct form, and in a form that only the reference mode accepts. */
const MESSAGES = [
  ...oneOfEach('Hello', 'HelloYourself'),
  hello({ metadata: N }),
  hello({ settings: settings('even', 5) }),
  hello({ on: 3 }),
  hello({ version: 8 }),
  helloYourself({ metadata: N }),
  helloYourself({ settings: settings('odd', 5) }),
  helloYourself({ on: 2 }),
  protocolError('refused.forbidden: not you'),
  protocolError('refused.otherwise: not you'),
].map(rx);

const ANSWERS = [event('auth.accepted'), event('auth.refused', REFUSED)];

// r[session.handshake]
export const handshakePart: OutsidePart = {
  machine: handshakeMachine,
  variants,
  delays: { handshakeTimeout: TIMEOUT, authenticateTimeout: AUTHENTICATE_TIMEOUT },
  serialize: ({ value, context }) => JSON.stringify([value, context.localSettings]),
  // While the application decides, frames are not read.
  events: ({ value }) =>
    value === 'authenticating'
      ? [...ANSWERS, event('link.ended'), FAILED, event('session.ended')]
      : [...MESSAGES, ...LINK, ...ANSWERS, event('session.ended')],
  nameState: ({ value }) => String(value),
  isShown: () => true,
  oracle: handshake,
  heard: heardTime,
  seen: ({ value }) => ({ phase: PHASES[String(value)] }),
  wanted: ({ phase }: HandshakeState) => ({ phase }),
  outside: ({ input }, { steps }) => {
    const { role, isAuthenticating } = input as { role: 'initiator' | 'acceptor'; isAuthenticating: boolean };
    const start = { user: 'start' } as const;
    // The link has to refuse before there is something to send.
    const refuses = role === 'initiator' && steps[0]?.event === UNSENDABLE;
    return {
      given: {
        established: false,
        role,
        parity: 'odd',
        maxConcurrentRequests: 8,
        metadata: M,
        limits: FIRST_FRAME,
        ...(isAuthenticating ? { authenticate: 'pending' } : {}),
      },
      before: refuses ? [{ link: 'refuse-sends' }, start] : [start],
      actions: ({ event: { type, message }, from, next }: Moment & { event: { message?: Message } }) => {
        if (type.startsWith('xstate.after.')) return [{ advance: 10_000 }];
        // The reply is sent, or refused, within the step.
        if (from === 'replying') return type === 'conduit.flushed' || type === 'link.unsendable' ? [] : undefined;
        if (type === 'link.unsendable') return refuses ? [] : undefined;
        if (from === 'authenticating' && next === UNSENDABLE) {
          return [{ link: 'refuse-sends' }, { user: 'authenticate', answer: 'accept' }];
        }
        if (message === undefined || next !== UNSENDABLE || isAuthenticating) return 'as ever';
        return [{ link: 'refuse-sends' }, { peer: message }];
      },
    };
  },
  inside: { 'session.ended': 'the word of a session whose machine is gone, to actors that are left over' },
};
