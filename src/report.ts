import type { ConnectionId } from './wire/id.js';

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

/** So many reports of a kind are told within so many milliseconds. */
const MOST = 10;
const WITHIN_MS = 60_000;

/** A time that has begun with a report of one kind. */
interface Span {
  readonly since: number;
  count: number;
}

/**
 * Tells of each kind so often at most, and then how many it has left out. A peer can set off a report by every message, each
 * with a stack: what is written where nobody empties it must not grow as fast as that. Reports of all sessions count together,
 * since a peer may as well begin another one.
 */
export function sparing(tell: (report: Report) => void, now = () => performance.now()): (report: Report) => void {
  const spans = new Map<Report['kind'], Span>();
  return (report) => {
    const { kind } = report;
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
    tell({ ...report, message: `${report.message}${note}` });
  };
}

/** Where reports go unless the user says otherwise. */
export const warn = sparing(({ message, error }) => {
  // biome-ignore lint/suspicious/noConsole: whoever wants it elsewhere gives onReport.
  console.warn(`roam-actors: ${message}`, ...(error === undefined ? [] : [error]));
});
