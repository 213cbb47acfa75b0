import { isThenable } from '../deferred.js';
import { Cancelled, LimitExceeded } from '../errors.js';
import { MAX_DELAY } from '../limits.js';
import { type Metadata, type MetadataEntry, propagated } from '../wire/metadata.js';
import type { ClientMiddleware, HandlerMiddleware } from './calls.js';

/** The metadata key of when a caller gives its call up: an integer, milliseconds since 1970. */
const DEADLINE = 'request-deadline';

/** The metadata keys of the W3C's trace context; text, as in its headers. */
const TRACE_PARENT = 'traceparent';
const TRACE_STATE = 'tracestate';

/** Any version, also a later one, which may have more behind it. */
const TRACE_PARENT_FORM = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

function entriesOf(metadata: Metadata, key: string): MetadataEntry[] {
  return metadata.filter((entry) => entry.key === key);
}

function deadlineOf(metadata: Metadata): number | undefined {
  const value = metadata.find(({ key }) => key === DEADLINE)?.value;
  return typeof value === 'bigint' ? Number(value) : undefined;
}

/** A call that is made for another one is given up with that. */
const carrySignal: ClientMiddleware = async (call, next) => {
  const { signal, context } = call;
  if (context === undefined) return next(call);
  return next({ ...call, signal: signal === undefined ? context.signal : AbortSignal.any([signal, context.signal]) });
};

/** Tells the peer of the call's timeout; a call that is made for another one takes no longer than that. */
const carryDeadline: ClientMiddleware = async (call, next) => {
  const { timeout = Number.POSITIVE_INFINITY, context, metadata } = call;
  // r[rpc.metadata.flags.no-propagate]
  const inherited = context === undefined ? undefined : deadlineOf(propagated(context.metadata));
  const now = Date.now();
  const left = Math.min(timeout, (inherited ?? Number.POSITIVE_INFINITY) - now);
  if (left === Number.POSITIVE_INFINITY || entriesOf(metadata, DEADLINE).length > 0) return next(call);
  if (inherited !== undefined && left <= 0) {
    throw new LimitExceeded('timeout', 'the call that this one is made for is past its deadline');
  }
  // What is wrong with a timeout is said where the call is made.
  if (!(left >= 0)) return next(call);
  const deadline = Math.ceil(now + left);
  const entry: MetadataEntry = { key: DEADLINE, value: BigInt(deadline), flags: 0n };
  const within = inherited === undefined ? timeout : Math.min(left, MAX_DELAY);
  try {
    return await next({ ...call, timeout: within, metadata: [...metadata, entry] });
  } catch (error) {
    // The peer keeps the same time, and may be the first to say so.
    if (!(error instanceof Cancelled) || error.by !== 'peer' || Date.now() < deadline) throw error;
    // biome-ignore lint/style/useErrorCause: it says nothing more.
    throw new LimitExceeded('timeout', `the call was not answered within ${within} ms`);
  }
};

/** A call that is made for another one belongs to the same trace, unless it says which it belongs to. */
const carryTrace: ClientMiddleware = async (call, next) => {
  const { context, metadata } = call;
  if (context === undefined || entriesOf(metadata, TRACE_PARENT).length > 0) return next(call);
  // r[rpc.metadata.flags.no-propagate]
  const carried = propagated(context.metadata);
  const [parent, ...others] = entriesOf(carried, TRACE_PARENT);
  // As the W3C has it: without one valid parent the state means nothing.
  if (typeof parent?.value !== 'string' || others.length > 0 || !TRACE_PARENT_FORM.test(parent.value))
    return next(call);
  return next({ ...call, metadata: [...metadata, parent, ...entriesOf(carried, TRACE_STATE)] });
};

/** Aborts the handler's signal when the caller's deadline has passed. */
const keepDeadline: HandlerMiddleware = (call, next) => {
  const deadline = deadlineOf(call.metadata);
  if (deadline === undefined) return next(call);
  const controller = new AbortController();
  const abort = (): void => {
    stop();
    controller.abort(call.signal.reason);
  };
  const expire = (): void => controller.abort(new Cancelled('peer', 'the deadline of the caller has passed'));
  const left = deadline - Date.now();
  // Longer than any timer runs, and than any call is waited for.
  const stopTimer = left > MAX_DELAY ? undefined : call.connection.after(Math.max(0, left), expire);
  // Also when nobody waits any more, since a handler may be at work for ever.
  const stop = (): void => {
    stopTimer?.();
    call.signal.removeEventListener('abort', abort);
  };
  if (call.signal.aborted) abort();
  else call.signal.addEventListener('abort', abort, { once: true });
  let isLater = false;
  try {
    const answer = next({ ...call, deadline, signal: controller.signal });
    isLater = isThenable(answer);
    return isThenable(answer) ? Promise.resolve(answer).finally(stop) : answer;
  } finally {
    if (!isLater) stop();
  }
};

/** What a client does by default: calls made for another one share its cancellation, deadline and trace; and the peer hears of a timeout. */
export const clientMiddleware: readonly ClientMiddleware[] = [carrySignal, carryDeadline, carryTrace];

/** What a handler does by default: it keeps the caller's deadline. */
export const handlerMiddleware: readonly HandlerMiddleware[] = [keepDeadline];
