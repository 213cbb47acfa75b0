import { keepaliveMachine } from '../../machines/index.js';
import { type KeepaliveState, keepalive } from '../../spec/parts/keepalive.js';
import { helloYourself, pong } from '../../spec/rows/messages.js';
import type { Message } from '../../src/wire/message.js';
import { event, heardTime, MODES, rx } from './inputs.js';
import type { Moment } from './outside.js';
import type { OutsidePart, Variant } from './part.js';

const DELAYS = { pingInterval: 100, pongTimeout: 50 };
const ON = { ...DELAYS, isInterrupted: false };

const PHASES: Readonly<Record<string, KeepaliveState['phase']>> = {
  disabled: 'off',
  pinging: 'only pinging',
  waiting: 'between Pings',
  awaitingPong: 'waiting for the Pong',
  confirming: 'looking for the Pong',
  suspended: 'suspended',
  expired: 'too late',
};

/**
 * The machine does not depend on the mode. Each configuration is shown in one of the modes, and the one without a deadline
 * in both.
 */
const variants = [
  ['on', ON],
  ['without an interval', { ...ON, pingInterval: 0 }],
  ['without a deadline', { ...ON, pongTimeout: 0 }],
  ['with a Pong that nothing waits for', { ...ON, pongTimeout: Number.POSITIVE_INFINITY }],
] as const;

const LAST = 2;

const INSIDE = [
  'reading.paused',
  'reading.resumed',
  'link.interrupted',
  'link.restored',
  'keepalive.confirmed',
  'session.ended',
];

// r[session.keepalive]
export const keepalivePart: OutsidePart = {
  machine: keepaliveMachine,
  variants: variants.flatMap(([name, input]) =>
    MODES.map((mode): Variant => ({ name: `${name}, ${mode}`, mode, input, told: input })),
  ),
  delays: DELAYS,
  serialize: ({ value, context }) =>
    JSON.stringify([value, Math.min(context.nonce, LAST + 1), context.isReading, context.isInterrupted]),
  // Paths end with the third Ping: where no Pong is awaited, time alone would go on for ever. While reading is paused, no
  // message comes, since frames wait undecoded.
  events: ({ context }) =>
    context.nonce > LAST
      ? []
      : [
          ...(context.isReading ? [rx(pong(BigInt(context.nonce))), rx(pong(9n))] : []),
          ...INSIDE.map((type) => event(type)),
        ],
  nameState: ({ value, context: { nonce, isReading, isInterrupted } }) =>
    `${String(value)}[${nonce}${isReading ? '' : ', not reading'}${isInterrupted ? ', interrupted' : ''}]`,
  isShown: () => true,
  oracle: keepalive,
  heard: heardTime,
  seen: ({ value, context: { nonce, isReading, isInterrupted } }) => ({
    phase: PHASES[String(value)],
    nonce,
    isReading,
    isLinked: !isInterrupted,
  }),
  wanted: ({ phase, nonce, isReading, isLinked }: KeepaliveState) => ({ phase, nonce, isReading, isLinked }),
  outside: ({ input }) => {
    // A keepalive that is off gets no event from outside.
    if (input !== ON) return undefined;
    return {
      given: { established: false, keepalive: DELAYS },
      before: [{ user: 'start' }, { peer: helloYourself() }],
      actions: ({ event: { type, message }, from, next }: Moment & { event: { message?: Message } }) => {
        if (type.startsWith('xstate.after.pingInterval.')) return [{ advance: ON.pingInterval }];
        if (type.startsWith('xstate.after.pongTimeout.')) {
          // A message that arrives in the same turn is found.
          const found = (next as { message?: Message } | undefined)?.message;
          const advance = { advance: ON.pongTimeout };
          return found === undefined ? [advance] : [{ together: [advance, { peer: found }] }];
        }
        if (from === 'confirming') return message !== undefined || type === 'keepalive.confirmed' ? [] : undefined;
        return message === undefined ? undefined : 'as ever';
      },
    };
  },
  inside: {
    'reading.paused': 'a full inbox is needed for it: rows 6.12 and 9b.12 of the table',
    'reading.resumed': 'a full inbox is needed for it: rows 6.12 and 9b.12 of the table',
    'link.interrupted': 'a link that reports it is needed: row 6.14 of the table',
    'link.restored': 'a link that reports it is needed: row 6.14 of the table',
    'session.ended': 'the word of a session whose machine is gone, to actors that are left over',
    'xstate.after.pingInterval.keepalive.pinging':
      'a Pong that nothing waits for: the tests of the preset roam-typescript-7',
  },
};
