import type {
  ConnectionEvent,
  ConnectionStart,
  OpenedConnection,
  Outcome,
  Port,
  RequestNumber,
  SessionEnd,
} from '../../machines/events.js';
import type { SessionEvent } from '../../machines/session/context.js';
import { offAbort, onAbort } from '../base/abort.js';
import { settingsOf } from '../base/check.js';
import { ConnectionClosed, type SessionClosed, Unavailable } from '../base/errors.js';
import { deferred } from '../base/promise.js';
import { afterTurn } from '../base/turn.js';
import { Calls } from '../calls/calls.js';
import { Drain } from '../calls/drain.js';
import type { SessionScope } from '../calls/scope.js';
import { SharedIds } from '../calls/shared-ids.js';
import type { StepObserver } from '../compile/stepper.js';
import { Conduit, type Delivery, type SessionClock } from '../conduit/conduit.js';
import { type ConnectionId, ROOT } from '../wire/id.js';
import type { ConnectionReject, ConnectionSettings, DataMessage, Message } from '../wire/message.js';
import { DRAINING, type Metadata, NOT_RUN, REASON, withoutReserved } from '../wire/metadata.js';
import { Authentication } from './authentication.js';
import { errorOf, handshakeFailed, reasonOf, type SessionClosedReason, sessionClosed } from './close-reason.js';
import { Connection } from './connection.js';
import type { ConnectionActors } from './connection-actors.js';
import { IncomingOpens } from './incoming-opens.js';
import type { SessionConfig } from './options.js';

/** The metadata of a Reject to an open that comes while the session is drained. */
const REFUSED_OPEN: Metadata = [
  { key: NOT_RUN, value: DRAINING, flags: 0n },
  { key: REASON, value: 'the peer takes no more connections', flags: 0n },
];

/** Turns of the event loop, at most, in which a late Pong is looked for while frames keep arriving. */
const CONFIRMING_TURNS = 16;

/** The surroundings of a session's runtime: its clock, and the actors around it. */
export interface Surroundings {
  readonly clock: SessionClock;
  /** True if the session has the tag `routes`, and no inspector listens: data messages need not go through the machines. */
  routes(): boolean;
  readonly actors: ConnectionActors;
  /**
   * Returns an observer that shows the calls and channels of a connection to the inspectors of the session; undefined
   * when there are none.
   */
  readonly observerOf: (id: ConnectionId) => StepObserver | undefined;
}

/**
 * Carries out the effects of one session: the machines say what is to be done, and the runtime does it. It owns the
 * connections, and the conduit below them. It belongs to the session actor, and sits in the actor's context as its port.
 * It outlives the actor only to say how the session ended.
 */
export class SessionRuntime implements Port {
  readonly config: SessionConfig;
  readonly conduit: Conduit;
  readonly actors: ConnectionActors;
  readonly drained = new Drain();
  /** Private, since what walks a snapshot would find the principal by it. */
  #session: object | undefined;
  readonly #around: Surroundings;
  /** The parts of the session that all of its connections use. */
  readonly #scope: SessionScope;
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #authentication: Authentication;
  readonly #incomingOpens: IncomingOpens;
  readonly #established = deferred<Connection>();
  readonly #closed = deferred<SessionClosedReason>();
  /** The opens that left behind Hello, by their services, until they are taken. */
  #early: Map<string, Promise<Connection>> | undefined;
  /** The time, by the clock, at which the earliest drain ends. */
  #drainedBy = Number.POSITIVE_INFINITY;
  /** The session knows that no work is left. */
  #isIdle = false;
  #isLooking = false;
  #root: Connection | undefined;
  #reason: SessionClosedReason | undefined;

  constructor(config: SessionConfig, around: Surroundings) {
    const { codec, limits, peer, link, conformance, onReport } = config;
    this.config = config;
    this.actors = around.actors;
    this.#around = around;
    this.conduit = new Conduit({
      link,
      codec,
      limits,
      awaitAnswers: peer.awaitAnswers,
      clock: around.clock,
      onReport,
      deliver: this.#offer,
      crashed: (error) => this.crash(error),
    });
    this.#authentication = new Authentication(config.authenticate, this.conduit, link, (timeout) =>
      this.startDrain(timeout),
    );
    const principalOf = (): unknown => this.principal();
    this.#scope = {
      conduit: this.conduit,
      conformance,
      drain: this.drained,
      cancelTimeout: peer.cancelTimeout,
      maxUnconsumed: peer.maxUnconsumed,
      shared: peer.answersOnRoot ? new SharedIds() : undefined,
      principalOf,
      observerOf: around.observerOf,
    };
    this.#incomingOpens = new IncomingOpens(config.onConnection, this.conduit, peer.emptyRejects, principalOf);
  }

  // ---- For the session's actors ----

  /** Starts reading, and gives each event to `send`. Called when the session's actor starts. */
  start(send: (event: SessionEvent) => void): void {
    const { signal, keepalive, early } = this.config;
    this.conduit.start(send);
    if (early.size > 0) this.#openEarly(early);
    if (signal?.aborted) this.#abortHandshake();
    else if (signal !== undefined) onAbort(signal, this.#abortHandshake);
    if (keepalive !== undefined && !(keepalive.pingInterval > 0 && keepalive.pongTimeout > 0)) {
      const message = 'the keepalive is off: its times are not positive';
      this.conduit.report({ kind: 'keepalive-disabled', message });
    }
  }

  #openEarly(early: SessionConfig['early']): void {
    const settings = settingsOf({}, this.config.localSettings.parity);
    this.#early = new Map();
    for (const [service, metadata] of early) {
      const opened = this.conduit.request<Connection>(
        (request) => ({ type: 'app.open', request, settings, metadata }),
        undefined,
        service,
      );
      // The application may never take it.
      opened.catch(() => {});
      this.#early.set(service, opened);
    }
  }

  /** Returns the connection that was opened early for a service, once; undefined if it is of no more use. */
  takeEarly(service: string): Promise<Connection | undefined> | undefined {
    const opened = this.#early?.get(service);
    this.#early?.delete(service);
    return opened?.then((connection) => (connection.isConnected && !this.drained.isOurs ? connection : undefined));
  }

  /** Ends the rest of the session. Called when the session's actor has stopped, for any reason. */
  stop(end: SessionEnd): void {
    this.finish({ end, unsent: 'dropped' });
    // Reject once more: a callback of the application may have made requests in the meantime.
    this.conduit.requests.rejectAll(this.#endError);
    this.conduit.stop();
    this.#closed.resolve(this.#reason as SessionClosedReason);
  }

  /** Settles all that waits without the actors: a defect has left them stuck, and they get no more events. */
  crash(error: unknown): void {
    this.stop({ cause: 'crashed', error });
  }

  // ---- Data messages of the peer ----

  /**
   * Offers a data message to its connection. A message whose connection has no room waits, and pauses reading.
   *
   * This is the fast path. A data message for an active connection changes no state, and the machines would answer it
   * with one effect, `deliver`. While the tags of the machines say so, that effect is all that happens. All cases that
   * the tags do not cover go through the machines. So does every message while an inspector listens, who is to see it.
   */
  readonly #offer = (message: DataMessage, size: number): Delivery => {
    try {
      const on = this.#connections.get(message.connectionId);
      const connection = this.#scope.shared === undefined ? on : this.#connectionFor(message);
      if (connection === undefined) return 'undecided';
      const receiver = connection.receiver ?? connection.startQueue();
      if (!receiver.admits(message)) return 'full';
      if (!this.#around.routes() || on?.actor?.getSnapshot().hasTag('delivers') !== true) return 'undecided';
      try {
        receiver.receive(message, size);
      } catch (error) {
        this.conduit.inputs.pushNext({ type: 'connections.crashed', id: connection.id, error });
      }
      return 'taken';
    } catch {
      // A codec gave something that is no message. The machines meet the same defect, and end the session.
      return 'undecided';
    }
  };

  /** Delivers a data message if the machines would only do that, which an inspector may watch. */
  deliverIfActive(message: DataMessage): boolean {
    const { connectionId: id } = message;
    if (this.#connections.get(id)?.actor?.getSnapshot().hasTag('delivers') !== true) return false;
    this.deliver({ id, message });
    return true;
  }

  /** Returns the open connection that a message of the peer is for, if there is one. */
  #connectionFor(message: DataMessage): Connection | undefined {
    const { connectionId } = message;
    const { shared } = this.#scope;
    if (connectionId !== ROOT || shared === undefined) return this.#connections.get(connectionId);
    const id = shared.connectionOf(message);
    return id === undefined ? undefined : this.#connections.get(id);
  }

  // ---- Effects ----

  spawn(start: ConnectionStart): void {
    this.actors.spawn(start, { port: this, conformance: this.config.conformance });
  }

  forward({ id, event }: { id: ConnectionId; event: ConnectionEvent }): void {
    this.actors.forward(id, event);
  }

  transmit(message: Message): void {
    const { inputs, outbox } = this.conduit;
    // A timer sends a Ping. A link that finds out by it that it has no connection says so at once: not within this step.
    if (message.type === 'Ping') inputs.hold(() => outbox.transmit(message));
    else outbox.transmit(message);
  }

  flush(): void {
    this.conduit.inputs.pushNext({ type: 'conduit.flushed' });
  }

  authenticate({ metadata }: { metadata: Metadata }): void {
    this.conduit.pauseFrames();
    this.conduit.inputs.hold(() => this.#authentication.ask(withoutReserved(metadata), false));
  }

  stopAuthenticating(): void {
    const { conduit } = this;
    // A timer may have started this step: the frames come behind it.
    conduit.inputs.hold(() => {
      this.#authentication.drop(this.#endError);
      conduit.resume();
    });
  }

  renew({ metadata }: { metadata: Metadata }): void {
    this.conduit.inputs.hold(() => this.#authentication.ask(withoutReserved(metadata), true));
  }

  stopRenewing(): void {
    this.conduit.inputs.hold(() => this.#authentication.drop(this.#endError));
  }

  reportUnanswered(): void {
    this.#authentication.reportUnanswered();
  }

  decide({
    id,
    peerSettings,
    metadata,
  }: {
    id: ConnectionId;
    peerSettings: ConnectionSettings;
    metadata: Metadata;
  }): void {
    this.conduit.inputs.hold(() => this.#incomingOpens.decide(id, peerSettings, metadata));
  }

  dropDecision({ id, why }: { id: ConnectionId; why: 'withdrawn' | 'expired' }): void {
    this.conduit.inputs.hold(() => {
      if (why === 'expired') this.#incomingOpens.expire(id);
      else this.#incomingOpens.drop(id, new ConnectionClosed('peer', `the peer withdrew its open of connection ${id}`));
    });
  }

  pend({ id, request }: { id: ConnectionId; request: RequestNumber }): void {
    const { clock, limits, requests } = this.conduit;
    requests.pend(request, id, clock.now() + limits.openTimeout, () => {
      this.conduit.push({ type: 'app.abandonOpen', id });
    });
  }

  activate(opened: OpenedConnection & { request?: RequestNumber }): void {
    const { id, origin, request } = opened;
    // The link has refused our part of the agreement: there is no connection, and soon no session. 9b.09
    if (this.conduit.outbox.isBroken) {
      this.#incomingOpens.takeSetup(id);
      return;
    }
    const connection = new Connection(this.#scope, opened, this.actors.get(id));
    this.#connections.set(id, connection);
    if (origin === 'root') {
      const { clock, limits, requests } = this.conduit;
      requests.postpone(clock.now() + limits.openTimeout);
      this.#root = connection;
      this.#heedNoAbort();
      this.#established.resolve(connection);
    } else if (request !== undefined) {
      this.conduit.requests.resolve(request, connection);
    } else {
      this.#setUp(connection);
    }
  }

  deliver({ message }: { id: ConnectionId; message: DataMessage }): void {
    const connection = this.#connectionFor(message);
    if (connection === undefined) return;
    (connection.receiver ?? connection.startQueue()).receive(message, this.conduit.frameSize);
  }

  dropUnsent({ id }: { id: ConnectionId }): void {
    this.conduit.outbox.drop(id, () => new ConnectionClosed('peer', `connection ${id} was closed by the peer`));
  }

  closeHandle({ id, by, metadata }: { id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }): void {
    const connection = this.#connections.get(id);
    this.#connections.delete(id);
    connection?.end({ by, metadata }, by === 'local');
  }

  settle({ request, outcome }: { request: RequestNumber; outcome: Outcome }): void {
    const { limits, outbox, requests } = this.conduit;
    // After a refusal of the link, the request's message is not on its way: the end of the session rejects the request.
    // 9b.09
    if (outcome.type === 'done' && outbox.isBroken) return;
    if (outcome.type === 'done') requests.resolve(request, undefined);
    else if (outcome.type === 'ended') requests.reject(request, this.#endError());
    else requests.reject(request, errorOf(outcome, limits, requests.reasonOf(request), requests.serviceOf(request)));
  }

  sweep(): void {
    const { clock, inputs, requests } = this.conduit;
    // Hold the inputs, so that each open that expires takes effect whole before the next.
    inputs.hold(() => {
      for (const id of requests.expired(clock.now())) this.conduit.push({ type: 'deadline.passed', id });
      this.#incomingOpens.sweep();
    });
  }

  drain(): void {
    this.drained.isOurs = true;
    this.conduit.inputs.hold(() => this.drained.tell());
  }

  refuseOpen({ id }: { id: ConnectionId }): void {
    this.drained.refuse();
    const metadata = this.config.peer.emptyRejects ? [] : REFUSED_OPEN;
    this.transmit({ type: 'ConnectionReject', connectionId: id, metadata });
  }

  heedDrain(answer: ConnectionReject): void {
    this.drained.isPeers = true;
    this.conduit.outbox.transmitLast(answer);
    // Behind the step: a call that fails may make the application call again.
    this.conduit.inputs.hold(() => {
      for (const { receiver } of this.#connections.values()) if (receiver instanceof Calls) receiver.refuseWaiting();
    });
  }

  watchWork(): void {
    this.#isIdle = false;
    const changed = (): void => this.#lookLater();
    this.drained.watcher ??= { changed, refused: () => this.conduit.push({ type: 'work.refused' }) };
    this.conduit.outbox.onEmpty ??= changed;
    this.#lookLater();
  }

  /** Looks for work once the calls and channels that change now have done so. */
  #lookLater(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    queueMicrotask(() => {
      this.#isLooking = false;
      this.conduit.push(() => this.#lookForWork());
    });
  }

  #lookForWork(): SessionEvent | undefined {
    const isIdle = !this.hasWork && this.conduit.outbox.isEmpty;
    if (isIdle === this.#isIdle) return undefined;
    this.#isIdle = isIdle;
    return { type: isIdle ? 'work.none' : 'work.some' };
  }

  /** True if a call, in either direction, or a channel is not over. */
  get hasWork(): boolean {
    const { calls, requests, unanswered, channels } = this.conduit.load;
    return calls + requests + unanswered + channels > 0;
  }

  /** Drains the session. Its work may take so many milliseconds, and not longer than an earlier drain allows. */
  startDrain(timeout: number): void {
    this.conduit.push(() => {
      const by = this.conduit.clock.now() + timeout;
      const isSooner = by < this.#drainedBy;
      if (isSooner) this.#drainedBy = by;
      return { type: 'app.drain', timeout, isSooner };
    });
  }

  cut(): void {
    const { conduit, drained } = this;
    drained.isOver = true;
    drained.channels += conduit.load.channels;
    conduit.inputs.hold(() => {
      for (const connection of [...this.#connections.values()]) connection.cut();
    });
  }

  pauseReading(): void {
    this.conduit.pause();
  }

  resumeReading(): void {
    this.conduit.resume();
  }

  confirm(turns = CONFIRMING_TURNS): void {
    const { conduit } = this;
    const arrived = conduit.frames;
    afterTurn(() => {
      // Frames came, and more may lie behind them.
      if (conduit.frames !== arrived && turns > 1) this.confirm(turns - 1);
      // The Pong may be among the frames that wait for their turn.
      else if (conduit.inputs.isYielding) conduit.inputs.afterFrames({ type: 'keepalive.confirmed' });
      else conduit.push({ type: 'keepalive.confirmed' });
    });
  }

  reportRootClosed(): void {
    this.conduit.report({ kind: 'root-closed-by-peer', message: 'the peer closed the root connection', id: ROOT });
  }

  finish({ end, unsent }: { end: SessionEnd; unsent: 'sent' | 'dropped' }): void {
    if (this.#reason !== undefined) return;
    const { inputs, outbox, requests } = this.conduit;
    const reason = reasonOf(end);
    const error = this.#endError;
    this.#reason = reason;
    this.conduit.endWith(() => sessionClosed(reason));
    this.actors.stop();
    this.#heedNoAbort();
    if (unsent === 'sent') outbox.release();
    else outbox.dropAll(error);
    if (this.#root === undefined) this.#established.reject(handshakeFailed(end, reason));
    requests.rejectAll(error);
    const isOurs = reason.by === 'local' && reason.error === undefined;
    for (const connection of this.#connections.values()) connection.end({ by: 'session', metadata: [] }, isOurs);
    this.#connections.clear();
    inputs.hold(() => this.#authentication.stop(error));
    // Drop the decisions last, since the listeners of their signals are the application's: to them everything is over.
    inputs.hold(() => this.#incomingOpens.dropAll(error));
  }

  /** Returns the error that says why the session ended. Errors have stacks, so it is made only where it is shown. */
  readonly #endError = (): SessionClosed => this.conduit.endError as SessionClosed;

  closeLink({ orderly }: { orderly: boolean }): void {
    this.conduit.close(orderly);
  }

  // ---- For the session's handle ----

  /** Returns the Session of this runtime, which `make` makes the first time. */
  sessionOf<S extends object>(make: () => S): S {
    this.#session ??= make();
    return this.#session as S;
  }

  get root(): Connection | undefined {
    return this.#root;
  }

  /** Returns the value that `authenticate` has given for the peer. It is no property, since inspectors read properties. */
  principal(): unknown {
    return this.#authentication.principal;
  }

  /** Returns an active connection by its id. */
  connection(id: ConnectionId): Connection | undefined {
    return this.#connections.get(id);
  }

  get established(): Promise<Connection> {
    return this.#established.promise;
  }

  get closed(): Promise<SessionClosedReason> {
    return this.#closed.promise;
  }

  /** Leaves the runtime out of a serialised snapshot: it holds no data for the application. */
  toJSON(): undefined {
    return undefined;
  }

  #setUp(connection: Connection): void {
    const { id } = connection;
    const setup = this.#incomingOpens.takeSetup(id);
    if (setup === undefined) return;
    this.conduit.callUser(
      () => setup(connection),
      (error) => {
        this.conduit.report({ kind: 'setup-failed', id, message: `the setup of connection ${id} failed`, error });
        connection.release();
      },
    );
  }

  #heedNoAbort(): void {
    const { signal } = this.config;
    if (signal !== undefined) offAbort(signal, this.#abortHandshake);
  }

  readonly #abortHandshake = (): void => {
    const reason: unknown = this.config.signal?.reason;
    if (reason instanceof Unavailable) this.startDrain(0);
    else this.conduit.push({ type: 'app.abortHandshake', reason });
  };
}
