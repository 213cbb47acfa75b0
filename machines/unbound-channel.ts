/**
 * A channel that a Call of the peer's named and that is not bound yet; see channel.ts. The messages of the peer on it are
 * kept, up to the initial credit. They are for the end that the application takes.
 *
 * When the call is answered and its handler took no end, the channel is released: it no longer counts as open. The peer is
 * told to stop as soon as we know whether the peer sends or receives there.
 */
import { assign, setup } from 'xstate';
import type { Close, GrantCredit, Item, Reset } from '../src/wire/message.js';
import type { ChannelPort, UnboundChannelEvent } from './call-events.js';
import { violation } from './channel.js';
import type { Conformance, Violation } from './events.js';

type ChannelBody = Item | Close | Reset | GrantCredit;

export interface UnboundChannelInput {
  readonly port: Pick<ChannelPort, 'keep' | 'transmit' | 'free' | 'refuse' | 'accuse'>;
  readonly conformance: Conformance;
  /** The number of items that may be kept: the initial credit of the sender. */
  readonly room: number;
}

export interface UnboundChannelContext extends UnboundChannelInput {
  readonly items: number;
  readonly isClosed: boolean;
  readonly isReset: boolean;
  readonly isGranted: boolean;
}

const reset = { type: 'transmit', params: { type: 'Reset', metadata: [] } } as const;
const close = { type: 'transmit', params: { type: 'Close', metadata: [] } } as const;

// r[rpc.channel.lifecycle]
export const unboundChannelMachine = setup({
  types: {
    context: {} as UnboundChannelContext,
    events: {} as UnboundChannelEvent,
    input: {} as UnboundChannelInput,
  },
  actions: {
    keep: ({ context }, body: ChannelBody) => context.port.keep(body),
    transmit: ({ context }, body: Reset | Close) => context.port.transmit(body),
    free: ({ context }) => context.port.free(),
    refuse: ({ context }, params: { why: 'released' }) => context.port.refuse(params),
    accuse: ({ context }, violation: Violation) => context.port.accuse(violation),
    count: assign(({ context }) => ({ items: context.items + 1 })),
    noteClose: assign({ isClosed: true }),
    noteReset: assign({ isReset: true }),
    noteGrant: assign({ isGranted: true }),
  },
  guards: {
    hasRoom: ({ context }) => context.items < context.room,
    isClosed: ({ context }) => context.isClosed,
    isReset: ({ context }) => context.isReset,
    isReference: ({ context }) => context.conformance === 'reference',
    /** The peer has ended the channel: no message of ours is needed. */
    hasPeerEnded: ({ context }) => context.isClosed || context.isReset,
    hasItems: ({ context }) => context.items > 0,
    isGranted: ({ context }) => context.isGranted,
  },
}).createMachine({
  id: 'unboundChannel',
  // The fields one by one: after a spread, V8 keeps the object and all that it holds alive until the next full collection.
  context: ({ input: { port, conformance, room } }) => ({
    port,
    conformance,
    room,
    items: 0,
    isClosed: false,
    isReset: false,
    isGranted: false,
  }),
  initial: 'unbound',
  states: {
    unbound: {
      on: {
        // 9a.17, 9a.18: kept up to the initial credit.
        'rx.Item': [
          { guard: 'isClosed' },
          { guard: 'hasRoom', actions: ['count', { type: 'keep', params: ({ event }) => event.body }] },
          { guard: 'isReference', target: 'refused', actions: reset },
          violation('rpc.flow-control.credit', 'an Item beyond the credit given'),
        ],
        // One of each is kept: which of them ends the channel depends on the end that the application takes.
        'rx.Close': [
          { guard: 'isClosed' },
          { actions: ['noteClose', { type: 'keep', params: ({ event }) => event.body }] },
        ],
        'rx.Reset': [
          { guard: 'isReset' },
          { actions: ['noteReset', { type: 'keep', params: ({ event }) => event.body }] },
        ],
        // The host keeps only the sum of the grants: a peer could grant for ever.
        'rx.GrantCredit': { actions: ['noteGrant', { type: 'keep', params: ({ event }) => event.body }] },
        'app.bind': 'bound',
        // 9a.21: Reset where we would receive, Close where we would send.
        'app.release': [
          { guard: 'hasPeerEnded', target: 'refused' },
          { guard: 'hasItems', target: 'refused', actions: reset },
          { guard: 'isGranted', target: 'refused', actions: close },
          { target: 'released' },
        ],
        'connection.ended': 'refused',
      },
    },

    /** Nothing has come yet, and the application takes no end. The first message says which end the peer has. 9a.21 */
    released: {
      entry: 'free',
      on: {
        'app.bind': { actions: { type: 'refuse', params: { why: 'released' } } },
        'rx.Item': { target: 'refused', actions: reset },
        'rx.GrantCredit': { target: 'refused', actions: close },
        // The peer has ended the channel.
        'rx.Close': 'refused',
        'rx.Reset': 'refused',
        'channels.forgotten': 'refused',
        'connection.ended': 'refused',
      },
    },
    bound: { type: 'final' },
    refused: { type: 'final' },
    violated: { type: 'final' },
  },
});
