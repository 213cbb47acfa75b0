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
import { formatMetadata } from './metadata.js';

/** The command was called wrongly: exit status 2. */
export class UsageError extends Error {}

/** What was to be expected now and then: one line on stderr, exit status 1 unless it has another, and no stack. */
export class Failure extends Error {
  readonly status: number;

  constructor(message: string, { status = FAILURE, ...options }: ErrorOptions & { readonly status?: number } = {}) {
    super(message, options);
    this.status = status;
  }
}

const USAGE = 2;
const FAILURE = 1;

/** What `call` exits with for each way in which a peer answers without a result. */
export const ANSWERED = { application: 3, 'unknown-method': 4, 'invalid-payload': 5, cancelled: 6 } as const;

/** All but 'invalid-argument', which is a wrong use of the command. */
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

/** The line to print for an error, and the status to exit with. What is nobody's fault but ours keeps its stack. */
export function verdictOn(error: unknown): { line: string; status: number } {
  const { code = '', message = '' } = (error ?? {}) as { code?: unknown; message?: string };
  // Node's own messages on arguments go on with advice; the first sentence says what is wrong.
  if (String(code).startsWith('ERR_PARSE_ARGS_'))
    return { line: lower(message.split(/\. |\.?\n/)[0] ?? ''), status: USAGE };
  if (error instanceof UsageError || code === 'invalid-argument') return { line: message, status: USAGE };
  if (error instanceof Failure) return { line: textOf(error), status: error.status };
  if (isOurs(error)) return { line: textOf(error), status: FAILURE };
  return { line: stackOf(error), status: FAILURE };
}

/** Why a session ended, to be read by people. */
export function endOf({ cause, by, error }: SessionClosedReason): string {
  if (error !== undefined) return textOf(error);
  if (cause === 'peer') return 'the peer ended it';
  return by === 'local' ? `${cause} on our side` : `${cause} by the peer`;
}

/** Who closed a connection, and with which words. */
export function closeOf({ by, metadata }: ConnectionClosedReason): string {
  const whom = { local: 'us', peer: 'the peer', session: 'the end of the session' }[by];
  return metadata.length === 0 ? whom : `${whom} ${formatMetadata(metadata)}`;
}

function isOurs(error: unknown): error is RoamError {
  return error instanceof Error && OURS.has((error as Partial<RoamError>).code ?? '');
}

/** An error's text in one printable line, with that of its cause unless it is in there already, in these words or others. */
function textOf(error: Error): string {
  const { message, cause } = error;
  if (error instanceof SessionClosed && cause === undefined && error.by === 'peer') return 'the peer ended the session';
  const metadata = error instanceof ConnectionRejected && error.metadata.length > 0 ? error.metadata : undefined;
  const text = metadata === undefined ? message : `${message}: ${formatMetadata(metadata)}`;
  const isTold = error instanceof LinkError || !(cause instanceof Error) || text.includes(cause.message);
  const more = isTold ? text : `${text}: ${cause.message}`;
  return excerpt(more.replace(/\s*\n\s*/g, ' '));
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
