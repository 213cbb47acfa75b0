import type { Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Effect } from './oracle.js';
import type { Outcome, SessionEvent, SessionState } from './session-state.js';

// New credentials of a peer that was authenticated: 5.31.

function answer(connectionId: number, value: string, text?: string): Effect {
  const metadata: Metadata = [
    { key: 'roam-actors.notice', value, flags: 0n },
    ...(text === undefined ? [] : [{ key: 'reason', value: text, flags: 0n }]),
  ];
  const reject: Message = { type: 'ConnectionReject', connectionId, metadata };
  return ['transmit', reject];
}

const LATER = ['refused.unavailable', 'try again later'] as const;

/** Ends the question that is open, and answers the notice. */
function end(
  state: SessionState,
  id: number,
  before: readonly Effect[],
  ...words: readonly [string, string?]
): Outcome {
  const { renewing: _, ...settled } = state;
  return { state: settled, effects: [['stopRenewing'], ...before, answer(id, ...words)] };
}

/** Returns what new credentials make of an event; undefined where it is about something else. */
export function renewed(state: SessionState, event: SessionEvent): Outcome | undefined {
  const { renewing, authenticates, live, localSettings, theirs } = state;
  if (event.type === 'rx.ConnectionOpen' && event.message.type === 'ConnectionOpen') {
    const { connectionId: id, metadata } = event.message;
    const isRenewal = metadata.some(({ key, value }) => key === 'roam-actors.notice' && value === 'renew');
    const isTheirs = id > 0 && (id % 2 === 1) === (localSettings.parity === 'even');
    if (!authenticates || !isRenewal || !isTheirs || live.includes(id)) return undefined;
    const noted = { ...state, theirs: Math.max(theirs, id) };
    if (renewing !== undefined) return { state: noted, effects: [answer(id, ...LATER)] };
    return { state: { ...noted, renewing: id }, effects: [['renew', { metadata }]] };
  }
  if (renewing === undefined) return undefined;
  switch (event.type) {
    case 'auth.accepted':
      return end(state, renewing, [], 'ok');
    case 'auth.refused':
      return end(state, renewing, [], `refused.${event.reason}`, event.text);
    case 'time':
      return event.timer === 'authenticateTimeout' ? end(state, renewing, [['reportUnanswered']], ...LATER) : undefined;
    default:
      return undefined;
  }
}

/** A session that ends withdraws the question. */
export function withdrawn(before: SessionState, outcome: Outcome): Outcome {
  if (before.phase !== 'running' || outcome.state.phase === 'running' || before.renewing === undefined) return outcome;
  const { renewing: _, ...state } = outcome.state;
  return { ...outcome, state, effects: [['stopRenewing'], ...outcome.effects] };
}
