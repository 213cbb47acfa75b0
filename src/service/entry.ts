import { InvalidArgument, InvalidPayload } from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import { stateOf } from '../calls/channel.js';
import type { ItemCodec } from '../calls/channel-state.js';
import type { OfferedChannel } from '../calls/unbound-channel.js';
import { encoded } from '../payload/ends.js';
import type { ChannelHandle, MethodCodec, TakeChannel } from '../payload/payload.js';
import type { SchemaIssue, StandardSchema } from '../payload/standard-schema.js';
import type { AnyMethod } from './method.js';

/** Our side of a call. */
export type Side = 'client' | 'handler';

/** A method, with the parts that client and handler need. */
export class Entry {
  readonly service: string;
  readonly name: string;
  readonly id: bigint;
  readonly method: AnyMethod;
  /** Items that the sender of a channel may send at first, unless the types give that channel its own number. */
  readonly credit: number;
  readonly payloads: MethodCodec;
  /** The schemas by which values of the peer are checked; undefined where the codec checks them, or nothing does. */
  readonly args: StandardSchema | undefined;
  readonly result: StandardSchema | undefined;
  readonly error: StandardSchema | undefined;
  /** The codecs of the items that each side sends and receives, by the channel's index. */
  readonly #items: Readonly<Record<Side, ItemCodec<unknown>[]>> = { client: [], handler: [] };

  constructor(service: string, name: string, id: bigint, method: AnyMethod, payloads: MethodCodec) {
    const { args, result, error }: Partial<AnyMethod> = payloads.isChecked ? {} : method;
    this.service = service;
    this.name = name;
    this.id = id;
    this.method = method;
    this.credit = payloads.credit ?? method.credit;
    this.payloads = payloads;
    this.args = args;
    this.result = result;
    this.error = error;
  }

  /** The codec of a channel's items. For received items, it returns the output of the schema. */
  #itemsOf(side: Side, index: number): ItemCodec<unknown> {
    const known = this.#items[side][index];
    if (known !== undefined) return known;
    const items = this.payloads.channel(index);
    const schema = side === 'client' ? this.method.itemsOut : this.method.itemsIn;
    const decode = (bytes: Uint8Array): unknown => {
      try {
        return items.decode(bytes);
      } catch (error) {
        throw invalid(error);
      }
    };
    const codec: ItemCodec<unknown> = {
      encode: (item) => encoded(items.encode(item, true)),
      decode: schema === undefined ? decode : (bytes) => checked(schema, decode(bytes), 'an item'),
    };
    this.#items[side][index] = codec;
    return codec;
  }

  #creditOf(index: number): number {
    return this.payloads.channel(index).credit ?? this.method.credit;
  }

  /**
   * A peer grants credit in halves of the sender's initial credit. If the peer holds at most `most` items of a channel, and
   * the initial credit is more than twice that, it would never grant any.
   *
   * @throws InvalidArgument that names the channel.
   */
  checkCredit(most: number): void {
    const { channelNames = [''] } = this.payloads;
    for (const [index, name] of channelNames.entries()) {
      const credit = name === '' ? this.credit : this.#creditOf(index);
      if (credit <= 2 * most) continue;
      const what = name === '' ? 'the credit of its channels' : `the credit of the channel ${name}`;
      throw new InvalidArgument(
        `${this.service}.${this.name}: ${what} is ${credit}, and a peer that holds ${most} items (maxUnconsumed) takes at most ${2 * most}`,
      );
    }
  }

  /**
   * Decodes arguments from the peer; may return a promise. @throws InvalidPayload if the codec or the schema refuses them.
   */
  decodeArgs(bytes: Uint8Array, take: TakeChannel): unknown {
    let args: unknown;
    try {
      args = this.payloads.decodeArgs(bytes, take);
    } catch (error) {
      throw invalid(error);
    }
    if (!Array.isArray(args)) throw new InvalidPayload('malformed payload: arguments that are no array');
    return this.args === undefined ? args : checked(this.args, args, 'the arguments');
  }

  /**
   * Prepares channels that will be passed: sets their credit and the codec of their items, as the method declares.
   *
   * @throws InvalidArgument when a channel was made with another credit, or was passed before.
   */
  pass(ends: readonly ChannelHandle[], side: Side): void {
    const states = ends.map((end) => stateOf(end, 'the channel'));
    // Checked before any change: a channel that was passed before is in use, with a codec of its own.
    for (const [index, state] of states.entries()) state.requireUnpassed(`channels[${index}]`);
    for (const [index, state] of states.entries()) {
      state.agree(this.#creditOf(index));
      state.codec = this.#itemsOf(side, index);
    }
  }

  // r[rpc.channel.direction]
  /**
   * Returns ends of the channels that the peer has named, and notes them. Refuses other channels, and those taken already.
   */
  taker(offers: readonly OfferedChannel[], ends: ChannelHandle[], side: Side): TakeChannel {
    return (kind, index) => {
      const offer = offers[index];
      if (offer === undefined) return takeNone();
      const credit = this.#creditOf(index);
      const end = (kind === 'rx' ? offer.receive({ credit }) : offer.send({ credit })) as ChannelHandle;
      ends.push(end);
      stateOf(end, 'the channel').codec = this.#itemsOf(side, index);
      return end;
    };
  }
}

/**
 * Checks that the peer can take the credit of each channel: it holds at most `most` items of one.
 *
 * @throws InvalidArgument that names the channel.
 */
export function checkCredits(entries: readonly Entry[], most: number): void {
  if (most === Number.POSITIVE_INFINITY) return;
  for (const entry of entries) entry.checkCredit(most);
}

/** The error for a payload that a codec refused. */
export function invalid(error: unknown): InvalidPayload {
  return error instanceof InvalidPayload ? error : new InvalidPayload('malformed payload', error);
}

/** Refuses to take a channel from a message that names none. */
export function takeNone(): never {
  throw new InvalidPayload('malformed payload: a channel that the message does not name');
}

/**
 * Returns the output of a schema for a value of the peer, or a promise of it.
 *
 * @throws InvalidPayload, or rejects with it, when the value does not fit.
 */
export function checked(schema: StandardSchema, value: unknown, what: string): unknown {
  let result: ReturnType<StandardSchema['~standard']['validate']>;
  try {
    result = schema['~standard'].validate(value);
  } catch (error) {
    return unchecked(what, error);
  }
  if (!isThenable(result)) return valueIn(result, what);
  return Promise.resolve(result).then(
    (later) => valueIn(later, what),
    (error: unknown) => unchecked(what, error),
  );
}

function unchecked(what: string, error: unknown): never {
  throw error instanceof Error ? error : new Error(`the schema failed on ${what}`, { cause: error });
}

function valueIn(result: Awaited<ReturnType<StandardSchema['~standard']['validate']>>, what: string): unknown {
  if (result.issues === undefined) return result.value;
  throw new InvalidPayload(`the schema refuses ${what}: ${result.issues.slice(0, 3).map(textOf).join('; ')}`);
}

function textOf({ path = [], message }: SchemaIssue): string {
  const keys = path.map((key) => String(typeof key === 'object' ? key.key : key));
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`;
}
