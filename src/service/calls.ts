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
/** The same, as its handler gets them. */
export type TakenArgsOf<M> = TypesOf<M>['args']['taken'];
/** The result of a method, as its client gets it. */
export type ResultOf<M> = TypesOf<M>['result']['taken'];
/** What its handler returns: a result, or the error that the service declares. */
export type AnswerOf<M> = TypesOf<M>['result']['sent'] | ApplicationError<TypesOf<M>['error']['sent']>;
/** The error that a method declares, as its client gets it. */
export type ErrorOf<M> = TypesOf<M>['error']['taken'];

/** Options of a call of a method. */
export interface MethodCallOptions {
  /** Gives the call up: it rejects at once with Cancelled, and the peer is told. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that the call may take, its turn included; up to 2^31 − 1. The peer hears of it as a deadline. */
  readonly timeout?: number | undefined;
  readonly metadata?: Metadata | undefined;
  /** The call that this one is made for: when that is given up so is this one, and its deadline and its trace go on. */
  readonly context?: CallContext | undefined;
}

/** What every call has, whatever its method. */
export interface AnyClientCall extends MethodCallOptions {
  readonly service: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly metadata: Metadata;
  readonly connection: Connection;
}

/** A call, as an interceptor of a client's sees it: plain data. `method` tells what `args` are. */
export type ClientCall<M extends Methods = Methods> = {
  [Name in keyof M & string]: AnyClientCall & { readonly method: Name; readonly args: ArgsOf<M[Name]> };
}[keyof M & string];

/** What a call came to: the result, and the metadata of the answer. */
export interface ClientAnswer<Value = unknown> {
  readonly value: Value;
  readonly metadata: Metadata;
}

/**
 * Stands around every call of a client's: `next(call)` makes it, `next({ ...call, metadata })` with something changed. What it throws, the
 * caller gets.
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

/** What a handler may know of the call that it answers, beside the arguments. */
export interface CallContext {
  readonly service: string;
  readonly method: string;
  readonly metadata: Metadata;
  /** Aborts when nobody waits for the answer any more: the caller cancelled, its deadline has passed, or the connection ended. */
  readonly signal: AbortSignal;
  /** When the caller gives the call up, in milliseconds since 1970; undefined when it did not say. */
  readonly deadline: number | undefined;
  readonly connection: Connection;
  /** What the answer carries; a handler adds to it. */
  readonly responseMetadata: MetadataEntry[];
}

export interface AnyHandlerCall extends CallContext {
  readonly args: readonly unknown[];
}

/** A call, as an interceptor of a handler's sees it: plain data. `method` tells what `args` are. */
export type HandlerCall<M extends Methods = Methods> = {
  [Name in keyof M & string]: AnyHandlerCall & { readonly method: Name; readonly args: TakenArgsOf<M[Name]> };
}[keyof M & string];

type Awaitable<T> = T | PromiseLike<T>;

/**
 * Stands around the handler of every call: `next(call)` runs it, `next({ ...call, … })` with something changed. What it returns or throws is
 * as if the handler had.
 */
export type HandlerInterceptor<M extends Methods = Methods> = (
  call: HandlerCall<M>,
  next: (call: HandlerCall<M>) => Awaitable<AnswerOf<M[keyof M]>>,
) => Awaitable<AnswerOf<M[keyof M]>>;

/** The same for the calls of any service. */
export type HandlerMiddleware = <Call extends AnyHandlerCall, Answer>(
  call: Call,
  next: (call: Call) => Awaitable<Answer>,
) => Awaitable<Answer>;

/** The first of `interceptors` around the next one, and so on, and all of them around `last`. */
export function chain<Call extends { readonly args: readonly unknown[] }, Answer>(
  interceptors: readonly ((call: Call, next: (call: Call) => Answer) => Answer)[],
  last: (call: Call) => Answer,
): (call: Call) => Answer {
  return interceptors.reduceRight<(call: Call) => Answer>(
    (next, interceptor) => (call) => interceptor(proceeding(call), next),
    (call) => last(proceeding(call)),
  );
}

/** @throws InvalidArgument when it is no call that an interceptor could go on with. */
function proceeding<Call extends { readonly args: readonly unknown[] }>(call: Call): Call {
  if (!Array.isArray((call as Call | null | undefined)?.args)) {
    throw new InvalidArgument('next takes a call, such as { ...call }, with an array of args');
  }
  return call;
}
