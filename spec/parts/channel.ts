import type { Close, GrantCredit, Item, Reset } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Rule } from '../../src/wire/rule.js';
import type { Mode } from '../rows/vocabulary.js';
import { type Effect, nothing, type Oracle, tolerated, type Verdict } from './oracle.js';

// One channel, seen from either end, before it is bound, and after it is gone: rows 9a.17 to 9a.21 and 9b.13, and the
// specification's rules about channels and their credit.

type Received =
  | { readonly type: 'rx.Item'; readonly body: Item }
  | { readonly type: 'rx.Close'; readonly body: Close }
  | { readonly type: 'rx.Reset'; readonly body: Reset }
  | { readonly type: 'rx.GrantCredit'; readonly body: GrantCredit };

/** The credit that counts as endless. An application cannot use up more, and cannot tell more apart from it. */
const ENDLESS = Number.MAX_SAFE_INTEGER;

const RESET: Reset = { type: 'Reset', metadata: [] };
const CLOSE: Close = { type: 'Close', metadata: [] };

function violate<State>(state: State, rule: Rule): Verdict<State & { phase: 'violated' }> {
  return { state: { ...state, phase: 'violated' }, effects: [['accuse', rule]] };
}

// ---- Before it is bound -------------------------------------------------------------------------------------------

export interface UnboundChannelInput {
  readonly mode: Mode;
  /** The initial credit of its sender. */
  readonly room: number;
}

export interface UnboundChannelState extends UnboundChannelInput {
  readonly phase: 'open' | 'released' | 'bound' | 'refused' | 'violated';
  readonly items: number;
  readonly isClosed: boolean;
  readonly isReset: boolean;
  readonly isGranted: boolean;
}

export type UnboundChannelEvent =
  | Received
  | { readonly type: 'app.bind' | 'app.release' | 'channels.forgotten' | 'connection.ended' };

/** 9a.21: the call is answered, and the handler has taken no end. The peer's first message shows which end the peer has. */
function hearReleased(state: UnboundChannelState, event: UnboundChannelEvent): Verdict<UnboundChannelState> {
  const over: UnboundChannelState = { ...state, phase: 'refused' };
  switch (event.type) {
    case 'rx.Item':
      return { state: over, effects: [['transmit', RESET]] };
    case 'rx.GrantCredit':
      return { state: over, effects: [['transmit', CLOSE]] };
    // Taking an end is an InvalidArgument.
    case 'app.bind':
      return { state, effects: [['refuse', { why: 'released' }]] };
    case 'rx.Close':
    case 'rx.Reset':
    case 'channels.forgotten':
    case 'connection.ended':
      return nothing(over);
    default:
      return nothing(state);
  }
}

/** 9a.21: earlier messages may already show which end the peer has. A channel that the peer has ended needs no message. */
function release(state: UnboundChannelState): Verdict<UnboundChannelState> {
  const { items, isClosed, isReset, isGranted } = state;
  const over: UnboundChannelState = { ...state, phase: 'refused' };
  if (isClosed || isReset) return nothing(over);
  if (items > 0) return { state: over, effects: [['transmit', RESET]] };
  if (isGranted) return { state: over, effects: [['transmit', CLOSE]] };
  return { state: { ...state, phase: 'released' }, effects: [['free']] };
}

// r[rpc.channel.lifecycle]
export const offer: Oracle<UnboundChannelInput, UnboundChannelState, UnboundChannelEvent> = {
  start: (input) => nothing({ ...input, phase: 'open', items: 0, isClosed: false, isReset: false, isGranted: false }),

  step: (state, event) => {
    if (state.phase === 'released') return hearReleased(state, event);
    if (state.phase !== 'open') return nothing(state);
    switch (event.type) {
      case 'app.bind':
        return nothing({ ...state, phase: 'bound' });
      case 'app.release':
        return release(state);
      case 'channels.forgotten':
        return nothing(state);
      case 'connection.ended':
        return nothing({ ...state, phase: 'refused' });
      // Credit is also kept, at any time.
      case 'rx.GrantCredit':
        return { state: { ...state, isGranted: true }, effects: [['keep', event.body]] };
      // A Close or a Reset from the wrong end is ignored or a violation (9a.19) once it is known which end the peer has.
      case 'rx.Close':
        return state.isClosed
          ? nothing(state)
          : { state: { ...state, isClosed: true }, effects: [['keep', event.body]] };
      case 'rx.Reset':
        return state.isReset ? nothing(state) : { state: { ...state, isReset: true }, effects: [['keep', event.body]] };
      case 'rx.Item':
        // An Item behind a Close is dropped, as on a bound channel.
        if (state.isClosed) return nothing(state);
        // 9a.17, 9a.18: kept up to the initial credit, then Reset.
        if (state.items < state.room) {
          return { state: { ...state, items: state.items + 1 }, effects: [['keep', event.body]] };
        }
        if (state.mode === 'strict') return violate(state, 'rpc.flow-control.credit');
        return { state: { ...state, phase: 'refused' }, effects: [['transmit', RESET]] };
    }
  },

  timers: () => [],
};

// ---- The sender's end ---------------------------------------------------------------------------------------------

export interface SenderInput {
  readonly mode: Mode;
  // r[rpc.flow-control.credit.initial]
  readonly credit: number;
}

export interface SenderState extends SenderInput {
  /** A channel is `closing` while items wait before its Close. */
  readonly phase: 'open' | 'closing' | 'closed' | 'reset' | 'ended' | 'violated';
  /** The number of items that wait for credit. */
  readonly waiting: number;
  readonly metadata: Metadata;
}

export type SenderEvent =
  | Received
  | { readonly type: 'app.send'; readonly item: Uint8Array; readonly hasRoom: boolean }
  /** The first of the items that wait leaves. There is credit for it. */
  | { readonly type: 'queue.next'; readonly item: Uint8Array }
  | { readonly type: 'app.close' | 'app.fail'; readonly metadata: Metadata }
  | { readonly type: 'connection.ended' };

/** Tells the application how the channel ended. */
function conclude(type: string, metadata?: Metadata): Effect {
  return ['conclude', { type, ...(metadata === undefined ? {} : { metadata }) }];
}

/** r[rpc.channel.close]: says that no item follows. Then the channel is over. */
function finish(state: SenderState, metadata: Metadata, before: readonly Effect[] = []): Verdict<SenderState> {
  const effects = [...before, ['transmit', { type: 'Close', metadata } satisfies Close] as const];
  return { state: { ...state, phase: 'closed' }, effects: [...effects, conclude('closed', metadata)] };
}

/** r[rpc.flow-control.credit.exhaustion] r[rpc.flow-control.credit.initial.zero] */
function send(state: SenderState, item: Uint8Array, hasRoom: boolean): Verdict<SenderState> {
  const { phase, credit, waiting } = state;
  if (phase === 'closing') return { state, effects: [['refuse', { why: 'closing' }]] };
  if (credit > 0) return { state: { ...state, credit: credit - 1 }, effects: [['transmit', { type: 'Item', item }]] };
  if (!hasRoom) return { state, effects: [['refuse', { why: 'full' }]] };
  return { state: { ...state, waiting: waiting + 1 }, effects: [['wait', item]] };
}

/** Items leave in order, and the Close behind the last of them. */
function sendNext(state: SenderState, item: Uint8Array): Verdict<SenderState> {
  const { phase, credit, waiting, metadata } = state;
  const sent: Effect = ['transmit', { type: 'Item', item }];
  if (phase === 'closing' && waiting === 1) return finish(state, metadata, [sent]);
  return { state: { ...state, credit: credit - 1, waiting: waiting - 1 }, effects: [sent] };
}

// r[rpc.channel] r[rpc.channel.item]
export const sender: Oracle<SenderInput, SenderState, SenderEvent> = {
  start: (input) => nothing({ ...input, phase: 'open', waiting: 0, metadata: [] }),

  step: (state, event) => {
    const { mode, credit, phase, waiting } = state;
    if (phase !== 'open' && phase !== 'closing') return nothing(state);
    switch (event.type) {
      case 'app.send':
        return send(state, event.item, event.hasRoom);
      case 'queue.next':
        return sendNext(state, event.item);
      case 'rx.GrantCredit':
        // r[rpc.flow-control.credit.grant.additive]
        return {
          state: { ...state, credit: Math.min(ENDLESS, credit + event.body.additional) },
          effects: [['resume']],
        };
      case 'rx.Reset':
        // 9b.13
        return { state: { ...state, phase: 'reset' }, effects: [conclude('reset', event.body.metadata)] };
      case 'app.close':
        if (phase === 'closing') return nothing(state);
        if (waiting > 0) return nothing({ ...state, phase: 'closing', metadata: event.metadata });
        return finish(state, event.metadata);
      // Items that wait are given up with the channel.
      case 'app.fail':
        return finish(state, event.metadata);
      case 'connection.ended':
        return { state: { ...state, phase: 'ended' }, effects: [conclude('ended')] };
      // 9a.19: the receiver sends messages that only a sender may send.
      case 'rx.Close':
        return tolerated(mode, state, () => violate(state, 'rpc.channel.close'));
      case 'rx.Item':
        return tolerated(mode, state, () => violate(state, 'rpc.channel.item'));
    }
  },

  timers: () => [],
};

// ---- The receiver's end -------------------------------------------------------------------------------------------

export interface ReceiverInput {
  readonly mode: Mode;
  /** N: the initial credit of the sender. */
  readonly window: number;
  readonly room: number;
}

export interface ReceiverState extends ReceiverInput {
  readonly phase: 'open' | 'closed' | 'reset' | 'withdrawn' | 'ended' | 'violated';
  /** The number of items that the sender may still send. */
  readonly credit: number;
  /** The number of items that the application has not taken. */
  readonly held: number;
  /** The number of items that the application has taken and that have not been granted back to the sender. */
  readonly taken: number;
}

export type ReceiverEvent =
  | Received
  | { readonly type: 'app.take' }
  | { readonly type: 'app.grant'; readonly additional: number }
  | { readonly type: 'app.reset'; readonly metadata: Metadata }
  | { readonly type: 'connection.ended' };

/** r[rpc.flow-control.credit.grant]: gives more credit, on the wire and in the state. */
function grant(state: ReceiverState, additional: number): Verdict<ReceiverState> {
  return {
    state: { ...state, credit: Math.min(ENDLESS, state.credit + additional) },
    effects: [['transmit', { type: 'GrantCredit', additional } satisfies GrantCredit]],
  };
}

function receive(state: ReceiverState, body: Item): Verdict<ReceiverState> {
  const { mode, credit, held, room } = state;
  const delivered: Verdict<ReceiverState> = {
    state: { ...state, credit: Math.max(0, credit - 1), held: held + 1 },
    effects: [['deliver', body]],
  };
  if (credit > 0) return delivered;
  // 9a.17
  if (mode === 'strict') return violate(state, 'rpc.flow-control.credit');
  if (held < room) return delivered;
  return { state: { ...state, phase: 'reset' }, effects: [['transmit', RESET], conclude('overrun')] };
}

// r[rpc.flow-control.credit] r[rpc.channel.reset] r[rpc.channel.close]
export const receiver: Oracle<ReceiverInput, ReceiverState, ReceiverEvent> = {
  start: (input) => nothing({ ...input, phase: 'open', credit: input.window, held: 0, taken: 0 }),

  step: (state, event) => {
    const { mode, window, held, taken, phase } = state;
    if (phase !== 'open') return nothing(state);
    switch (event.type) {
      case 'rx.Item':
        return receive(state, event.body);
      case 'rx.Close':
        return { state: { ...state, phase: 'closed' }, effects: [conclude('closed', event.body.metadata)] };
      case 'app.take': {
        const now = { ...state, held: held - 1, taken: taken + 1 };
        // In batches of max(1, ⌊N / 2⌋); where N is 0, by hand alone.
        const batch = window === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(window / 2));
        return now.taken < batch ? nothing(now) : grant({ ...now, taken: 0 }, now.taken);
      }
      case 'app.grant':
        return grant(state, event.additional);
      case 'app.reset': {
        const { metadata } = event;
        return {
          state: { ...state, phase: 'reset' },
          effects: [['transmit', { type: 'Reset', metadata }], conclude('reset', metadata)],
        };
      }
      case 'connection.ended':
        return { state: { ...state, phase: 'ended' }, effects: [conclude('ended')] };
      // 9a.19: the sender sends messages that only a receiver may send. A Reset says that no more items come.
      case 'rx.Reset':
        if (mode === 'strict') return violate(state, 'rpc.channel.reset');
        return { state: { ...state, phase: 'withdrawn' }, effects: [conclude('withdrawn', event.body.metadata)] };
      case 'rx.GrantCredit':
        return tolerated(mode, state, () => violate(state, 'rpc.flow-control.credit.grant'));
    }
  },

  timers: () => [],
};

// ---- Without an end here ------------------------------------------------------------------------------------------

export interface ChannelsInput {
  readonly mode: Mode;
}

export interface ChannelsState extends ChannelsInput {
  readonly phase: 'open' | 'closed' | 'violated';
}

export type ChannelsEvent =
  | {
      readonly type: 'rx.unknown';
      readonly id: number;
      readonly body: Close | GrantCredit | Item | Reset;
      readonly isOurs: boolean;
      readonly wasNamed: boolean;
      readonly wasReset: boolean;
      readonly hasForgotten: boolean;
      readonly hasRoom: boolean;
    }
  | {
      readonly type: 'rx.named';
      readonly id: number;
      readonly isTheirs: boolean;
      readonly wasNamed: boolean;
      readonly isTaken: boolean;
      readonly hasRoom: boolean;
    }
  | { readonly type: 'connection.ended' };

/**
 * r[rpc.channel.allocation]: the peer names ids of its own parity, each once. Reference mode takes any other id, too, unless it
 * is in use. 9a.18: a channel that is named at last may have messages already.
 */
function hearName(state: ChannelsState, event: ChannelsEvent & { type: 'rx.named' }): Verdict<ChannelsState> {
  const { id, isTheirs, wasNamed, isTaken, hasRoom } = event;
  if (state.mode === 'strict' && (!isTheirs || wasNamed)) return violate(state, 'rpc.channel.allocation');
  if (isTaken) return { state, effects: [['refuse', { id, why: 'wrong' }]] };
  if (!hasRoom) return { state, effects: [['refuse', { id, why: 'tooMany' }]] };
  return { state, effects: [['offer', { id }]] };
}

// r[rpc.channel.lifecycle] r[rpc.channel.close]
export const channels: Oracle<ChannelsInput, ChannelsState, ChannelsEvent> = {
  start: (input) => nothing({ ...input, phase: 'open' }),

  step: (state, event) => {
    if (state.phase !== 'open') return nothing(state);
    if (event.type === 'connection.ended') return nothing({ ...state, phase: 'closed' });
    if (event.type === 'rx.named') return hearName(state, event);
    const { id, body, isOurs, wasNamed, wasReset, hasForgotten, hasRoom } = event;
    // 9a.20: late items after our own Reset are legal, and so is the one Close behind them.
    if (wasReset) return body.type === 'Close' ? { state, effects: [['forget', { id }]] } : nothing(state);
    if (wasNamed) {
      const isBehindClose = (body.type === 'Item' || body.type === 'Close') && !hasForgotten;
      return isBehindClose ? tolerated(state.mode, state, () => violate(state, 'rpc.channel.close')) : nothing(state);
    }
    // 9a.18
    if (state.mode === 'strict') return violate(state, 'rpc.channel.lifecycle');
    if (isOurs) return nothing(state);
    if (hasRoom) return { state, effects: [['keep', { id, body }]] };
    return body.type === 'Item' ? { state, effects: [['transmit', { id, body: RESET }]] } : nothing(state);
  },

  timers: () => [],
};
