import type { ConnectionId } from '../wire/id.js';
import { stackOf } from './printable.js';

/** An event that the application should know of. It ends nothing by itself. */
export interface Report {
  readonly kind: /** `onConnection` threw, rejected, answered wrongly or took too long; the open was rejected. */
    | 'acceptor-failed'
    /** `authenticate` threw or took too long; the peer was refused as `unavailable`. */
    | 'authenticate-failed'
    /** The setup of an accepted connection threw. The connection was closed. */
    | 'setup-failed'
    /** A handler threw, rejected, answered wrongly, or its answer could not be sent; the caller was answered `Cancelled`. */
    | 'handler-failed'
    /** A caller's arguments were malformed, or a schema refused them; the caller was answered `InvalidPayload`. */
    | 'arguments-refused'
    /** A listener threw. */
    | 'listener-failed'
    /** The keepalive's times are not positive: there is no keepalive. */
    | 'keepalive-disabled'
    /** The peer closed the root connection, which it must not; the session ends. */
    | 'root-closed-by-peer';
  readonly message: string;
  /** The connection of the report. */
  readonly id?: ConnectionId;
  /** The thrown value. */
  readonly error?: unknown;
}

/** At most so many messages of a kind are told within so many milliseconds. */
const MOST = 10;
const WITHIN_MS = 60_000;

/** A span of time that began with a message of one kind. */
interface Span {
  readonly since: number;
  count: number;
}

/**
 * Limits the calls of `tell` for each kind, and adds the number of messages that were left out. A peer can cause a report,
 * or a line of a log, with every message that it sends. A log that is never emptied must not grow as fast as that. The
 * messages of all sessions count together, since a peer may begin another session.
 */
export function sparing<T extends { readonly kind: string; readonly message: string }>(
  tell: (told: T) => void,
  now = () => performance.now(),
): (told: T) => void {
  const spans = new Map<string, Span>();
  return (told) => {
    const { kind } = told;
    const before = spans.get(kind);
    let span = before;
    let note = '';
    if (span === undefined || now() - span.since >= WITHIN_MS) {
      span = { since: now(), count: 0 };
      spans.set(kind, span);
      const left = (before?.count ?? 0) - MOST;
      if (left > 0) note = ` (${left} more of this kind before it were only counted)`;
    }
    span.count++;
    if (span.count > MOST) return;
    if (span.count === MOST) note = ' (what more of this kind comes within the minute is only counted)';
    tell({ ...told, message: `${told.message}${note}` });
  };
}

/** The default of `onReport`. */
export const warn = sparing<Report>(({ message, error }) => {
  // biome-ignore lint/suspicious/noConsole: the option onReport sends reports elsewhere.
  console.warn(`roam-actors: ${message}${error === undefined ? '' : `: ${stackOf(error)}`}`);
});
