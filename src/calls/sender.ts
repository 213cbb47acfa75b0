import type { ChannelEnd, ChannelPort, SenderEvent } from '../../machines/call-events.js';
import type { Violation } from '../../machines/events.js';
import { senderMachine } from '../../machines/sender.js';
import { InvalidArgument, LimitExceeded } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { isLent } from '../base/frame-memory.js';
import { rejected, SENT } from '../base/promise.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import { ENVELOPE, QUEUED_MESSAGE_COST } from '../conduit/costs.js';
import { detached } from '../conduit/receive-queue.js';
import type { ChannelId } from '../wire/id.js';
import type { ChannelMessage, Close, Item } from '../wire/message.js';
import type { Metadata } from '../wire/metadata.js';
import { endErrorOf, RECEIVED } from './channel-end.js';
import type { ConnectionScope } from './scope.js';
import { ABORTED_METADATA } from './streams.js';
import { unwatch, type Watched } from './unreachable.js';

const TABLE = tableOf(senderMachine);

/** An item that waits for credit. */
interface Waiting {
  readonly item: Uint8Array;
  readonly resolve: (sent: Promise<void>) => void;
  readonly reject: (error: Error) => void;
}

/** Our end of a channel that we send on. */
export class Sender implements Pick<ChannelPort, 'transmit' | 'wait' | 'refuse' | 'resume' | 'conclude' | 'accuse'> {
  readonly id: ChannelId;
  watched: Watched | undefined;
  readonly #scope: ConnectionScope;
  readonly #onEnd: (end: Sender) => void;
  readonly #stepper: Stepper<typeof senderMachine>;
  readonly #waiting = new Fifo<Waiting>();
  #waitingBytes = 0;
  /** Items that waited, for which credit has come, and which are about to leave. */
  readonly #resumed = new Fifo<Waiting>();
  #sent: Promise<void> = SENT;
  /** Resolves the promise of the Close that follows the items that wait. */
  #onClosed: (() => void) | undefined;
  #end: ChannelEnd | undefined;
  #error: Error | undefined;
  /** The error that the channel ends with instead, when the call that named it came to nothing. */
  #failure: Error | undefined;

  /** `onEnd` is called once, when the end is over. */
  constructor(scope: ConnectionScope, id: ChannelId, credit: number, onEnd: (end: Sender) => void) {
    this.id = id;
    this.#scope = scope;
    this.#onEnd = onEnd;
    const { conformance, maxUnconsumed, observer } = scope;
    // The peer grants credit for the items that it has consumed. So the credit to begin with bounds the items that it
    // has not.
    const initial = Math.min(credit, maxUnconsumed);
    this.#stepper = new Stepper(TABLE, { port: this, conformance, credit: initial }, observer);
    this.#stepper.start();
  }

  /** The error that says why no more items can be sent, once that is so. */
  get end(): Error | undefined {
    if (this.#end === undefined) return undefined;
    // Make the error when it is first needed: it rarely is, and an error costs more than a channel.
    this.#error ??= this.#failure ?? endErrorOf(this.#end, 'sender', this.#scope.endError);
    return this.#error;
  }

  /** @throws InvalidArgument when the item does not fit a frame; the promise rejects when it can't be sent. */
  send(item: Uint8Array): Promise<void> {
    const { frame } = this.#scope.limits;
    if (item.length + ENVELOPE > frame) {
      throw new InvalidArgument(`an item of ${item.length} bytes does not fit limits.frame: ${frame}`);
    }
    if (this.#end !== undefined) return rejected(this.end as Error);
    const hasRoom = this.#waitingBytes + item.length + QUEUED_MESSAGE_COST <= this.#scope.limits.waitingBytes;
    // The step sets `#sent`: it calls `transmit`, `wait` or `refuse`.
    this.#stepper.send({ type: 'app.send', item, hasRoom });
    return this.#sent;
  }

  /**
   * Closes the channel. Resolves when the Close has followed all items that were to be sent, or when the channel has
   * ended otherwise.
   *
   * @throws InvalidArgument when the metadata can't be represented, or is over a limit.
   */
  close(given: Metadata | undefined): Promise<void> {
    return this.#close(this.#scope.metadataOf(given));
  }

  #close(metadata: Metadata): Promise<void> {
    // A second close has no effect, and waits for nothing.
    if (this.#end !== undefined || this.#stepper.value === 'closing') return SENT;
    this.#stepper.send({ type: 'app.close', metadata });
    if (this.#stepper.isDone) return SENT;
    return new Promise((resolve) => {
      this.#onClosed = resolve;
    });
  }

  /** Ends the channel at once. Items that wait reject with `error`, and the receiver is told that items are missing. */
  fail(error: Error): void {
    if (this.#end !== undefined) return;
    this.#failure = error;
    this.#stepper.send({ type: 'app.fail', metadata: ABORTED_METADATA });
  }

  /**
   * Ends the channel because the application can't send on it any more. Items that wait still leave. Then the receiver
   * is told that items are missing.
   */
  drop(): void {
    // The metadata is ours, so the limits for metadata of the application do not apply: no caller is here to get an
    // error.
    void this.#close(ABORTED_METADATA);
  }

  take({ body }: ChannelMessage): void {
    this.#stepper.send({ type: RECEIVED[body.type], body } as SenderEvent);
  }

  connectionEnded(): void {
    this.#stepper.send({ type: 'connection.ended' });
    // The peer broke a rule on this channel. That ended the machine, and no caller was told.
    if (this.#end === undefined) this.conclude({ type: 'ended' });
  }

  // ---- Effects ----

  transmit(body: Item | Close): void {
    try {
      this.#sent = this.#scope.outbox.send({
        type: 'ChannelMessage',
        connectionId: this.#scope.id,
        id: this.id,
        body,
      });
    } catch (error) {
      this.#sent = rejected(error as Error);
    }
    if (body.type === 'Item') this.#resumed.shift()?.resolve(this.#sent);
  }

  wait(item: Uint8Array): void {
    this.#waitingBytes += item.length + QUEUED_MESSAGE_COST;
    // Copy an item of the application, which may change it while it waits, and one in memory far above its length.
    const kept = isLent(item) ? detached(item) : item.slice();
    const sent = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ item: kept, resolve, reject });
    });
    sent.catch(() => {});
    this.#sent = sent;
  }

  refuse({ why }: { why: 'closing' | 'full' }): void {
    if (why === 'closing') {
      this.#sent = rejected(new InvalidArgument('the channel is being closed'));
      return;
    }
    const { waitingBytes } = this.#scope.limits;
    const text = `more than limits.waitingBytes (${waitingBytes}) wait for credit: await what send returns`;
    this.#sent = rejected(new LimitExceeded('waitingBytes', text));
  }

  /**
   * Sends items that wait, as far as the credit goes. It runs within the step that brings the credit. Each item is a
   * step of its own, after that one.
   */
  resume(): void {
    for (let { credit } = this.#stepper.context; credit > 0 && this.#waiting.length > 0; credit--) {
      const next = this.#waiting.shift() as Waiting;
      this.#waitingBytes -= next.item.length + QUEUED_MESSAGE_COST;
      this.#resumed.push(next);
      this.#stepper.send({ type: 'queue.next', item: next.item });
    }
  }

  conclude(end: ChannelEnd): void {
    this.#end = end;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.reject(this.end as Error);
    }
    this.#waitingBytes = 0;
    this.#onClosed?.();
    unwatch(this);
    this.#onEnd(this);
  }

  accuse(violation: Violation): void {
    this.#scope.accuse(violation);
  }
}
