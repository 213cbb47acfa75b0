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

/** The session behind the end of a connection. */
export interface EndpointHost extends LineHost {
  /** What waits to be read, of all connections together. */
  readonly stock: Stock;
  readonly failures: Stock;
  /** Why the session ended, if it has. */
  readonly endError: Error | undefined;
}

/**
 * Our end of a connection, as the session and the calls on it have it: who gets what comes (an inbox, until there is the one
 * reader or the driver of the calls), how long the connection stays open (while there are shares in it), and what ends with
 * it. What users ask of a connection stands in the class that extends this one: were it another object, every message would
 * take a step more.
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
  /** What the connection stays open for: callers, calls of ours that wait, handlers at work, ends of channels. */
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

  /** Which ids we allocate on this connection, for requests and for channels. `[connection.parity]` */
  get parity(): Parity {
    return this.localSettings.parity;
  }

  /** True until the connection is closed, by whomever. */
  get isConnected(): boolean {
    return this.#reason === undefined;
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

  /** Sends on a message as it was received, without a look at what it is; nothing once the connection is closed: 9b.01. @internal */
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
   * Whether a message of the peer's may come. Where there is no room for it, the reading stops, and it comes again later.
   * Calls are answered, and need none; of what their channels hold, only the bytes are bounded here. @internal
   */
  admits(message: DataMessage): boolean {
    if (this.#driver === undefined) {
      return this.#messages === undefined ? admits(this.#host.stock, this.id) : this.#messages.admits(this.id);
    }
    return message.body.type !== 'Item' || admits(this.#host.stock, this.id);
  }

  /** Whether somebody reads the messages, or did. @internal */
  get hasReader(): boolean {
    return this.#hasReader;
  }

  /** What makes and answers calls. @internal */
  get driver(): Driver {
    return this.#driver ?? this.#start();
  }

  /** What waits here to be read. @internal */
  get holding(): Holding {
    this.#holding ??= new Holding(this.#host.stock);
    return this.#holding;
  }

  /** What its one reader reads. @throws InvalidArgument when there has been a reader already. */
  protected read(): Inbox<DataMessage> {
    this.#claim();
    const inbox = this.#inbox;
    if (this.#reason !== undefined) inbox.end();
    return inbox;
  }

  /** Drops what is unread when the connection is over. */
  protected dropUnread(): void {
    this.#isDropped = true;
    if (this.#reason !== undefined) this.#messages?.drop();
  }

  /** Answers calls by `handler`. @throws InvalidArgument when there is one, or another reader, already. */
  protected answer(handler: Handler, serving: Serving): void {
    if (this.#driver?.handler !== undefined) throw new InvalidArgument(`connection ${this.id} has a handler already`);
    this.#start(handler, serving);
  }

  /**
   * Notes that a request failed on our side: whoever reads {@link failures} fails the call, or answers it Cancelled.
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

  /** What makes and answers calls, from the first time that somebody asks for it. */
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
    // In their order, before whatever comes next.
    for (let message = inbox?.shift(); message !== undefined; message = inbox?.shift()) driver.receive(message);
    // 9b.22: a caller may make its first call when the connection is closed.
    if (this.#reason !== undefined) driver.end(this.#closedError(this.#reason));
    return driver;
  }

  // ---- How long it stays open ----

  /** The share of a caller. @throws ConnectionClosed when the connection is closed. */
  protected share(): void {
    this.requireOpen();
    this.#hadCaller = true;
    this.#shares++;
  }

  /** One more that the connection stays open for. @internal */
  hold(): void {
    this.#shares++;
  }

  /** One less: with the last, a connection that had a caller is let go. @internal */
  unhold(): void {
    this.#shares--;
    if (this.#shares === 0 && this.#hadCaller && this.isConnected) this.release();
  }

  /** Lets go of the connection, whatever callers it has. @internal */
  abstract release(): void;

  // ---- Its end ----

  /**
   * The connection is over. What was received can still be read, unless the end is our own (`isOurs`) and no reader was taken.
   * Row "5 readable".
   * @internal
   */
  retire(reason: ConnectionClosedReason, isOurs: boolean): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const inbox = this.#messages;
    if (this.#isDropped || (isOurs && !this.#hasReader)) inbox?.drop();
    else inbox?.end();
    // What is left counts while the application holds the handle: peers could open, fill and close connections for ever.
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
