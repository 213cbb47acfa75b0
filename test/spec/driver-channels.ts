import type { ChannelId } from '../../src/wire/id.js';
import { bytes, callNaming, close, closeOfChannel, credit, item, M, resetOfChannel } from './messages.js';
import {
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

// Section 9a, channels, and what 9b has of them: the driver's, too. A bare session delivers all of it in both modes.

/** Our first call, on the root, which names channel 1, of which the peer gets the one end and we have the other. */
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
