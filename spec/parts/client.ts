import { type Effect, type EffectName, nothing, type Oracle, type TimeEvent, type Verdict } from './oracle.js';

// The reconnecting client: which session there is to be, and what becomes of the calls.

export interface ClientSettings {
  readonly giveUpAfter: number;
  readonly idleTimeout: number;
}

export interface ClientState extends ClientSettings {
  readonly phase:
    | 'no session is wanted'
    | 'dialing'
    | 'preparing'
    | 'backing off'
    | 'the network is back'
    | 'no network'
    | 'open'
    | 'given up'
    | 'closing'
    | 'closed';
  /** Failures since a session was stable. */
  readonly failures: number;
  /** The peer has refused the credentials of the last attempt. */
  readonly wasRefused: boolean;
  readonly hasBeenOpen: boolean;
  /** The session is open for long enough to be no failure. */
  readonly isStable: boolean;
  /** The link of the session has no connection for now. */
  readonly isInterrupted: boolean;
  /** The session has no work, and ends for that after a while. */
  readonly isQuiet: boolean;
}

export type ClientEvent =
  | TimeEvent
  | { readonly type: 'attempt.failed'; readonly why: string; readonly isRoundOver: boolean }
  | {
      readonly type:
        | 'call.made'
        | 'calls.none'
        | 'work.some'
        | 'work.none'
        | 'attempt.established'
        | 'attempt.prepared'
        | 'session.ended'
        | 'session.interrupted'
        | 'session.restored'
        | 'session.draining'
        | 'network.online'
        | 'network.offline'
        | 'network.suspect'
        | 'app.reconnect'
        | 'app.close';
    };

type Outcome = Verdict<ClientState>;

/** Timers of more milliseconds than these can't be set. */
const NEVER = 2 ** 31 - 1;

function to(state: ClientState, phase: ClientState['phase'], ...effects: EffectName[]): Outcome {
  return { state: { ...state, phase }, effects: effects.map((name): Effect => [name]) };
}

function fail(
  state: ClientState,
  phase: ClientState['phase'],
  why: 'gave up' | 'closed',
  after: readonly 'awaitCalls'[] = [],
): Outcome {
  const effects: Effect[] = [['abandon'], ['failCalls', { why }], ...after.map((name): Effect => [name])];
  return { state: { ...state, phase }, effects };
}

function dial(state: ClientState, ...before: EffectName[]): Outcome {
  return { ...to(state, 'dialing', ...before, 'dial'), restarts: ['attempt'] };
}

function backOff(state: ClientState): Outcome {
  return to({ ...state, failures: state.failures + 1, wasRefused: false }, 'backing off', 'abandon');
}

/** A drain is no failure: the successor may be there already. But a server may drain each session as soon as it is open. */
function depart(state: ClientState): Outcome {
  const { isStable, failures } = state;
  if (isStable) return dial(state, 'leave');
  if (failures === 0) return dial({ ...state, failures: 1, wasRefused: false }, 'leave');
  const { state: after, effects } = backOff(state);
  return { state: after, effects: [['leave'], ...effects] };
}

function close(state: ClientState): Outcome {
  if (state.phase === 'given up') return to(state, 'closed', 'dispose');
  return fail(state, 'closing', 'closed', ['awaitCalls']);
}

function attempting(state: ClientState, event: ClientEvent): Outcome {
  switch (event.type) {
    case 'attempt.established':
      return state.phase === 'dialing' ? to(state, 'preparing', 'prepare') : nothing(state);
    case 'attempt.prepared':
      if (state.phase !== 'preparing') return nothing(state);
      return to(
        { ...state, wasRefused: false, hasBeenOpen: true, isStable: false, isQuiet: false, isInterrupted: false },
        'open',
        'adopt',
      );
    case 'session.ended':
    case 'session.draining':
      return backOff(state);
    case 'attempt.failed': {
      const { why, isRoundOver } = event;
      const isFinal =
        ['version', 'forbidden', 'invalid'].includes(why) ||
        (why === 'no peer' && !state.hasBeenOpen) ||
        (why === 'unauthenticated' && state.wasRefused);
      if (isFinal) return fail(state, 'given up', 'gave up');
      if (why === 'unauthenticated') return dial({ ...state, wasRefused: true });
      return isRoundOver ? backOff(state) : dial({ ...state, wasRefused: false });
    }
    default:
      return nothing(state);
  }
}

function waiting(state: ClientState, event: ClientEvent): Outcome {
  const { phase } = state;
  if (event.type === 'app.reconnect') return dial(state);
  const isBack = event.type === 'network.online' || event.type === 'network.suspect';
  if (isBack && phase !== 'the network is back') return to(state, 'the network is back');
  if (event.type === 'network.offline' && phase !== 'no network') return to(state, 'no network');
  return nothing(state);
}

function open(state: ClientState, event: ClientEvent): Outcome {
  const isLimited = state.idleTimeout < NEVER;
  switch (event.type) {
    case 'session.ended':
      return backOff(state);
    case 'app.reconnect':
      return dial(state, 'leave');
    case 'session.draining':
      return depart(state);
    case 'session.interrupted':
      return nothing({ ...state, isInterrupted: true });
    case 'session.restored':
      return nothing({ ...state, isInterrupted: false });
    case 'network.suspect':
    case 'network.offline':
      // A probe would wait for the link, which knows already.
      return state.isInterrupted ? nothing(state) : to(state, 'open', 'probe');
    case 'work.none':
      return nothing({ ...state, isQuiet: isLimited });
    case 'work.some':
      return nothing({ ...state, isQuiet: false });
    default:
      return nothing(state);
  }
}

function elapsed(state: ClientState, timer: string): Outcome {
  switch (timer) {
    case 'giveUp':
      return state.giveUpAfter < NEVER ? fail(state, 'given up', 'gave up') : nothing(state);
    case 'attempt':
      return backOff(state);
    case 'idle':
      return to(state, 'no session is wanted', 'leave');
    case 'stable':
      return nothing({ ...state, isStable: true, failures: 0, wasRefused: false });
    case 'close':
      return to(state, 'closed', 'dispose');
    default:
      return dial(state);
  }
}

export const client: Oracle<ClientSettings, ClientState, ClientEvent> = {
  start: ({ giveUpAfter, idleTimeout }) =>
    nothing({
      phase: 'no session is wanted',
      giveUpAfter,
      idleTimeout,
      failures: 0,
      wasRefused: false,
      hasBeenOpen: false,
      isStable: false,
      isQuiet: false,
      isInterrupted: false,
    }),

  step: (state, event) => {
    if (event.type === 'time') return elapsed(state, event.timer);
    if (event.type === 'app.close' && state.phase !== 'closing' && state.phase !== 'closed') return close(state);
    switch (state.phase) {
      case 'no session is wanted':
        return event.type === 'call.made' || event.type === 'app.reconnect' ? dial(state) : nothing(state);
      case 'dialing':
      case 'preparing':
        return attempting(state, event);
      case 'backing off':
      case 'the network is back':
      case 'no network':
        return waiting(state, event);
      case 'open':
        return open(state, event);
      case 'given up':
        // The application has asked anew, so the earlier failures count no more.
        return event.type === 'app.reconnect' ? dial({ ...state, failures: 0, wasRefused: false }) : nothing(state);
      case 'closing':
        return event.type === 'calls.none' ? to(state, 'closed', 'dispose') : nothing(state);
      default:
        return nothing(state);
    }
  },

  timers: ({ phase, giveUpAfter, isStable, isQuiet }) => {
    const giveUp = giveUpAfter < NEVER ? 'giveUp' : `${NEVER} ms`;
    switch (phase) {
      case 'dialing':
      case 'preparing':
        return [giveUp, 'attempt'];
      case 'backing off':
        return [giveUp, 'backoff'];
      case 'no network':
        return [giveUp, 'longest'];
      case 'the network is back':
        return [giveUp, 'soon'];
      case 'open':
        return [...(isStable ? [] : ['stable']), ...(isQuiet ? ['idle'] : [])];
      case 'closing':
        return ['close'];
      default:
        return [];
    }
  },
};
