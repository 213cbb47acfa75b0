import { type ChannelEnd, type ChannelPort, INITIAL_CREDIT, type ReceiverEvent } from '../../machines/call-events.js';
import type { Violation } from '../../machines/events.js';
import { receiverMachine } from '../../machines/receiver.js';
import { InvalidPayload } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import { MESSAGE_COST } from '../conduit/costs.js';
import { detached, ReceiveQueue } from '../conduit/receive-queue.js';
import type { ChannelId } from '../wire/id.js';
import type { ChannelMessage, GrantCredit, Item, Reset } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import { endErrorOf, INVALID_ITEM, RECEIVED } from './channel-end.js';
import type { ConnectionScope } from './scope.js';
import { isAborted } from './streams.js';
import { unwatch, type Watched, watchRest } from './unreachable.js';

const TABLE = tableOf(receiverMachine);

interface Reader {
  readonly resolve: (item: Uint8Array | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** Our end of a channel that we receive on. */
export class Receiver implements Pick<ChannelPort, 'transmit' | 'deliver' | 'conclude' | 'accuse'> {
  readonly id: ChannelId;
  watched: Watched | undefined;
  /** True once the sender was told to stop. Messages that it has sent before may still come. */
  hasReset = false;
  readonly #scope: ConnectionScope;
  readonly #onEnd: (end: Receiver) => void;
  readonly #stepper: Stepper<typeof receiverMachine>;
  readonly #items: ReceiveQueue<Uint8Array>;
  /** Calls of `next` that wait for an item, in the order in which they were made. */
  readonly #readers = new Fifo<Reader>();
  #end: ChannelEnd | undefined;
  /**
   * The error that the channel ends with instead, when the call that named it came to nothing, or an item can't be
   * decoded.
   */
  #failure: Error | undefined;

  /** `onEnd` is called once, when the end is over. */
  constructor(scope: ConnectionScope, id: ChannelId, window: number, onEnd: (end: Receiver) => void) {
    this.id = id;
    this.#scope = scope;
    this.#onEnd = onEnd;
    const { conformance, observer, budget } = scope;
    this.#items = new ReceiveQueue(budget, detached);
    const room = Math.max(window, INITIAL_CREDIT);
    this.#stepper = new Stepper(TABLE, { port: this, conformance, window, room }, observer);
    this.#stepper.start();
  }

  /**
   * Takes the next item, now or when it comes. Returns undefined when the sender has closed the channel and all items
   * are read.
   */
  next(): Promise<Uint8Array | undefined> {
    const item = this.#items.length === 0 ? undefined : this.#items.shift();
    if (item !== undefined) {
      this.#stepper.send({ type: 'app.take' });
      this.#letGo();
      return Promise.resolve(item);
    }
    if (this.#end !== undefined) {
      return this.#isOrderly ? Promise.resolve(undefined) : Promise.reject(this.#error(this.#end));
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  grant(additional: number): void {
    this.#stepper.send({ type: 'app.grant', additional });
  }

  /**
   * Drops the items that were not read, and tells the sender to stop.
   *
   * @throws InvalidArgument when the metadata can't be represented, or is over a limit.
   */
  reset(given: Metadata | undefined): void {
    this.#reset(this.#scope.metadataOf(given));
  }

  #reset(metadata: Metadata): void {
    this.#stepper.send({ type: 'app.reset', metadata });
    this.#items.drop();
    this.#letGo();
  }

  /** Ends the channel at once, unless it has ended. The reader gets `error`, and the sender is told to stop. */
  fail(error: Error): void {
    if (this.#end !== undefined) return;
    this.#failure = error;
    this.#reset([]);
  }

  /**
   * Ends the channel because the last item that was taken can't be decoded. No item behind it is read. A sender that
   * still sends is told why.
   */
  refuse(error: Error): void {
    if (this.#end === undefined) this.#failure = error;
    // The metadata is ours, so the limits for metadata of the application do not apply: no caller is here to get an
    // error.
    this.#reset(error instanceof InvalidPayload ? INVALID_ITEM : []);
  }

  /** Resets the channel because the application can't read it any more. The sender must not wait for that. */
  drop(): void {
    this.#reset([]);
  }

  take({ body }: ChannelMessage): void {
    this.#stepper.send({ type: RECEIVED[body.type], body } as ReceiverEvent);
  }

  connectionEnded(): void {
    this.#stepper.send({ type: 'connection.ended' });
    // The peer broke a rule on this channel. That ended the machine, and no reader was told.
    if (this.#end === undefined) this.conclude({ type: 'ended' });
  }

  // ---- Effects ----

  transmit(body: Reset | GrantCredit): void {
    if (body.type === 'Reset') this.hasReset = true;
    const { outbox, id: connectionId } = this.#scope;
    outbox.transmit({ type: 'ChannelMessage', connectionId, id: this.id, body });
  }

  deliver({ item }: Item): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve(item);
      // This runs as a step of its own, after the current one.
      this.#stepper.send({ type: 'app.take' });
      return;
    }
    this.#items.push(item, item.length + MESSAGE_COST);
  }

  conclude(end: ChannelEnd): void {
    this.#end = end;
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      if (this.#isOrderly) reader.resolve(undefined);
      else reader.reject(this.#error(end));
    }
    this.#letGo();
    this.#onEnd(this);
  }

  accuse(violation: Violation): void {
    this.#scope.accuse(violation);
  }

  /**
   * Lets go of an end that is over. Items that are left unread still count. They are dropped when the application can't
   * read them any more.
   */
  #letGo(): void {
    if (this.#end === undefined) return;
    if (this.#items.length === 0) unwatch(this);
    else watchRest(this, this.#items.budget);
  }

  /** Returns the error of the end. It is made when it is first needed: an error costs more than a channel. */
  #error(end: ChannelEnd): Error {
    this.#failure ??= endErrorOf(end, 'receiver', this.#scope.endError);
    return this.#failure;
  }

  /** True if nothing went wrong: the sender has finished, or we have reset the channel. */
  get #isOrderly(): boolean {
    if (this.#failure !== undefined) return false;
    return this.#end?.type === 'reset' || (this.#end?.type === 'closed' && !isAborted(this.#end.metadata));
  }
}
