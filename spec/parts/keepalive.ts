import type { Message } from '../../src/wire/message.js';
import { nothing, type Oracle, type ReceivedEvent, type TimeEvent, type Verdict } from './oracle.js';

// Section 6, with 5.18 and 5.19.

export interface KeepaliveInput {
  readonly pingInterval: number;
  readonly pongTimeout: number;
}

export interface KeepaliveState extends KeepaliveInput {
  readonly phase:
    | 'off'
    | 'only pinging'
    | 'between Pings'
    | 'waiting for the Pong'
    | 'looking for the Pong'
    | 'suspended'
    | 'too late';
  /** The nonce of the last Ping. */
  readonly nonce: number;
  readonly isReading: boolean;
  /** The link has a connection. */
  readonly isLinked: boolean;
}

export type KeepaliveEvent =
  | ReceivedEvent
  | TimeEvent
  | { readonly type: 'reading.paused' | 'reading.resumed' | 'link.interrupted' | 'link.restored' }
  | { readonly type: 'keepalive.confirmed' | 'session.ended' };

type Outcome = Verdict<KeepaliveState>;

/** 6.04, 6.05, 6.06, 6.12, 6.14: sends the next Ping. Its deadline runs while a Pong can reach us. */
function ping(state: KeepaliveState): Outcome {
  const nonce = state.nonce + 1;
  const message: Message = { type: 'Ping', connectionId: 0, nonce: BigInt(nonce) };
  if (state.phase === 'only pinging') {
    return { state: { ...state, nonce }, effects: [['transmit', message]], restarts: ['pingInterval'] };
  }
  const phase = state.isReading && state.isLinked ? 'waiting for the Pong' : 'suspended';
  return { state: { ...state, nonce, phase }, effects: [['transmit', message]] };
}

/** 6.12, 6.14: the deadline of an outstanding Ping counts only while we read from a link with a connection. */
function hearing(state: KeepaliveState, change: Partial<Pick<KeepaliveState, 'isReading' | 'isLinked'>>): Outcome {
  const next = { ...state, ...change };
  const { phase } = state;
  const isOutstanding = phase === 'waiting for the Pong' || phase === 'looking for the Pong' || phase === 'suspended';
  if (!isOutstanding) return nothing(next);
  if (!next.isReading || !next.isLinked) return nothing({ ...next, phase: 'suspended' });
  return nothing({ ...next, phase: phase === 'suspended' ? 'waiting for the Pong' : phase });
}

// r[session.keepalive]
export const keepalive: Oracle<KeepaliveInput, KeepaliveState, KeepaliveEvent> = {
  // 6.01, 6.02
  start: (input) => {
    const isOn = input.pingInterval > 0 && input.pongTimeout > 0;
    // Row 9.08 of what real peers do: no deadline waits for the Pong.
    const waits = input.pongTimeout === Number.POSITIVE_INFINITY ? 'only pinging' : 'between Pings';
    return nothing({ ...input, phase: isOn ? waits : 'off', nonce: 0, isReading: true, isLinked: true });
  },

  step: (state, event) => {
    const { phase, nonce, pongTimeout } = state;
    const isWaiting = phase === 'waiting for the Pong' || phase === 'looking for the Pong' || phase === 'suspended';
    switch (event.type) {
      case 'session.ended':
        return nothing({ ...state, phase: 'off' });
      case 'reading.paused':
        return hearing(state, { isReading: false });
      case 'reading.resumed':
        return hearing(state, { isReading: true });
      case 'link.interrupted':
        return hearing(state, { isLinked: false });
      case 'link.restored':
        return hearing(state, { isLinked: true });
      case 'time':
        if (event.timer === 'pingInterval') return ping(state);
        // 6.09: messages that have already arrived are taken first.
        return { state: { ...state, phase: 'looking for the Pong' }, effects: [['confirm']] };
      case 'keepalive.confirmed':
        // 6.10
        if (phase !== 'looking for the Pong') return nothing(state);
        return { state: { ...state, phase: 'too late' }, effects: [['output', { pongTimeout }]] };
      case 'rx.Pong': {
        // A frame that waited for its turn when the link was interrupted is still taken.
        const isAwaited = event.message.type === 'Pong' && event.message.nonce === BigInt(nonce);
        return nothing(isWaiting && isAwaited ? { ...state, phase: 'between Pings' } : state);
      }
      default:
        // 6.11
        return nothing(state);
    }
  },

  timers: ({ phase }) => {
    if (phase === 'between Pings' || phase === 'only pinging') return ['pingInterval'];
    return phase === 'waiting for the Pong' ? ['pongTimeout'] : [];
  },
};
