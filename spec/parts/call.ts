import type { Call, Cancel, Response } from '../../src/wire/message.js';
import { type Effect, nothing, type Oracle, type Verdict } from './oracle.js';

// One call, from either side: section 9a's rows 9a.14 to 9a.16, and the specification's rules about requests. Neither side
// depends on the mode: the code before it has already decided whether the peer's message is legal.

// ---- The caller's side --------------------------------------------------------------------------------------------

export interface OutgoingCallInput {
  readonly call: Call;
}

export interface OutgoingCallState extends OutgoingCallInput {
  /** A cancelled call keeps its id and its place under the peer's limit: the peer still owes its Response. */
  readonly phase: 'waiting for its turn' | 'in flight' | 'given up' | 'over';
}

export type OutgoingCallEvent =
  | { readonly type: 'calls.admitted' }
  | { readonly type: 'calls.refused'; readonly error: Error }
  | { readonly type: 'rx.Response'; readonly body: Response }
  | { readonly type: 'app.abort' }
  | { readonly type: 'app.fail'; readonly reason: string }
  /** The time is over that a call may take, or that its Response may take after its Cancel. */
  | { readonly type: 'deadline.passed' }
  | { readonly type: 'connection.ended' };

const CANCEL: Cancel = { type: 'Cancel', metadata: [] };

/** Settles the caller's promise. */
function settle(outcome: object): Effect {
  return ['settle', outcome];
}

// Section 5, the holders of a connection: a call from its start until it settles, and a handler until its Response has left.
// r[rpc.caller.liveness.refcounted]
const RETAIN: Effect = ['retain'];
const RELEASE: Effect = ['release'];

/** The times of a call: until it settles, and after its Cancel until its Response comes. At most one runs. */
const TIME: Effect = ['startDeadline', { limit: 'timeout' }];
const TIME_TO_RESPOND: Effect = ['startDeadline', { limit: 'cancelTimeout' }];
const STOP: Effect = ['stopDeadline'];

/** Sends Cancel once and rejects at once, no matter what the peer answers. The call no longer holds the connection. */
// r[rpc.cancel]
function giveUp(state: OutgoingCallState, outcome: object): Verdict<OutgoingCallState> {
  const effects = [['transmit', CANCEL] as const, settle(outcome), STOP, RELEASE, TIME_TO_RESPOND];
  return { state: { ...state, phase: 'given up' }, effects };
}

/** Settles the call. It holds the connection until then, and not afterwards. */
function conclude(state: OutgoingCallState, outcome: object): Verdict<OutgoingCallState> {
  return { state: { ...state, phase: 'over' }, effects: [settle(outcome), STOP, RELEASE] };
}

// r[rpc.request] r[rpc.response]
export const call: Oracle<OutgoingCallInput, OutgoingCallState, OutgoingCallEvent> = {
  start: (input) => ({ state: { ...input, phase: 'waiting for its turn' }, effects: [RETAIN, TIME] }),

  step: (state, event) => {
    const { phase } = state;
    if (phase === 'over') return nothing(state);
    if (event.type === 'connection.ended' && phase !== 'given up') return conclude(state, { type: 'ended' });
    // 9a.15: the one Response after our own Cancel has no effect. A Call that never left gets no Response. If the peer
    // answers no Cancel, the wait for the Response ends at last: row 9.19 of what real peers do.
    if (phase === 'given up') {
      const over: OutgoingCallState = { ...state, phase: 'over' };
      // 9a.21: no end is taken of the channels that the Response names.
      if (event.type === 'rx.Response') return { state: over, effects: [['decline', event.body.channels], STOP] };
      const isOver = ['calls.refused', 'deadline.passed', 'connection.ended'].includes(event.type);
      return isOver ? { state: over, effects: [STOP] } : nothing(state);
    }
    if (phase === 'waiting for its turn') {
      // r[rpc.flow-control.max-concurrent-requests]
      if (event.type === 'calls.admitted') {
        return { state: { ...state, phase: 'in flight' }, effects: [['transmit', state.call]] };
      }
      // A call that is aborted while it waits for its turn sends nothing.
      if (event.type === 'app.abort') return conclude(state, { type: 'aborted' });
      // 5.31: behind its Reject to the peer's notice a session sends no Call.
      if (event.type === 'calls.refused') return conclude(state, { type: 'refused', error: event.error });
      return event.type === 'deadline.passed' ? conclude(state, { type: 'expired' }) : nothing(state);
    }
    switch (event.type) {
      case 'rx.Response':
        return conclude(state, { type: 'answered', response: event.body });
      case 'app.abort':
        return giveUp(state, { type: 'aborted' });
      case 'deadline.passed':
        return giveUp(state, { type: 'expired' });
      case 'app.fail':
        return giveUp(state, { type: 'failed', reason: event.reason });
      case 'calls.refused':
        // The Call has not left, so no Response will come.
        return conclude(state, { type: 'refused', error: event.error });
      default:
        return nothing(state);
    }
  },

  timers: () => [],
};

// ---- The handler's side -------------------------------------------------------------------------------------------

export interface IncomingCallInput {
  readonly cancelled: Uint8Array;
}

export interface IncomingCallState extends IncomingCallInput {
  /** A handler whose caller has gone may still be at work. It counts until it is done. */
  readonly phase: 'at work' | 'at work without a caller' | 'done';
}

export type IncomingCallEvent =
  | { readonly type: 'rx.Cancel' }
  /** The time of a drain is over. */
  | { readonly type: 'session.cut' }
  | { readonly type: 'app.reply'; readonly response: Response }
  | { readonly type: 'app.fail'; readonly ret: Uint8Array }
  | { readonly type: 'connection.ended' };

/** Makes a Response with this result only. */
function respond(ret: Uint8Array): Effect {
  return ['transmit', { type: 'Response', channels: [], metadata: [], ret } satisfies Response];
}

// r[rpc.response.one-per-request] r[rpc.error.scope]
export const answer: Oracle<IncomingCallInput, IncomingCallState, IncomingCallEvent> = {
  start: (input) => ({ state: { ...input, phase: 'at work' }, effects: [RETAIN, ['handle']] }),

  step: (state, event) => {
    const { phase } = state;
    if (phase === 'done') return nothing(state);
    const isDone = event.type === 'app.reply' || event.type === 'app.fail';
    const then: IncomingCallState = { ...state, phase: isDone ? 'done' : 'at work without a caller' };
    // 9a.16: a second Cancel has no effect.
    if (phase === 'at work without a caller') return isDone ? nothing(then) : nothing(state);
    switch (event.type) {
      case 'app.reply':
        return { state: then, effects: [['transmit', event.response], RELEASE] };
      case 'app.fail':
        return { state: then, effects: [respond(event.ret), RELEASE] };
      // A call that a drain cuts is answered as a cancelled one: the caller reads that it may have run.
      case 'session.cut':
      case 'rx.Cancel':
        // The caller still gets its one Response. It does not wait for a handler that ignores the signal.
        return { state: then, effects: [respond(state.cancelled), ['abort'], RELEASE] };
      case 'connection.ended':
        return { state: then, effects: [['abort'], RELEASE] };
    }
  },

  timers: () => [],
};
