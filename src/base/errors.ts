import type { ConnectionId } from '../wire/id.js';
import type { Metadata } from '../wire/metadata.js';
import type { Rule } from '../wire/rule.js';
import { excerpt } from './printable.js';

/** What kind of error it is; a `switch` over it is exhaustive by type. */
export type ErrorCode = RoamError['code'];

/** Every error of this library. */
export type RoamError =
  | ProtocolError
  | LinkError
  | HandshakeError
  | KeepaliveError
  | ConnectionRejected
  | ConnectionClosed
  | SessionClosed
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
 * The base of all errors of this library. `code` and `instanceof` both tell them apart. A peer may have written a part of the
 * text: `message` has at most 512 characters of it, control and bidirectional characters spelled out as in `\u001b`.
 */
abstract class BaseError<Code extends string> extends Error {
  readonly code: Code;
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
 * The protocol was broken: by the peer (`side: 'remote'`, with the rule), or by us as the peer says in a ProtocolError
 * message (`side: 'local'`; `rule` is then undefined, and `fullMessage` is the peer's description as it came).
 */
export class ProtocolError extends BaseError<'protocol'> {
  readonly side: 'local' | 'remote';
  readonly rule: Rule | undefined;
  /** The limit of ours that a message went over, where that is what is wrong with it. */
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

/** The handshake failed; `cause` has the error beneath it, where there is one. */
export class HandshakeError extends BaseError<'handshake'> {
  constructor(message: string, cause?: unknown) {
    super('HandshakeError', 'handshake', message, cause);
  }
}

/** The peer answered no Ping in time. */
export class KeepaliveError extends BaseError<'keepalive'> {
  constructor(message: string) {
    super('KeepaliveError', 'keepalive', message);
  }
}

/** The peer rejected our open. */
export class ConnectionRejected extends BaseError<'rejected'> {
  /** The whole of the Reject's metadata. Not enumerable, so that no logger walks into it. */
  declare readonly metadata: Metadata;

  constructor(id: ConnectionId, metadata: Metadata) {
    super('ConnectionRejected', 'rejected', `connection ${String(id)} was rejected by the peer`);
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

/** The session has ended; `cause` says why, where an error ended it. */
export class SessionClosed extends BaseError<'session-closed'> {
  readonly by: 'local' | 'peer';

  constructor(by: 'local' | 'peer', cause?: unknown) {
    super('SessionClosed', 'session-closed', 'session closed', cause);
    this.by = by;
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

/** An argument is wrong; thrown at once, and nothing was sent. */
export class InvalidArgument extends BaseError<'invalid-argument'> {
  constructor(message: string, cause?: unknown) {
    super('InvalidArgument', 'invalid-argument', message, cause);
  }
}

/** The method ran, and answered with an error of the application's own. `[rpc.fallible.roam-error]` */
export class ApplicationError<E = unknown> extends BaseError<'application'> {
  /** What the method answered with. Not enumerable, so that no logger walks into it. */
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

/** Arguments or a result could not be decoded, or are not what the service says. */
export class InvalidPayload extends BaseError<'invalid-payload'> {
  constructor(message = 'the peer could not make sense of the arguments', cause?: unknown) {
    super('InvalidPayload', 'invalid-payload', message, cause);
  }
}

/**
 * The call came to nothing: we gave it up (`by: 'local'`, with the signal's reason as `cause`), or the peer did. It may
 * have had its effect all the same.
 */
export class Cancelled extends BaseError<'cancelled'> {
  readonly by: 'local' | 'peer';

  constructor(by: 'local' | 'peer', message = 'the peer did not finish the call', cause?: unknown) {
    super('Cancelled', 'cancelled', message, cause);
    this.by = by;
  }
}

/** The channel has ended, or was reset: by us, or by the peer, with its metadata. */
export class ChannelClosed extends BaseError<'channel-closed'> {
  readonly by: 'local' | 'peer';
  /** That of the Close or the Reset. Not enumerable, so that no logger walks into it. */
  declare readonly metadata: Metadata;

  constructor(by: 'local' | 'peer', message: string, metadata: Metadata = []) {
    super('ChannelClosed', 'channel-closed', message);
    this.by = by;
    Object.defineProperty(this, 'metadata', { value: metadata });
  }
}
