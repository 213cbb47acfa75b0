import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { describe, objectOf } from '../base/check.js';
import { InvalidArgument } from '../base/errors.js';
import { creditOf } from '../calls/channel.js';
import type { StandardSchema } from '../payload/standard-schema.js';

/**
 * The types of a method: `sent` on the one side, `taken` on the other. They differ only if a schema transforms the value.
 */
export interface MethodTypes {
  /** The arguments, as the client passes them, and as the handler gets them. */
  readonly args: { readonly sent: readonly unknown[]; readonly taken: readonly unknown[] };
  /** The result, as the handler returns it, and as the client gets it. */
  readonly result: { readonly sent: unknown; readonly taken: unknown };
  /** The error that the service declares. */
  readonly error: { readonly sent: unknown; readonly taken: unknown };
}

declare const TYPES: unique symbol;

/** A method with types of any kind. It has no type parameters: missing ones could not be inferred from it. */
export interface AnyMethod {
  readonly id: bigint | undefined;
  readonly credit: number;
  readonly idempotent: boolean;
  readonly args: StandardSchema | undefined;
  readonly result: StandardSchema | undefined;
  readonly error: StandardSchema | undefined;
  readonly itemsIn: StandardSchema | undefined;
  readonly itemsOut: StandardSchema | undefined;
}

/** A method of a service: the result of {@link method}. */
export interface Method<Types extends MethodTypes = MethodTypes> extends AnyMethod {
  /** Never set: it carries the types. */
  readonly [TYPES]?: Types;
}

/** Options of {@link method}. */
export interface MethodOptions<ArgsSent, ArgsTaken, ResultSent, ResultTaken, ErrorSent, ErrorTaken> {
  /** The method's id, an unsigned integer of 64 bits; by default derived from the names of the service and the method. */
  readonly id?: bigint;
  /** Items that the sender of each channel of the method may send at first; 16 by default. */
  readonly credit?: number;
  /**
   * True if the method may run twice for one call: a client made by `connect` then makes a call again that may have run when
   * its session ended. False by default.
   */
  readonly idempotent?: boolean;
  /** Checks the list of arguments that the peer has sent. */
  readonly args?: StandardSchema<ArgsSent, ArgsTaken>;
  /** Checks the result that the peer has sent. */
  readonly result?: StandardSchema<ResultSent, ResultTaken>;
  /** Checks the declared error that the peer has sent. */
  readonly error?: StandardSchema<ErrorSent, ErrorTaken>;
  /** Checks each item that the client sends on any channel of the method. The handler gets the output of the schema. */
  readonly itemsIn?: StandardSchema;
  /** Checks each item that the handler sends in the same way. */
  readonly itemsOut?: StandardSchema;
}

/**
 * Defines a method of a service: the types of its arguments, of its result, and of the error that it declares. They are
 * given as types, or come from schemas. Schemas also check the values of the peer.
 *
 * `Tx` and `Rx` are named from the receiving side: the handler receives from an `Rx` among the arguments, and the client
 * receives from an `Rx` in the result. `[rpc.channel.direction]`
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
  const { id, credit = INITIAL_CREDIT, idempotent = false, args, result, error, itemsIn, itemsOut } = options;
  if (id !== undefined && (typeof id !== 'bigint' || BigInt.asUintN(64, id) !== id)) {
    throw new InvalidArgument(`id must be a bigint from 0 to 2^64 − 1, not ${describe(id)}`);
  }
  for (const [name, schema] of Object.entries({ args, result, error, itemsIn, itemsOut })) {
    if (schema !== undefined && typeof schema?.['~standard']?.validate !== 'function') {
      throw new InvalidArgument(`${name} must be a Standard Schema`);
    }
  }
  if (typeof idempotent !== 'boolean')
    throw new InvalidArgument(`idempotent must be a boolean, not ${describe(idempotent)}`);
  return { id, credit: creditOf(credit), idempotent, args, result, error, itemsIn, itemsOut };
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/**
 * The id of a method without an id option: 64 bits of FNV-1a, of the UTF-8 of `Service.method`. The reference also hashes
 * the signature, which does not exist at run time. {@link MethodOptions.id} sets another id. `[rpc.method-id]`
 */
// r[rpc.method-id]
export function methodId(service: string, name: string): bigint {
  let hash = FNV_OFFSET;
  for (const byte of new TextEncoder().encode(`${service}.${name}`)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  }
  return hash;
}
