import { accept, bytes, call, cancel, close, response, responseBody, settings } from './messages.js';
import { alike, answered, BOTH, closedBy, failed, NOTHING, offence, opened, overLimit, VIOLATION } from './outcome.js';
import { ACCEPTING, ACTIVE_2, PENDING_1, SERVING } from './scenes.js';
import type { Case, Row, Step } from './vocabulary.js';
import { REFUSED } from './vocabulary-calls.js';

// Section 9a about calls, and the rows of 9b about calls. The driver carries them out, since it owns requests. A bare
// session delivers all these messages in both modes.

/** The handler of the root has got request 2. */
const AT_WORK_2: readonly Step[] = [SERVING, { peer: call(0, 2), handled: [2] }];

/** The handler answers, and all is as before. */
const reply = (request: number): Step => ({
  user: 'reply',
  request,
  answer: { ret: responseBody().ret },
  wire: [response(0, request)],
});

/** Our first call, on the root. */
const CALLED_1: Step = { user: 'call', on: 'root', as: 'it', args: bytes(1), wire: [call(0, 1)] };

export const calls: readonly Row[] = [
  {
    // r[rpc.request.id-allocation] r[rpc.flow-control.max-concurrent-requests]
    row: '9a.14',
    rule: 'rpc.request.id-allocation',
    layer: 'driver',
    situation:
      'a request id of the wrong parity, or still in flight (from Call until we send its Response; Cancel does ' +
      'not end it); more than our maxConcurrentRequests in flight',
    reference: { wire: NOTHING, user: 'delivered' },
    strict: VIOLATION,
    cases: [
      ...offence({
        name: 'a Call with a request id of our parity',
        before: [SERVING],
        peer: call(0, 1),
        rule: 'rpc.request.id-allocation',
        reference: { handled: [{ id: 1, methodId: 1n, args: bytes(1), metadata: [], offers: 0 }] },
        after: [reply(1)],
      }),
      ...offence({
        name: 'a Call with a request id that is in flight',
        before: AT_WORK_2,
        peer: call(0, 2),
        rule: 'rpc.request.id-allocation',
        reference: { handled: [2] },
        strict: { givenUp: [2] },
        after: [reply(2)],
      }),
      {
        name: 'both of two Calls with one id hear of the end of their connection',
        modes: ['reference'],
        given: ACCEPTING,
        steps: [
          ACTIVE_2,
          { user: 'serve', on: '#2' },
          { peer: [call(2, 1), call(2, 1)], handled: [1, 1] },
          { peer: close(2), closed: { '#2': closedBy('peer') }, givenUp: [1, 1] },
        ],
      },
      {
        name: 'a request id is free again as soon as its Response is sent, be it to a Cancel',
        modes: BOTH,
        steps: [
          ...AT_WORK_2,
          reply(2),
          { peer: call(0, 2), handled: [2] },
          { peer: cancel(0, 2), wire: [response(0, 2, REFUSED.cancelled)], givenUp: [2] },
          { peer: call(0, 2), handled: [2] },
          { user: 'fail', request: 2, wire: [response(0, 2, REFUSED.unknownMethod)] },
        ],
      },
      {
        name: 'as many Calls as our maxConcurrentRequests are in flight, and one more when one is answered',
        modes: BOTH,
        given: { maxConcurrentRequests: 2 },
        steps: [
          SERVING,
          { peer: [call(0, 2), call(0, 4)], handled: [2, 4] },
          reply(2),
          { peer: call(0, 6), handled: [6] },
        ],
      },
      ...offence({
        name: 'a Call above our maxConcurrentRequests',
        given: { maxConcurrentRequests: 2 },
        before: [SERVING, { peer: [call(0, 2), call(0, 4)], handled: [2, 4] }],
        peer: call(0, 6),
        rule: 'rpc.flow-control.max-concurrent-requests',
        reference: { handled: [6] },
        strict: { givenUp: [2, 4] },
        after: [reply(6)],
      }),
    ],
  },
  {
    // r[rpc.response.one-per-request]
    row: '9a.15',
    rule: 'rpc.response.one-per-request',
    layer: 'driver',
    situation: 'Response with no call in flight',
    reference: { wire: NOTHING, user: 'ignored' },
    strict: { ...VIOLATION, user: 'a violation, but for one Response after our own Cancel' },
    cases: [
      ...offence({
        name: 'a Response to no call',
        before: [SERVING],
        peer: response(0, 1),
        rule: 'rpc.response.one-per-request',
        after: [CALLED_1, { peer: response(0, 1), settled: { it: answered() } }],
      }),
      ...offence({
        name: 'a second Response to a call',
        before: [CALLED_1, { peer: response(0, 1), settled: { it: answered() } }],
        peer: response(0, 1),
        rule: 'rpc.response.one-per-request',
      }),
      ...offence({
        name: 'a second Response after our Cancel',
        before: [
          { ...CALLED_1, signal: 's' } as Step,
          {
            user: 'abort',
            signal: 's',
            reason: 'enough',
            wire: [cancel(0, 1)],
            settled: { it: failed({ code: 'cancelled', by: 'local', cause: 'enough' }) },
          },
          { peer: response(0, 1) },
        ],
        peer: response(0, 1),
        rule: 'rpc.response.one-per-request',
      }),
    ],
  },
  {
    row: '9a.16',
    layer: 'driver',
    situation: 'Cancel for an unknown or finished request',
    ...alike(NOTHING, 'ignored'),
    cases: [
      {
        name: 'a Cancel for a request that never was',
        modes: BOTH,
        steps: [SERVING, { peer: cancel(0, 2) }, { peer: call(0, 2), handled: [2] }, reply(2)],
      },
      {
        name: 'a Cancel for a request that was answered',
        modes: BOTH,
        steps: [...AT_WORK_2, reply(2), { peer: cancel(0, 2) }],
      },
      {
        name: 'a second Cancel for a request',
        modes: BOTH,
        steps: [
          ...AT_WORK_2,
          { peer: cancel(0, 2), wire: [response(0, 2, REFUSED.cancelled)], givenUp: [2] },
          { peer: cancel(0, 2) },
        ],
      },
    ],
  },
];

/** Connection 1 is active, and its peer takes so many requests at a time. */
const taking1 = (maxConcurrentRequests: number): readonly Step[] => {
  const peer = settings('even', maxConcurrentRequests);
  return [PENDING_1, { peer: accept(1, peer), settled: { a: opened(1, { peer }) } }];
};

const calling = (as: string, arg: number, rest: Pick<Step, 'wire' | 'settled'> = {}): Step => ({
  user: 'call',
  on: 'a',
  as,
  args: bytes(arg),
  ...rest,
});

// r[rpc.flow-control.max-concurrent-requests]
/** 9b.14 */
export const WAITING_CALLS: readonly Case[] = [
  {
    name: 'a call above the peer’s maxConcurrentRequests waits for its turn',
    modes: BOTH,
    steps: [
      ...taking1(2),
      calling('first', 1, { wire: [call(1, 1)] }),
      calling('second', 3, { wire: [call(1, 3)] }),
      calling('third', 5),
      { peer: response(1, 3), settled: { second: answered() }, wire: [call(1, 5)] },
      { peer: response(1, 5), settled: { third: answered() } },
    ],
  },
  {
    name: 'a call to a peer that takes no requests fails at once',
    modes: BOTH,
    steps: [...taking1(0), calling('it', 1, { settled: { it: overLimit('maxConcurrentRequests') } })],
  },
  {
    name: 'a cancelled call keeps its place until its Response is here',
    modes: BOTH,
    steps: [
      ...taking1(1),
      { ...calling('first', 1, { wire: [call(1, 1)] }), signal: 's' } as Step,
      calling('second', 3),
      {
        user: 'abort',
        signal: 's',
        reason: 'enough',
        wire: [cancel(1, 1)],
        settled: { first: failed({ code: 'cancelled', by: 'local' }) },
      },
      { peer: response(1, 1), wire: [call(1, 3)] },
    ],
  },
];
