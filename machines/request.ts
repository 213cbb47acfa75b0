/**
 * One request, from either side. `callMachine` is the caller's: it waits its turn under the peer's limit, then for the one
 * Response. `answerMachine` is the handler's: it owes the peer exactly one Response, whatever becomes of the handler.
 *
 * Both know one request only. Which ids are in flight, and how many may be, is for whoever spawns them; a message reaches
 * them only when it is about their request. Two rules carry everything:
 *
 * - The caller hears once, and at once: an aborted call does not wait for the peer. Yet it keeps its id, and its place under
 *   the limit, until the Response is here, since the peer counts it until then.
 * - A request counts as long as it costs: once the peer was answered, its handler may still be at work, and is waited for.
 *
 * Each holds its connection open while its Response is awaited: a call until it settles, a handler until its Response is in
 * the outbox. `retain` and `release` stand at the two ends of that time.
 *
 * Flat on purpose: these two run for every call, through the stepper, which takes nothing that nests or times.
 */
import { setup } from 'xstate';
import type { Call, Cancel, Response } from '../src/wire/message.js';
import type { AnswerEvent, AnswerPort, CallEvent, CallOutcome, CallPort } from './call-events.js';
import { NO_METADATA } from './events.js';

export interface CallInput {
  readonly port: CallPort;
  readonly call: Call;
}

export type CallContext = CallInput;

const cancel = { type: 'transmit', params: { type: 'Cancel', metadata: NO_METADATA } } as const;
const settleEnded = { type: 'settle', params: { type: 'ended' } } as const;
const settleAborted = {
  type: 'settle',
  params: ({ event }: { event: { why: 'aborted' | 'expired' } }): CallOutcome => ({ type: event.why }),
} as const;

// r[rpc.request]
export const callMachine = setup({
  types: {
    context: {} as CallContext,
    events: {} as CallEvent,
    input: {} as CallInput,
  },
  actions: {
    transmit: ({ context }, body: Call | Cancel) => context.port.transmit(body),
    settle: ({ context }, outcome: CallOutcome) => context.port.settle(outcome),
    retain: ({ context }) => context.port.retain(),
    release: ({ context }) => context.port.release(),
  },
}).createMachine({
  id: 'call',
  context: ({ input }) => input,
  initial: 'waiting',
  states: {
    /** 9b.14: for its turn, or not at all. r[rpc.flow-control.max-concurrent-requests] */
    waiting: {
      // Row "5 a call holds": r[rpc.caller.liveness.refcounted]
      entry: 'retain',
      on: {
        'calls.admitted': 'inFlight',
        'app.abort': { target: 'settled', actions: settleAborted },
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
        'app.fail': {
          target: 'cancelled',
          actions: [cancel, { type: 'settle', params: ({ event }) => ({ type: 'failed', reason: event.reason }) }],
        },
        'calls.refused': {
          target: 'settled',
          actions: { type: 'settle', params: ({ event }) => ({ type: 'refused', error: event.error }) },
        },
        'connection.ended': { target: 'settled', actions: settleEnded },
      },
    },

    /**
     * Over for the caller; the peer still owes a Response, which the application never sees. The call keeps its id and its
     * place under the peer's limit until then, and holds the connection no longer. 9a.15
     */
    cancelled: {
      entry: 'release',
      on: {
        'rx.Response': 'over',
        // The Call waited for room all the while, and never left.
        'calls.refused': 'over',
        // A peer may never answer what was cancelled.
        'calls.forgotten': 'over',
        'connection.ended': 'over',
      },
    },

    settled: { type: 'final', entry: 'release' },
    over: { type: 'final' },
  },
});

export interface AnswerInput {
  readonly port: AnswerPort;
  /** What tells the caller that its call was cancelled. */
  readonly cancelled: Uint8Array;
}

export type AnswerContext = AnswerInput;

/** A Response with nothing in it but what was returned. */
function response(ret: Uint8Array): Response {
  return { type: 'Response', channels: [], metadata: NO_METADATA, ret };
}

// r[rpc.response.one-per-request]
export const answerMachine = setup({
  types: {
    context: {} as AnswerContext,
    events: {} as AnswerEvent,
    input: {} as AnswerInput,
  },
  actions: {
    handle: ({ context }) => context.port.handle(),
    transmit: ({ context }, body: Response) => context.port.transmit(body),
    abort: ({ context }) => context.port.abort(),
    retain: ({ context }) => context.port.retain(),
    release: ({ context }) => context.port.release(),
  },
}).createMachine({
  id: 'answer',
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
        // At once: a handler may never look at its signal. r[rpc.cancel]
        'rx.Cancel': {
          target: 'aborted',
          actions: [{ type: 'transmit', params: ({ context }) => response(context.cancelled) }, 'abort'],
        },
        'connection.ended': { target: 'aborted', actions: 'abort' },
      },
    },

    /** Nobody waits for the answer; the handler is still at work, and counts until it is not. */
    aborted: {
      // The Response to a Cancel has left by now; a connection that has ended waits for no handler.
      entry: 'release',
      on: {
        'app.reply': 'done',
        'app.fail': 'done',
      },
    },

    /** The connection may go once the Response is in the outbox. */
    answered: { type: 'final', entry: 'release' },
    done: { type: 'final' },
  },
});
