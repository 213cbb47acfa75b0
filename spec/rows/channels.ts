import type { ChannelId } from '../../src/wire/id.js';
import {
  bytes,
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
} from './messages.js';
import {
  alike,
  BOTH,
  channelClosed,
  closedBy,
  connectionClosed,
  done,
  NOTHING,
  offence,
  overLimit,
  VIOLATION,
  violates,
} from './outcome.js';
import { ACTIVE_1, SERVING } from './scenes.js';
import type { Case, Row, Step } from './vocabulary.js';
import { REFUSED } from './vocabulary-calls.js';

// Section 9a about channels, and the rows of 9b about channels. The driver carries them out, too. A bare session delivers
// all these messages in both modes.

/** Our first call, on the root. It names channel 1: the peer gets one end, and the other one is ours. */
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

/** Takes `count` items of our end of channel 1, in order. */
const taking = (id: ChannelId, count: number): readonly Step[] =>
  Array.from({ length: count }, (_, at) => {
    const as = `item ${String(at)}`;
    return { user: 'take', channel: 'c', as, settled: { [as]: { item: bytes(id) } } };
  });

/** The handler answers, and its Response leaves. */
const reply = (request: number): Step => ({
  user: 'reply',
  request,
  answer: { ret: responseBody().ret },
  wire: [response(0, request)],
});

/** The session's end fails the call that is under way. */
const FAILING_IT = { settled: { it: connectionClosed('session') } };

export const channels: readonly Row[] = [
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
        name: 'an Item beyond the credit agreed on, on a channel that is not bound',
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
    reference: { wire: NOTHING, user: 'a Close is ignored; a Reset ends the receiver’s loop with ChannelClosed' },
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
        after: [
          { peer: [item(0, 1), closeOfChannel(0, 1)] },
          { user: 'take', channel: 'c', as: 'last', settled: { last: channelClosed('peer') } },
        ],
      }),
      {
        name: 'what came before the Reset of a sender can be read, and what comes behind it is dropped',
        modes: ['reference'],
        steps: [
          receiving(4),
          { peer: [item(0, 1), resetOfChannel(0, 1, M), item(0, 1), closeOfChannel(0, 1)] },
          ...taking(1, 1),
          { user: 'take', channel: 'c', as: 'last', settled: { last: channelClosed('peer', M) } },
        ],
      },
      {
        name: 'a Reset from the sender ends the read that waits',
        modes: ['reference'],
        steps: [
          receiving(4),
          { user: 'take', channel: 'c', as: 'r' },
          { peer: resetOfChannel(0, 1), settled: { r: channelClosed('peer') } },
        ],
      },
      {
        name: 'Reset, an Item and Close on a channel that is not bound: whichever end is taken hears the first that it knows',
        modes: ['reference'],
        steps: [
          SERVING,
          { peer: callNaming(0, 2, [2]), handled: [2] },
          { peer: [resetOfChannel(0, 2), item(0, 2), closeOfChannel(0, 2)] },
          { user: 'bind', request: 2, end: 'rx', as: 'c' },
          { user: 'take', channel: 'c', as: 'last', settled: { last: channelClosed('peer') } },
        ],
      },
      {
        name: 'Reset on a channel that is not bound, from what turns out to be its sender: a violation',
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
  {
    // r[rpc.channel.close]
    row: '9a.20',
    rule: 'rpc.channel.close',
    layer: 'driver',
    situation: 'an Item or a second Close behind the sender’s Close',
    reference: { wire: NOTHING, user: 'ignored' },
    strict: { ...VIOLATION, user: 'a violation; after our own Reset late Items and one Close are legal' },
    cases: [
      ...[item(0, 1), closeOfChannel(0, 1)].flatMap((message) =>
        offence({
          name: `${message.body.type} behind the Close of a channel`,
          before: [receiving(4), { peer: closeOfChannel(0, 1) }],
          peer: message,
          rule: 'rpc.channel.close',
          strict: FAILING_IT,
          after: [{ user: 'take', channel: 'c', as: 'last', settled: { last: { taken: 'all' } } }],
        }),
      ),
      ...offence({
        name: 'an Item behind the Close that followed our Reset',
        before: [
          receiving(4),
          { user: 'resetChannel', channel: 'c', wire: [resetOfChannel(0, 1)] },
          { peer: [item(0, 1), closeOfChannel(0, 1)] },
        ],
        peer: item(0, 1),
        rule: 'rpc.channel.close',
        strict: FAILING_IT,
      }),
      ...offence({
        name: 'an Item from the receiver of a channel that we have closed',
        before: [
          sending(4),
          { user: 'closeChannel', channel: 'c', as: 'e', wire: [closeOfChannel(0, 1)], settled: { e: done } },
        ],
        peer: item(0, 1),
        rule: 'rpc.channel.close',
        strict: FAILING_IT,
      }),
      {
        name: 'a Reset that crosses our Close, and credit behind it, are fine',
        modes: BOTH,
        steps: [
          sending(4),
          { user: 'closeChannel', channel: 'c', as: 'e', wire: [closeOfChannel(0, 1)], settled: { e: done } },
          { peer: [credit(0, 1, 2), resetOfChannel(0, 1)] },
        ],
      },
    ],
  },
  {
    // r[rpc.channel.binding]
    row: '9a.21',
    layer: 'driver',
    situation: 'a channel that a Call named and that no handler took when the call is answered',
    ...alike(
      'Reset where the peer sends, Close where it receives, as soon as that is known',
      'its place is free at once; taking it later is InvalidArgument',
    ),
    cases: [
      {
        name: 'a channel that was not taken is declined when its direction is known, and cannot be taken any more',
        modes: BOTH,
        steps: [
          SERVING,
          { peer: callNaming(0, 2, [2, 4, 6, 8]), handled: [2] },
          reply(2),
          { peer: item(0, 2), wire: [resetOfChannel(0, 2)] },
          { peer: [item(0, 2), closeOfChannel(0, 2)] },
          { peer: credit(0, 4, 1), wire: [closeOfChannel(0, 4)] },
          { peer: [credit(0, 4, 1), resetOfChannel(0, 4)] },
          { peer: [closeOfChannel(0, 6), resetOfChannel(0, 8)] },
        ],
      },
      {
        name: 'a channel of which the direction is known is declined with the answer',
        modes: BOTH,
        steps: [
          SERVING,
          { peer: callNaming(0, 2, [2, 4, 6, 8]), handled: [2] },
          { peer: [item(0, 2), credit(0, 4, 1), closeOfChannel(0, 6), resetOfChannel(0, 8)] },
          { ...reply(2), wire: [response(0, 2), resetOfChannel(0, 2), closeOfChannel(0, 4)] },
        ],
      },
      {
        name: 'a channel that was not taken when its call was cancelled can’t be taken',
        modes: BOTH,
        steps: [
          SERVING,
          { peer: callNaming(0, 2, [2]), handled: [2] },
          { peer: cancel(0, 2), wire: [response(0, 2, REFUSED.cancelled)], givenUp: [2] },
          { peer: item(0, 2), wire: [resetOfChannel(0, 2)] },
        ],
      },
      {
        name: 'a channel that no handler took gives its place back with the answer',
        modes: BOTH,
        given: { limits: { channels: 1 } },
        steps: [
          SERVING,
          { peer: callNaming(0, 2, [2]), handled: [2] },
          reply(2),
          { peer: callNaming(0, 4, [4]), handled: [4] },
          { user: 'bind', request: 4, end: 'rx', as: 'c' },
          { peer: item(0, 4) },
          ...taking(4, 1),
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
