import { outgoingCallMachine } from '../../machines/call.js';
import type { CallDeadline, CallOutcome, OutgoingCallPort } from '../../machines/call-events.js';
import { offAbort, onAbort } from '../base/abort.js';
import { describe, signalOf } from '../base/check.js';
import { Cancelled, errorOfCall, InvalidArgument, LimitExceeded } from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import { SENT } from '../base/promise.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import type { ChannelId, RequestId } from '../wire/id.js';
import type { Call, Cancel, Response } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Rx, Tx } from './channel.js';
import type { CallResult, Channels } from './channels.js';
import type { ConnectionScope } from './scope.js';

const TABLE = tableOf(outgoingCallMachine);

/** Options of a call. */
export interface CallOptions {
  /** Empty by default. */
  readonly metadata?: Metadata;
  /** Gives the call up when it aborts. The call rejects at once with {@link Cancelled}, and the peer is told. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds that the call may take, the wait for its turn included; up to 2^31 − 1. Then it rejects with
   * LimitExceeded. None by default.
   */
  readonly timeout?: number;
  /** Ends of channels for the handler. The handler gets these, and we keep the other ones. */
  readonly channels?: readonly (Tx<Uint8Array> | Rx<Uint8Array>)[];
  /** Items that the sender of each channel named by the answer begins with, 0 to 2^32 − 1; 16 by default. */
  readonly credit?: number;
}

/** The conditions under which a call is given up before its answer comes. */
export interface Cancellation {
  readonly signal: AbortSignal | undefined;
  /** Milliseconds, from when the call was made. */
  readonly timeout: number | undefined;
}

/** @throws InvalidArgument when the signal or the timeout is invalid. */
export function cancellationOf({ signal, timeout }: CallOptions): Cancellation | undefined {
  if (signal === undefined && timeout === undefined) return undefined;
  if (timeout !== undefined && !(Number.isFinite(timeout) && timeout >= 0 && timeout <= MAX_DELAY)) {
    throw new InvalidArgument(`timeout must be a number of milliseconds from 0 to 2^31 − 1, not ${describe(timeout)}`);
  }
  return { signal: signalOf(signal), timeout };
}

/** Returns the error of a call that its signal has given up. */
export function aborted(signal: AbortSignal | undefined): Cancelled {
  return new Cancelled('local', 'the call was aborted', signal?.reason);
}

/** One call of ours, from when it is made until the peer owes nothing more for it. */
export class OutgoingCall implements OutgoingCallPort {
  readonly body: Call;
  readonly answered: Promise<CallResult>;
  readonly id: RequestId;
  readonly #scope: ConnectionScope;
  readonly #channels: Channels;
  readonly #onDone: (call: OutgoingCall) => void;
  readonly #stepper: Stepper<typeof outgoingCallMachine>;
  readonly #cancellation: Cancellation | undefined;
  readonly #credit: number;
  #resolve!: (result: CallResult) => void;
  #reject!: (error: unknown) => void;
  /** The timer of the deadline that runs. */
  #timer: unknown;
  readonly #onAbort: (() => void) | undefined;
  #isSent = false;
  /** True while the Call waits for room in the outbox. */
  #isQueued = false;
  /** True once it is sure that no part of the Call has left. */
  #wasRefused = false;
  #result: CallResult | undefined;
  /** True once the caller has the outcome. The peer may still owe a Response. */
  isSettled = false;

  /** `onDone` is called when nothing more comes for the call, and its id is free; not at the end of the connection. */
  constructor(
    scope: ConnectionScope,
    channels: Channels,
    id: RequestId,
    body: Call,
    cancellation: Cancellation | undefined,
    credit: number,
    onDone: (call: OutgoingCall) => void,
  ) {
    this.id = id;
    this.body = body;
    this.#scope = scope;
    this.#channels = channels;
    this.#onDone = onDone;
    this.#cancellation = cancellation;
    this.#credit = credit;
    this.answered = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // The channel ends report this failure too. The application may not await the call yet, so an empty handler
    // prevents an unhandled rejection.
    if (body.channels.length > 0) this.answered.catch(() => {});
    this.#stepper = new Stepper(TABLE, { port: this, call: body }, scope.observer);
    this.#stepper.start();
    if (cancellation?.signal !== undefined) {
      this.#onAbort = () => this.#giveUp({ type: 'app.abort' });
      onAbort(cancellation.signal, this.#onAbort);
    }
  }

  admit(): void {
    this.#stepper.send({ type: 'calls.admitted' });
    if (this.#stepper.isDone) this.#onDone(this);
  }

  respond(body: Response): void {
    // Look at the channels before the caller gets the answer: a violation ends the session first, and the call with it.
    if (!this.isSettled) {
      // A Response that names no channels is the result as it is.
      const isResult = body.channels.length === 0;
      this.#result = isResult ? (body as unknown as CallResult) : this.#channels.resultOf(body, this.#credit);
      if (this.#result === undefined) return;
    }
    this.#stepper.send({ type: 'rx.Response', body });
    if (this.#stepper.isDone) this.#onDone(this);
  }

  fail(reason: string): void {
    this.#stepper.send({ type: 'app.fail', reason });
    if (this.#stepper.isDone) this.#onDone(this);
  }

  end(): void {
    this.#stepper.send({ type: 'connection.ended' });
  }

  // ---- Effects ----

  transmit(body: Call | Cancel): void {
    const { outbox, id: connectionId } = this.#scope;
    try {
      const sent = outbox.send({ type: 'RequestMessage', connectionId, id: this.id, body });
      if (body.type === 'Cancel') return;
      this.#isSent = true;
      if (body.channels.length > 0) this.#channels.activate(body.channels);
      if (sent === SENT) return;
      this.#isQueued = true;
      sent.then(
        () => {
          this.#isQueued = false;
        },
        (error: Error) => this.refuse(error),
      );
    } catch (error) {
      this.refuse(error as Error);
    }
  }

  settle(outcome: CallOutcome): void {
    this.isSettled = true;
    if (this.#onAbort !== undefined) offAbort(this.#cancellation?.signal as AbortSignal, this.#onAbort);
    if (outcome.type === 'answered') {
      this.#resolve(this.#result as CallResult);
      return;
    }
    const error = this.#errorOf(outcome);
    // The Call was not sent, so the peer never hears of its channels.
    if (!this.#isSent) this.#channels.abandon(this.body.channels, error);
    if (outcome.type === 'ended' && this.#isQueued) void this.#rejectLater(error);
    else this.#reject(errorOfCall(error, this.#isSent && !this.#wasRefused ? 'maybe' : 'no'));
  }

  /**
   * The end of a session or connection sends the messages that wait in the outbox, or drops them, in the same step. A
   * promise tells which, and its handlers run before the second turn of the microtask queue.
   */
  async #rejectLater(error: Error): Promise<void> {
    await SENT;
    await SENT;
    this.#reject(errorOfCall(error, this.#wasRefused ? 'no' : 'maybe'));
  }

  retain(): void {
    this.#scope.shares++;
  }

  release(): void {
    this.#scope.release();
  }

  startDeadline({ limit }: { limit: CallDeadline }): void {
    const { cancelTimeout, conduit } = this.#scope;
    const time = limit === 'timeout' ? this.#cancellation?.timeout : cancelTimeout;
    if (time === undefined || time === Number.POSITIVE_INFINITY) return;
    this.#timer = conduit.clock.setTimeout(() => this.#giveUp({ type: 'deadline.passed' }), time);
  }

  stopDeadline(): void {
    if (this.#timer === undefined) return;
    this.#scope.conduit.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  decline(channels: readonly ChannelId[]): void {
    this.#channels.decline(channels);
  }

  #errorOf(outcome: Exclude<CallOutcome, { type: 'answered' }>): Error {
    switch (outcome.type) {
      case 'aborted':
        return aborted(this.#cancellation?.signal);
      case 'expired':
        return new LimitExceeded('timeout', `the call was not answered within ${this.#cancellation?.timeout} ms`);
      case 'failed':
        return new Cancelled('local', `the call failed: ${outcome.reason}`);
      case 'refused':
        return outcome.error;
      case 'ended':
        return this.#scope.endError as Error;
    }
  }

  /** Fails the call, no part of which has left. */
  refuse(error: Error): void {
    this.#wasRefused = true;
    this.#stepper.send({ type: 'calls.refused', error });
    if (this.#stepper.isDone) this.#onDone(this);
  }

  #giveUp(event: { type: 'app.abort' | 'deadline.passed' }): void {
    this.#stepper.send(event);
    if (this.#stepper.isDone) this.#onDone(this);
  }
}
