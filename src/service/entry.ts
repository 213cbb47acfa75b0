import { shown } from '../base/check.js';
import { InvalidArgument, InvalidPayload } from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import { coreOf, Rx, Tx } from '../calls/channel.js';
import type { ItemCodec } from '../calls/channel-core.js';
import type { OfferedChannel } from '../calls/unbound-channel.js';
import { MAX_DEPTH } from '../payload/msgpack-layout.js';
import type { ChannelHandle, MethodCodec, Outcome, TakeChannel } from '../payload/payload.js';
import type { SchemaIssue, StandardSchema } from '../payload/standard-schema.js';
import type { AnyMethod } from './method.js';

/** Who we are in a call. */
export type Side = 'client' | 'handler';

/** A method as client and handler need it. */
export class Entry {
  readonly service: string;
  readonly name: string;
  readonly id: bigint;
  readonly method: AnyMethod;
  /** What the sender of a channel begins with, where the types say nothing else of that channel. */
  readonly credit: number;
  readonly #payloads: MethodCodec;
  /** Of the items that each side sends and takes, by the channel's index. */
  readonly #items: Readonly<Record<Side, ItemCodec<unknown>[]>> = { client: [], handler: [] };

  constructor(service: string, name: string, id: bigint, method: AnyMethod, payloads: MethodCodec) {
    this.service = service;
    this.name = name;
    this.id = id;
    this.method = method;
    this.credit = payloads.credit ?? method.credit;
    this.#payloads = payloads;
  }

  /** What the peer sends is what the schema makes of it. */
  #itemsOf(side: Side, index: number): ItemCodec<unknown> {
    const known = this.#items[side][index];
    if (known !== undefined) return known;
    const items = this.#payloads.channel(index);
    const schema = side === 'client' ? this.method.itemsOut : this.method.itemsIn;
    const decode = (bytes: Uint8Array): unknown => {
      try {
        return items.decode(bytes);
      } catch (error) {
        throw invalid(error);
      }
    };
    const codec: ItemCodec<unknown> = {
      encode: (item) => encoded(items.encode(item)),
      decode: schema === undefined ? decode : (bytes) => checked(schema, decode(bytes), 'an item'),
    };
    this.#items[side][index] = codec;
    return codec;
  }

  #creditOf(index: number): number {
    return this.#payloads.channel(index).credit ?? this.method.credit;
  }

  /**
   * A peer that holds no more than `most` items of a channel grants credit for halves of what the sender begins with: of more
   * than twice as much it would never grant any.
   *
   * @throws InvalidArgument that names the channel.
   */
  checkCredit(most: number): void {
    const { channelNames = [''] } = this.#payloads;
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
   * The arguments, and the ends of channels in them.
   *
   * @throws InvalidArgument for what the codec can't represent; whatever else a getter of the user's throws.
   */
  encodeArgs(args: readonly unknown[], ends: ChannelHandle[]): Uint8Array {
    return encoded(this.#payloads.encodeArgs(args, ends));
  }

  /** The same for a result. */
  encodeResult(value: unknown, ends: ChannelHandle[]): Uint8Array {
    return encoded(this.#payloads.encodeResult(value, ends));
  }

  /** The same for the error that the method declares. */
  encodeError(error: unknown): Uint8Array {
    return encoded(this.#payloads.encodeError(error));
  }

  /** Decodes what the peer has sent, now or later. @throws InvalidPayload where the codec or the schema refuses it. */
  decodeArgs(bytes: Uint8Array, take: TakeChannel): unknown {
    let args: unknown;
    try {
      args = this.#payloads.decodeArgs(bytes, take);
    } catch (error) {
      throw invalid(error);
    }
    if (!Array.isArray(args)) throw new InvalidPayload('malformed payload: arguments that are no array');
    return this.#checked(this.method.args, args, 'the arguments');
  }

  /** What a call was answered with; the value and the error as they came. @throws InvalidPayload */
  decodeOutcome(bytes: Uint8Array, take: TakeChannel): Outcome {
    try {
      return this.#payloads.decodeOutcome(bytes, take);
    } catch (error) {
      throw invalid(error);
    }
  }

  /** The result, now or later. @throws InvalidPayload */
  checkedResult(value: unknown): unknown {
    return this.#checked(this.method.result, value, 'the result');
  }

  /** The error that the method declares, now or later. @throws InvalidPayload */
  checkedError(error: unknown): unknown {
    return this.#checked(this.method.error, error, 'the error');
  }

  #checked(schema: StandardSchema | undefined, value: unknown, what: string): unknown {
    return schema === undefined || this.#payloads.isChecked ? value : checked(schema, value, what);
  }

  /**
   * These are about to be passed: what they carry is what the method says.
   *
   * @throws InvalidArgument when one was made with another credit, or its channel was passed before.
   */
  pass(ends: readonly ChannelHandle[], side: Side): void {
    const cores = ends.map((end) => coreOf(end, 'the channel'));
    // Before any is touched: that one is in use, with a codec of its own.
    for (const [index, core] of cores.entries()) core.requireUnpassed(`channels[${index}]`);
    for (const [index, core] of cores.entries()) {
      core.agree(this.#creditOf(index));
      core.codec = this.#itemsOf(side, index);
    }
  }

  // r[rpc.channel.direction]
  /** Gives the ends of the channels that the peer has named, and notes them; what is not named, or taken already, it refuses. */
  taker(offers: readonly OfferedChannel[], ends: ChannelHandle[], side: Side): TakeChannel {
    if (offers.length === 0) return takeNone;
    return (kind, index) => {
      const offer = offers[index];
      if (offer === undefined) return takeNone();
      const credit = this.#creditOf(index);
      const end = (kind === 'rx' ? offer.receive({ credit }) : offer.send({ credit })) as ChannelHandle;
      ends.push(end);
      coreOf(end, 'the channel').codec = this.#itemsOf(side, index);
      return end;
    };
  }
}

/** What a codec throws where it does not take what has come. */
function invalid(error: unknown): InvalidPayload {
  return error instanceof InvalidPayload ? error : new InvalidPayload('malformed payload', error);
}

/** Whether an end of a channel is among the arguments of a call. */
export function passesChannel(args: readonly unknown[]): boolean {
  try {
    return endsIn(args).length > 0;
  } catch {
    // A getter has thrown: it will again, and the call says so.
    return false;
  }
}

/** The ends of channels that a codec should have met: none within an array, but for the outermost. */
function endsIn(list: readonly unknown[]): ChannelHandle[] {
  const ends: ChannelHandle[] = [];
  const look = (value: unknown, depth: number): void => {
    if (value instanceof Rx || value instanceof Tx) {
      ends.push(value);
    } else if (
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      !(value instanceof Uint8Array) &&
      depth < MAX_DEPTH
    )
      for (const field of Object.values(value)) look(field, depth + 1);
  };
  for (const value of list) look(value, 0);
  return ends;
}

/** @throws InvalidArgument when there are ends of channels all the same, of which nobody would ever hear. */
export function requireNoEnds(list: readonly unknown[]): void {
  const missed = endsIn(list);
  if (missed.length === 0) return;
  const error = new InvalidArgument(
    'the codec of the service carries no channels: encode must append each end that it meets',
  );
  forgo(missed, error);
  throw error;
}

/** @throws InvalidArgument when it is not what a codec has to give: on the way out it would be found too late. */
export function encoded(bytes: unknown): Uint8Array {
  if (!(bytes instanceof Uint8Array)) {
    throw new InvalidArgument(`codec.encode must give a Uint8Array, not ${shown(bytes)}`);
  }
  return bytes;
}

/** Of a message that names no channel. */
export const NO_ENDS: ChannelHandle[] = [];

function takeNone(): never {
  throw new InvalidPayload('malformed payload: a channel that the message does not name');
}

/** Ends the channels of a call that came to nothing: nobody is to wait for them. */
export function failAll(ends: readonly ChannelHandle[], error: Error): void {
  for (const end of ends) coreOf(end, 'the channel').fail(error);
}

/** Ends those that were to be passed, and are not: whoever waits at the other end hears of it. What was passed before goes on. */
export function forgo(ends: readonly ChannelHandle[], error: Error): void {
  for (const end of ends) {
    const core = coreOf(end, 'the channel');
    if (!core.isPassed) core.abandon(error);
  }
}

/** Ends those that the peer will never hear of. */
export function abandonAll(ends: readonly ChannelHandle[], error: Error): void {
  for (const end of ends) {
    const core = coreOf(end, 'the channel');
    if (core.end === undefined) core.abandon(error);
  }
}

/**
 * What a schema makes of what the peer has sent, now or later.
 *
 * @throws InvalidPayload, or rejects with it, when that does not fit.
 */
function checked(schema: StandardSchema, value: unknown, what: string): unknown {
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
