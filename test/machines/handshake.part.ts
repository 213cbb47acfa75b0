import { handshakeMachine } from '../../machines/index.js';
import { type HandshakeState, handshake } from '../../spec/parts/handshake.js';
import { hello, helloYourself, M, N, oneOfEach, settings } from '../../spec/rows/messages.js';
import type { Message } from '../../src/wire/message.js';
import { event, heardTime, LINK, MODES, rx, UNSENDABLE } from './inputs.js';
import type { Moment } from './outside.js';
import type { OutsidePart, Variant } from './part.js';
import { FIRST_FRAME } from './project.js';

const TIMEOUT = 7;

const PHASES: Readonly<Record<string, HandshakeState['phase']>> = {
  awaitingHelloYourself: 'waiting for HelloYourself',
  awaitingHello: 'waiting for Hello',
  replying: 'replying',
  established: 'established',
  failed: 'failed',
  abandoned: 'moot',
};

const variants = (['initiator', 'acceptor'] as const).flatMap((role) =>
  MODES.map((mode): Variant => {
    // The parity of an acceptor is ignored. This one is wrong, so a machine that used it would fail.
    const common = { role, localSettings: settings('odd', 8), metadata: M };
    return {
      name: `${role}, ${mode}`,
      mode,
      input: { ...common, conformance: mode, timeout: TIMEOUT },
      told: { ...common, mode },
    };
  }),
);

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
].map(rx);

// r[session.handshake]
export const handshakePart: OutsidePart = {
  machine: handshakeMachine,
  variants,
  delays: { handshakeTimeout: TIMEOUT },
  serialize: ({ value, context }) => JSON.stringify([value, context.localSettings]),
  events: () => [...MESSAGES, ...LINK, event('session.ended')],
  nameState: ({ value }) => String(value),
  isShown: () => true,
  oracle: handshake,
  heard: heardTime,
  seen: ({ value }) => ({ phase: PHASES[String(value)] }),
  wanted: ({ phase }: HandshakeState) => ({ phase }),
  outside: ({ input }, { steps }) => {
    const { role } = input as { role: 'initiator' | 'acceptor' };
    const start = { user: 'start' } as const;
    // The link has to refuse before there is something to send.
    const refuses = role === 'initiator' && steps[0]?.event === UNSENDABLE;
    return {
      given: { established: false, role, parity: 'odd', maxConcurrentRequests: 8, metadata: M, limits: FIRST_FRAME },
      before: refuses ? [{ link: 'refuse-sends' }, start] : [start],
      actions: ({ event: { type, message }, from, next }: Moment & { event: { message?: Message } }) => {
        if (type.startsWith('xstate.after.')) return [{ advance: 10_000 }];
        // The reply is sent, or refused, within the step.
        if (from === 'replying') return type === 'conduit.flushed' || type === 'link.unsendable' ? [] : undefined;
        if (type === 'link.unsendable') return refuses ? [] : undefined;
        if (message === undefined || next !== UNSENDABLE) return 'as ever';
        return [{ link: 'refuse-sends' }, { peer: message }];
      },
    };
  },
  inside: { 'session.ended': 'the word of a session whose machine is gone, to actors that are left over' },
};
