/**
 * The handshake: one message each way, and both sides know the other's settings. Between the two an acceptor may ask its
 * application who the peer is.
 *
 * It decides whether there is a session, and with which settings. It does not end the session, close the link, or send a
 * ProtocolError: its output says what happened, and the session machine acts on it. An event that a state does not list
 * fails the handshake, in both conformance modes. The modes differ in whether the peer is told (protocol rule
 * `session.handshake`), and in two tolerances. The row numbers in comments are those of the protocol's tables.
 */
import { and, assign, not, setup } from 'xstate';
import { opposite, ROOT } from '../src/wire/id.js';
import { type ConnectionSettings, type Hello, type HelloYourself, PROTOCOL_VERSION } from '../src/wire/message.js';
import type { Metadata } from '../src/wire/metadata.js';
import { type Refusal, refusalIn, refusalText, UNDECIDED } from '../src/wire/refusal.js';
import type { Rule } from '../src/wire/rule.js';
import type {
  AuthenticationEvent,
  ConduitEvent,
  Conformance,
  HandshakeFailure,
  Port,
  Received,
  Role,
  SessionGone,
} from './events.js';

export interface HandshakeInput {
  readonly port: Pick<Port, 'transmit' | 'flush' | 'authenticate' | 'stopAuthenticating' | 'reportUnanswered'>;
  readonly role: Role;
  readonly conformance: Conformance;
  /** An acceptor's own parity is not used: the acceptor adopts the opposite of the initiator's. */
  readonly localSettings: ConnectionSettings;
  readonly metadata: Metadata;
  /** Milliseconds for the peer's message. */
  readonly timeout: number;
  /** True if the application decides who the peer is, before HelloYourself. Only an acceptor asks. */
  readonly isAuthenticating: boolean;
  /** Milliseconds for that decision. */
  readonly authenticateTimeout: number;
}

export interface HandshakeContext extends HandshakeInput {
  readonly peerSettings?: ConnectionSettings;
  readonly peerMetadata?: Metadata;
  readonly failure?: HandshakeFailure;
  /** The failure is a refusal of ours, which the peer is told. */
  readonly isRefusal?: boolean;
}

export type HandshakeEvent =
  | Received
  | AuthenticationEvent
  | Exclude<ConduitEvent, { type: 'conduit.overflowed' | 'conduit.crashed' }>
  | SessionGone;

export type HandshakeOutput =
  | {
      readonly type: 'established';
      readonly localSettings: ConnectionSettings;
      readonly peerSettings: ConnectionSettings;
      readonly metadata: Metadata;
    }
  /** `refused`: by us. */
  | { readonly type: 'failed' | 'refused'; readonly failure: HandshakeFailure };

const handshake = setup({
  types: {
    context: {} as HandshakeContext,
    events: {} as HandshakeEvent,
    input: {} as HandshakeInput,
    output: {} as HandshakeOutput,
  },
  actions: {
    transmit: ({ context }, message: Hello | HelloYourself) => context.port.transmit(message),
    flush: ({ context }) => context.port.flush(),
    authenticate: ({ context }) => context.port.authenticate({ metadata: context.peerMetadata as Metadata }),
    stopAuthenticating: ({ context }) => context.port.stopAuthenticating(),
    reportUnanswered: ({ context }) => context.port.reportUnanswered(),
    adoptPeer: assign((_, peer: { settings: ConnectionSettings; metadata: Metadata }) => ({
      peerSettings: peer.settings,
      peerMetadata: peer.metadata,
    })),
    adoptOppositeParity: assign(({ context }, peer: { settings: ConnectionSettings }) => ({
      localSettings: { ...context.localSettings, parity: opposite(peer.settings.parity) },
    })),
    fail: assign((_, failure: HandshakeFailure) => ({ failure })),
    refuse: assign((_, refusal: Refusal) => ({
      failure: { message: refusalText(refusal), refusal },
      isRefusal: true,
    })),
  },
  guards: {
    isInitiator: ({ context }) => context.role === 'initiator',
    isStrict: ({ context }) => context.conformance === 'strict',
    isOnRoot: ({ event }) => 'message' in event && event.message.connectionId === ROOT,
    isOurVersion: ({ event }) => event.type === 'rx.Hello' && event.message.version === PROTOCOL_VERSION,
    isAuthenticating: ({ context }) => context.isAuthenticating,
    hasOurParity: ({ context, event }) =>
      event.type === 'rx.HelloYourself' && event.message.connectionSettings.parity === context.localSettings.parity,
  },
  delays: {
    handshakeTimeout: ({ context }) => context.timeout,
    authenticateTimeout: ({ context }) => context.authenticateTimeout,
  },
});

/** A failure that accuses the peer: 9a.01. */
function accusation(message: string, rule: Rule = 'session.handshake') {
  return { target: 'failed', actions: { type: 'fail', params: { message, rule } } } as const;
}

/** Rows of the end of the link. */
const linkRows = handshake.createStateConfig({
  on: {
    // 3.04
    'link.ended': { target: 'failed', actions: { type: 'fail', params: { message: 'peer closed during handshake' } } },
    // 3.05
    'link.failed': {
      target: 'failed',
      actions: { type: 'fail', params: ({ event }) => ({ message: event.error.message, error: event.error }) },
    },
  },
}).on;

/** The rows that both roles share. Each state repeats them: the wildcard of the state would hide them in a parent state. */
const commonRows = handshake.createStateConfig({
  on: {
    ...linkRows,
    // 3.02, 3.12: the failure has the peer's own text. We never answer it.
    'rx.ProtocolError': {
      target: 'failed',
      actions: {
        type: 'fail',
        params: ({ event: { message } }) => ({
          message: message.description,
          refusal: refusalIn(message.description),
        }),
      },
    },
    // 9a.12
    'conduit.malformed': {
      target: 'failed',
      actions: {
        type: 'fail',
        params: ({ event: { description, rule, limit } }) => ({ message: description, rule, limit }),
      },
    },
  },
}).on;

/** Takes the settings and the metadata of a Hello. Ours have the opposite parity. */
const adoptHello = [
  {
    type: 'adoptPeer',
    params: ({ event: { message } }: { event: { message: Hello } }) => ({
      settings: message.connectionSettings,
      metadata: message.metadata,
    }),
  },
  {
    type: 'adoptOppositeParity',
    params: ({ event }: { event: { message: Hello } }) => ({ settings: event.message.connectionSettings }),
  },
] as const;

export const handshakeMachine = handshake.createMachine({
  id: 'handshake',
  options: { maxIterations: 100 },
  context: ({ input }) => input,
  initial: 'starting',
  on: { 'session.ended': { target: '.abandoned' } },
  output: ({ context }): HandshakeOutput =>
    context.failure === undefined
      ? {
          type: 'established',
          localSettings: context.localSettings,
          peerSettings: context.peerSettings as ConnectionSettings,
          metadata: context.peerMetadata as Metadata,
        }
      : { type: context.isRefusal === true ? 'refused' : 'failed', failure: context.failure },

  states: {
    // r[session.role]
    starting: {
      always: [{ guard: 'isInitiator', target: 'awaitingHelloYourself' }, { target: 'awaitingHello' }],
    },

    // r[session.handshake]
    awaitingHelloYourself: {
      entry: {
        type: 'transmit',
        params: ({ context }): Hello => ({
          type: 'Hello',
          connectionId: ROOT,
          version: PROTOCOL_VERSION,
          connectionSettings: context.localSettings,
          metadata: context.metadata,
        }),
      },
      // 3.07
      after: { handshakeTimeout: accusation('handshake timed out') },
      on: {
        ...commonRows,
        'rx.HelloYourself': [
          // 9a.02: the reference takes both as they are.
          {
            guard: and(['isStrict', not('isOnRoot')]),
            ...accusation('HelloYourself on a connection other than the root'),
          },
          // r[session.parity]
          {
            guard: and(['isStrict', 'hasOurParity']),
            ...accusation('HelloYourself with the same parity as Hello', 'session.parity'),
          },
          // 3.01
          {
            target: 'established',
            actions: {
              type: 'adoptPeer',
              params: ({ event }) => ({ settings: event.message.connectionSettings, metadata: event.message.metadata }),
            },
          },
        ],
        // 3.06
        'link.unsendable': {
          target: 'failed',
          actions: { type: 'fail', params: ({ event }) => ({ message: 'failed to send Hello', error: event.error }) },
        },
        // 3.03
        'rx.*': accusation('expected HelloYourself'),
      },
    },

    // r[session.handshake]
    awaitingHello: {
      // 3.11
      after: { handshakeTimeout: accusation('handshake timed out') },
      on: {
        ...commonRows,
        'rx.Hello': [
          // 9a.02
          { guard: and(['isStrict', not('isOnRoot')]), ...accusation('Hello on a connection other than the root') },
          // 3.12
          { guard: and(['isOurVersion', 'isAuthenticating']), target: 'authenticating', actions: adoptHello },
          // 3.08: r[session.parity]
          { guard: 'isOurVersion', target: 'replying', actions: adoptHello },
          // 3.09
          {
            target: 'failed',
            actions: {
              type: 'fail',
              params: ({ event }) => ({
                message: `version mismatch: got ${event.message.version}, expected ${PROTOCOL_VERSION}`,
                rule: 'session.handshake',
              }),
            },
          },
        ],
        // 3.11
        'rx.*': accusation('expected Hello'),
      },
    },

    // 3.12: until the application knows the peer there is no session, and frames that arrive are not read.
    authenticating: {
      entry: 'authenticate',
      exit: 'stopAuthenticating',
      after: {
        authenticateTimeout: {
          target: 'refused',
          actions: ['reportUnanswered', { type: 'refuse', params: UNDECIDED }],
        },
      },
      on: {
        ...linkRows,
        'auth.accepted': { target: 'replying' },
        'auth.refused': {
          target: 'refused',
          actions: { type: 'refuse', params: ({ event: { reason, text } }) => ({ reason, text }) },
        },
      },
    },

    // The session exists only once HelloYourself is sent. Until then other messages that arrived are not read.
    replying: {
      entry: [
        {
          type: 'transmit',
          params: ({ context }): HelloYourself => ({
            type: 'HelloYourself',
            connectionId: ROOT,
            connectionSettings: context.localSettings,
            metadata: context.metadata,
          }),
        },
        'flush',
      ],
      on: {
        // 3.08
        'conduit.flushed': { target: 'established' },
        // 3.10
        'link.unsendable': {
          target: 'failed',
          actions: {
            type: 'fail',
            params: ({ event }) => ({ message: 'failed to send HelloYourself', error: event.error }),
          },
        },
      },
    },

    established: { type: 'final' },
    failed: { type: 'final' },
    /** 3.12: the session tells the peer, in both modes. */
    refused: { type: 'final' },
    /** The session is gone, so the outcome is not reported. */
    abandoned: {},
  },
});
