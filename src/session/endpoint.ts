import type { OpenedConnection } from '../../machines/events.js';
import { idOf, shown } from '../base/check.js';
import { type ClosedBy, ConnectionClosed, InvalidArgument } from '../base/errors.js';
import { Driver } from '../calls/calls.js';
import type { Handler } from '../calls/incoming-call.js';
import { DEFAULT_SERVING, type Serving } from '../calls/serving.js';
import { unreadable } from '../calls/unreachable.js';
import { detachedMessage } from '../conduit/detach.js';
import { Inbox } from '../conduit/inbox.js';
import { refused } from '../conduit/outbox.js';
import { admits, Holding, type Stock } from '../conduit/stock.js';
import type { ConnectionId, Parity, RequestId } from '../wire/id.js';
import type { ConnectionSettings, DataMessage } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import { ConnectionLine, type LineHost } from './connection-line.js';
import type { Outgoing } from './outgoing.js';

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

/** The session behind the end of a connection. */
export interface EndpointHost extends LineHost {
  /** The messages that wait to be read, of all connections together. */
  readonly stock: Stock;
  readonly failures: Stock;
  /** The error that says why the session ended, once it has. */
  readonly endError: Error | undefined;
}

/**
 * Our end of a connection, as the session and the calls on it use it. It decides which reader gets the messages: an
 * inbox, until there is the one reader or the driver of the calls. It decides how long the connection stays open: while
 * there are shares in it. It ends all that ends with the connection. The methods for the application are in the class
 * that extends this one: with a second object instead, every message would take one more step.
 */
export abstract class Endpoint {
  readonly id: ConnectionId;
  readonly localSettings: ConnectionSettings;
  readonly peerSettings: ConnectionSettings;
  readonly #host: EndpointHost;
  /** Made when it is first needed: most of ten thousand connections may be idle. */
  #messages: Inbox<DataMessage> | undefined;
  #holding: Holding | undefined;
  #failures: Inbox<RequestFailure> | undefined;
  #driver: Driver | undefined;
  #hasReader = false;
  #isDropped = false;
  #hadCaller = false;
  /**
   * The number of shares for which the connection stays open: callers, calls of ours that wait, handlers at work, ends
   * of channels.
   */
  #shares = 0;
  #reason: ConnectionClosedReason | undefined;
  #closed: Promise<ConnectionClosedReason> | undefined;
  #resolveClosed: ((reason: ConnectionClosedReason) => void) | undefined;

  constructor(host: EndpointHost, { id, localSettings, peerSettings }: OpenedConnection) {
    this.#host = host;
    this.id = id;
    this.localSettings = localSettings;
    this.peerSettings = peerSettings;
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

  /**
   * Sends a message on as it was received, without checking it. Sends nothing once the connection is closed: 9b.01.
   * @internal
   */
  forward(message: Outgoing): Promise<void> {
    if (this.#reason !== undefined) return refused(this.#closedError(this.#reason));
    const { type, id, body } = message;
    return this.#host.send({ type, connectionId: this.id, id, body } as DataMessage);
  }

  // ---- Who gets what comes ----

  /** @internal */
  deliver(message: DataMessage, size: number): void {
    if (this.#driver !== undefined) this.#driver.receive(message);
    else this.#inbox.push(message, size);
  }

  /**
   * Returns true if a message of the peer may come. If there is no room for it, reading stops, and the message comes
   * again later. Calls are answered, and need no room. For the channels of calls, only the bytes that they hold are
   * bounded here. @internal
   */
  admits(message: DataMessage): boolean {
    if (this.#driver === undefined) {
      return this.#messages === undefined ? admits(this.#host.stock, this.id) : this.#messages.admits(this.id);
    }
    return message.body.type !== 'Item' || admits(this.#host.stock, this.id);
  }

  /** True if the messages have a reader, or had one. @internal */
  get hasReader(): boolean {
    return this.#hasReader;
  }

  /** The driver, which makes and answers calls. @internal */
  get driver(): Driver {
    return this.#driver ?? this.#start();
  }

  /** The bytes that wait to be read on this connection. @internal */
  get holding(): Holding {
    this.#holding ??= new Holding(this.#host.stock);
    return this.#holding;
  }

  /** Returns the inbox for the one reader. @throws InvalidArgument when there has been a reader already. */
  protected read(): Inbox<DataMessage> {
    this.#claim();
    const inbox = this.#inbox;
    if (this.#reason !== undefined) inbox.end();
    return inbox;
  }

  /** Drops the unread messages once the connection is over. */
  protected dropUnread(): void {
    this.#isDropped = true;
    if (this.#reason !== undefined) this.#messages?.drop();
  }

  /** Answers calls with `handler`. @throws InvalidArgument when there is a handler, or another reader, already. */
  protected answer(handler: Handler, serving: Serving): void {
    if (this.#driver?.handler !== undefined) throw new InvalidArgument(`connection ${this.id} has a handler already`);
    this.#start(handler, serving);
  }

  /**
   * Notes that a request failed on our side. The driver, or a reader of {@link failures}, fails the call, or answers it
   * Cancelled.
   *
   * @throws InvalidArgument when the id is none, or the reason no text.
   */
  markFailure(requestId: RequestId, reason: string): void {
    idOf(requestId, 'requestId');
    if (typeof reason !== 'string') throw new InvalidArgument(`reason must be a string, not ${shown(reason)}`);
    this.#driver?.markFailure(requestId, reason);
    this.#failureStream().push({ requestId, reason }, 0);
  }

  /** The failures noted by {@link markFailure}, in order; ends with the connection. */
  get failures(): AsyncIterable<RequestFailure, undefined> {
    const stream = this.#failureStream();
    return { [Symbol.asyncIterator]: () => ({ next: () => stream.next() }) };
  }

  get #inbox(): Inbox<DataMessage> {
    this.#messages ??= new Inbox(this.holding, detachedMessage);
    return this.#messages;
  }

  #failureStream(): Inbox<RequestFailure> {
    if (this.#failures === undefined) {
      this.#failures = new Inbox(new Holding(this.#host.failures));
      if (this.#reason !== undefined) this.#failures.end();
    }
    return this.#failures;
  }

  #claim(): void {
    if (this.#hasReader) throw new InvalidArgument(`connection ${this.id} has a reader already`);
    this.#hasReader = true;
  }

  /** Returns the driver, which makes and answers calls. Makes it when it is first needed. */
  #start(handler?: Handler, serving = DEFAULT_SERVING): Driver {
    if (this.#driver !== undefined) {
      if (handler !== undefined) this.#driver.serve(handler, serving);
      return this.#driver;
    }
    this.#claim();
    const driver = new Driver(new ConnectionLine(this, this.#host));
    if (handler !== undefined) driver.serve(handler, serving);
    this.#driver = driver;
    const inbox = this.#messages;
    // Give the driver the messages that wait, in order, before the next ones come.
    for (let message = inbox?.shift(); message !== undefined; message = inbox?.shift()) driver.receive(message);
    // 9b.22: a caller may make its first call when the connection is already closed.
    if (this.#reason !== undefined) driver.end(this.#closedError(this.#reason));
    return driver;
  }

  // ---- How long it stays open ----

  /** Adds the share of a caller. @throws ConnectionClosed when the connection is closed. */
  protected share(): void {
    this.requireOpen();
    this.#hadCaller = true;
    this.#shares++;
  }

  /** Adds a share for which the connection stays open. @internal */
  hold(): void {
    this.#shares++;
  }

  /** Removes a share. With the last one, a connection that had a caller is released. @internal */
  unhold(): void {
    this.#shares--;
    if (this.#shares === 0 && this.#hadCaller && this.isConnected) this.release();
  }

  /** Releases the connection, even if it has callers. @internal */
  abstract release(): void;

  // ---- Its end ----

  /**
   * Ends the connection. Messages that were received can still be read, unless the end is our own (`isOurs`) and no
   * reader was taken. Row "5 readable".
   * @internal
   */
  retire(reason: ConnectionClosedReason, isOurs: boolean): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const inbox = this.#messages;
    if (this.#isDropped || (isOurs && !this.#hasReader)) inbox?.drop();
    else inbox?.end();
    // Messages that are left count while the application holds the handle: otherwise a peer could open, fill and close
    // connections for ever. When the Connection is garbage-collected, its queue drops the unread messages.
    if (inbox !== undefined && inbox.length > 0) unreadable(this, inbox.part);
    this.#failures?.end();
    this.#driver?.end(this.#closedError(reason));
    this.#holding?.leave();
    this.#resolveClosed?.(reason);
  }

  /** @throws ConnectionClosed when the connection is closed. */
  protected requireOpen(): void {
    if (this.#reason !== undefined) throw this.#closedError(this.#reason);
  }

  #closedError({ by }: ConnectionClosedReason): ConnectionClosed {
    const whom = { local: 'us', peer: 'the peer', session: 'the end of the session' }[by];
    return new ConnectionClosed(by, `connection ${this.id} was closed by ${whom}`, this.#host.endError);
  }
}
