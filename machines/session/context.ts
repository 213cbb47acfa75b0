/**
 * The context, actions and guards of the session chart in session.ts.
 */
import { assign, emit, enqueueActions, sendTo, setup } from 'xstate';
import { type ConnectionId, hasParity, nextId, opposite, ROOT } from '../../src/wire/id.js';
import type { IdSet } from '../../src/wire/idset.js';
import type { ConnectionReject, ConnectionSettings, Message } from '../../src/wire/message.js';
import { DRAINING, hearsNotices, type Metadata, noticeOf, RENEW, withoutReserved } from '../../src/wire/metadata.js';
import type {
  AuthenticationEvent,
  CallsReport,
  ConduitEvent,
  Conformance,
  ConnectionEnd,
  ConnectionEvent,
  ConnectionRequest,
  ConnectionStart,
  ConnectionsReport,
  DeadlineEvent,
  FlowEvent,
  InterruptionEvent,
  OpenedConnection,
  Outcome,
  Port,
  Received,
  RequestNumber,
  Role,
  SessionEmitted,
  SessionEnd,
  SessionRequest,
  Violation,
  WorkReport,
} from '../events.js';
import { type HandshakeEvent, type HandshakeOutput, handshakeMachine } from '../handshake.js';
import { type KeepaliveEvent, type KeepaliveSettings, keepaliveMachine } from '../keepalive.js';

/** The limits of a session; times in milliseconds. */
export interface SessionLimits {
  /** Virtual connections at a time: active, pending and undecided. */
  readonly connections: number;
  /** Opens of the peer's that wait for our decision. */
  readonly undecided: number;
  readonly handshakeTimeout: number;
  /** The time for the application to say who the peer is. */
  readonly authenticateTimeout: number;
  /** The time that the outbox may take to empty when the session ends. It stands still while the link is interrupted. */
  readonly flushTimeout: number;
  /** The time that a full outbox may go without progress. It stands still while the link is interrupted. */
  readonly stallTimeout: number;
  /** The time that reading may be paused. */
  readonly unreadTimeout: number;
  /** The interval at which opens and decisions are checked for having waited too long. */
  readonly sweepInterval: number;
  /** The time that the peer has to end the session, once it is drained and no work is left. */
  readonly linger: number;
  /** The time that handlers have to return, once the time of a drain is over. */
  readonly cutTimeout: number;
}

export interface SessionInput {
  readonly port: Port;
  readonly role: Role;
  readonly conformance: Conformance;
  /** The settings of the root; their parity is the session's. */
  readonly localSettings: ConnectionSettings;
  readonly metadata: Metadata;
  /** Absent for a session without a keepalive. */
  readonly keepalive?: KeepaliveSettings | undefined;
  readonly limits: SessionLimits;
  /** True if the application decides who the peer is, in the handshake of an acceptor. */
  readonly isAuthenticating: boolean;
  /** True if the application accepts connections that the peer opens. */
  readonly isAccepting: boolean;
  /** True if our opens leave behind Hello, before the peer has answered it. Only for an initiator. */
  readonly opensEarly?: boolean;
}

export interface SessionContext extends SessionInput {
  /** The virtual connections in use: pending, undecided or active. */
  readonly live: IdSet;
  /** Of those, our opens that the peer has not answered. */
  readonly pending: number;
  /** Of those, the peer's opens that we have not answered. */
  readonly undecided: number;
  /** The highest ids that we and the peer have opened so far. Higher ids were never opened. */
  readonly localHigh: ConnectionId;
  readonly peerHigh: ConnectionId;
  /** The link outlives its connections, and has none for now. */
  readonly isInterrupted: boolean;
  /** The peer understands notices: its Hello or HelloYourself says so. */
  readonly hearsNotices: boolean;
  /** We drain the session. */
  readonly isDraining: boolean;
  /** The peer drains the session. */
  readonly isPeerDraining: boolean;
  /** Milliseconds that the work may take once we drain the session. */
  readonly drainTimeout: number;
  /** The id of the notice by which the peer last renewed its credentials. */
  readonly renewal: ConnectionId;
  /** The connection whose full inbox made us pause reading. */
  readonly fullInbox?: ConnectionId;
  readonly peerSettings?: ConnectionSettings;
  readonly peerMetadata?: Metadata;
  readonly end?: SessionEnd;
}

export type SessionEvent =
  | Received
  | ConduitEvent
  | AuthenticationEvent
  | InterruptionEvent
  | FlowEvent
  | ConnectionRequest
  | DeadlineEvent
  | SessionRequest
  | CallsReport
  | WorkReport
  | ConnectionsReport
  | { type: 'keepalive.confirmed' };

export const session = setup({
  types: {
    context: {} as SessionContext,
    events: {} as SessionEvent,
    input: {} as SessionInput,
    output: {} as SessionEnd,
    emitted: {} as SessionEmitted,
    tags: {} as 'routes',
  },
  actors: {
    handshake: handshakeMachine,
    keepalive: keepaliveMachine,
  },
  actions: {
    transmit: ({ context }, message: Message) => context.port.transmit(message),
    spawn: ({ context }, start: ConnectionStart) => context.port.spawn(start),
    forward: ({ context }, params: { id: ConnectionId; event: ConnectionEvent }) => context.port.forward(params),
    settle: ({ context }, params: { request: RequestNumber; outcome: Outcome }) => context.port.settle(params),
    sweep: ({ context }) => context.port.sweep(),
    drain: ({ context }) => context.port.drain(),
    refuseOpen: ({ context }, params: { id: ConnectionId }) => context.port.refuseOpen(params),
    heedDrain: ({ context }, message: ConnectionReject) => context.port.heedDrain(message),
    watchWork: ({ context }) => context.port.watchWork(),
    cut: ({ context }) => context.port.cut(),
    renew: ({ context }, params: { metadata: Metadata }) => context.port.renew(params),
    stopRenewing: ({ context }) => context.port.stopRenewing(),
    reportUnanswered: ({ context }) => context.port.reportUnanswered(),
    pauseReading: ({ context }) => context.port.pauseReading(),
    resumeReading: ({ context }) => context.port.resumeReading(),
    reportRootClosed: ({ context }) => context.port.reportRootClosed(),
    finish: ({ context }, params: Parameters<Port['finish']>[0]) => context.port.finish(params),
    closeLink: ({ context }, params: { orderly: boolean }) => context.port.closeLink(params),

    toHandshake: sendTo('handshake', (_, event: HandshakeEvent) => event),
    /** There is nothing to tell in a session without a keepalive. */
    toKeepalive: enqueueActions(({ context, enqueue }, event: KeepaliveEvent) => {
      if (context.keepalive !== undefined) enqueue.sendTo('keepalive', event);
    }),

    emitEstablished: emit(({ context }) => ({ type: 'established', ...settled(context) })),
    emitOpened: emit((_, connection: OpenedConnection) => ({ type: 'connectionOpened', ...connection })),
    emitClosed: emit((_, closed: { id: ConnectionId; output: ConnectionEnd }) => ({
      type: 'connectionClosed',
      id: closed.id,
      by: closed.output.by,
      metadata: closed.output.metadata,
    })),
    emitViolation: emit((_, { rule, description }: Violation) => ({ type: 'violation', rule, description })),
    emitInterrupted: emit({ type: 'interrupted' }),
    emitRestored: emit({ type: 'restored' }),
    emitStalled: emit(({ context }) => ({ type: 'stalled', id: context.fullInbox as ConnectionId })),
    emitDraining: emit({ type: 'draining' }),
    emitEnded: emit(({ context }) => ({ type: 'ended', end: context.end as SessionEnd })),

    open: assign(({ context }) => {
      const id = nextId(context.localHigh, context.localSettings.parity);
      return { live: context.live.add(id), localHigh: id, pending: context.pending + 1 };
    }),
    admit: assign(({ context }, { id }: { id: ConnectionId }) => ({
      live: context.live.add(id),
      peerHigh: Math.max(context.peerHigh, id),
      undecided: context.undecided + 1,
    })),
    /** A rejected open was an open too: messages that follow on its id were under way. */
    noteOpen: assign(({ context }, { id }: { id: ConnectionId }) => ({ peerHigh: Math.max(context.peerHigh, id) })),
    noteOpened: assign(({ context }, { origin }: OpenedConnection) =>
      leavePhase(context, origin === 'local' ? 'opening' : 'deciding'),
    ),
    remove: assign(({ context }, { id, phase }: { id: ConnectionId; phase: ConnectionEnd['phase'] }) => ({
      ...leavePhase(context, phase),
      live: context.live.delete(id),
    })),
    noteRenewal: assign((_, { id }: { id: ConnectionId }) => ({ renewal: id })),
    noteInterrupted: assign({ isInterrupted: true }),
    noteRestored: assign({ isInterrupted: false }),
    noteDrain: assign((_, { timeout }: { timeout: number }) => ({ isDraining: true, drainTimeout: timeout })),
    notePeerDrain: assign({ isPeerDraining: true }),
    /** A notice spends an id, and is no connection. */
    spendId: assign(({ context }) => ({ localHigh: nextId(context.localHigh, context.localSettings.parity) })),
    noteFullInbox: assign((_, { id }: { id: ConnectionId }) => ({ fullInbox: id })),
    establish: assign((_, output: HandshakeOutput) =>
      output.type !== 'established'
        ? {}
        : {
            localSettings: output.localSettings,
            peerSettings: output.peerSettings,
            peerMetadata: withoutReserved(output.metadata),
            hearsNotices: hearsNotices(output.metadata),
          },
    ),
    conclude: assign((_, end: SessionEnd) => ({ end })),
    concludeHandshake: assign((_, output: HandshakeOutput) =>
      output.type === 'established' ? {} : { end: { cause: 'handshake' as const, failure: output.failure } },
    ),
  },
  guards: {
    isReference: ({ context }) => context.conformance === 'reference',
    isAccepting: ({ context }) => context.isAccepting,
    opensEarly: ({ context }) => context.opensEarly === true,
    hasKeepalive: ({ context }) => context.keepalive !== undefined,
    isOnRoot: ({ event }) => 'message' in event && event.message.connectionId === ROOT,
    /** Pending, undecided or active. */
    isLive: ({ context, event }) => context.live.has(idOf(event)),
    /** The connection of the event is known: the root, or a virtual one that lives. */
    isRouted: ({ context, event }) => idOf(event) === ROOT || context.live.has(idOf(event)),
    /** The id was opened once, by either side. If it is not live any more, it was closed. */
    wasOpened: ({ context, event }) => {
      const id = idOf(event);
      return id !== ROOT && id <= (hasParity(id, context.localSettings.parity) ? context.localHigh : context.peerHigh);
    },
    /** An id that the peer allocates. */
    isTheirs: ({ context, event }) => hasParity(idOf(event), opposite(context.localSettings.parity)),
    /** True if an Accept or a Reject answers an open of ours. `answersLate`: if the open that it answers may be over. */
    answersOpen: ({ context, event }) => isOurs(context, event) && context.live.has(idOf(event)),
    answersLate: ({ context, event }) => isOurs(context, event) && idOf(event) <= context.localHigh,
    /** New credentials of a peer that was authenticated, on an id that it may open. */
    isRenewal: ({ context, event }) =>
      context.isAuthenticating &&
      event.type === 'rx.ConnectionOpen' &&
      noticeOf(event.message.metadata) === RENEW &&
      hasParity(idOf(event), opposite(context.localSettings.parity)) &&
      !context.live.has(idOf(event)),
    isFull: ({ context }) => context.live.size >= context.limits.connections,
    isCrowded: ({ context }) => context.undecided >= context.limits.undecided,
    isNotice: ({ event }) => event.type === 'rx.ConnectionOpen' && noticeOf(event.message.metadata) !== undefined,
    /** An open of ours is a notice, which is no connection. */
    isOurNotice: ({ event }) => event.type === 'app.open' && noticeOf(event.metadata) !== undefined,
    isDrainNotice: ({ event }) => event.type === 'rx.ConnectionOpen' && noticeOf(event.message.metadata) === DRAINING,
    isDraining: ({ context }) => context.isDraining,
    isSooner: ({ event }) => event.type === 'app.drain' && event.isSooner,
    isPeerDraining: ({ context }) => context.isPeerDraining,
    hearsNotices: ({ context }) => context.hearsNotices,
    /** The id is that of our notice: no open of ours follows it. */
    isOfNotice: ({ context, event }) => idOf(event) === context.localHigh,
    isAcceptor: ({ context }) => context.role === 'acceptor',
    isUnsettled: ({ context }) => context.pending + context.undecided > 0,
    hasNoneLive: ({ context }) => context.live.size === 0,
    isInterrupted: ({ context }) => context.isInterrupted,
    isForRoot: ({ event }) => idOf(event) === ROOT,
    isEstablished: (_, output: HandshakeOutput) => output.type === 'established',
    /** In strict mode the peer is told its violation. An end, a link error, or the peer's own accusation is no violation. */
    isAccusable: ({ context }, output: HandshakeOutput) =>
      context.conformance === 'strict' && output.type === 'failed' && output.failure.rule !== undefined,
    /** The peer is told that it is refused, in both modes. */
    isRefusal: (_, output: HandshakeOutput) => output.type === 'refused',
    isViolation: ({ event }) => event.type === 'connections.ended' && typeof event.output.outcome === 'object',
    isAbandonment: ({ event }) => event.type === 'connections.ended' && event.output.outcome === 'abandoned',
  },
  delays: {
    flushTimeout: ({ context }) => context.limits.flushTimeout,
    drainTimeout: ({ context }) => context.drainTimeout,
    noticeTimeout: 5_000,
    /** For a peer that hears of no drain: the time without a Call after which the session ends. */
    quietTime: 100,
    linger: ({ context }) => context.limits.linger,
    cutTimeout: ({ context }) => context.limits.cutTimeout,
    stallTimeout: ({ context }) => context.limits.stallTimeout,
    unreadTimeout: ({ context }) => context.limits.unreadTimeout,
    sweepInterval: ({ context }) => context.limits.sweepInterval,
    authenticateTimeout: ({ context }) => context.limits.authenticateTimeout,
    /** Shorter pauses are normal, and are not reported. */
    stallNotice: 1_000,
  },
});

/** The connection that an event is about. */
function idOf(event: SessionEvent): ConnectionId {
  if ('message' in event) return event.message.connectionId;
  return 'id' in event ? event.id : ROOT;
}

/** Returns the counts after a connection is no longer pending or undecided. */
function leavePhase(context: SessionContext, phase: ConnectionEnd['phase']) {
  return {
    pending: context.pending - (phase === 'opening' ? 1 : 0),
    undecided: context.undecided - (phase === 'deciding' ? 1 : 0),
  };
}

/** True if we allocate ids of this parity: the peer can only answer on them. */
function isOurs(context: SessionContext, event: SessionEvent): boolean {
  return hasParity(idOf(event), context.localSettings.parity);
}

/** Returns the result of the handshake. */
export function settled(context: SessionContext) {
  return {
    localSettings: context.localSettings,
    peerSettings: context.peerSettings as ConnectionSettings,
    metadata: context.peerMetadata as Metadata,
  };
}

/** Ends the session with this cause. */
export function conclude(end: SessionEnd) {
  return { type: 'conclude', params: end } as const;
}
