import { ApplicationError, Cancelled, InvalidArgument, InvalidPayload, UnknownMethod } from '../../base/errors.js';
import { REFUSALS, ROAM_ERROR } from '../../codec/postcard/refusals.js';
import type {
  ChannelHandle,
  ItemPayloads,
  MethodCodec,
  Outcome,
  PayloadMethod,
  TakeChannel,
  TypedPayloadCodec,
} from '../payload.js';
import type { StandardSchema } from '../standard-schema.js';
import { PayloadReader } from './reader.js';
import { methodIdOf, Signature } from './signature.js';
import { ArgsType, ChannelEnd, t, UNFIT, unfit, WireType } from './types.js';
import { PayloadWriter } from './writer.js';

const UNIT = t.unit as unknown as WireType;

/**
 * The writer that is not in use. A getter of the application's value may encode another value, which needs a second writer.
 */
let idle: PayloadWriter | undefined = new PayloadWriter();

function takeWriter(): PayloadWriter {
  const writer = idle ?? new PayloadWriter();
  idle = undefined;
  writer.begin();
  return writer;
}

/** @throws InvalidArgument that names the path of the value that does not fit. */
function write(writer: PayloadWriter, type: WireType, value: unknown, name: string): void {
  try {
    type.write(writer, value);
  } catch (error) {
    throw error === UNFIT ? unfit(type, value, name) : error;
  }
}

class PostcardMethod implements MethodCodec {
  readonly id: bigint;
  readonly credit: number | undefined;
  readonly channelNames: readonly string[];
  readonly isChecked = true;
  readonly #name: string;
  readonly #args: ArgsType;
  /** The names of the arguments, for errors. */
  readonly #names: readonly string[];
  readonly #result: WireType;
  readonly #error: WireType | undefined;
  readonly #items: readonly ItemPayloads[];

  constructor(method: PayloadMethod) {
    const { service, name, args, result, error, itemsIn, itemsOut, credit } = method;
    this.#name = `${service}.${name}`;
    if (itemsIn !== undefined || itemsOut !== undefined) {
      const given = itemsIn === undefined ? 'itemsOut' : 'itemsIn';
      throw new InvalidArgument(`${name}.${given} has no place in postcard: t.rx and t.tx say what items are`);
    }
    if (args !== undefined && !(args instanceof ArgsType)) {
      throw new InvalidArgument(`${name}.args must be t.args(…): postcard goes by the types of roam-actors/postcard`);
    }
    this.#args = args ?? new ArgsType([]);
    this.#names = this.#args.elements.map((_, index) => `args[${index}]`);
    this.#result = typeOf(result, `${name}.result`) ?? UNIT;
    this.#error = typeOf(error, `${name}.error`);
    const channels = this.#args.elements.filter((element) => element instanceof ChannelEnd);
    this.#items = channels.map(itemsOf);
    this.channelNames = this.#names.filter((_, index) => this.#args.elements[index] instanceof ChannelEnd);
    this.credit = channels.length === 0 ? undefined : Math.max(...channels.map((end) => end.credit ?? credit));
    const signature = new Signature();
    this.#args.sign(signature);
    // The official hash does not include the types inside a Result.
    if (this.#error === undefined) this.#result.sign(signature);
    else signature.byte(0x10);
    this.id = methodIdOf(service, name, signature.finish());
  }

  encodeArgs(args: readonly unknown[], ends: ChannelHandle[], isLent = false): Uint8Array {
    const { elements } = this.#args;
    if (args.length !== elements.length && !this.#lacksUnitsOnly(args.length)) {
      const many = `${elements.length} argument${elements.length === 1 ? '' : 's'}`;
      throw new InvalidArgument(`${this.#name} takes ${many}, not ${args.length}`);
    }
    const writer = takeWriter();
    try {
      for (let index = 0; index < elements.length; index++) {
        const element = elements[index] as WireType | ChannelEnd;
        const value = args[index];
        if (element instanceof ChannelEnd) {
          const issue = element.issue(value, []);
          if (issue !== undefined) throw new InvalidArgument(`args[${index}] ${issue.message}`);
          ends.push(value as ChannelHandle);
        } else {
          write(writer, element, value, this.#names[index] as string);
        }
      }
      return writer.finish(isLent);
    } finally {
      idle = writer;
    }
  }

  /** True if all arguments from there on are of type `()`. A call may leave these out, as in TypeScript. */
  #lacksUnitsOnly(given: number): boolean {
    const missing = this.#args.elements.slice(given);
    return (
      missing.length > 0 &&
      missing.every((element) => element.issue(undefined, [], { refine: false, depth: 0 }) === undefined)
    );
  }

  decodeArgs(bytes: Uint8Array, take: TakeChannel): unknown[] {
    const reader = new PayloadReader(bytes, 'args');
    const args: unknown[] = [];
    // Values first: if arguments are malformed, no channel is taken.
    const { elements } = this.#args;
    for (let index = 0; index < elements.length; index++) {
      const element = elements[index] as WireType | ChannelEnd;
      reader.field = this.#names[index] as string;
      args.push(element instanceof ChannelEnd ? undefined : element.read(reader));
    }
    reader.end();
    if (this.#items.length === 0) return args;
    let channel = 0;
    for (const [index, element] of elements.entries()) {
      if (element instanceof ChannelEnd) args[index] = take(element.direction, channel++);
    }
    return args;
  }

  encodeResult(value: unknown, _ends?: ChannelHandle[], isLent = false): Uint8Array {
    const writer = takeWriter();
    try {
      writer.byte(0);
      write(writer, this.#result, value, 'result');
      return writer.finish(isLent);
    } finally {
      idle = writer;
    }
  }

  encodeError(error: unknown): Uint8Array {
    if (this.#error === undefined) {
      throw new InvalidArgument(`${this.#name} declares no error, and can't answer with one: give it error: t.…`);
    }
    const writer = takeWriter();
    try {
      writer.byte(1);
      writer.byte(ROAM_ERROR.user);
      write(writer, this.#error, error, 'error');
      return writer.finish();
    } finally {
      idle = writer;
    }
  }

  // r[rpc.fallible.roam-error]
  decodeOutcome(bytes: Uint8Array): Outcome {
    const reader = new PayloadReader(bytes, 'result');
    const kind = reader.byte();
    let outcome: Outcome | undefined;
    if (kind === 0) outcome = [0, this.#result.read(reader)];
    else if (kind === 1) outcome = this.#errorFrom(reader);
    if (outcome === undefined) throw reader.malformed('is neither Ok nor an error that the method has');
    reader.end();
    return outcome;
  }

  #errorFrom(reader: PayloadReader): Outcome | undefined {
    switch (reader.byte()) {
      case ROAM_ERROR.user:
        if (this.#error === undefined) return undefined;
        reader.field = 'error';
        return new ApplicationError(this.#error.read(reader));
      case ROAM_ERROR.unknownMethod:
        return new UnknownMethod();
      case ROAM_ERROR.invalidPayload:
        return new InvalidPayload();
      case ROAM_ERROR.cancelled:
        return new Cancelled('peer');
      default:
        return undefined;
    }
  }

  channel(index: number): ItemPayloads {
    const items = this.#items[index];
    if (items === undefined) throw new InvalidPayload(`malformed payload: ${this.#name} has no channel ${index}`);
    return items;
  }
}

function itemsOf({ item, credit }: ChannelEnd): ItemPayloads {
  return {
    credit,
    encode: (value, isLent = false) => {
      const writer = takeWriter();
      try {
        write(writer, item, value, 'item');
        return writer.finish(isLent);
      } finally {
        idle = writer;
      }
    },
    decode: (bytes) => {
      const reader = new PayloadReader(bytes, 'item');
      const value = item.read(reader);
      reader.end();
      return value;
    },
  };
}

function typeOf(schema: StandardSchema | undefined, name: string): WireType | undefined {
  if (schema === undefined || schema instanceof WireType) return schema;
  throw new InvalidArgument(`${name} must be a type that t gives: postcard goes by the types of roam-actors/postcard`);
}

/**
 * Postcard for the payloads of a service, as the official peers of roam 7 write them. It uses the types of each method,
 * which are given as `t.…`. A method without an id has the id that the official macros compute. A method without `args`
 * takes no arguments, and a method without `result` returns `()`.
 *
 * A Rust method that returns `Result<T, E>` has `result: T` and `error: E`; it answers with the error by `fail`.
 *
 * @example
 * const Testbed = service('Testbed', {
 *   echo: method({ args: t.args(t.string), result: t.string }),
 *   divide: method({ args: t.args(t.i64, t.i64), result: t.i64, error: t.enum({ DivisionByZero: null, Overflow: null }) }),
 *   sum: method({ args: t.args(t.rx(t.i32, { credit: 16 })), result: t.i64 }),
 * }, { codec: postcardPayload });
 */
export const postcardPayload: TypedPayloadCodec = {
  refusals: REFUSALS,
  method: (method) => new PostcardMethod(method),
};
