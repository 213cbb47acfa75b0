/**
 * A channel that a Call of the peer's named and nobody has bound yet; see channel.ts. What the peer says on it is kept, up
 * to the credit that it begins with, for whichever end will be ours.
 */
import { assign, setup } from 'xstate';
import type { Close, GrantCredit, Item, Reset } from '../src/wire/message.js';
import type { ChannelPort, OfferEvent } from './call-events.js';
import { violation } from './channel.js';
import type { Conformance, Violation } from './events.js';

type ChannelBody = Item | Close | Reset | GrantCredit;

export interface OfferInput {
  readonly port: Pick<ChannelPort, 'keep' | 'transmit' | 'accuse'>;
  readonly conformance: Conformance;
  /** How many items are kept: the credit that their sender begins with. */
  readonly room: number;
}

export interface OfferContext extends OfferInput {
  readonly items: number;
  readonly isClosed: boolean;
  readonly isReset: boolean;
}

// r[rpc.channel.lifecycle]
export const offerMachine = setup({
  types: {
    context: {} as OfferContext,
    events: {} as OfferEvent,
    input: {} as OfferInput,
  },
  actions: {
    keep: ({ context }, body: ChannelBody) => context.port.keep(body),
    transmit: ({ context }, body: Reset) => context.port.transmit(body),
    accuse: ({ context }, violation: Violation) => context.port.accuse(violation),
    count: assign(({ context }) => ({ items: context.items + 1 })),
    noteClose: assign({ isClosed: true }),
    noteReset: assign({ isReset: true }),
  },
  guards: {
    hasRoom: ({ context }) => context.items < context.room,
    isClosed: ({ context }) => context.isClosed,
    isReset: ({ context }) => context.isReset,
    isReference: ({ context }) => context.conformance === 'reference',
  },
}).createMachine({
  id: 'offer',
  // Field by field: what V8 makes of a spread and more lives until the next full collection, with all that it holds.
  context: ({ input: { port, conformance, room } }) => ({
    port,
    conformance,
    room,
    items: 0,
    isClosed: false,
    isReset: false,
  }),
  initial: 'unbound',
  states: {
    unbound: {
      on: {
        // 9a.17, 9a.18: kept up to the initial credit.
        'rx.Item': [
          { guard: 'isClosed' },
          { guard: 'hasRoom', actions: ['count', { type: 'keep', params: ({ event }) => event.body }] },
          {
            guard: 'isReference',
            target: 'refused',
            actions: { type: 'transmit', params: { type: 'Reset', metadata: [] } },
          },
          violation('rpc.flow-control.credit', 'an Item beyond the credit given'),
        ],
        // One of each: which of them ends the channel depends on which end will be ours.
        'rx.Close': [
          { guard: 'isClosed' },
          { actions: ['noteClose', { type: 'keep', params: ({ event }) => event.body }] },
        ],
        'rx.Reset': [
          { guard: 'isReset' },
          { actions: ['noteReset', { type: 'keep', params: ({ event }) => event.body }] },
        ],
        // Added up by whoever keeps it: a peer could grant for ever.
        'rx.GrantCredit': { actions: { type: 'keep', params: ({ event }) => event.body } },
        'app.bind': 'bound',
        'app.refuse': { target: 'refused', actions: { type: 'transmit', params: { type: 'Reset', metadata: [] } } },
        'connection.ended': 'refused',
      },
    },
    bound: { type: 'final' },
    refused: { type: 'final' },
    violated: { type: 'final' },
  },
});
