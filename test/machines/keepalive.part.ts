import { keepaliveMachine } from '../../machines/index.js';
import { type KeepaliveState, keepalive } from '../spec/machines/keepalive.js';
import { pong } from '../spec/messages.js';
import { event, heardTime, MODES, rx } from './inputs.js';
import type { Part, Variant } from './part.js';

const ON = { pingInterval: 100, pongTimeout: 50 };

const PHASES: Readonly<Record<string, KeepaliveState['phase']>> = {
  disabled: 'off',
  waiting: 'between Pings',
  awaitingPong: 'waiting for the Pong',
  confirming: 'looking for the Pong',
  suspended: 'suspended',
  expired: 'too late',
};

/** It knows no modes; each configuration stands under one of them, and that without a deadline under both. */
const variants = [
  ['on', ON],
  ['without an interval', { ...ON, pingInterval: 0 }],
  ['without a deadline', { ...ON, pongTimeout: -1 }],
] as const;

const LAST = 2;

// r[session.keepalive]
export const keepalivePart: Part = {
  machine: keepaliveMachine,
  variants: variants.flatMap(([name, input]) =>
    MODES.map((mode): Variant => ({ name: `${name}, ${mode}`, mode, input, told: input })),
  ),
  delays: ON,
  serialize: ({ value, context }) => JSON.stringify([value, context.nonce, context.isReading]),
  // Paths end with the third Ping. While reading is paused no message comes: frames wait undecoded.
  events: ({ context }) =>
    context.nonce > LAST
      ? []
      : [
          ...(context.isReading ? [rx(pong(BigInt(context.nonce))), rx(pong(9n))] : []),
          ...['reading.paused', 'reading.resumed', 'keepalive.confirmed', 'session.ended'].map((type) => event(type)),
        ],
  nameState: ({ value, context }) => `${String(value)}[${context.nonce}${context.isReading ? '' : ', not reading'}]`,
  oracle: keepalive,
  heard: heardTime,
  seen: ({ value, context }) => ({ phase: PHASES[String(value)], nonce: context.nonce, isReading: context.isReading }),
  wanted: ({ phase, nonce, isReading }: KeepaliveState) => ({ phase, nonce, isReading }),
};
