import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { InvalidArgument, LimitExceeded } from '../base/errors.js';
import { DEFAULT_LIMITS } from '../base/limits.js';
import { rejected } from '../base/promise.js';
import { QUEUED_MESSAGE_COST } from '../conduit/costs.js';
import type { Receiver } from './receiver.js';
import type { Sender } from './sender.js';
import { watch } from './unreachable.js';

/** Encodes the items of a channel to bytes, and decodes them. */
export interface ItemCodec<T> {
  encode(item: T): Uint8Array;
  /** Returns the item, or a promise of it. */
  decode(bytes: Uint8Array): T | PromiseLike<T>;
}

const BYTES: ItemCodec<Uint8Array> = {
  encode: (item) => {
    if (!(item instanceof Uint8Array)) throw new InvalidArgument('an item must be a Uint8Array');
    return item;
  },
  decode: (bytes) => bytes,
};

/** The state that the two ends of a channel share: which end is ours, and what carries the channel. */
export class ChannelState<T = unknown> {
  #credit: number | undefined;
  /** The role of our end, once the other end was passed. */
  role: 'sender' | 'receiver' | undefined;
  codec: ItemCodec<T> = BYTES as unknown as ItemCodec<T>;
  end: Sender | Receiver | undefined;
  #error: Error | undefined;
  #isAborted = false;
  /**
   * Both ends, until one of them is passed. `#ours` is then our end, until it is bound. From then on only the
   * application holds it.
   */
  #ends: { readonly tx: object; readonly rx: object } | undefined;
  #ours: object | undefined;
  /** Actions that wait until the channel is bound, in order. */
  readonly #waiting: { act: (end: Sender | Receiver) => void; fail: (error: Error) => void }[] = [];
  /** The cost of the items among them, in bytes. */
  #waitingBytes = 0;

  constructor(credit: number | undefined) {
    this.#credit = credit;
  }

  /** The credit that the sender begins with, in items. */
  get credit(): number {
    return this.#credit ?? INITIAL_CREDIT;
  }

  /**
   * Sets the credit that the sender begins with. The method to which the channel is passed says it.
   *
   * @throws InvalidArgument when the channel was made with another number.
   */
  agree(credit: number): void {
    if (this.#credit !== undefined && this.#credit !== credit) {
      throw new InvalidArgument(`the channel was made with a credit of ${this.#credit}, and the method says ${credit}`);
    }
    this.#credit = credit;
  }

  get isPassed(): boolean {
    return this.role !== undefined;
  }

  /** @throws InvalidArgument when an end of the channel is the peer's already, or came from the peer. */
  requireUnpassed(name: string): void {
    if (this.isPassed) throw new InvalidArgument(`${name} belongs to a channel that was passed before`);
  }

  /** Notes the two ends that the application gets. */
  give(tx: object, rx: object): void {
    this.#ends = { tx, rx };
  }

  /** Notes that the peer gets `passed`. The other end is ours. */
  pass(passed: object): void {
    const { tx, rx } = this.#ends as { tx: object; rx: object };
    const isSender = passed === rx;
    this.role = isSender ? 'sender' : 'receiver';
    this.#ours = isSender ? tx : rx;
    this.#ends = undefined;
  }

  bind(end: Sender | Receiver, ours = this.#ours): void {
    this.end = end;
    this.#ours = undefined;
    if (ours !== undefined) watch(ours, end);
    this.#waitingBytes = 0;
    for (const { act } of this.#waiting.splice(0)) act(end);
    if (this.#isAborted) end.fail(this.#error as Error);
  }

  /**
   * Fails the channel, for example when the call that was to name it came to nothing. Reads and sends that wait reject
   * with `error`.
   */
  fail(error: Error): void {
    if (this.end === undefined) this.abandon(error, true);
    else this.end.fail(error);
  }

  /** `isAborted`: by the application. The channel is then aborted for the peer, too, if it is passed after all. */
  abandon(error: Error, isAborted = false): void {
    this.#isAborted ||= isAborted;
    this.#error ??= error;
    this.#ours = undefined;
    this.#waitingBytes = 0;
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }

  /** @throws InvalidArgument when the end that does `role` is not ours. */
  require(role: 'sender' | 'receiver'): void {
    if (this.role !== undefined && this.role !== role) {
      throw new InvalidArgument('this end of the channel was passed to the peer: use the other one');
    }
  }

  /**
   * Takes an item that is sent before the channel is bound. The item waits in memory, as one that waits for credit
   * does. There is no session yet that says how much may wait, so the default limit of sessions holds.
   */
  whenSent(item: T, action: (end: Sender | Receiver) => Promise<void>): Promise<void> {
    if (this.#error !== undefined) return rejected(this.#error);
    // The size of any other item is known only once there is a codec.
    const cost = QUEUED_MESSAGE_COST + (item instanceof Uint8Array || typeof item === 'string' ? item.length : 0);
    const { waitingBytes } = DEFAULT_LIMITS;
    if (this.#waitingBytes + cost > waitingBytes) {
      const text = `more than limits.waitingBytes by default (${waitingBytes}) wait for the channel to be passed`;
      return rejected(new LimitExceeded('waitingBytes', text));
    }
    this.#waitingBytes += cost;
    return this.when(action);
  }

  /** Runs `action` once the channel is bound. */
  when<R>(action: (end: Sender | Receiver) => Promise<R>): Promise<R> {
    if (this.#error !== undefined) return rejected(this.#error);
    const done = new Promise<R>((resolve, reject) => {
      this.#waiting.push({ act: (end) => action(end).then(resolve, reject), fail: reject });
    });
    done.catch(() => {});
    return done;
  }
}
