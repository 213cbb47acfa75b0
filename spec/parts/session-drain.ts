import { protocolError } from '../rows/messages.js';
import { nothing } from './oracle.js';
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
function begin(state: SessionState): Outcome {
  if (!state.hearsNotices) return { state: { ...state, drain: 'settling' }, effects: [['drain']] };
  const { localSettings } = state;
  const id = state.ours === 0 ? (localSettings.parity === 'odd' ? 1 : 2) : state.ours + 2;
  const metadata = [{ key: 'roam-actors.notice', value: 'draining', flags: 0n }];
  const notice = { type: 'ConnectionOpen', connectionId: id, connectionSettings: localSettings, metadata };
  return { state: { ...state, drain: 'announced', ours: id }, effects: [['drain'], ['transmit', notice]] };
}

/**
 * The time between two looks for work. A peer that hears of no drain may call at any time, so the session ends when it has not
 * called for 100 ms.
 */
export function interval({ hearsNotices }: SessionState): string {
  return hearsNotices ? 'workInterval' : '100 ms';
}

function time(state: SessionState, timer: string): Outcome | undefined {
  switch (timer) {
    case 'drainTimeout':
      return { state: { ...state, drain: 'cut' }, effects: [['cut']], restarts: [interval(state)] };
    case 'noticeTimeout':
      return nothing({ ...state, drain: 'settling' });
    case 'workInterval':
      return { state, effects: [['checkWork']], restarts: [interval(state)] };
    case 'linger':
    case 'cutTimeout':
      return wind(state, OVER);
    default:
      return undefined;
  }
}

/** Returns what a drain makes of an event; undefined where it changes nothing. */
export function drained(state: SessionState, event: SessionEvent): Outcome | undefined {
  const { drain, ours, hearsNotices, pending, undecided } = state;
  switch (event.type) {
    case 'app.drain':
      return drain === 'none' ? begin(state) : nothing(state);
    case 'work.none':
      if (drain === 'cut') return wind(state, OVER);
      if (drain !== 'settling' || pending + undecided > 0) return nothing(state);
      return hearsNotices ? nothing({ ...state, drain: 'leaving' }) : wind(state, OVER);
    case 'rx.ConnectionReject':
    case 'rx.ConnectionAccept': {
      const id = event.message.connectionId;
      if (drain !== 'announced' || id !== ours) return undefined;
      // A notice that is accepted has opened a connection that nothing here knows.
      const close = { type: 'ConnectionClose', connectionId: id, metadata: [] };
      const effects = event.type === 'rx.ConnectionAccept' ? [['transmit', close] as const] : [];
      return { state: { ...state, drain: 'settling' }, effects };
    }
    case 'time':
      return time(state, event.timer);
    default:
      return undefined;
  }
}
