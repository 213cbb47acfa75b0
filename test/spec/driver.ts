import type { ChannelId } from '../../src/wire/id.js';
import {
  accept,
  call,
  callNaming,
  cancel,
  close,
  closeOfChannel,
  credit,
  item,
  M,
  resetOfChannel,
  response,
  responseBody,
  settings,
} from './messages.js';
import {
  alike,
  answered,
  BOTH,
  channelClosed,
  closedBy,
  connectionClosed,
  done,
  failed,
  NOTHING,
  offence,
  opened,
  overLimit,
  VIOLATION,
  violates,
} from './outcome.js';
import { ACCEPTING, ACTIVE_1, ACTIVE_2, PENDING_1 } from './scenes.js';
import type { Case, Row, Step } from './vocabulary.js';
import { REFUSED } from './vocabulary-calls.js';

// Section 9a, calls and channels, and what 9b has of them: the driver's, which owns requests. A bare session delivers all
// of it in both modes.

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** The handler of the root answers when it is told to. */
const SERVING: Step = { user: 'serve', on: 'root' };

/** The handler of the root has got request 2. */
const AT_WORK_2: readonly Step[] = [SERVING, { peer: call(0, 2), handled: [2] }];

/** It answers, and all is as it was. */
const reply = (request: number): Step => ({
  user: 'reply',
  request,
  answer: { ret: responseBody().ret },
  wire: [response(0, request)],
});

/** Our first call, on the root. */
const CALLED_1: Step = { user: 'call', on: 'root', as: 'it', args: bytes(1), wire: [call(0, 1)] };

/** The same, and it names channel 1, of which the peer gets the one end and we have the other. */
const naming = (pass: 'tx' | 'rx', credit: number): Step => ({
  user: 'call',
  on: 'root',
  as: 'it',
  args: bytes(1),
  channels: [{ pass, as: 'c', credit }],
  wire: [callNaming(0, 1, [1])],
});

/** We receive on channel 1, whose sender has so much credit. */
const receiving = (credit: number): Step => naming('tx', credit);

/** We send on channel 1, and have so much credit. */
const sending = (credit: number): Step => naming('rx', credit);

const items = (id: ChannelId, count: number) => Array.from({ length: count }, () => item(0, id));

/** What our end of channel 1 has, in order. */
const taking = (id: ChannelId, count: number): readonly Step[] =>
  Array.from({ length: count }, (_, at) => {
    const as = `item ${String(at)}`;
    return { user: 'take', channel: 'c', as, settled: { [as]: { item: bytes(id) } } };
  });

/** The session's end fails the call that is under way. */
const FAILING_IT = { settled: { it: connectionClosed('session') } };

export const driverRows: readonly Row[] = [
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
        name: 'a Response that nobody asked for',
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
  {
    // r[rpc.flow-control.credit]
    row: '9a.17',
    rule: 'rpc.flow-control.credit',
    layer: 'driver',
    situation: 'an Item beyond the credit given',
    reference: {
      wire: 'nothing, or Reset',
      user: 'delivered if there is room, else the channel is reset; never silently lost',
    },
    strict: VIOLATION,
    cases: [
      {
        name: 'as many Items as there is credit for',
        modes: BOTH,
        steps: [receiving(2), { peer: item(0, 1) }, { peer: item(0, 1) }],
      },
      ...offence({
        name: 'an Item beyond the credit given, and room for it',
        before: [receiving(4), { peer: items(1, 4) }],
        peer: item(0, 1),
        rule: 'rpc.flow-control.credit',
        after: taking(1, 5).map((step, at) => (at % 2 === 0 ? step : { ...step, wire: [credit(0, 1, 2)] })),
        strict: FAILING_IT,
      }),
      {
        name: 'an Item beyond the credit given, and no room for it: the channel is reset, and nothing lost silently',
        modes: ['reference'],
        steps: [
          receiving(0),
          { peer: items(1, 16) },
          { peer: item(0, 1), wire: [resetOfChannel(0, 1)] },
          { peer: [item(0, 1), closeOfChannel(0, 1)] },
          ...taking(1, 16),
          { user: 'take', channel: 'c', as: 'last', settled: { last: overLimit('credit') } },
        ],
      },
      ...offence({
        name: 'an Item beyond the credit agreed on, on a channel that nobody has bound',
        before: [
          { user: 'serve', on: 'root', credit: 1 },
          { peer: callNaming(0, 2, [2]), handled: [2] },
          { peer: item(0, 2) },
        ],
        peer: item(0, 2),
        rule: 'rpc.flow-control.credit',
        reference: { wire: [resetOfChannel(0, 2)] },
        strict: { givenUp: [2] },
      }),
    ],
  },
  {
    // r[rpc.channel.lifecycle]
    row: '9a.18',
    rule: 'rpc.channel.lifecycle',
    layer: 'driver',
    situation: 'a message on a channel that no Call named',
    reference: { wire: 'Reset, if it is not bound in time', user: 'kept up to the initial credit until bound' },
    strict: VIOLATION,
    cases: [
      ...offence({
        name: 'an Item before the Call that names its channel',
        before: [SERVING],
        peer: item(0, 2),
        rule: 'rpc.channel.lifecycle',
        after: [
          { peer: callNaming(0, 2, [2]), handled: [2] },
          { user: 'bind', request: 2, end: 'rx', as: 'c' },
          ...taking(2, 1),
        ],
      }),
      ...offence({
        name: 'a message on a channel of ours that no Call named',
        before: [SERVING],
        peer: item(0, 1),
        rule: 'rpc.channel.lifecycle',
      }),
      {
        name: 'as many Items as the initial credit before the Call that names their channel, and no more',
        modes: ['reference'],
        steps: [SERVING, { peer: items(2, 16) }, { peer: item(0, 2), wire: [resetOfChannel(0, 2)] }],
      },
      {
        name: 'credit before the Call that names its channel adds up',
        modes: ['reference'],
        steps: [
          SERVING,
          { peer: [credit(0, 2, 1), credit(0, 2, 1)] },
          { peer: callNaming(0, 2, [2]), handled: [2] },
          { user: 'bind', request: 2, end: 'tx', as: 'c', credit: 0 },
          { user: 'sendItem', channel: 'c', item: bytes(2), as: 'a', wire: [item(0, 2)], settled: { a: done } },
          { user: 'sendItem', channel: 'c', item: bytes(2), as: 'b', wire: [item(0, 2)], settled: { b: done } },
          { user: 'sendItem', channel: 'c', item: bytes(2), as: 'waiting' },
        ],
      },
      {
        name: 'a message on a channel that is over may have been under way',
        modes: BOTH,
        steps: [
          receiving(1),
          { user: 'resetChannel', channel: 'c', metadata: M, wire: [resetOfChannel(0, 1, M)] },
          { peer: [item(0, 1), closeOfChannel(0, 1)] },
        ],
      },
    ],
  },
  {
    // r[rpc.channel.close] r[rpc.channel.reset]
    row: '9a.19',
    rule: 'rpc.channel.close',
    layer: 'driver',
    situation: 'sending Close as the receiver, Reset as the sender',
    reference: { wire: NOTHING, user: 'ignored' },
    strict: VIOLATION,
    cases: [
      ...offence({
        name: 'Close from the receiver of a channel',
        before: [sending(1)],
        peer: closeOfChannel(0, 1),
        rule: 'rpc.channel.close',
        strict: FAILING_IT,
        after: [{ user: 'sendItem', channel: 'c', item: bytes(1), as: 'a', wire: [item(0, 1)], settled: { a: done } }],
      }),
      ...offence({
        name: 'Reset from the sender of a channel',
        before: [receiving(1)],
        peer: resetOfChannel(0, 1),
        rule: 'rpc.channel.reset',
        strict: FAILING_IT,
        after: [{ peer: item(0, 1) }, ...taking(1, 1).map((step) => ({ ...step, wire: [credit(0, 1, 1)] }))],
      }),
      {
        name: 'Close and Reset on a channel that nobody has bound, of which one is wrong: overlooked by the end that is taken',
        modes: ['reference'],
        steps: [
          SERVING,
          { peer: callNaming(0, 2, [2]), handled: [2] },
          { peer: [resetOfChannel(0, 2), item(0, 2), closeOfChannel(0, 2)] },
          { user: 'bind', request: 2, end: 'rx', as: 'c' },
          ...taking(2, 1),
          { user: 'take', channel: 'c', as: 'last', settled: { last: { taken: 'all' } } },
        ],
      },
      {
        name: 'Reset on a channel that nobody has bound, from what turns out to be its sender: a violation',
        modes: ['strict'],
        steps: [
          SERVING,
          { peer: callNaming(0, 2, [2]), handled: [2] },
          { peer: resetOfChannel(0, 2) },
          { user: 'bind', request: 2, end: 'rx', as: 'c', ...violates('rpc.channel.reset'), givenUp: [2] },
        ],
      },
    ],
  },
];

// r[rpc.flow-control.credit.exhaustion]
/** 9b.13 */
export const WAITING_SENDERS: readonly Case[] = [
  {
    name: 'a sender that waits for credit rejects at once on Reset',
    modes: BOTH,
    steps: [
      sending(0),
      { user: 'sendItem', channel: 'c', item: bytes(1), as: 'a' },
      { peer: resetOfChannel(0, 1, M), settled: { a: channelClosed('peer', M) } },
      { user: 'sendItem', channel: 'c', item: bytes(1), as: 'b', settled: { b: channelClosed('peer', M) } },
    ],
  },
  {
    name: 'a sender that waits for credit rejects at once on the end of its connection',
    modes: BOTH,
    steps: [
      ...ACTIVE_1,
      {
        user: 'call',
        on: 'a',
        as: 'it',
        args: bytes(1),
        channels: [{ pass: 'rx', as: 'c', credit: 0 }],
        wire: [callNaming(1, 1, [1])],
      },
      { user: 'sendItem', channel: 'c', item: bytes(1), as: 'waiting' },
      {
        peer: close(1),
        closed: { a: closedBy('peer') },
        settled: { it: connectionClosed('peer'), waiting: connectionClosed('peer') },
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
