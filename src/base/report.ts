import type { ConnectionId } from '../wire/id.js';
import { stackOf } from './printable.js';

/** Something that the user should know of, and that ends nothing by itself. */
export interface Report {
  readonly kind: /** `onConnection` threw, rejected, answered wrongly or took too long; the open was rejected. */
    | 'acceptor-failed'
    /** The setup of an accepted connection threw; the connection was closed. */
    | 'setup-failed'
    /** A handler threw, rejected, answered wrongly, or its answer could not be sent; the caller was answered `Cancelled`. */
    | 'handler-failed'
    /** A caller's arguments were malformed, or a schema refused them; the caller was answered `InvalidPayload`. */
    | 'arguments-refused'
    /** A listener threw. */
    | 'listener-failed'
    /** The keepalive's times are not positive: there is none. */
    | 'keepalive-disabled'
    /** The peer closed the root connection, which it must not; the session ends. */
    | 'root-closed-by-peer';
  readonly message: string;
  /** The connection that it is about. */
  readonly id?: ConnectionId;
  /** What was thrown. */
  readonly error?: unknown;
}

/** So many messages of a kind are told within so many milliseconds. */
const MOST = 10;
const WITHIN_MS = 60_000;

/** A time that has begun with a message of one kind. */
interface Span {
  readonly since: number;
  count: number;
}

/**
 * Limits how often `tell` is called for each kind, and adds how many messages were left out. A peer can cause a report, or a
 * line of a log, by every message that it sends: a log that is never emptied must not grow as fast as that. Messages of all
 * sessions count together, since a peer may as well begin another session.
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

/** Where reports go unless the user says otherwise. */
export const warn = sparing<Report>(({ message, error }) => {
  // biome-ignore lint/suspicious/noConsole: whoever wants it elsewhere gives onReport.
  console.warn(`roam-actors: ${message}${error === undefined ? '' : `: ${stackOf(error)}`}`);
});
