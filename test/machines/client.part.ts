import type { AnyMachineSnapshot } from 'xstate';
import { clientMachine } from '../../machines/index.js';
import { type ClientState, client } from '../../spec/parts/client.js';
import { event, heardTime } from './inputs.js';
import type { Part, Variant } from './part.js';

const NEVER = Number.POSITIVE_INFINITY;

/** The random numbers are all 0.5, and the bound of the backoff does not grow: so each timer has one delay. */
const SETTINGS = {
  firstDelay: 300,
  maxDelay: 300,
  attemptTimeout: 400,
  stableAfter: 10_000,
  giveUpAfter: 7_000,
  idleTimeout: 8_000,
};

const PHASES: Readonly<Record<string, ClientState['phase']>> = {
  idle: 'no session is wanted',
  'connecting.attempt.dialing': 'dialing',
  'connecting.attempt.preparing': 'preparing',
  'connecting.waiting': 'backing off',
  'connecting.returning': 'the network is back',
  'connecting.paused': 'no network',
  open: 'open',
  failed: 'given up',
  closing: 'closing',
  closed: 'closed',
};

interface OpenValue {
  readonly open?: { readonly link: string; readonly age: string; readonly work: string };
}

/** The names of the state and its parents, without the regions of `open`. */
function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, inner] = ['', '']] = Object.entries(value as Record<string, unknown>);
  return name === 'open' ? name : `${name}.${pathOf(inner)}`;
}

function seen({ value, context }: AnyMachineSnapshot) {
  const { open } = value as OpenValue;
  return {
    phase: PHASES[pathOf(value)],
    failures: context.failures,
    wasRefused: context.wasRefused,
    hasBeenOpen: context.hasBeenOpen,
    ...(open === undefined
      ? {}
      : {
          isStable: open.age === 'stable',
          isQuiet: open.work === 'quiet',
          isInterrupted: open.link === 'interrupted',
        }),
  };
}

/** The machine knows no modes. */
const variants = [
  ['with all times', SETTINGS],
  ['without an end of its own', { ...SETTINGS, giveUpAfter: NEVER, idleTimeout: NEVER }],
] as const;

export const clientPart: Part = {
  machine: clientMachine,
  variants: variants.map(
    ([name, settings]): Variant => ({ name, mode: 'reference', input: { settings }, told: settings }),
  ),
  delays: {
    ...{ backoff: 150, longest: 300, soon: 600, attempt: 400, close: 650 },
    ...{ giveUp: 7_000, idle: 8_000, stable: 10_000 },
  },
  serialize: ({ value, context }) =>
    JSON.stringify([value, context.wasRefused, context.hasBeenOpen, context.failures > 0]),
  events: () => [
    ...['call.made', 'calls.none', 'work.some', 'work.none', 'attempt.established', 'attempt.prepared'].map((type) =>
      event(type),
    ),
    ...['version', 'no peer', 'forbidden', 'unauthenticated', 'invalid', 'other'].map((why) =>
      event('attempt.failed', { why, isRoundOver: true, jitter: 0.5 }),
    ),
    event('attempt.failed', { why: 'other', isRoundOver: false, jitter: 0.5 }),
    event('session.ended', { jitter: 0.5 }),
    ...['session.interrupted', 'session.restored'].map((type) => event(type)),
    event('session.draining', { jitter: 0.5 }),
    event('network.online', { jitter: 0.5 }),
    event('network.suspect', { jitter: 0.5 }),
    ...['network.offline', 'app.reconnect'].map((type) => event(type)),
    event('app.close', { timeout: 650 }),
  ],
  nameState: ({ value, context }) => {
    const { open } = value as OpenValue;
    const facts = [
      ...(open === undefined ? [] : [open.link, open.age, open.work]),
      ...(context.wasRefused ? ['refused'] : []),
      ...(context.hasBeenOpen ? ['has been open'] : []),
      ...(context.failures > 0 ? ['has failed'] : []),
    ];
    return facts.length === 0 ? pathOf(value) : `${pathOf(value)}[${facts.join(', ')}]`;
  },
  isShown: () => true,
  oracle: client,
  heard: heardTime,
  seen,
  wanted: ({ phase, failures, wasRefused, hasBeenOpen, isStable, isQuiet, isInterrupted }: ClientState) => ({
    phase,
    failures,
    wasRefused,
    hasBeenOpen,
    ...(phase === 'open' ? { isStable, isQuiet, isInterrupted } : {}),
  }),
};
