/**
 * The keepalive: it sends a Ping at intervals, and ends the session if the Pong does not come.
 *
 * It decides when a Ping is due and whether its Pong is late. Its final state means that the peer is gone. Only a Pong
 * proves that the peer is alive. A deadline that passes says nothing about the peer while we have paused reading, or while a
 * link that outlives its connections has none (`suspended`). Nor does a deadline that passes while the Pong lies unread in
 * the socket (`confirming`).
 */
// r[session.keepalive]
import { assign, not, setup } from 'xstate';
import { ROOT } from '../src/wire/id.js';
import type { Ping } from '../src/wire/message.js';
import type { InterruptionEvent, Port, Received, SessionGone } from './events.js';

export interface KeepaliveSettings {
  /** Milliseconds from one Pong to the next Ping; zero or less disables the keepalive. */
  readonly pingInterval: number;
  /** Milliseconds that a Pong may take; zero or less disables the keepalive. With Infinity, Pings need no Pong. */
  readonly pongTimeout: number;
}

export interface KeepaliveInput extends KeepaliveSettings {
  readonly port: Pick<Port, 'transmit' | 'confirm'>;
  /** The link was interrupted during the handshake, and is not restored yet. */
  readonly isInterrupted: boolean;
}

export interface KeepaliveContext extends KeepaliveInput {
  /**
   * The nonce of the Ping that is outstanding, or of the last one. On the wire it is a u64 that wraps. Here it is a number:
   * no session lasts for 2^53 Pings, and snapshots go through JSON.
   */
  readonly nonce: number;
  readonly isReading: boolean;
  /** The link has no connection for now. */
  readonly isInterrupted: boolean;
}

export type KeepaliveEvent =
  | Extract<Received, { type: 'rx.Pong' }>
  /** The session has stopped reading, because an inbox is full. */
  | { type: 'reading.paused' }
  | { type: 'reading.resumed' }
  | InterruptionEvent
  /** Everything that had arrived at the deadline has been processed. */
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
    noteInterrupted: assign({ isInterrupted: true }),
    noteRestored: assign({ isInterrupted: false }),
  },
  guards: {
    isOneSided: ({ context }) => context.pongTimeout === Number.POSITIVE_INFINITY,
    isDisabled: ({ context }) => !(context.pingInterval > 0 && context.pongTimeout > 0),
    isReading: ({ context }) => context.isReading,
    isInterrupted: ({ context }) => context.isInterrupted,
    /** A Pong can reach us. */
    isHearing: ({ context }) => context.isReading && !context.isInterrupted,
    isAwaitedNonce: ({ context, event }) => event.type === 'rx.Pong' && event.message.nonce === BigInt(context.nonce),
  },
  delays: {
    pingInterval: ({ context }) => context.pingInterval,
    pongTimeout: ({ context }) => context.pongTimeout,
  },
});

/** 5.18, 6.05, 6.09; 5.19: any other nonce is ignored. */
const pong = { guard: 'isAwaitedNonce', target: 'waiting' } as const;

/** 6.12, 6.14: no Pong can reach us, so the deadline of the Ping that is outstanding does not count. */
const deafRows = {
  'reading.paused': { target: 'suspended', actions: 'stopReading' },
  'link.interrupted': { target: 'suspended', actions: 'noteInterrupted' },
} as const;

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
    'link.interrupted': { actions: 'noteInterrupted' },
    'link.restored': { actions: 'noteRestored' },
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
    /** No keepalive. The machine exists all the same, so that the session can send to it without asking. 6.01, 6.02 */
    disabled: {},
    /** Pings for a peer that ends a silent session. Such a peer may not answer Pings while it is idle. */
    pinging: {
      after: { pingInterval: { target: 'pinging', reenter: true, actions: ping } },
    },
    waiting: {
      // 6.04, 6.05: the first Ping, and the next one after a Pong.
      after: {
        pingInterval: [
          { guard: 'isHearing', target: 'awaitingPong', actions: ping },
          { target: 'suspended', actions: ping },
        ],
      },
    },
    /** No further Ping while one is unanswered: 6.07. Other messages are no proof of life, so they are not listed: 6.11 */
    awaitingPong: {
      // 6.08: counted from the transition that sent the Ping.
      after: { pongTimeout: 'confirming' },
      on: { 'rx.Pong': pong, ...deafRows },
    },
    /** The deadline has passed, but a busy event loop may not have read the Pong from the socket yet. */
    confirming: {
      entry: 'confirm',
      on: {
        'rx.Pong': pong,
        ...deafRows,
        // 6.10
        'keepalive.confirmed': { target: 'expired' },
      },
    },
    /**
     * A Ping is unanswered, and no Pong can reach us: we do not read, or the link is interrupted. When neither holds any more,
     * the full `pongTimeout` starts again. 6.12, 6.14, 9b.12
     */
    suspended: {
      on: {
        // It arrived before the link was interrupted, and waited for its turn.
        'rx.Pong': pong,
        'reading.resumed': [
          { guard: 'isInterrupted', actions: 'startReading' },
          { target: 'awaitingPong', actions: 'startReading' },
        ],
        'link.restored': [
          { guard: not('isReading'), actions: 'noteRestored' },
          { target: 'awaitingPong', actions: 'noteRestored' },
        ],
      },
    },
    expired: { type: 'final' },
  },
});
