import type { OpenedConnection, Outcome, Port, RequestNumber, SessionEnd, Violation } from '../machines/events.js';
import type { SessionEvent } from '../machines/session-setup.js';
import { Acceptor } from './acceptor.js';
import { metadataOf } from './arguments.js';
import type { Load } from './calls/line.js';
import type { StepObserver } from './calls/stepper.js';
import { Conduit, type Input } from './conduit/conduit.js';
import { afterTurn } from './conduit/turn.js';
import { Connection, type ConnectionHost } from './connection.js';
import { deferred, isThenable } from './deferred.js';
import { errorOf, handshakeFailed, reasonOf, type SessionClosedReason, sessionClosed } from './end.js';
import { ConnectionClosed, type SessionClosed } from './errors.js';
import type { SessionConfig } from './options.js';
import { Outbox } from './outbox.js';
import { Reading } from './reading.js';
import type { ConnectionActorRef } from './registry.js';
import type { Report } from './report.js';
import { Requests } from './requests.js';
import { type Stock, UNBOUNDED } from './stock.js';
import { type ConnectionId, ROOT } from './wire/id.js';
import type { ConnectionSettings, DataMessage, Message } from './wire/message.js';
import type { Metadata } from './wire/metadata.js';

/** How many turns of the event loop a late Pong is looked for in what keeps arriving. */
const CONFIRMING_TURNS = 16;

/** What the port needs of its surroundings. */
export interface PortHost {
  /** Milliseconds, by the clock that the timers go by. */
  now(): number;
  /** That clock's own. */
  readonly clock: {
    setTimeout(callback: () => void, milliseconds: number): unknown;
    clearTimeout(timer: unknown): void;
  };
  actorOf(id: ConnectionId): ConnectionActorRef | undefined;
  /** Shows the calls and channels of a connection to who inspects the session; undefined when nobody does. */
  observerOf(id: ConnectionId): StepObserver | undefined;
}

/**
 * The effects of one session made real: the machines say what is to be done, and this does it. It belongs to the session
 * actor, sits in its context, and outlives it only to say how it ended.
 */
export class SessionPort implements Port, ConnectionHost {
  readonly conformance: SessionConfig['conformance'];
  readonly failures = UNBOUNDED;
  readonly stock: Stock;
  readonly load: Load = { requests: 0, channels: 0 };
  readonly #config: SessionConfig;
  readonly #host: PortHost;
  readonly #conduit: Conduit;
  readonly #outbox: Outbox;
  readonly #acceptor: Acceptor;
  readonly #requests = new Requests();
  readonly #connections = new Map<ConnectionId, Connection>();
  readonly #established = deferred<Connection>();
  readonly #closed = deferred<SessionClosedReason>();
  #root: Connection | undefined;
  #reason: SessionClosedReason | undefined;
  #endError: SessionClosed | undefined;
  #watchers: Set<(message: DataMessage) => void> | undefined;

  constructor(config: SessionConfig, host: PortHost) {
    this.#config = config;
    this.#host = host;
    this.conformance = config.conformance;
    const { link, codec, limits } = config;
    const push = (event: SessionEvent) => this.#conduit.gate.push(event);
    this.#outbox = new Outbox(link, codec, limits, {
      filled: () => push({ type: 'outbox.filled' }),
      progressed: () => push({ type: 'outbox.progressed' }),
      drained: () => push({ type: 'outbox.drained' }),
      overflowed: () => push({ type: 'outbox.overflowed' }),
      unsendable: (error) => this.#conduit.gate.pushNext({ type: 'link.unsendable', error }),
    });
    this.#conduit = new Conduit(
      link,
      codec,
      limits,
      () => this.#outbox.onDrained(),
      (error) => this.crash(error),
    );
    this.#acceptor = new Acceptor(config.onConnection, {
      codec,
      limits,
      answer: (make) => this.push(make),
      now: host.now,
      report: (report) => this.report(report),
    });
    this.stock = new Reading(this.#conduit, limits).stock;
  }

  // ---- For the session's actors ----

  /** The conduit's actor runs: reads, and gives each event to `send`. */
  start(send: (event: SessionEvent) => void): void {
    const { signal, keepalive } = this.#config;
    this.#conduit.start(send);
    if (signal?.aborted) this.#abortHandshake();
    else signal?.addEventListener('abort', this.#abortHandshake, { once: true });
    if (keepalive !== undefined && !(keepalive.pingInterval > 0 && keepalive.pongTimeout > 0)) {
      this.report({ kind: 'keepalive-disabled', message: 'the keepalive is off: its times are not positive' });
    }
  }

  /** The conduit's actor has stopped, for whatever reason: nothing of the session is left after this. */
  stop(end: SessionEnd): void {
    this.finish(end);
    // Once more, for what a user's callback has asked for in the meantime.
    this.#requests.rejectAll(this.endError);
    this.#conduit.stop();
    this.#closed.resolve(this.#reason as SessionClosedReason);
  }

  /** The fast path: what the `deliver` effect does, without the machines. */
  deliver({ id, message }: { id: ConnectionId; message: DataMessage }): void {
    this.#connections.get(id)?.deliver(message, this.#conduit.frameSize);
  }

  /** A defect has left the actors stuck: they hear nothing any more, and all that waits is settled without them. */
  crash(error: unknown): void {
    this.stop({ cause: 'crashed', error });
  }

  // ---- Effects ----

  transmit(message: Message): void {
    this.#outbox.transmit(message);
  }

  flush(): void {
    if (!this.#outbox.isBroken) this.#conduit.gate.pushNext({ type: 'conduit.flushed' });
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
    // The peer has closed whatever had this id before: what still waits to be sent on it must not reach the new one.
    this.#outbox.drop(id, () => new ConnectionClosed('peer', `connection ${id} was closed by the peer`));
    this.#conduit.gate.hold(() => this.#acceptor.decide(id, peerSettings, metadata));
  }

  dropDecision({ id }: { id: ConnectionId }): void {
    const error = new ConnectionClosed('peer', `the peer withdrew its open of connection ${id}`);
    this.#conduit.gate.hold(() => this.#acceptor.drop(id, error));
  }

  pend({ id, request }: { id: ConnectionId; request: RequestNumber }): void {
    const deadline = this.#host.now() + this.#config.limits.openTimeout;
    this.#requests.pend(request, id, deadline, () => this.push({ type: 'app.abandonOpen', id, why: 'aborted' }));
  }

  activate(opened: OpenedConnection & { request?: RequestNumber }): void {
    const { id, origin, request } = opened;
    // The link has refused our part of the agreement: there is no connection, and soon no session. 9b.09
    if (this.#outbox.isBroken) {
      this.#acceptor.takeSetup(id);
      return;
    }
    const connection = new Connection(this, opened);
    this.#connections.set(id, connection);
    if (origin === 'root') {
      this.#root = connection;
      this.#config.signal?.removeEventListener('abort', this.#abortHandshake);
      this.#established.resolve(connection);
    } else if (request !== undefined) {
      this.#requests.resolve(request, connection);
    } else {
      this.#setUp(connection);
    }
  }

  retire({ id, by, metadata }: { id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }): void {
    const connection = this.#connections.get(id);
    this.#connections.delete(id);
    if (by === 'peer') {
      this.#outbox.drop(id, () => new ConnectionClosed('peer', `connection ${id} was closed by the peer`));
    }
    connection?.retire({ by, metadata }, by === 'peer');
  }

  settle({ request, outcome }: { request: RequestNumber; outcome: Outcome }): void {
    if (outcome.type === 'done') this.#requests.resolve(request, undefined);
    else if (outcome.type === 'ended') this.#requests.reject(request, this.endError);
    else this.#requests.reject(request, errorOf(outcome, this.#config.limits, this.#requests.reasonOf(request)));
  }

  sweep(): void {
    // Held: one that expires takes effect whole before the next.
    this.#conduit.gate.hold(() => {
      for (const id of this.#requests.expired(this.#host.now())) {
        this.push({ type: 'app.abandonOpen', id, why: 'expired' });
      }
      this.#acceptor.sweep();
    });
  }

  pauseReading(): void {
    this.#conduit.pause();
  }

  resumeReading(): void {
    this.#conduit.resume();
  }

  confirm(turns = CONFIRMING_TURNS): void {
    const arrived = this.#conduit.frames;
    afterTurn(() => {
      // Something came, and more may lie behind it.
      if (this.#conduit.frames !== arrived && turns > 1) this.confirm(turns - 1);
      else this.push({ type: 'keepalive.confirmed' });
    });
  }

  reportRootClosed(): void {
    this.report({ kind: 'root-closed-by-peer', message: 'the peer closed the root connection', id: ROOT });
  }

  finish(end: SessionEnd): void {
    if (this.#reason !== undefined) return;
    const reason = reasonOf(end);
    const error = sessionClosed(reason);
    this.#reason = reason;
    this.#endError = error;
    this.#config.signal?.removeEventListener('abort', this.#abortHandshake);
    if (end.cause === 'shutdown' || end.cause === 'released') this.#outbox.release();
    else this.#outbox.dropAll(error);
    this.#established.reject(handshakeFailed(end, reason));
    this.#requests.rejectAll(error);
    // What was received before the peer or the link ended can still be read; what we ended ourselves we do not want.
    const keepsInboxes = reason.by === 'peer' || reason.error !== undefined;
    for (const connection of this.#connections.values()) {
      connection.retire({ by: 'session', metadata: [] }, keepsInboxes);
    }
    this.#connections.clear();
    // Last, since its listeners are the user's: to them everything is over.
    this.#conduit.gate.hold(() => this.#acceptor.dropAll(error));
  }

  closeLink({ orderly }: { orderly: boolean }): void {
    this.#conduit.close(orderly);
  }

  // ---- For handles ----

  /** A local input, in its turn. */
  push(input: Input): void {
    this.#conduit.gate.push(input);
  }

  get root(): Connection | undefined {
    return this.#root;
  }

  get established(): Promise<Connection> {
    return this.#established.promise;
  }

  get closed(): Promise<SessionClosedReason> {
    return this.#closed.promise;
  }

  get endError(): SessionClosed | undefined {
    return this.#endError;
  }

  get config(): SessionConfig {
    return this.#config;
  }

  connection(id: ConnectionId): Connection | undefined {
    return this.#connections.get(id);
  }

  close(id: ConnectionId, metadata?: Metadata): Promise<void> {
    const checked = metadataOf(metadata, this.#config.codec, this.#config.limits);
    return this.request((request) => ({ type: 'app.close', id, request, metadata: checked }));
  }

  async closeConnection(connection: Connection, metadata?: Metadata): Promise<void> {
    const checked = metadataOf(metadata, this.#config.codec, this.#config.limits);
    const { id } = connection;
    if (this.#endError !== undefined) return;
    const { request, promise } = this.#requests.add<void>();
    this.push(() => {
      if (this.#connections.get(id) === connection) return { type: 'app.close', id, request, metadata: checked };
      this.#requests.resolve(request, undefined);
      return undefined;
    });
    return promise;
  }

  request<T>(make: (request: RequestNumber) => SessionEvent, signal?: AbortSignal): Promise<T> {
    if (this.#endError !== undefined) return Promise.reject(this.#endError);
    const { request, promise } = this.#requests.add<T>(signal);
    this.push(make(request));
    return promise;
  }

  send(message: DataMessage): Promise<void> {
    const sent = this.#outbox.send(message);
    if (this.#watchers !== undefined) for (const watcher of this.#watchers) watcher(message);
    return sent;
  }

  /**
   * Shows what our callers send, which no actor sees; until the function that is returned is called. What the machines send
   * is seen in their actions, and what arrives in the session's events. The watcher must not throw.
   */
  watch(watcher: (message: DataMessage) => void): () => void {
    this.#watchers ??= new Set();
    this.#watchers.add(watcher);
    return () => {
      this.#watchers?.delete(watcher);
      if (this.#watchers?.size === 0) this.#watchers = undefined;
    };
  }

  release(connection: Connection): void {
    this.#pushFor(connection, { type: 'app.release', id: connection.id });
  }

  leave(connection: Connection): void {
    this.#pushFor(connection, { type: 'app.leave', id: connection.id });
  }

  actorOf(id: ConnectionId): ConnectionActorRef | undefined {
    return this.#host.actorOf(id);
  }

  observerOf(id: ConnectionId): StepObserver | undefined {
    return this.#host.observerOf(id);
  }

  /** A call or a channel has found the peer to break a rule: nothing else comes before the end. */
  accuse(violation: Violation): void {
    this.#conduit.gate.pushNext({ type: 'calls.violated', ...violation });
  }

  setTimeout(callback: () => void, milliseconds: number): unknown {
    return this.#host.clock.setTimeout(callback, milliseconds);
  }

  clearTimeout(timer: unknown): void {
    this.#host.clock.clearTimeout(timer);
  }

  /** Calls a user's callback: an exception in it, and the rejection of what it returns, is reported, and ends nothing. */
  call(callback: () => unknown, onError: (error: unknown) => void): void {
    this.#conduit.gate.hold(() => {
      try {
        const result = callback();
        if (isThenable(result)) result.then(undefined, onError);
      } catch (error) {
        onError(error);
      }
    });
  }

  report(report: Report): void {
    this.call(
      () => this.#config.onReport(report),
      // A reporter that throws has nobody left to tell.
      () => {},
    );
  }

  /** A port is nobody's data: a snapshot that is serialised is without it. */
  toJSON(): undefined {
    return undefined;
  }

  /** Pushes what concerns a connection that may be closed by the time its turn comes. */
  #pushFor(connection: Connection, event: SessionEvent): void {
    this.push(() => (this.#connections.get(connection.id) === connection ? event : undefined));
  }

  #setUp(connection: Connection): void {
    const { id } = connection;
    const setup = this.#acceptor.takeSetup(id);
    if (setup === undefined) return;
    this.call(
      () => setup(connection),
      (error) => {
        this.report({ kind: 'setup-failed', id, message: `the setup of connection ${id} failed`, error });
        this.release(connection);
      },
    );
  }

  readonly #abortHandshake = (): void => {
    this.push({ type: 'app.abortHandshake', reason: this.#config.signal?.reason });
  };
}
