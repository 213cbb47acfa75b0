import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { functionsOf, objectOf } from '../base/check.js';
import {
  ApplicationError,
  Cancelled,
  ConnectionClosed,
  InvalidArgument,
  InvalidPayload,
  Unavailable,
  UnknownMethod,
} from '../base/errors.js';
import { isThenable } from '../base/promise.js';
import type { Tx } from '../calls/channel.js';
import type { IncomingRequest, Refusals, Reply } from '../calls/incoming-call.js';
import { encoded, failAll, forgo, NO_ENDS } from '../payload/ends.js';
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
import { checkCredits, type Entry, takeNone } from './entry.js';
import { handlerMiddleware } from './middleware.js';

const HANDLER = Symbol('handler');

/** The result of {@link withContext}. */
export interface ContextHandler<Args extends readonly unknown[], Answer, P = unknown> {
  readonly [HANDLER]: (context: CallContext<P>, ...args: Args) => Answer;
}

/**
 * Makes a handler that gets the context of its call, as the first argument. `[rpc.service.methods]`
 *
 * The context is not the last argument, because a peer may send any number of arguments, and one of them would be mistaken
 * for the context.
 *
 * @example
 * Slow.handler({ slow: withContext(async ({ signal }, milliseconds) => { await setTimeout(milliseconds, undefined, { signal }); }) });
 */
export function withContext<Args extends readonly unknown[], Answer, P = unknown>(
  handler: (context: CallContext<P>, ...args: Args) => Answer,
): ContextHandler<Args, Answer, P> {
  if (typeof handler !== 'function') throw new InvalidArgument('withContext takes a function');
  return { [HANDLER]: handler };
}

/** Answers with the error that the method declares. It throws; the caller gets an ApplicationError with `error`. */
export function fail<E>(error: E): never {
  throw new ApplicationError(error);
}

type Answer<M> = AnswerOf<M> | PromiseLike<AnswerOf<M>>;

/**
 * The implementation of a service: a function for each method, which gets the arguments, and returns the result or a promise
 * of it. To answer with the declared error, it throws or returns an ApplicationError. `P` is the type of the principal that
 * functions made by `withContext` get.
 */
export type Implementation<M extends Methods, P = unknown> = {
  readonly [Name in keyof M]:
    | ((...args: TakenArgsOf<M[Name]>) => Answer<M[Name]>)
    | ContextHandler<TakenArgsOf<M[Name]>, Answer<M[Name]>, P>;
};

/** Options of a handler. */
export interface HandlerOptions<M extends Methods = Methods, P = unknown> {
  /** Run around the handler of every call, the first one outermost. */
  readonly interceptors?: readonly HandlerInterceptor<M, P>[];
  /** The same, but outside the interceptors. The default {@link handlerMiddleware} applies the caller's deadline. */
  readonly middleware?: readonly HandlerInterceptor<M, P>[];
}

declare const PRINCIPAL: unique symbol;

/**
 * Answers the calls of a service: for {@link Connection.serve} and {@link routes}. `P` is the type of the principal that it
 * needs: a handler of `unknown` suits every server.
 */
export interface ServiceHandler<P = unknown> {
  (request: IncomingRequest, connection: Connection): Reply | Promise<Reply>;
  /** The name of the service. */
  readonly service: string;
  /** The payloads that callers get when no method answers. */
  readonly refusals: Refusals;
  /** Items that the sender of each channel of a method may send at first. */
  readonly credit: (methodId: bigint) => number;
  /** For the compiler only: a handler suits a server whose principals are a subtype of `P`. @internal */
  readonly [PRINCIPAL]?: (principal: P) => void;
}

type Run = (call: AnyHandlerCall) => unknown;
type Functions = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

/** A method, with its implementation. */
interface Answered {
  readonly entry: Entry;
  /** The object that has the implementation, on which it is called: it may be an instance of a class. */
  readonly functions: Functions;
  readonly refusals: Refusals;
  /** True if the implementation is called with the arguments only: it takes no context, and has no functions around it. */
  readonly isPlain: boolean;
  /** Calls the implementation inside the middleware and the interceptors. */
  readonly through: Run;
}

// r[rpc.handler]
export function makeHandler<M extends Methods, P>(
  service: string,
  codec: TypedPayloadCodec,
  entries: readonly Entry[],
  implementation: Implementation<M, P>,
  options: HandlerOptions<M, P>,
): ServiceHandler<P> {
  objectOf(implementation, 'implementation');
  objectOf(options, 'options');
  const { interceptors = [], middleware = handlerMiddleware } = options;
  functionsOf(interceptors, 'interceptors');
  functionsOf(middleware, 'middleware');
  const around = [...middleware, ...interceptors] as unknown as readonly ((
    call: AnyHandlerCall,
    next: Run,
  ) => unknown)[];
  // Our own middleware does nothing for a call without metadata.
  const isPlain = interceptors.length === 0 && middleware === handlerMiddleware;
  const functions = implementation as Functions;
  const { refusals } = codec;
  const methods = new Map<bigint, Answered>();
  for (const entry of entries) {
    const given: unknown = functions[entry.name];
    const contextual = (given as Partial<ContextHandler<readonly unknown[], unknown>> | undefined)?.[HANDLER];
    if (contextual === undefined && typeof given !== 'function') {
      throw new InvalidArgument(`the handler of ${service} has no function for ${entry.name}`);
    }
    const run: Run =
      contextual === undefined
        ? ({ args }) => functions[entry.name]?.(...args)
        : (call) => contextual(call, ...call.args);
    methods.set(entry.id, {
      entry,
      functions,
      refusals,
      isPlain: isPlain && contextual === undefined,
      through: chain(around, run),
    });
  }
  const handle = (request: IncomingRequest, connection: Connection): Reply | Promise<Reply> => {
    const method = methods.get(request.methodId);
    // r[rpc.unknown-method]
    if (method === undefined) return refusals.unknownMethod;
    return new Answering(method, request, connection, connection.handler === handle).answer();
  };
  const credit = (methodId: bigint): number => methods.get(methodId)?.entry.credit ?? INITIAL_CREDIT;
  const nameOf = (methodId: bigint): string | undefined => {
    const entry = methods.get(methodId)?.entry;
    return entry === undefined ? undefined : `${service}.${entry.name}`;
  };
  return Object.assign(handle, {
    service,
    refusals,
    credit,
    checkCredits: (maxUnconsumed: number) => checkCredits(entries, maxUnconsumed),
    nameOf,
  });
}

/** One call of the peer's, while the handler answers it. */
class Answering {
  readonly #method: Answered;
  readonly #request: IncomingRequest;
  readonly #connection: Connection;
  /** That of the call's beginning, although the arguments may take time to decode. */
  readonly #principal: unknown;
  /** Our ends of the channels that the arguments contain. */
  readonly #ends: ChannelHandle[];
  /** False in a handler of the application's, which may keep the bytes of the answer. */
  readonly #isLent: boolean;
  #responseMetadata: MetadataEntry[] | undefined;

  constructor(method: Answered, request: IncomingRequest, connection: Connection, isLent: boolean) {
    this.#isLent = isLent;
    this.#method = method;
    this.#request = request;
    this.#connection = connection;
    // Functions that get the arguments only can't read it.
    this.#principal = method.isPlain ? undefined : connection.principalOf();
    this.#ends = request.channels.length === 0 ? NO_ENDS : [];
  }

  answer(): Reply | Promise<Reply> {
    const { entry } = this.#method;
    const { args: bytes, channels } = this.#request;
    let args: unknown;
    try {
      args = entry.decodeArgs(bytes, channels.length === 0 ? takeNone : entry.taker(channels, this.#ends, 'handler'));
    } catch (error) {
      return this.#refuse(error);
    }
    if (!isThenable(args)) return this.#run(args as readonly unknown[]);
    return Promise.resolve(args).then(
      (taken) => this.#run(taken as readonly unknown[]),
      (error: unknown) => this.#refuse(error),
    );
  }

  #refuse(error: unknown): Reply {
    const { service, name } = this.#method.entry;
    const { id } = this.#connection;
    failAll(this.#ends, error as Error);
    const message = `the arguments of a call of ${service}.${name} on connection ${id} were refused`;
    this.#connection.report({ kind: 'arguments-refused', id, message, error });
    return this.#method.refusals.invalidPayload;
  }

  #run(args: readonly unknown[]): Reply | Promise<Reply> {
    const { entry, functions, isPlain, through } = this.#method;
    try {
      const answer =
        isPlain && this.#request.metadata.length === 0 ? functions[entry.name]?.(...args) : through(this.#callOf(args));
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
    const connection = this.#connection;
    const responseMetadata: MetadataEntry[] = [];
    this.#responseMetadata = responseMetadata;
    return {
      service,
      method,
      args,
      metadata: request.metadata,
      // The request creates the signal when it is first read.
      get signal() {
        return request.signal;
      },
      deadline: undefined,
      connection,
      principal: this.#principal,
      get draining() {
        return request.draining;
      },
      responseMetadata,
    };
  }

  #reply(value: unknown): Reply {
    if (value instanceof ApplicationError) return this.#thrown(value);
    const { entry } = this.#method;
    const ends: ChannelHandle[] = [];
    try {
      const ret = encoded(entry.payloads.encodeResult(value, ends, this.#isLent));
      if (ends.length === 0 && this.#responseMetadata === undefined) return ret;
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

  /** The declared error is an answer. Any other error is reported on our side, and the caller gets `Cancelled`. */
  #thrown(error: unknown): Reply {
    failAll(this.#ends, error as Error);
    const isForeign = wasAnswered(error);
    if (error instanceof ApplicationError && !isForeign) {
      return this.#responseOf(encoded(this.#method.entry.payloads.encodeError(error.error)), []);
    }
    if (isGivenUp(error)) throw new Cancelled('local', 'the handler was given up', error);
    // From a call that the handler made, or thrown by hand: passed on, it would blame our caller's call.
    if (isForeign || error instanceof UnknownMethod || error instanceof InvalidPayload) {
      throw new Error('a call that the handler made has failed', { cause: error });
    }
    throw error;
  }
}

/** True if a function of Node's threw because its signal, which is ours, aborted: our reason is the cause of the error. */
function isGivenUp(error: unknown): boolean {
  const { name, cause } = (error ?? {}) as Partial<Error>;
  const isOurs = cause instanceof Cancelled || cause instanceof ConnectionClosed || cause instanceof Unavailable;
  return name === 'AbortError' && isOurs;
}
