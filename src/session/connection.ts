import type { OpenedConnection } from '../../machines/events.js';
import { objectOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import type { Limits } from '../base/limits.js';
import type { Report } from '../base/report.js';
import type { IncomingRequest, Refusals, Reply } from '../calls/incoming-call.js';
import { type Credit, servingBy, servingOf } from '../calls/serving.js';
import { checkMetadata } from '../codec/metadata.js';
import { type ConnectionId, type RequestId, ROOT } from '../wire/id.js';
import type { DataMessage } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import { CallerOf } from './caller.js';
import type { ConnectionActorRef } from './connection-actors.js';
import { Endpoint, type EndpointHost } from './endpoint.js';
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
  /** Throws when the peer can't take the credit of a channel. @internal */
  checkCredits?(maxUnconsumed: number): void;
}

/** The session behind a connection. */
export interface ConnectionHost extends EndpointHost {
  // Pass the connection, not its id: the peer may open an id of its own again, and an old handle must not touch the new
  // connection.
  closeConnection(connection: Connection, metadata: Metadata | undefined): Promise<void>;
  release(connection: Connection): void;
  leave(connection: Connection): void;
  actorOf(id: ConnectionId): ConnectionActorRef | undefined;
}

/** A share in a connection, which makes calls on it; see {@link Connection.caller}. */
export type Caller = CallerOf<Connection>;

/** A connection that both sides have agreed on: the root, or a virtual one. */
export class Connection extends Endpoint implements AsyncIterable<DataMessage, undefined>, AsyncDisposable {
  /** `await using` closes a virtual connection, and releases the root. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  /** The metadata of the peer's Open, Accept, Hello or HelloYourself. */
  readonly peerMetadata: Metadata;
  readonly #host: ConnectionHost;

  /** @internal */
  constructor(host: ConnectionHost, opened: OpenedConnection) {
    super(host, opened);
    this.#host = host;
    this.peerMetadata = opened.metadata;
  }

  /** The limits of the session. @internal */
  get limits(): Limits {
    return this.#host.config.limits;
  }

  /** Items of one channel that the peer has not consumed, at most. @internal */
  get maxUnconsumed(): number {
    return this.#host.config.peer.maxUnconsumed;
  }

  /** True if the peer answers every call on the root. @internal */
  get answersOnRoot(): boolean {
    return this.#host.config.peer.answersOnRoot;
  }

  /** The connection's actor, as long as it lives. */
  get actor(): ConnectionActorRef | undefined {
    return this.#host.actorOf(this.id);
  }

  /**
   * Sends a request or channel message. The promise resolves when the outbox has room, which is at once while it has.
   * It rejects with ConnectionClosed when the connection is closed. It never becomes an unhandled rejection.
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
        checkMetadata(body.metadata, `${body.type}.metadata`, this.#host.config.limits);
      }
      if (this.#host.conformance === 'strict') checkOutgoing(message, this.parity);
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
   * Releases the connection, even if it has callers: a virtual connection is closed, the root closed internally.
   * @internal
   */
  release(): void {
    this.#host.release(this);
  }

  /**
   * Returns a share in the connection. When the last share is released, a virtual connection is closed. The root is
   * closed internally: the session ends once no virtual connection is left. A connection that never had a caller is not
   * released. `[rpc.caller.liveness.last-drop-closes-connection]`
   *
   * @throws ConnectionClosed when the connection is closed.
   */
  caller(): Caller {
    this.share();
    return new CallerOf<Connection>(this);
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
    this.requireOpen();
    handler.checkCredits?.(this.maxUnconsumed);
    const serving = servingBy(this.#host.config.codec);
    const { refusals: own = serving.refusals, credit: ownCredit = serving.credit } = handler;
    const { refusals = own, credit = ownCredit } = options;
    this.answer((request) => handler(request, this), servingOf(refusals, credit));
  }

  /**
   * Closes a virtual connection, after what was sent on it. Resolves when the Close is on its way, or when the
   * connection is closed already. A reader that was taken can still read the messages that were received. Without a
   * reader they are dropped. A second `close()` drops them in any case. `[connection.close]`
   *
   * @throws InvalidArgument (the promise rejects) on the root, or when the metadata can't be represented.
   */
  async close(options: { metadata?: Metadata } = {}): Promise<void> {
    objectOf(options, 'options');
    // Drop the messages that are left unread: they count against the limit of all inboxes.
    if (this.isConnected) await this.#host.closeConnection(this, options.metadata);
    else this.dropUnread();
  }

  /**
   * Iterates over the connection's messages, in order, to its end. Messages that were received before the end can still
   * be read after it. A connection has one reader. When that leaves the loop, the next message closes a virtual
   * connection, or for the root the session.
   *
   * @throws InvalidArgument when there has been a reader already.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<DataMessage, undefined> {
    const inbox = this.read();
    const reader: AsyncIterableIterator<DataMessage, undefined> = {
      next: () => inbox.next(),
      return: () => {
        // Leave first: dropping the inbox may resume reading, and the reader must be gone by then. 5.16
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
          this.dropUnread();
          if (this.id === ROOT) this.#host.release(this);
          else await this.close();
        },
      });
    }
  }

  /** Reports to the application an event that ends nothing. @internal */
  report(report: Report): void {
    this.#host.report(report);
  }

  /** Calls back after `milliseconds` by the session's clock. Returns a function that cancels that. @internal */
  after(milliseconds: number, callback: () => void): () => void {
    const timer = this.#host.setTimeout(callback, milliseconds);
    return () => this.#host.clearTimeout(timer);
  }
}
