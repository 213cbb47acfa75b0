/**
 * The channel ids of one connection. It decides which ids the peer may name, and what a message means on a channel that has no
 * end here, because the channel is over or was never named. Open channels have machines of their own; see channel.ts.
 *
 * It keeps no ids. Its host looks an id up and passes the facts; this machine decides which messages the peer may send.
 *
 * Flat on purpose: it runs through the stepper, which supports no nested states and no timers.
 */
import { setup } from 'xstate';
import type { ChannelId } from '../src/wire/id.js';
import type { Reset } from '../src/wire/message.js';
import type { ChannelsEvent, ChannelsPort, UnknownMessage } from './call-events.js';
import { violation } from './channel.js';
import type { Conformance, Violation } from './events.js';

export interface ChannelsInput {
  readonly port: ChannelsPort;
  readonly conformance: Conformance;
}

export type ChannelsContext = ChannelsInput;

interface Args {
  readonly event: ChannelsEvent;
}

/** Only a sender sends these messages. */
function isSenders({ event }: Args): boolean {
  return event.type === 'rx.unknown' && (event.body.type === 'Item' || event.body.type === 'Close');
}

// r[rpc.channel.lifecycle]
export const channelsMachine = setup({
  types: {
    context: {} as ChannelsContext,
    events: {} as ChannelsEvent,
    input: {} as ChannelsInput,
  },
  actions: {
    offer: ({ context }, params: { id: ChannelId }) => context.port.offer(params),
    refuse: ({ context }, params: { id: ChannelId; why: 'wrong' | 'tooMany' }) => context.port.refuse(params),
    keep: ({ context }, params: Pick<UnknownMessage, 'id' | 'body'>) => context.port.keep(params),
    forget: ({ context }, params: { id: ChannelId }) => context.port.forget(params),
    transmit: ({ context }, params: { id: ChannelId; body: Reset }) => context.port.transmit(params),
    accuse: ({ context }, broken: Violation) => context.port.accuse(broken),
  },
  guards: {
    isStrict: ({ context }) => context.conformance === 'strict',
    isOurs: ({ event }) => event.type === 'rx.unknown' && event.isOurs,
    wasNamed: ({ event }) => event.type === 'rx.unknown' && event.wasNamed,
    wasReset: ({ event }) => event.type === 'rx.unknown' && event.wasReset,
    isLast: ({ event }) => event.type === 'rx.unknown' && event.wasReset && event.body.type === 'Close',
    /** In strict mode, and while no id that we reset has been forgotten. */
    isBehindClose: ({ context, event }) =>
      context.conformance === 'strict' &&
      event.type === 'rx.unknown' &&
      event.wasNamed &&
      !event.hasForgotten &&
      isSenders({ event }),
    hasRoom: ({ event }) => event.type !== 'connection.ended' && event.hasRoom,
    /** In strict mode. */
    hasWrongParity: ({ context, event }) =>
      context.conformance === 'strict' && event.type === 'rx.named' && !event.isTheirs,
    isNamedAgain: ({ context, event }) =>
      context.conformance === 'strict' && event.type === 'rx.named' && event.wasNamed,
    isTaken: ({ event }) => event.type === 'rx.named' && event.isTaken,
    isItem: ({ event }) => event.type === 'rx.unknown' && event.body.type === 'Item',
  },
}).createMachine({
  id: 'channels',
  context: ({ input }) => input,
  initial: 'open',
  states: {
    open: {
      on: {
        // r[rpc.channel.allocation]
        'rx.named': [
          {
            guard: 'hasWrongParity',
            ...violation('rpc.channel.allocation', 'a channel id that is not of its allocator’s parity'),
          },
          { guard: 'isNamedAgain', ...violation('rpc.channel.allocation', 'a channel id that was named before') },
          {
            guard: 'isTaken',
            actions: { type: 'refuse', params: ({ event }) => ({ id: event.id, why: 'wrong' as const }) },
          },
          // Also a channel on which the peer sent before it named it: 9a.18
          { guard: 'hasRoom', actions: { type: 'offer', params: ({ event }) => ({ id: event.id }) } },
          { actions: { type: 'refuse', params: ({ event }) => ({ id: event.id, why: 'tooMany' as const }) } },
        ],
        'rx.unknown': [
          // 9a.20: messages that were under way when we reset the channel. The Close of its sender is the last of them.
          { guard: 'isLast', actions: { type: 'forget', params: ({ event }) => ({ id: event.id }) } },
          { guard: 'wasReset' },
          // 9a.20: r[rpc.channel.close]
          { guard: 'isBehindClose', ...violation('rpc.channel.close', 'a message behind the Close of its channel') },
          { guard: 'wasNamed' },
          // 9a.18
          {
            guard: 'isStrict',
            ...violation('rpc.channel.lifecycle', 'a message on a channel that no Call named'),
          },
          { guard: 'isOurs' },
          { guard: 'hasRoom', actions: { type: 'keep', params: ({ event: { id, body } }) => ({ id, body }) } },
          {
            guard: 'isItem',
            actions: {
              type: 'transmit',
              params: ({ event }) => ({ id: event.id, body: { type: 'Reset', metadata: [] } }),
            },
          },
          {},
        ],
        'connection.ended': 'closed',
      },
    },
    closed: { type: 'final' },
    violated: { type: 'final' },
  },
});
