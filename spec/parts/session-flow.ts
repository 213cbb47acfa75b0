import { nothing, type TimeEvent } from './oracle.js';
import { cut, type FlowEvent, type Outcome, type SessionEvent, type SessionState } from './session-state.js';

// Section 5, the bounded inbox and outbox, and the time: the reaction of a running session to their events.

const FLOW: ReadonlySet<string> = new Set([
  'inbox.filled',
  'inbox.drained',
  'outbox.filled',
  'outbox.progressed',
  'outbox.drained',
  'outbox.overflowed',
  'time',
]);

export function isFlow(event: SessionEvent): event is FlowEvent | TimeEvent {
  return FLOW.has(event.type);
}

/** 5 inbox, 5 queue, 5.06, 5.23. */
export function flow(state: SessionState, event: FlowEvent | TimeEvent): Outcome {
  const { reading, sending } = state;
  switch (event.type) {
    case 'inbox.filled':
      if (reading !== 'on') return nothing(state);
      return {
        state: { ...state, reading: 'paused', full: event.id },
        effects: [['pauseReading'], ['to keepalive', { type: 'reading.paused' }]],
      };
    case 'inbox.drained':
      if (reading === 'on') return nothing(state);
      return {
        state: { ...state, reading: 'on' },
        effects: [['resumeReading'], ['to keepalive', { type: 'reading.resumed' }]],
      };
    case 'outbox.filled':
      return nothing({ ...state, sending: 'full' });
    case 'outbox.progressed':
      // Some bytes have left, so the ten seconds begin anew.
      return { state, effects: [], restarts: sending === 'full' ? ['stallTimeout'] : [] };
    case 'outbox.drained':
      return nothing({ ...state, sending: 'free' });
    case 'outbox.overflowed':
      return sending === 'full' ? cut(state, { cause: 'limit', limit: 'replyBytes' }) : nothing(state);
    case 'time':
      return time(state, event);
  }
}

function time(state: SessionState, { timer }: TimeEvent): Outcome {
  switch (timer) {
    case 'stallNotice':
      return { state: { ...state, reading: 'stalled' }, effects: [['emit', { type: 'stalled', id: state.full }]] };
    case 'unreadTimeout':
      return cut(state, { cause: 'limit', limit: 'unreadTimeout' });
    case 'stallTimeout':
      return cut(state, { cause: 'limit', limit: 'stallTimeout' });
    case 'sweepInterval':
      return { state, effects: [['sweep']], restarts: ['sweepInterval'] };
    default:
      throw new Error(`the specification has no time named ${timer}`);
  }
}
