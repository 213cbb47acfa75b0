import type { ConnectionSettings, Message } from '../../src/wire/message.js';
import type { Metadata } from '../../src/wire/metadata.js';
import type { Rule } from '../../src/wire/rule.js';
import type { Mode } from '../rows/vocabulary.js';
import {
  type ConnectionEnd,
  type Effect,
  nothing,
  type Oracle,
  type ReceivedEvent,
  tolerated,
  type Verdict,
} from './oracle.js';

// Section 5 as far as one connection is concerned: the effect of a message, or of a request of our application, by the
// connection's phase.

export interface ConnectionInput {
  readonly id: number;
  /** The side that opened the connection; the root came with the session. */
  readonly origin: 'local' | 'peer' | 'root';
  readonly mode: Mode;
  readonly request?: number;
  readonly localSettings?: ConnectionSettings;
  readonly peerSettings?: ConnectionSettings;
  readonly metadata: Metadata;
}

export interface ConnectionState extends ConnectionInput {
  readonly phase:
    | 'pending'
    | 'undecided'
    | 'active'
    | 'unread'
    | 'closed'
    | 'rejected'
    | 'given up'
    | 'violated'
    | 'abandoned';
}

export type ConnectionEvent =
  | ReceivedEvent
  | { readonly type: 'app.close'; readonly id: number; readonly request: number; readonly metadata: Metadata }
  | { readonly type: 'app.release' | 'app.leave' | 'app.abandonOpen' | 'deadline.passed'; readonly id: number }
  | {
      readonly type: 'app.accept';
      readonly id: number;
      readonly settings: ConnectionSettings;
      readonly metadata: Metadata;
    }
  | { readonly type: 'app.reject'; readonly id: number; readonly metadata: Metadata };

type Outcome = Verdict<ConnectionState>;
type Phase = ConnectionState['phase'];

function end(state: ConnectionState, phase: Phase, effects: readonly Effect[], output: ConnectionEnd): Outcome {
  return { state: { ...state, phase }, effects: [...effects, ['output', output]] };
}

function violate(state: ConnectionState, rule: Rule): Outcome {
  const phase = state.phase === 'pending' ? 'opening' : state.phase === 'undecided' ? 'deciding' : 'active';
  return end(state, 'violated', [], { phase, outcome: { rule }, by: 'peer', metadata: [] });
}

function closeOf({ id }: ConnectionState, metadata: Metadata): Effect {
  return ['transmit', { type: 'ConnectionClose', connectionId: id, metadata } satisfies Message];
}

/** Both sides agree. The application gets the handle, and the parent, which counts connections, is told. */
function activate(state: ConnectionState): Outcome {
  const { id, origin, localSettings, peerSettings, metadata, request } = state;
  const connection = { id, origin, localSettings, peerSettings, metadata };
  const announcement: readonly Effect[] =
    origin === 'root' ? [] : [['to parent', { type: 'connections.opened', connection }]];
  const handle = request === undefined ? connection : { ...connection, request };
  return { state: { ...state, phase: 'active' }, effects: [['activate', handle], ...announcement] };
}

/** 5.08, 5.09, 5.11, 5.15, 5.23, 5.26. */
function pending(state: ConnectionState, event: ConnectionEvent): Outcome {
  const { id, mode, request, localSettings } = state;
  const settleOpener = (outcome: unknown): Effect => ['settle', { request, outcome }];
  switch (event.type) {
    case 'rx.ConnectionAccept': {
      const { connectionSettings, metadata } = event.message as Message & { type: 'ConnectionAccept' };
      // 9a.02: r[connection.parity]
      if (mode === 'strict' && connectionSettings.parity === localSettings?.parity) {
        return violate(state, 'connection.parity');
      }
      return activate({ ...state, peerSettings: connectionSettings, metadata });
    }
    case 'rx.ConnectionReject': {
      const { metadata } = event.message as Message & { type: 'ConnectionReject' };
      const output: ConnectionEnd = { phase: 'opening', outcome: 'rejected', by: 'peer', metadata };
      return end(state, 'rejected', [settleOpener({ type: 'rejected', id, metadata })], output);
    }
    case 'rx.ConnectionClose': {
      const { metadata } = event.message as Message & { type: 'ConnectionClose' };
      const output: ConnectionEnd = { phase: 'opening', outcome: 'closed', by: 'peer', metadata };
      return end(state, 'given up', [settleOpener({ type: 'closed', id, by: 'peer' })], output);
    }
    case 'app.close': {
      const { metadata } = event;
      const output: ConnectionEnd = { phase: 'opening', outcome: 'closed', by: 'local', metadata };
      const done: Effect = ['settle', { request: event.request, outcome: { type: 'done' } }];
      return end(
        state,
        'given up',
        [closeOf(state, metadata), settleOpener({ type: 'closed', id, by: 'local' }), done],
        output,
      );
    }
    case 'app.abandonOpen':
    case 'deadline.passed': {
      const outcome = { type: event.type === 'app.abandonOpen' ? 'aborted' : 'expired', id };
      const output: ConnectionEnd = { phase: 'opening', outcome: 'closed', by: 'local', metadata: [] };
      return end(state, 'given up', [closeOf(state, []), settleOpener(outcome)], output);
    }
    default:
      return otherwise(state, event);
  }
}

/** 5.04 to 5.06, 5.12, 5.15, 5.25. */
function undecided(state: ConnectionState, event: ConnectionEvent): Outcome {
  const { id } = state;
  switch (event.type) {
    case 'app.accept': {
      const { settings: connectionSettings, metadata } = event;
      const accept: Message = { type: 'ConnectionAccept', connectionId: id, connectionSettings, metadata };
      const active = activate({ ...state, localSettings: connectionSettings });
      return { ...active, effects: [['transmit', accept], ...active.effects] };
    }
    case 'app.reject': {
      const { metadata } = event;
      const reject: Message = { type: 'ConnectionReject', connectionId: id, metadata };
      const output: ConnectionEnd = { phase: 'deciding', outcome: 'rejected', by: 'local', metadata };
      return end(state, 'rejected', [['transmit', reject]], output);
    }
    case 'deadline.passed': {
      const reject: Message = { type: 'ConnectionReject', connectionId: id, metadata: [] };
      const output: ConnectionEnd = { phase: 'deciding', outcome: 'rejected', by: 'local', metadata: [] };
      const dropped: Effect = ['dropDecision', { id, why: 'expired' }];
      return end(state, 'rejected', [dropped, ['transmit', reject]], output);
    }
    case 'rx.ConnectionClose': {
      const { metadata } = event.message as Message & { type: 'ConnectionClose' };
      const output: ConnectionEnd = { phase: 'deciding', outcome: 'closed', by: 'peer', metadata };
      return end(state, 'given up', [['dropDecision', { id, why: 'withdrawn' }]], output);
    }
    case 'app.close': {
      const { request } = event;
      const outcome = { type: 'invalid', message: 'connection not found' };
      return { state, effects: [['settle', { request, outcome }]] };
    }
    default:
      return otherwise(state, event);
  }
}

/** Not yet accepted: 9a.06, 9a.07. No other request of the application has an effect. */
function otherwise(state: ConnectionState, event: ConnectionEvent): Outcome {
  if (!('message' in event)) return nothing(state);
  const isData = event.type === 'rx.RequestMessage' || event.type === 'rx.ChannelMessage';
  // Messages that are neither data nor an answer never reach a connection. They would be out of place in both modes.
  return isData
    ? tolerated(state.mode, state, () => violate(state, 'session.message'))
    : violate(state, 'session.message');
}

/** 5.10, 5.14, 5.16, 5.26, 5.27, 9a.04. */
function active(state: ConnectionState, event: ConnectionEvent): Outcome {
  const { id, mode, phase } = state;
  const closeHandle = (by: 'local' | 'peer', metadata: Metadata): Effect => ['closeHandle', { id, by, metadata }];
  const closed = (by: 'local' | 'peer', metadata: Metadata): ConnectionEnd => ({
    phase: 'active',
    outcome: 'closed',
    by,
    metadata,
  });
  switch (event.type) {
    case 'rx.ConnectionClose': {
      const { metadata } = event.message as Message & { type: 'ConnectionClose' };
      return end(state, 'closed', [['dropUnsent', { id }], closeHandle('peer', metadata)], closed('peer', metadata));
    }
    case 'rx.ConnectionAccept':
    case 'rx.ConnectionReject':
      return tolerated(mode, state, () => violate(state, 'connection.open'));
    case 'rx.RequestMessage':
    case 'rx.ChannelMessage': {
      if (phase === 'active') return { state, effects: [['deliver', { id, message: event.message }]] };
      if (id === 0) return end(state, 'abandoned', [], { ...closed('local', []), outcome: 'abandoned' });
      return end(state, 'closed', [closeOf(state, []), closeHandle('local', [])], closed('local', []));
    }
    case 'app.close': {
      const { metadata, request } = event;
      const done: Effect = ['settle', { request, outcome: { type: 'done' } }];
      return end(
        state,
        'closed',
        [closeOf(state, metadata), done, closeHandle('local', metadata)],
        closed('local', metadata),
      );
    }
    case 'app.release':
      return end(state, 'closed', [closeOf(state, []), closeHandle('local', [])], closed('local', []));
    case 'app.leave':
      return nothing({ ...state, phase: 'unread' });
    default:
      return 'message' in event ? violate(state, 'session.message') : nothing(state);
  }
}

export const connection: Oracle<ConnectionInput, ConnectionState, ConnectionEvent> = {
  start: (input) => {
    const { id, origin, request, metadata, localSettings, peerSettings } = input;
    if (origin === 'root') return activate({ ...input, phase: 'active' });
    if (origin === 'peer') {
      const effects: readonly Effect[] = [
        ['dropUnsent', { id }],
        ['decide', { id, peerSettings, metadata }],
      ];
      return { state: { ...input, phase: 'undecided' }, effects };
    }
    // 5.21
    const open = { type: 'ConnectionOpen', connectionId: id, connectionSettings: localSettings, metadata };
    return {
      state: { ...input, phase: 'pending' },
      effects: [
        ['pend', { id, request }],
        ['transmit', open],
      ],
    };
  },

  step: (state, event) => {
    if (state.phase === 'pending') return pending(state, event);
    if (state.phase === 'undecided') return undecided(state, event);
    return state.phase === 'active' || state.phase === 'unread' ? active(state, event) : nothing(state);
  },

  // 5.06, 5.23: one timer of the session's sweeps them all.
  timers: () => [],
};
