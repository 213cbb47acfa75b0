import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { InvalidArgument, LimitExceeded } from '../base/errors.js';
import { DEFAULT_LIMITS } from '../base/limits.js';
import { ENTRY_COST, refused } from '../conduit/outbox.js';
import type { ReceiverEnd } from './receiver.js';
import type { SenderEnd } from './sender.js';
import { watch } from './unreachable.js';

/** How items become bytes, and what they were. */
export interface ItemCodec<T> {
  encode(item: T): Uint8Array;
  /** The item, now or, where it is a promise, later. */
  decode(bytes: Uint8Array): T | PromiseLike<T>;
}

const BYTES: ItemCodec<Uint8Array> = {
  encode: (item) => {
    if (!(item instanceof Uint8Array)) throw new InvalidArgument('an item must be a Uint8Array');
    return item;
  },
  decode: (bytes) => bytes,
};

/** What the two ends of a channel have in common: which of them is ours, and what carries it. */
export class Core<T = unknown> {
  #credit: number | undefined;
  /** What our end does, once the other one was passed. */
  role: 'sender' | 'receiver' | undefined;
  codec: ItemCodec<T> = BYTES as unknown as ItemCodec<T>;
  end: SenderEnd | ReceiverEnd | undefined;
  #error: Error | undefined;
  /** Both, until one of them is passed; then ours, until it is bound. By then nobody but its user holds it. */
  #ends: { readonly tx: object; readonly rx: object } | undefined;
  #ours: object | undefined;
  /** What is to be done once there is an end to do it, in order. */
  #waiting: { act: (end: SenderEnd | ReceiverEnd) => void; fail: (error: Error) => void }[] = [];
  /** What the items among that cost. */
  #waitingBytes = 0;

  constructor(credit: number | undefined) {
    this.#credit = credit;
  }

  /** What the sender begins with. */
  get credit(): number {
    return this.#credit ?? INITIAL_CREDIT;
  }

  /**
   * The method that it is passed to says what the sender begins with.
   *
   * @throws InvalidArgument when it was made with another number.
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

  /** @throws InvalidArgument when an end of it is the peer's already, or came from there. */
  requireUnpassed(name: string): void {
    if (this.isPassed) throw new InvalidArgument(`${name} belongs to a channel that was passed before`);
  }

  /** These are the two ends that its user gets. */
  give(tx: object, rx: object): void {
    this.#ends = { tx, rx };
  }

  /** The peer gets `passed`; the other end is ours. */
  pass(passed: object): void {
    const isSender = passed === this.#ends?.rx;
    this.role = isSender ? 'sender' : 'receiver';
    this.#ours = isSender ? this.#ends?.tx : this.#ends?.rx;
    this.#ends = undefined;
  }

  bind(end: SenderEnd | ReceiverEnd, ours = this.#ours): void {
    this.end = end;
    this.#ours = undefined;
    if (ours !== undefined) watch(ours, end);
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { act } of waiting) act(end);
  }

  /** The call that was to name it came to nothing: whoever waits for its items, or to send some, hears of it. */
  fail(error: Error): void {
    if (this.end === undefined) this.abandon(error);
    else this.end.fail(error);
  }

  abandon(error: Error): void {
    this.#error ??= error;
    this.#ours = undefined;
    this.#waitingBytes = 0;
    for (const { fail } of this.#waiting.splice(0)) fail(error);
  }

  /**
   * @throws InvalidArgument when the end that does `role` is not ours.
   */
  require(role: 'sender' | 'receiver'): void {
    if (this.role !== undefined && this.role !== role) {
      throw new InvalidArgument('this end of the channel was passed to the peer: use the other one');
    }
  }

  /**
   * Takes an item that is sent before the channel is bound: it waits in memory, as one that waits for credit does. There is no
   * session yet that says how much may, so it is what sessions allow unless they are told otherwise.
   */
  whenSent(item: T, action: (end: SenderEnd | ReceiverEnd) => Promise<void>): Promise<void> {
    if (this.#error !== undefined) return refused(this.#error);
    // Of what else it may be, the size is known only once there is a codec.
    const cost = ENTRY_COST + (item instanceof Uint8Array || typeof item === 'string' ? item.length : 0);
    const { waitingBytes } = DEFAULT_LIMITS;
    if (this.#waitingBytes + cost > waitingBytes) {
      const text = `more than limits.waitingBytes by default (${waitingBytes}) wait for the channel to be passed`;
      return refused(new LimitExceeded('waitingBytes', text));
    }
    this.#waitingBytes += cost;
    return this.when(action);
  }

  /** Does it once the channel is bound. */
  when<R>(action: (end: SenderEnd | ReceiverEnd) => Promise<R>): Promise<R> {
    if (this.#error !== undefined) return refused(this.#error);
    const done = new Promise<R>((resolve, reject) => {
      this.#waiting.push({ act: (end) => action(end).then(resolve, reject), fail: reject });
    });
    done.catch(() => {});
    return done;
  }
}
