import type { Call } from '../../src/wire/message.js';
import type { Rule } from '../../src/wire/rule.js';
import type { Mode } from '../rows/vocabulary.js';
import { type Effect, nothing, type Oracle, tolerated, type Verdict } from './oracle.js';

// The requests of one connection together: rows 9a.14 to 9a.16, 9a.18, 9b.14, and limits.requests.

export interface CallsInput {
  readonly mode: Mode;
  /** Our maxConcurrentRequests, and the peer's. */
  readonly localMax: number;
  readonly peerMax: number;
}

export interface CallsState extends CallsInput {
  readonly phase: 'open' | 'closed' | 'violated';
  /** Calls of ours without a Response, and those that wait until there are fewer of these. */
  readonly inFlight: number;
  readonly waiting: number;
  /** Calls of the peer's without a Response. */
  readonly handling: number;
}

export type CallsEvent =
  | { readonly type: 'app.call'; readonly hasRoom: boolean; readonly isPeerDraining: boolean }
  | { readonly type: 'call.done'; readonly wasWaiting: boolean }
  | { readonly type: 'rx.Response' | 'rx.Cancel' | 'response.sent' | 'connection.ended' }
  | {
      readonly type: 'rx.Call';
      readonly id: number;
      readonly body: Call;
      readonly hasPeerParity: boolean;
      readonly isInFlight: boolean;
      readonly isOverLoad: boolean;
      readonly isDraining: boolean;
    }
  | {
      readonly type: 'channels.named';
      readonly id: number;
      readonly body: Call;
      readonly outcome: 'named' | 'wrong' | 'tooMany';
      readonly isOverLoad: boolean;
      readonly isDraining: boolean;
    };

function violate(state: CallsState, rule: Rule): Verdict<CallsState> {
  return { state: { ...state, phase: 'violated' }, effects: [['accuse', rule]] };
}

function refuse(state: CallsState, why: 'none' | 'full' | 'draining'): Verdict<CallsState> {
  return { state, effects: [['refuse', { why }]] };
}

/** 9b.14: r[rpc.flow-control.max-concurrent-requests] */
function make(state: CallsState, hasRoom: boolean): Verdict<CallsState> {
  const { inFlight, waiting, peerMax } = state;
  if (inFlight < peerMax) return { state: { ...state, inFlight: inFlight + 1 }, effects: [['admit']] };
  // A call to a peer that takes none would wait for ever.
  if (peerMax === 0) return refuse(state, 'none');
  if (!hasRoom) return refuse(state, 'full');
  return { state: { ...state, waiting: waiting + 1 }, effects: [['enqueue']] };
}

/** A place under the limit is free again, unless the call had none. The first that waits takes it at once. */
function finish(state: CallsState, wasWaiting: boolean): Verdict<CallsState> {
  const { inFlight, waiting } = state;
  if (wasWaiting) return nothing({ ...state, waiting: waiting - 1 });
  if (waiting === 0) return nothing({ ...state, inFlight: inFlight - 1 });
  return { state: { ...state, waiting: waiting - 1 }, effects: [['admitNext']] };
}

/** 9a.14. In reference mode each Call is delivered. */
function offenceOf(
  { mode, handling, localMax }: CallsState,
  { hasPeerParity, isInFlight }: CallsEvent & { type: 'rx.Call' },
): Rule | undefined {
  if (mode === 'reference') return undefined;
  if (!hasPeerParity || isInFlight) return 'rpc.request.id-allocation';
  return handling >= localMax ? 'rpc.flow-control.max-concurrent-requests' : undefined;
}

/** Hands a Call on, unless the session is drained, or as many handlers are at work as `limits.requests` allows. */
function deliver(state: CallsState, event: CallsEvent & { type: 'rx.Call' | 'channels.named' }): Verdict<CallsState> {
  const { id, isOverLoad, isDraining } = event;
  // A call that a drain refuses goes elsewhere. One that is refused for the load may come again.
  if (isDraining) return { state, effects: [['reject', { id, as: 'draining' }]] };
  if (isOverLoad) return { state, effects: [['reject', { id, as: 'overLoad' }]] };
  return { state: { ...state, handling: state.handling + 1 }, effects: [['handle', event]] };
}

// r[rpc.pipelining] r[rpc.request.id-allocation]
export const calls: Oracle<CallsInput, CallsState, CallsEvent> = {
  start: (input) => nothing({ ...input, phase: 'open', inFlight: 0, waiting: 0, handling: 0 }),

  step: (state, event) => {
    if (state.phase !== 'open') return nothing(state);
    switch (event.type) {
      case 'app.call':
        // 5.31: behind its Reject to the notice a session sends no Call.
        return event.isPeerDraining ? refuse(state, 'draining') : make(state, event.hasRoom);
      case 'call.done':
        return finish(state, event.wasWaiting);
      // 9a.15: there is no call that it could answer. The call's own machine takes the one after a Cancel.
      case 'rx.Response':
        return tolerated(state.mode, state, () => violate(state, 'rpc.response.one-per-request'));
      // 9a.16: r[rpc.cancel.channels]
      case 'rx.Cancel':
        return nothing(state);
      case 'rx.Call': {
        const offence = offenceOf(state, event);
        if (offence !== undefined) return violate(state, offence);
        if (event.body.channels.length === 0) return deliver(state, event);
        const named: Effect = ['nameChannels', event];
        return { state, effects: [named] };
      }
      case 'channels.named':
        if (event.outcome === 'named') return deliver(state, event);
        // The channels' own machine judges the offence, and its accusation ends the session.
        if (event.outcome === 'wrong' && state.mode === 'strict') return nothing(state);
        return { state, effects: [['reject', { id: event.id, as: 'invalidPayload' }]] };
      // 9a.14: an id is in flight until its Response leaves.
      case 'response.sent':
        return nothing({ ...state, handling: state.handling - 1 });
      case 'connection.ended':
        return nothing({ ...state, phase: 'closed' });
    }
  },

  timers: () => [],
};
