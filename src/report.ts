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

/** Where reports go unless the user says otherwise. */
export function warn({ message, error }: Report): void {
  // biome-ignore lint/suspicious/noConsole: whoever wants it elsewhere gives onReport.
  console.warn(`roam-actors: ${message}`, ...(error === undefined ? [] : [error]));
}
