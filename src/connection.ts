import type { OpenedConnection } from '../machines/events.js';
import { checkMetadata, objectOf } from './arguments.js';
import { CallerOf } from './caller.js';
import type { Handler, IncomingRequest, Refusals, Reply } from './calls/answer.js';
import { creditOf } from './calls/channel.js';
import { Driver } from './calls/driver.js';
import { type Credit, DEFAULT_SERVING } from './calls/serving.js';
import { ConnectionLine, type LineHost } from './connection-line.js';
import { detachedMessage } from './detach.js';
import { type ClosedBy, ConnectionClosed, InvalidArgument } from './errors.js';
import { Inbox } from './inbox.js';
import { refused } from './outbox.js';
import { checkOutgoing, type Outgoing, type OutgoingResponse } from './outgoing.js';
import type { ConnectionActorRef } from './registry.js';
import type { Report } from './report.js';
import { Holding, type Stock } from './stock.js';
import { type ConnectionId, type Parity, type RequestId, ROOT } from './wire/id.js';
import type { ConnectionSettings, DataMessage } from './wire/message.js';
import type { Metadata } from './wire/metadata.js';

/** How a connection was closed. */
export interface ConnectionClosedReason {
  /** `session`: the session ended, and the connection with it. */
  readonly by: ClosedBy;
  /** That of the Close; empty unless its sender gave some. */
  readonly metadata: Metadata;
}

/** A request that failed on our side before it could be answered. */
export interface RequestFailure {
  readonly requestId: RequestId;
  readonly reason: string;
}

/** Options of {@link Connection.serve}. */
export interface ServeOptions {
  /** What callers get where the handler gives no answer; by default its own, or what services that speak MessagePack say. */
  readonly refusals?: Refusals | undefined;
  /**
   * Items that the sender of each channel of a call begins with, 0 to 2^32 − 1, by the method's id where it is a function; by
   * default what the handler says, or 16. A handler that takes its ends late needs it: what comes before is kept up to that.
   */
  readonly credit?: Credit | undefined;
}

/** Answers the calls of a connection, which it gets to know; see {@link Handler}. */
export interface ConnectionHandler {
  (request: IncomingRequest, connection: Connection): Reply | Promise<Reply>;
  /** What callers get where it gives no answer. */
  readonly refusals?: Refusals;
  /** Items that the sender of each channel of a method's begins with. */
  readonly credit?: Credit;
}

/** The session behind a connection. */
export interface ConnectionHost extends LineHost {
  /** What waits to be read, of all connections together. */
  readonly stock: Stock;
  readonly failures: Stock;
  // By connection, not by id: the peer may open an id of its own again, and an old handle must not touch the new one.
  closeConnection(connection: Connection, metadata: Metadata | undefined): Promise<void>;
  release(connection: Connection): void;
  leave(connection: Connection): void;
  actorOf(id: ConnectionId): ConnectionActorRef | undefined;
  /** Why the session ended, if it has. */
  readonly endError: Error | undefined;
}

/** A share in a connection, and what makes calls on it; see {@link Connection.caller}. */
export type Caller = CallerOf<Connection>;

/**
 * What a peer left unread counts against the limit of all inboxes as long as somebody may still read it. When nobody holds
 * the connection any more, nobody can: without this, connections that are opened, written to and closed, and never read,
 * would in the end stop the reading for good.
 */
const unreachable = new FinalizationRegistry<Inbox<DataMessage>>((inbox) => inbox.drop());

/** A connection that both sides have agreed on: the root, or a virtual one. */
export class Connection implements AsyncIterable<DataMessage, undefined>, AsyncDisposable {
  /** `await using` closes a virtual connection, and releases the root. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  readonly id: ConnectionId;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  /** What came with the peer's Open, Accept, Hello or HelloYourself. */
  readonly peerMetadata: Metadata;
  readonly #host: ConnectionHost;
  /** Made when it is first needed: most of ten thousand connections may be idle. */
  #messages: Inbox<DataMessage> | undefined;
  #holding: Holding | undefined;
  #failures: Inbox<RequestFailure> | undefined;
  #hadCaller = false;
  /** What the connection stays open for: callers, calls of ours that are under way, ends of channels. */
  #shares = 0;
  #driver: Driver | undefined;
  #hasReader = false;
  #reason: ConnectionClosedReason | undefined;
  #closed: Promise<ConnectionClosedReason> | undefined;
  #resolveClosed: ((reason: ConnectionClosedReason) => void) | undefined;

  /** @internal */
  constructor(host: ConnectionHost, opened: OpenedConnection) {
    this.#host = host;
    this.id = opened.id;
    this.localSettings = opened.localSettings;
    this.peerSettings = opened.peerSettings;
    this.peerMetadata = opened.metadata;
  }

  /** Which ids we allocate on this connection, for requests and for channels. `[connection.parity]` */
  get parity(): Parity {
    return this.localSettings.parity;
  }

  /** True until the connection is closed, by whomever. */
  get isConnected(): boolean {
    return this.#reason === undefined;
  }

  /** Whether somebody reads the messages, or did. @internal */
  get hasReader(): boolean {
    return this.#hasReader;
  }

  /** Resolves once the connection is closed, also for whoever asks late. Never rejects. */
  get closed(): Promise<ConnectionClosedReason> {
    this.#closed ??=
      this.#reason !== undefined
        ? Promise.resolve(this.#reason)
        : new Promise((resolve) => {
            this.#resolveClosed = resolve;
          });
    return this.#closed;
  }

  /** The connection's actor, as long as it lives. */
  get actor(): ConnectionActorRef | undefined {
    return this.#host.actorOf(this.id);
  }

  /**
   * Sends a request or channel message. The promise resolves when the outbox has room, at once while it has; it rejects
   * with ConnectionClosed when the connection is closed, and never becomes an unhandled rejection.
   *
   * @throws InvalidArgument when the message can't be represented, is larger than `limits.frame`, has metadata over
   * `limits.metadataEntries` or `limits.metadataBytes`, or, with `conformance: 'strict'`, has a request id, or a Call a
   * channel id, that is 0 or of the wrong parity, or a channel id twice. Nothing is sent then.
   */
  send(message: Outgoing): Promise<void> {
    const type: unknown = message?.type;
    if (type !== 'RequestMessage' && type !== 'ChannelMessage') {
      throw new InvalidArgument(`send takes a RequestMessage or a ChannelMessage, not ${String(type)}`);
    }
    // Not an object, it is refused by the encoder, which says what it should be.
    const { body } = message;
    if (typeof body === 'object' && body !== null) {
      if ('metadata' in body && body.metadata?.length > 0) {
        checkMetadata(body.metadata, `${body.type}.metadata`, this.#host.config.limits);
      }
      if (this.#host.conformance === 'strict') checkOutgoing(message, this.parity);
    }
    return this.forward(message);
  }

  /** Sends the Response to a request of the peer's; see {@link send}. */
  sendResponse(requestId: RequestId, response: OutgoingResponse): Promise<void> {
    if (typeof response !== 'object' || response === null) throw new InvalidArgument('sendResponse takes a response');
    // Field by field: this is as hot as anything, and a spread costs as much as the encoding.
    const { channels = [], metadata = [], ret } = response;
    return this.send({ type: 'RequestMessage', id: requestId, body: { type: 'Response', channels, metadata, ret } });
  }

  /** Sends on a message as it was received, without a look at what it is; nothing once the connection is closed: 9b.01. @internal */
  forward(message: Outgoing): Promise<void> {
    if (this.#reason !== undefined) return refused(this.#closedError(this.#reason));
    const { type, id, body } = message;
    return this.#host.send({ type, connectionId: this.id, id, body } as DataMessage);
  }

  /** Lets go of the connection, whatever callers it has: a virtual one is closed, the root closed internally. @internal */
  release(): void {
    this.#host.release(this);
  }

  /** Notes that a request failed on our side: whoever reads {@link failures} fails the call, or answers it Cancelled. */
  markFailure(requestId: RequestId, reason: string): void {
    this.#driver?.markFailure(requestId, reason);
    this.#failureStream().push({ requestId, reason }, 0);
  }

  /** The failures noted by {@link markFailure}, in order; ends with the connection. */
  get failures(): AsyncIterable<RequestFailure, undefined> {
    const stream = this.#failureStream();
    return { [Symbol.asyncIterator]: () => ({ next: () => stream.next() }) };
  }

  /**
   * A share in the connection. When the last one is released, a virtual connection is closed; the root is closed
   * internally: the session ends once no virtual connection is left. A connection that never had a caller is not released.
   * `[rpc.caller.liveness.last-drop-closes-connection]`
   *
   * @throws ConnectionClosed when the connection is closed.
   */
  caller(): Caller {
    if (this.#reason !== undefined) throw this.#closedError(this.#reason);
    this.#hadCaller = true;
    this.#shares++;
    return new CallerOf<Connection>(this);
  }

  /**
   * Answers the peer's calls on this connection, each with what `handler` returns or resolves with; it reads the connection
   * from now on, what waits there first. A connection without a handler answers every call that reaches its calls with
   * UnknownMethod. `[rpc.handler]`
   *
   * @throws InvalidArgument when there is a handler or another reader already, or an option is wrong; ConnectionClosed when it
   * is closed.
   */
  serve(handler: ConnectionHandler, options: ServeOptions = {}): void {
    if (typeof handler !== 'function') throw new InvalidArgument('serve takes a function that answers calls');
    objectOf(options, 'options');
    if (this.#reason !== undefined) throw this.#closedError(this.#reason);
    if (this.#driver?.handler !== undefined) throw new InvalidArgument(`connection ${this.id} has a handler already`);
    const credit = options.credit ?? handler.credit ?? DEFAULT_SERVING.credit;
    const refusals = options.refusals ?? handler.refusals ?? DEFAULT_SERVING.refusals;
    const serving = { refusals, credit: typeof credit === 'function' ? credit : creditOf(credit) };
    this.#start((request) => handler(request, this), serving);
  }

  /**
   * Closes a virtual connection, after what was sent on it. Resolves when the Close is on its way, or when the connection
   * is closed already. What was not read yet is dropped. `[connection.close]`
   *
   * @throws InvalidArgument (the promise rejects) on the root, or when the metadata can't be represented.
   */
  async close(options: { metadata?: Metadata } = {}): Promise<void> {
    // What the peer left behind counts against the limit of all inboxes, and nobody will read it.
    if (this.#reason !== undefined) this.#messages?.drop();
    else await this.#host.closeConnection(this, options.metadata);
  }

  /**
   * The connection's messages, in order, to its end; after the peer's Close those that came before it can still be read. A
   * connection has one reader: leaving the loop closes a virtual connection, and on the root the session, with the next message.
   *
   * @throws InvalidArgument when there has been a reader already.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<DataMessage, undefined> {
    if (this.#hasReader) throw new InvalidArgument(`connection ${this.id} has a reader already`);
    this.#hasReader = true;
    const inbox = this.#inbox;
    if (this.#reason !== undefined) inbox.end();
    const reader: AsyncIterableIterator<DataMessage, undefined> = {
      next: () => inbox.next(),
      return: () => {
        // In this order: dropping may let the reading go on, which then has to find the reader gone. 5.16
        this.#host.leave(this);
        inbox.drop();
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]: () => reader,
    };
    return reader;
  }

  toJSON(): unknown {
    const { id, localSettings, peerSettings, isConnected } = this;
    return { id, localSettings, peerSettings, isConnected };
  }

  static {
    // A browser may not have the symbol yet.
    if (Symbol.asyncDispose !== undefined) {
      Object.defineProperty(Connection.prototype, Symbol.asyncDispose, {
        async value(this: Connection): Promise<void> {
          if (this.id === ROOT) this.#host.release(this);
          else await this.close();
        },
      });
    }
  }

  /** @internal */
  deliver(message: DataMessage, size: number): void {
    if (this.#driver !== undefined) this.#driver.receive(message);
    else this.#inbox.push(message, size);
  }

  /** The connection is over. @internal */
  retire(reason: ConnectionClosedReason, keepsInbox: boolean): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const inbox = this.#messages;
    if (keepsInbox) inbox?.end();
    else inbox?.drop();
    if (inbox !== undefined && inbox.length > 0) unreachable.register(this, inbox);
    this.#failures?.end();
    this.#driver?.end(this.#closedError(reason));
    this.#holding?.leave();
    this.#resolveClosed?.(reason);
  }

  /** Tells the user what ends nothing. @internal */
  report(report: Report): void {
    this.#host.report(report);
  }

  /** Calls back after so many milliseconds by the session's clock; gives what calls that off. @internal */
  after(milliseconds: number, callback: () => void): () => void {
    const timer = this.#host.setTimeout(callback, milliseconds);
    return () => this.#host.clearTimeout(timer);
  }

  /** What makes and answers calls. @internal */
  get driver(): Driver {
    return this.#driver ?? this.#start();
  }

  /** What waits here to be read. @internal */
  get holding(): Holding {
    this.#holding ??= new Holding(this.id, this.#host.stock);
    return this.#holding;
  }

  /** One more that the connection stays open for. @internal */
  hold(): void {
    this.#shares++;
  }

  /** One less: with the last, a connection that had a caller is let go. @internal */
  unhold(): void {
    this.#shares--;
    if (this.#shares === 0 && this.#hadCaller) this.#host.release(this);
  }

  /** What makes and answers calls, from the first time that somebody asks for it. */
  #start(handler?: Handler, serving = DEFAULT_SERVING): Driver {
    if (this.#driver !== undefined) {
      if (handler !== undefined) this.#driver.serve(handler, serving);
      return this.#driver;
    }
    if (this.#hasReader) throw new InvalidArgument(`connection ${this.id} has a reader already`);
    this.#hasReader = true;
    const driver = new Driver(new ConnectionLine(this, this.#host));
    if (handler !== undefined) driver.serve(handler, serving);
    this.#driver = driver;
    const inbox = this.#messages;
    // In their order, before whatever comes next.
    for (let message = inbox?.shift(); message !== undefined; message = inbox?.shift()) driver.receive(message);
    return driver;
  }

  get #inbox(): Inbox<DataMessage> {
    this.#messages ??= new Inbox(this.holding, detachedMessage);
    return this.#messages;
  }

  #failureStream(): Inbox<RequestFailure> {
    if (this.#failures === undefined) {
      this.#failures = new Inbox(new Holding(this.id, this.#host.failures));
      if (this.#reason !== undefined) this.#failures.end();
    }
    return this.#failures;
  }

  #closedError({ by }: ConnectionClosedReason): ConnectionClosed {
    const whom = { local: 'us', peer: 'the peer', session: 'the end of the session' }[by];
    return new ConnectionClosed(by, `connection ${this.id} was closed by ${whom}`, this.#host.endError);
  }
}
