import type { Conformance, OpenedConnection } from '../machines/events.js';
import { checkMetadata } from './arguments.js';
import { detachedMessage } from './detach.js';
import { type ClosedBy, ConnectionClosed, InvalidArgument } from './errors.js';
import { Inbox, type Stock } from './inbox.js';
import type { Limits } from './limits.js';
import type { ConnectionActorRef } from './registry.js';
import {
  type ChannelId,
  type ConnectionId,
  hasParity,
  opposite,
  type Parity,
  type RequestId,
  ROOT,
} from './wire/id.js';
import type { ChannelMessage, ConnectionSettings, DataMessage, RequestMessage, Response } from './wire/message.js';
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

/** What to send: a request or channel message without a connection id, which is the connection's own. */
export type Outgoing = Omit<RequestMessage, 'connectionId'> | Omit<ChannelMessage, 'connectionId'>;

/** What to answer a Call with. */
export interface OutgoingResponse extends Omit<Response, 'type' | 'channels' | 'metadata'> {
  /** Empty by default. */
  readonly channels?: Response['channels'];
  /** Empty by default. */
  readonly metadata?: Metadata;
}

/** A share in a connection; see {@link Connection.caller}. */
export interface Caller extends Disposable {
  readonly connection: Connection;
  /** Gives the share back; once, however often it is called. */
  release(): void;
}

/** The session behind a connection. */
export interface ConnectionHost {
  readonly conformance: Conformance;
  readonly config: { readonly limits: Limits };
  readonly stock: Stock;
  readonly failures: Stock;
  send(message: DataMessage): Promise<void>;
  // By connection, not by id: the peer may open an id of its own again, and an old handle must not touch the new one.
  closeConnection(connection: Connection, metadata: Metadata | undefined): Promise<void>;
  release(connection: Connection): void;
  leave(connection: Connection): void;
  actorOf(id: ConnectionId): ConnectionActorRef | undefined;
  /** Why the session ended, if it has. */
  readonly endError: Error | undefined;
}

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
  #failures: Inbox<RequestFailure> | undefined;
  #callers = 0;
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
      if (this.#host.conformance === 'strict') this.#check(message);
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
    this.#callers++;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      this.#callers--;
      if (this.#callers === 0) this.#host.release(this);
    };
    return withDispose({ connection: this, release }, release);
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
    this.#inbox.push(message, size);
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
    this.#resolveClosed?.(reason);
  }

  get #inbox(): Inbox<DataMessage> {
    this.#messages ??= new Inbox(this.id, this.#host.stock, detachedMessage);
    return this.#messages;
  }

  #failureStream(): Inbox<RequestFailure> {
    if (this.#failures === undefined) {
      this.#failures = new Inbox(this.id, this.#host.failures);
      if (this.#reason !== undefined) this.#failures.end();
    }
    return this.#failures;
  }

  #closedError({ by }: ConnectionClosedReason): ConnectionClosed {
    const whom = { local: 'us', peer: 'the peer', session: 'the end of the session' }[by];
    return new ConnectionClosed(by, `connection ${this.id} was closed by ${whom}`, this.#host.endError);
  }

  /** 9a.13: what a bare session knows to break a rule of the peer's. What is no id at all, the encoder refuses. */
  #check({ type, id, body }: Outgoing): void {
    if (typeof id !== 'number') return;
    if (id === ROOT) throw new InvalidArgument(`${type}: id 0 has no parity and is never allocated`);
    if (body.type === 'Call' || body.type === 'Cancel') {
      if (!hasParity(id, this.parity)) throw new InvalidArgument(`${body.type}: request ${id} is not of our parity`);
    } else if (body.type === 'Response' && !hasParity(id, opposite(this.parity))) {
      throw new InvalidArgument(`Response: request ${id} is not of the peer's parity`);
    }
    if (body.type === 'Call' && Array.isArray(body.channels)) this.#checkChannels(body.channels);
  }

  /** A Call names channels that its sender allocates. */
  #checkChannels(channels: readonly ChannelId[]): void {
    const named = new Set<ChannelId>();
    for (const [index, id] of channels.entries()) {
      if (typeof id !== 'number') return;
      const name = `Call.channels[${index}]`;
      if (id === ROOT) throw new InvalidArgument(`${name}: id 0 has no parity and is never allocated`);
      if (!hasParity(id, this.parity)) throw new InvalidArgument(`${name}: channel ${id} is not of our parity`);
      if (named.has(id)) throw new InvalidArgument(`${name}: channel ${id} is named twice`);
      named.add(id);
    }
  }
}

// A browser may not have these symbols yet, and then nobody can use them either.
function withDispose<T extends object>(caller: T, release: () => void): T & Disposable {
  return Symbol.dispose === undefined ? (caller as T & Disposable) : { ...caller, [Symbol.dispose]: release };
}

/** A rejection that is no unhandled one if nobody looks. */
function refused(error: Error): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(() => {});
  return promise;
}
