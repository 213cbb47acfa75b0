import type { ChannelMessage, DataMessage, RequestMessage } from '../../../src/wire/message.js';
import { type CallsModel, METHOD, type TheirChannel } from './calls-model.js';
import type { Live, Model } from './model.js';
import type { Random } from './random.js';
import type { Step } from './script.js';

/** Generates the messages on connections that have drivers. */
export class Traffic {
  readonly #random: Random;
  readonly #model: Model;
  #lastRef = 0;
  readonly #lastRequests = new Map<Live, number>();

  constructor(random: Random, model: Model) {
    this.#random = random;
    this.#model = model;
  }

  // ---- What the peer says ----

  /** Returns a request or channel message on a connection that is active; undefined if none fits. */
  message(live: Live): DataMessage | undefined {
    const { calls } = live;
    if (calls === undefined) return undefined;
    const random = this.#random;
    return random.weighted<() => DataMessage | undefined>([
      [8, () => this.#call(live, calls)],
      [calls.calls.size > 0 ? 8 : 1, () => this.#response(live.id, calls)],
      [calls.handlers.size > 0 ? 3 : 1, () => this.#cancel(live.id, calls)],
      [calls.ours.size > 0 ? 8 : 1, () => this.#onOurs(live.id, calls)],
      [calls.theirs.size > 0 ? 8 : 2, () => this.#onTheirs(live.id, calls)],
    ])();
  }

  #call(live: Live, calls: CallsModel): RequestMessage | undefined {
    const random = this.#random;
    // Sometimes take the id of a request of ours that waits: see 9b.19.
    const ours = [...calls.calls.keys()];
    const isCrossed = ours.length > 0 && random.oneIn(15);
    const id = isCrossed ? random.pick(ours) : this.#requestId(live, calls);
    const other = calls.handlers.get(id);
    // Of two calls with the same id, both may only wait.
    const isDouble = other !== undefined;
    if (isDouble && other.method !== METHOD.held) return undefined;
    const methods = isDouble ? [METHOD.held, METHOD.echo] : Object.values(METHOD);
    const method = isCrossed ? METHOD.noReply : random.pick(methods);
    if (isCrossed && isDouble) return undefined;
    const takes = method === METHOD.receive || method === METHOD.send;
    const channels = takes || random.oneIn(3) ? this.#named(calls, method) : [];
    const args = method === METHOD.send ? Uint8Array.of(random.below(10)) : random.bytes(3);
    const body = { type: 'Call', methodId: BigInt(method), channels, metadata: [], args } as const;
    return { type: 'RequestMessage', connectionId: live.id, id, body };
  }

  /** Mostly returns a new id of the peer's; also one in flight, or one of our parity but far from those that we allocate. */
  #requestId(live: Live, calls: CallsModel): number {
    const random = this.#random;
    if (calls.handlers.size > 0 && random.oneIn(5)) return random.pick([...calls.handlers.keys()]);
    const first = calls.parity === 'odd' ? 2 : 1;
    if (random.oneIn(20)) return 1001 - first + 2 * random.below(50);
    const last = this.#lastRequests.get(live) ?? first - 2;
    this.#lastRequests.set(live, last + 2);
    return last + 2;
  }

  /** Returns channels that a Call can name: new ones, or one that the peer has used before naming it. */
  #named(calls: CallsModel, method: number): number[] {
    const random = this.#random;
    const isUsable = ({ state, isNamed, isReset }: TheirChannel) =>
      state === 'offered' && !isNamed && !(isReset && method === METHOD.send);
    const early = [...calls.theirs.values()].filter(isUsable);
    const first = early.length > 0 && random.oneIn(2) ? random.pick(early).id : this.#newChannel(calls);
    return random.oneIn(10) ? [first, Math.max(first, this.#newChannel(calls)) + 2] : [first];
  }

  #newChannel(calls: CallsModel): number {
    const first = calls.parity === 'odd' ? 2 : 1;
    const known = [calls.peerHigh, ...calls.theirs.keys()].filter((id) => calls.isTheirs(id));
    const highest = Math.max(first - 2, ...known);
    return highest + 2;
  }

  #response(connectionId: number, calls: CallsModel): RequestMessage {
    const random = this.#random;
    const waiting = [...calls.calls.keys()];
    const id = waiting.length === 0 || random.oneIn(10) ? random.below(9) : random.pick(waiting);
    const ret = Uint8Array.of(0, ...random.bytes(3));
    const body = { type: 'Response', channels: [], metadata: [], ret } as const;
    return { type: 'RequestMessage', connectionId, id, body };
  }

  #cancel(connectionId: number, calls: CallsModel): RequestMessage {
    const random = this.#random;
    const atWork = [...calls.handlers.keys()];
    const id = atWork.length === 0 || random.oneIn(10) ? random.below(9) : random.pick(atWork);
    return { type: 'RequestMessage', connectionId, id, body: { type: 'Cancel', metadata: [] } };
  }

  #onOurs(connectionId: number, calls: CallsModel): ChannelMessage {
    const random = this.#random;
    const open = [...calls.ours.values()].filter(({ isOver }) => !isOver);
    if (open.length === 0 || random.oneIn(12)) {
      // A channel that is over, or that we have not named.
      const id = random.oneIn(2) ? calls.nextChannel : random.pick([...calls.ours.keys(), calls.nextChannel + 2]);
      return { type: 'ChannelMessage', connectionId, id, body: this.#body() };
    }
    const { id, kind } = random.pick(open);
    const body = random.oneIn(10) ? this.#body() : kind === 'tx' ? this.#receivers() : this.#senders();
    return { type: 'ChannelMessage', connectionId, id, body };
  }

  #onTheirs(connectionId: number, calls: CallsModel): ChannelMessage | undefined {
    const random = this.#random;
    const all = [...calls.theirs.values()];
    const alive = all.filter(({ state }) => state !== 'over');
    if (alive.length === 0 || random.oneIn(8)) {
      // A channel that no call has named, or that is over.
      const id = all.length > 0 && random.oneIn(2) ? random.pick(all).id : this.#newChannel(calls);
      // The reference keeps every message on such a channel until a call names it.
      if (calls.theirs.get(id)?.state === 'over' && id > calls.peerHigh) return undefined;
      return { type: 'ChannelMessage', connectionId, id, body: this.#body() };
    }
    // A channel that no handler has taken fills up only if the peer sends on it again and again.
    const full = alive.filter(({ state, items }) => state === 'offered' && items > 0);
    const { id, state } = full.length > 0 && random.oneIn(2) ? random.pick(full) : random.pick(alive);
    let body = random.oneIn(10) ? this.#body() : undefined;
    body ??= state === 'sending' || (state !== 'receiving' && random.oneIn(3)) ? this.#receivers() : this.#senders();
    return { type: 'ChannelMessage', connectionId, id, body };
  }

  #body(): ChannelMessage['body'] {
    return this.#random.oneIn(2) ? this.#receivers() : this.#senders();
  }

  #senders(): ChannelMessage['body'] {
    const random = this.#random;
    return random.weighted<ChannelMessage['body']>([
      [6, { type: 'Item', item: random.bytes(3) }],
      [2, { type: 'Close', metadata: [] }],
      [1, { type: 'Reset', metadata: [] }],
    ]);
  }

  #receivers(): ChannelMessage['body'] {
    const random = this.#random;
    return random.weighted<ChannelMessage['body']>([
      [5, { type: 'GrantCredit', additional: random.from(0, 6) }],
      [2, { type: 'Reset', metadata: [] }],
      [1, { type: 'Close', metadata: [] }],
    ]);
  }

  // ---- What we do ----

  step(live: Live): Step | undefined {
    const random = this.#random;
    const model = this.#model;
    // A call that waits for its turn has not been made on the reference yet, so no step may depend on it.
    const isLimited = (live.calls?.max ?? 64) < 64;
    if (isLimited) return this.#ourCall(live);
    return random.weighted<() => Step | undefined>([
      [9, () => this.#ourCall(live)],
      [model.made.size > 0 ? 3 : 0, () => this.#givingUp()],
      [model.held.length > 0 ? 5 : 1, () => ({ do: 'answer' })],
      [model.sinks.size > 0 ? 20 : 1, () => this.#sinkStep()],
      [2, () => ({ do: 'release', id: live.id })],
    ])();
  }

  #ourCall({ id, state, calls }: Live): Step | undefined {
    const random = this.#random;
    const kind =
      state === 'active' && (calls?.max ?? 0) >= 64
        ? random.pick(['call', 'call', 'call-tx', 'call-rx'] as const)
        : 'call';
    // A script finds a sink by the channel's id alone, so the id must be unique.
    if (kind !== 'call' && (calls === undefined || this.#model.sinks.has(calls.nextChannel))) return undefined;
    const hex = Buffer.from(random.bytes(3)).toString('hex');
    return { do: kind, id, ref: ++this.#lastRef, method: random.below(9), hex };
  }

  #givingUp(): Step | undefined {
    const ref = this.#made();
    return ref === undefined ? undefined : { do: 'give-up', ref };
  }

  /** Returns a call that can be given up. */
  #made(): number | undefined {
    const isUsable = ({ live }: { live: Live }) => (live.calls?.max ?? 64) >= 64;
    const made = [...this.#model.made].filter(([, one]) => isUsable(one)).map(([ref]) => ref);
    if (made.length === 0) return undefined;
    const waiting = made.filter((ref) => this.#model.waiting(ref) !== undefined);
    const ref =
      waiting.length > 0 && !this.#random.oneIn(8) ? this.#random.pick(waiting) : this.#random.from(1, this.#lastRef);
    // Giving up a call that waits for its turn spends its id with us, while the reference never made the call.
    const { call, live } = this.#model.made.get(ref) ?? {};
    return live?.calls?.turn.some((one) => one.call === call) === true ? undefined : ref;
  }

  #sinkStep(): Step | undefined {
    const random = this.#random;
    const usable = [...this.#model.sinks].filter(([, { channel }]) => !channel.isClosed);
    if (usable.length === 0) return { do: 'item', channel: 99, hex: '00' };
    const [channel, { channel: sink }] = random.pick(usable);
    if (!random.oneIn(6)) return { do: 'item', channel, hex: Buffer.from(random.bytes(3)).toString('hex') };
    // With items waiting, our close waits behind them, but the reference's does not.
    return sink.waiting.length > 0 ? undefined : { do: 'close-channel', channel, hex: '' };
  }
}
