import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { isThenable } from '../deferred.js';
import { ChannelClosed, InvalidArgument } from '../errors.js';
import { refused } from '../outbox.js';
import type { Metadata } from '../wire/metadata.js';
import type { ReceiverEnd } from './receiver.js';
import type { SenderEnd } from './sender.js';
import { readableOf, writableOf } from './streams.js';
import { watch } from './unreachable.js';

/** How items become bytes, and what they were. */
export interface ItemCodec<T> {
  encode(item: T): Uint8Array;
  /** The item, now or, where it is a promise, later. */
  decode(bytes: Uint8Array): T | PromiseLike<T>;
}

/** Options of {@link channel}. */
export interface ChannelOptions {
  /**
   * Items that the sender may send before it hears of more, 0 to 2^32 − 1; 16 by default. Both sides have to know the same
   * number: a service says it with its method. With 0 nothing flows until the receiver grants by hand.
   * `[rpc.flow-control.credit.initial]`
   */
  readonly credit?: number;
}

/** @throws InvalidArgument when it is no credit to begin with. */
export function creditOf(credit: unknown): number {
  if (!Number.isInteger(credit) || (credit as number) < 0 || (credit as number) > 0xffff_ffff) {
    throw new InvalidArgument(`credit must be an integer from 0 to 2^32 − 1, not ${String(credit)}`);
  }
  return credit as number;
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
  #ends: readonly [Tx<T>, Rx<T>] | undefined;
  #ours: Tx<T> | Rx<T> | undefined;
  /** What is to be done once there is an end to do it, in order. */
  #waiting: { act: (end: SenderEnd | ReceiverEnd) => void; fail: (error: Error) => void }[] = [];

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

  /** The two ends that its user gets. */
  make(): [tx: Tx<T>, rx: Rx<T>] {
    const ends: [Tx<T>, Rx<T>] = [new Tx(this), new Rx(this)];
    this.#ends = ends;
    return ends;
  }

  /** The peer gets `passed`; the other end is ours. */
  pass(passed: Tx<T> | Rx<T>): void {
    const isSender = passed instanceof Rx;
    this.role = isSender ? 'sender' : 'receiver';
    this.#ours = this.#ends?.[isSender ? 0 : 1];
    this.#ends = undefined;
  }

  bind(end: SenderEnd | ReceiverEnd, ours: Tx<T> | Rx<T> | undefined = this.#ours): void {
    this.end = end;
    this.#ours = undefined;
    if (ours !== undefined) watch(ours, end);
    const waiting = this.#waiting;
    this.#waiting = [];
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

/** Either end. Whoever is left with one alone, be it by a loop or a stream of its, keeps it. */
abstract class End<T> {
  readonly #core: Core<T>;

  /** @internal */
  constructor(core: Core<T>) {
    this.#core = core;
  }

  protected get core(): Core<T> {
    return this.#core;
  }

  /** @internal */
  static coreOf(end: unknown, name: string): Core {
    // Not by a WeakMap, which the garbage collector looks through as a whole.
    if (typeof end === 'object' && end !== null && #core in end) return (end as End<unknown>).#core;
    throw new InvalidArgument(`${name} must be an end of a channel, as channel() gives`);
  }

  toJSON(): unknown {
    return { credit: this.#core.credit };
  }
}

/** @throws InvalidArgument when it is no end of a channel. */
export const coreOf: (end: unknown, name: string) => Core = End.coreOf;

/**
 * The sender's end of a channel. Who is done with it closes it, or aborts it: one that is merely dropped ends the channel as
 * `abort` does, after what waits, but only when the garbage collector comes by.
 */
export class Tx<T = Uint8Array> extends End<T> {
  #writable: WritableStream<T> | undefined;

  /** @internal */
  static of(end: SenderEnd): Tx<Uint8Array> {
    return bound(new Tx(new Core<Uint8Array>(0)), 'sender', end);
  }

  /**
   * Sends an item. The promise resolves when it was sent, which waits for the receiver's credit; it rejects with
   * ChannelClosed when the channel is closed or reset, with ConnectionClosed or SessionClosed when what carries it is, and
   * never becomes an unhandled rejection. Before the channel was passed it waits for that, too.
   *
   * @throws InvalidArgument when the item can't be represented, does not fit `limits.frame`, or this end was passed.
   */
  send(item: T): Promise<void> {
    const core = this.core;
    core.require('sender');
    const { end } = core;
    if (end !== undefined) return (end as SenderEnd).send(core.codec.encode(item));
    return core.when((bound) => attempt(() => (bound as SenderEnd).send(core.codec.encode(item))));
  }

  /** Ends the channel, after all that was sent. Resolves when that is on its way. `[rpc.channel.close]` */
  close({ metadata }: { readonly metadata?: Metadata } = {}): Promise<void> {
    const core = this.core;
    core.require('sender');
    const { end } = core;
    if (end !== undefined) return (end as SenderEnd).close(metadata);
    return core.when((bound) => (bound as SenderEnd).close(metadata));
  }

  /**
   * Ends the channel at once: what waits is not sent, and the receiver's loop ends with ChannelClosed, since something is
   * missing: a Close with `aborted` in its metadata.
   */
  abort(): void {
    this.core.require('sender');
    this.core.fail(new ChannelClosed('local', 'the channel was aborted'));
  }

  /** This end as a stream: a write is done when its item was sent; closing and aborting it do the same to the channel. */
  get writable(): WritableStream<T> {
    this.#writable ??= writableOf(this);
    return this.#writable;
  }
}

/**
 * The receiver's end of a channel. Who does not want the items resets it: the sender of one that is merely dropped, unread, is
 * told to stop only when the garbage collector comes by, and waits for credit until then.
 */
export class Rx<T = Uint8Array> extends End<T> implements AsyncIterable<T, undefined> {
  #readable: ReadableStream<T> | undefined;

  /** @internal */
  static of(end: ReceiverEnd): Rx<Uint8Array> {
    return bound(new Rx(new Core<Uint8Array>(0)), 'receiver', end);
  }

  /**
   * The items, in order, until the sender closes the channel; leaving the loop resets it. Throws ConnectionClosed or
   * SessionClosed when what carries it is closed before.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    const core = this.core;
    core.require('receiver');
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: async () => {
        const end = (core.end ?? (await core.when((bound) => Promise.resolve(bound)))) as ReceiverEnd;
        const bytes = await end.next();
        if (bytes === undefined) return { value: undefined, done: true };
        try {
          const item = core.codec.decode(bytes);
          return { value: isThenable(item) ? ((await item) as T) : item, done: false };
        } catch (error) {
          // The loop ends with it, and does not call `return` then.
          end.fail(error as Error);
          end.reset([]);
          throw error;
        }
      },
      return: () => {
        this.reset();
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /**
   * Lets the sender send `additional` items more, beside what it may as items are taken. `[rpc.flow-control.credit.grant]`
   *
   * @throws InvalidArgument unless it is an integer from 1 to 2^32 − 1.
   */
  grant(additional: number): void {
    if (!Number.isInteger(additional) || additional < 1 || additional > 0xffff_ffff) {
      throw new InvalidArgument(`additional must be an integer from 1 to 2^32 − 1, not ${String(additional)}`);
    }
    this.core.require('receiver');
    this.#do((end) => end.grant(additional));
  }

  /** Tells the sender to stop, and drops what was not read. `[rpc.channel.reset]` */
  reset({ metadata }: { readonly metadata?: Metadata } = {}): void {
    this.core.require('receiver');
    this.#do((end) => end.reset(metadata));
  }

  /**
   * This end as a stream, which takes an item when somebody reads one: unread, it leaves the sender with the credit that it began with.
   * Cancelling it resets the channel.
   */
  get readable(): ReadableStream<T> {
    this.#readable ??= readableOf(this[Symbol.asyncIterator]());
    return this.#readable;
  }

  #do(action: (end: ReceiverEnd) => void): void {
    const { end } = this.core;
    if (end !== undefined) {
      action(end as ReceiverEnd);
      return;
    }
    void this.core.when((bound) => attempt(async () => action(bound as ReceiverEnd)));
  }
}

/**
 * A channel: pass one of its ends in a call's arguments, or in its answer, and keep the other. Items go from the sender's end to
 * the receiver's.
 *
 * @throws InvalidArgument when the credit is none.
 */
export function channel<T = Uint8Array>({ credit }: ChannelOptions = {}): [tx: Tx<T>, rx: Rx<T>] {
  return new Core<T>(credit === undefined ? undefined : creditOf(credit)).make();
}

function bound<E extends Tx<Uint8Array> | Rx<Uint8Array>>(
  ours: E,
  role: 'sender' | 'receiver',
  end: SenderEnd | ReceiverEnd,
): E {
  const core = coreOf(ours, 'the end') as unknown as Core<Uint8Array>;
  core.role = role;
  core.bind(end, ours);
  return ours;
}

/** What throws at once rejects here: nobody is there to catch it. */
async function attempt<R>(action: () => Promise<R>): Promise<R> {
  return action();
}
