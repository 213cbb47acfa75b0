import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { isThenable } from '../deferred.js';
import { ChannelClosed, InvalidArgument } from '../errors.js';
import { refused } from '../outbox.js';
import type { Metadata } from '../wire/metadata.js';
import type { ReceiverEnd } from './receiver.js';
import type { SenderEnd } from './sender.js';
import { ABORTED_METADATA, readableOf, writableOf } from './streams.js';

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
  /** The ends that nobody can reach any more. */
  readonly #dropped = new Set<'sender' | 'receiver'>();
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

  /** The peer gets `passed`; the other end is ours. */
  pass(passed: Tx<T> | Rx<T>): void {
    this.role = passed instanceof Rx ? 'sender' : 'receiver';
  }

  bind(end: SenderEnd | ReceiverEnd): void {
    this.end = end;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { act } of waiting) act(end);
    this.#letGo();
  }

  /** Nobody can reach this end any more, nor waits for what was asked of it before. */
  drop(role: 'sender' | 'receiver'): void {
    this.#dropped.add(role);
    this.#letGo();
  }

  // r[rpc.channel.lifecycle]
  /** The peer is not to wait for an end of ours that is as good as gone: what waits still leaves, and then it is told. */
  #letGo(): void {
    const { end, role } = this;
    if (end === undefined || role === undefined || !this.#dropped.has(role)) return;
    if (role === 'receiver') (end as ReceiverEnd).reset([]);
    else void (end as SenderEnd).close(ABORTED_METADATA);
  }

  /** The call that was to name it came to nothing: whoever waits for its items, or to send some, hears of it. */
  fail(error: Error): void {
    if (this.end === undefined) this.abandon(error);
    else this.end.fail(error);
  }

  abandon(error: Error): void {
    this.#error ??= error;
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

const cores = new WeakMap<object, Core<never>>();

const unreachable = new FinalizationRegistry<() => void>((drop) => drop());

/** Whoever is left with `end` alone, be it by a loop or a stream of its, keeps it. */
function keep<T>(end: Tx<T> | Rx<T>, core: Core<T>, role: 'sender' | 'receiver'): void {
  cores.set(end, core as unknown as Core<never>);
  unreachable.register(end, () => core.drop(role));
}

/** @throws InvalidArgument when it is no end of a channel. */
export function coreOf(end: unknown, name: string): Core {
  const core = cores.get(end as object);
  if (core === undefined) throw new InvalidArgument(`${name} must be an end of a channel, as channel() gives`);
  return core as unknown as Core;
}

/**
 * The sender's end of a channel. Who is done with it closes it, or aborts it: one that is merely dropped ends the channel as
 * `abort` does, after what waits, but only when the garbage collector comes by.
 */
export class Tx<T = Uint8Array> {
  readonly #core: Core<T>;
  #writable: WritableStream<T> | undefined;

  /** @internal */
  constructor(core: Core<T>) {
    this.#core = core;
    keep(this, core, 'sender');
  }

  /** @internal */
  static of(end: SenderEnd): Tx<Uint8Array> {
    return new Tx(bound<Uint8Array>('sender', end));
  }

  /**
   * Sends an item. The promise resolves when it was sent, which waits for the receiver's credit; it rejects with
   * ChannelClosed when the channel is closed or reset, with ConnectionClosed or SessionClosed when what carries it is, and
   * never becomes an unhandled rejection. Before the channel was passed it waits for that, too.
   *
   * @throws InvalidArgument when the item can't be represented, does not fit `limits.frame`, or this end was passed.
   */
  send(item: T): Promise<void> {
    const core = this.#core;
    core.require('sender');
    const { end } = core;
    if (end !== undefined) return (end as SenderEnd).send(core.codec.encode(item));
    return core.when((bound) => attempt(() => (bound as SenderEnd).send(core.codec.encode(item))));
  }

  /** Ends the channel, after all that was sent. Resolves when that is on its way. `[rpc.channel.close]` */
  close({ metadata }: { readonly metadata?: Metadata } = {}): Promise<void> {
    const core = this.#core;
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
    this.#core.require('sender');
    this.#core.fail(new ChannelClosed('local', 'the channel was aborted'));
  }

  /** This end as a stream: a write is done when its item was sent; closing and aborting it do the same to the channel. */
  get writable(): WritableStream<T> {
    this.#writable ??= writableOf(this);
    return this.#writable;
  }

  toJSON(): unknown {
    return { credit: this.#core.credit };
  }
}

/**
 * The receiver's end of a channel. Who does not want the items resets it: the sender of one that is merely dropped, unread, is
 * told to stop only when the garbage collector comes by, and waits for credit until then.
 */
export class Rx<T = Uint8Array> implements AsyncIterable<T, undefined> {
  readonly #core: Core<T>;
  #readable: ReadableStream<T> | undefined;

  /** @internal */
  constructor(core: Core<T>) {
    this.#core = core;
    keep(this, core, 'receiver');
  }

  /** @internal */
  static of(end: ReceiverEnd): Rx<Uint8Array> {
    return new Rx(bound<Uint8Array>('receiver', end));
  }

  /**
   * The items, in order, until the sender closes the channel; leaving the loop resets it. Throws ConnectionClosed or
   * SessionClosed when what carries it is closed before.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    const core = this.#core;
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
    this.#core.require('receiver');
    this.#do((end) => end.grant(additional));
  }

  /** Tells the sender to stop, and drops what was not read. `[rpc.channel.reset]` */
  reset({ metadata }: { readonly metadata?: Metadata } = {}): void {
    this.#core.require('receiver');
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
    const { end } = this.#core;
    if (end !== undefined) {
      action(end as ReceiverEnd);
      return;
    }
    void this.#core.when((bound) => attempt(async () => action(bound as ReceiverEnd)));
  }

  toJSON(): unknown {
    return { credit: this.#core.credit };
  }
}

/**
 * A channel: pass one of its ends in a call's arguments, or in its answer, and keep the other. Items go from the sender's end to
 * the receiver's.
 *
 * @throws InvalidArgument when the credit is none.
 */
export function channel<T = Uint8Array>({ credit }: ChannelOptions = {}): [tx: Tx<T>, rx: Rx<T>] {
  const core = new Core<T>(credit === undefined ? undefined : creditOf(credit));
  return [new Tx(core), new Rx(core)];
}

function bound<T>(role: 'sender' | 'receiver', end: SenderEnd | ReceiverEnd): Core<T> {
  const core = new Core<T>(0);
  core.role = role;
  core.bind(end);
  return core;
}

/** What throws at once rejects here: nobody is there to catch it. */
async function attempt<R>(action: () => Promise<R>): Promise<R> {
  return action();
}
