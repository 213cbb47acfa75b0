import { protocolError } from '../rows/messages.js';
import { type Effect, nothing } from './oracle.js';
import { cut, type Outcome, type SessionEvent, type SessionState, wind } from './session-state.js';

// The drain of a session, by this side, as far as the session itself decides.

const OVER = { cause: 'shutdown' };

/** An acceptor tells a peer that waits for its HelloYourself why none will come. */
export function refuseSession(state: SessionState): Outcome {
  if (state.role === 'initiator') return cut(state, OVER);
  const refusal = { reason: 'draining', text: 'this side takes no more sessions' };
  const told = protocolError(`refused.draining: ${refusal.text}`);
  return wind(state, { cause: 'handshake', failure: { refusal } }, [['transmit', told]]);
}

/** Takes no more work. A peer that understands notices is told by an Open, which spends an id and is no connection. */
function begin(before: SessionState, drainTimeout: number): Outcome {
  const state = { ...before, drainTimeout };
  if (!state.hearsNotices) return { state: { ...state, drain: 'settling' }, effects: [['drain'], WATCH] };
  const { localSettings } = state;
  const id = state.ours === 0 ? (localSettings.parity === 'odd' ? 1 : 2) : state.ours + 2;
  const metadata = [{ key: 'roam-actors.notice', value: 'draining', flags: 0n }];
  const notice = { type: 'ConnectionOpen', connectionId: id, connectionSettings: localSettings, metadata };
  return { state: { ...state, drain: 'announced', ours: id }, effects: [['drain'], ['transmit', notice]] };
}

const WATCH: Effect = ['watchWork'];

function time(state: SessionState, timer: string): Outcome | undefined {
  switch (timer) {
    case 'drainTimeout':
      return { state: { ...state, drain: 'cut' }, effects: [['cut'], WATCH] };
    case 'noticeTimeout':
      return { state: { ...state, drain: 'settling' }, effects: [WATCH] };
    case 'linger':
    case 'quietTime':
    case 'cutTimeout':
      return wind(state, OVER);
    default:
      return undefined;
  }
}

/**
 * What follows when no work is left: no open may be unanswered either. The peer is to end the session first. One that hears of no
 * drain may call at any time, so the session ends when it has not called for a while.
 */
export function decided(outcome: Outcome): Outcome {
  const { state } = outcome;
  const { drain, hearsNotices, pending, undecided } = state;
  if (state.phase !== 'running' || drain !== 'deciding' || pending + undecided > 0) return outcome;
  return { ...outcome, state: { ...state, drain: hearsNotices ? 'leaving' : 'listening' } };
}

/** Returns what a drain makes of an event; undefined where it changes nothing. */
export function drained(state: SessionState, event: SessionEvent): Outcome | undefined {
  const { drain, ours } = state;
  switch (event.type) {
    case 'app.drain':
      if (drain === 'none') return begin(state, event.timeout);
      // The time of the earlier drain goes on, unless that of this one is over before.
      if (!event.isSooner || drain === 'cut') return nothing(state);
      return { ...nothing({ ...state, drainTimeout: event.timeout }), restarts: [`${event.timeout} ms`] };
    case 'work.none':
      if (drain === 'cut') return wind(state, OVER);
      return nothing(drain === 'settling' ? { ...state, drain: 'deciding' } : state);
    case 'work.some':
      if (!['deciding', 'leaving', 'listening'].includes(drain)) return nothing(state);
      return { state: { ...state, drain: 'settling' }, effects: [WATCH] };
    case 'work.refused':
      return { ...nothing(state), restarts: drain === 'listening' ? ['quietTime'] : [] };
    case 'rx.ConnectionReject':
    case 'rx.ConnectionAccept': {
      const id = event.message.connectionId;
      if (drain !== 'announced' || id !== ours) return undefined;
      // A notice that is accepted has opened a connection that nothing here knows.
      const close = { type: 'ConnectionClose', connectionId: id, metadata: [] };
      const effects = event.type === 'rx.ConnectionAccept' ? [['transmit', close] as const] : [];
      return { state: { ...state, drain: 'settling' }, effects: [...effects, WATCH] };
    }
    case 'time':
      return time(state, event.timer);
    default:
      return undefined;
  }
}
