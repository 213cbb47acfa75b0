import type { OpenedConnection, Outcome, Port, RequestNumber, SessionEnd } from '../../machines/events.js';
import type { SessionEvent } from '../../machines/session/context.js';
import { offAbort, onAbort } from '../base/abort.js';
import { ConnectionClosed } from '../base/errors.js';
import { deferred } from '../base/promise.js';
import { afterTurn } from '../base/turn.js';
import { type ConnectionId, ROOT } from '../wire/id.js';
import type { ConnectionSettings, DataMessage } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import { errorOf, handshakeFailed, reasonOf, type SessionClosedReason, sessionClosed } from './close-reason.js';
import { Connection } from './connection.js';
import { HandleHost, type PortHost } from './handle-host.js';
import { Acceptor } from './incoming-opens.js';
import type { SessionConfig } from './options.js';

/** Turns of the event loop, at most, in which a late Pong is looked for while frames keep arriving. */
const CONFIRMING_TURNS = 16;

/**
 * Carries out the effects of one session: the machines say what is to be done, and the port does it. The port belongs
 * to the session actor, and sits in the actor's context. It outlives the actor only to say how the session ended.
 */
export class SessionPort extends HandleHost implements Port {
  readonly #acceptor: Acceptor;
  readonly #established = deferred<Connection>();
  readonly #closed = deferred<SessionClosedReason>();
  #root: Connection | undefined;
  #reason: SessionClosedReason | undefined;

  constructor(config: SessionConfig, host: PortHost) {
    super(config, host);
    const { codec, limits, peer } = config;
    this.#acceptor = new Acceptor(config.onConnection, {
      codec,
      limits,
      emptyRejects: peer.emptyRejects,
      answer: (make, isPrompt) => (isPrompt ? this.conduit.gate.pushNext(make) : this.push(make)),
      now: host.now,
      report: (report) => this.report(report),
    });
  }

  // ---- For the session's actors ----

  /** Starts reading, and gives each event to `send`. Called when the conduit's actor starts. */
  start(send: (event: SessionEvent) => void): void {
    const { signal, keepalive } = this.config;
    this.conduit.start(send);
    if (signal?.aborted) this.#abortHandshake();
    else if (signal !== undefined) onAbort(signal, this.#abortHandshake);
    if (keepalive !== undefined && !(keepalive.pingInterval > 0 && keepalive.pongTimeout > 0)) {
      this.report({ kind: 'keepalive-disabled', message: 'the keepalive is off: its times are not positive' });
    }
  }

  /** Ends the rest of the session. Called when the conduit's actor has stopped, for any reason. */
  stop(end: SessionEnd): void {
    this.finish(end);
    // Reject once more: a callback of the application may have made requests in the meantime.
    this.requests.rejectAll(this.endError);
    this.conduit.stop();
    this.#closed.resolve(this.#reason as SessionClosedReason);
  }

  /** The fast path: does what the `deliver` effect does, without the machines. */
  deliver({ message }: { id: ConnectionId; message: DataMessage }): void {
    this.connectionFor(message)?.deliver(message, this.conduit.frameSize);
  }

  /** Settles all that waits without the actors: a defect has left them stuck, and they get no more events. */
  crash(error: unknown): void {
    this.stop({ cause: 'crashed', error });
  }

  // ---- Effects ----

  flush(): void {
    if (!this.outbox.isBroken) this.conduit.gate.pushNext({ type: 'conduit.flushed' });
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
    // The peer has closed the connection that had this id before. Messages that still wait to be sent on that one must
    // not reach the new one.
    this.outbox.drop(id, () => new ConnectionClosed('peer', `connection ${id} was closed by the peer`));
    this.conduit.gate.hold(() => this.#acceptor.decide(id, peerSettings, metadata));
  }

  dropDecision({ id }: { id: ConnectionId }): void {
    const error = new ConnectionClosed('peer', `the peer withdrew its open of connection ${id}`);
    this.conduit.gate.hold(() => this.#acceptor.drop(id, error));
  }

  pend({ id, request }: { id: ConnectionId; request: RequestNumber }): void {
    const deadline = this.host.now() + this.config.limits.openTimeout;
    this.requests.pend(request, id, deadline, () => this.push({ type: 'app.abandonOpen', id, why: 'aborted' }));
  }

  activate(opened: OpenedConnection & { request?: RequestNumber }): void {
    const { id, origin, request } = opened;
    // The link has refused our part of the agreement: there is no connection, and soon no session. 9b.09
    if (this.outbox.isBroken) {
      this.#acceptor.takeSetup(id);
      return;
    }
    const connection = new Connection(this, opened);
    this.connections.set(id, connection);
    if (origin === 'root') {
      this.#root = connection;
      this.#heedNoAbort();
      this.#established.resolve(connection);
    } else if (request !== undefined) {
      this.requests.resolve(request, connection);
    } else {
      this.#setUp(connection);
    }
  }

  retire({ id, by, metadata }: { id: ConnectionId; by: 'local' | 'peer'; metadata: Metadata }): void {
    const connection = this.connections.get(id);
    this.connections.delete(id);
    if (by === 'peer') {
      this.outbox.drop(id, () => new ConnectionClosed('peer', `connection ${id} was closed by the peer`));
    }
    connection?.retire({ by, metadata }, by === 'local');
  }

  settle({ request, outcome }: { request: RequestNumber; outcome: Outcome }): void {
    // After a refusal of the link, the request's message is not on its way: the end of the session rejects the request.
    // 9b.09
    if (outcome.type === 'done' && this.outbox.isBroken) return;
    if (outcome.type === 'done') this.requests.resolve(request, undefined);
    else if (outcome.type === 'ended') this.requests.reject(request, this.endError);
    else this.requests.reject(request, errorOf(outcome, this.config.limits, this.requests.reasonOf(request)));
  }

  sweep(): void {
    // Hold the inputs, so that each open that expires takes effect whole before the next.
    this.conduit.gate.hold(() => {
      for (const id of this.requests.expired(this.host.now())) {
        this.push({ type: 'app.abandonOpen', id, why: 'expired' });
      }
      this.#acceptor.sweep();
    });
  }

  pauseReading(): void {
    this.conduit.pause();
  }

  resumeReading(): void {
    this.conduit.resume();
  }

  confirm(turns = CONFIRMING_TURNS): void {
    const arrived = this.conduit.frames;
    afterTurn(() => {
      // Frames came, and more may lie behind them.
      if (this.conduit.frames !== arrived && turns > 1) this.confirm(turns - 1);
      // The Pong may be among the frames that wait for their turn.
      else if (this.conduit.gate.isYielding) this.conduit.gate.afterFrames({ type: 'keepalive.confirmed' });
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
    this.endError = error;
    this.#heedNoAbort();
    if (end.cause === 'shutdown' || end.cause === 'released') this.outbox.release();
    else this.outbox.dropAll(error);
    this.#established.reject(handshakeFailed(end, reason));
    this.requests.rejectAll(error);
    const isOurs = reason.by === 'local' && reason.error === undefined;
    for (const connection of this.connections.values()) connection.retire({ by: 'session', metadata: [] }, isOurs);
    this.connections.clear();
    // Drop the decisions last, since the listeners of their signals are the application's: to them everything is over.
    this.conduit.gate.hold(() => this.#acceptor.dropAll(error));
  }

  closeLink({ orderly }: { orderly: boolean }): void {
    this.conduit.close(orderly);
  }

  // ---- For the session's handle ----

  get root(): Connection | undefined {
    return this.#root;
  }

  get established(): Promise<Connection> {
    return this.#established.promise;
  }

  get closed(): Promise<SessionClosedReason> {
    return this.#closed.promise;
  }

  /** Leaves the port out of a serialised snapshot: it holds no data for the application. */
  toJSON(): undefined {
    return undefined;
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

  #heedNoAbort(): void {
    const { signal } = this.config;
    if (signal !== undefined) offAbort(signal, this.#abortHandshake);
  }

  readonly #abortHandshake = (): void => {
    this.push({ type: 'app.abortHandshake', reason: this.config.signal?.reason });
  };
}
