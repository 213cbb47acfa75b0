import { type CallsEvent, type CallsPort, INITIAL_CREDIT } from '../../machines/call-events.js';
import { callsMachine } from '../../machines/calls.js';
import type { Violation } from '../../machines/events.js';
import { arrayOf, objectOf } from '../base/check.js';
import { ConnectionClosed, errorOfCall, InvalidArgument, LimitExceeded } from '../base/errors.js';
import { isLent } from '../base/frame-memory.js';
import { IdMap } from '../base/id-map.js';
import { rejected } from '../base/promise.js';
import { MAX_U64 } from '../codec/msgpack/layout.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import { ENVELOPE, QUEUED_MESSAGE_COST } from '../conduit/costs.js';
import { detached } from '../conduit/receive-queue.js';
import { type ChannelId, hasParity, nextId, opposite, type RequestId } from '../wire/id.js';
import type { Call, DataMessage, Response } from '../wire/message.js';
import { DRAINING, type Metadata, NOT_RUN } from '../wire/metadata.js';
import { creditOf } from './channel.js';
import { type CallResult, Channels } from './channels.js';
import { drainingError } from './drain.js';
import { type Answering, type Handler, IncomingCall } from './incoming-call.js';
import { aborted, type CallOptions, type Cancellation, cancellationOf, OutgoingCall } from './outgoing-call.js';
import type { ConnectionScope } from './scope.js';
import { creditFor, type Serving } from './serving.js';
import type { OfferedChannel } from './unbound-channel.js';

const TABLE = tableOf(callsMachine);

const NOTHING: [] = [];

/** The decision of the chart about an event. */
type Decision = Exclude<keyof CallsPort, 'reject' | 'accuse'>;

/** The metadata of a Response to a call that came above `limits.requests`. */
const OVER_LOAD: Metadata = [{ key: NOT_RUN, value: 'load', flags: 0n }];

/** The metadata of a Response to a call that came while the session was drained. */
const REFUSED: Metadata = [{ key: NOT_RUN, value: DRAINING, flags: 0n }];

/**
 * The calls and channels of one connection. It hands each message of the connection to the call or the channel that the
 * message is about. It allocates request ids and finds calls by them. Its chart keeps the limits of both sides.
 */
// r[rpc.pipelining]
export class Calls implements CallsPort {
  readonly scope: ConnectionScope;
  readonly #channels: Channels;
  #serving!: Serving & Answering;
  readonly #calls = new IdMap<OutgoingCall>();
  /** Calls that wait for their turn, in the order in which they were made. */
  readonly #waitingCalls = new Set<OutgoingCall>();
  #waitingBytes = 0;
  #lastId: RequestId = 0;
  /** The peer's calls. They are kept apart from ours, which may have the same ids: 9b.19 */
  readonly #answers = new IdMap<IncomingCall>();
  /**
   * Calls in flight whose id a later call has, too; only a peer that breaks the rules makes such calls. No Cancel finds
   * them. The end of the connection does. 9a.14, 9b.20
   */
  #duplicates: Set<IncomingCall> | undefined;
  readonly #stepper: Stepper<typeof callsMachine>;
  #decision: Decision | undefined;
  /** The reason why the chart refused a call last. */
  #refusal: 'none' | 'full' | 'draining' | undefined;

  constructor(scope: ConnectionScope, handler: Handler | undefined, serving: Serving) {
    this.scope = scope;
    const { conformance, localSettings, peerSettings, observer } = scope;
    const localMax = localSettings.maxConcurrentRequests;
    const peerMax = peerSettings.maxConcurrentRequests;
    this.#stepper = new Stepper(TABLE, { port: this, conformance, localMax, peerMax }, observer);
    this.#stepper.start();
    this.serve(handler, serving);
    this.#channels = new Channels(scope);
  }

  /** The number by which inspectors name the chart. */
  get id(): number {
    return this.scope.id;
  }

  get hasHandler(): boolean {
    return this.#serving.handler !== undefined;
  }

  /** Answers calls with `handler` from now on. It copies field by field: a spread with a field more has a shape of its own. */
  serve(handler: Handler | undefined, { refusals, credit, nameOf }: Serving): void {
    this.#serving = { handler, refusals, credit, nameOf };
  }

  // ---- Calls of ours ----

  /** @throws InvalidArgument when an argument is wrong; nothing was sent. */
  call(methodId: bigint, args: Uint8Array, options: CallOptions | undefined): Promise<CallResult> {
    const scope = this.scope;
    if (typeof methodId !== 'bigint' || methodId < 0n || methodId > MAX_U64) {
      throw new InvalidArgument('methodId must be a bigint from 0 to 2^64 − 1');
    }
    if (!(args instanceof Uint8Array)) throw new InvalidArgument('args must be a Uint8Array');
    if (args.length + ENVELOPE > scope.limits.frame) {
      throw new InvalidArgument(`args of ${args.length} bytes do not fit limits.frame: ${scope.limits.frame}`);
    }
    let channels: readonly ChannelId[] = NOTHING;
    let metadata: Metadata = NOTHING;
    let credit = INITIAL_CREDIT;
    let cancellation: Cancellation | undefined;
    if (options !== undefined) {
      objectOf(options, 'options');
      const { metadata: entries, channels: ends = NOTHING, credit: given } = options;
      metadata = scope.metadataOf(entries);
      cancellation = cancellationOf(options);
      arrayOf(ends, 'channels', ' of ends of channels');
      if (given !== undefined) credit = creditOf(given);
      channels = this.#channels.pass(ends);
    }
    const hasRoom = this.#waitingBytes + args.length + QUEUED_MESSAGE_COST <= scope.limits.waitingBytes;
    const isGone = scope.isOver || cancellation?.signal?.aborted === true;
    const decision = isGone
      ? undefined
      : this.#decide({ type: 'app.call', hasRoom, isPeerDraining: scope.drain.isPeers });
    const isFree = decision === 'admit';
    if (!isFree && decision !== 'enqueue') {
      const error = errorOfCall(this.#objection(cancellation), 'no');
      this.#channels.abandon(channels, error);
      return channels.length > 0 ? rejected(error) : Promise.reject(error);
    }
    // A call that waits for its turn leaves as it was when it was made. So args of the application are copied.
    const kept = isFree ? args : isLent(args) ? detached(args) : args.slice();
    const body: Call = { type: 'Call', methodId, channels, metadata, args: kept };
    const id = scope.shared?.requests.allocate(scope.parity, scope.id) ?? nextId(this.#lastId, scope.parity);
    this.#lastId = id;
    const call = new OutgoingCall(scope, this.#channels, id, body, cancellation, credit, this.#onDone);
    scope.load.calls++;
    scope.drain.watcher?.changed();
    if (isFree) {
      this.#calls.set(call);
      call.admit();
    } else {
      this.#waitingCalls.add(call);
      this.#waitingBytes += args.length + QUEUED_MESSAGE_COST;
    }
    return call.answered;
  }

  /** Returns the error of a call that is not even made. */
  #objection(cancellation: Cancellation | undefined): Error {
    const { endError, limits } = this.scope;
    if (endError !== undefined) return endError;
    if (cancellation?.signal?.aborted) return aborted(cancellation.signal);
    if (this.#stepper.isDone) return new ConnectionClosed('session', 'the peer broke a rule, so the session ends');
    if (this.#refusal === 'draining') return drainingError('peer');
    if (this.#refusal === 'none') {
      return new LimitExceeded('maxConcurrentRequests', 'the peer takes no requests on this connection');
    }
    const text = `more than limits.waitingBytes (${limits.waitingBytes}) of calls wait for their turn`;
    return new LimitExceeded('waitingBytes', text);
  }

  /** Frees the place of a call that is over. Called once it is. */
  readonly #onDone = (call: OutgoingCall): void => {
    const wasWaiting = this.#waitingCalls.has(call);
    if (wasWaiting) this.#leaveQueue(call);
    else if (!this.#calls.delete(call)) return;
    const { drain, load, shared } = this.scope;
    load.calls--;
    drain.watcher?.changed();
    shared?.requests.free(call.id, this.scope.id);
    if (this.#decide({ type: 'call.done', wasWaiting }) !== 'admitNext') return;
    const [next] = this.#waitingCalls as Iterable<OutgoingCall>;
    this.#leaveQueue(next as OutgoingCall);
    this.#calls.set(next as OutgoingCall);
    (next as OutgoingCall).admit();
  };

  #leaveQueue(call: OutgoingCall): void {
    this.#waitingCalls.delete(call);
    this.#waitingBytes -= call.body.args.length + QUEUED_MESSAGE_COST;
  }

  // ---- What the chart decides ----

  /**
   * Returns the chart's decision about an event; undefined when there is nothing to do. The decision is carried out after the
   * step: it may run code of the application, which may call, and that is a step of its own.
   */
  #decide(event: CallsEvent): Decision | undefined {
    this.#decision = undefined;
    this.#stepper.send(event);
    return this.#decision;
  }

  admit(): void {
    this.#decision = 'admit';
  }

  enqueue(): void {
    this.#decision = 'enqueue';
  }

  refuse({ why }: { why: 'none' | 'full' | 'draining' }): void {
    this.#refusal = why;
  }

  admitNext(): void {
    this.#decision = 'admitNext';
  }

  nameChannels(): void {
    this.#decision = 'nameChannels';
  }

  handle(): void {
    this.#decision = 'handle';
  }

  /** Answers a call that no handler gets to see. */
  reject({ id, as }: { id: RequestId; as: 'invalidPayload' | 'overLoad' | 'draining' }): void {
    const { invalidPayload, cancelled } = this.#serving.refusals;
    if (as === 'draining') this.scope.drain.refuse();
    const body: Response =
      as === 'invalidPayload'
        ? { type: 'Response', channels: [], metadata: [], ret: invalidPayload }
        : { type: 'Response', channels: [], metadata: as === 'overLoad' ? OVER_LOAD : REFUSED, ret: cancelled };
    this.scope.outbox.transmit({ type: 'RequestMessage', connectionId: this.scope.id, id, body });
  }

  accuse(violation: Violation): void {
    this.scope.accuse(violation);
  }

  // ---- What the peer sends ----

  /**
   * Returns true if a message of the peer may come. Calls are answered, and need no room. For the channels of calls,
   * only the bytes that they hold are bounded here.
   */
  admits(message: DataMessage): boolean {
    return message.body.type !== 'Item' || this.scope.budget.admits();
  }

  receive(message: DataMessage): void {
    if (this.scope.isOver) return;
    if (message.type === 'ChannelMessage') {
      this.#channels.receive(message);
      return;
    }
    const { id, body } = message;
    if (body.type === 'Call') {
      this.#onCall(id, body);
    } else if (body.type === 'Response') {
      const call = this.#calls.get(id);
      if (call === undefined) {
        this.#stepper.send({ type: 'rx.Response' });
        return;
      }
      call.respond(body);
    } else {
      const answer = this.#answers.get(id);
      if (answer === undefined) this.#stepper.send({ type: 'rx.Cancel' });
      else answer.cancel();
    }
  }

  #onCall(id: RequestId, body: Call): void {
    const { drain, load, limits, parity } = this.scope;
    const hasPeerParity = hasParity(id, opposite(parity));
    const isInFlight = this.#answers.get(id) !== undefined;
    // All connections of the session together have as many handlers at work as they may.
    const isOverLoad = load.requests >= limits.requests;
    const isDraining = drain.isOurs;
    const decision = this.#decide({ type: 'rx.Call', id, body, hasPeerParity, isInFlight, isOverLoad, isDraining });
    if (decision === 'handle') this.#start(id, body, NOTHING);
    else if (decision === 'nameChannels') this.#name(id, body, isOverLoad);
  }

  #name(id: RequestId, body: Call, isOverLoad: boolean): void {
    const channels = this.#channels.name(body.channels, creditFor(this.#serving, body.methodId, this.scope));
    const isNamed = typeof channels !== 'string';
    const outcome = isNamed ? 'named' : channels;
    const isDraining = this.scope.drain.isOurs;
    const decision = this.#decide({ type: 'channels.named', id, body, outcome, isOverLoad, isDraining });
    if (!isNamed) return;
    if (decision === 'handle') this.#start(id, body, channels);
    else for (const channel of channels) channel.release();
  }

  /** Starts the handler of a call. */
  #start(id: RequestId, body: Call, channels: readonly OfferedChannel[]): void {
    const call = new IncomingCall(this.scope, this.#channels, this.#serving, id, body, channels, this.#onAnswer);
    this.scope.load.requests++;
    const other = this.#answers.get(id);
    if (other !== undefined) {
      this.#duplicates ??= new Set();
      this.#duplicates.add(other);
    }
    this.#answers.set(call);
    call.start();
  }

  readonly #onAnswer = (call: IncomingCall): void => {
    if (!this.#answers.delete(call)) this.#duplicates?.delete(call);
    const { drain } = this.scope;
    if (drain.isOurs) drain.answer();
    this.#stepper.send({ type: 'response.sent' });
  };

  // ---- The end ----

  /** Fails the calls that wait for their turn, since the peer takes no more. */
  refuseWaiting(): void {
    for (const call of [...this.#waitingCalls]) call.refuse(drainingError('peer'));
  }

  /** Cancels the peer's calls, and ends all channels, since the time of a drain is over. */
  cut(): void {
    for (const answer of [...this.#answers.all(), ...(this.#duplicates ?? [])]) {
      this.scope.drain.cancelled++;
      answer.cut();
    }
    this.#channels.cut(drainingError('local'));
  }

  /** Notes that a request failed on our side. A call of ours fails. A call of the peer is answered. */
  markFailure(id: RequestId, reason: string): void {
    const call = this.#calls.get(id);
    if (call !== undefined) {
      call.fail(reason);
    } else {
      this.#answers.get(id)?.fail(this.#serving.refusals.cancelled);
    }
  }

  /** Settles everything that waits, once. Called when the connection is closed. */
  end(makeError: () => Error): void {
    if (this.scope.isOver) return;
    this.scope.endWith(makeError);
    this.#stepper.send({ type: 'connection.ended' });
    // End the channels before the handlers hear of it. A handler that uses its channels when its signal aborts finds
    // them over, and sends nothing. 9b.01
    this.#channels.end();
    for (const call of [...this.#waitingCalls, ...this.#calls.all()]) {
      this.scope.shared?.requests.free(call.id, this.scope.id);
      call.end();
    }
    this.scope.load.calls -= this.#waitingCalls.size + this.#calls.size;
    this.#waitingCalls.clear();
    this.#calls.clear();
    const answers = [...this.#answers.all(), ...(this.#duplicates ?? [])];
    this.#answers.clear();
    this.#duplicates = undefined;
    for (const answer of answers) answer.end();
    this.scope.drain.watcher?.changed();
  }
}
