import type { ConnectionId } from '../../src/wire/id.js';
import { protocolError } from '../rows/messages.js';
import {
  type ConnectionEnd,
  type Effect,
  type HandshakeResult,
  type MalformedEvent,
  nothing,
  type Oracle,
} from './oracle.js';
import { decided, drained, refuseSession } from './session-drain.js';
import { flow, isFlow } from './session-flow.js';
import { received } from './session-received.js';
import { renewed, withdrawn } from './session-renewal.js';
import { open, requested } from './session-requests.js';
import {
  cut,
  type InterruptionEvent,
  type Outcome,
  type RequestEvent,
  type SessionEvent,
  type SessionInput,
  type SessionState,
  violate,
  wind,
} from './session-state.js';

// Sections 3 to 5 as far as the session itself is concerned: the ids in use, the messages to forward, and the end.

/** 5 link: an application is told as long as it has a session. */
function interruption(state: SessionState, { type }: InterruptionEvent): Outcome {
  const next = { ...state, isInterrupted: type === 'link.interrupted' };
  if (state.phase === 'ending') return nothing(next);
  const emit: Effect = ['emit', { type: next.isInterrupted ? 'interrupted' : 'restored' }];
  return { state: next, effects: state.phase === 'running' ? [emit, ['to keepalive', { type }]] : [emit] };
}

function isInterruption(event: SessionEvent): event is InterruptionEvent {
  return event.type === 'link.interrupted' || event.type === 'link.restored';
}

function handshaking(state: SessionState, event: SessionEvent): Outcome {
  switch (event.type) {
    case 'handshake.done': {
      const { result } = event;
      if (result.type === 'established') return establish(state, result);
      const { failure } = result;
      const end = { cause: 'handshake', failure };
      // 3.12
      if (result.type === 'refused') return wind(state, end, [['transmit', protocolError(failure.message ?? '')]]);
      // 9a.01
      if (state.mode === 'reference' || failure.rule === undefined) return cut(state, end);
      return wind(state, end, [['accuse', failure.rule]]);
    }
    case 'app.abandonOpen':
      return state.live.includes(event.id)
        ? { state, effects: [['forward', { id: event.id, event }]] }
        : nothing(state);
    case 'connections.ended':
      return ended(state, event.id, event.output);
    case 'app.open':
      if (state.opensEarly) return open(state, event);
      return { state, effects: [['settle', { request: event.request, outcome: { type: 'invalid' } }]] };
    case 'app.close': {
      const { request } = event;
      return { state, effects: [['settle', { request, outcome: { type: 'invalid' } }]] };
    }
    case 'app.shutdown':
      return cut(state, { cause: 'shutdown' });
    case 'app.drain':
      return refuseSession(state);
    case 'app.abortHandshake':
      return cut(state, { cause: 'handshake', failure: { message: 'handshake aborted', error: event.reason } });
    case 'conduit.overflowed':
      return cut(state, { cause: 'limit', limit: 'intakeBytes' });
    default: {
      const isForHandshake =
        'message' in event || ['link.', 'conduit.', 'auth.'].some((origin) => event.type.startsWith(origin));
      return isForHandshake ? { state, effects: [['to handshake', event]] } : nothing(state);
    }
  }
}

/** Both sides have a root connection from now on. */
function establish(state: SessionState, result: HandshakeResult & { type: 'established' }): Outcome {
  const { localSettings, peerSettings } = result;
  // Applications do not see the keys of this library.
  const metadata = result.metadata.filter(({ key }) => !key.startsWith('roam-actors.'));
  const hearsNotices = result.metadata.some(({ key, value }) => key === 'roam-actors.notices' && value === 1n);
  const root = { id: 0, origin: 'root', localSettings, peerSettings, metadata };
  return {
    state: { ...state, phase: 'running', localSettings, hearsNotices },
    effects: [
      ['emit', { type: 'established', localSettings, peerSettings, metadata }],
      ['spawn', root],
    ],
  };
}

function running(state: SessionState, event: SessionEvent): Outcome {
  const ofRenewal = renewed(state, event);
  if (ofRenewal !== undefined) return ofRenewal;
  const ofDrain = drained(state, event);
  if (ofDrain !== undefined) return ofDrain;
  if ('message' in event) return received(state, event);
  if (isFlow(event)) return flow(state, event);
  switch (event.type) {
    case 'connections.opened': {
      const { connection } = event;
      const phase = connection.origin === 'local' ? 'opening' : 'deciding';
      return { state: leave(state, phase), effects: [['emit', { ...connection, type: 'connectionOpened' }]] };
    }
    case 'connections.ended':
      return ended(state, event.id, event.output);
    case 'keepalive.confirmed':
      return { state, effects: [['to keepalive', event]] };
    case 'keepalive.late':
      return cut(state, { cause: 'keepalive', pongTimeout: event.pongTimeout });
    case 'link.ended':
      return cut(state, { cause: 'peer' });
    case 'link.failed':
    case 'link.unsendable':
      return cut(state, { cause: 'link', error: event.error });
    case 'conduit.overflowed':
      return cut(state, { cause: 'limit', limit: 'intakeBytes' });
    case 'conduit.malformed':
      return malformed(state, event);
    // 9a.14 to 9a.19: the driver decides whether it is a violation in the current mode.
    case 'calls.violated':
      return violate(state, event.rule);
    case 'app.abortHandshake':
    case 'handshake.done':
    case 'conduit.flushed':
    case 'auth.accepted':
    case 'auth.refused':
      return nothing(state);
    default:
      return requested(state, event as RequestEvent);
  }
}

/** 9a.12. */
function malformed(state: SessionState, { rule, limit }: MalformedEvent): Outcome {
  const end = { cause: 'violation', rule, ...(limit === undefined ? {} : { limit }) };
  const emit: Effect = ['emit', { type: 'violation', rule }];
  return state.mode === 'reference' ? cut(state, end, [emit]) : wind(state, end, [['accuse', rule], emit]);
}

/** A connection is no longer pending or undecided. */
function leave(state: SessionState, phase: ConnectionEnd['phase']): SessionState {
  const { pending, undecided } = state;
  return {
    ...state,
    pending: pending - (phase === 'opening' ? 1 : 0),
    undecided: undecided - (phase === 'deciding' ? 1 : 0),
  };
}

/** 5.09 to 5.12, 5.16, 5.23, 5.26, 5.27. */
function ended(state: SessionState, id: ConnectionId, { phase, outcome, by, metadata }: ConnectionEnd): Outcome {
  if (typeof outcome === 'object') return violate(state, outcome.rule);
  if (outcome === 'abandoned') return cut(state, { cause: 'abandoned' });
  const live = state.live.filter((other) => other !== id);
  return {
    state: { ...leave(state, phase), live },
    effects: [['emit', { type: 'connectionClosed', id, by, metadata }]],
  };
}

function ending(state: SessionState, event: SessionEvent): Outcome {
  const { end = { cause: '' } } = state;
  if (event.type === 'time' || event.type.startsWith('link.')) return cut(state, end);
  if (event.type !== 'app.open' && event.type !== 'app.close') return nothing(state);
  // 5.30
  return { state, effects: [['settle', { request: event.request, outcome: { type: 'ended' } }]] };
}

/** 5.28: r[rpc.caller.liveness.root-teardown-condition] */
function checkRoot(outcome: Outcome): Outcome {
  const { state, effects } = outcome;
  if (state.phase !== 'running' || !state.isReleased || state.live.length > 0) return outcome;
  return wind(state, { cause: 'released' }, effects);
}

/** 6.01: a session without a keepalive has nothing that waits for a Pong. */
function unkept(outcome: Outcome): Outcome {
  if (outcome.state.hasKeepalive) return outcome;
  return { ...outcome, effects: outcome.effects.filter(([name]) => name !== 'to keepalive') };
}

export const session: Oracle<SessionInput, SessionState, SessionEvent> = {
  start: (input) =>
    nothing({
      ...input,
      phase: 'handshaking',
      live: [],
      pending: 0,
      undecided: 0,
      ours: 0,
      theirs: 0,
      isReleased: false,
      reading: 'on',
      sending: 'free',
      isInterrupted: false,
      hearsNotices: false,
      drain: 'none',
      drainTimeout: 0,
      isPeerDraining: false,
    }),

  step: (state, event) => {
    const { phase } = state;
    if (phase === 'ended') return nothing(state);
    if (event.type === 'crashed') return withdrawn(state, cut(state, { cause: 'crashed', error: event.error }));
    if (isInterruption(event)) return unkept(interruption(state, event));
    if (phase === 'handshaking') return handshaking(state, event);
    return phase === 'running'
      ? withdrawn(state, unkept(checkRoot(decided(running(state, event)))))
      : ending(state, event);
  },

  timers: (state) => {
    const { phase, reading, sending, isInterrupted, pending, undecided, drain, drainTimeout, renewing } = state;
    if (phase === 'ending') return isInterrupted ? [] : ['flushTimeout'];
    if (phase !== 'running') return [];
    return [
      ...(reading === 'paused' ? ['stallNotice'] : []),
      ...(reading === 'on' ? [] : ['unreadTimeout']),
      ...(sending === 'full' && !isInterrupted ? ['stallTimeout'] : []),
      ...(pending + undecided > 0 ? ['sweepInterval'] : []),
      ...(!['none', 'cut'].includes(drain) ? [`${drainTimeout} ms`] : []),
      ...(drain === 'announced' ? ['noticeTimeout'] : []),
      ...(drain === 'leaving' ? ['linger'] : []),
      ...(drain === 'listening' ? ['quietTime'] : []),
      ...(drain === 'cut' ? ['cutTimeout'] : []),
      ...(renewing === undefined ? [] : ['authenticateTimeout']),
    ];
  },
};
