import { isWellFormed } from '../base/bytes.js';
import { describe, objectOf } from '../base/check.js';
import { type ApplicationError, InvalidArgument } from '../base/errors.js';
import { DEFAULT_LIMITS } from '../base/limits.js';
import { encoded } from '../payload/ends.js';
import { messagePackPayload } from '../payload/msgpack.js';
import type { PayloadCodec, TypedPayloadCodec } from '../payload/payload.js';
import { typedCodecOf } from '../payload/untyped.js';
import type { Connection } from '../session/connection.js';
import { SERVICE, sizeOf } from '../wire/metadata.js';
import type { ErrorOf, Methods } from './calls.js';
import { type Client, type ClientOptions, clientOptionsOf, isAnswerOf, makeClient } from './client.js';
import { checkCredits, Entry } from './entry.js';
import { type HandlerOptions, type Implementation, makeHandler, type ServiceHandler } from './handler.js';
import { methodId } from './method.js';

/** Options of {@link service}. */
export interface ServiceOptions {
  /** MessagePack by default. Both sides need the same codec. */
  readonly codec?: PayloadCodec | TypedPayloadCodec;
}

/** A service: the definition of both its client and its handler. */
export interface Service<M extends Methods = Methods> {
  readonly name: string;
  readonly methods: M;
  /** The methods' ids on the wire. */
  readonly ids: { readonly [Name in keyof M]: bigint };
  /**
   * Makes a client, which calls the methods on `connection`. Like a Caller, it has a share of the connection. `[rpc.caller]`
   *
   * @throws ConnectionClosed when the connection is closed; InvalidArgument when an option is wrong.
   */
  client(connection: Connection, options?: ClientOptions<M>): Client<M>;
  /** Encodes the arguments of a call, to check and to count them before there is a connection. @internal */
  encodeArgs(name: keyof M & string, args: readonly unknown[]): Uint8Array;
  /** Checks options as `client` does, before a connection is opened for them. @internal */
  checkOptions(options: ClientOptions<M>, maxUnconsumed: number): void;
  /**
   * Makes the function that answers the calls, for `createServer`, `routes` and `connection.serve`. `P` is the type of the
   * principal that the functions read: `Adder.handler<User>({ … })`. `[rpc.handler]`
   *
   * @throws InvalidArgument when a method has no function.
   */
  handler<P = unknown>(implementation: Implementation<M, P>, options?: HandlerOptions<M, P>): ServiceHandler<P>;
  /** True if a call of this method was answered with `error`: then `error.error` is the error that the service declares. */
  isErrorOf<Name extends keyof M & string>(name: Name, error: unknown): error is ApplicationError<ErrorOf<M[Name]>>;
}

/** Names that objects have already, or that JavaScript looks up: a client with such a method would behave differently. */
const RESERVED = new Set(['then', '__proto__', 'constructor', 'toJSON']);

/** The most bytes of a name: it travels as one entry of an Open's metadata, under the default limits of the peer. */
const MAX_NAME_BYTES = DEFAULT_LIMITS.metadataBytes - sizeOf(SERVICE);

/** @throws InvalidArgument when no connection could be opened for a service of this name. */
function checkName(name: unknown): void {
  if (typeof name !== 'string' || name === '') throw new InvalidArgument('a service needs a name');
  if (!isWellFormed(name)) {
    throw new InvalidArgument(
      `the service's name has a lone surrogate, which UTF-8 can't represent: ${describe(name)}`,
    );
  }
  const size = sizeOf(name);
  if (size <= MAX_NAME_BYTES) return;
  const room = `the ${MAX_NAME_BYTES} that an Open's metadata has room for`;
  throw new InvalidArgument(`the service's name has ${size} bytes, more than ${room}: ${describe(name)}`);
}

/**
 * Defines a service by the types of its methods; nothing is generated. The same definition gives the client and the handler.
 * One connection has one service `[rpc.one-service-per-connection]`.
 *
 * @throws InvalidArgument when a name is wrong, or two methods have the same id. A service's name has 1 to 16 377 bytes in
 * UTF-8: the room of an Open's metadata by default.
 *
 * @example
 * const Adder = service('Adder', { add: method<[a: number, b: number], number>(), sum: method<[Rx<number>], number>() });
 */
// r[rpc.service]
export function service<const M extends Methods>(name: string, methods: M, options: ServiceOptions = {}): Service<M> {
  checkName(name);
  objectOf(methods, 'methods');
  objectOf(options, 'options');
  const codec = typedCodecOf(options.codec ?? messagePackPayload);
  const taken = new Map<bigint, string>();
  const entries = Object.entries(methods).map(([key, method]) => {
    if (RESERVED.has(key)) throw new InvalidArgument(`a method can't be named ${key}`);
    if (typeof method?.credit !== 'number') throw new InvalidArgument(`${key} must be a method, as method() gives`);
    const payloads = codec.method({ service: name, name: key, ...method });
    const id = method.id ?? payloads.id ?? methodId(name, key);
    const other = taken.get(id);
    if (other !== undefined) throw new InvalidArgument(`${other} and ${key} have the same id: 0x${id.toString(16)}`);
    taken.set(id, key);
    return new Entry(name, key, id, method, payloads);
  });
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  return {
    name,
    methods,
    ids: Object.fromEntries(entries.map((entry) => [entry.name, entry.id])) as { [Name in keyof M]: bigint },
    client: (connection, clientOptions = {}) => makeClient(entries, connection, clientOptions),
    encodeArgs: (key, args) => encoded((byName.get(key) as Entry).payloads.encodeArgs(args, [])),
    checkOptions: (clientOptions, maxUnconsumed) => {
      clientOptionsOf(clientOptions);
      checkCredits(entries, maxUnconsumed);
    },
    handler: (implementation, handlerOptions = {}) => makeHandler(name, codec, entries, implementation, handlerOptions),
    isErrorOf: (key, error): error is never => {
      const entry = byName.get(key);
      if (entry === undefined) throw new InvalidArgument(`${name} has no method ${key}`);
      return isAnswerOf(entry, error);
    },
  };
}
