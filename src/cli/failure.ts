import { excerpt, stackOf } from '../base/printable.js';
import {
  type ConnectionClosedReason,
  ConnectionRejected,
  type ErrorCode,
  LinkError,
  type RoamError,
  SessionClosed,
  type SessionClosedReason,
} from '../index.js';
import { REASON, SERVICE } from '../wire/metadata.js';
import { formatMetadata } from './metadata.js';

/** The command was called wrongly: exit status 2. */
export class UsageError extends Error {}

/**
 * An expected error: the command prints one line on stderr without a stack, and exits with status 1 unless `status` says
 * otherwise.
 */
export class Failure extends Error {
  readonly status: number;

  constructor(message: string, { status = FAILURE, ...options }: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options);
    this.status = status;
  }
}

const USAGE = 2;
const FAILURE = 1;

/** The exit status of `call` for each kind of response that is no result. */
export const ANSWERED = { application: 3, 'unknown-method': 4, 'invalid-payload': 5, cancelled: 6 } as const;

/** The codes of our errors, except 'invalid-argument', which is a wrong use of the command. */
const OURS: ReadonlySet<string> = new Set<Exclude<ErrorCode, 'invalid-argument'>>([
  'protocol',
  'link',
  'handshake',
  'keepalive',
  'rejected',
  'limit',
  'connection-closed',
  'session-closed',
  'application',
  'unknown-method',
  'invalid-payload',
  'cancelled',
  'channel-closed',
]);

/**
 * Returns the line to print for an error, and the exit status. An error of an unknown kind is a defect of ours and keeps its
 * stack.
 */
export function verdictOn(error: unknown): { line: string; status: number } {
  const { code = '', message = '' } = (error ?? {}) as { code?: unknown; message?: string };
  // Node's messages on arguments end with advice. Their first sentence says what is wrong.
  if (String(code).startsWith('ERR_PARSE_ARGS_'))
    return { line: lower(message.split(/\. |\.?\n/)[0] ?? ''), status: USAGE };
  if (error instanceof UsageError || code === 'invalid-argument') return { line: message, status: USAGE };
  if (error instanceof Failure) return { line: textOf(error), status: error.status };
  if (isOurs(error)) return { line: textOf(error), status: FAILURE };
  return { line: stackOf(error), status: FAILURE };
}

/** Returns a text for people that says why a session ended. */
export function endOf({ cause, by, error }: SessionClosedReason): string {
  if (error !== undefined) return textOf(error);
  if (cause === 'peer') return 'the peer ended it';
  return by === 'local' ? `${cause} on our side` : `${cause} by the peer`;
}

/** Returns a text that says which side closed a connection, with the metadata of the Close. */
export function closeOf({ by, metadata }: ConnectionClosedReason): string {
  const whom = { local: 'us', peer: 'the peer', session: 'the end of the session' }[by];
  return metadata.length === 0 ? whom : `${whom} ${formatMetadata(metadata)}`;
}

function isOurs(error: unknown): error is RoamError {
  return error instanceof Error && OURS.has((error as Partial<RoamError>).code ?? '');
}

/**
 * Returns an error's text as one printable line. The cause's text follows, unless the error's text already has it in these
 * words or others.
 */
function textOf(error: Error): string {
  const { message, cause } = error;
  if (error instanceof SessionClosed && cause === undefined && error.by === 'peer') return 'the peer ended the session';
  // The message quotes the reason, and the service that it is about.
  const rest =
    error instanceof ConnectionRejected
      ? error.metadata.filter(({ key, value }) => typeof value !== 'string' || (key !== REASON && key !== SERVICE))
      : [];
  const text = rest.length === 0 ? message : `${message}: ${formatMetadata(rest)}`;
  const isTold = error instanceof LinkError || !(cause instanceof Error) || text.includes(cause.message);
  const more = isTold ? text : `${text}: ${cause.message}`;
  return excerpt(more.replace(/\s*\n\s*/g, ' '));
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
