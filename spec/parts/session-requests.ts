import { type Effect, nothing } from './oracle.js';
import { type Outcome, type RequestEvent, type SessionState, wind } from './session-state.js';

// Section 5, local requests, as far as the session itself decides.

/** Settles a request at once. */
function settle(state: SessionState, request: number, outcome: unknown): Outcome {
  return { state, effects: [['settle', { request, outcome }]] };
}

/** 5.21, 5.22. A notice of ours is rejected by the peer, and so counts in no limit: 5.31. */
export function open(state: SessionState, event: RequestEvent & { type: 'app.open' }): Outcome {
  const { localSettings, live, limits, ours, pending } = state;
  const { request, settings, metadata } = event;
  if (state.isPeerDraining) return settle(state, request, { type: 'draining', by: 'peer' });
  if (state.drain !== 'none') return settle(state, request, { type: 'draining', by: 'local' });
  const isNotice = metadata.some(({ key }) => key === 'roam-actors.notice');
  if (live.length >= limits.connections && !isNotice) return settle(state, request, { type: 'limited' });
  const first = localSettings.parity === 'odd' ? 1 : 2;
  const id = ours === 0 ? first : ours + 2;
  const input = { id, origin: 'local', request, localSettings: settings, metadata };
  const spawn: Effect = ['spawn', input];
  return {
    state: { ...state, ours: id, pending: pending + 1, live: [...live, id].sort((a, b) => a - b) },
    effects: [spawn],
  };
}

export function requested(state: SessionState, event: RequestEvent): Outcome {
  switch (event.type) {
    case 'app.open':
      return open(state, event);
    case 'app.shutdown':
      // 5.29
      return wind(state, { cause: 'shutdown' });
    case 'app.drain':
      throw new Error('the drain takes it before');
    default: {
      const { id, type } = event;
      // 5.24, 5.28
      if (id === 0 && type === 'app.close')
        return settle(state, event.request, { type: 'invalid', message: 'cannot close root connection' });
      if (id === 0 && type === 'app.release') return nothing({ ...state, isReleased: true });
      // 5.16: the root can be left, like any other.
      if (state.live.includes(id) || (id === 0 && type === 'app.leave')) {
        return { state, effects: [['forward', { id, event }]] };
      }
      // 5.25; for the other requests only the check of 5.27 remains.
      if (type === 'app.close')
        return settle(state, event.request, { type: 'invalid', message: 'connection not found' });
      return nothing(state);
    }
  }
}
