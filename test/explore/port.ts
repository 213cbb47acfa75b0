/**
 * The explorer's model of the port's effects. It has the same parts as src/session/runtime.ts, without bytes and promises.
 * The real port's callbacks and microtasks are inputs of the search here, or entries in the queues of the queue.
 *
 * | effect | here |
 * | --- | --- |
 * | transmit | onto the link; refused when the link is, and then `link.unsendable` belongs to the same step |
 * | flush | `conduit.flushed`, in the same step, behind a `link.unsendable` |
 * | decide, dropDecision | a question that the user may answer at any time, or none any more |
 * | pend, activate, closeHandle, settle | the user's waiting requests and handles |
 * | deliver | into an inbox, or to a reader that waits |
 * | sweep | `deadline.passed` for as many of the oldest opens and questions as the timer's input says |
 * | confirm | `keepalive.confirmed`, once all messages that are in the inbox now are taken |
 * | finish, closeLink | as they are |
 */
import type { Outcome, Port, RequestNumber, SessionEvent } from '../../machines/index.js';
import type { DataMessage, Message } from '../../src/wire/message.js';
import { ModelInboxes } from './inboxes.js';
import { ModelQueue, type Pushed } from './input-queue.js';
import type { Event } from './local.js';
import type { Monitor } from './monitor.js';
import { ModelOutbox } from './outbox.js';
import type { Observation, PeerOptions, PortState } from './peer.js';

/** The parameters of effects, as far as any effect reads them. */
interface Params {
  readonly id: number;
  readonly request: RequestNumber;
  readonly outcome: Outcome;
  readonly by: 'local' | 'peer';
  readonly orderly: boolean;
  readonly message: DataMessage;
}

/** The event of each message. It is one object, so its canonical form is computed once. */
const RECEIVED = new WeakMap<Message, Event>();

export class ModelPort {
  readonly state: PortState;
  readonly observed: Observation[] = [];
  link: 'kept' | 'closed' | 'aborted' = 'kept';
  confirms = false;
  accuses: string | undefined;
  readonly #monitor: Monitor;
  readonly #queue: ModelQueue;
  readonly #inboxes: ModelInboxes;
  readonly #outbox: ModelOutbox;
  #ping: string | undefined;
  #sweeping = { opens: 0, decisions: 0 };

  constructor(
    options: PeerOptions,
    state: PortState,
    monitor: Monitor,
    backlog: number,
    send: (event: Event) => void,
    parity: () => 'odd' | 'even' | undefined,
  ) {
    this.state = { ...state };
    this.#monitor = monitor;
    this.#queue = new ModelQueue(send, () => this.#inboxes.release((message) => this.#received(message)));
    this.#inboxes = new ModelInboxes(this.state, options.limits, this.#queue, monitor);
    this.#outbox = new ModelOutbox(this.state, options.limits, this.#queue, backlog, monitor, (message) =>
      monitor.sent(message, this.state.isEstablished, parity(), this.#ping),
    );
  }

  get sent(): readonly Message[] {
    return this.#outbox.sent;
  }

  // ---- Inputs, through the queue ----

  take(message: Message): void {
    if (this.state.isPaused) this.#inboxes.hold(message);
    else if (this.#inboxes.admits(message)) this.push(this.#received(message));
    else this.#inboxes.refuse(message);
  }

  #received(message: Message): Event {
    this.#monitor.received(message);
    this.#ping = message.type === 'Ping' ? String(message.nonce) : undefined;
    let event = RECEIVED.get(message);
    if (event === undefined) {
      event = { type: `rx.${message.type}`, message } as SessionEvent;
      RECEIVED.set(message, event);
    }
    return event;
  }

  push(event: Pushed): void {
    this.#queue.push(event);
  }

  /** Fires a timer outside the queue. Inputs that it pushes come in between, as in the real port. */
  fire(callback: () => void, sweeping: { opens: number; decisions: number }): void {
    this.#sweeping = sweeping;
    callback();
    this.#queue.release();
  }

  // ---- The user's ----

  request(kind: 'open' | 'close'): RequestNumber {
    const request = this.state.lastRequest + 1;
    this.state.lastRequest = request;
    this.state.waiting = [...this.state.waiting, { request, kind }];
    return request;
  }

  send(message: DataMessage): void {
    this.#outbox.send(message);
  }

  read(id: number): void {
    this.#inboxes.read(id);
  }

  leave(id: number): void {
    this.push({ type: 'app.leave', id } as SessionEvent);
    this.#inboxes.leave(id);
  }

  /** Handles progress: some messages that the link held back have left. */
  drained(): void {
    this.#outbox.drained();
  }

  // ---- Effects ----

  effect(name: string, params: unknown): void {
    const { id, request, outcome, by, orderly, message } = (params ?? {}) as Params;
    const { state } = this;
    switch (name) {
      case 'transmit':
        this.#outbox.transmit(params as Message);
        return;
      case 'flush':
        this.#queue.pushNext({ type: 'conduit.flushed' });
        return;
      case 'decide':
        state.decisions = [...state.decisions, id];
        this.observed.push({ type: 'asked', id });
        return;
      case 'dropDecision':
        this.#drop(id);
        return;
      case 'pend':
        state.waiting = state.waiting.map((one) => (one.request === request ? { ...one, id } : one));
        return;
      case 'activate':
        this.#activate(id, request);
        return;
      case 'deliver':
        this.#deliver(id, message);
        return;
      case 'dropUnsent':
        state.parked = state.parked.filter(({ connectionId }) => connectionId !== id);
        return;
      case 'closeHandle':
        this.#closeHandle(id, by);
        return;
      case 'settle':
        this.settle(request, outcome.type);
        return;
      case 'sweep':
        this.#sweep();
        return;
      case 'pauseReading':
        state.isPaused = true;
        return;
      case 'resumeReading':
        state.isPaused = false;
        this.#queue.drain();
        return;
      case 'confirm':
        this.confirms = true;
        state.isConfirming = true;
        return;
      case 'reportRootClosed':
        return;
      case 'finish':
        this.#finish(params as Parameters<Port['finish']>[0]);
        return;
      case 'closeLink':
        this.#letGo(orderly);
        return;
      case 'stopConduit':
        this.#queue.close();
        state.held = [];
        this.#letGo(false);
        return;
      default:
        throw new Error(`the effect ${name} is not modelled`);
    }
  }

  settle(request: RequestNumber, outcome: Outcome['type']): void {
    const { state } = this;
    // A refused message is not under way: the end of the session rejects the request. 9b.09
    if (outcome === 'done' && state.isBroken) return;
    const isWaiting = state.waiting.some((one) => one.request === request);
    if (!isWaiting) this.#monitor.found('settles-once', `request ${request} is settled a second time, as ${outcome}`);
    state.waiting = state.waiting.filter((one) => one.request !== request);
    this.observed.push({ type: 'settled', request, outcome });
  }

  #activate(id: number, request: RequestNumber | undefined): void {
    const { state } = this;
    if (id !== 0 && request === undefined) state.decisions = state.decisions.filter((one) => one !== id);
    if (state.isBroken) return;
    if (this.#handle(id) !== undefined) this.#monitor.found('active-only', `connection ${id} is activated twice`);
    const handle = { id, unread: 0, hasLeft: false };
    state.handles = [...state.handles, handle].sort((one, other) => one.id - other.id);
    if (id === 0) state.isEstablished = true;
    this.observed.push({ type: 'active', id, ...(request === undefined ? {} : { request }) });
    if (request !== undefined) this.settle(request, 'done');
  }

  #deliver(id: number, message: DataMessage): void {
    const handle = this.#handle(id);
    if (handle === undefined) this.#monitor.found('active-only', `${message.type} for ${id}, which is not active`);
    if (handle === undefined || handle.hasLeft) return;
    this.observed.push({ type: 'delivered', id });
    this.#inboxes.put(id);
  }

  #closeHandle(id: number, by: 'local' | 'peer'): void {
    const { state } = this;
    const isKnown = this.#handle(id) !== undefined;
    state.handles = state.handles.filter((handle) => handle.id !== id);
    if (!isKnown) return;
    this.observed.push({ type: 'retired', id, by });
    this.#inboxes.relieve(id);
  }

  #sweep(): void {
    const { opens, decisions } = this.#sweeping;
    const { state } = this;
    // The real input queue holds in the same way for a step of a timer.
    this.#queue.hold();
    for (const { id } of state.waiting.filter((one) => one.id !== undefined).slice(0, opens)) {
      this.push({ type: 'deadline.passed', id } as SessionEvent);
    }
    for (const id of state.decisions.slice(0, decisions)) {
      this.push(() => (state.decisions.includes(id) ? ({ type: 'deadline.passed', id } as SessionEvent) : undefined));
    }
  }

  /** Returns the user's rejection. Undefined if the question no longer exists. */
  reject(id: number): Event | undefined {
    if (!this.state.decisions.includes(id)) return undefined;
    this.state.decisions = this.state.decisions.filter((one) => one !== id);
    return { type: 'app.reject', id, metadata: [] } as SessionEvent;
  }

  #finish({ end, unsent }: Parameters<Port['finish']>[0]): void {
    const { state } = this;
    if (state.end !== undefined) return;
    state.end = end.cause;
    if (end.cause === 'violation') this.accuses = `${end.rule}: ${end.description}`;
    // A timeout is no accusation, even if the peer gets a ProtocolError.
    const isLate = end.cause === 'handshake' && end.failure.message === 'handshake timed out';
    if (end.cause === 'handshake' && end.failure.rule !== undefined && !isLate) this.accuses = end.failure.message;
    this.#outbox.finish(unsent === 'sent');
    for (const { request } of state.waiting) this.settle(request, 'ended');
    for (const id of state.decisions) this.#drop(id);
    for (const { id } of state.handles) this.observed.push({ type: 'retired', id, by: 'session' });
    state.handles = [];
    this.observed.push({ type: 'ended', cause: end.cause, limit: 'limit' in end ? end.limit : undefined });
    if (state.full !== undefined) this.#inboxes.relieve(state.full);
  }

  #letGo(orderly: boolean): void {
    const { state } = this;
    if (state.link === 'over' || (orderly && state.link === 'closing')) return;
    state.link = orderly ? 'closing' : 'over';
    this.link = orderly ? 'closed' : 'aborted';
  }

  #drop(id: number): void {
    if (!this.state.decisions.includes(id)) return;
    this.state.decisions = this.state.decisions.filter((one) => one !== id);
    this.observed.push({ type: 'moot', id });
  }

  #handle(id: number) {
    return this.state.handles.find((handle) => handle.id === id);
  }
}
