/**
 * The receiving end of a channel; see channel.ts. It gives credit as items are taken, and ends the channel with Reset.
 */
import { assign, setup } from 'xstate';
import type { GrantCredit, Item, Reset } from '../src/wire/message.js';
import type { ChannelEnd, ChannelPort, ReceiverEvent } from './call-events.js';
import { concludeEnded, plus, violation } from './channel.js';
import type { Conformance, Violation } from './events.js';

export interface ReceiverInput {
  readonly port: Pick<ChannelPort, 'transmit' | 'deliver' | 'conclude' | 'accuse'>;
  readonly conformance: Conformance;
  /**
   * The credit that the sender begins with, and that is restored as items are taken. With 0, credit is given by hand only.
   */
  readonly window: number;
  /** Items that may wait here beyond the credit, in reference mode. */
  readonly room: number;
}

export interface ReceiverContext extends ReceiverInput {
  /** Credit that the sender has left. */
  readonly credit: number;
  /** Items that the application has not taken. */
  readonly held: number;
  /** Items taken for which no credit has been given yet. */
  readonly taken: number;
}

/** Credit goes back in batches of half a window: a grant for every item would cost a message each. */
// r[rpc.flow-control.credit.initial.zero]
function isBatch(window: number, taken: number): boolean {
  return window > 0 && taken >= Math.max(1, Math.floor(window / 2));
}

// r[rpc.flow-control.credit]
export const receiverMachine = setup({
  types: {
    context: {} as ReceiverContext,
    events: {} as ReceiverEvent,
    input: {} as ReceiverInput,
  },
  actions: {
    transmit: ({ context }, body: Reset | GrantCredit) => context.port.transmit(body),
    deliver: ({ context }, body: Item) => context.port.deliver(body),
    conclude: ({ context }, end: ChannelEnd) => context.port.conclude(end),
    accuse: ({ context }, violation: Violation) => context.port.accuse(violation),
    hold: assign(({ context }) => ({ credit: Math.max(0, context.credit - 1), held: context.held + 1 })),
    take: assign(({ context }) => ({ held: context.held - 1, taken: context.taken + 1 })),
    give: assign(({ context }, { additional }: { additional: number }) => ({
      credit: plus(context.credit, additional),
    })),
    restart: assign({ taken: 0 }),
  },
  guards: {
    isCovered: ({ context }) => context.credit > 0,
    isTolerated: ({ context }) => context.conformance === 'reference' && context.held < context.room,
    isReference: ({ context }) => context.conformance === 'reference',
    isBatch: ({ context }) => isBatch(context.window, context.taken + 1),
  },
}).createMachine({
  id: 'receiver',
  context: ({ input: { port, conformance, window, room } }) => ({
    port,
    conformance,
    window,
    room,
    credit: window,
    held: 0,
    taken: 0,
  }),
  initial: 'receiving',
  states: {
    receiving: {
      on: {
        // 9a.17
        'rx.Item': [
          { guard: 'isCovered', actions: ['hold', { type: 'deliver', params: ({ event }) => event.body }] },
          { guard: 'isTolerated', actions: ['hold', { type: 'deliver', params: ({ event }) => event.body }] },
          {
            guard: 'isReference',
            target: 'reset',
            actions: [
              { type: 'transmit', params: { type: 'Reset', metadata: [] } },
              { type: 'conclude', params: { type: 'overrun' } },
            ],
          },
          violation('rpc.flow-control.credit', 'an Item beyond the credit given'),
        ],
        // r[rpc.channel.close]
        'rx.Close': {
          target: 'closed',
          actions: { type: 'conclude', params: ({ event }) => ({ type: 'closed', metadata: event.body.metadata }) },
        },
        // r[rpc.flow-control.credit.grant]
        'app.take': [
          {
            guard: 'isBatch',
            actions: [
              'take',
              { type: 'give', params: ({ context }) => ({ additional: context.taken }) },
              {
                type: 'transmit',
                params: ({ context }): GrantCredit => ({ type: 'GrantCredit', additional: context.taken }),
              },
              'restart',
            ],
          },
          { actions: 'take' },
        ],
        'app.grant': {
          actions: [
            { type: 'give', params: ({ event }) => event },
            {
              type: 'transmit',
              params: ({ event }): GrantCredit => ({ type: 'GrantCredit', additional: event.additional }),
            },
          ],
        },
        // r[rpc.channel.reset]
        'app.reset': {
          target: 'reset',
          actions: [
            { type: 'transmit', params: ({ event }): Reset => ({ type: 'Reset', metadata: event.metadata }) },
            { type: 'conclude', params: ({ event }) => ({ type: 'reset', metadata: event.metadata }) },
          ],
        },
        // 9a.19: the items still expected will not come.
        'rx.Reset': [
          {
            guard: 'isReference',
            target: 'withdrawn',
            actions: {
              type: 'conclude',
              params: ({ event }) => ({ type: 'withdrawn', metadata: event.body.metadata }),
            },
          },
          violation('rpc.channel.reset', 'Reset from the sender of the channel'),
        ],
        'rx.GrantCredit': [
          { guard: 'isReference' },
          violation('rpc.flow-control.credit.grant', 'GrantCredit from the sender of the channel'),
        ],
        'connection.ended': { target: 'ended', actions: concludeEnded },
      },
    },
    closed: { type: 'final' },
    reset: { type: 'final' },
    withdrawn: { type: 'final' },
    ended: { type: 'final' },
    violated: { type: 'final' },
  },
});
