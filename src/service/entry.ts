import { shown } from '../arguments.js';
import { coreOf, Rx, Tx } from '../calls/channel.js';
import type { ItemCodec } from '../calls/channel-core.js';
import type { OfferedChannel } from '../calls/offer.js';
import { isThenable } from '../deferred.js';
import { InvalidArgument, InvalidPayload } from '../errors.js';
import type { AnyMethod } from './method.js';
import type { ChannelHandle, ChannelKind, PayloadCodec } from './payload.js';
import { MAX_DEPTH } from './payload-layout.js';
import { messagePackPayload } from './payload-msgpack.js';
import type { SchemaIssue, StandardSchema } from './standard-schema.js';

/** Who we are in a call. */
export type Side = 'client' | 'handler';

/** A method as client and handler need it. */
export class Entry {
  readonly service: string;
  readonly name: string;
  readonly id: bigint;
  readonly method: AnyMethod;
  readonly codec: PayloadCodec;
  /** Of the items that each side sends and takes. */
  readonly #items: Readonly<Record<Side, ItemCodec<unknown>>>;

  constructor(service: string, name: string, id: bigint, method: AnyMethod, codec: PayloadCodec) {
    this.service = service;
    this.name = name;
    this.id = id;
    this.method = method;
    this.codec = codec;
    this.#items = { client: this.#itemsOf(method.itemsOut), handler: this.#itemsOf(method.itemsIn) };
  }

  /** What the peer sends is what `schema` makes of it. */
  #itemsOf(schema: StandardSchema | undefined): ItemCodec<unknown> {
    const { codec } = this;
    return {
      encode: (item) => encoded(codec.encode(item)),
      decode:
        schema === undefined
          ? (bytes) => this.decode(bytes)
          : (bytes) => checked(schema, this.decode(bytes), 'an item'),
    };
  }

  /**
   * The arguments, or the envelope of a result, and the ends of channels in them; these only where `ends` is there for them.
   *
   * @throws InvalidArgument for what the codec can't represent; whatever else a getter of the user's throws.
   */
  encode(value: readonly unknown[], ends?: ChannelHandle[]): Uint8Array {
    const bytes = encoded(this.codec.encode(value, ends));
    // Ours takes each, or throws.
    if (this.codec !== messagePackPayload && ends?.length === 0) requireNoEnds(value);
    return bytes;
  }

  /** @throws InvalidPayload for whatever the codec does not take. */
  decode(bytes: Uint8Array, take?: (kind: ChannelKind, index: number) => ChannelHandle): unknown {
    try {
      return this.codec.decode(bytes, take);
    } catch (error) {
      throw error instanceof InvalidPayload ? error : new InvalidPayload('malformed payload', error);
    }
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
    for (const core of cores) {
      core.agree(this.method.credit);
      core.codec = this.#items[side];
    }
  }

  // r[rpc.channel.direction]
  /** Gives the ends of the channels that the peer has named, and notes them; what is not named, or taken already, it refuses. */
  taker(
    offers: readonly OfferedChannel[],
    ends: ChannelHandle[],
    side: Side,
  ): (kind: ChannelKind, index: number) => ChannelHandle {
    if (offers.length === 0) return takeNone;
    return (kind, index) => {
      const offer = offers[index];
      if (offer === undefined) return takeNone();
      const { credit } = this.method;
      const end = (kind === 'rx' ? offer.receive({ credit }) : offer.send({ credit })) as ChannelHandle;
      ends.push(end);
      coreOf(end, 'the channel').codec = this.#items[side];
      return end;
    };
  }
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
function requireNoEnds(list: readonly unknown[]): void {
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
