import { type ChannelsPort, INITIAL_CREDIT, type UnknownMessage } from '../../machines/call-events.js';
import { channelsMachine } from '../../machines/channels.js';
import type { Violation } from '../../machines/events.js';
import { InvalidArgument } from '../base/errors.js';
import { IdMap } from '../base/id-map.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import { type ChannelId, hasParity, nextId, opposite, ROOT } from '../wire/id.js';
import type { ChannelMessage, Reset, Response } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import type { Rx, Tx } from './channel.js';
import { stateOf } from './channel.js';
import type { ChannelState } from './channel-state.js';
import { Receiver } from './receiver.js';
import type { ConnectionScope, LiveChannel, ReleasedChannel } from './scope.js';
import { Sender } from './sender.js';
import { type OfferedChannel, UnboundChannel } from './unbound-channel.js';

const TABLE = tableOf(channelsMachine);

/** The answer to a call. */
export interface CallResult {
  readonly ret: Uint8Array;
  /** The channels that the handler has named. */
  readonly channels: readonly OfferedChannel[];
  readonly metadata: Metadata;
}

/** The reason why a message may not name channels: it broke a rule, or `limits.channels` are alive. */
type Refusal = 'wrong' | 'tooMany';

/**
 * The channels of one connection, by their ids. It hands each message of the peer on a channel to the channel's end
 * here.
 */
export class Channels implements ChannelsPort {
  readonly #scope: ConnectionScope;
  readonly #alive = new IdMap<LiveChannel>();
  /** Channels that are passed to the peer in a message that has not left yet. */
  readonly #passed = new Map<ChannelId, ChannelState>();
  #lastId: ChannelId = 0;
  /**
   * The highest channel id that the peer has named. No Call has named an id above it. A channel with an id below it is
   * over if it is not alive.
   */
  #peerHigh: ChannelId = 0;
  /**
   * Channels that are over here, and on which the peer may still send, the oldest first. These are released channels,
   * and in strict mode, as undefined, channels that we reset. `limits.channels` bounds them in all of the session.
   * 9a.20, 9a.21
   */
  readonly #kept = new Map<ChannelId, ReleasedChannel | undefined>();
  #hasForgotten = false;
  #refusal: Refusal | undefined;
  /** Made for the first channel that the peer names, or for the first message on a channel that has no end here. */
  #stepper: Stepper<typeof channelsMachine> | undefined;

  constructor(scope: ConnectionScope) {
    this.#scope = scope;
  }

  /** The number by which inspectors name it. */
  get id(): number {
    return this.#scope.id;
  }

  // ---- What we name ----

  /**
   * Allocates ids for ends of channels that the peer is to get.
   *
   * @throws InvalidArgument when one is no end of a channel, or when it or its other end was passed before.
   */
  pass(ends: readonly (Tx<Uint8Array> | Rx<Uint8Array>)[]): ChannelId[] {
    const states = ends.map((end, index) => stateOf(end, `channels[${index}]`));
    for (const [index, state] of states.entries()) {
      state.requireUnpassed(`channels[${index}]`);
      if (states.indexOf(state) !== index) {
        throw new InvalidArgument(`channels[${index}] belongs to the channel of one before it`);
      }
    }
    return states.map((state, index) => {
      // r[rpc.channel.allocation]
      const { id, parity, shared } = this.#scope;
      this.#lastId = shared?.channels.allocate(parity, id) ?? nextId(this.#lastId, parity);
      state.pass(ends[index] as Tx<Uint8Array> | Rx<Uint8Array>);
      this.#passed.set(this.#lastId, state);
      return this.#lastId;
    });
  }

  /** Abandons channels whose ends will not be passed. The application's other ends report `error`. */
  forgo(ends: readonly (Tx<Uint8Array> | Rx<Uint8Array>)[], error: Error): void {
    for (const [index, end] of ends.entries()) {
      const state = stateOf(end, `channels[${index}]`);
      if (!state.isPassed) state.abandon(error);
    }
  }

  /** Binds channels, since the message that names them has left. They may be used. */
  activate(ids: readonly ChannelId[]): void {
    for (const id of ids) {
      const state = this.#passed.get(id);
      if (state === undefined) continue;
      this.#passed.delete(id);
      const end =
        state.role === 'sender'
          ? new Sender(this.#scope, id, state.credit, this.#onEnd)
          : new Receiver(this.#scope, id, state.credit, this.#onEnd);
      this.#onBind(end);
      state.bind(end);
    }
  }

  /** Abandons channels, since the message that was to name them has not left, and will not. */
  abandon(ids: readonly ChannelId[], error: Error): void {
    for (const id of ids) {
      this.#passed.get(id)?.abandon(error);
      if (this.#passed.delete(id)) this.#free(id);
    }
  }

  // ---- What the peer names ----

  /**
   * Returns the channels that a message of the peer names, or the reason why it may not name them; a Call is to fail
   * then. `credit` is what the sender of each channel begins with, in items.
   */
  name(ids: readonly ChannelId[], credit: number): OfferedChannel[] | Refusal {
    const offers: UnboundChannel[] = [];
    const refuse = (why: Refusal): Refusal => {
      for (const offered of offers) offered.release();
      // Note the other ids as named, too: messages that are under way on them are not on channels that no Call has
      // named.
      for (const id of ids.slice(offers.length)) this.#turnAway(id, credit);
      return why;
    };
    for (const id of ids) {
      const why = this.#judge(id);
      if (why !== undefined) return refuse(why);
      offers.push(this.#offer(id, true, credit));
    }
    return offers;
  }

  /** Returns the reason why the peer may not name a channel, if there is one. */
  #judge(id: ChannelId): Refusal | undefined {
    const { load, limits, parity } = this.#scope;
    const isTheirs = hasParity(id, opposite(parity));
    // In reference mode the peer may have sent on the channel before it named it. 9a.18
    const early = this.#alive.get(id);
    const wasNamed =
      early === undefined ? isTheirs && id <= this.#peerHigh : !(early instanceof UnboundChannel) || early.isNamed;
    // If the peer broke a rule, the chart neither offers nor refuses.
    this.#refusal = 'wrong';
    this.#chart.send({
      type: 'rx.named',
      id,
      isTheirs,
      wasNamed,
      isTaken: id === ROOT || this.#passed.has(id) || (early !== undefined && wasNamed),
      hasRoom: load.channels < limits.channels,
    });
    return this.#refusal;
  }

  #offer(id: ChannelId, isNamed: boolean, credit: number): UnboundChannel {
    const early = this.#alive.get(id);
    const offer = early instanceof UnboundChannel ? early : this.#unbound(id, credit);
    if (offer !== early) {
      this.#alive.set(offer);
      this.#scope.shared?.channels.own(id, this.#scope.id);
      this.#scope.load.channels++;
    }
    if (isNamed) {
      offer.isNamed = true;
      this.#note(id);
    }
    return offer;
  }

  #unbound(id: ChannelId, credit: number): UnboundChannel {
    return new UnboundChannel(this.#scope, id, credit, this.#onBind, this.#onEnd);
  }

  /** Notes an id in a message that is refused. The peer may have sent on the channel before it hears of that. */
  #turnAway(id: ChannelId, credit: number): void {
    const isNew =
      hasParity(id, opposite(this.#scope.parity)) && id > this.#peerHigh && this.#alive.get(id) === undefined;
    this.#note(id);
    if (!isNew) return;
    this.#unbound(id, credit).release();
  }

  /** Notes that the peer has named an id. */
  #note(id: ChannelId): void {
    if (hasParity(id, opposite(this.#scope.parity))) this.#peerHigh = Math.max(this.#peerHigh, id);
  }

  /**
   * Declines the channels that a message names: no end of them will be taken, and a peer that sends there is told to
   * stop.
   */
  decline(ids: readonly ChannelId[]): void {
    const offers = this.name(ids, INITIAL_CREDIT);
    if (Array.isArray(offers)) for (const offered of offers) offered.release();
  }

  /**
   * Returns a Response as its caller gets it. Returns undefined when the Response names channels that it may not name,
   * and the session ends for that.
   */
  resultOf(response: Response, credit: number): CallResult | undefined {
    const { channels, metadata, ret } = response;
    const offers = this.name(channels, credit);
    if (offers === 'wrong' && this.#scope.conformance === 'strict') return undefined;
    return { ret, metadata, channels: Array.isArray(offers) ? offers : [] };
  }

  // ---- What travels on them ----

  receive(message: ChannelMessage): void {
    const { id } = message;
    const end = this.#alive.get(id);
    if (end !== undefined) {
      end.take(message);
      return;
    }
    const released = this.#kept.get(id);
    if (released !== undefined) {
      released.take(message);
      return;
    }
    const { load, limits, parity } = this.#scope;
    const isOurs = hasParity(id, parity);
    this.#chart.send({
      type: 'rx.unknown',
      id,
      body: message.body,
      isOurs: isOurs || id === ROOT,
      wasNamed: id !== ROOT && id <= (isOurs ? this.#lastId : this.#peerHigh),
      wasReset: this.#kept.has(id),
      hasForgotten: this.#hasForgotten,
      hasRoom: load.channels < limits.channels,
    });
  }

  get #chart(): Stepper<typeof channelsMachine> {
    if (this.#stepper === undefined) {
      const { conformance, observer } = this.#scope;
      this.#stepper = new Stepper(TABLE, { port: this, conformance }, observer);
      this.#stepper.start();
    }
    return this.#stepper;
  }

  // ---- Effects of the chart of all channels ----

  offer(): void {
    this.#refusal = undefined;
  }

  refuse({ why }: { why: Refusal }): void {
    this.#refusal = why;
  }

  keep({ id, body }: Pick<UnknownMessage, 'id' | 'body'>): void {
    const message: ChannelMessage = { type: 'ChannelMessage', connectionId: this.#scope.id, id, body };
    this.#offer(id, false, INITIAL_CREDIT).take(message);
  }

  forget({ id }: { id: ChannelId }): void {
    if (!this.#kept.delete(id)) return;
    this.#scope.load.kept--;
    this.#free(id);
  }

  transmit({ id, body }: { id: ChannelId; body: Reset }): void {
    this.#noteReset(id);
    this.#scope.outbox.transmit({ type: 'ChannelMessage', connectionId: this.#scope.id, id, body });
  }

  accuse(violation: Violation): void {
    this.#scope.accuse(violation);
  }

  // ---- The ends ----

  /** Adds an end of a channel that is ours from now on. */
  readonly #onBind = (end: LiveChannel): void => {
    const before = this.#alive.get(end.id);
    this.#alive.set(end);
    if (before === undefined) this.#scope.load.channels++;
    this.#scope.shares++;
  };

  /** Removes a channel that is over on our side. A released one is kept until the peer knows that. */
  readonly #onEnd = (channel: LiveChannel): void => {
    const { id } = channel;
    const { drain, load } = this.#scope;
    const isUnbound = channel instanceof UnboundChannel;
    if (isUnbound && channel.isReleased) {
      if (this.#alive.delete(channel)) load.channels--;
      this.#remember(id, channel);
      drain.watcher?.changed();
      return;
    }
    if (this.#kept.get(id) === channel) this.forget(channel);
    const wasAlive = this.#alive.delete(channel);
    if (wasAlive) {
      load.channels--;
      drain.watcher?.changed();
      this.#free(id);
    }
    if (channel.hasReset === true) this.#noteReset(id);
    // Release last: it may close the connection.
    if (wasAlive && !isUnbound) this.#scope.release();
  };

  #free(id: ChannelId): void {
    this.#scope.shared?.channels.free(id, this.#scope.id);
  }

  /**
   * Notes that the sender on a channel was told to stop: its messages that are under way are no offence. Only strict
   * mode knows offences, so only strict mode remembers the id. 9a.20
   */
  #noteReset(id: ChannelId): void {
    if (this.#scope.conformance === 'strict') this.#remember(id, undefined);
  }

  #remember(id: ChannelId, channel: ReleasedChannel | undefined): void {
    const { load, limits } = this.#scope;
    this.forget({ id });
    if (load.kept >= limits.channels) {
      this.#hasForgotten = true;
      const [oldest] = this.#kept;
      // Other connections keep all the channels that may be kept.
      if (oldest === undefined) {
        channel?.forget();
        return;
      }
      oldest[1]?.forget();
      this.forget({ id: oldest[0] });
    }
    this.#kept.set(id, channel);
    load.kept++;
  }

  /** Ends all channels that are alive, and tells the peer. The application's ends report `error`. */
  cut(error: Error): void {
    for (const end of this.#alive.all()) {
      if (end instanceof UnboundChannel) end.release();
      else (end as Sender | Receiver).fail(error);
    }
    this.abandon([...this.#passed.keys()], error);
  }

  /** Ends all channels, since the connection is closed. */
  end(): void {
    const kept = [...this.#kept.values()];
    this.#scope.load.kept -= kept.length;
    this.#kept.clear();
    for (const channel of kept) {
      if (channel !== undefined) this.#free(channel.id);
      channel?.connectionEnded();
    }
    this.#stepper?.send({ type: 'connection.ended' });
    for (const end of this.#alive.all()) end.connectionEnded();
    if (this.#passed.size > 0) this.abandon([...this.#passed.keys()], this.#scope.endError as Error);
  }
}
