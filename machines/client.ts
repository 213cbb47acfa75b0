/**
 * The reconnecting client: when it dials, when it waits, and what becomes of the calls meanwhile.
 *
 * It decides whether there is to be a session, and whether calls wait, leave or fail. It opens no link and knows no calls:
 * its host dials, holds the waiting calls, and sends its events. The tag `waits` says that calls wait for a session, and
 * `refuses` that they fail at once. Without either tag they leave.
 *
 * Three rules:
 *
 * - One attempt at a time. An attempt lasts from the credentials to the end of `onSession`, and has `attemptTimeout` for it.
 * - The backoff starts again only behind a session that was open for a while: a server that accepts and cuts, or drains, is
 *   not asked more often than one that is down.
 * - A failure is final if no later attempt can end in another way. Then the client waits until the application asks again.
 */
import { and, assign, setup } from 'xstate';

/** The settings of the client. All times are in milliseconds. */
export interface ClientSettings {
  /** The bound of the first random wait. The bound doubles with each failure. */
  readonly firstDelay: number;
  readonly maxDelay: number;
  readonly attemptTimeout: number;
  /** The time without a session after which the client gives up; Infinity for never. */
  readonly giveUpAfter: number;
  /** The time without calls, channels and waiting callers after which the session ends; Infinity for never. */
  readonly idleTimeout: number;
  /** The time that a session has to stay open, to be no failure. */
  readonly stableAfter: number;
}

/** The effects of the client. */
export interface ClientPort {
  /** Begins an attempt: a target, fresh credentials, a link, a handshake. */
  dial(): void;
  /** Runs `onSession` on the new session. */
  prepare(): void;
  /** Makes the new session the current one. The waiting calls leave. */
  adopt(): void;
  /** Gives up the attempt, if one is under way. */
  abandon(): void;
  /** The current session gets no more calls. It ends when its calls and channels have. */
  leave(): void;
  /** Checks that the peer of the current session is there. */
  probe(): void;
  /** Fails the waiting calls, since the client has given up, or is closed. */
  failCalls(params: { why: 'gave up' | 'closed' }): void;
  /** Reports when no call is left. */
  awaitCalls(): void;
  /** Ends all sessions, and lets go of everything. */
  dispose(): void;
}

/** The kinds of a failed attempt. */
export type AttemptFailure =
  /** The peer speaks another version. */
  | 'version'
  /** The peer speaks another protocol. */
  | 'no peer'
  /** The peer refuses this client for good. */
  | 'forbidden'
  /** The peer wants other credentials. */
  | 'unauthenticated'
  /** An option can't work with this target. */
  | 'invalid'
  /** Any other failure: it may pass. */
  | 'other';

export type ClientEvent =
  /** A caller waits for a session. */
  | { type: 'call.made' }
  /** No call of any session is left. */
  | { type: 'calls.none' }
  /** The current session has work: a call, a channel, or a caller that waits. */
  | { type: 'work.some' }
  | { type: 'work.none' }
  /** The handshake of the attempt is over. */
  | { type: 'attempt.established' }
  | { type: 'attempt.prepared' }
  /** `isRoundOver`: each target was tried since the last wait. `jitter` is a random number from 0 to 1. */
  | { type: 'attempt.failed'; why: AttemptFailure; isRoundOver: boolean; jitter: number }
  /** The current session, or that of the attempt, has ended. */
  | { type: 'session.ended'; jitter: number }
  /** The link of the current session outlives its connections, and has none for now. */
  | { type: 'session.interrupted' }
  | { type: 'session.restored' }
  /** The peer of the current session, or of that of the attempt, takes no more calls in it. */
  | { type: 'session.draining'; jitter: number }
  /** The environment says that the network is there again. It is not always. */
  | { type: 'network.online'; jitter: number }
  | { type: 'network.offline' }
  /** The network may have changed without a word to the session. */
  | { type: 'network.suspect'; jitter: number }
  | { type: 'app.reconnect' }
  /** `timeout`: milliseconds that the calls may still take. */
  | { type: 'app.close'; timeout: number };

export interface ClientInput {
  readonly port: ClientPort;
  readonly settings: ClientSettings;
}

export interface ClientContext extends ClientInput {
  /** Failures since a session was open for `stableAfter`. */
  readonly failures: number;
  /** Milliseconds of the wait that begins next. */
  readonly delay: number;
  /** The last attempt failed as `unauthenticated`. */
  readonly wasRefused: boolean;
  /** There was a session: the peer is one. */
  readonly hasBeenOpen: boolean;
  /** Milliseconds that the calls may take behind `app.close`. */
  readonly closeTimeout: number;
}

/** The longest time of a timer. Timers with longer times fire at once. */
const LONGEST = 2 ** 31 - 1;

const client = setup({
  types: {
    context: {} as ClientContext,
    events: {} as ClientEvent,
    input: {} as ClientInput,
    tags: {} as 'waits' | 'refuses',
  },
  actions: {
    dial: ({ context }) => context.port.dial(),
    prepare: ({ context }) => context.port.prepare(),
    adopt: ({ context }) => context.port.adopt(),
    abandon: ({ context }) => context.port.abandon(),
    leave: ({ context }) => context.port.leave(),
    probe: ({ context }) => context.port.probe(),
    failCalls: ({ context }, params: { why: 'gave up' | 'closed' }) => context.port.failCalls(params),
    awaitCalls: ({ context }) => context.port.awaitCalls(),
    dispose: ({ context }) => context.port.dispose(),
    countFailure: assign(({ context: { failures, settings } }, { jitter }: { jitter: number }) => ({
      failures: failures + 1,
      wasRefused: false,
      delay: jitter * Math.min(settings.maxDelay, settings.firstDelay * 2 ** failures),
    })),
    // From 0.2 to 1 s: a browser says `online` before the network works, and to many clients at once.
    planReturn: assign((_, { jitter }: { jitter: number }) => ({ delay: 200 + 800 * jitter })),
    noteRefusal: assign({ wasRefused: true }),
    forgetRefusal: assign({ wasRefused: false }),
    noteSession: assign({ wasRefused: false, hasBeenOpen: true }),
    forgetFailures: assign({ failures: 0, wasRefused: false }),
    noteCloseTimeout: assign((_, { timeout }: { timeout: number }) => ({ closeTimeout: timeout })),
  },
  guards: {
    isHopeless: ({ context, event }) =>
      event.type === 'attempt.failed' &&
      (event.why === 'version' ||
        event.why === 'forbidden' ||
        event.why === 'invalid' ||
        (event.why === 'no peer' && !context.hasBeenOpen)),
    isRefused: ({ event }) => event.type === 'attempt.failed' && event.why === 'unauthenticated',
    wasRefused: ({ context }) => context.wasRefused,
    hasFailed: ({ context }) => context.failures > 0,
    isRoundOver: ({ event }) => event.type === 'attempt.failed' && event.isRoundOver,
    givesUp: ({ context }) => context.settings.giveUpAfter < LONGEST,
    endsIdle: ({ context }) => context.settings.idleTimeout < LONGEST,
  },
  delays: {
    backoff: ({ context }) => context.delay,
    longest: ({ context }) => context.settings.maxDelay,
    soon: ({ context }) => context.delay,
    attempt: ({ context }) => context.settings.attemptTimeout,
    giveUp: ({ context }) => Math.min(LONGEST, context.settings.giveUpAfter),
    idle: ({ context }) => Math.min(LONGEST, context.settings.idleTimeout),
    stable: ({ context }) => context.settings.stableAfter,
    close: ({ context }) => context.closeTimeout,
  },
});

const countFailure = {
  type: 'countFailure',
  params: ({ event }: { event: { readonly jitter: number } }) => event,
} as const;

/** A timeout is no event of the host, and so has no random number: the mean stands in. */
const countTimeout = { type: 'countFailure', params: { jitter: 0.5 } } as const;

const planReturn = {
  type: 'planReturn',
  params: ({ event }: { event: { readonly jitter: number } }) => event,
} as const;

const noteCloseTimeout = {
  type: 'noteCloseTimeout',
  params: ({ event }: { event: Extract<ClientEvent, { type: 'app.close' }> }) => event,
} as const;

export const clientMachine = client.createMachine({
  id: 'client',
  options: { maxIterations: 100 },
  context: ({ input }) => ({
    ...input,
    failures: 0,
    delay: 0,
    wasRefused: false,
    hasBeenOpen: false,
    closeTimeout: 0,
  }),
  initial: 'idle',
  states: {
    /** No session, and none is wanted. */
    idle: {
      tags: 'waits',
      on: {
        'call.made': 'connecting',
        'app.reconnect': 'connecting',
        'app.close': { target: 'closing', actions: noteCloseTimeout },
      },
    },

    /** No session yet, or no longer. Calls wait. */
    connecting: {
      tags: 'waits',
      initial: 'attempt',
      after: { giveUp: { guard: 'givesUp', target: 'failed' } },
      on: { 'app.close': { target: 'closing', actions: noteCloseTimeout } },
      states: {
        attempt: {
          entry: 'dial',
          initial: 'dialing',
          after: { attempt: { target: 'waiting', actions: countTimeout } },
          on: {
            'attempt.failed': [
              { guard: 'isHopeless', target: '#client.failed' },
              // Credentials may have expired on the way: fresh ones get one more try, at once.
              { guard: and(['isRefused', 'wasRefused']), target: '#client.failed' },
              { guard: 'isRefused', target: 'attempt', reenter: true, actions: 'noteRefusal' },
              { guard: 'isRoundOver', target: 'waiting', actions: countFailure },
              { target: 'attempt', reenter: true, actions: 'forgetRefusal' },
            ],
            'session.ended': { target: 'waiting', actions: countFailure },
            'session.draining': { target: 'waiting', actions: countFailure },
          },
          states: {
            dialing: { on: { 'attempt.established': 'preparing' } },
            preparing: {
              entry: 'prepare',
              on: { 'attempt.prepared': { target: '#client.open', actions: 'noteSession' } },
            },
          },
        },

        /** The backoff after a failure. */
        waiting: {
          entry: 'abandon',
          after: { backoff: 'attempt' },
          on: {
            'app.reconnect': 'attempt',
            'network.online': { target: 'returning', actions: planReturn },
            'network.suspect': { target: 'returning', actions: planReturn },
            'network.offline': 'paused',
          },
        },

        /** The network is back, or says so. */
        returning: {
          after: { soon: 'attempt' },
          on: {
            'app.reconnect': 'attempt',
            'network.offline': 'paused',
          },
        },

        /** The environment says that there is no network. It may be wrong, so this wait ends, too. */
        paused: {
          after: { longest: 'attempt' },
          on: {
            'app.reconnect': 'attempt',
            'network.online': { target: 'returning', actions: planReturn },
            'network.suspect': { target: 'returning', actions: planReturn },
          },
        },
      },
    },

    /** There is a session, and calls leave. */
    open: {
      type: 'parallel',
      entry: 'adopt',
      on: {
        'session.ended': { target: 'connecting.waiting', actions: countFailure },
        'app.reconnect': { target: 'connecting', actions: 'leave' },
        'app.close': { target: 'closing', actions: noteCloseTimeout },
      },
      states: {
        link: {
          initial: 'connected',
          states: {
            connected: {
              on: {
                'session.interrupted': 'interrupted',
                // The state of a socket proves nothing.
                'network.suspect': { actions: 'probe' },
                'network.offline': { actions: 'probe' },
              },
            },
            /** The link dials by itself. Calls wait in its window, and the session goes on. */
            interrupted: { on: { 'session.restored': 'connected' } },
          },
        },
        age: {
          initial: 'fresh',
          states: {
            fresh: {
              after: { stable: 'stable' },
              on: {
                'session.draining': [
                  // A server that drains each new session is not asked more often than one that is down.
                  { guard: 'hasFailed', target: '#client.connecting.waiting', actions: ['leave', countFailure] },
                  { target: '#client.connecting', actions: ['leave', countFailure] },
                ],
              },
            },
            stable: {
              entry: 'forgetFailures',
              // The calls at work are answered there. It is no failure, so there is no wait.
              on: { 'session.draining': { target: '#client.connecting', actions: 'leave' } },
            },
          },
        },
        work: {
          initial: 'busy',
          states: {
            busy: { on: { 'work.none': { guard: 'endsIdle', target: 'quiet' } } },
            quiet: {
              after: { idle: { target: '#client.idle', actions: 'leave' } },
              on: { 'work.some': 'busy' },
            },
          },
        },
      },
    },

    /** No later attempt would end in another way, or the client has tried for long enough. */
    failed: {
      tags: 'refuses',
      entry: ['abandon', { type: 'failCalls', params: { why: 'gave up' } }],
      on: {
        'app.reconnect': { target: 'connecting', actions: 'forgetFailures' },
        'app.close': 'closed',
      },
    },

    /** The application has closed the client. Calls that have left may still be answered. */
    closing: {
      tags: 'refuses',
      entry: ['abandon', { type: 'failCalls', params: { why: 'closed' } }, 'awaitCalls'],
      after: { close: 'closed' },
      on: { 'calls.none': 'closed' },
    },

    closed: { type: 'final', tags: 'refuses', entry: 'dispose' },
  },
});
