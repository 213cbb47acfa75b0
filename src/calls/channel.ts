import { describe, objectOf } from '../base/check.js';
import { ChannelClosed, InvalidArgument } from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import type { Metadata } from '../wire/metadata.js';
import { ChannelState } from './channel-state.js';
import type { Receiver } from './receiver.js';
import type { Sender } from './sender.js';
import { readableOf, writableOf } from './streams.js';

/** Options of {@link channel}. */
export interface ChannelOptions {
  /**
   * Items that the sender may send before it hears of more, 0 to 2^32 − 1; 16 by default. Both sides have to know the
   * same number: a service says it with its method. With 0 no item flows until the receiver calls `grant`.
   * `[rpc.flow-control.credit.initial]`
   */
  readonly credit?: number;
}

/** @throws InvalidArgument when `credit` is no credit that a sender can begin with. */
export function creditOf(credit: unknown): number {
  if (!Number.isInteger(credit) || (credit as number) < 0 || (credit as number) > 0xffff_ffff) {
    throw new InvalidArgument(`credit must be an integer from 0 to 2^32 − 1, not ${describe(credit)}`);
  }
  return credit as number;
}

type Step<T> = IteratorResult<T, undefined>;

/** Either end of a channel. A loop or a stream over an end keeps that end alive. */
abstract class End<T> {
  readonly #state: ChannelState<T>;

  /** @internal */
  constructor(state: ChannelState<T>) {
    if (!(state instanceof ChannelState)) throw new InvalidArgument('an end of a channel is made by channel()');
    this.#state = state;
  }

  protected get state(): ChannelState<T> {
    return this.#state;
  }

  /** @internal */
  static stateOf(end: unknown, name: string): ChannelState {
    // Not through a WeakMap, which the garbage collector looks through as a whole.
    if (typeof end === 'object' && end !== null && #state in end) return (end as End<unknown>).#state;
    throw new InvalidArgument(`${name} must be an end of a channel, as channel() gives`);
  }

  toJSON(): unknown {
    return { credit: this.#state.credit };
  }
}

/** @throws InvalidArgument when `end` is no end of a channel. */
export const stateOf: (end: unknown, name: string) => ChannelState = End.stateOf;

/**
 * The sender's end of a channel. The application closes or aborts it when done. An end that is merely dropped ends the
 * channel as `abort` does, but after the items that wait, and only when the garbage collector finds it.
 */
export class Tx<T = Uint8Array> extends End<T> {
  #writable: WritableStream<T> | undefined;

  /** @internal */
  static of(end: Sender): Tx<Uint8Array> {
    return bound(new Tx(new ChannelState<Uint8Array>(0)), 'sender', end);
  }

  /**
   * Sends an item. The promise resolves when the item was sent. For that it waits for the receiver's credit, and before
   * that for the channel to be passed. It rejects with ChannelClosed when the channel is closed or reset, and with
   * ConnectionClosed or SessionClosed when its connection or session is. It never becomes an unhandled rejection.
   *
   * It rejects with LimitExceeded, and sends nothing, when more bytes of items wait for credit than
   * `limits.waitingBytes`. For items that wait for the channel to be passed, that limit's default of 16 MiB holds; each
   * counts 256 and the length of its bytes or text.
   *
   * @throws InvalidArgument when the item can't be represented, does not fit `limits.frame`, or this end was passed.
   */
  send(item: T): Promise<void> {
    const state = this.state;
    if (state.role !== 'sender') state.require('sender');
    const { end } = state;
    if (end !== undefined) return (end as Sender).send(state.codec.encode(item));
    return state.whenSent(item, (bound) => attempt(() => (bound as Sender).send(state.codec.encode(item))));
  }

  /**
   * Ends the channel, after all that was sent. Resolves when the Close is on its way, and also when the channel has
   * ended otherwise: the promises of `send` then say which items have not left. It rejects when the channel was not
   * passed, and will not be. `[rpc.channel.close]`
   *
   * @throws InvalidArgument when the metadata can't be represented, or is over a limit, or this end was passed.
   */
  close(options: { readonly metadata?: Metadata } = {}): Promise<void> {
    objectOf(options, 'options');
    const { metadata } = options;
    const state = this.state;
    state.require('sender');
    const { end } = state;
    if (end !== undefined) return (end as Sender).close(metadata);
    return state.when((bound) => (bound as Sender).close(metadata));
  }

  /**
   * Ends the channel at once, by a Close with `aborted` in its metadata. Items that wait are not sent. The receiver's
   * loop ends with ChannelClosed, since items are missing.
   */
  abort(): void {
    this.state.require('sender');
    this.state.fail(new ChannelClosed('local', 'the channel was aborted'));
  }

  /**
   * This end as a stream. A write is done when its item was sent. Closing or aborting the stream does the same to the
   * channel.
   */
  get writable(): WritableStream<T> {
    this.#writable ??= writableOf(this);
    return this.#writable;
  }
}

/**
 * The receiver's end of a channel. The application resets it when it does not want the items. If the end is merely
 * dropped unread, the sender waits for credit until the garbage collector finds the end. Only then is the sender told
 * to stop.
 */
export class Rx<T = Uint8Array> extends End<T> implements AsyncIterable<T, undefined> {
  #readable: ReadableStream<T> | undefined;

  /** @internal */
  static of(end: Receiver): Rx<Uint8Array> {
    return bound(new Rx(new ChannelState<Uint8Array>(0)), 'receiver', end);
  }

  /**
   * Iterates over the items, in order, until the sender closes the channel. Leaving the loop resets the channel. The
   * loop throws ConnectionClosed or SessionClosed when the connection or the session is closed before.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined> {
    const state = this.state;
    state.require('receiver');
    const refuse = (error: Error): never => {
      // The loop ends with this error, and does not call `return` then.
      (state.end as Receiver).refuse(error);
      throw error;
    };
    const resultOf = (bytes: Uint8Array | undefined): Step<T> | Promise<Step<T>> => {
      if (bytes === undefined) return { value: undefined, done: true };
      try {
        const item = state.codec.decode(bytes);
        if (!isThenable(item)) return { value: item, done: false };
        return Promise.resolve(item).then((value) => ({ value, done: false }), refuse);
      } catch (error) {
        return refuse(error as Error);
      }
    };
    const iterator: AsyncIterableIterator<T, undefined> = {
      next: () => {
        const { end } = state;
        const taken = end === undefined ? state.when((bound) => (bound as Receiver).next()) : (end as Receiver).next();
        return taken.then(resultOf);
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
   * Lets the sender send `additional` more items, beside the credit that it gets as items are taken.
   * `[rpc.flow-control.credit.grant]`
   *
   * @throws InvalidArgument unless `additional` is an integer from 1 to 2^32 − 1.
   */
  grant(additional: number): void {
    if (!Number.isInteger(additional) || additional < 1 || additional > 0xffff_ffff) {
      throw new InvalidArgument(`additional must be an integer from 1 to 2^32 − 1, not ${describe(additional)}`);
    }
    this.state.require('receiver');
    this.#do((end) => end.grant(additional));
  }

  /**
   * Tells the sender to stop, and drops the items that were not read. Before the channel was passed, the reset waits
   * for that; if the metadata is wrong, a reader then gets the error. `[rpc.channel.reset]`
   *
   * @throws InvalidArgument when the metadata can't be represented, or is over a limit, or this end was passed.
   */
  reset(options: { readonly metadata?: Metadata } = {}): void {
    objectOf(options, 'options');
    const { metadata } = options;
    this.state.require('receiver');
    this.#do((end) => end.reset(metadata));
  }

  /**
   * This end as a stream. It takes an item only when one is read: unread, it leaves the sender with the credit that it
   * began with. Cancelling the stream resets the channel.
   */
  get readable(): ReadableStream<T> {
    this.#readable ??= readableOf(this[Symbol.asyncIterator]());
    return this.#readable;
  }

  #do(action: (end: Receiver) => void): void {
    const { end } = this.state;
    if (end !== undefined) {
      action(end as Receiver);
      return;
    }
    void this.state.when(async (bound) => {
      try {
        action(bound as Receiver);
      } catch (error) {
        // The caller has returned, and can't be told that its input is wrong. A reader can.
        bound.fail(error as Error);
      }
    });
  }
}

/**
 * Makes a channel. Pass one of its ends in a call's arguments, or in its answer, and keep the other. Items go from the
 * sender's end to the receiver's. Items that are sent before the channel is passed wait for that, 16 MiB of them at
 * most.
 *
 * @throws InvalidArgument when the credit is invalid.
 */
export function channel<T = Uint8Array>(options: ChannelOptions = {}): [tx: Tx<T>, rx: Rx<T>] {
  objectOf(options, 'options');
  const { credit } = options;
  const state = new ChannelState<T>(credit === undefined ? undefined : creditOf(credit));
  const tx = new Tx(state);
  const rx = new Rx(state);
  state.give(tx, rx);
  return [tx, rx];
}

function bound<E extends Tx<Uint8Array> | Rx<Uint8Array>>(
  ours: E,
  role: 'sender' | 'receiver',
  end: Sender | Receiver,
): E {
  const state = stateOf(ours, 'the end') as unknown as ChannelState<Uint8Array>;
  state.role = role;
  state.bind(end, ours);
  return ours;
}

/** Turns an error that `action` throws at once into a rejection: no caller is there to catch it. */
async function attempt<R>(action: () => Promise<R>): Promise<R> {
  return action();
}
