import { incomingCallMachine, outgoingCallMachine } from '../../machines/index.js';
import type { Call, Response } from '../../src/wire/message.js';
import { answer, call, type IncomingCallState, type OutgoingCallState } from '../spec/machines/call.js';
import { M, N } from '../spec/messages.js';
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
    event('app.abort', { why: 'aborted' }),
    event('app.abort', { why: 'expired' }),
    event('app.fail', { reason: 'the proxy gave up' }),
    event('calls.forgotten'),
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
  aborted: 'at work for nobody',
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
