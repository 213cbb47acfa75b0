/**
 * One channel, from either end. Items go one way, from its sender to its receiver, and each costs the sender a unit of the
 * credit that the receiver has given. `offerMachine` is a channel that a Call of the peer's named and nobody has bound yet:
 * which end is ours is not known there; `senderMachine` and `receiverMachine` are its ends.
 *
 * They know one channel only: whether an id was ever named is for whoever spawns them. Three rules carry everything:
 *
 * - Credit only adds. The sender never sends without; the receiver takes whatever credit covers, without asking for room.
 * - The sender ends a channel with Close, the receiver with Reset. Whichever is first on our side ends our end of it: what
 *   the peer had already sent by then finds no channel any more, and is dropped.
 * - What the peer may not say there is a violation; conformance only decides whether it is overlooked.
 *
 * Flat on purpose: these run for every item, through the stepper, which takes nothing that nests or times.
 */
import { assign, setup } from 'xstate';
import type { Close, GrantCredit, Item, Reset } from '../src/wire/message.js';
import type { Rule } from '../src/wire/rule.js';
import type { ChannelEnd, ChannelPort, OfferEvent, ReceiverEvent, SenderEvent } from './call-events.js';
import type { Conformance, Violation } from './events.js';

type ChannelBody = Item | Close | Reset | GrantCredit;

/** The most credit that can be told apart; nobody can use it up. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

function plus(credit: number, additional: number): number {
  return Math.min(UNLIMITED, credit + additional);
}

/** The peer broke `rule`: the session is over, and says so to the peer. */
function violation(rule: Rule, description: string) {
  return { target: 'violated', actions: { type: 'accuse', params: { rule, description } } } as const;
}

const concludeEnded = { type: 'conclude', params: { type: 'ended' } } as const;

// ---- Unbound ------------------------------------------------------------------------------------------------------

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

// ---- The sender's end ---------------------------------------------------------------------------------------------

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

// ---- The receiver's end -------------------------------------------------------------------------------------------

export interface ReceiverInput {
  readonly port: Pick<ChannelPort, 'transmit' | 'deliver' | 'conclude' | 'accuse'>;
  readonly conformance: Conformance;
  /** The credit that the sender begins with, and that is restored as items are taken; 0: by hand alone. */
  readonly window: number;
  /** Items that may lie here beyond what credit covers, in reference mode. */
  readonly room: number;
}

export interface ReceiverContext extends ReceiverInput {
  /** Credit that the sender has left. */
  readonly credit: number;
  /** Items that the application has not taken. */
  readonly held: number;
  /** Items taken for which no credit was given yet. */
  readonly taken: number;
}

/** Credit goes back in halves of the window: item by item would cost a message each. */
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
        // 9a.19
        'rx.Reset': [{ guard: 'isReference' }, violation('rpc.channel.reset', 'Reset from the sender of the channel')],
        'rx.GrantCredit': [
          { guard: 'isReference' },
          violation('rpc.flow-control.credit.grant', 'GrantCredit from the sender of the channel'),
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
