/**
 * Every way in which a session ends: the rows that end it, and what each end does. The first cause wins: `conclude` is called on
 * the way out of `handshaking` or `running`, and nowhere else.
 */
import { or } from 'xstate';
import { ROOT } from '../../src/wire/id.js';
import type { ProtocolErrorMessage } from '../../src/wire/message.js';
import { type Refusal, refusalText } from '../../src/wire/refusal.js';
import type { Rule } from '../../src/wire/rule.js';
import type { Outcome, RequestNumber, SessionEnd, Violation } from '../events.js';
import { conclude, type SessionContext, session } from './context.js';

interface Args {
  context: SessionContext;
}

/** The application's messages that wait to be sent still leave if the end is our own doing. Row "5 end". */
const UNSENT: Readonly<Record<SessionEnd['cause'], 'sent' | 'dropped'>> = {
  shutdown: 'sent',
  released: 'sent',
  abandoned: 'dropped',
  peer: 'dropped',
  link: 'dropped',
  keepalive: 'dropped',
  accused: 'dropped',
  violation: 'dropped',
  limit: 'dropped',
  handshake: 'dropped',
  stopped: 'dropped',
  crashed: 'dropped',
};

export const finish = {
  type: 'finish',
  params: ({ context }: Args) => {
    const end = context.end as SessionEnd;
    return { end, unsent: UNSENT[end.cause] };
  },
} as const;

/** Messages already transmitted still leave; then the link closes. */
export const closeInOrder = { type: 'closeLink', params: { orderly: true } } as const;
export const closeAtOnce = { type: 'closeLink', params: { orderly: false } } as const;

export function protocolError({ rule, description }: Violation): ProtocolErrorMessage {
  return { type: 'ProtocolError', connectionId: ROOT, description: `${rule}: ${description}` };
}

/** The peer broke `rule`, and no tolerance applies. The peer is told, and that is our last message. */
export function violation(rule: Rule, description: string) {
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

/** One of our parts threw. Unhandled, the error would end the session without a reason. */
export const crash = {
  target: '#session.ended',
  actions: {
    type: 'conclude',
    params: ({ event }: { event: { error: unknown } }): SessionEnd => ({ cause: 'crashed', error: event.error }),
  },
} as const;

const overflow = { target: '#session.ended', actions: conclude({ cause: 'limit', limit: 'intakeBytes' }) } as const;

/** The peer broke a rule that neither the session nor a connection checks. The peer is told, and the session ends. */
const accuse = {
  target: '#session.ending',
  actions: [
    { type: 'transmit', params: ({ event }: { event: Violation }) => protocolError(event) },
    { type: 'emitViolation', params: ({ event }: { event: Violation }) => event },
    {
      type: 'conclude',
      params: ({ event: { rule, description, limit } }: { event: Violation }): SessionEnd => ({
        cause: 'violation',
        rule,
        description,
        limit,
      }),
    },
  ],
} as const;

const linkLost = {
  target: '#session.ended',
  actions: {
    type: 'conclude',
    params: ({ event }: { event: { error: Error } }): SessionEnd => ({ cause: 'link', error: event.error }),
  },
} as const;

export function settle(outcome: Outcome) {
  return {
    type: 'settle',
    params: ({ event }: { event: { request: RequestNumber } }) => ({ request: event.request, outcome }),
  } as const;
}

const DRAINED: Refusal = { reason: 'draining', text: 'this side takes no more sessions' };

/** The ends while the handshake runs. Those that the handshake decides come with its output; see start.ts. */
export const handshakingEnds = session.createStateConfig({
  on: {
    'conduit.overflowed': overflow,
    'app.shutdown': { target: '#session.ended', actions: conclude({ cause: 'shutdown' }) },
    'app.abortHandshake': {
      target: '#session.ended',
      actions: {
        type: 'conclude',
        params: ({ event }) => ({
          cause: 'handshake',
          failure: { message: 'handshake aborted', error: event.reason },
        }),
      },
    },
    // A peer that waits for the answer to its Hello reads why there is none.
    'app.drain': [
      {
        guard: 'isAcceptor',
        target: '#session.ending',
        actions: [
          {
            type: 'transmit',
            params: { type: 'ProtocolError', connectionId: ROOT, description: refusalText(DRAINED) },
          },
          conclude({ cause: 'handshake', failure: { message: refusalText(DRAINED), refusal: DRAINED } }),
        ],
      },
      { target: '#session.ended', actions: conclude({ cause: 'shutdown' }) },
    ],
  },
}).on;

export const runningEnds = session.createStateConfig({
  on: {
    // 9a.09: r[session.handshake]
    'rx.Hello': [{ guard: 'isReference' }, violation('session.handshake', 'Hello after the handshake')],
    'rx.HelloYourself': [{ guard: 'isReference' }, violation('session.handshake', 'HelloYourself after the handshake')],
    'rx.ProtocolError': [
      // 9a.10, 9b.16
      {
        guard: or(['isOnRoot', 'isReference']),
        target: '#session.ended',
        actions: {
          type: 'conclude',
          params: ({ event }) => ({ cause: 'accused', description: event.message.description }),
        },
      },
      // 9a.11
      violation('session.message', 'ProtocolError on a connection other than the root'),
    ],
    // 9a.12
    'conduit.malformed': [
      {
        guard: 'isReference',
        target: '#session.ended',
        actions: [
          { type: 'emitViolation', params: ({ event }) => event },
          {
            type: 'conclude',
            params: ({ event: { rule, description, limit } }) => ({ cause: 'violation', rule, description, limit }),
          },
        ],
      },
      accuse,
    ],
    'calls.violated': accuse,
    'conduit.overflowed': overflow,
    'link.ended': { target: '#session.ended', actions: conclude({ cause: 'peer' }) },
    'link.failed': linkLost,
    // 6.13, 9b.09
    'link.unsendable': linkLost,
    // 5.29
    'app.shutdown': { target: '#session.ending', actions: conclude({ cause: 'shutdown' }) },
    'connections.crashed': crash,
  },
}).on;

/** The session is over for the application. A second shutdown does nothing: 9b.23 */
export const endingRows = session.createStateConfig({
  on: {
    'rx.*': {},
    'link.*': { target: '#session.ended' },
    'link.interrupted': { actions: 'noteInterrupted' },
    'link.restored': { actions: 'noteRestored' },
    // 5.30
    'app.open': { actions: settle({ type: 'ended' }) },
    'app.close': { actions: settle({ type: 'ended' }) },
  },
}).on;
