import { Cancelled, errorOfCall, LimitExceeded } from '../base/errors.js';
import { MAX_DELAY } from '../base/limits.js';
import { isThenable } from '../base/promise.js';
import { checkMetadata } from '../codec/metadata.js';
import { type Metadata, type MetadataEntry, propagated } from '../wire/metadata.js';
import type { AnyClientCall, ClientMiddleware, HandlerMiddleware } from './calls.js';

/** The metadata key of the time at which a caller gives up its call: an integer, milliseconds since 1970. */
const DEADLINE = 'request-deadline';

/** The metadata keys of the W3C's trace context; text, as in its headers. */
const TRACE_PARENT = 'traceparent';
const TRACE_STATE = 'tracestate';

/** Any version. Later versions may have more fields at the end. */
const TRACE_PARENT_FORM = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** The members and characters of a trace state that the W3C requires every platform to pass on. We pass on no more. */
const MAX_STATE_MEMBERS = 32;
const MAX_STATE_LENGTH = 512;

/** Longer members of the list are dropped first if the state is too long; in characters. */
const LONG_MEMBER = 128;

/** In characters; version 00 has 55. */
const MAX_PARENT_LENGTH = 512;

function entriesOf(metadata: Metadata, key: string): MetadataEntry[] {
  return metadata.filter((entry) => entry.key === key);
}

function deadlineOf(metadata: Metadata): number | undefined {
  const value = metadata.find(({ key }) => key === DEADLINE)?.value;
  return typeof value === 'bigint' ? Number(value) : undefined;
}

/** Gives up a call together with the call that it is made for. */
const carrySignal: ClientMiddleware = async (call, next) => {
  const { signal, context } = call;
  if (context === undefined) return next(call);
  return next({ ...call, signal: signal === undefined ? context.signal : AbortSignal.any([signal, context.signal]) });
};

/** Tells the peer the call's timeout. A call that is made for another one ends by the other's deadline. */
const carryDeadline: ClientMiddleware = async (call, next) => {
  const { timeout = Number.POSITIVE_INFINITY, context, metadata } = call;
  // r[rpc.metadata.flags.no-propagate]
  const inherited = context === undefined ? undefined : deadlineOf(propagated(context.metadata));
  const now = Date.now();
  const left = Math.min(timeout, (inherited ?? Number.POSITIVE_INFINITY) - now);
  if (left === Number.POSITIVE_INFINITY || entriesOf(metadata, DEADLINE).length > 0) return next(call);
  if (inherited !== undefined && left <= 0) {
    throw errorOfCall(new LimitExceeded('timeout', 'the call that this one is made for is past its deadline'), 'no');
  }
  // The call itself reports a wrong timeout.
  if (!(left >= 0)) return next(call);
  const deadline = Math.ceil(now + left);
  const entry: MetadataEntry = { key: DEADLINE, value: BigInt(deadline), flags: 0n };
  // A deadline from a peer must not make the call fail. Without room for the entry, only our side keeps it.
  const isTold = inherited === undefined || fits(call, [entry]);
  const within = inherited === undefined ? timeout : Math.min(left, MAX_DELAY);
  try {
    return await next({ ...call, timeout: within, metadata: isTold ? [...metadata, entry] : metadata });
  } catch (error) {
    // The peer applies the same deadline, and may report it first.
    if (!(error instanceof Cancelled) || error.by !== 'peer' || Date.now() < deadline) throw error;
    throw errorOfCall(
      new LimitExceeded('timeout', `the call was not answered within ${within} ms`),
      error.ran ?? 'maybe',
    );
  }
};

/** Adds a call that is made for another one to the trace of that call, unless its metadata has a trace already. */
const carryTrace: ClientMiddleware = async (call, next) => {
  const { context, metadata } = call;
  if (context === undefined || entriesOf(metadata, TRACE_PARENT).length > 0) return next(call);
  // r[rpc.metadata.flags.no-propagate]
  const carried = propagated(context.metadata);
  const [parent, ...others] = entriesOf(carried, TRACE_PARENT);
  // By the W3C's rules, a state without exactly one valid parent has no meaning.
  if (typeof parent?.value !== 'string' || others.length > 0 || !TRACE_PARENT_FORM.test(parent.value))
    return next(call);
  if (parent.value.length > MAX_PARENT_LENGTH || !fits(call, [parent])) return next(call);
  const entries = entriesOf(carried, TRACE_STATE);
  const state = newestOf(entries);
  // As several entries, or as one entry with the same content.
  const joined = state.length > 0 ? [{ ...(state[0] as MetadataEntry), value: textsIn(state).join() }] : [];
  const trace = [state, joined].find((each) => fits(call, [parent, ...each])) ?? [];
  return next({ ...call, metadata: [...metadata, parent, ...trace] });
};

/** True if a call has room for more entries. They come from a peer, so they must not make the call fail. */
function fits({ metadata, connection }: AnyClientCall, more: Metadata): boolean {
  try {
    checkMetadata([...metadata, ...more], 'metadata', connection.limits);
    return true;
  } catch {
    return false;
  }
}

function textsIn(entries: Metadata): string[] {
  return entries.flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
}

/**
 * Returns a trace state within the W3C's limits. A state within them is returned unchanged. Otherwise the result is one
 * entry with the newest members, which come first in the list. If there are too many characters, long members are dropped
 * before any others.
 */
function newestOf(entries: readonly MetadataEntry[]): readonly MetadataEntry[] {
  const texts = textsIn(entries);
  const members = texts
    .flatMap((text) => text.split(','))
    .map((member) => member.trim())
    .filter((member) => member !== '' && /^[\x20-\x7e]+$/.test(member));
  const length = texts.join().length;
  if (members.length <= MAX_STATE_MEMBERS && length <= MAX_STATE_LENGTH) {
    return entries.filter(({ value }) => typeof value === 'string');
  }
  let left = MAX_STATE_LENGTH;
  const kept: string[] = [];
  for (const member of length > MAX_STATE_LENGTH ? members.filter((each) => each.length <= LONG_MEMBER) : members) {
    if (kept.length === MAX_STATE_MEMBERS || member.length > left) break;
    kept.push(member);
    // One more for the comma.
    left -= member.length + 1;
  }
  const [first] = entries;
  return first === undefined || kept.length === 0 ? [] : [{ ...first, value: kept.join() }];
}

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
  // Longer than a timer can run, and than any call takes.
  const stopTimer = left > MAX_DELAY ? undefined : call.connection.after(Math.max(0, left), expire);
  // Also after the caller has given up: the handler may be at work for ever.
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

/**
 * The default middleware of clients: calls share the cancellation, deadline and trace of their context; the peer gets
 * timeouts.
 */
export const clientMiddleware: readonly ClientMiddleware[] = [carrySignal, carryDeadline, carryTrace];

/** The default middleware of handlers: it applies the caller's deadline. */
export const handlerMiddleware: readonly HandlerMiddleware[] = [keepDeadline];
