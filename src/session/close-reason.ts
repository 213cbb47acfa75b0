import type { HandshakeFailure, Outcome, SessionEnd } from '../../machines/events.js';
import {
  ConnectionClosed,
  ConnectionRejected,
  HandshakeError,
  InvalidArgument,
  KeepaliveError,
  LimitExceeded,
  LinkError,
  ProtocolError,
  Refused,
  type RoamError,
  SessionClosed,
} from '../base/errors.js';
import type { Limits } from '../base/limits.js';
import { drainingError } from '../calls/drain.js';

/** The reason for which a session ended, and the side that ended it. `session.closed` resolves with it. */
export interface SessionClosedReason {
  readonly cause: /** `shutdown()` was called. */
    | 'shutdown'
    /** The last caller of the root was released, and no virtual connection was left. */
    | 'released'
    /** A message came for the root, whose reader had left. */
    | 'abandoned'
    /** The peer ended the link, or closed the root. */
    | 'peer'
    /** The link broke, or could not send. */
    | 'link'
    /** The peer did not answer a Ping in time. */
    | 'keepalive'
    /** A rule was broken: by the peer (`error.side` is 'remote'), or by us as the peer says ('local'). */
    | 'protocol'
    /** A limit was reached that the session does not survive. */
    | 'limit'
    /** There never was a session. */
    | 'handshake'
    /** The actor was stopped from outside. */
    | 'stopped'
    /** A defect of ours, or of a codec or link that was passed in. */
    | 'crashed';
  readonly by: 'local' | 'peer';
  /** Absent where nothing went wrong: shutdown, released, abandoned, peer, stopped. */
  readonly error?: RoamError;
}

/**
 * Returns the reason in the application's terms, made from the output of the machine. For a session actor that a
 * statechart embeds, it is the reason with which `session.closed` resolves.
 */
export function reasonOf(end: SessionEnd): SessionClosedReason {
  switch (end.cause) {
    case 'shutdown':
    case 'released':
    case 'abandoned':
    case 'stopped':
      return { cause: end.cause, by: 'local' };
    case 'peer':
      return { cause: 'peer', by: 'peer' };
    case 'link':
      return { cause: 'link', by: 'peer', error: linkError(end.error) };
    case 'keepalive':
      return {
        cause: 'keepalive',
        by: 'local',
        error: new KeepaliveError(`the peer did not answer a Ping within ${end.pongTimeout} ms`),
      };
    case 'accused':
      return { cause: 'protocol', by: 'peer', error: new ProtocolError('local', end.description) };
    case 'violation':
      if (end.limit !== undefined) {
        return { cause: 'limit', by: 'local', error: new LimitExceeded(end.limit, end.description) };
      }
      return {
        cause: 'protocol',
        by: 'local',
        error: new ProtocolError('remote', `${end.rule}: ${end.description}`, end.rule),
      };
    case 'limit':
      return { cause: 'limit', by: 'local', error: new LimitExceeded(end.limit, LIMIT_TEXT[end.limit]) };
    case 'handshake':
      return { cause: 'handshake', by: 'local', error: handshakeError(end.failure) };
    case 'crashed':
      return { cause: 'crashed', by: 'local', error: new SessionClosed('local', end.error) };
  }
}

const LIMIT_TEXT: Record<Extract<SessionEnd, { cause: 'limit' }>['limit'], string> = {
  intakeBytes: 'the peer went on sending while reading was paused, past limits.intakeBytes',
  replyBytes: 'replies that the peer does not read went past limits.replyBytes',
  unreadTimeout: 'an inbox was full for limits.unreadTimeout, and was not read',
  stallTimeout: 'the outbox was full and made no progress for limits.stallTimeout: the peer does not read',
};

/** Returns the error with which `initiate` and `accept` reject when there is no session. */
function handshakeError({ message, error, rule, limit, refusal }: HandshakeFailure): HandshakeError {
  if (refusal !== undefined) return new HandshakeError(message, new Refused(refusal.reason, refusal.text));
  if (limit !== undefined) return new HandshakeError(message, new LimitExceeded(limit, message));
  if (rule !== undefined) return new HandshakeError(message, new ProtocolError('remote', `${rule}: ${message}`, rule));
  return new HandshakeError(message, error);
}

/** Returns the error with which `initiate` or `accept` rejects when the session ends before it is established. */
export function handshakeFailed(end: SessionEnd, reason: SessionClosedReason): HandshakeError {
  if (end.cause === 'handshake') return handshakeError(end.failure);
  const failure: HandshakeFailure = {
    message: `the session ended during the handshake: ${reason.cause}`,
    error: reason.error,
  };
  return handshakeError(failure);
}

/** Returns the error of all requests that waited when the session ended, or that come after its end. */
export function sessionClosed(reason: SessionClosedReason): SessionClosed {
  return new SessionClosed(reason.by, reason.error);
}

/**
 * Returns the error of a local request that failed. `reason` is the reason of an abort, and `service` the service that an
 * open was for.
 */
export function errorOf(
  outcome: Exclude<Outcome, { type: 'done' | 'ended' }>,
  limits: Limits,
  reason: unknown,
  service: string | undefined,
): RoamError {
  switch (outcome.type) {
    case 'rejected':
      return new ConnectionRejected(outcome.id, outcome.metadata, service);
    case 'closed': {
      const whom = outcome.by === 'local' ? 'us' : 'the peer';
      return new ConnectionClosed(outcome.by, `connection ${outcome.id} was closed by ${whom} before it was accepted`);
    }
    case 'aborted':
      return new ConnectionClosed('local', `the open of connection ${outcome.id} was aborted`, reason);
    case 'expired':
      return new LimitExceeded(
        'openTimeout',
        `the peer did not answer the open of connection ${outcome.id} within ${limits.openTimeout} ms`,
      );
    case 'draining':
      return drainingError(outcome.by);
    case 'limited':
      return new LimitExceeded('connections', `${limits.connections} connections are open already`);
    case 'invalid':
      return new InvalidArgument(outcome.message);
  }
}

function linkError(error: Error): LinkError {
  return error instanceof LinkError ? error : new LinkError(error.message, error);
}
