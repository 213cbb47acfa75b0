/**
 * The sending end of a channel; see channel.ts. It sends while it has credit, and ends the channel with Close. Items without
 * credit wait, and the Close waits behind them. The machine counts the items that wait; its host keeps them.
 */
import { assign, setup } from 'xstate';
import type { Close, Item } from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import type { ChannelEnd, ChannelPort, SenderEvent } from './call-events.js';
import { concludeEnded, plus, violation } from './channel.js';
import { type Conformance, NO_METADATA, type Violation } from './events.js';

export interface SenderInput {
  readonly port: Pick<ChannelPort, 'transmit' | 'wait' | 'refuse' | 'resume' | 'conclude' | 'accuse'>;
  readonly conformance: Conformance;
  /** Items that may be sent before the peer grants more. `[rpc.flow-control.credit.initial]` */
  readonly credit: number;
}

export interface SenderContext extends SenderInput {
  /** Items that wait for credit. */
  readonly waiting: number;
  /** The metadata of the Close that follows the items that wait. */
  readonly metadata: Metadata;
}

/** Ends the channel with the Close that the event asks for. r[rpc.channel.close] */
const closeAsAsked = {
  target: 'closed',
  actions: [
    {
      type: 'transmit',
      params: ({ event }: { event: { metadata: Metadata } }): Close => ({ type: 'Close', metadata: event.metadata }),
    },
    {
      type: 'conclude',
      params: ({ event }: { event: { metadata: Metadata } }): ChannelEnd => ({
        type: 'closed',
        metadata: event.metadata,
      }),
    },
  ],
} as const;

/** Sends the item of the event. r[rpc.channel.item] */
const transmitItem = {
  type: 'transmit',
  params: ({ event }: { event: { item: Uint8Array } }): Item => ({ type: 'Item', item: event.item }),
} as const;

// r[rpc.channel]
const sender = setup({
  types: {
    context: {} as SenderContext,
    events: {} as SenderEvent,
    input: {} as SenderInput,
  },
  actions: {
    transmit: ({ context }, body: Item | Close) => context.port.transmit(body),
    wait: ({ context }, { item }: { item: Uint8Array }) => context.port.wait(item),
    refuse: ({ context }, params: { why: 'closing' | 'full' }) => context.port.refuse(params),
    resume: ({ context }) => context.port.resume(),
    conclude: ({ context }, end: ChannelEnd) => context.port.conclude(end),
    accuse: ({ context }, violation: Violation) => context.port.accuse(violation),
    spend: assign(({ context }) => ({ credit: context.credit - 1 })),
    earn: assign(({ context }, { additional }: { additional: number }) => ({
      credit: plus(context.credit, additional),
    })),
    queue: assign(({ context }) => ({ waiting: context.waiting + 1 })),
    unqueue: assign(({ context }) => ({ waiting: context.waiting - 1 })),
    noteClose: assign((_, { metadata }: { metadata: Metadata }) => ({ metadata })),
  },
  guards: {
    hasCredit: ({ context }) => context.credit > 0,
    hasRoom: ({ event }) => event.type === 'app.send' && event.hasRoom,
    isAnyWaiting: ({ context }) => context.waiting > 0,
    isLast: ({ context }) => context.waiting === 1,
    isReference: ({ context }) => context.conformance === 'reference',
  },
});

/** The rows of an end that is open, whether its Close waits or not. */
const openRows = sender.createStateConfig({
  on: {
    // r[rpc.flow-control.credit.grant.additive]
    'rx.GrantCredit': { actions: [{ type: 'earn', params: ({ event }) => event.body }, 'resume'] },
    // r[rpc.channel.reset], 9b.13
    'rx.Reset': {
      target: 'reset',
      actions: { type: 'conclude', params: ({ event }) => ({ type: 'reset', metadata: event.body.metadata }) },
    },
    // 9a.19
    'rx.Close': [{ guard: 'isReference' }, violation('rpc.channel.close', 'Close from the receiver of the channel')],
    'rx.Item': [{ guard: 'isReference' }, violation('rpc.channel.item', 'an Item from the receiver of the channel')],
    'app.fail': closeAsAsked,
    'connection.ended': { target: 'ended', actions: concludeEnded },
  },
}).on;

export const senderMachine = sender.createMachine({
  id: 'sender',
  // r[rpc.flow-control.credit.initial]
  context: ({ input: { port, conformance, credit } }) => ({
    port,
    conformance,
    credit,
    waiting: 0,
    metadata: NO_METADATA,
  }),
  initial: 'sending',
  states: {
    sending: {
      on: {
        ...openRows,
        // r[rpc.flow-control.credit.exhaustion]
        'app.send': [
          { guard: 'hasCredit', actions: ['spend', transmitItem] },
          { guard: 'hasRoom', actions: ['queue', { type: 'wait', params: ({ event }) => event }] },
          { actions: { type: 'refuse', params: { why: 'full' } } },
        ],
        'queue.next': { actions: ['unqueue', 'spend', transmitItem] },
        'app.close': [
          { guard: 'isAnyWaiting', target: 'closing', actions: { type: 'noteClose', params: ({ event }) => event } },
          closeAsAsked,
        ],
      },
    },

    /** The application has closed the channel, and items still wait for credit. The Close follows the last of them. */
    closing: {
      on: {
        ...openRows,
        'app.send': { actions: { type: 'refuse', params: { why: 'closing' } } },
        'queue.next': [
          {
            guard: 'isLast',
            target: 'closed',
            actions: [
              transmitItem,
              { type: 'transmit', params: ({ context }) => ({ type: 'Close', metadata: context.metadata }) },
              { type: 'conclude', params: ({ context }) => ({ type: 'closed', metadata: context.metadata }) },
            ],
          },
          { actions: ['unqueue', 'spend', transmitItem] },
        ],
      },
    },

    closed: { type: 'final' },
    reset: { type: 'final' },
    ended: { type: 'final' },
    violated: { type: 'final' },
  },
});
