import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { objectOf, shown } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { creditOf } from '../calls/channel.js';
import type { StandardSchema } from '../payload/standard-schema.js';

/** The types of a method; `sent` by the one side, `taken` by the other. They differ only where a schema transforms. */
export interface MethodTypes {
  /** The arguments, as the client passes them, and as the handler gets them. */
  readonly args: { readonly sent: readonly unknown[]; readonly taken: readonly unknown[] };
  /** The result, as the handler returns it, and as the client gets it. */
  readonly result: { readonly sent: unknown; readonly taken: unknown };
  /** The error that the service declares. */
  readonly error: { readonly sent: unknown; readonly taken: unknown };
}

declare const TYPES: unique symbol;

/** A method of a service, whatever its types are: from these, none would be inferred where they are not given. */
export interface AnyMethod {
  readonly id: bigint | undefined;
  readonly credit: number;
  readonly args: StandardSchema | undefined;
  readonly result: StandardSchema | undefined;
  readonly error: StandardSchema | undefined;
  readonly itemsIn: StandardSchema | undefined;
  readonly itemsOut: StandardSchema | undefined;
}

/** A method of a service: what {@link method} gives. */
export interface Method<Types extends MethodTypes = MethodTypes> extends AnyMethod {
  /** Never there: it carries the types. */
  readonly [TYPES]?: Types;
}

/** Options of {@link method}. */
export interface MethodOptions<ArgsSent, ArgsTaken, ResultSent, ResultTaken, ErrorSent, ErrorTaken> {
  /** The method's id, an unsigned integer of 64 bits; by default derived from the names of the service and the method. */
  readonly id?: bigint;
  /** Items that the sender of each channel of the method's begins with; 16 by default. */
  readonly credit?: number;
  /** Checks the list of arguments that the peer has sent. */
  readonly args?: StandardSchema<ArgsSent, ArgsTaken>;
  /** Checks the result that the peer has sent. */
  readonly result?: StandardSchema<ResultSent, ResultTaken>;
  /** Checks the declared error that the peer has sent. */
  readonly error?: StandardSchema<ErrorSent, ErrorTaken>;
  /** Checks each item that the client sends, on whichever of the method's channels; what it makes of it, the handler gets. */
  readonly itemsIn?: StandardSchema;
  /** Checks each item that the handler sends, likewise. */
  readonly itemsOut?: StandardSchema;
}

/**
 * A method of a service: the types of its arguments and its result, and of the error that it declares. They are given as
 * types, or come from schemas, which then are enforced on what the peer sends.
 *
 * `Tx` and `Rx` are named from where they arrive: an `Rx` among the arguments is what the handler receives from, an `Rx` in
 * the result what the client does. `[rpc.channel.direction]`
 *
 * @throws InvalidArgument when an option is wrong.
 *
 * @example
 * method<[a: number, b: number], number>();
 * method({ args: z.tuple([z.number(), z.number()]), result: z.number() });
 */
export function method<
  ArgsTaken extends readonly unknown[] = [],
  ResultSent = void,
  ErrorTaken = never,
  ArgsSent extends readonly unknown[] = ArgsTaken,
  ResultTaken = ResultSent,
  ErrorSent = ErrorTaken,
>(
  options: MethodOptions<ArgsSent, ArgsTaken, ResultSent, ResultTaken, ErrorSent, ErrorTaken> = {},
): Method<{
  readonly args: { readonly sent: ArgsSent; readonly taken: ArgsTaken };
  readonly result: { readonly sent: ResultSent; readonly taken: ResultTaken };
  readonly error: { readonly sent: ErrorSent; readonly taken: ErrorTaken };
}> {
  objectOf(options, 'options');
  const { id, credit = INITIAL_CREDIT, args, result, error, itemsIn, itemsOut } = options;
  if (id !== undefined && (typeof id !== 'bigint' || BigInt.asUintN(64, id) !== id)) {
    throw new InvalidArgument(`id must be a bigint from 0 to 2^64 − 1, not ${shown(id)}`);
  }
  for (const [name, schema] of Object.entries({ args, result, error, itemsIn, itemsOut })) {
    if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
      throw new InvalidArgument(`${name} must be a Standard Schema`);
    }
  }
  return { id, credit: creditOf(credit), args, result, error, itemsIn, itemsOut };
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/**
 * The id of a method that is given none: 64 bits of FNV-1a, of the UTF-8 of `Service.method`. The reference also hashes the
 * signature, which is not there at run time; an id of its own is given as {@link MethodOptions.id}. `[rpc.method-id]`
 */
// r[rpc.method-id]
export function methodId(service: string, name: string): bigint {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(`${service}.${name}`)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  }
  return hash;
}
