import { incomingCallMachine } from '../../machines/call.js';
import type { IncomingCallPort } from '../../machines/call-events.js';
import { arrayOf } from '../base/check.js';
import {
  Cancelled,
  ConnectionClosed,
  InvalidArgument,
  InvalidPayload,
  Unavailable,
  UnknownMethod,
} from '../base/errors.js';
import { isThenable, SENT } from '../base/promise.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import type { RequestId } from '../wire/id.js';
import type { Call, Response } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Rx, Tx } from './channel.js';
import type { Channels } from './channels.js';
import { drainingError } from './drain.js';
import type { ConnectionScope } from './scope.js';
import type { OfferedChannel } from './unbound-channel.js';

const TABLE = tableOf(incomingCallMachine);

const NOTHING: [] = [];

/** A call of the peer, as its handler sees it. */
export interface IncomingRequest {
  readonly methodId: bigint;
  /** A view of the bytes that were received. A handler that keeps it for long copies it. */
  readonly args: Uint8Array;
  readonly metadata: Metadata;
  /**
   * The channels that the caller has named, in the caller's order. A channel that is not taken when the call is
   * answered can't be taken later.
   */
  readonly channels: readonly OfferedChannel[];
  /** Aborts when the answer is not needed any more: the caller cancelled, or the connection ended. */
  readonly signal: AbortSignal;
  /** Aborts when this side drains the session, if the handler is still at work then. */
  readonly draining: AbortSignal;
  /** The request's id. */
  readonly id: RequestId;
}

/** The answer of a handler: the bytes alone, or the bytes with metadata and channels of ours. */
export type Reply =
  | Uint8Array
  | {
      readonly ret: Uint8Array;
      readonly metadata?: Metadata;
      /** Ends of channels for the caller. The caller gets these, and we keep the other ones. */
      readonly channels?: readonly (Tx<Uint8Array> | Rx<Uint8Array>)[];
    };

/**
 * Answers the calls of a connection: each once, now or later. An error that it throws is reported, and the caller gets
 * `Cancelled`.
 */
export type Handler = (request: IncomingRequest) => Reply | Promise<Reply>;

/** The bytes that a caller gets when the handler does not answer, one for each reason. */
export interface Refusals {
  readonly unknownMethod: Uint8Array;
  readonly invalidPayload: Uint8Array;
  readonly cancelled: Uint8Array;
}

/** The handler of a connection's calls, and the bytes that callers get where it gives no answer. */
export interface Answering {
  readonly handler: Handler | undefined;
  readonly refusals: Refusals;
  /** Returns the name of a method, for reports. */
  readonly nameOf?: ((methodId: bigint) => string | undefined) | undefined;
}

/** One call of the peer, from its arrival until its handler is done. */
export class IncomingCall implements IncomingCallPort, IncomingRequest {
  readonly id: RequestId;
  readonly methodId: bigint;
  readonly args: Uint8Array;
  readonly metadata: Metadata;
  readonly channels: readonly OfferedChannel[];
  readonly #scope: ConnectionScope;
  readonly #ends: Channels;
  readonly #answering: Answering;
  readonly #onAnswer: (call: IncomingCall) => void;
  readonly #stepper: Stepper<typeof incomingCallMachine>;
  #controller: AbortController | undefined;
  #drainController: AbortController | undefined;
  #isAborted = false;
  #isFinished = false;

  /** `onAnswer` is called just before the Response leaves: from then on the peer may use the id again. */
  constructor(
    scope: ConnectionScope,
    ends: Channels,
    answering: Answering,
    id: RequestId,
    body: Call,
    channels: readonly OfferedChannel[],
    onAnswer: (call: IncomingCall) => void,
  ) {
    this.id = id;
    this.methodId = body.methodId;
    this.args = body.args;
    this.metadata = body.metadata;
    this.channels = channels;
    this.#scope = scope;
    this.#ends = ends;
    this.#answering = answering;
    this.#onAnswer = onAnswer;
    this.#stepper = new Stepper(TABLE, { port: this, cancelled: answering.refusals.cancelled }, scope.observer);
  }

  /** Made when it is first read: few handlers read it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort(this.#reason());
    }
    return this.#controller.signal;
  }

  /** Made when it is first read: few handlers read it. */
  get draining(): AbortSignal {
    if (this.#drainController === undefined) {
      const { drain } = this.#scope;
      this.#drainController = drain.controller();
      if (this.#isFinished) drain.forget(this.#drainController);
    }
    return this.#drainController.signal;
  }

  /** Starts the handler. */
  start(): void {
    this.#stepper.start();
  }

  cancel(): void {
    this.#stepper.send({ type: 'rx.Cancel' });
  }

  /** Gives the call up, since the time of a drain is over. */
  cut(): void {
    this.#stepper.send({ type: 'session.cut' });
  }

  /** Answers the call in the handler's place. */
  fail(ret: Uint8Array): void {
    this.#stepper.send({ type: 'app.fail', ret });
    this.#finish();
  }

  end(): void {
    this.#stepper.send({ type: 'connection.ended' });
  }

  // ---- Effects ----

  handle(): void {
    const { handler, refusals } = this.#answering;
    // r[rpc.unknown-method]
    if (handler === undefined) {
      this.fail(refusals.unknownMethod);
      return;
    }
    try {
      const reply = handler(this);
      if (isThenable(reply)) {
        reply.then(
          (value) => this.#reply(value),
          (error: unknown) => this.#thrown(error),
        );
      } else {
        this.#reply(reply);
      }
    } catch (error) {
      this.#thrown(error);
    }
  }

  transmit(body: Response): void {
    const { outbox, id: connectionId } = this.#scope;
    this.#onAnswer(this);
    try {
      const sent = outbox.send({ type: 'RequestMessage', connectionId, id: this.id, body });
      if (body.channels.length > 0) this.#ends.activate(body.channels);
      if (sent !== SENT) sent.catch((error: Error) => this.#respondInstead(body, error));
    } catch (error) {
      this.#respondInstead(body, error as Error);
    }
    // 9a.21: a channel that the handler has not taken by now can't be taken any more.
    for (const channel of this.channels) channel.release();
  }

  /** Sends a Response that says that the handler's answer can't be sent. */
  #respondInstead({ channels }: Response, error: Error): void {
    const { outbox, conduit, isOver, id: connectionId } = this.#scope;
    this.#ends.abandon(channels, error);
    if (isOver) return;
    const message = `the answer to ${this.#description} can't be sent on connection ${connectionId}`;
    conduit.report({ kind: 'handler-failed', id: connectionId, message, error });
    const body: Response = { type: 'Response', channels: [], metadata: [], ret: this.#answering.refusals.cancelled };
    outbox.transmit({ type: 'RequestMessage', connectionId, id: this.id, body });
  }

  abort(): void {
    this.#isAborted = true;
    const controller = this.#controller;
    if (controller === undefined) return;
    // The listeners of the signal are the application's.
    this.#scope.conduit.callUser(
      () => controller.abort(this.#reason()),
      () => {},
    );
  }

  retain(): void {
    this.#scope.shares++;
  }

  release(): void {
    this.#scope.release();
  }

  // ---- The handler's answer ----

  #reply(reply: Reply): void {
    try {
      const response: Response =
        reply instanceof Uint8Array
          ? { type: 'Response', channels: NOTHING, metadata: NOTHING, ret: reply }
          : this.#responseOf(reply);
      this.#stepper.send({ type: 'app.reply', response });
    } catch (error) {
      this.#forgo(reply, error as Error);
      this.#thrown(error);
      return;
    }
    this.#finish();
  }

  /** @throws InvalidArgument when `reply` is no answer. */
  #responseOf(reply: unknown): Response {
    const { ret, metadata, channels = NOTHING } = (reply ?? {}) as Partial<Exclude<Reply, Uint8Array>>;
    if (!(ret instanceof Uint8Array)) {
      throw new InvalidArgument('a handler must answer with bytes, or with { ret } of bytes');
    }
    const checked = this.#scope.metadataOf(metadata);
    arrayOf(channels, 'channels', ' of ends of channels');
    if (!this.#isAborted) return { type: 'Response', channels: this.#ends.pass(channels), metadata: checked, ret };
    // No caller waits that could get the channels. The chart sends no Response.
    this.#ends.forgo(channels, this.#reason() as Error);
    return { type: 'Response', channels: NOTHING, metadata: checked, ret };
  }

  /** Refuses the channels of a reply that is not sent. The application's other ends report why. */
  #forgo(reply: unknown, error: Error): void {
    try {
      const { channels = NOTHING } = reply as Partial<Exclude<Reply, Uint8Array>>;
      this.#ends.forgo(channels, error);
    } catch {
      // The reply names no ends of channels.
    }
  }

  #thrown(error: unknown): void {
    const { refusals } = this.#answering;
    let ret = refusals.cancelled;
    if (error instanceof UnknownMethod) {
      ret = refusals.unknownMethod;
    } else if (error instanceof InvalidPayload) {
      ret = refusals.invalidPayload;
    } else if (!(error instanceof Cancelled || this.#isGivenUp(error))) {
      const { conduit, id } = this.#scope;
      const message = `the handler of ${this.#description} failed on connection ${id}`;
      conduit.report({ kind: 'handler-failed', id, message, error });
    }
    this.fail(ret);
  }

  /**
   * Returns true if `error` says only that no caller waits, or that the session is drained: it comes from one of the signals,
   * or from a call or channel that ended with a connection or a drain.
   */
  #isGivenUp(error: unknown): boolean {
    if (this.#scope.drain.isReason(error)) return true;
    const isOfEnd = error instanceof ConnectionClosed || error instanceof Unavailable;
    return this.#isAborted && isOfEnd;
  }

  /** Names the request for reports, with its method if that is known. */
  get #description(): string {
    const name = this.#answering.nameOf?.(this.methodId);
    return name === undefined ? `request ${this.id}` : `${name} (request ${this.id})`;
  }

  #reason(): unknown {
    const { drain, endError } = this.#scope;
    if (drain.isOver) return drainingError('local');
    return endError ?? new Cancelled('peer', 'the caller cancelled the call');
  }

  /** Counts the handler as done, once. */
  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const { drain, load } = this.#scope;
    if (this.#drainController !== undefined) drain.forget(this.#drainController);
    load.requests--;
    drain.watcher?.changed();
  }
}
