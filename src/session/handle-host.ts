import type { RequestNumber, Violation } from '../../machines/events.js';
import type { SessionEvent } from '../../machines/session/context.js';
import type { SessionClosed } from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import type { Report } from '../base/report.js';
import type { Load } from '../calls/scope.js';
import { SharedIds } from '../calls/shared-ids.js';
import { metadataOf } from '../codec/metadata.js';
import type { StepObserver } from '../compile/stepper.js';
import { Conduit, type Input } from '../conduit/conduit.js';
import { Outbox } from '../conduit/outbox.js';
import { PacedLink } from '../conduit/paced-link.js';
import { Requests } from '../conduit/pending-requests.js';
import { Reading } from '../conduit/reading.js';
import { type Stock, UNBOUNDED } from '../conduit/stock.js';
import { type ConnectionId, ROOT } from '../wire/id.js';
import type { DataMessage, Message } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Connection, ConnectionHost } from './connection.js';
import type { ConnectionActorRef } from './connection-actors.js';
import type { SessionConfig } from './options.js';

/** The surroundings that a session's port needs. */
export interface PortHost {
  /** Returns milliseconds, by the clock of the timers. */
  now(): number;
  /** The timers of that clock. */
  readonly clock: {
    setTimeout(callback: () => void, milliseconds: number): unknown;
    clearTimeout(timer: unknown): void;
  };
  actorOf(id: ConnectionId): ConnectionActorRef | undefined;
  /**
   * Returns an observer that shows the calls and channels of a connection to the inspectors of the session; undefined
   * when there are none.
   */
  observerOf(id: ConnectionId): StepObserver | undefined;
}

/**
 * Serves the handles of one session. Each request of a handle becomes an input of the machines, in its turn. Messages
 * that callers send go to the outbox without the machines. The link, the codec and the queues between them belong here,
 * too.
 */
export abstract class HandleHost implements ConnectionHost {
  readonly config: SessionConfig;
  readonly conformance: SessionConfig['conformance'];
  readonly failures = UNBOUNDED;
  readonly stock: Stock;
  readonly shared: SharedIds | undefined;
  readonly load: Load = { requests: 0, channels: 0, kept: 0 };
  /** The error that says why the session ended, once it has. */
  endError: SessionClosed | undefined;
  protected readonly host: PortHost;
  protected readonly conduit: Conduit;
  protected readonly outbox: Outbox;
  protected readonly requests = new Requests();
  protected readonly connections = new Map<ConnectionId, Connection>();
  #watchers: Set<(message: DataMessage) => void> | undefined;

  constructor(config: SessionConfig, host: PortHost) {
    this.config = config;
    this.host = host;
    this.conformance = config.conformance;
    this.shared = config.peer.answersOnRoot ? new SharedIds() : undefined;
    const { codec, limits, peer } = config;
    const link = peer.awaitAnswers
      ? new PacedLink(config.link, codec, limits, (error) => this.outbox.refuse(error))
      : config.link;
    const push = (event: SessionEvent) => this.conduit.gate.push(event);
    this.outbox = new Outbox(link, codec, limits, {
      filled: () => push({ type: 'outbox.filled' }),
      progressed: () => push({ type: 'outbox.progressed' }),
      drained: () => push({ type: 'outbox.drained' }),
      overflowed: () => push({ type: 'outbox.overflowed' }),
      unsendable: (error) => this.conduit.gate.pushNext({ type: 'link.unsendable', error }),
    });
    this.conduit = new Conduit(
      link,
      codec,
      limits,
      () => this.outbox.onDrained(),
      (message) => this.#admits(message),
      (error) => this.crash(error),
      { now: () => host.now() },
    );
    this.stock = new Reading(this.conduit, limits).stock;
  }

  /** Returns true if there is room for a message of the peer. */
  #admits(message: DataMessage): boolean {
    try {
      return this.connectionFor(message)?.admits(message) ?? true;
    } catch {
      // A codec gave something that is no message. The machines meet the same defect, and end the session.
      return true;
    }
  }

  /** Returns the open connection that a message of the peer is for, if there is one. */
  protected connectionFor(message: DataMessage): Connection | undefined {
    const { connectionId } = message;
    if (connectionId !== ROOT || this.shared === undefined) return this.connections.get(connectionId);
    const id = this.shared.connectionOf(message);
    return id === undefined ? undefined : this.connections.get(id);
  }

  /** Ends the session after a defect that has left the actors stuck. */
  abstract crash(error: unknown): void;

  /** Adds a local input. It takes effect in its turn. */
  push(input: Input): void {
    this.conduit.gate.push(input);
  }

  /** Hands on at once what the link has brought, since the session has started. Otherwise that happens a microtask later. */
  open(): void {
    this.conduit.open();
  }

  connection(id: ConnectionId): Connection | undefined {
    return this.connections.get(id);
  }

  close(id: ConnectionId, metadata?: Metadata): Promise<void> {
    const checked = metadataOf(metadata, this.config.codec, this.config.limits);
    return this.request((request) => ({ type: 'app.close', id, request, metadata: checked }));
  }

  async closeConnection(connection: Connection, metadata?: Metadata): Promise<void> {
    const checked = metadataOf(metadata, this.config.codec, this.config.limits);
    const { id } = connection;
    if (this.endError !== undefined) return;
    const { request, promise } = this.requests.add<void>();
    this.push(() => {
      if (this.connections.get(id) === connection) return { type: 'app.close', id, request, metadata: checked };
      this.requests.resolve(request, undefined);
      return undefined;
    });
    return promise;
  }

  request<T>(make: (request: RequestNumber) => SessionEvent, signal?: AbortSignal): Promise<T> {
    if (this.endError !== undefined) return Promise.reject(this.endError);
    const { request, promise } = this.requests.add<T>(signal);
    this.push(make(request));
    return promise;
  }

  /** Sends a message of the protocol, room or not. */
  transmit(message: Message): void {
    this.outbox.transmit(message);
  }

  send(message: DataMessage): Promise<void> {
    const sent = this.outbox.send(message);
    if (this.#watchers !== undefined) for (const watcher of this.#watchers) watcher(message);
    return sent;
  }

  /**
   * Shows the messages of our callers to `watcher`, until the returned function is called. No actor sees these
   * messages. Messages of the machines are seen in the machines' actions, and arriving messages in the session's
   * events. The watcher must not throw.
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
    return this.host.actorOf(id);
  }

  observerOf(id: ConnectionId): StepObserver | undefined {
    return this.host.observerOf(id);
  }

  /**
   * Ends the session, since a call or a channel has found that the peer broke a rule. No other input comes before the
   * end.
   */
  accuse(violation: Violation): void {
    this.conduit.gate.pushNext({ type: 'calls.violated', ...violation });
  }

  setTimeout(callback: () => void, milliseconds: number): unknown {
    return this.host.clock.setTimeout(callback, milliseconds);
  }

  clearTimeout(timer: unknown): void {
    this.host.clock.clearTimeout(timer);
  }

  /**
   * Runs a callback of the application. An exception in it, or a rejection of the promise that it returns, is reported
   * and ends nothing.
   */
  call(callback: () => unknown, onError: (error: unknown) => void): void {
    this.conduit.gate.hold(() => {
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
      () => this.config.onReport(report),
      // If the reporter itself throws, the error can't be reported.
      () => {},
    );
  }

  /**
   * Adds an input for a connection. It has no effect if the connection is closed by the time its turn comes: the id may
   * belong to another one by then. 9b.18
   */
  #pushFor(connection: Connection, event: SessionEvent): void {
    this.push(() => (this.connections.get(connection.id) === connection ? event : undefined));
  }
}
