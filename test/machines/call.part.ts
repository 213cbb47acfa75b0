import { callsMachine, incomingCallMachine, outgoingCallMachine } from '../../machines/index.js';
import { answer, call, type IncomingCallState, type OutgoingCallState } from '../../spec/parts/call.js';
import { type CallsState, calls } from '../../spec/parts/calls.js';
import { M, N } from '../../spec/rows/messages.js';
import type { Call, Response } from '../../src/wire/message.js';
import { event, MODES } from './inputs.js';
import type { Part, Variant } from './part.js';

const CALL: Call = { type: 'Call', methodId: 2n ** 64n - 1n, channels: [1, 3], metadata: M, args: new Uint8Array([1]) };
const RESPONSE: Response = { type: 'Response', channels: [2], metadata: N, ret: new Uint8Array([2]) };
const CANCELLED = new Uint8Array([3]);

/** Neither side of a call depends on the mode, so both modes get the same variant. */
function alike(input: object): readonly Variant[] {
  return MODES.map((mode) => ({ name: mode, mode, input, told: input }));
}

const CALL_PHASES: Readonly<Record<string, OutgoingCallState['phase']>> = {
  waiting: 'waiting for its turn',
  inFlight: 'in flight',
  cancelled: 'given up',
  settled: 'over',
  over: 'over',
};

// r[rpc.request] r[rpc.response] r[rpc.cancel]
export const outgoingCallPart: Part = {
  machine: outgoingCallMachine,
  variants: alike({ call: CALL }),
  delays: {},
  serialize: ({ value }) => String(value),
  events: () => [
    event('calls.admitted'),
    event('calls.refused', { error: new Error('it does not fit') }),
    event('rx.Response', { body: RESPONSE }),
    event('app.abort'),
    event('app.fail', { reason: 'the proxy gave up' }),
    event('deadline.passed'),
    event('connection.ended'),
  ],
  nameState: ({ value }) => String(value),
  isShown: () => true,
  oracle: call,
  heard: (event) => event,
  seen: ({ status, value }) => ({ phase: CALL_PHASES[String(value)], isOver: status === 'done' }),
  wanted: ({ phase }: OutgoingCallState) => ({ phase, isOver: phase === 'over' }),
};

const ANSWER_PHASES: Readonly<Record<string, IncomingCallState['phase']>> = {
  received: 'at work',
  aborted: 'at work without a caller',
  answered: 'done',
  done: 'done',
};

// r[rpc.response.one-per-request] r[rpc.error.scope]
export const incomingCallPart: Part = {
  machine: incomingCallMachine,
  variants: alike({ cancelled: CANCELLED }),
  delays: {},
  serialize: ({ value }) => String(value),
  events: () => [
    event('rx.Cancel'),
    event('session.cut'),
    event('app.reply', { response: RESPONSE }),
    event('app.fail', { ret: new Uint8Array([4]) }),
    event('connection.ended'),
  ],
  nameState: ({ value }) => String(value),
  isShown: () => true,
  oracle: answer,
  heard: (event) => event,
  seen: ({ status, value }) => ({ phase: ANSWER_PHASES[String(value)], isOver: status === 'done' }),
  wanted: ({ phase }: IncomingCallState) => ({ phase, isOver: phase === 'done' }),
};

// ---- All calls of a connection ------------------------------------------------------------------------------------

const PLAIN: Call = { ...CALL, channels: [] };
const FINE = { hasPeerParity: true, isInFlight: false, isOverLoad: false, isDraining: false };

/** A Call with one fact that makes a difference, or with none. */
const RECEIVED = [
  FINE,
  { ...FINE, hasPeerParity: false },
  { ...FINE, isInFlight: true },
  { ...FINE, isOverLoad: true },
  { ...FINE, isDraining: true },
  { ...FINE, isOverLoad: true, isDraining: true },
].flatMap((facts) => [PLAIN, CALL].map((body) => event('rx.Call', { id: 2, body, ...facts })));

const NAMED = (['named', 'wrong', 'tooMany'] as const).flatMap((outcome) =>
  [FINE, { isOverLoad: true, isDraining: false }, { isOverLoad: false, isDraining: true }].map(
    ({ isOverLoad, isDraining }) => event('channels.named', { id: 2, body: CALL, outcome, isOverLoad, isDraining }),
  ),
);

// r[rpc.request.id-allocation] r[rpc.flow-control.max-concurrent-requests]
export const callsPart: Part = {
  machine: callsMachine,
  variants: [
    { peerMax: 1, localMax: 1 },
    { peerMax: 0, localMax: 0 },
    { peerMax: 2, localMax: 2 },
  ].flatMap((limits) =>
    MODES.map((mode) => ({
      name: `${String(limits.peerMax)} at a time, ${mode}`,
      mode,
      input: { ...limits, conformance: mode },
      told: { ...limits, mode },
      ...(limits.peerMax === 2 ? { isHidden: true as const } : {}),
    })),
  ),
  delays: {},
  serialize: ({ status, value, context: { inFlight, waiting, handling } }) =>
    JSON.stringify(status === 'done' ? value : [inFlight, waiting, handling]),
  // Paths end where two calls wait, and where one more than our limit is at work.
  events: ({ context: { inFlight, waiting, handling, localMax } }) => [
    ...(waiting < 2 ? [event('app.call', { hasRoom: true, isPeerDraining: false })] : []),
    event('app.call', { hasRoom: false, isPeerDraining: false }),
    event('app.call', { hasRoom: true, isPeerDraining: true }),
    ...(inFlight > 0 ? [event('call.done', { wasWaiting: false })] : []),
    ...(waiting > 0 ? [event('call.done', { wasWaiting: true })] : []),
    event('rx.Response'),
    event('rx.Cancel'),
    ...(handling > localMax ? [] : [...RECEIVED, ...NAMED]),
    ...(handling > 0 ? [event('response.sent')] : []),
    event('connection.ended'),
  ],
  nameState: ({ value, context: { inFlight, waiting, handling } }) =>
    value === 'open'
      ? `open[${String(inFlight)} in flight, ${String(waiting)} waiting, ${String(handling)} at work]`
      : String(value),
  isShown: (name) => /^open\[(0 in flight, 0 waiting|1 in flight, [01] waiting), [01] at work\]$/.test(name),
  oracle: calls,
  heard: (event) => event,
  seen: ({ status, value, context: { inFlight, waiting, handling } }) => ({
    phase: value,
    isOver: status === 'done',
    ...{ inFlight, waiting, handling },
  }),
  wanted: ({ phase, inFlight, waiting, handling }: CallsState) => ({
    phase,
    isOver: phase !== 'open',
    ...{ inFlight, waiting, handling },
  }),
};
