/**
 * The requests of one connection, in both directions: how many may be in flight, and what a message about a request means
 * that no call waits for. Each call has a machine of its own; see call.ts.
 *
 * It counts the calls and keeps no ids. Its host finds a call by its id, and says what it found. Two rules:
 *
 * - No more calls of ours are in flight than the peer takes. The others wait for their turn, in order.
 * - A Call of the peer's counts until its Response has left, not until its Cancel comes.
 *
 * Flat on purpose: it steps for every call, through the stepper, which supports no nested states and no timers.
 */
import { assign, setup } from 'xstate';
import type { RequestId } from '../src/wire/id.js';
import type { CallsEvent, CallsPort, ReceivedCall } from './call-events.js';
import { violation } from './channel.js';
import type { Conformance, Violation } from './events.js';

export interface CallsInput {
  readonly port: CallsPort;
  readonly conformance: Conformance;
  /** The number of requests that we take at a time: our `maxConcurrentRequests`. */
  readonly localMax: number;
  /** The number of requests that the peer takes at a time. */
  readonly peerMax: number;
}

export interface CallsContext extends CallsInput {
  /** Calls of ours that the peer has not answered. */
  readonly inFlight: number;
  /** Calls of ours that wait for their turn. */
  readonly waiting: number;
  /** Calls of the peer's that we have not answered. */
  readonly handling: number;
}

type Received = Pick<ReceivedCall, 'id' | 'body'>;

// r[rpc.request.id-allocation]
const wrongParity = violation('rpc.request.id-allocation', 'a Call with an id that is not of its sender’s parity');
const inFlight = violation('rpc.request.id-allocation', 'a Call with an id that is still in flight');
// r[rpc.flow-control.max-concurrent-requests]
const overMax = {
  target: 'violated',
  actions: {
    type: 'accuse',
    params: ({ context }: { context: CallsContext }): Violation => ({
      rule: 'rpc.flow-control.max-concurrent-requests',
      description: `more than ${context.localMax} requests in flight`,
    }),
  },
} as const;

const handle = ['count', { type: 'handle', params: ({ event }: { event: Received }) => event }] as const;
function reject(as: 'invalidPayload' | 'overLoad' | 'draining') {
  return { type: 'reject', params: ({ event }: { event: Received }) => ({ id: event.id, as }) } as const;
}

// r[rpc.pipelining]
export const callsMachine = setup({
  types: {
    context: {} as CallsContext,
    events: {} as CallsEvent,
    input: {} as CallsInput,
  },
  actions: {
    admit: ({ context }) => context.port.admit(),
    enqueue: ({ context }) => context.port.enqueue(),
    refuse: ({ context }, params: { why: 'none' | 'full' | 'draining' }) => context.port.refuse(params),
    admitNext: ({ context }) => context.port.admitNext(),
    nameChannels: ({ context }, call: Received) => context.port.nameChannels(call),
    handle: ({ context }, call: Received) => context.port.handle(call),
    reject: ({ context }, params: { id: RequestId; as: 'invalidPayload' | 'overLoad' | 'draining' }) =>
      context.port.reject(params),
    accuse: ({ context }, broken: Violation) => context.port.accuse(broken),
    occupy: assign({ inFlight: ({ context }) => context.inFlight + 1 }),
    vacate: assign({ inFlight: ({ context }) => context.inFlight - 1 }),
    queue: assign({ waiting: ({ context }) => context.waiting + 1 }),
    unqueue: assign({ waiting: ({ context }) => context.waiting - 1 }),
    count: assign({ handling: ({ context }) => context.handling + 1 }),
    uncount: assign({ handling: ({ context }) => context.handling - 1 }),
  },
  guards: {
    isReference: ({ context }) => context.conformance === 'reference',
    takesNone: ({ context }) => context.peerMax === 0,
    hasSlot: ({ context }) => context.inFlight < context.peerMax,
    hasRoom: ({ event }) => event.type === 'app.call' && event.hasRoom,
    wasWaiting: ({ event }) => event.type === 'call.done' && event.wasWaiting,
    isAnyWaiting: ({ context }) => context.waiting > 0,
    // In strict mode. Reference mode delivers such a Call like any other.
    hasWrongParity: ({ context, event }) =>
      context.conformance === 'strict' && event.type === 'rx.Call' && !event.hasPeerParity,
    isInFlight: ({ context, event }) =>
      context.conformance === 'strict' && event.type === 'rx.Call' && event.isInFlight,
    isOverMax: ({ context }) => context.conformance === 'strict' && context.handling >= context.localMax,
    hasChannels: ({ event }) => event.type === 'rx.Call' && event.body.channels.length > 0,
    isOverLoad: ({ event }) => (event.type === 'rx.Call' || event.type === 'channels.named') && event.isOverLoad,
    isDraining: ({ event }) => (event.type === 'rx.Call' || event.type === 'channels.named') && event.isDraining,
    isPeerDraining: ({ event }) => event.type === 'app.call' && event.isPeerDraining,
    isNotNamed: ({ event }) => event.type === 'channels.named' && event.outcome !== 'named',
    /** The channels' own machine has accused the peer. */
    isViolated: ({ context, event }) =>
      context.conformance === 'strict' && event.type === 'channels.named' && event.outcome === 'wrong',
  },
}).createMachine({
  id: 'calls',
  // The fields one by one: after a spread, V8 keeps the object and all that it holds alive until the next full collection.
  context: ({ input: { port, conformance, localMax, peerMax } }) => ({
    port,
    conformance,
    localMax,
    peerMax,
    inFlight: 0,
    waiting: 0,
    handling: 0,
  }),
  initial: 'open',
  states: {
    open: {
      on: {
        // 9b.14: r[rpc.flow-control.max-concurrent-requests]
        'app.call': [
          { guard: 'isPeerDraining', actions: { type: 'refuse', params: { why: 'draining' } } },
          { guard: 'takesNone', actions: { type: 'refuse', params: { why: 'none' } } },
          { guard: 'hasSlot', actions: ['occupy', 'admit'] },
          { guard: 'hasRoom', actions: ['queue', 'enqueue'] },
          { actions: { type: 'refuse', params: { why: 'full' } } },
        ],
        'call.done': [
          { guard: 'wasWaiting', actions: 'unqueue' },
          // The next call takes the place of the one that is over.
          { guard: 'isAnyWaiting', actions: ['unqueue', 'admitNext'] },
          { actions: 'vacate' },
        ],
        // 9a.15
        'rx.Response': [
          { guard: 'isReference' },
          violation('rpc.response.one-per-request', 'a Response with no call in flight'),
        ],
        // 9a.16, and no channel hears of it: r[rpc.cancel.channels]
        'rx.Cancel': {},
        // 9a.14
        'rx.Call': [
          { guard: 'hasWrongParity', ...wrongParity },
          { guard: 'isInFlight', ...inFlight },
          { guard: 'isOverMax', ...overMax },
          { guard: 'hasChannels', actions: { type: 'nameChannels', params: ({ event }) => event } },
          { guard: 'isDraining', actions: reject('draining') },
          { guard: 'isOverLoad', actions: reject('overLoad') },
          { actions: handle },
        ],
        'channels.named': [
          { guard: 'isViolated' },
          { guard: 'isNotNamed', actions: reject('invalidPayload') },
          { guard: 'isDraining', actions: reject('draining') },
          { guard: 'isOverLoad', actions: reject('overLoad') },
          { actions: handle },
        ],
        'response.sent': { actions: 'uncount' },
        'connection.ended': 'closed',
      },
    },
    closed: { type: 'final' },
    violated: { type: 'final' },
  },
});
