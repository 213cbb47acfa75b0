import { hasParity, opposite, type Parity } from '../../../src/wire/id.js';
import type { DataMessage, Message } from '../../../src/wire/message.js';
import { CallsModel, type Held, type OurCall, type OurChannel } from './calls-model.js';
import { partsOf, received, type Script, type Step } from './script.js';

/** The number of messages that an inbox takes. */
const INBOX = 64;

/** A connection of a script. */
export interface Live {
  readonly id: number;
  /** The reference of the open that it came from, if the open was ours. */
  readonly ref: number | undefined;
  /** Our parity on the connection, as far as it is known. */
  parity: Parity | undefined;
  state: 'pending' | 'active' | 'closed';
  isReaderGone: boolean;
  /** True if its reader takes the messages that come. */
  isRead: boolean;
  /** True if the reader already waits for a message. A reader that is then told to hold still takes one message more. */
  isWaiting: boolean;
  unread: number;
  /** Messages that wait on the one leg of a proxy that is there. */
  readonly queued: DataMessage[];
  /** True if our application has closed the connection. */
  isClosedByUs: boolean;
  /** The calls and channels of the connection; undefined if it has no driver. */
  calls: CallsModel | undefined;
}

/**
 * Models a script on a session that keeps the protocol, as far as the generator needs it for the next step: the ids in use
 * and their owners, the readers, and whether the session has ended.
 */
export class Model {
  readonly script: Script;
  phase: 'handshake' | 'running' | 'over' = 'handshake';
  parity: Parity;
  isRootReleased = false;
  isRefusing = false;
  /** True once there was a session. */
  wasEstablished = false;
  /** True if the root-closed check ended the session in the group of steps that is being played. */
  hasJustEnded = false;
  /** Our opens that were accepted in this group: their reader is taken when the group is over. */
  readonly justOpened = new Set<number>();
  /** The connections in use: the root, and those that are pending or active. */
  readonly live = new Map<number, Live>();
  /** All handles that there ever were, by id; the latest comes last. */
  readonly handles = new Map<number, Live[]>();
  /** The connections of our opens. */
  readonly opens = new Map<number, Live>();
  /** Handlers that wait to be told to answer. */
  readonly held: Held[] = [];
  /** The calls that were made, by their references. */
  readonly made = new Map<number, { readonly live: Live; readonly call: OurCall }>();
  /** The channels that we send on, by their ids; of two with the same id, the later. */
  readonly sinks = new Map<number, { readonly live: Live; readonly channel: OurChannel }>();
  /** Called when a connection that was active is over, before its calls are forgotten. */
  onEnded: (live: Live) => void = () => {};
  /** Called when the peer is told that no handler has taken one of its channels. */
  onDeclined: (live: Live, id: number, by: 'Reset' | 'Close') => void = () => {};
  /** The legs of the proxy that are open. */
  #legs: Live[] = [];
  /** Frames that wait behind an inbox without room. */
  readonly blocked: (Step & { do: 'frame' })[] = [];
  /** Called for each step when it takes effect. A frame that waits behind a full inbox takes effect only later. */
  #onTaken: (step: Step) => void = () => {};
  #lastId: number | undefined;
  #now = 0;
  #pingAt = 0;
  #lastNonce = 0n;
  /** The time at which the awaited Pong is late. */
  #deadline: number | undefined;

  constructor(script: Script) {
    this.script = script;
    this.parity = partsOf(script.hello).settings.parity;
    if (script.role === 'initiator' && script.refusing === true) this.phase = 'over';
    this.isRefusing = script.refusing === true;
  }

  /** True while a Ping of ours waits for its Pong. */
  get isPinging(): boolean {
    return this.#deadline !== undefined;
  }

  get lastNonce(): bigint {
    return this.#lastNonce;
  }

  get isBlocked(): boolean {
    return this.blocked.length > 0;
  }

  /** Returns the handle that a step refers to. */
  handle({ id, which = 0 }: { readonly id: number; readonly which?: number }): Live | undefined {
    const all = this.handles.get(id);
    return all?.[Math.max(0, all.length - 1 - which)];
  }

  /** The leg of a proxy that waits for the other one. */
  get waitingLeg(): Live | undefined {
    return this.#legs.length === 1 ? this.#legs[0] : undefined;
  }

  /** A call of ours that waits for its answer. */
  waiting(ref: number): { readonly live: Live; readonly call: OurCall } | undefined {
    const made = this.made.get(ref);
    if (made === undefined || made.live.state !== 'active' || made.call.isGivenUp) return undefined;
    return made.live.calls?.calls.get(made.call.request) === made.call ? made : undefined;
  }

  /** True if the peer could open this id now. */
  isOpenable(id: number): boolean {
    return hasParity(id, opposite(this.parity)) && !this.live.has(id);
  }

  /** True if `message` would open a connection. */
  accepts(message: Message): boolean {
    return (
      message.type === 'ConnectionOpen' &&
      this.script.accept !== undefined &&
      this.isOpenable(message.connectionId) &&
      !message.metadata.some(({ key }) => key === 'no')
    );
  }

  /** True if removing this one connection ends the session. */
  isLast(id: number): boolean {
    return this.isRootReleased && [...this.live.keys()].every((other) => other === 0 || other === id);
  }

  /** True if a session has to send something because of this step, which comes next. */
  sends(step: Step): boolean {
    if (this.phase !== 'running') return false;
    switch (step.do) {
      case 'frame': {
        const message = this.isBlocked ? undefined : received(step.hex);
        if (message === undefined) return false;
        const live = this.live.get(message.connectionId);
        const isData = message.type === 'RequestMessage' || message.type === 'ChannelMessage';
        if (isData) return live?.state === 'active' && live.isReaderGone && live.id !== 0;
        return message.type === 'Ping' || message.type === 'ConnectionOpen';
      }
      case 'open':
        return true;
      case 'abandon':
        return this.opens.get(step.ref)?.state === 'pending';
      case 'close':
        return step.id !== 0 && this.live.has(step.id);
      case 'release': {
        const handle = this.handle(step);
        return step.id !== 0 && handle?.state === 'active';
      }
      case 'send':
        return this.handle(step)?.state === 'active';
      default:
        return false;
    }
  }

  /** Takes a step. `onTaken` is called for every step just before it takes effect. */
  take(step: Step, onTaken: (step: Step) => void = () => {}): void {
    this.#onTaken = onTaken;
    if (step.do === 'frame') {
      this.#frame(step);
      return;
    }
    onTaken(step);
    switch (step.do) {
      case 'advance':
        this.#advance(step.ms);
        return;
      case 'end':
      case 'fail':
      case 'shutdown':
        if (step.do === 'shutdown' && this.phase === 'handshake') return;
        this.#end();
        return;
      case 'refuse':
        this.isRefusing = true;
        return;
      default:
        if (this.phase === 'running') this.#local(step);
        else this.#late(step);
    }
  }

  /** Applies a step to a session that is over. Such a step still uses up a held handler or a caller. */
  #late(step: Step): void {
    if (step.do === 'answer') this.held.shift();
    else if (step.do === 'release') this.handle(step)?.calls?.release();
  }

  #frame(step: Step & { do: 'frame' }): void {
    const message = received(step.hex);
    if (this.isBlocked || (message !== undefined && this.#hasNoRoom(message))) {
      this.blocked.push(step);
      return;
    }
    this.#onTaken(step);
    if (this.phase === 'over') return;
    if (message === undefined) this.#end();
    else if (this.phase === 'handshake') this.#greet(message);
    else this.#receive(message);
  }

  #hasNoRoom({ type, connectionId }: Message): boolean {
    if (type !== 'RequestMessage' && type !== 'ChannelMessage') return false;
    const live = this.live.get(connectionId);
    if (live?.state !== 'active' || live.isReaderGone) return false;
    return !live.isWaiting && live.unread >= INBOX;
  }

  #unblock(): void {
    const waiting = this.blocked.splice(0);
    for (const step of waiting) this.#frame(step);
  }

  #greet(message: Message): void {
    const { role } = this.script;
    if (role === 'initiator' && message.type === 'HelloYourself') {
      this.phase = 'running';
    } else if (role === 'acceptor' && message.type === 'Hello' && message.version === 7 && !this.isRefusing) {
      this.parity = opposite(message.connectionSettings.parity);
      this.phase = 'running';
    } else {
      this.#end();
      return;
    }
    this.wasEstablished = true;
    this.#activate(pending(0), this.parity, message.connectionSettings.maxConcurrentRequests);
    this.#pingAt = this.#now + (this.script.keepalive?.[0] ?? 0);
  }

  #advance(time: number): void {
    const end = this.#now + time;
    const [interval, timeout] = this.script.keepalive ?? [0, 0];
    while (this.phase === 'running' && interval > 0) {
      const due = this.#deadline ?? this.#pingAt;
      // While unread messages block the inbox, the deadline does not pass. 9b.12
      if (due > end || (this.isBlocked && this.#deadline !== undefined)) break;
      this.#now = due;
      if (this.#deadline !== undefined || this.isRefusing) {
        this.#end();
      } else {
        this.#lastNonce++;
        this.#deadline = due + timeout;
      }
    }
    this.#now = end;
  }

  #receive(message: Message): void {
    const id = message.connectionId;
    const live = this.live.get(id);
    switch (message.type) {
      case 'ConnectionClose':
        if (id === 0) this.#end();
        else this.#remove(id);
        return;
      case 'ConnectionOpen':
        if (this.isRefusing) this.#end();
        else if (this.accepts(message)) {
          const { parity, maxConcurrentRequests } = message.connectionSettings;
          this.#activate(pending(id), opposite(parity), maxConcurrentRequests);
        }
        return;
      case 'ConnectionAccept':
        if (live?.state !== 'pending') return;
        this.#activate(live, live.parity ?? this.parity, message.connectionSettings.maxConcurrentRequests);
        return;
      case 'ConnectionReject':
        if (live?.state === 'pending') this.#remove(id);
        return;
      case 'RequestMessage':
      case 'ChannelMessage':
        if (live?.state !== 'active') return;
        if (this.waitingLeg === live) live.queued.push(message);
        else if (live.calls === undefined) this.#deliver(live);
        else live.calls.take(message);
        return;
      case 'ProtocolError':
        this.#end();
        return;
      case 'Ping':
        if (this.isRefusing) this.#end();
        return;
      case 'Pong':
        if (id !== 0 || this.#deadline === undefined || message.nonce !== this.#lastNonce) return;
        this.#deadline = undefined;
        this.#pingAt = this.#now + (this.script.keepalive?.[0] ?? 0);
        return;
      default:
    }
  }

  #deliver(live: Live): void {
    if (live.isReaderGone) {
      if (live.id === 0 || this.isRefusing) this.#end();
      else this.#remove(live.id);
    } else if (live.isWaiting) {
      live.isWaiting = live.isRead;
    } else {
      live.unread++;
    }
  }

  #local(step: Step): void {
    if (this.isRefusing && this.sends(step)) {
      this.#end();
      return;
    }
    switch (step.do) {
      case 'open': {
        this.#lastId = this.#lastId === undefined ? (this.parity === 'odd' ? 1 : 2) : this.#lastId + 2;
        const live = pending(this.#lastId, step);
        this.live.set(live.id, live);
        this.opens.set(step.ref, live);
        return;
      }
      case 'abandon': {
        const live = this.opens.get(step.ref);
        if (live?.state === 'pending') this.#remove(live.id);
        return;
      }
      case 'close': {
        const live = step.id === 0 ? undefined : this.live.get(step.id);
        if (live === undefined) return;
        live.isClosedByUs = true;
        this.#remove(live.id);
        return;
      }
      case 'release': {
        const handle = this.handle(step);
        if (handle === undefined) return;
        if (handle.calls === undefined) this.#letGo(handle);
        else handle.calls.release();
        return;
      }
      case 'call':
      case 'call-tx':
      case 'call-rx': {
        const live = this.handle(step);
        if (live?.calls === undefined || live.calls.isReleased || live.state !== 'active') return;
        const { call, channel } = live.calls.call(step);
        this.made.set(step.ref, { live, call });
        if (channel?.kind === 'tx') this.sinks.set(channel.id, { live, channel });
        return;
      }
      case 'give-up': {
        const made = this.made.get(step.ref);
        if (made?.live.state === 'active' && !made.call.isGivenUp) made.live.calls?.giveUp(made.call);
        return;
      }
      case 'answer': {
        const held = this.held.shift();
        held?.calls.answer(held.handler);
        return;
      }
      case 'item':
      case 'close-channel': {
        const sink = this.sinks.get(step.channel);
        if (sink === undefined || sink.channel.isOver) return;
        if (step.do === 'item') sink.live.calls?.send(sink.channel, step.hex);
        else sink.live.calls?.close(sink.channel);
        return;
      }
      case 'hold': {
        const handle = this.handle(step);
        if (handle !== undefined) handle.isRead = false;
        return;
      }
      case 'read': {
        const handle = this.handle(step);
        if (handle === undefined) return;
        handle.isRead = true;
        handle.isWaiting = true;
        handle.unread = 0;
        this.#unblock();
        return;
      }
      case 'drop': {
        const handle = this.handle(step);
        if (handle === undefined) return;
        handle.isReaderGone = true;
        this.#unblock();
        return;
      }
      default:
    }
  }

  #activate(live: Live, parity: Parity, max: number): void {
    live.state = 'active';
    live.parity = parity;
    this.live.set(live.id, live);
    if (live.ref !== undefined) this.justOpened.add(live.id);
    if (this.script.proxied?.includes(live.id) === true) {
      this.#join(live);
      return;
    }
    const handles = this.handles.get(live.id) ?? [];
    handles.push(live);
    this.handles.set(live.id, handles);
    if (this.script.calls !== true) return;
    live.calls = new CallsModel(
      parity,
      max,
      this.held,
      () => this.#letGo(live),
      (id, by) => this.onDeclined(live, id, by),
    );
  }

  /** A leg of the proxy is open. If one leg is over, the other one ends too. */
  #join(live: Live): void {
    this.#legs.push(live);
    if (this.#legs.some(({ state }) => state === 'closed')) this.#part();
  }

  /** Ends the proxy, if there is one: both its legs are released. */
  #part(): void {
    if (this.#legs.length < 2) return;
    const legs = this.#legs;
    this.#legs = [];
    for (const leg of legs) if (leg.state === 'active') this.#letGo(leg);
  }

  /** The connection has no holder any more. */
  #letGo(live: Live): void {
    if (this.phase !== 'running') return;
    if (live.id === 0) {
      this.isRootReleased = true;
      this.#check();
    } else if (live.state === 'active') {
      this.#remove(live.id);
    }
  }

  #remove(id: number): void {
    const live = this.live.get(id);
    if (live === undefined) return;
    this.#close(live);
    this.live.delete(id);
    if (this.#legs.includes(live)) this.#part();
    this.#check();
    this.#unblock();
  }

  #check(): void {
    if (!this.isRootReleased || [...this.live.keys()].some((id) => id !== 0)) return;
    this.hasJustEnded = true;
    this.#end();
  }

  #end(): void {
    this.phase = 'over';
    this.blocked.length = 0;
    for (const live of this.live.values()) this.#close(live);
    this.live.clear();
  }

  #close(live: Live): void {
    if (live.state === 'active') this.onEnded(live);
    live.state = 'closed';
    live.calls?.end();
  }
}

/** Makes a connection that is not yet active. */
function pending(id: number, open?: Step & { do: 'open' }): Live {
  return {
    id,
    ref: open?.ref,
    parity: open === undefined ? undefined : partsOf(open.hex).settings.parity,
    state: 'pending',
    isReaderGone: false,
    isRead: true,
    isWaiting: true,
    unread: 0,
    queued: [],
    isClosedByUs: false,
    calls: undefined,
  };
}

/** Returns the message of a frame; undefined if the step is no frame, or the frame does not decode. */
export function frameOf(step: Step): Message | undefined {
  return step.do === 'frame' ? received(step.hex) : undefined;
}
