import { objectOf, shown } from '../base/check.js';
import { ChannelClosed, InvalidArgument } from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import type { Metadata } from '../wire/metadata.js';
import { Core } from './channel-core.js';
import type { ReceiverEnd } from './receiver.js';
import type { SenderEnd } from './sender.js';
import { readableOf, writableOf } from './streams.js';

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
    throw new InvalidArgument(`credit must be an integer from 0 to 2^32 − 1, not ${shown(credit)}`);
  }
  return credit as number;
}

/** Either end. Whoever is left with one alone, be it by a loop or a stream of its, keeps it. */
abstract class End<T> {
  readonly #core: Core<T>;

  /** @internal */
  constructor(core: Core<T>) {
    if (!(core instanceof Core)) throw new InvalidArgument('an end of a channel is made by channel()');
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
   * It rejects with LimitExceeded, and sends nothing, when more items wait for credit than `limits.waitingBytes`; where they wait
   * for the channel to be passed, than that limit's default of 16 MiB, in which each counts 256 and the length of bytes or text.
   *
   * @throws InvalidArgument when the item can't be represented, does not fit `limits.frame`, or this end was passed.
   */
  send(item: T): Promise<void> {
    const core = this.core;
    core.require('sender');
    const { end } = core;
    if (end !== undefined) return (end as SenderEnd).send(core.codec.encode(item));
    return core.whenSent(item, (bound) => attempt(() => (bound as SenderEnd).send(core.codec.encode(item))));
  }

  /**
   * Ends the channel, after all that was sent. Resolves when that is on its way, and when the channel has ended otherwise:
   * what has not left by then, its `send` says. It rejects when the channel was not passed, and will not be. `[rpc.channel.close]`
   *
   * @throws InvalidArgument when the metadata can't be represented, or is over a limit, or this end was passed.
   */
  close(options: { readonly metadata?: Metadata } = {}): Promise<void> {
    objectOf(options, 'options');
    const { metadata } = options;
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
          end.refuse(error as Error);
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
      throw new InvalidArgument(`additional must be an integer from 1 to 2^32 − 1, not ${shown(additional)}`);
    }
    this.core.require('receiver');
    this.#do((end) => end.grant(additional));
  }

  /**
   * Tells the sender to stop, and drops what was not read. Before the channel was passed it waits for that; what is wrong with
   * the metadata is then heard by whoever reads. `[rpc.channel.reset]`
   *
   * @throws InvalidArgument when the metadata can't be represented, or is over a limit, or this end was passed.
   */
  reset(options: { readonly metadata?: Metadata } = {}): void {
    objectOf(options, 'options');
    const { metadata } = options;
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
    void this.core.when(async (bound) => {
      try {
        action(bound as ReceiverEnd);
      } catch (error) {
        // Whoever asked is not there to hear that it can't be sent as it is: whoever reads is.
        bound.fail(error as Error);
      }
    });
  }
}

/**
 * A channel: pass one of its ends in a call's arguments, or in its answer, and keep the other. Items go from the sender's end to
 * the receiver's; those that are sent before it is passed wait for that, 16 MiB of them at most.
 *
 * @throws InvalidArgument when the credit is none.
 */
export function channel<T = Uint8Array>(options: ChannelOptions = {}): [tx: Tx<T>, rx: Rx<T>] {
  objectOf(options, 'options');
  const { credit } = options;
  const core = new Core<T>(credit === undefined ? undefined : creditOf(credit));
  const tx = new Tx(core);
  const rx = new Rx(core);
  core.give(tx, rx);
  return [tx, rx];
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
