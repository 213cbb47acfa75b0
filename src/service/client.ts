import { INITIAL_CREDIT } from '../../machines/call-events.js';
import { functionsOf, objectOf } from '../base/check.js';
import {
  ApplicationError,
  Cancelled,
  errorOfCall,
  InvalidArgument,
  InvalidPayload,
  type Ran,
  Unavailable,
  UnknownMethod,
} from '../base/errors.js';
import { isThenable, rejected } from '../base/promise.js';
import type { CallResult } from '../calls/channels.js';
import type { CallOptions } from '../calls/outgoing-call.js';
import { requireEntries } from '../codec/metadata.js';
import { abandonAll, encoded, failAll, forgo, NO_ENDS, passesChannel } from '../payload/ends.js';
import type { ChannelHandle, Outcome } from '../payload/payload.js';
import type { StandardSchema } from '../payload/standard-schema.js';
import { type Caller, Connection } from '../session/connection.js';
import { isNotRun, type Metadata } from '../wire/metadata.js';
import {
  type AnyClientCall,
  type ArgsOf,
  type CallContext,
  type ClientAnswer,
  type ClientInterceptor,
  chain,
  type MethodCallOptions,
  type Methods,
  type ResultOf,
} from './calls.js';
import { checkCredits, checked, type Entry, invalid, takeNone } from './entry.js';
import { clientMiddleware } from './middleware.js';

/** Options of a client. */
export interface ClientOptions<M extends Methods = Methods> {
  /** Run around every call, the first one outermost. */
  readonly interceptors?: readonly ClientInterceptor<M>[];
  /**
   * The same, but inside the interceptors. The default {@link clientMiddleware} carries deadlines, cancellation and traces.
   */
  readonly middleware?: readonly ClientInterceptor<M>[];
}

type OptionName = keyof MethodCallOptions;

const OPTIONS: ReadonlySet<string> = new Set<OptionName>(['signal', 'timeout', 'metadata', 'context', 'retry']);

type RequiredKeys<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? never : Key }[keyof T];

/**
 * True if a value of this type could be mistaken for the options of a call: it has an option's key, and needs no other key.
 */
type LooksLikeOptions<T> = unknown extends T
  ? true
  : T extends readonly unknown[] | Uint8Array
    ? false
    : T extends object
      ? string extends keyof T
        ? true
        : [keyof T] extends [never]
          ? true
          : [RequiredKeys<T>] extends [OptionName]
            ? [keyof T & OptionName] extends [never]
              ? false
              : true
            : false
      : false;

type Last<Args extends readonly unknown[]> =
  Required<Args> extends readonly [...unknown[], infer Value] ? Value : never;

/**
 * The parameters of a client's method: arguments and options. If the last argument looks like options, options are required.
 */
export type CallParameters<Args extends readonly unknown[]> = number extends Args['length']
  ? Args | [...Args, options: MethodCallOptions]
  : true extends LooksLikeOptions<Last<Args>>
    ? [...Args, options: MethodCallOptions | undefined]
    : [...Args, options?: MethodCallOptions];

/** A client of a service: its methods. `using` releases its share of the connection. */
export type Client<M extends Methods> = Disposable & {
  /**
   * Calls the method. Options follow its arguments: `{ signal, timeout, metadata, context }`.
   *
   * It rejects with ApplicationError when the method answers with the error that it declares, and with UnknownMethod,
   * InvalidPayload or Cancelled when the method does not answer. Otherwise it rejects as {@link Caller.call} does. Arguments
   * that can't be sent give InvalidArgument.
   */
  readonly [Name in keyof M]: (...args: CallParameters<ArgsOf<M[Name]>>) => Promise<ResultOf<M[Name]>>;
};

/** Errors that peers answered with, and the methods called. A handler that throws such an error does not answer with it. */
const answered = new WeakMap<Error, Entry>();

/** True if the error is a peer's answer to a call of ours. */
export function wasAnswered(error: unknown): boolean {
  return answered.has(error as Error);
}

/** True if the error is the one that this method declares, and answered with. */
export function isAnswerOf(entry: Entry, error: unknown): boolean {
  return error instanceof ApplicationError && answered.get(error) === entry;
}

/**
 * Returns the client's share of the connection, which makes its calls: its `connection`, and its `release()`.
 *
 * @throws InvalidArgument when `client` is no client of a service.
 */
export function callerOf(client: object): Caller {
  const caller = (client as Partial<ServiceClient> | undefined)?.[CALLER];
  if (caller === undefined) throw new InvalidArgument('callerOf takes a client, as the client() of a service gives');
  return caller;
}

/** @throws InvalidArgument that names the first wrong option. */
export function clientOptionsOf<M extends Methods>(options: ClientOptions<M>): Required<ClientOptions<M>> {
  objectOf(options, 'options');
  const { interceptors = [], middleware = clientMiddleware } = options;
  if (options.interceptors !== undefined) functionsOf(interceptors, 'interceptors');
  if (options.middleware !== undefined) functionsOf(middleware, 'middleware');
  return { interceptors, middleware };
}

// r[rpc.caller]
export function makeClient<M extends Methods>(
  entries: readonly Entry[],
  connection: Connection,
  options: ClientOptions<M>,
): Client<M> {
  if (!(connection instanceof Connection)) {
    throw new InvalidArgument('connection must be a connection, such as session.root');
  }
  const checkedOptions = clientOptionsOf(options);
  checkCredits(entries, connection.maxUnconsumed);
  return new ServiceClient(entries, connection.caller(), checkedOptions as never) as unknown as Client<M>;
}

const CALLER = Symbol('caller');

/** A client. Each connection has one, and most of its methods are not called soon: a method makes what it needs at its first call. */
class ServiceClient {
  /** No private field: a proxy of a client, and an object that inherits from one, have it, too. */
  declare readonly [CALLER]: Caller;

  constructor(entries: readonly Entry[], caller: Caller, { interceptors, middleware }: Required<ClientOptions>) {
    Object.defineProperty(this, CALLER, { value: caller });
    // A browser may not have the symbol, and a program may add it later.
    if (Symbol.dispose !== undefined && !(Symbol.dispose in this)) {
      Object.defineProperty(ServiceClient.prototype, Symbol.dispose, { value: dispose });
    }
    const all = [...interceptors, ...middleware];
    // Our own middleware does nothing for a call that has neither a timeout nor a context.
    const isPlain = interceptors.length === 0 && middleware === clientMiddleware;
    for (const entry of entries) {
      let resultOf: ReturnType<typeof resultsOf> | undefined;
      let through: ((call: AnyClientCall) => Promise<ClientAnswer>) | undefined;
      // Not assigned at once: V8 makes such a function in old memory, where it keeps the session until all memory is collected.
      const call = (...given: unknown[]): Promise<unknown> => {
        let options: MethodCallOptions | undefined;
        try {
          options = takeOptions(given);
        } catch (error) {
          return Promise.reject(errorOfCall(error as Error, 'no'));
        }
        resultOf ??= resultsOf(entry, caller);
        if (isPlain && options?.timeout === undefined && options?.context === undefined) {
          return send(caller, entry, given, options, resultOf);
        }
        const { service, name: method } = entry;
        const { metadata = [] } = options ?? {};
        through ??= throughOf(all as never, caller, entry, resultOf);
        const { connection } = caller;
        const value = valueThrough(through, { ...options, service, method, args: given, metadata, connection });
        if (passesChannel(given)) value.catch(() => {});
        return value;
      };
      (this as Record<string, unknown>)[entry.name] = call;
    }
  }
}

function dispose(this: ServiceClient): void {
  this[CALLER].release();
}

type Interceptor = (call: AnyClientCall, next: (call: AnyClientCall) => Promise<ClientAnswer>) => Promise<ClientAnswer>;

/** Returns the function that makes a call of a method through the interceptors. */
function throughOf(
  interceptors: readonly Interceptor[],
  caller: Caller,
  entry: Entry,
  resultOf: ReturnType<typeof resultsOf>,
): (call: AnyClientCall) => Promise<ClientAnswer> {
  const answerOf = async (result: CallResult): Promise<ClientAnswer> => ({
    value: await resultOf(result),
    metadata: result.metadata,
  });
  return chain(interceptors, ({ args, signal, timeout, metadata }: AnyClientCall) =>
    send(caller, entry, args, { signal, timeout, metadata }, answerOf),
  );
}

/** Removes the options from the end of the arguments, and returns them. */
export function takeOptions(given: unknown[]): MethodCallOptions | undefined {
  const last = given.at(-1);
  if (last === undefined) {
    // `undefined` in the last place stands for no options. As an argument it may be left out without a difference.
    given.pop();
    return undefined;
  }
  if (typeof last !== 'object' || last === null) return undefined;
  // Other objects are not enumerated, since they may have many keys: every byte of a Uint8Array is one.
  const prototype: unknown = Object.getPrototypeOf(last);
  if ((prototype !== Object.prototype && prototype !== null) || !hasOptions(last)) return undefined;
  given.pop();
  checkOptions(last);
  return last;
}

/** True if the object has keys, and all of them are options. */
function hasOptions(value: object): value is MethodCallOptions {
  let hasAny = false;
  for (const key in value) {
    if (!OPTIONS.has(key)) return false;
    hasAny = true;
  }
  return hasAny;
}

/** Checks the options that the call itself does not check, or checks too late. */
function checkOptions({ context, metadata, retry }: MethodCallOptions): void {
  if (retry !== undefined && typeof retry !== 'boolean') throw new InvalidArgument('retry must be true or false');
  if (metadata !== undefined) requireEntries(metadata);
  if (context === undefined) return;
  const { metadata: received }: Partial<CallContext> = context ?? {};
  if (!Array.isArray(received) || !('signal' in context)) {
    throw new InvalidArgument('context must be what withContext gives to a handler');
  }
}

async function valueThrough(
  through: (call: AnyClientCall) => Promise<ClientAnswer>,
  call: AnyClientCall,
): Promise<unknown> {
  const answer: unknown = await through(call);
  if (typeof answer !== 'object' || answer === null || !('value' in answer)) {
    const error = new InvalidArgument('an interceptor must return what next gives: { value, metadata }');
    throw errorOfCall(error, 'maybe');
  }
  return answer.value;
}

/** Not `async`: that would add two promises, which is much for a call of a few bytes. */
function send<T>(
  caller: Caller,
  entry: Entry,
  args: readonly unknown[],
  options: MethodCallOptions | undefined,
  make: (result: CallResult) => T | Promise<T>,
): Promise<T> {
  const ends: ChannelHandle[] = [];
  let called: Promise<CallResult>;
  try {
    const bytes = encoded(entry.payloads.encodeArgs(args, ends, true));
    if (options === undefined && ends.length === 0 && entry.credit === INITIAL_CREDIT) {
      called = caller.call(entry.id, bytes);
    } else {
      entry.pass(ends, 'client');
      called = caller.call(entry.id, bytes, callOptionsOf(entry, options, ends));
    }
  } catch (thrown) {
    const error = errorOfCall(thrown as Error, 'no');
    forgo(ends, error);
    return ends.length > 0 ? rejected(error) : Promise.reject(error);
  }
  const made = called.then(make);
  if (ends.length === 0) return made;
  const settled = made.catch((error: Error) => {
    letGo(ends, error);
    throw error;
  });
  // The channel ends report this failure too. The application may not await the call yet, so an empty handler prevents an
  // unhandled rejection.
  settled.catch(() => {});
  return settled;
}

/**
 * Ends the channels if the peer has answered with an error or never got the call. A call given up leaves its channels open.
 */
// r[rpc.cancel.channels]
function letGo(ends: readonly ChannelHandle[], error: Error): void {
  if (wasAnswered(error)) failAll(ends, error);
  else abandonAll(ends, error);
}

function callOptionsOf(
  { credit }: Entry,
  options: MethodCallOptions | undefined,
  ends: readonly ChannelHandle[],
): CallOptions {
  const { signal, timeout, metadata } = options ?? {};
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(metadata === undefined ? {} : { metadata }),
    channels: ends as unknown as NonNullable<CallOptions['channels']>,
    credit,
  };
}

/** Returns the function that makes the result of a call, or a promise of it, from the answer of the peer. */
function resultsOf(entry: Entry, caller: Caller): (result: CallResult) => unknown {
  return (result) => {
    const { ret, channels } = result;
    const ends: ChannelHandle[] = channels.length === 0 ? NO_ENDS : [];
    // An answer that can't be read does not say if the handler has run.
    let isRead = false;
    try {
      const outcome = entry.payloads.decodeOutcome(
        ret,
        channels.length === 0 ? takeNone : entry.taker(channels, ends, 'client'),
      );
      isRead = true;
      if (!(outcome instanceof Error) && entry.result === undefined) return outcome[1];
      const value =
        outcome instanceof Error
          ? raise(entry, outcome, result, caller)
          : checked(entry.result as StandardSchema, outcome[1], 'the result');
      return isThenable(value) ? value.then(undefined, (error: Error) => refuse(entry, ends, error)) : value;
    } catch (error) {
      return refuse(entry, ends, isRead ? (error as Error) : errorOfCall(invalid(error), 'maybe'));
    } finally {
      // Releases the channels that the answer names and its value does not contain.
      for (const channel of channels) channel.release();
    }
  };
}

/** Throws the error that the peer has answered with, or returns a promise that rejects with it. */
function raise(entry: Entry, outcome: Exclude<Outcome, readonly unknown[]>, { metadata }: CallResult, caller: Caller) {
  if (!(outcome instanceof ApplicationError)) {
    let error: Error = outcome;
    if (outcome instanceof UnknownMethod) {
      error = new UnknownMethod(`the peer does not know the method ${entry.service}.${entry.name}`);
    } else if (outcome instanceof Cancelled && caller.connection.isPeerDraining) {
      error = new Cancelled('peer', undefined, new Unavailable('the peer drains the session'));
    }
    throw errorOfCall(error, ranBy(error, metadata, caller));
  }
  if (entry.error === undefined) throw outcome;
  const declared = checked(entry.error, outcome.error, 'the error');
  if (!isThenable(declared)) throw new ApplicationError(declared);
  return declared.then((value): never => {
    throw new ApplicationError(value);
  });
}

/** Returns if the handler has run, by a peer's answer that is neither a result nor a declared error. */
function ranBy(outcome: Error, metadata: Metadata, { connection }: Caller): Ran {
  if (outcome instanceof Cancelled) return isNotRun(metadata) ? 'no' : 'maybe';
  if (outcome instanceof UnknownMethod) return 'no';
  // 9.12: such a peer answers so if its handler throws.
  return outcome instanceof InvalidPayload && !connection.answersOnRoot ? 'no' : 'maybe';
}

function refuse(entry: Entry, ends: readonly ChannelHandle[], error: Error): never {
  answered.set(error, entry);
  // The peer has answered, and the answer is an error that the method declares, or nothing that this side can read.
  if ((error as { ran?: Ran }).ran === undefined) errorOfCall(error, 'yes');
  failAll(ends, error);
  throw error;
}
