import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { InvalidArgument } from '../errors.js';
import { type ChannelId, hasParity, nextId, opposite, ROOT } from '../wire/id.js';
import type { ChannelMessage, Response } from '../wire/message.js';
import type { CallResult } from './call.js';
import type { Rx, Tx } from './channel.js';
import { coreOf } from './channel.js';
import type { Core } from './channel-core.js';
import { IdMap } from './id-map.js';
import type { ChannelHost, Line, LiveChannel } from './line.js';
import { Offer, type OfferedChannel } from './offer.js';
import { ReceiverEnd } from './receiver.js';
import { SenderEnd } from './sender.js';

/** Why a message names channels in vain: it broke a rule, or `limits.channels` are alive. */
type Refusal = 'wrong' | 'too many';

/** The channels of one connection, by their ids: what the peer says on one goes to its end here. */
export class Channels implements ChannelHost {
  readonly line: Line;
  /** Why the connection is closed, once it is. */
  endError: Error | undefined;
  readonly #alive = new IdMap<LiveChannel>();
  /** Passed to the peer in a message that has not left yet. */
  readonly #passed = new Map<ChannelId, Core>();
  #lastId: ChannelId = 0;
  /** The highest id that the peer has named. Above it lies what no Call named; below, what is not alive is over. */
  #peerHigh: ChannelId = 0;

  constructor(line: Line) {
    this.line = line;
  }

  // ---- What we name ----

  /**
   * Ids for ends of channels that the peer is to get.
   *
   * @throws InvalidArgument when one is no end of a channel, or was passed before, or its other end was.
   */
  pass(ends: readonly (Tx<Uint8Array> | Rx<Uint8Array>)[]): ChannelId[] {
    const cores = ends.map((end, index) => coreOf(end, `channels[${index}]`));
    for (const [index, core] of cores.entries()) {
      core.requireUnpassed(`channels[${index}]`);
      if (cores.indexOf(core) !== index) {
        throw new InvalidArgument(`channels[${index}] belongs to the channel of one before it`);
      }
    }
    return cores.map((core, index) => {
      // r[rpc.channel.allocation]
      this.#lastId = nextId(this.#lastId, this.line.parity);
      core.pass(ends[index] as Tx<Uint8Array> | Rx<Uint8Array>);
      this.#passed.set(this.#lastId, core);
      return this.#lastId;
    });
  }

  /** Nobody will pass these: whoever holds the other end hears of it. */
  refuse(ends: readonly (Tx<Uint8Array> | Rx<Uint8Array>)[], error: Error): void {
    for (const [index, end] of ends.entries()) {
      const core = coreOf(end, `channels[${index}]`);
      if (!core.isPassed) core.abandon(error);
    }
  }

  /** What names these channels has left: they may be used. */
  activate(ids: readonly ChannelId[]): void {
    for (const id of ids) {
      const core = this.#passed.get(id);
      if (core === undefined) continue;
      this.#passed.delete(id);
      const end =
        core.role === 'sender' ? new SenderEnd(this, id, core.credit) : new ReceiverEnd(this, id, core.credit);
      this.bind(end);
      core.bind(end);
    }
  }

  /** What was to name these channels has not left, and will not. */
  abandon(ids: readonly ChannelId[], error: Error): void {
    for (const id of ids) {
      this.#passed.get(id)?.abandon(error);
      this.#passed.delete(id);
    }
  }

  // ---- What the peer names ----

  /**
   * The channels that a Call of the peer's names, as far as it may: else the call is to fail. `credit` is what the sender of
   * each begins with.
   */
  offer(ids: readonly ChannelId[], credit: number): OfferedChannel[] | Refusal {
    const { load, limits } = this.line;
    const offers: OfferedChannel[] = [];
    const refuse = (why: Refusal): Refusal => {
      for (const offered of offers) offered.release();
      // What is under way on the others is nothing that no Call has named.
      for (const id of ids) this.#note(id);
      return why;
    };
    for (const id of ids) {
      const isTheirs = hasParity(id, opposite(this.line.parity));
      // In reference mode it may have been spoken on before it was named. 9a.18
      const early = this.#alive.get(id);
      const isFree = early === undefined ? id > this.#peerHigh || !isTheirs : early instanceof Offer && !early.isNamed;
      if (!isTheirs || !isFree) {
        this.line.accuse({
          rule: 'rpc.channel.allocation',
          description: isTheirs
            ? 'a channel id that was named before'
            : 'a channel id that is not of its allocator’s parity',
        });
      }
      if (id === ROOT || this.#passed.has(id) || (early !== undefined && !isFree)) return refuse('wrong');
      if (load.channels >= limits.channels) return refuse('too many');
      offers.push(this.#offer(id, true, credit));
    }
    return offers;
  }

  #offer(id: ChannelId, isNamed: boolean, credit: number): Offer {
    const early = this.#alive.get(id);
    const offer = early instanceof Offer ? early : new Offer(this, id, credit);
    if (offer !== early) {
      this.#alive.set(offer);
      this.line.load.channels++;
    }
    if (isNamed) {
      offer.isNamed = true;
      this.#note(id);
    }
    return offer;
  }

  /** The peer has named it. */
  #note(id: ChannelId): void {
    if (hasParity(id, opposite(this.line.parity))) this.#peerHigh = Math.max(this.#peerHigh, id);
  }

  /** Nobody will take what a message names: whoever sends there is told to stop. */
  decline(ids: readonly ChannelId[]): void {
    if (ids.length === 0) return;
    const offers = this.offer(ids, INITIAL_CREDIT);
    if (Array.isArray(offers)) for (const offered of offers) offered.release();
  }

  /** A Response as its caller gets it. */
  resultOf(response: Response, credit: number): CallResult {
    const { channels, metadata, ret } = response;
    if (channels.length === 0) return response as unknown as CallResult;
    const offers = this.offer(channels, credit);
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
    const isTheirs = hasParity(id, opposite(this.line.parity));
    const high = isTheirs ? this.#peerHigh : this.#lastId;
    // It is over, and this was under way.
    if (id !== ROOT && id <= high) return;
    // 9a.18
    this.line.accuse({ rule: 'rpc.channel.lifecycle', description: 'a message on a channel that no Call named' });
    const { conformance, load, limits } = this.line;
    if (conformance === 'strict' || !isTheirs) return;
    if (load.channels < limits.channels) this.#offer(id, false, INITIAL_CREDIT).take(message);
    else if (message.body.type === 'Item') this.reply(id, { type: 'Reset', metadata: [] });
  }

  /** An end of a channel is ours from now on. */
  bind(end: LiveChannel): void {
    const before = this.#alive.get(end.id);
    this.#alive.set(end);
    if (before === undefined) this.line.load.channels++;
    this.line.hold();
  }

  /** @throws InvalidArgument when it can't be represented. */
  send(id: ChannelId, body: ChannelMessage['body']): Promise<void> {
    return this.line.send({ type: 'ChannelMessage', connectionId: this.line.id, id, body });
  }

  reply(id: ChannelId, body: ChannelMessage['body']): void {
    this.line.reply({ type: 'ChannelMessage', connectionId: this.line.id, id, body });
  }

  /** A channel is over, on our side. */
  ended(end: LiveChannel): void {
    if (!this.#alive.delete(end)) return;
    this.line.load.channels--;
    if (!(end instanceof Offer)) this.line.unhold();
  }

  /** The connection is closed. */
  end(error: Error): void {
    this.endError = error;
    for (const end of this.#alive.all()) end.connectionEnded();
    this.abandon([...this.#passed.keys()], error);
  }
}
