import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { arrayOf, objectOf } from '../base/check.js';
import { errorOfCall, InvalidArgument, LimitExceeded } from '../base/errors.js';
import { IdMap } from '../base/id-map.js';
import { MAX_U64 } from '../codec/msgpack/layout.js';
import { ENTRY_COST, refused, SENT } from '../conduit/outbox.js';
import { type ChannelId, hasParity, nextId, opposite, type RequestId } from '../wire/id.js';
import type { Call, DataMessage, RequestMessage, Response } from '../wire/message.js';
import { type Metadata, NOT_RUN } from '../wire/metadata.js';
import { creditOf } from './channel.js';
import { Channels } from './channels.js';
import { type AnswerHost, type Handler, IncomingCall, type Refusals } from './incoming-call.js';
import {
  aborted,
  type CallHost,
  type CallOptions,
  type CallResult,
  OutgoingCall,
  type Patience,
  patienceOf,
} from './outgoing-call.js';
import { ENVELOPE, type Line } from './scope.js';
import { creditFor, DEFAULT_SERVING, type Serving } from './serving.js';

const NOTHING: [] = [];

/** The metadata of a Response to a call that came above `limits.requests`. */
const OVER_LOAD: Metadata = [{ key: NOT_RUN, value: 'load', flags: 0n }];

/**
 * The calls and channels of one connection. It hands each message of the connection to the call or the channel that the
 * message is about. It allocates request ids, keeps the peer's limit, and holds the peer to ours.
 */
// r[rpc.pipelining]
export class Driver implements CallHost, AnswerHost {
  readonly line: Line;
  readonly channels: Channels;
  handler: Handler | undefined;
  #serving: Serving;
  /** The error that says why the connection is closed, once it is. */
  endError: Error | undefined;
  readonly #calls = new IdMap<OutgoingCall>();
  /** Calls that wait for their turn, in the order in which they were made. */
  readonly #turn = new Set<OutgoingCall>();
  #turnBytes = 0;
  #lastId: RequestId = 0;
  /** The peer's calls. They are kept apart from ours, which may have the same ids: 9b.19 */
  readonly #answers = new IdMap<IncomingCall>();
  /**
   * Calls in flight whose id a later call has, too; only a peer that breaks the rules makes such calls. No Cancel finds
   * them. The end of the connection does. 9a.14, 9b.20
   */
  #eclipsed: Set<IncomingCall> | undefined;

  constructor(line: Line) {
    this.line = line;
    this.#serving = { ...DEFAULT_SERVING, refusals: line.refusals };
    this.channels = new Channels(line);
  }

  get refusals(): Refusals {
    return this.#serving.refusals;
  }

  /** Answers calls with `handler` from now on. */
  serve(handler: Handler, serving: Serving): void {
    this.handler = handler;
    this.#serving = serving;
  }

  // ---- Calls of ours ----

  /** @throws InvalidArgument when an argument is wrong; nothing was sent. */
  call(methodId: bigint, args: Uint8Array, options: CallOptions | undefined): Promise<CallResult> {
    const { line } = this;
    if (typeof methodId !== 'bigint' || methodId < 0n || methodId > MAX_U64) {
      throw new InvalidArgument('methodId must be a bigint from 0 to 2^64 − 1');
    }
    if (!(args instanceof Uint8Array)) throw new InvalidArgument('args must be a Uint8Array');
    if (args.length + ENVELOPE > line.limits.frame) {
      throw new InvalidArgument(`args of ${args.length} bytes do not fit limits.frame: ${line.limits.frame}`);
    }
    if (options === undefined) return this.#begin(methodId, NOTHING, NOTHING, args, undefined, INITIAL_CREDIT);
    objectOf(options, 'options');
    const metadata = options.metadata === undefined ? NOTHING : line.metadataOf(options.metadata);
    const patience = patienceOf(options);
    const { channels = NOTHING } = options;
    arrayOf(channels, 'channels', ' of ends of channels');
    const credit = options.credit === undefined ? INITIAL_CREDIT : creditOf(options.credit);
    const ids = channels.length === 0 ? NOTHING : this.channels.pass(channels);
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
    const { line } = this;
    const isFree = this.#calls.size < line.peerSettings.maxConcurrentRequests;
    const objection = this.#objection(isFree, args, patience);
    if (objection !== undefined) {
      const error = errorOfCall(objection, 'no');
      this.channels.abandon(channels, error);
      return channels.length > 0 ? refused(error) : Promise.reject(error);
    }
    // A call that waits for its turn leaves as it was when it was made, so its args are copied.
    const body: Call = { type: 'Call', methodId, channels, metadata, args: isFree ? args : args.slice() };
    const id = line.shared?.requests.allocate(line.parity, line.id) ?? nextId(this.#lastId, line.parity);
    this.#lastId = id;
    const call = new OutgoingCall(this, id, body, patience, credit);
    if (isFree) {
      this.#admit(call);
    } else {
      this.#turn.add(call);
      this.#turnBytes += args.length + ENTRY_COST;
    }
    return call.answered;
  }

  /** Returns the error for which a call may not even wait for its turn, if there is one. */
  #objection(isFree: boolean, args: Uint8Array, patience: Patience | undefined): Error | undefined {
    const { limits, peerSettings } = this.line;
    if (this.endError !== undefined) return this.endError;
    if (patience?.signal?.aborted) return aborted(patience.signal);
    if (isFree) return undefined;
    // r[rpc.flow-control.max-concurrent-requests]
    if (peerSettings.maxConcurrentRequests === 0) {
      return new LimitExceeded('maxConcurrentRequests', 'the peer takes no requests on this connection');
    }
    if (this.#turnBytes + args.length + ENTRY_COST <= limits.waitingBytes) return undefined;
    const text = `more than limits.waitingBytes (${limits.waitingBytes}) of calls wait for their turn`;
    return new LimitExceeded('waitingBytes', text);
  }

  #admit(call: OutgoingCall): void {
    this.#calls.set(call);
    call.admit();
    if (call.isDone) this.settled(call);
  }

  /** Frees the place of a call if the call is done. Called when a call has settled, or is over. */
  settled(call: OutgoingCall): void {
    if (!call.isDone) return;
    if (this.#turn.delete(call)) this.#turnBytes -= call.body.args.length + ENTRY_COST;
    else if (!this.#calls.delete(call)) return;
    this.line.shared?.requests.free(call.id, this.line.id);
    this.#next();
  }

  #next(): void {
    if (this.#turn.size === 0 || this.#calls.size >= this.line.peerSettings.maxConcurrentRequests) return;
    for (const call of this.#turn) {
      this.#turn.delete(call);
      this.#turnBytes -= call.body.args.length + ENTRY_COST;
      this.#admit(call);
      return;
    }
  }

  // ---- What the calls send ----

  /** Sends a message about a request, as a connection's `send` does. */
  send(id: RequestId, body: RequestMessage['body']): Promise<void> {
    return this.line.send({ type: 'RequestMessage', connectionId: this.line.id, id, body });
  }

  /** Sends a message that the peer has to know, and that no caller waits for. */
  transmit(id: RequestId, body: RequestMessage['body']): void {
    this.send(id, body).catch(() => {});
  }

  /**
   * Sends the one Response to a call of the peer. If the handler's answer can't be sent, it sends a Response that says
   * so.
   */
  respond(call: IncomingCall, body: Response): void {
    const { id } = call;
    // From here on the peer may use the id again.
    if (!this.#answers.delete(call)) this.#eclipsed?.delete(call);
    try {
      const sent = this.send(id, body);
      if (body.channels.length > 0) this.channels.activate(body.channels);
      if (sent !== SENT) sent.catch((error: Error) => this.#respondInstead(id, body, error));
    } catch (error) {
      this.#respondInstead(id, body, error as Error);
    }
    // 9a.21: a channel that the handler has not taken by now can't be taken any more.
    for (const channel of call.channels) channel.release();
  }

  #respondInstead(id: RequestId, { channels }: Response, error: Error): void {
    const { line, refusals } = this;
    this.channels.abandon(channels, error);
    if (this.endError !== undefined) return;
    const message = `the answer to request ${id} can't be sent on connection ${line.id}`;
    line.report({ kind: 'handler-failed', id: line.id, message, error });
    const body: Response = { type: 'Response', channels: [], metadata: [], ret: refusals.cancelled };
    line.reply({ type: 'RequestMessage', connectionId: line.id, id, body });
  }

  // ---- What the peer sends ----

  receive(message: DataMessage): void {
    if (this.endError !== undefined) return;
    if (message.type === 'ChannelMessage') {
      this.channels.receive(message);
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
    if (call.isSettled) this.channels.decline(body.channels);
    call.respond(body);
    this.settled(call);
  }

  #onCall(id: RequestId, body: Call): void {
    const { line, refusals } = this;
    const { load, limits } = line;
    const other = this.#answers.get(id);
    // 9a.14: r[rpc.request.id-allocation]
    if (!hasParity(id, opposite(line.parity))) {
      if (this.#accuse('rpc.request.id-allocation', 'a Call with an id that is not of its sender’s parity')) return;
    } else if (other !== undefined) {
      if (this.#accuse('rpc.request.id-allocation', 'a Call with an id that is still in flight')) return;
    } else if (this.#answers.size >= line.localSettings.maxConcurrentRequests) {
      const text = `more than ${line.localSettings.maxConcurrentRequests} requests in flight`;
      if (this.#accuse('rpc.flow-control.max-concurrent-requests', text)) return;
    }
    const channels =
      body.channels.length === 0
        ? NOTHING
        : this.channels.offer(body.channels, creditFor(this.#serving, body.methodId, line));
    if (channels === 'wrong' && line.conformance === 'strict') return;
    if (typeof channels === 'string') {
      this.#refuse(id, refusals.invalidPayload);
      return;
    }
    if (load.requests >= limits.requests) {
      this.#refuse(id, refusals.cancelled, OVER_LOAD);
      for (const channel of channels) channel.release();
      return;
    }
    const call = new IncomingCall(this, id, body, channels);
    load.requests++;
    if (other !== undefined) {
      this.#eclipsed ??= new Set();
      this.#eclipsed.add(other);
    }
    this.#answers.set(call);
    call.start();
  }

  /** Answers a call that no handler gets to see. */
  #refuse(id: RequestId, ret: Uint8Array, metadata: Metadata = NOTHING): void {
    const body: Response = { type: 'Response', channels: [], metadata, ret };
    this.line.reply({ type: 'RequestMessage', connectionId: this.line.id, id, body });
  }

  /** Counts a handler that is done. */
  finished(): void {
    this.line.load.requests--;
  }

  /** Accuses the peer of breaking a rule, in strict mode only. Returns true if it did: there is nothing more to do then. */
  #accuse(rule: Parameters<Line['accuse']>[0]['rule'], description: string): boolean {
    if (this.line.conformance !== 'strict') return false;
    this.line.accuse({ rule, description });
    return true;
  }

  // ---- The end ----

  /** Notes that a request failed on our side. A call of ours fails. A call of the peer is answered. */
  markFailure(id: RequestId, reason: string): void {
    const call = this.#calls.get(id);
    if (call !== undefined) {
      call.fail(reason);
      this.settled(call);
    } else {
      this.#answers.get(id)?.fail(this.refusals.cancelled);
    }
  }

  /** Settles everything that waits, once. Called when the connection is closed. */
  end(error: Error): void {
    if (this.endError !== undefined) return;
    this.endError = error;
    // End the channels before the handlers hear of it. A handler that uses its channels when its signal aborts finds
    // them over, and sends nothing. 9b.01
    this.channels.end(error);
    for (const call of [...this.#turn, ...this.#calls.all()]) {
      this.line.shared?.requests.free(call.id, this.line.id);
      call.end();
    }
    this.#turn.clear();
    this.#calls.clear();
    const answers = [...this.#answers.all(), ...(this.#eclipsed ?? [])];
    this.#answers.clear();
    this.#eclipsed = undefined;
    for (const answer of answers) answer.end();
  }
}
