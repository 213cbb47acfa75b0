/**
 * The sending end of a channel; see channel.ts. It sends while it has credit, and ends the channel with Close.
 */
import { assign, setup } from 'xstate';
import type { Close, Item } from '../src/wire/message.js';
import type { ChannelEnd, ChannelPort, SenderEvent } from './call-events.js';
import { concludeEnded, plus, violation } from './channel.js';
import type { Conformance, Violation } from './events.js';

export interface SenderInput {
  readonly port: Pick<ChannelPort, 'transmit' | 'wait' | 'resume' | 'conclude' | 'accuse'>;
  readonly conformance: Conformance;
  /** Items that may be sent before the peer grants more. `[rpc.flow-control.credit.initial]` */
  readonly credit: number;
}

export type SenderContext = SenderInput;

// r[rpc.channel]
export const senderMachine = setup({
  types: {
    context: {} as SenderContext,
    events: {} as SenderEvent,
    input: {} as SenderInput,
  },
  actions: {
    transmit: ({ context }, body: Item | Close) => context.port.transmit(body),
    wait: ({ context }, { item }: { item: Uint8Array }) => context.port.wait(item),
    resume: ({ context }) => context.port.resume(),
    conclude: ({ context }, end: ChannelEnd) => context.port.conclude(end),
    accuse: ({ context }, violation: Violation) => context.port.accuse(violation),
    spend: assign(({ context }) => ({ credit: context.credit - 1 })),
    earn: assign(({ context }, { additional }: { additional: number }) => ({
      credit: plus(context.credit, additional),
    })),
  },
  guards: {
    hasCredit: ({ context }) => context.credit > 0,
    isReference: ({ context }) => context.conformance === 'reference',
  },
}).createMachine({
  id: 'sender',
  // r[rpc.flow-control.credit.initial]
  context: ({ input }) => input,
  initial: 'sending',
  states: {
    sending: {
      on: {
        // r[rpc.channel.item], r[rpc.flow-control.credit.exhaustion]
        'app.send': [
          {
            guard: 'hasCredit',
            actions: ['spend', { type: 'transmit', params: ({ event }) => ({ type: 'Item', item: event.item }) }],
          },
          { actions: { type: 'wait', params: ({ event }) => event } },
        ],
        // r[rpc.flow-control.credit.grant.additive]
        'rx.GrantCredit': { actions: [{ type: 'earn', params: ({ event }) => event.body }, 'resume'] },
        // r[rpc.channel.reset], 9b.13
        'rx.Reset': {
          target: 'reset',
          actions: { type: 'conclude', params: ({ event }) => ({ type: 'reset', metadata: event.body.metadata }) },
        },
        // r[rpc.channel.close]
        'app.close': {
          target: 'closed',
          actions: [
            { type: 'transmit', params: ({ event }) => ({ type: 'Close', metadata: event.metadata }) },
            { type: 'conclude', params: ({ event }) => ({ type: 'closed', metadata: event.metadata }) },
          ],
        },
        // 9a.19
        'rx.Close': [
          { guard: 'isReference' },
          violation('rpc.channel.close', 'Close from the receiver of the channel'),
        ],
        'rx.Item': [
          { guard: 'isReference' },
          violation('rpc.channel.item', 'an Item from the receiver of the channel'),
        ],
        'connection.ended': { target: 'ended', actions: concludeEnded },
      },
    },
    closed: { type: 'final' },
    reset: { type: 'final' },
    ended: { type: 'final' },
    violated: { type: 'final' },
  },
});
