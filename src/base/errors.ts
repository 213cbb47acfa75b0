import type { ConnectionId } from '../wire/id.js';
import { type Metadata, REASON } from '../wire/metadata.js';
import type { RefusalReason } from '../wire/refusal.js';
import type { Rule } from '../wire/rule.js';
import { excerpt } from './printable.js';

/** The characters of a peer's reason, or of a service's name, that the text of an error quotes. */
const MAX_QUOTED = 100;

/** The kind of an error; a `switch` over it is exhaustive by type. */
export type ErrorCode = RoamError['code'];

/** Every error of this library. */
export type RoamError =
  | ProtocolError
  | LinkError
  | HandshakeError
  | Refused
  | KeepaliveError
  | ConnectionRejected
  | ConnectionClosed
  | SessionClosed
  | Unavailable
  | LimitExceeded
  | InvalidArgument
  | ApplicationError
  | UnknownMethod
  | InvalidPayload
  | Cancelled
  | ChannelClosed;

/** Why a connection is closed: we closed it, the peer did, or the session ended. */
export type ClosedBy = 'local' | 'peer' | 'session';

/**
 * Says of a call that failed if its handler has run. `'no'`: the call never left, or the peer refused it before its handler.
 * `'yes'`: the handler answered. `'maybe'`: the call left, and no answer tells.
 */
export type Ran = 'no' | 'maybe' | 'yes';

/**
 * The base of all errors of this library. `code` and `instanceof` both tell them apart. A peer may have written a part of the
 * text: `message` has at most 512 characters of it, control and bidirectional characters spelled out as in `\u001b`.
 */
abstract class BaseError<Code extends string> extends Error {
  readonly code: Code;
  /** For the error of a call: if its handler has run. Undefined for other errors. */
  declare readonly ran?: Ran;
  /** The text before it was cut and escaped. Not enumerable, so that no logger prints it. */
  declare readonly fullMessage: string;

  // By the literal, not by the class: a bundler may rename that.
  constructor(name: string, code: Code, message: string, cause?: unknown) {
    super(excerpt(message), cause === undefined ? undefined : { cause });
    Object.defineProperty(this, 'fullMessage', { value: message });
    this.name = name;
    this.code = code;
  }
}

/**
 * A side broke the protocol. `side: 'remote'`: the peer did, and `rule` is the rule. `side: 'local'`: the peer says in a
 * ProtocolError message that we did; `rule` is then undefined, and `fullMessage` is the peer's description as it came.
 */
export class ProtocolError extends BaseError<'protocol'> {
  readonly side: 'local' | 'remote';
  readonly rule: Rule | undefined;
  /** Our limit that a message exceeded, if that is the violation. */
  readonly limit: string | undefined;

  constructor(side: 'local' | 'remote', message: string, rule?: Rule, limit?: string) {
    super('ProtocolError', 'protocol', message);
    this.side = side;
    this.rule = rule;
    this.limit = limit;
  }
}

/** The link broke, could not send, or was used wrongly by the peer. */
export class LinkError extends BaseError<'link'> {
  constructor(message: string, cause?: unknown) {
    super('LinkError', 'link', message, cause);
  }
}

/** The handshake failed. `cause` has the underlying error, if there is one. */
export class HandshakeError extends BaseError<'handshake'> {
  constructor(message: string, cause?: unknown) {
    super('HandshakeError', 'handshake', message, cause);
  }
}

/**
 * An acceptor refuses a peer in the handshake: the cause of a HandshakeError on both sides. `reason` is for a program, the text
 * for a person. It is the text that the acceptor's `authenticate` gave to `refuse`.
 */
export class Refused extends BaseError<'refused'> {
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, text: string) {
    super('Refused', 'refused', text);
    this.reason = reason;
  }
}

/** The peer did not answer a Ping in time. */
export class KeepaliveError extends BaseError<'keepalive'> {
  constructor(message: string) {
    super('KeepaliveError', 'keepalive', message);
  }
}

/** The peer rejected our open. */
export class ConnectionRejected extends BaseError<'rejected'> {
  /** All metadata of the Reject. Not enumerable, so that loggers do not print it. */
  declare readonly metadata: Metadata;

  /** `service` is the service that the connection was to be for. The text quotes it, and the peer's `reason`. */
  constructor(id: ConnectionId, metadata: Metadata, service?: string) {
    const whose = service === undefined ? '' : ` for the service ${excerpt(service, MAX_QUOTED)}`;
    const reason = metadata.find(({ key }) => key === REASON)?.value;
    const why = typeof reason === 'string' ? `: ${excerpt(reason, MAX_QUOTED)}` : '';
    super('ConnectionRejected', 'rejected', `connection ${String(id)}${whose} was rejected by the peer${why}`);
    Object.defineProperty(this, 'metadata', { value: metadata });
  }
}

/** The connection is closed. */
export class ConnectionClosed extends BaseError<'connection-closed'> {
  readonly by: ClosedBy;

  constructor(by: ClosedBy, message: string, cause?: unknown) {
    super('ConnectionClosed', 'connection-closed', message, cause);
    this.by = by;
  }
}

/** The session has ended. `cause` is the error that ended it, if there was one. */
export class SessionClosed extends BaseError<'session-closed'> {
  readonly by: 'local' | 'peer';

  constructor(by: 'local' | 'peer', cause?: unknown) {
    super('SessionClosed', 'session-closed', 'session closed', cause);
    this.by = by;
  }
}

/**
 * There is no session for the call or the open, which has not left: a client made by `connect` has given up (`cause` is the error
 * of the last attempt), or the session is being drained.
 */
export class Unavailable extends BaseError<'unavailable'> {
  constructor(message: string, cause?: unknown) {
    super('Unavailable', 'unavailable', message, cause);
  }
}

/** A limit was reached; `limit` is the name of the option that sets it. */
export class LimitExceeded extends BaseError<'limit'> {
  readonly limit: string;

  constructor(limit: string, message: string) {
    super('LimitExceeded', 'limit', message);
    this.limit = limit;
  }
}

/** An argument is wrong. Thrown at once; nothing was sent. */
export class InvalidArgument extends BaseError<'invalid-argument'> {
  constructor(message: string, cause?: unknown) {
    super('InvalidArgument', 'invalid-argument', message, cause);
  }
}

/** The method ran, and answered with an error that the application declares. `[rpc.fallible.roam-error]` */
export class ApplicationError<E = unknown> extends BaseError<'application'> {
  /** The error of the method. Not enumerable, so that loggers do not print it. */
  declare readonly error: E;

  constructor(error: E, message = 'the method answered with an error') {
    super('ApplicationError', 'application', message);
    Object.defineProperty(this, 'error', { value: error });
  }
}

/** The peer has no such method: calling again will not help. `[rpc.unknown-method]` */
export class UnknownMethod extends BaseError<'unknown-method'> {
  constructor(message = 'the peer does not know the method') {
    super('UnknownMethod', 'unknown-method', message);
  }
}

/** Arguments or a result could not be decoded, or do not have the type that the service declares. */
export class InvalidPayload extends BaseError<'invalid-payload'> {
  constructor(message = 'the peer could not make sense of the arguments', cause?: unknown) {
    super('InvalidPayload', 'invalid-payload', message, cause);
  }
}

/**
 * The call has no result: we gave it up (`by: 'local'`, with the signal's reason as `cause`), or the peer did; `cause` is an
 * Unavailable if it drains the session. The method may have taken effect all the same.
 */
export class Cancelled extends BaseError<'cancelled'> {
  readonly by: 'local' | 'peer';

  constructor(by: 'local' | 'peer', message = 'the peer did not finish the call', cause?: unknown) {
    super('Cancelled', 'cancelled', message, cause);
    this.by = by;
  }
}

/** The channel has ended, or was reset, by us or by the peer. The peer's metadata comes with it. */
export class ChannelClosed extends BaseError<'channel-closed'> {
  readonly by: 'local' | 'peer';
  /** The metadata of the Close or the Reset. Not enumerable, so that loggers do not print it. */
  declare readonly metadata: Metadata;

  constructor(by: 'local' | 'peer', message: string, metadata: Metadata = []) {
    super('ChannelClosed', 'channel-closed', message);
    this.by = by;
    Object.defineProperty(this, 'metadata', { value: metadata });
  }
}

/**
 * True if a channel, connection or session came to an end that this side did not choose, and the error tells of it: the same
 * work may succeed in another session. False for an end by this side's own `close`, `release` or `shutdown`.
 */
export function isLost(error: unknown): boolean {
  if (error instanceof LinkError) return true;
  if (error instanceof SessionClosed) return error.by === 'peer' || error.cause !== undefined;
  if (error instanceof ConnectionClosed && error.by === 'session') return isLost(error.cause);
  // The peer drains the session, and its time for the call is over.
  if (error instanceof Cancelled) return error.by === 'peer' && error.cause instanceof Unavailable;
  return (error instanceof ConnectionClosed || error instanceof ChannelClosed) && error.by === 'peer';
}

/**
 * Returns the error of one call. Several calls may fail with the same end, and differ in `ran`, so each gets a copy of an
 * error that tells of an end.
 */
export function errorOfCall(error: Error, ran: Ran): Error {
  let own = error;
  if (error instanceof SessionClosed) own = new SessionClosed(error.by, error.cause);
  else if (error instanceof ConnectionClosed) own = new ConnectionClosed(error.by, error.fullMessage, error.cause);
  else if (error instanceof LinkError) own = new LinkError(error.fullMessage, error.cause);
  if (own instanceof BaseError) Object.defineProperty(own, 'ran', { value: ran, enumerable: true, configurable: true });
  return own;
}
