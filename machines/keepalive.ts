/**
 * The keepalive: a Ping now and then, and the end of the session if its Pong does not come.
 *
 * It decides when a Ping is due and whether its Pong is late; being in its final state means that the peer is gone.
 * Only a Pong counts as life. A deadline that passes while we ourselves have paused reading says nothing of the peer,
 * and neither does one that passes while the Pong lies unread in the socket: hence `suspended` and `confirming`.
 */
// r[session.keepalive]
import { assign, setup } from 'xstate';
import { ROOT } from '../src/wire/id.js';
import type { Ping } from '../src/wire/message.js';
import type { Port, Received, SessionGone } from './events.js';

export interface KeepaliveSettings {
  /** Milliseconds from one Pong to the next Ping; zero or less disables the keepalive. */
  readonly pingInterval: number;
  /** Milliseconds that a Pong may take; zero or less disables the keepalive. With Infinity it pings, and waits for no Pong. */
  readonly pongTimeout: number;
}

export interface KeepaliveInput extends KeepaliveSettings {
  readonly port: Pick<Port, 'transmit' | 'confirm'>;
}

export interface KeepaliveContext extends KeepaliveInput {
  /**
   * Of the Ping that is outstanding, or of the last one. On the wire it is a u64 that wraps; here a number, since
   * nobody lives to see 2^53 Pings, and snapshots go through JSON.
   */
  readonly nonce: number;
  readonly isReading: boolean;
}

export type KeepaliveEvent =
  | Extract<Received, { type: 'rx.Pong' }>
  /** The session has stopped reading, since an inbox is full. */
  | { type: 'reading.paused' }
  | { type: 'reading.resumed' }
  /** Everything that had arrived at the deadline has been taken. */
  | { type: 'keepalive.confirmed' }
  | SessionGone;

export interface KeepaliveOutput {
  readonly pongTimeout: number;
}

const keepalive = setup({
  types: {
    context: {} as KeepaliveContext,
    events: {} as KeepaliveEvent,
    input: {} as KeepaliveInput,
    output: {} as KeepaliveOutput,
  },
  actions: {
    transmit: ({ context }, message: Ping) => context.port.transmit(message),
    confirm: ({ context }) => context.port.confirm(),
    countPing: assign(({ context }) => ({
      nonce: context.nonce === Number.MAX_SAFE_INTEGER ? 0 : context.nonce + 1,
    })),
    stopReading: assign({ isReading: false }),
    startReading: assign({ isReading: true }),
  },
  guards: {
    isOneSided: ({ context }) => context.pongTimeout === Number.POSITIVE_INFINITY,
    isDisabled: ({ context }) => !(context.pingInterval > 0 && context.pongTimeout > 0),
    isReading: ({ context }) => context.isReading,
    isAwaitedNonce: ({ context, event }) => event.type === 'rx.Pong' && event.message.nonce === BigInt(context.nonce),
  },
  delays: {
    pingInterval: ({ context }) => context.pingInterval,
    pongTimeout: ({ context }) => context.pongTimeout,
  },
});

/** 5.18, 6.05, 6.09; 5.19: any other nonce is ignored. */
const pong = { guard: 'isAwaitedNonce', target: 'waiting' } as const;

/** 6.06: the nonces count up. */
const ping = [
  'countPing',
  {
    type: 'transmit',
    params: ({ context }: { context: KeepaliveContext }): Ping => ({
      type: 'Ping',
      connectionId: ROOT,
      nonce: BigInt(context.nonce),
    }),
  },
] as const;

export const keepaliveMachine = keepalive.createMachine({
  id: 'keepalive',
  options: { maxIterations: 100 },
  context: ({ input }) => ({ ...input, nonce: 0, isReading: true }),
  initial: 'starting',
  output: ({ context }): KeepaliveOutput => ({ pongTimeout: context.pongTimeout }),
  on: {
    'reading.paused': { actions: 'stopReading' },
    'reading.resumed': { actions: 'startReading' },
    'session.ended': { target: '.disabled' },
  },
  states: {
    starting: {
      always: [
        { guard: 'isDisabled', target: 'disabled' },
        { guard: 'isOneSided', target: 'pinging' },
        { target: 'waiting' },
      ],
    },
    /** A session without a keepalive has one that never pings, so that its sender need not ask. 6.01, 6.02 */
    disabled: {},
    /** Keeps a peer awake that ends where it hears nothing for long. Such a peer may answer no Ping while it is idle. */
    pinging: {
      after: { pingInterval: { target: 'pinging', reenter: true, actions: ping } },
    },
    waiting: {
      // 6.04, 6.05: the first Ping, and the next one after a Pong.
      after: {
        pingInterval: [
          { guard: 'isReading', target: 'awaitingPong', actions: ping },
          { target: 'suspended', actions: ping },
        ],
      },
    },
    /** No further Ping while one is out: 6.07. Other traffic is not listed, so it does not count as life: 6.11. */
    awaitingPong: {
      // 6.08: from the transition that sent the Ping.
      after: { pongTimeout: 'confirming' },
      on: {
        'rx.Pong': pong,
        'reading.paused': { target: 'suspended', actions: 'stopReading' },
      },
    },
    /** The deadline is past; the Pong may lie in the socket behind a busy event loop. */
    confirming: {
      entry: 'confirm',
      on: {
        'rx.Pong': pong,
        'reading.paused': { target: 'suspended', actions: 'stopReading' },
        // 6.10
        'keepalive.confirmed': { target: 'expired' },
      },
    },
    /** A Ping is out, and we do not read: the whole time begins again when we do. 6.12, 9b.12 */
    suspended: {
      on: {
        'reading.resumed': { target: 'awaitingPong', actions: 'startReading' },
      },
    },
    expired: { type: 'final' },
  },
});
