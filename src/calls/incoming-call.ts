import type { AnswerPort } from '../../machines/call-events.js';
import { answerMachine } from '../../machines/request.js';
import { arrayOf } from '../base/check.js';
import { Cancelled, ConnectionClosed, InvalidArgument, InvalidPayload, UnknownMethod } from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import { Stepper } from '../compile/stepper.js';
import { compile } from '../compile/structure.js';
import type { ChannelId, RequestId } from '../wire/id.js';
import type { Call, Response } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Rx, Tx } from './channel.js';
import type { Line } from './scope.js';
import type { OfferedChannel } from './unbound-channel.js';

const TABLE = compile(answerMachine);

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

/** The host of the peer's calls. It hands each to its handler, and keeps it. */
export interface AnswerHost {
  readonly line: Line;
  readonly handler: Handler | undefined;
  readonly refusals: Refusals;
  /** The error that says why the connection is closed, once it is. */
  readonly endError: Error | undefined;
  readonly channels: {
    pass(ends: readonly (Tx<Uint8Array> | Rx<Uint8Array>)[]): ChannelId[];
    refuse(ends: readonly (Tx<Uint8Array> | Rx<Uint8Array>)[], error: Error): void;
  };
  respond(call: IncomingCall, body: Response): void;
  /** Notes that a handler is done. */
  finished(): void;
}

/** One call of the peer, from its arrival until its handler is done. */
export class IncomingCall implements AnswerPort, IncomingRequest {
  readonly id: RequestId;
  readonly methodId: bigint;
  readonly args: Uint8Array;
  readonly metadata: Metadata;
  readonly channels: readonly OfferedChannel[];
  readonly #driver: AnswerHost;
  readonly #stepper: Stepper<typeof answerMachine>;
  #controller: AbortController | undefined;
  #isAborted = false;
  #isFinished = false;

  constructor(driver: AnswerHost, id: RequestId, body: Call, channels: readonly OfferedChannel[]) {
    this.id = id;
    this.methodId = body.methodId;
    this.args = body.args;
    this.metadata = body.metadata;
    this.channels = channels;
    this.#driver = driver;
    this.#stepper = new Stepper(TABLE, { port: this, cancelled: driver.refusals.cancelled }, driver.line.observer);
  }

  /** Made when it is first read: few handlers read it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort(this.#reason());
    }
    return this.#controller.signal;
  }

  /** Starts the handler. */
  start(): void {
    this.#stepper.start();
    this.#look();
  }

  cancel(): void {
    this.#stepper.send({ type: 'rx.Cancel' });
    this.#look();
  }

  /** Answers the call in the handler's place. */
  fail(ret: Uint8Array): void {
    this.#stepper.send({ type: 'app.fail', ret });
    this.#look();
  }

  end(): void {
    this.#stepper.send({ type: 'connection.ended' });
    this.#look();
  }

  // ---- Effects ----

  handle(): void {
    const { handler, refusals } = this.#driver;
    // r[rpc.unknown-method]
    if (handler === undefined) {
      this.#stepper.send({ type: 'app.fail', ret: refusals.unknownMethod });
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
    this.#driver.respond(this, body);
  }

  abort(): void {
    this.#isAborted = true;
    const controller = this.#controller;
    if (controller === undefined) return;
    // The listeners of the signal are the application's.
    this.#driver.line.call(
      () => controller.abort(this.#reason()),
      () => {},
    );
  }

  retain(): void {
    this.#driver.line.hold();
  }

  release(): void {
    this.#driver.line.unhold();
  }

  // ---- The handler's answer ----

  #reply(reply: Reply): void {
    try {
      this.#stepper.send({ type: 'app.reply', response: this.#responseOf(reply) });
    } catch (error) {
      this.#forgo(reply, error as Error);
      this.#thrown(error);
      return;
    }
    this.#look();
  }

  /** @throws InvalidArgument when `reply` is no answer. */
  #responseOf(reply: unknown): Response {
    if (reply instanceof Uint8Array) return { type: 'Response', channels: [], metadata: [], ret: reply };
    const { ret, metadata, channels } = (reply ?? {}) as Partial<Exclude<Reply, Uint8Array>>;
    if (!(ret instanceof Uint8Array)) {
      throw new InvalidArgument('a handler must answer with bytes, or with { ret } of bytes');
    }
    const checked = metadata === undefined ? [] : this.#driver.line.metadataOf(metadata);
    const { channels: all } = this.#driver;
    if (channels !== undefined) arrayOf(channels, 'channels', ' of ends of channels');
    // Pass channels only to a caller that still waits.
    if (this.#isAborted && channels !== undefined) all.refuse(channels, this.#reason() as Error);
    const ids = channels === undefined || this.#isAborted ? [] : all.pass(channels);
    return { type: 'Response', channels: ids, metadata: checked, ret };
  }

  /** Refuses the channels of a reply that is not sent. The application's other ends report why. */
  #forgo(reply: unknown, error: Error): void {
    try {
      const { channels } = reply as Partial<Exclude<Reply, Uint8Array>>;
      if (channels !== undefined) this.#driver.channels.refuse(channels, error);
    } catch {
      // The reply names no ends of channels.
    }
  }

  #thrown(error: unknown): void {
    const { line, refusals } = this.#driver;
    let ret = refusals.cancelled;
    if (error instanceof UnknownMethod) {
      ret = refusals.unknownMethod;
    } else if (error instanceof InvalidPayload) {
      ret = refusals.invalidPayload;
    } else if (!(error instanceof Cancelled || this.#isGivenUp(error))) {
      const message = `the handler of request ${this.id} failed on connection ${line.id}`;
      line.report({ kind: 'handler-failed', id: line.id, message, error });
    }
    this.fail(ret);
  }

  /**
   * Returns true if `error` says only that no caller waits: it comes from the signal, or from a call or channel that ended
   * with a connection.
   */
  #isGivenUp(error: unknown): boolean {
    return this.#isAborted && (error === this.#controller?.signal.reason || error instanceof ConnectionClosed);
  }

  #reason(): unknown {
    return this.#driver.endError ?? new Cancelled('peer', 'the caller cancelled the call');
  }

  #look(): void {
    if (!this.#stepper.isDone || this.#isFinished) return;
    this.#isFinished = true;
    this.#driver.finished();
  }
}
