import type { ChannelPort, UnboundChannelEvent } from '../../machines/call-events.js';
import type { Violation } from '../../machines/events.js';
import { unboundChannelMachine } from '../../machines/unbound-channel.js';
import { objectOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import { costOf } from '../conduit/costs.js';
import { detachedMessage } from '../conduit/receive-queue.js';
import type { ChannelId } from '../wire/id.js';
import type { ChannelMessage, Close, Reset } from '../wire/message.js';
import { creditOf, Rx, Tx } from './channel.js';
import { RECEIVED } from './channel-end.js';
import { Receiver } from './receiver.js';
import type { ConnectionScope, LiveChannel } from './scope.js';
import { Sender } from './sender.js';

const TABLE = tableOf(unboundChannelMachine);

/** A channel that the peer has named. One of its ends is ours to take. */
export interface OfferedChannel {
  readonly id: ChannelId;
  /**
   * Takes the receiver's end. `credit` is the number of items that the sender begins with, as both sides have agreed;
   * by default the number set for the call. Items that came before are kept up to the number of the call. If the agreed
   * number is above the default, set it for the call, or take the end at once.
   */
  receive(options?: { readonly credit?: number }): Rx<Uint8Array>;
  /** Takes the sender's end, which begins with `credit` items; by default the number set for the call. */
  send(options?: { readonly credit?: number }): Tx<Uint8Array>;
  /** Notes that no end of the channel will be taken, unless one was taken already. @internal */
  release(): void;
}

/** A channel of which it is not known yet which end is ours. It keeps the messages that the peer sends on it. */
export class UnboundChannel
  implements LiveChannel, OfferedChannel, Pick<ChannelPort, 'keep' | 'transmit' | 'free' | 'refuse' | 'accuse'>
{
  readonly id: ChannelId;
  /** True once a Call or a Response has named the channel. In reference mode the peer may send on it before that. 9a.18 */
  isNamed = false;
  /** True once the sender was told to stop. Messages that it has sent before may still come. */
  hasReset = false;
  readonly #scope: ConnectionScope;
  readonly #onBind: (end: LiveChannel) => void;
  readonly #onEnd: (channel: LiveChannel) => void;
  readonly #credit: number;
  readonly #stepper: Stepper<typeof unboundChannelMachine>;
  #kept: ChannelMessage[] = [];
  /** The cost of the kept messages in the session's stock, in bytes. */
  #cost = 0;
  /** Credit that came before an end was taken. It counts for that end: 9b.21 */
  #granted = 0;
  /** True while no end of the channel will be taken, and the peer does not know that. */
  isReleased = false;
  /** True once an end was asked for too late. */
  #isLate = false;

  /**
   * `credit` is the number of items that the sender begins with, as far as that is known. Items are kept up to that
   * number. `onBind` gets the end that is taken. `onEnd` is called when the channel is released, when it is over, and
   * when its end is.
   */
  constructor(
    scope: ConnectionScope,
    id: ChannelId,
    credit: number,
    onBind: (end: LiveChannel) => void,
    onEnd: (channel: LiveChannel) => void,
  ) {
    this.id = id;
    this.#scope = scope;
    this.#credit = credit;
    this.#onBind = onBind;
    this.#onEnd = onEnd;
    const { conformance, observer } = scope;
    this.#stepper = new Stepper(TABLE, { port: this, conformance, room: credit }, observer);
    this.#stepper.start();
  }

  // r[rpc.channel.binding]
  receive(options: { readonly credit?: number } = {}): Rx<Uint8Array> {
    objectOf(options, 'options');
    const { credit = this.#credit } = options;
    const window = creditOf(credit);
    return Rx.of(this.#bind(() => new Receiver(this.#scope, this.id, window, this.#onEnd)));
  }

  send(options: { readonly credit?: number } = {}): Tx<Uint8Array> {
    objectOf(options, 'options');
    const { credit = this.#credit } = options;
    const initial = creditOf(credit);
    return Tx.of(this.#bind(() => new Sender(this.#scope, this.id, initial, this.#onEnd)));
  }

  release(): void {
    if (this.#stepper.isDone) return;
    this.#stepper.send({ type: 'app.release' });
    this.#look();
  }

  take(message: ChannelMessage): void {
    const { body } = message;
    this.#stepper.send({ type: RECEIVED[body.type], body } as UnboundChannelEvent);
    this.#look();
  }

  forget(): void {
    this.#stepper.send({ type: 'channels.forgotten' });
  }

  connectionEnded(): void {
    this.#stepper.send({ type: 'connection.ended' });
    this.#look();
  }

  // ---- Effects ----

  keep(body: ChannelMessage['body']): void {
    if (body.type === 'GrantCredit') {
      this.#granted = Math.min(0xffff_ffff, this.#granted + body.additional);
      return;
    }
    const kept = detachedMessage(this.#message(body)) as ChannelMessage;
    this.#kept.push(kept);
    const cost = costOf(kept, body.type === 'Item' ? body.item.length : 0);
    this.#cost += cost;
    this.#scope.budget.add(cost);
  }

  transmit(body: Reset | Close): void {
    if (body.type === 'Reset') this.hasReset = true;
    this.#scope.outbox.transmit(this.#message(body));
  }

  free(): void {
    this.isReleased = true;
    this.#onEnd(this);
  }

  refuse(): void {
    this.#isLate = true;
  }

  accuse(violation: Violation): void {
    this.#scope.accuse(violation);
  }

  #bind<End extends Sender | Receiver>(make: () => End): End {
    if (this.#stepper.isDone) throw new InvalidArgument(`channel ${this.id} is bound already, or over`);
    this.#stepper.send({ type: 'app.bind' });
    if (this.#isLate) {
      throw new InvalidArgument(`channel ${this.id} was not taken before its call was answered: take it earlier`);
    }
    const end = make();
    this.#onBind(end);
    // Take the credit as if it had just been received: the end judges it.
    const additional = this.#granted;
    if (additional > 0) end.take(this.#message({ type: 'GrantCredit', additional }));
    for (const message of this.#kept) end.take(message);
    // Forget last: this may let reading go on, and messages that come then must stand behind these.
    this.#forget();
    return end;
  }

  #message(body: ChannelMessage['body']): ChannelMessage {
    return { type: 'ChannelMessage', connectionId: this.#scope.id, id: this.id, body };
  }

  #look(): void {
    if (!this.#stepper.isDone) return;
    this.isReleased = false;
    this.#forget();
    this.#onEnd(this);
  }

  #forget(): void {
    this.#kept = [];
    this.#scope.budget.remove(this.#cost);
    this.#cost = 0;
  }
}
