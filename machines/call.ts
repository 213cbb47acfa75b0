/**
 * One request, from either side. `outgoingCallMachine` is the caller's: it waits for its turn under the peer's limit, then for the
 * one Response. `incomingCallMachine` is the handler's: it sends the peer exactly one Response, even when the handler fails.
 *
 * Both know one request only. Their owner knows which ids are in flight and how many may be, and forwards only messages
 * about their request. Two rules:
 *
 * - The caller gets its outcome once, and at once: an aborted call does not wait for the peer. But the call keeps its id,
 *   and its place under the limit, until the Response comes, because the peer counts it until then.
 * - A handler counts as long as it uses resources: after the Response is sent, the handler may still be at work, and the
 *   machine waits for it.
 *
 * Each holds its connection open while its Response is awaited: a call until it settles, a handler until its Response is in
 * the outbox. `retain` and `release` mark the beginning and the end of that time.
 *
 * Flat on purpose: these two run for every call, through the stepper, which supports no nested states and no timers.
 */
import { setup } from 'xstate';
import type { ChannelId } from '../src/wire/id.js';
import type { Call, Cancel, Response } from '../src/wire/message.js';
import type {
  CallDeadline,
  CallOutcome,
  IncomingCallEvent,
  IncomingCallPort,
  OutgoingCallEvent,
  OutgoingCallPort,
} from './call-events.js';
import { NO_METADATA } from './events.js';

export interface OutgoingCallInput {
  readonly port: OutgoingCallPort;
  readonly call: Call;
}

export type OutgoingCallContext = OutgoingCallInput;

const cancel = { type: 'transmit', params: { type: 'Cancel', metadata: NO_METADATA } } as const;
const settleEnded = { type: 'settle', params: { type: 'ended' } } as const;
const settleAborted = { type: 'settle', params: { type: 'aborted' } } as const;
const settleExpired = { type: 'settle', params: { type: 'expired' } } as const;
const settleRefused = {
  type: 'settle',
  params: ({ event }: { event: { error: Error } }) => ({ type: 'refused', error: event.error }) as const,
} as const;

// r[rpc.request]
export const outgoingCallMachine = setup({
  types: {
    context: {} as OutgoingCallContext,
    events: {} as OutgoingCallEvent,
    input: {} as OutgoingCallInput,
  },
  actions: {
    transmit: ({ context }, body: Call | Cancel) => context.port.transmit(body),
    settle: ({ context }, outcome: CallOutcome) => context.port.settle(outcome),
    retain: ({ context }) => context.port.retain(),
    release: ({ context }) => context.port.release(),
    startDeadline: ({ context }, params: { limit: CallDeadline }) => context.port.startDeadline(params),
    stopDeadline: ({ context }) => context.port.stopDeadline(),
    decline: ({ context }, { channels }: { channels: readonly ChannelId[] }) => context.port.decline(channels),
  },
}).createMachine({
  id: 'outgoingCall',
  context: ({ input }) => input,
  initial: 'waiting',
  states: {
    /** 9b.14: the call waits for its turn, if it must wait. r[rpc.flow-control.max-concurrent-requests] */
    waiting: {
      // Row "5 a call holds": r[rpc.caller.liveness.refcounted]
      entry: ['retain', { type: 'startDeadline', params: { limit: 'timeout' } }],
      on: {
        'calls.admitted': 'inFlight',
        // The peer takes no more calls: 5.31
        'calls.refused': { target: 'settled', actions: settleRefused },
        'app.abort': { target: 'settled', actions: settleAborted },
        'deadline.passed': { target: 'settled', actions: settleExpired },
        'connection.ended': { target: 'settled', actions: settleEnded },
      },
    },

    inFlight: {
      entry: { type: 'transmit', params: ({ context }) => context.call },
      on: {
        // r[rpc.response]
        'rx.Response': {
          target: 'settled',
          actions: { type: 'settle', params: ({ event }) => ({ type: 'answered', response: event.body }) },
        },
        // r[rpc.cancel]
        'app.abort': { target: 'cancelled', actions: [cancel, settleAborted] },
        'deadline.passed': { target: 'cancelled', actions: [cancel, settleExpired] },
        'app.fail': {
          target: 'cancelled',
          actions: [cancel, { type: 'settle', params: ({ event }) => ({ type: 'failed', reason: event.reason }) }],
        },
        'calls.refused': { target: 'settled', actions: settleRefused },
        'connection.ended': { target: 'settled', actions: settleEnded },
      },
    },

    /**
     * Over for the caller. The peer still owes a Response, which the application never sees. The call keeps its id and its
     * place under the peer's limit until then, and no longer holds the connection open. 9a.15
     */
    cancelled: {
      entry: ['stopDeadline', 'release', { type: 'startDeadline', params: { limit: 'cancelTimeout' } }],
      on: {
        // The caller is gone, so no end of the named channels will be taken. The peer may already send on them.
        'rx.Response': { target: 'over', actions: { type: 'decline', params: ({ event }) => event.body } },
        // The Call waited for room in the outbox the whole time, and never left.
        'calls.refused': 'over',
        // A peer may never answer a call that was cancelled.
        'deadline.passed': 'over',
        'connection.ended': 'over',
      },
    },

    settled: { type: 'final', entry: ['stopDeadline', 'release'] },
    over: { type: 'final', entry: 'stopDeadline' },
  },
});

export interface IncomingCallInput {
  readonly port: IncomingCallPort;
  /** The payload that tells the caller that its call was cancelled. */
  readonly cancelled: Uint8Array;
}

export type IncomingCallContext = IncomingCallInput;

/** A Response that holds `ret` and nothing else. */
function response(ret: Uint8Array): Response {
  return { type: 'Response', channels: [], metadata: NO_METADATA, ret };
}

const cancelHandler = [
  { type: 'transmit', params: ({ context }: { context: IncomingCallContext }) => response(context.cancelled) },
  'abort',
] as const;

// r[rpc.response.one-per-request]
export const incomingCallMachine = setup({
  types: {
    context: {} as IncomingCallContext,
    events: {} as IncomingCallEvent,
    input: {} as IncomingCallInput,
  },
  actions: {
    handle: ({ context }) => context.port.handle(),
    transmit: ({ context }, body: Response) => context.port.transmit(body),
    abort: ({ context }) => context.port.abort(),
    retain: ({ context }) => context.port.retain(),
    release: ({ context }) => context.port.release(),
  },
}).createMachine({
  id: 'incomingCall',
  context: ({ input }) => input,
  initial: 'received',
  states: {
    received: {
      // 5.27, 5.28, row "5 a handler holds": the connection stays open for a handler at work. r[rpc.caller.liveness.refcounted]
      entry: ['retain', 'handle'],
      on: {
        'app.reply': {
          target: 'answered',
          actions: { type: 'transmit', params: ({ event }) => event.response },
        },
        // r[rpc.error.scope]
        'app.fail': {
          target: 'answered',
          actions: { type: 'transmit', params: ({ event }) => response(event.ret) },
        },
        // Answered at once: a handler may never check its signal. r[rpc.cancel]
        'rx.Cancel': { target: 'aborted', actions: cancelHandler },
        // A drain has an end. The caller reads that its call may have run.
        'session.cut': { target: 'aborted', actions: cancelHandler },
        'connection.ended': { target: 'aborted', actions: 'abort' },
      },
    },

    /** The caller no longer waits for the answer. The handler is still at work, and counts until it returns. */
    aborted: {
      // The Response to a Cancel has left by now; a connection that has ended waits for no handler.
      entry: 'release',
      on: {
        'app.reply': 'done',
        'app.fail': 'done',
      },
    },

    /** The handler no longer holds the connection open once the Response is in the outbox. */
    answered: { type: 'final', entry: 'release' },
    done: { type: 'final' },
  },
});
