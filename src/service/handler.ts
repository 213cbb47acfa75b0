import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { functionsOf, objectOf } from '../base/check.js';
import {
  ApplicationError,
  Cancelled,
  ConnectionClosed,
  InvalidArgument,
  InvalidPayload,
  UnknownMethod,
} from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import type { Tx } from '../calls/channel.js';
import type { IncomingRequest, Refusals, Reply } from '../calls/incoming-call.js';
import type { ChannelHandle, TypedPayloadCodec } from '../payload/payload.js';
import type { Connection } from '../session/connection.js';
import type { MetadataEntry } from '../wire/metadata.js';
import {
  type AnswerOf,
  type AnyHandlerCall,
  type CallContext,
  chain,
  type HandlerInterceptor,
  type Methods,
  type TakenArgsOf,
} from './calls.js';
import { wasAnswered } from './client.js';
import { type Entry, failAll, forgo, NO_ENDS } from './entry.js';
import { handlerMiddleware } from './middleware.js';

const HANDLER = Symbol('handler');

/** What {@link withContext} gives. */
export interface ContextHandler<Args extends readonly unknown[], Answer> {
  readonly [HANDLER]: (context: CallContext, ...args: Args) => Answer;
}

/**
 * A handler that gets to see what it answers: the context comes first, before the arguments. `[rpc.service.methods]`
 *
 * It does not come last, as an argument more: a peer may send as many as it likes, and one of them would be taken for it.
 *
 * @example
 * Slow.handler({ slow: withContext(async ({ signal }, milliseconds) => { await setTimeout(milliseconds, undefined, { signal }); }) });
 */
export function withContext<Args extends readonly unknown[], Answer>(
  handler: (context: CallContext, ...args: Args) => Answer,
): ContextHandler<Args, Answer> {
  if (typeof handler !== 'function') throw new InvalidArgument('withContext takes a function');
  return { [HANDLER]: handler };
}

/** Answers with the error that the method declares: it is thrown, and the caller gets an ApplicationError with it. */
export function fail<E>(error: E): never {
  throw new ApplicationError(error);
}

type Answer<M> = AnswerOf<M> | PromiseLike<AnswerOf<M>>;

/**
 * What answers the calls of a service: a function for each method, which gets its arguments, and returns its result or a promise
 * of that. It fails in the declared way by throwing or returning an ApplicationError.
 */
export type Implementation<M extends Methods> = {
  readonly [Name in keyof M]:
    | ((...args: TakenArgsOf<M[Name]>) => Answer<M[Name]>)
    | ContextHandler<TakenArgsOf<M[Name]>, Answer<M[Name]>>;
};

/** Options of a handler. */
export interface HandlerOptions<M extends Methods = Methods> {
  /** Stand around the handler of every call, the first one outermost. */
  readonly interceptors?: readonly HandlerInterceptor<M>[];
  /** The same, nearer to the wire: around those; by default {@link handlerMiddleware}, which keeps deadlines. */
  readonly middleware?: readonly HandlerInterceptor<M>[];
}

/** Answers the calls of a service: for {@link Connection.serve} and {@link routes}. */
export interface ServiceHandler {
  (request: IncomingRequest, connection: Connection): Reply | Promise<Reply>;
  /** The name of the service. */
  readonly service: string;
  /** What its callers get where nothing of theirs is handled. */
  readonly refusals: Refusals;
  /** What the sender of each channel of a method's begins with. */
  readonly credit: (methodId: bigint) => number;
}

type Run = (call: AnyHandlerCall) => unknown;

/** A method, and what answers it. */
interface Answered {
  readonly entry: Entry;
  /** With its arguments alone; undefined where it needs to know more. */
  readonly plain: ((...args: readonly unknown[]) => unknown) | undefined;
  /** Through all that stands around it. */
  readonly through: Run;
}

// r[rpc.handler]
export function makeHandler<M extends Methods>(
  service: string,
  codec: TypedPayloadCodec,
  entries: readonly Entry[],
  implementation: Implementation<M>,
  options: HandlerOptions<M>,
): ServiceHandler {
  objectOf(implementation, 'implementation');
  objectOf(options, 'options');
  const { interceptors = [], middleware = handlerMiddleware } = options;
  functionsOf(interceptors, 'interceptors');
  functionsOf(middleware, 'middleware');
  const around = [...middleware, ...interceptors] as unknown as readonly ((
    call: AnyHandlerCall,
    next: Run,
  ) => unknown)[];
  // Ours do nothing for a call that has no metadata.
  const isPlain = interceptors.length === 0 && middleware === handlerMiddleware;
  const methods = new Map<bigint, Answered>();
  for (const entry of entries) {
    const given: unknown = (implementation as Record<string, unknown>)[entry.name];
    const contextual = (given as Partial<ContextHandler<readonly unknown[], unknown>> | undefined)?.[HANDLER];
    if (contextual === undefined && typeof given !== 'function') {
      throw new InvalidArgument(`the handler of ${service} has no function for ${entry.name}`);
    }
    // Called on its owner, which may be an instance of a class.
    const plain = (...args: readonly unknown[]): unknown =>
      (implementation as Record<string, (...args: readonly unknown[]) => unknown>)[entry.name]?.(...args);
    const run: Run = contextual === undefined ? ({ args }) => plain(...args) : (call) => contextual(call, ...call.args);
    methods.set(entry.id, {
      entry,
      plain: isPlain && contextual === undefined ? plain : undefined,
      through: chain(around, run),
    });
  }
  const { refusals } = codec;
  const handle = (request: IncomingRequest, connection: Connection): Reply | Promise<Reply> => {
    const method = methods.get(request.methodId);
    // r[rpc.unknown-method]
    if (method === undefined) return refusals.unknownMethod;
    return new Answering(method, request, connection, refusals).answer();
  };
  const credit = (methodId: bigint): number => methods.get(methodId)?.entry.credit ?? INITIAL_CREDIT;
  const checkCredits = (maxUnconsumed: number): void => {
    for (const { entry } of methods.values()) entry.checkCredit(maxUnconsumed);
  };
  return Object.assign(handle, { service, refusals, credit, checkCredits });
}

/** One call of the peer's, on its way through the handler. */
class Answering {
  readonly #method: Answered;
  readonly #request: IncomingRequest;
  readonly #connection: Connection;
  readonly #refusals: Refusals;
  /** Ours, of the channels that the arguments name. */
  readonly #ends: ChannelHandle[];
  #responseMetadata: MetadataEntry[] | undefined;

  constructor(method: Answered, request: IncomingRequest, connection: Connection, refusals: Refusals) {
    this.#method = method;
    this.#request = request;
    this.#connection = connection;
    this.#refusals = refusals;
    this.#ends = request.channels.length === 0 ? NO_ENDS : [];
  }

  answer(): Reply | Promise<Reply> {
    let args: unknown;
    try {
      args = this.#takeArgs();
    } catch (error) {
      return this.#refuse(error);
    }
    if (!isThenable(args)) return this.#run(args as readonly unknown[]);
    return Promise.resolve(args).then(
      (taken) => this.#run(taken as readonly unknown[]),
      (error: unknown) => this.#refuse(error),
    );
  }

  /** What the peer has sent, now or later. @throws InvalidPayload */
  #takeArgs(): unknown {
    const { entry } = this.#method;
    const { args: bytes, channels } = this.#request;
    return entry.decodeArgs(bytes, entry.taker(channels, this.#ends, 'handler'));
  }

  #refuse(error: unknown): Reply {
    const { service, name } = this.#method.entry;
    const { id } = this.#connection;
    failAll(this.#ends, error as Error);
    const message = `the arguments of a call of ${service}.${name} on connection ${id} were refused`;
    this.#connection.report({ kind: 'arguments-refused', id, message, error });
    return this.#refusals.invalidPayload;
  }

  #run(args: readonly unknown[]): Reply | Promise<Reply> {
    const { plain, through } = this.#method;
    try {
      const answer =
        plain !== undefined && this.#request.metadata.length === 0 ? plain(...args) : through(this.#callOf(args));
      if (!isThenable(answer)) return this.#reply(answer);
      return Promise.resolve(answer).then(
        (value) => this.#reply(value),
        (error: unknown) => this.#thrown(error),
      );
    } catch (error) {
      return this.#thrown(error);
    }
  }

  #callOf(args: readonly unknown[]): AnyHandlerCall {
    const { service, name: method } = this.#method.entry;
    const request = this.#request;
    const responseMetadata: MetadataEntry[] = [];
    this.#responseMetadata = responseMetadata;
    return {
      service,
      method,
      args,
      metadata: request.metadata,
      // Made when somebody first looks.
      get signal() {
        return request.signal;
      },
      deadline: undefined,
      connection: this.#connection,
      responseMetadata,
    };
  }

  #reply(value: unknown): Reply {
    if (value instanceof ApplicationError) return this.#thrown(value);
    const { entry } = this.#method;
    const ends: ChannelHandle[] = [];
    try {
      const ret = entry.encodeResult(value, ends);
      entry.pass(ends, 'handler');
      return this.#responseOf(ret, ends);
    } catch (error) {
      forgo(ends, error as Error);
      return this.#thrown(error);
    }
  }

  #responseOf(ret: Uint8Array, ends: ChannelHandle[]): Reply {
    const metadata = this.#responseMetadata;
    if (ends.length === 0 && (metadata === undefined || metadata.length === 0)) return ret;
    return { ret, metadata: metadata ?? [], channels: ends as unknown as readonly Tx<Uint8Array>[] };
  }

  /** The error that the service declares is an answer; any other is ours to know, and `Cancelled` to the caller. */
  #thrown(error: unknown): Reply {
    failAll(this.#ends, error as Error);
    const isForeign = wasAnswered(error);
    if (error instanceof ApplicationError && !isForeign) {
      return this.#responseOf(this.#method.entry.encodeError(error.error), []);
    }
    if (isGivenUp(error)) throw new Cancelled('local', 'the handler was given up', error);
    // Of a call of the handler's own, or thrown by hand: to our caller it would say that the fault is with its call.
    if (isForeign || error instanceof UnknownMethod || error instanceof InvalidPayload) {
      throw new Error('a call that the handler made has failed', { cause: error });
    }
    throw error;
  }
}

/** What Node's functions throw when the signal that they were given aborts: the reason of ours is beneath it. */
function isGivenUp(error: unknown): boolean {
  const { name, cause } = (error ?? {}) as Partial<Error>;
  return name === 'AbortError' && (cause instanceof Cancelled || cause instanceof ConnectionClosed);
}
