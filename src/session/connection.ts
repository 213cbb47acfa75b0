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
  /** What callers get where the handler gives no answer; by default its own, or what the session's codec says. */
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
  /** Throws when the peer can't take the credit of a channel. @internal */
  checkCredits?(maxUnconsumed: number): void;
}

/** The session behind a connection. */
export interface ConnectionHost extends EndpointHost {
  // By connection, not by id: the peer may open an id of its own again, and an old handle must not touch the new one.
  closeConnection(connection: Connection, metadata: Metadata | undefined): Promise<void>;
  release(connection: Connection): void;
  leave(connection: Connection): void;
  actorOf(id: ConnectionId): ConnectionActorRef | undefined;
}

/** A share in a connection, and what makes calls on it; see {@link Connection.caller}. */
export type Caller = CallerOf<Connection>;

/** A connection that both sides have agreed on: the root, or a virtual one. */
export class Connection extends Endpoint implements AsyncIterable<DataMessage, undefined>, AsyncDisposable {
  /** `await using` closes a virtual connection, and releases the root. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  /** What came with the peer's Open, Accept, Hello or HelloYourself. */
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

  /** Lets go of the connection, whatever callers it has: a virtual one is closed, the root closed internally. @internal */
  release(): void {
    this.#host.release(this);
  }

  /**
   * A share in the connection. When the last one is released, a virtual connection is closed; the root is closed
   * internally: the session ends once no virtual connection is left. A connection that never had a caller is not released.
   * `[rpc.caller.liveness.last-drop-closes-connection]`
   *
   * @throws ConnectionClosed when the connection is closed.
   */
  caller(): Caller {
    this.share();
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
    this.requireOpen();
    handler.checkCredits?.(this.maxUnconsumed);
    const serving = servingBy(this.#host.config.codec);
    const { refusals: own = serving.refusals, credit: ownCredit = serving.credit } = handler;
    const { refusals = own, credit = ownCredit } = options;
    this.answer((request) => handler(request, this), servingOf(refusals, credit));
  }

  /**
   * Closes a virtual connection, after what was sent on it. Resolves when the Close is on its way, or when the connection
   * is closed already. What was received can still be read by the reader that was taken; without one it is dropped, and a
   * second `close()` drops it in any case. `[connection.close]`
   *
   * @throws InvalidArgument (the promise rejects) on the root, or when the metadata can't be represented.
   */
  async close(options: { metadata?: Metadata } = {}): Promise<void> {
    objectOf(options, 'options');
    // What is left unread counts against the limit of all inboxes.
    if (this.isConnected) await this.#host.closeConnection(this, options.metadata);
    else this.dropUnread();
  }

  /**
   * The connection's messages, in order, to its end: those that were received before it can still be read afterwards. A
   * connection has one reader: leaving the loop closes a virtual connection, and on the root the session, with the next message.
   *
   * @throws InvalidArgument when there has been a reader already.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<DataMessage, undefined> {
    const inbox = this.read();
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
          this.dropUnread();
          if (this.id === ROOT) this.#host.release(this);
          else await this.close();
        },
      });
    }
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
}
