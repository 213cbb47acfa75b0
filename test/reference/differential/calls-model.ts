import { hasParity, nextId, opposite, type Parity } from '../../../src/wire/id.js';
import type { ChannelMessage, DataMessage, RequestMessage } from '../../../src/wire/message.js';
import type { Step } from './script.js';

/** The initial credit of every channel of a script. */
export const CREDIT = 4;

/** The initial credit of a channel that no call has named: nothing else is known about such a channel. */
const UNKNOWN_CREDIT = 16;

/** The methods of the handlers. The oracle's main.rs shows the behaviour of each. */
export const METHOD = { echo: 1, held: 2, noReply: 3, unknown: 4, receive: 5, send: 6 } as const;

/** A call of ours that the peer has not answered. */
export interface OurCall {
  readonly ref: number;
  readonly request: number;
  isGivenUp: boolean;
}

/** A step that makes a call. */
export type CallStep = Step & { readonly do: 'call' | 'call-tx' | 'call-rx' };

/** A call of the peer's whose handler is at work. */
export interface Handler {
  readonly request: number;
  readonly method: number;
  readonly args: Uint8Array;
  readonly channels: readonly number[];
  isAtWork: boolean;
  /** True if a later call had taken the handler's id when its connection ended, while the handler was at work. */
  isForgotten: boolean;
  /** Items that it still has to send. */
  left: number;
}

/** A handler that waits to be told to answer. The one that waits longest is told first, across all connections. */
export interface Held {
  readonly handler: Handler;
  readonly calls: CallsModel;
}

/** A channel that we have named: we send on it, or receive. */
export interface OurChannel {
  readonly id: number;
  readonly kind: 'tx' | 'rx';
  isOver: boolean;
  /** True if our application has closed the channel. */
  isClosed: boolean;
  credit: number;
  /** The items that wait for credit. */
  waiting: string[];
}

/** A channel that the peer has named, or speaks on. */
export interface TheirChannel {
  readonly id: number;
  /** `offered` until a handler binds it. `released` if no handler has, and nothing is known of the channel. */
  state: 'offered' | 'receiving' | 'sending' | 'released' | 'over';
  isNamed: boolean;
  readonly room: number;
  items: number;
  isClosed: boolean;
  isReset: boolean;
  isGranted: boolean;
  /** The credit that was granted before the channel was bound. */
  granted: number;
  credit: number;
  handler: Handler | undefined;
}

/** The calls and channels of one connection. */
export class CallsModel {
  readonly parity: Parity;
  /** By request id, until the Response is here. */
  readonly calls = new Map<number, OurCall>();
  /** Calls that wait for their turn, and the steps that made them. */
  readonly turn: { readonly call: OurCall; readonly step: CallStep }[] = [];
  /** The handlers at work, by request id; of two with the same id, the later. */
  readonly handlers = new Map<number, Handler>();
  /** Handlers whose id a later call has taken. */
  readonly duplicates = new Set<Handler>();
  readonly ours = new Map<number, OurChannel>();
  readonly theirs = new Map<number, TheirChannel>();
  /** The number of calls that the peer lets us have in flight. */
  readonly max: number;
  readonly #held: Held[];
  readonly #onUnheld: () => void;
  /** Called when the peer is told that no handler took a channel. */
  readonly #onDeclined: (id: number, by: 'Reset' | 'Close') => void;
  #lastRequest = 0;
  #lastChannel = 0;
  peerHigh = 0;
  isReleased = false;

  constructor(
    parity: Parity,
    max: number,
    held: Held[],
    onUnheld: () => void,
    onDeclined: (id: number, by: 'Reset' | 'Close') => void,
  ) {
    this.parity = parity;
    this.max = max;
    this.#held = held;
    this.#onUnheld = onUnheld;
    this.#onDeclined = onDeclined;
  }

  /** True if something keeps the connection open although its callers are gone. */
  get isHeld(): boolean {
    const isCalling = this.turn.length > 0 || [...this.calls.values()].some(({ isGivenUp }) => !isGivenUp);
    const hasEnd = [...this.ours.values()].some(({ isOver }) => !isOver);
    const hasBound = [...this.theirs.values()].some(({ state }) => state === 'receiving' || state === 'sending');
    return isCalling || hasEnd || hasBound || this.handlers.size > 0 || this.duplicates.size > 0;
  }

  get nextRequest(): number {
    return nextId(this.#lastRequest, this.parity);
  }

  get nextChannel(): number {
    return nextId(this.#lastChannel, this.parity);
  }

  isTheirs(id: number): boolean {
    return id !== 0 && hasParity(id, opposite(this.parity));
  }

  // ---- What we do ----

  release(): void {
    this.isReleased = true;
    this.#look();
  }

  call(step: CallStep): { readonly call: OurCall; readonly channel: OurChannel | undefined } {
    this.#lastRequest = this.nextRequest;
    const call: OurCall = { ref: step.ref, request: this.#lastRequest, isGivenUp: false };
    if (this.isFull) this.turn.push({ call, step });
    else this.calls.set(call.request, call);
    if (step.do === 'call') return { call, channel: undefined };
    this.#lastChannel = this.nextChannel;
    const kind = step.do === 'call-tx' ? 'tx' : 'rx';
    const channel: OurChannel = {
      id: this.#lastChannel,
      kind,
      isOver: false,
      isClosed: false,
      credit: CREDIT,
      waiting: [],
    };
    this.ours.set(channel.id, channel);
    return { call, channel };
  }

  /** True if a new call has to wait for its turn. */
  get isFull(): boolean {
    return this.calls.size >= this.max;
  }

  giveUp(call: OurCall): void {
    call.isGivenUp = true;
    // A call that waits for its turn has sent nothing, and sends no Cancel.
    const place = this.turn.findIndex((waiting) => waiting.call === call);
    if (place >= 0) this.turn.splice(place, 1);
    this.#look();
  }

  send(channel: OurChannel, item: string): void {
    if (channel.credit > 0) channel.credit--;
    else channel.waiting.push(item);
  }

  close(channel: OurChannel): void {
    channel.isOver = true;
    channel.isClosed = true;
    this.#look();
  }

  /** The handler was told to answer. */
  answer(handler: Handler): void {
    if (handler.isAtWork) this.#done(handler);
  }

  /** The connection is over. */
  end(): void {
    for (const handler of this.duplicates) handler.isForgotten = true;
    for (const handler of [...this.handlers.values(), ...this.duplicates]) handler.isAtWork = false;
    this.handlers.clear();
    this.duplicates.clear();
    this.calls.clear();
    this.turn.length = 0;
    for (const channel of this.ours.values()) channel.isOver = true;
    this.theirs.clear();
  }

  // ---- What the peer does ----

  take(message: DataMessage): void {
    if (message.type === 'RequestMessage') this.#request(message);
    else this.#channel(message);
    this.#look();
  }

  #request({ id, body }: RequestMessage): void {
    if (body.type === 'Call') {
      const { methodId, args, channels } = body;
      const handler: Handler = {
        request: id,
        method: Number(methodId),
        args,
        channels,
        isAtWork: true,
        isForgotten: false,
        left: 0,
      };
      const other = this.handlers.get(id);
      if (other !== undefined) this.duplicates.add(other);
      this.handlers.set(id, handler);
      for (const channel of channels) this.#name(channel);
      this.#handle(handler);
    } else if (body.type === 'Response') {
      const next = this.calls.delete(id) ? this.turn.shift() : undefined;
      if (next !== undefined) this.calls.set(next.call.request, next.call);
    } else {
      const handler = this.handlers.get(id);
      if (handler !== undefined) this.#abort(handler);
    }
  }

  #name(id: number): void {
    if (this.isTheirs(id)) this.peerHigh = Math.max(this.peerHigh, id);
    const early = this.theirs.get(id);
    if (early?.state === 'offered' && !early.isNamed) early.isNamed = true;
    else this.theirs.set(id, offered(id, true));
  }

  #handle(handler: Handler): void {
    const [id, ...others] = handler.channels;
    const channel = id === undefined || others.length > 0 ? undefined : this.theirs.get(id);
    switch (handler.method) {
      case METHOD.held:
        this.#held.push({ handler, calls: this });
        return;
      case METHOD.receive:
        if (channel === undefined) break;
        channel.state = 'receiving';
        channel.handler = handler;
        if (channel.isClosed || channel.isReset) this.#over(channel);
        return;
      case METHOD.send:
        if (channel === undefined) break;
        channel.state = 'sending';
        channel.handler = handler;
        channel.credit = CREDIT + channel.granted;
        handler.left = handler.args[0] ?? 0;
        if (channel.isReset) {
          handler.left = 0;
          this.#over(channel);
        } else {
          this.#flow(channel);
        }
        return;
      default:
    }
    this.#done(handler);
  }

  /** Sends the items that credit allows. */
  #flow(channel: TheirChannel): void {
    const { handler } = channel;
    if (handler === undefined) return;
    const sent = Math.min(handler.left, channel.credit);
    handler.left -= sent;
    channel.credit -= sent;
    if (handler.left === 0) this.#over(channel);
  }

  /** A bound channel is over, and with it its handler's work. */
  #over(channel: TheirChannel): void {
    const { handler } = channel;
    channel.state = 'over';
    channel.handler = undefined;
    if (handler?.isAtWork === true) this.#done(handler);
  }

  #done(handler: Handler): void {
    handler.isAtWork = false;
    if (this.handlers.get(handler.request) === handler) this.handlers.delete(handler.request);
    this.duplicates.delete(handler);
    // 9a.21
    for (const id of handler.channels) {
      const channel = this.theirs.get(id);
      if (channel?.state === 'offered') this.#decline(channel);
    }
    this.#look();
  }

  /** No handler takes the channel. */
  #decline(channel: TheirChannel): void {
    const { id, items, isClosed, isReset, isGranted } = channel;
    const isEnded = isClosed || isReset;
    channel.state = isEnded || items > 0 || isGranted ? 'over' : 'released';
    if (isEnded) return;
    if (items > 0) this.#onDeclined(id, 'Reset');
    else if (isGranted) this.#onDeclined(id, 'Close');
  }

  /** The caller has cancelled the call: the channels that the handler had bound are released. */
  #abort(handler: Handler): void {
    for (const id of handler.channels) {
      const channel = this.theirs.get(id);
      if (channel?.handler !== handler) continue;
      channel.state = 'over';
      channel.handler = undefined;
    }
    this.#done(handler);
  }

  #channel({ id, body }: ChannelMessage): void {
    const own = this.ours.get(id);
    if (own !== undefined) {
      this.#onOurs(own, body);
      return;
    }
    if (!this.isTheirs(id)) return;
    let channel = this.theirs.get(id);
    if (channel === undefined || (channel.state === 'over' && id > this.peerHigh)) {
      if (id <= this.peerHigh) return;
      channel = offered(id, false);
      this.theirs.set(id, channel);
    }
    this.#onTheirs(channel, body);
  }

  #onOurs(channel: OurChannel, body: ChannelMessage['body']): void {
    if (channel.isOver) return;
    if (channel.kind === 'rx') {
      if (body.type === 'Close' || body.type === 'Reset') channel.isOver = true;
    } else if (body.type === 'Reset') {
      channel.isOver = true;
      channel.waiting = [];
    } else if (body.type === 'GrantCredit') {
      const sent = channel.waiting.splice(0, channel.credit + body.additional);
      channel.credit += body.additional - sent.length;
    }
  }

  #onTheirs(channel: TheirChannel, body: ChannelMessage['body']): void {
    switch (channel.state) {
      case 'offered':
        if (body.type === 'GrantCredit') {
          channel.isGranted = true;
          channel.granted += body.additional;
        } else if (body.type === 'Reset') channel.isReset = true;
        else if (body.type === 'Close') channel.isClosed = true;
        else if (!channel.isClosed && ++channel.items > channel.room) channel.state = 'over';
        return;
      case 'released':
        channel.state = 'over';
        if (body.type === 'Item') this.#onDeclined(channel.id, 'Reset');
        else if (body.type === 'GrantCredit') this.#onDeclined(channel.id, 'Close');
        return;
      case 'receiving':
        if (body.type === 'Close' || body.type === 'Reset') this.#over(channel);
        return;
      case 'sending':
        if (body.type === 'GrantCredit') {
          channel.credit += body.additional;
          this.#flow(channel);
        } else if (body.type === 'Reset') {
          if (channel.handler !== undefined) channel.handler.left = 0;
          this.#over(channel);
        }
        return;
      default:
    }
  }

  #look(): void {
    if (this.isReleased && !this.isHeld) this.#onUnheld();
  }
}

function offered(id: number, isNamed: boolean): TheirChannel {
  return {
    id,
    state: 'offered',
    isNamed,
    room: isNamed ? CREDIT : UNKNOWN_CREDIT,
    items: 0,
    isClosed: false,
    isReset: false,
    isGranted: false,
    granted: 0,
    credit: 0,
    handler: undefined,
  };
}
