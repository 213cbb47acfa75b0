import { type ApplicationError, InvalidArgument } from '../base/errors.js';
import type { Connection } from '../session/connection.js';
import type { Metadata, MetadataEntry } from '../wire/metadata.js';
import type { AnyMethod, Method, MethodTypes } from './method.js';

/** The methods of a service, by their names. */
export interface Methods {
  readonly [name: string]: AnyMethod;
}

type TypesOf<M> = M extends Method<infer Types extends MethodTypes> ? Types : never;

/** The arguments of a method, as its client passes them. */
export type ArgsOf<M> = TypesOf<M>['args']['sent'];
/** The arguments of a method, as its handler gets them. */
export type TakenArgsOf<M> = TypesOf<M>['args']['taken'];
/** The result of a method, as its client gets it. */
export type ResultOf<M> = TypesOf<M>['result']['taken'];
/** The answer of a handler: a result, or the error that the service declares. */
export type AnswerOf<M> = TypesOf<M>['result']['sent'] | ApplicationError<TypesOf<M>['error']['sent']>;
/** The error that a method declares, as its client gets it. */
export type ErrorOf<M> = TypesOf<M>['error']['taken'];

/** Options of a call of a method. */
export interface MethodCallOptions {
  /** Gives up the call: it rejects at once with Cancelled, and the peer is told. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the call may take, including the wait for its turn; up to 2^31 − 1. The peer is told the deadline. */
  readonly timeout?: number | undefined;
  readonly metadata?: Metadata | undefined;
  /** The call that this one is made for. This call is given up with that one, and gets its deadline and its trace. */
  readonly context?: CallContext | undefined;
  /** False if a client made by `connect` is not to make this call a second time. Other clients never do. */
  readonly retry?: boolean | undefined;
}

/** The parts of every call, of any method. */
export interface AnyClientCall extends MethodCallOptions {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly metadata: Metadata;
  readonly connection: Connection;
}

/** A call, as an interceptor of a client sees it: plain data. `method` determines the type of `args`. */
export type ClientCall<M extends Methods = Methods> = {
  [Name in keyof M & string]: AnyClientCall & { readonly method: Name; readonly args: ArgsOf<M[Name]> };
}[keyof M & string];

/** The outcome of a call: the result, and the metadata of the answer. */
export interface ClientAnswer<Value = unknown> {
  readonly value: Value;
  readonly metadata: Metadata;
}

/**
 * Runs around every call of a client: `next(call)` makes the call, `next({ ...call, metadata })` makes it with a change. The
 * caller gets the errors that the interceptor throws.
 */
export type ClientInterceptor<M extends Methods = Methods> = (
  call: ClientCall<M>,
  next: (call: ClientCall<M>) => Promise<ClientAnswer<ResultOf<M[keyof M]>>>,
) => Promise<ClientAnswer<ResultOf<M[keyof M]>>>;

/** The same for the calls of any service. */
export type ClientMiddleware = <Call extends AnyClientCall, Answer>(
  call: Call,
  next: (call: Call) => Promise<Answer>,
) => Promise<Answer>;

/** Facts about the call that a handler answers, beside the arguments. `P` is the type of the principal. */
export interface CallContext<P = unknown> {
  readonly service: string;
  readonly method: string;
  readonly metadata: Metadata;
  /** Aborts when the caller no longer waits: the caller cancelled, its deadline has passed, or the connection ended. */
  readonly signal: AbortSignal;
  /** Aborts when the session is drained: this call may end, and the session takes no others. See `session.drain`. */
  readonly draining: AbortSignal;
  /** The time at which the caller gives up the call, in milliseconds since 1970; undefined if the caller sent none. */
  readonly deadline: number | undefined;
  readonly connection: Connection;
  /** The value that `authenticate` has given for the caller; undefined without it. It stays the same for the whole call. */
  readonly principal: P;
  /** The metadata of the answer. A handler may add entries. */
  readonly responseMetadata: MetadataEntry[];
}

export interface AnyHandlerCall<P = unknown> extends CallContext<P> {
  readonly args: readonly unknown[];
}

/** A call, as an interceptor of a handler sees it: plain data. `method` determines the type of `args`. */
export type HandlerCall<M extends Methods = Methods, P = unknown> = {
  [Name in keyof M & string]: AnyHandlerCall<P> & { readonly method: Name; readonly args: TakenArgsOf<M[Name]> };
}[keyof M & string];

type Awaitable<T> = T | PromiseLike<T>;

/**
 * Runs around the handler of every call: `next(call)` runs the handler, `next({ ...call, … })` runs it with a change. The
 * value that the interceptor returns, or the error that it throws, takes the place of the handler's.
 */
export type HandlerInterceptor<M extends Methods = Methods, P = unknown> = (
  call: HandlerCall<M, P>,
  next: (call: HandlerCall<M, P>) => Awaitable<AnswerOf<M[keyof M]>>,
) => Awaitable<AnswerOf<M[keyof M]>>;

/** The same for the calls of any service. */
export type HandlerMiddleware = <Call extends AnyHandlerCall, Answer>(
  call: Call,
  next: (call: Call) => Awaitable<Answer>,
) => Awaitable<Answer>;

/** Nests interceptors: the first of `interceptors` is the outermost, and `last` is inside all of them. */
export function chain<Call extends { readonly args: readonly unknown[] }, Answer>(
  interceptors: readonly ((call: Call, next: (call: Call) => Answer) => Answer)[],
  last: (call: Call) => Answer,
): (call: Call) => Answer {
  return interceptors.reduceRight<(call: Call) => Answer>(
    (next, interceptor) => (call) => interceptor(proceeding(call), next),
    (call) => last(proceeding(call)),
  );
}

/** @throws InvalidArgument when an interceptor passes a value that is no call. */
function proceeding<Call extends { readonly args: readonly unknown[] }>(call: Call): Call {
  if (!Array.isArray((call as Call | null | undefined)?.args)) {
    throw new InvalidArgument('next takes a call, such as { ...call }, with an array of args');
  }
  return call;
}
