import type { OpenedConnection } from '../../machines/events.js';
import { describe, idOf, objectOf } from '../base/check.js';
import { type ClosedBy, ConnectionClosed, errorOfCall, InvalidArgument } from '../base/errors.js';
import type { Limits } from '../base/limits.js';
import { rejected } from '../base/promise.js';
import type { Report } from '../base/report.js';
import { Calls } from '../calls/calls.js';
import type { CallResult } from '../calls/channels.js';
import { drainingError } from '../calls/drain.js';
import type { Handler, IncomingRequest, Refusals, Reply } from '../calls/incoming-call.js';
import type { CallOptions } from '../calls/outgoing-call.js';
import { ConnectionScope, type SessionScope } from '../calls/scope.js';
import { type Credit, type Serving, servingBy, servingOf } from '../calls/serving.js';
import { unreadable } from '../calls/unreachable.js';
import { checkMetadata, metadataOf } from '../codec/metadata.js';
import { ConnectionBudget, detachedMessage, MessageQueue, UNBOUNDED } from '../conduit/receive-queue.js';
import { type ConnectionId, type Parity, type RequestId, ROOT } from '../wire/id.js';
import type { ConnectionSettings, DataMessage } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { ConnectionActorRef } from './connection-actors.js';
import { checkOutgoing, type Outgoing, type OutgoingResponse } from './outgoing.js';

/** Options of {@link Connection.serve}. */
export interface ServeOptions {
  /**
   * The bytes that callers get where the handler gives no answer; by default the handler's own, or those of the
   * session's codec.
   */
  readonly refusals?: Refusals | undefined;
  /**
   * Items that the sender of each channel of a call begins with, 0 to 2^32 − 1. A function gives them by the method's
   * id. The default is the handler's own number, or 16. A handler that takes its ends late needs this option: items
   * that come before are kept up to this number.
   */
  readonly credit?: Credit | undefined;
}

/** Answers the calls of a connection, which it gets as its second argument; see {@link Handler}. */
export interface ConnectionHandler {
  (request: IncomingRequest, connection: Connection): Reply | Promise<Reply>;
  /** The bytes that callers get where the handler gives no answer. */
  readonly refusals?: Refusals;
  /** Items that the sender of each channel of a method begins with. */
  readonly credit?: Credit;
  /** Returns the name of a method, for reports; undefined for an unknown one. @internal */
  nameOf?(methodId: bigint): string | undefined;
  /** Throws when the peer can't take the credit of a channel. @internal */
  checkCredits?(maxUnconsumed: number): void;
}

/** The way in which a connection was closed. */
export interface ConnectionClosedReason {
  /** `session`: the session ended, and the connection with it. */
  readonly by: ClosedBy;
  /** The metadata of the Close; empty unless its sender gave some. */
  readonly metadata: Metadata;
}

/** A request that failed on our side before it could be answered. */
export interface RequestFailure {
  readonly requestId: RequestId;
  readonly reason: string;
}

/** A connection that both sides have agreed on: the root, or a virtual one. */
export class Connection implements AsyncIterable<DataMessage, undefined>, AsyncDisposable {
  /** `await using` closes a virtual connection, and releases the root. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  readonly id: ConnectionId;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  /** The metadata of the peer's Open, Accept, Hello or HelloYourself. */
  readonly peerMetadata: Metadata;
  /**
   * The part that gets the peer's messages: a queue, until there is one reader or the connection makes or answers calls.
   * Made when it is first needed: most of ten thousand connections may be idle. @internal
   */
  receiver: MessageQueue<DataMessage> | Calls | undefined;
  /** The handler that the application gave. @internal */
  handler: ConnectionHandler | undefined;
  readonly #session: SessionScope;
  #actor: ConnectionActorRef | undefined;
  #budget: ConnectionBudget | undefined;
  #failures: MessageQueue<RequestFailure> | undefined;
  #hasReader = false;
  #isDropped = false;
  /** Calls without a Response that the application has made by messages of its own. */
  #asked: Set<RequestId> | undefined;
  /** Calls without a Response that it answers itself, and the number of those beyond the limit. */
  #unanswered: Set<RequestId> | undefined;
  #more = 0;
  #hadCaller = false;
  /** The number of callers, for which the connection stays open. So it does for the shares of its calls. */
  #callers = 0;
  #reason: ConnectionClosedReason | undefined;
  #closed: Promise<ConnectionClosedReason> | undefined;
  #resolveClosed: ((reason: ConnectionClosedReason) => void) | undefined;

  /** @internal */
  constructor(session: SessionScope, opened: OpenedConnection, actor: ConnectionActorRef | undefined) {
    this.#session = session;
    this.#actor = actor;
    this.id = opened.id;
    this.localSettings = opened.localSettings;
    this.peerSettings = opened.peerSettings;
    this.peerMetadata = opened.metadata;
  }

  /** The parity of the ids that we allocate on this connection, for requests and for channels. `[connection.parity]` */
  get parity(): Parity {
    return this.localSettings.parity;
  }

  /** True until the connection is closed, by either side or by the end of the session. */
  get isConnected(): boolean {
    return this.#reason === undefined;
  }

  /** Resolves once the connection is closed, also for a caller that asks late. Never rejects. */
  get closed(): Promise<ConnectionClosedReason> {
    this.#closed ??=
      this.#reason !== undefined
        ? Promise.resolve(this.#reason)
        : new Promise((resolve) => {
            this.#resolveClosed = resolve;
          });
    return this.#closed;
  }

  /** True if the peer answers every call on the root. @internal */
  get answersOnRoot(): boolean {
    return this.#session.shared !== undefined;
  }

  /** True if the peer drains the session. @internal */
  get isPeerDraining(): boolean {
    return this.#session.drain.isPeers;
  }

  /** The connection's actor, as long as it lives. */
  get actor(): ConnectionActorRef | undefined {
    return this.#actor;
  }

  toJSON(): unknown {
    const { id, localSettings, peerSettings, isConnected } = this;
    return { id, localSettings, peerSettings, isConnected };
  }

  // ---- Messages ----

  /**
   * Sends a request or channel message. The promise resolves when the outbox has room, which is at once while it has.
   * It rejects with ConnectionClosed when the connection is closed, and with Unavailable for a Call while the peer drains the
   * session. It never becomes an unhandled rejection.
   *
   * @throws InvalidArgument when the message can't be represented, is larger than `limits.frame`, or has metadata over
   * `limits.metadataEntries` or `limits.metadataBytes`. With `conformance: 'strict'` also when a request id, or a
   * channel id in a Call, is 0 or of the wrong parity, or a Call has a channel id twice. Nothing is sent then.
   */
  send(message: Outgoing): Promise<void> {
    const type: unknown = message?.type;
    if (type !== 'RequestMessage' && type !== 'ChannelMessage') {
      throw new InvalidArgument(`send takes a RequestMessage or a ChannelMessage, not ${String(type)}`);
    }
    // The encoder refuses a body that is no object, and says what it should be.
    const { body } = message;
    if (typeof body === 'object' && body !== null) {
      if ('metadata' in body && body.metadata?.length > 0) {
        checkMetadata(body.metadata, `${body.type}.metadata`, this.limits);
      }
      if (this.#session.conformance === 'strict') checkOutgoing(message, this.parity);
      // 5.31
      if (body.type === 'Call' && this.#session.drain.isPeers)
        return rejected(errorOfCall(drainingError('peer'), 'no'));
    }
    return this.forward(message);
  }

  /** Sends the Response to a request of the peer; see {@link send}. */
  sendResponse(requestId: RequestId, response: OutgoingResponse): Promise<void> {
    if (typeof response !== 'object' || response === null) throw new InvalidArgument('sendResponse takes a response');
    // Copy field by field: this path is hot, and a spread costs as much as the encoding.
    const { channels = [], metadata = [], ret } = response;
    return this.send({ type: 'RequestMessage', id: requestId, body: { type: 'Response', channels, metadata, ret } });
  }

  /**
   * Sends a message on as it was received, without checking it. Sends nothing once the connection is closed: 9b.01.
   * @internal
   */
  forward(message: Outgoing): Promise<void> {
    if (this.#reason !== undefined) return rejected(this.#closedError(this.#reason));
    const { type, id, body } = message;
    const sent = this.#session.conduit.outbox.send({ type, connectionId: this.id, id, body } as DataMessage);
    if (type === 'RequestMessage') this.#follow(id, body.type, true);
    return sent;
  }

  /**
   * Iterates over the connection's messages, in order, to its end. Messages that were received before the end can still
   * be read after it. A connection has one reader. When that leaves the loop, the next message closes a virtual
   * connection, or for the root the session.
   *
   * @throws InvalidArgument when there has been a reader already.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<DataMessage, undefined> {
    const queue = this.#read();
    const reader: AsyncIterableIterator<DataMessage, undefined> = {
      next: () => queue.next(),
      return: () => {
        // Leave first: dropping the queue may resume reading, and the reader must be gone by then. 5.16
        this.#push({ type: 'app.leave', id: this.id });
        queue.drop();
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]: () => reader,
    };
    return reader;
  }

  /** True if the messages have a reader, or had one. @internal */
  get hasReader(): boolean {
    return this.#hasReader;
  }

  /** Makes the queue of the messages, which nothing has read yet. @internal */
  startQueue(): MessageQueue<DataMessage> {
    const queue = new MessageQueue<DataMessage>(this.#ownBudget, detachedMessage, ({ type, id, body }) => {
      if (type === 'RequestMessage') this.#follow(id, body.type, false);
    });
    this.receiver = queue;
    return queue;
  }

  /**
   * Notes a Call or a Response that the application sends (`isOurs`) or reads itself: a drain waits for the Response. No more ids
   * are noted than handlers may be at work, so that calls that are never answered take bounded memory.
   */
  #follow(id: RequestId, type: DataMessage['body']['type'], isOurs: boolean): void {
    const { load, limits } = this.#session.conduit;
    const { drain } = this.#session;
    if (type === 'Call' && !(this.receiver instanceof Calls)) {
      if (isOurs) this.#asked ??= new Set();
      else this.#unanswered ??= new Set();
      const calls = (isOurs ? this.#asked : this.#unanswered) as Set<RequestId>;
      if (calls.has(id)) return;
      if ((isOurs ? calls.size : load.unanswered) < limits.requests) calls.add(id);
      else if (isOurs) return;
      else this.#more++;
      load.unanswered++;
    } else if (type === 'Response') {
      if ((isOurs ? this.#unanswered : this.#asked)?.delete(id) !== true) {
        if (!isOurs || this.#more === 0) return;
        this.#more--;
      }
      load.unanswered--;
      if (isOurs && drain.isOurs) drain.answer();
    }
    drain.watcher?.changed();
  }

  /** Forgets the calls that have no Response: other calls take over, or the connection is closed. */
  #forgetUnanswered(): void {
    this.#session.conduit.load.unanswered -= (this.#asked?.size ?? 0) + (this.#unanswered?.size ?? 0) + this.#more;
    this.#asked = undefined;
    this.#unanswered = undefined;
    this.#more = 0;
    this.#session.drain.watcher?.changed();
  }

  /** Cancels the peer's calls, and ends all channels, since the time of a drain is over. @internal */
  cut(): void {
    this.#session.drain.cancelled += (this.#unanswered?.size ?? 0) + this.#more;
    if (this.receiver instanceof Calls) this.receiver.cut();
  }

  /** Returns the queue for the one reader. @throws InvalidArgument when there has been a reader already. */
  #read(): MessageQueue<DataMessage> {
    this.#claim();
    // There are no calls: they would have claimed the messages.
    const queue = (this.receiver ?? this.startQueue()) as MessageQueue<DataMessage>;
    if (this.#reason !== undefined) queue.end();
    return queue;
  }

  #claim(): void {
    if (this.#hasReader) throw new InvalidArgument(`connection ${this.id} has a reader already`);
    this.#hasReader = true;
  }

  /** The bytes that wait to be read on this connection. */
  get #ownBudget(): ConnectionBudget {
    this.#budget ??= new ConnectionBudget(this.#session.conduit.budget, this.id);
    return this.#budget;
  }

  // ---- Calls ----

  /**
   * Returns a share in the connection. When the last share is released, a virtual connection is closed. The root is
   * closed internally: the session ends once no virtual connection is left. A connection that never had a caller is not
   * released. `[rpc.caller.liveness.last-drop-closes-connection]`
   *
   * @throws ConnectionClosed when the connection is closed.
   */
  caller(): Caller {
    this.#requireOpen();
    this.#hadCaller = true;
    this.#callers++;
    return new Caller(this);
  }

  /**
   * Answers each call of the peer on this connection with what `handler` returns or resolves with. The handler is the
   * connection's reader from now on, and first gets the calls that wait there. A connection that makes calls and has no
   * handler answers the peer's calls with UnknownMethod. `[rpc.handler]`
   *
   * @throws InvalidArgument when there is a handler or another reader already, or an option is wrong; ConnectionClosed
   * when the connection is closed.
   */
  serve(handler: ConnectionHandler, options: ServeOptions = {}): void {
    if (typeof handler !== 'function') throw new InvalidArgument('serve takes a function that answers calls');
    objectOf(options, 'options');
    this.#requireOpen();
    handler.checkCredits?.(this.maxUnconsumed);
    const serving = servingBy(this.#session.conduit.codec);
    const { refusals: own = serving.refusals, credit: ownCredit = serving.credit } = handler;
    const { refusals = own, credit = ownCredit } = options;
    const checked = servingOf(refusals, credit, handler.nameOf);
    if (this.receiver instanceof Calls && this.receiver.hasHandler) {
      throw new InvalidArgument(`connection ${this.id} has a handler already`);
    }
    this.handler = handler;
    this.#startCalls((request) => handler(request, this), checked);
  }

  /**
   * Notes that a request failed on our side. A call of ours then fails, and a call of the peer
   * is answered Cancelled, here or by a reader of {@link failures}.
   *
   * @throws InvalidArgument when the id is none, or the reason no text.
   */
  markFailure(requestId: RequestId, reason: string): void {
    idOf(requestId, 'requestId');
    if (typeof reason !== 'string') throw new InvalidArgument(`reason must be a string, not ${describe(reason)}`);
    if (this.receiver instanceof Calls) this.receiver.markFailure(requestId, reason);
    else this.#follow(requestId, 'Response', false);
    this.#failureStream().receive({ requestId, reason }, 0);
  }

  /** The failures noted by {@link markFailure}, in order; ends with the connection. */
  get failures(): AsyncIterable<RequestFailure, undefined> {
    const stream = this.#failureStream();
    return { [Symbol.asyncIterator]: () => ({ next: () => stream.next() }) };
  }

  #failureStream(): MessageQueue<RequestFailure> {
    if (this.#failures === undefined) {
      this.#failures = new MessageQueue(new ConnectionBudget(UNBOUNDED, this.id));
      if (this.#reason !== undefined) this.#failures.end();
    }
    return this.#failures;
  }

  /** The calls on this connection. @internal */
  get calls(): Calls {
    return this.receiver instanceof Calls ? this.receiver : this.#startCalls();
  }

  /** Returns the calls on this connection. Makes them when they are first needed. */
  #startCalls(handler?: Handler, serving: Serving = servingBy(this.#session.conduit.codec)): Calls {
    const before = this.receiver;
    if (before instanceof Calls) {
      if (handler !== undefined) before.serve(handler, serving);
      return before;
    }
    this.#claim();
    const scope = new ConnectionScope(this.#session, this, this.#ownBudget, () => this.#releaseIfIdle());
    const calls = new Calls(scope, handler, serving);
    this.receiver = calls;
    this.#forgetUnanswered();
    // Give the calls the messages that wait, in order, before the next ones come.
    for (let message = before?.shift(); message !== undefined; message = before?.shift()) calls.receive(message);
    // 9b.22: a caller may make its first call when the connection is already closed.
    if (this.#reason !== undefined) this.#endCalls(calls, this.#reason);
    return calls;
  }

  // ---- Its end ----

  /**
   * Closes a virtual connection, after what was sent on it. Resolves when the Close is on its way, or when the
   * connection is closed already. A reader that was taken can still read the messages that were received. Without a
   * reader they are dropped. A second `close()` drops them in any case. `[connection.close]`
   *
   * @throws InvalidArgument (the promise rejects) on the root, or when the metadata can't be represented.
   */
  async close(options: { metadata?: Metadata } = {}): Promise<void> {
    objectOf(options, 'options');
    if (!this.isConnected) {
      // Drop the messages that are left unread: they count against the limit of all connections.
      this.#dropUnread();
      return;
    }
    const { conduit } = this.#session;
    const { id } = this;
    const metadata = metadataOf(options.metadata, conduit.codec, conduit.limits);
    if (conduit.isOver) return;
    await conduit.request<void>((request) => () => {
      // The peer may open an id of its own again, and an old handle must not touch the new connection. 9b.18
      if (this.isConnected) return { type: 'app.close', id, request, metadata };
      conduit.requests.resolve(request, undefined);
      return undefined;
    });
  }

  /** Removes a caller. @internal */
  releaseCaller(): void {
    this.#callers--;
    this.#releaseIfIdle();
  }

  /** Releases a connection that had a caller, and for which nothing is left to stay open. */
  #releaseIfIdle(): void {
    if (this.#callers > 0 || !this.#hadCaller || !this.isConnected) return;
    if (!(this.receiver instanceof Calls && this.receiver.scope.shares > 0)) this.release();
  }

  /**
   * Releases the connection, even if it has callers: a virtual connection is closed, the root closed internally.
   * @internal
   */
  release(): void {
    this.#push({ type: 'app.release', id: this.id });
  }

  /**
   * Ends the connection. Messages that were received can still be read, unless the end is our own (`isOurs`) and no
   * reader was taken. Row "5 readable".
   * @internal
   */
  end(reason: ConnectionClosedReason, isOurs: boolean): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#actor = undefined;
    const { receiver } = this;
    if (receiver instanceof MessageQueue) {
      if (this.#isDropped || (isOurs && !this.#hasReader)) receiver.drop();
      else receiver.end();
      // Messages that are left count while the application holds the handle: otherwise a peer could open, fill and
      // close connections for ever. When the Connection is garbage-collected, its queue drops the unread messages.
      if (receiver.length > 0) unreadable(this, receiver.budget);
    }
    this.#failures?.end();
    if (receiver instanceof Calls) this.#endCalls(receiver, reason);
    this.#forgetUnanswered();
    this.#budget?.leave();
    this.#resolveClosed?.(reason);
  }

  /** Drops the unread messages once the connection is over. */
  #dropUnread(): void {
    this.#isDropped = true;
    if (this.#reason !== undefined && this.receiver instanceof MessageQueue) this.receiver.drop();
  }

  /** Adds an input. It has no effect if the connection is closed by the time its turn comes. 9b.18 */
  #push(input: { type: 'app.release' | 'app.leave'; id: ConnectionId }): void {
    this.#session.conduit.push(() => (this.isConnected ? input : undefined));
  }

  /** @throws ConnectionClosed when the connection is closed. */
  #requireOpen(): void {
    if (this.#reason !== undefined) throw this.#closedError(this.#reason);
  }

  #endCalls(calls: Calls, reason: ConnectionClosedReason): void {
    calls.end(() => this.#closedError(reason));
  }

  #closedError({ by }: ConnectionClosedReason): ConnectionClosed {
    const whom = { local: 'us', peer: 'the peer', session: 'the end of the session' }[by];
    const cause = by === 'session' ? this.#session.conduit.endError : undefined;
    return new ConnectionClosed(by, `connection ${this.id} was closed by ${whom}`, cause);
  }

  // ---- For services ----

  /** Returns the value that `authenticate` has given for the peer. It is no property, since inspectors read properties. @internal */
  principalOf(): unknown {
    return this.#session.principalOf();
  }

  /** The limits of the session. @internal */
  get limits(): Limits {
    return this.#session.conduit.limits;
  }

  /** Items of one channel that the peer has not consumed, at most. @internal */
  get maxUnconsumed(): number {
    return this.#session.maxUnconsumed;
  }

  /** Reports to the application an event that ends nothing. @internal */
  report(report: Report): void {
    this.#session.conduit.report(report);
  }

  /** Calls back after `milliseconds` by the session's clock. Returns a function that cancels that. @internal */
  after(milliseconds: number, callback: () => void): () => void {
    const { clock } = this.#session.conduit;
    const timer = clock.setTimeout(callback, milliseconds);
    return () => clock.clearTimeout(timer);
  }

  static {
    // A browser may not have the symbol yet.
    if (Symbol.asyncDispose !== undefined) {
      Object.defineProperty(Connection.prototype, Symbol.asyncDispose, {
        async value(this: Connection): Promise<void> {
          this.#dropUnread();
          if (this.id === ROOT) this.release();
          else await this.close();
        },
      });
    }
  }
}

/** A share in a connection, which makes calls on it; see {@link Connection.caller}. */
export class Caller {
  /** `using` releases it. */
  declare readonly [Symbol.dispose]: () => void;

  readonly connection: Connection;
  #isReleased = false;

  /** @internal */
  constructor(connection: Connection) {
    this.connection = connection;
  }

  /**
   * Calls a method of the peer. The call waits for its turn while as many calls are in flight as the peer allows. Then
   * it waits for its answer. `[rpc.request]`
   *
   * It rejects with {@link Cancelled} when its signal gives it up. It rejects with LimitExceeded when it takes longer
   * than its timeout, when the peer takes no requests at all, and when more bytes of calls wait for their turn than
   * `limits.waitingBytes`. It rejects with ConnectionClosed or SessionClosed when the connection ends before the answer
   * is here. `ran` of each of these errors says if the peer's handler has run.
   *
   * @param methodId - an unsigned integer of 64 bits
   * @param args - opaque to this library; not to be changed before the call is under way
   * @throws InvalidArgument when an argument is wrong, this caller was released, or something else reads the
   * connection.
   */
  call(methodId: bigint, args: Uint8Array, options?: CallOptions): Promise<CallResult> {
    try {
      if (this.#isReleased) throw new InvalidArgument('the caller was released');
      const { connection } = this;
      const calls = connection.receiver instanceof Calls ? connection.receiver : connection.calls;
      return calls.call(methodId, args, options);
    } catch (error) {
      throw errorOfCall(error as Error, 'no');
    }
  }

  /** Gives the share back. A second `release` has no effect. Calls that are under way keep the connection open. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.connection.releaseCaller();
  }

  static {
    // A browser may not have the symbol yet. No code can use it there either.
    if (Symbol.dispose !== undefined) {
      Object.defineProperty(Caller.prototype, Symbol.dispose, {
        value(this: Caller): void {
          this.release();
        },
      });
    }
  }
}
