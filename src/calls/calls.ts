import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { arrayOf, objectOf } from '../base/check.js';
import { errorOfCall, InvalidArgument, LimitExceeded } from '../base/errors.js';
import { IdMap } from '../base/id-map.js';
import { rejected } from '../base/promise.js';
import { MAX_U64 } from '../codec/msgpack/layout.js';
import { ENVELOPE, QUEUED_MESSAGE_COST } from '../conduit/costs.js';
import { type ChannelId, hasParity, nextId, opposite, type RequestId } from '../wire/id.js';
import type { Call, DataMessage, Response } from '../wire/message.js';
import { type Metadata, NOT_RUN } from '../wire/metadata.js';
import { creditOf } from './channel.js';
import { type CallResult, Channels } from './channels.js';
import { type Answering, type Handler, IncomingCall } from './incoming-call.js';
import { aborted, type CallOptions, OutgoingCall, type Patience, patienceOf } from './outgoing-call.js';
import type { ConnectionScope } from './scope.js';
import { creditFor, type Serving, servingBy } from './serving.js';

const NOTHING: [] = [];

/** The metadata of a Response to a call that came above `limits.requests`. */
const OVER_LOAD: Metadata = [{ key: NOT_RUN, value: 'load', flags: 0n }];

/**
 * The calls and channels of one connection. It hands each message of the connection to the call or the channel that the
 * message is about. It allocates request ids, keeps the peer's limit, and holds the peer to ours.
 */
// r[rpc.pipelining]
export class Calls {
  readonly scope: ConnectionScope;
  readonly #channels: Channels;
  #serving: Serving & Answering;
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

  constructor(scope: ConnectionScope) {
    this.scope = scope;
    this.#serving = { ...servingBy(scope.conduit.codec), handler: undefined };
    this.#channels = new Channels(scope);
  }

  get hasHandler(): boolean {
    return this.#serving.handler !== undefined;
  }

  /** Answers calls with `handler` from now on. */
  serve(handler: Handler, serving: Serving): void {
    this.#serving = { ...serving, handler };
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
    if (options === undefined) return this.#begin(methodId, NOTHING, NOTHING, args, undefined, INITIAL_CREDIT);
    objectOf(options, 'options');
    const metadata = options.metadata === undefined ? NOTHING : scope.metadataOf(options.metadata);
    const patience = patienceOf(options);
    const { channels = NOTHING } = options;
    arrayOf(channels, 'channels', ' of ends of channels');
    const credit = options.credit === undefined ? INITIAL_CREDIT : creditOf(options.credit);
    const ids = channels.length === 0 ? NOTHING : this.#channels.pass(channels);
    return this.#begin(methodId, ids, metadata, args, patience, credit);
  }

  #begin(
    methodId: bigint,
    channels: readonly ChannelId[],
    metadata: Metadata,
    args: Uint8Array,
    patience: Patience | undefined,
    credit: number,
  ): Promise<CallResult> {
    const scope = this.scope;
    const isFree = this.#calls.size < scope.peerSettings.maxConcurrentRequests;
    const objection = this.#objection(isFree, args, patience);
    if (objection !== undefined) {
      const error = errorOfCall(objection, 'no');
      this.#channels.abandon(channels, error);
      return channels.length > 0 ? rejected(error) : Promise.reject(error);
    }
    // A call that waits for its turn leaves as it was when it was made, so its args are copied.
    const body: Call = { type: 'Call', methodId, channels, metadata, args: isFree ? args : args.slice() };
    const id = scope.shared?.requests.allocate(scope.parity, scope.id) ?? nextId(this.#lastId, scope.parity);
    this.#lastId = id;
    const call = new OutgoingCall(scope, this.#channels, id, body, patience, credit, this.#onDone);
    if (isFree) {
      this.#admit(call);
    } else {
      this.#waitingCalls.add(call);
      this.#waitingBytes += args.length + QUEUED_MESSAGE_COST;
    }
    return call.answered;
  }

  /** Returns the error for which a call may not even wait for its turn, if there is one. */
  #objection(isFree: boolean, args: Uint8Array, patience: Patience | undefined): Error | undefined {
    const { limits, peerSettings } = this.scope;
    if (this.scope.endError !== undefined) return this.scope.endError;
    if (patience?.signal?.aborted) return aborted(patience.signal);
    if (isFree) return undefined;
    // r[rpc.flow-control.max-concurrent-requests]
    if (peerSettings.maxConcurrentRequests === 0) {
      return new LimitExceeded('maxConcurrentRequests', 'the peer takes no requests on this connection');
    }
    if (this.#waitingBytes + args.length + QUEUED_MESSAGE_COST <= limits.waitingBytes) return undefined;
    const text = `more than limits.waitingBytes (${limits.waitingBytes}) of calls wait for their turn`;
    return new LimitExceeded('waitingBytes', text);
  }

  #admit(call: OutgoingCall): void {
    this.#calls.set(call);
    call.admit();
    if (call.isDone) this.#onDone(call);
  }

  /** Frees the place of a call if the call is done. Called when a call has settled, or is over. */
  readonly #onDone = (call: OutgoingCall): void => {
    if (!call.isDone) return;
    if (this.#waitingCalls.delete(call)) this.#waitingBytes -= call.body.args.length + QUEUED_MESSAGE_COST;
    else if (!this.#calls.delete(call)) return;
    this.scope.shared?.requests.free(call.id, this.scope.id);
    this.#next();
  };

  #next(): void {
    if (this.#waitingCalls.size === 0 || this.#calls.size >= this.scope.peerSettings.maxConcurrentRequests) return;
    for (const call of this.#waitingCalls) {
      this.#waitingCalls.delete(call);
      this.#waitingBytes -= call.body.args.length + QUEUED_MESSAGE_COST;
      this.#admit(call);
      return;
    }
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
    if (this.scope.endError !== undefined) return;
    if (message.type === 'ChannelMessage') {
      this.#channels.receive(message);
      return;
    }
    const { id, body } = message;
    if (body.type === 'Call') this.#onCall(id, body);
    else if (body.type === 'Response') this.#onResponse(id, body);
    // 9a.16: a Cancel for an unknown or finished request means nothing, and no channel hears of it.
    // r[rpc.cancel.channels]
    else this.#answers.get(id)?.cancel();
  }

  #onResponse(id: RequestId, body: Response): void {
    const call = this.#calls.get(id);
    if (call === undefined) {
      // 9a.15
      this.#accuse('rpc.response.one-per-request', 'a Response with no call in flight');
      return;
    }
    // The caller is gone, so no end of the named channels will be taken. The peer may already send on them.
    if (call.isSettled) this.#channels.decline(body.channels);
    call.respond(body);
    this.#onDone(call);
  }

  #onCall(id: RequestId, body: Call): void {
    const scope = this.scope;
    const { load, limits } = scope;
    const { refusals } = this.#serving;
    const other = this.#answers.get(id);
    // 9a.14: r[rpc.request.id-allocation]
    if (!hasParity(id, opposite(scope.parity))) {
      if (this.#accuse('rpc.request.id-allocation', 'a Call with an id that is not of its sender’s parity')) return;
    } else if (other !== undefined) {
      if (this.#accuse('rpc.request.id-allocation', 'a Call with an id that is still in flight')) return;
    } else if (this.#answers.size >= scope.localSettings.maxConcurrentRequests) {
      const text = `more than ${scope.localSettings.maxConcurrentRequests} requests in flight`;
      if (this.#accuse('rpc.flow-control.max-concurrent-requests', text)) return;
    }
    const channels =
      body.channels.length === 0
        ? NOTHING
        : this.#channels.offer(body.channels, creditFor(this.#serving, body.methodId, scope));
    if (channels === 'wrong' && scope.conformance === 'strict') return;
    if (typeof channels === 'string') {
      this.#refuse(id, refusals.invalidPayload);
      return;
    }
    if (load.requests >= limits.requests) {
      this.#refuse(id, refusals.cancelled, OVER_LOAD);
      for (const channel of channels) channel.release();
      return;
    }
    const call = new IncomingCall(scope, this.#channels, this.#serving, id, body, channels, this.#onAnswer);
    load.requests++;
    if (other !== undefined) {
      this.#duplicates ??= new Set();
      this.#duplicates.add(other);
    }
    this.#answers.set(call);
    call.start();
  }

  /** Answers a call that no handler gets to see. */
  #refuse(id: RequestId, ret: Uint8Array, metadata: Metadata = NOTHING): void {
    const body: Response = { type: 'Response', channels: [], metadata, ret };
    this.scope.outbox.transmit({ type: 'RequestMessage', connectionId: this.scope.id, id, body });
  }

  readonly #onAnswer = (call: IncomingCall): void => {
    if (!this.#answers.delete(call)) this.#duplicates?.delete(call);
  };

  /** Accuses the peer of breaking a rule, in strict mode only. Returns true if it did: there is nothing more to do then. */
  #accuse(rule: Parameters<ConnectionScope['accuse']>[0]['rule'], description: string): boolean {
    if (this.scope.conformance !== 'strict') return false;
    this.scope.accuse({ rule, description });
    return true;
  }

  // ---- The end ----

  /** Notes that a request failed on our side. A call of ours fails. A call of the peer is answered. */
  markFailure(id: RequestId, reason: string): void {
    const call = this.#calls.get(id);
    if (call !== undefined) {
      call.fail(reason);
      this.#onDone(call);
    } else {
      this.#answers.get(id)?.fail(this.#serving.refusals.cancelled);
    }
  }

  /** Settles everything that waits, once. Called when the connection is closed. */
  end(error: Error): void {
    if (this.scope.endError !== undefined) return;
    this.scope.endError = error;
    // End the channels before the handlers hear of it. A handler that uses its channels when its signal aborts finds
    // them over, and sends nothing. 9b.01
    this.#channels.end(error);
    for (const call of [...this.#waitingCalls, ...this.#calls.all()]) {
      this.scope.shared?.requests.free(call.id, this.scope.id);
      call.end();
    }
    this.#waitingCalls.clear();
    this.#calls.clear();
    const answers = [...this.#answers.all(), ...(this.#duplicates ?? [])];
    this.#answers.clear();
    this.#duplicates = undefined;
    for (const answer of answers) answer.end();
  }
}
