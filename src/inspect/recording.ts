/**
 * A recording as text: JSON Lines, the first of them a `recording`. The text may come from a stranger. Reading it gives
 * either a recording with all fields of the right type, or one error that names the line.
 */
import { type InspectionRecord, RECORDING_VERSION, type RecordingLine, type RecordingStart } from './record.js';

/** An error in a recording, with the number of its line, from 1. */
export class RecordingError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = 'RecordingError';
    this.line = line;
  }
}

export interface Recording {
  readonly start: RecordingStart;
  readonly records: readonly InspectionRecord[];
}

/** Returns one line, without the line break. */
export function lineOf(record: RecordingLine): string {
  return JSON.stringify(record);
}

/**
 * Reads a whole recording. The last line may lack its line break. Empty lines are skipped.
 *
 * @throws RecordingError for the first line that is wrong.
 */
export function parseRecording(text: string): Recording {
  let start: RecordingStart | undefined;
  const records: InspectionRecord[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const record = parseLine(line, index + 1);
    if (start === undefined) {
      if (record.kind !== 'recording') throw new RecordingError(index + 1, 'a recording begins with its version');
      start = record;
    } else if (record.kind === 'recording') {
      throw new RecordingError(index + 1, 'a recording begins once');
    } else {
      records.push(record);
    }
  }
  if (start === undefined) throw new RecordingError(1, 'there is nothing in it');
  return { start, records };
}

function parseLine(line: string, number: number): RecordingLine {
  const record = valueIn(line);
  const flaw = record instanceof SyntaxError ? `no JSON: ${record.message}` : flawOf(record);
  if (flaw !== undefined) throw new RecordingError(number, flaw);
  return record as RecordingLine;
}

function valueIn(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    return error;
  }
}

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isText: Check = (value) => typeof value === 'string';
const isFlag: Check = (value) => typeof value === 'boolean';
const isJson: Check = (value) => value !== undefined;
const isKey: Check = (value) => typeof value === 'string' && /^\d+\/./.test(value);
const isObject: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isEvent: Check = (value) => isObject(value) && isText((value as { type?: unknown }).type);
const isDirection: Check = (value) => value === 'sent' || value === 'received';

const STATUSES = ['active', 'done', 'error', 'stopped'];
const isSnapshot: Check = (value) => isObject(value) && STATUSES.includes((value as { status: string }).status);

const isTransitions: Check = (value) => Array.isArray(value) && value.every(isTransition);
const isTransition: Check = (value) => {
  const { source, event, targets, index } = (value ?? {}) as Record<string, unknown>;
  return isText(source) && isText(event) && isNumber(index) && Array.isArray(targets) && targets.every(isText);
};

const isTraffic: Check = (value) =>
  isObject(value) &&
  ['sentMessages', 'sentBytes', 'receivedMessages', 'receivedBytes'].every((name) =>
    isNumber((value as Record<string, unknown>)[name]),
  );

const isLast: Check = (value) =>
  isEvent({ type: (value as { event?: unknown } | null)?.event }) && isTransitionsOf(value);
const isTransitionsOf: Check = (value) => isTransitions((value as { transitions?: unknown }).transitions);

const isPart: Check = (value) => {
  const { part, session, connection, role, limits } = (value ?? {}) as Record<string, unknown>;
  if (part === 'session') return (role === 'initiator' || role === 'acceptor') && isObject(limits);
  if (part === 'connection') return isKey(session) && isNumber(connection);
  return (part === 'handshake' || part === 'keepalive') && isKey(session);
};

/** The fields of each kind of record. A field whose name ends in `?` is optional. */
const FIELDS: Readonly<Record<RecordingLine['kind'], Readonly<Record<string, Check>>>> = {
  recording: { version: isNumber, at: isNumber, by: isText, isLive: isFlag, backlog: isNumber },
  process: { seq: isNumber, at: isNumber, process: isNumber, name: isText, 'runtime?': isText, 'pid?': isNumber },
  left: { seq: isNumber, at: isNumber, process: isNumber },
  definition: { seq: isNumber, at: isNumber, hash: isText, definition: isJson },
  actor: {
    seq: isNumber,
    at: isNumber,
    process: isNumber,
    actor: isKey,
    'parent?': isKey,
    id: isText,
    name: isText,
    'definition?': isText,
    'part?': isPart,
    snapshot: isSnapshot,
    'since?': isNumber,
    'traffic?': isTraffic,
    'last?': isLast,
    'peer?': isKey,
  },
  event: { seq: isNumber, at: isNumber, actor: isKey, 'source?': isKey, event: isEvent },
  snapshot: {
    seq: isNumber,
    at: isNumber,
    actor: isKey,
    event: isText,
    snapshot: isSnapshot,
    'transitions?': isTransitions,
  },
  wire: {
    seq: isNumber,
    at: isNumber,
    session: isKey,
    direction: isDirection,
    connection: isNumber,
    message: isText,
    'id?': isNumber,
    count: isNumber,
    bytes: isNumber,
    'detail?': isObject,
  },
  notice: { seq: isNumber, at: isNumber, 'process?': isNumber, text: isText },
};

/** Returns the first error of a value that should be a record. Undefined if it is correct. */
export function flawOf(value: unknown): string | undefined {
  if (!isObject(value)) return 'not an object';
  const record = value as Record<string, unknown>;
  const kind = String(record['kind']);
  if (!Object.hasOwn(FIELDS, kind)) return `unknown kind '${kind.slice(0, 40)}'`;
  for (const [field, check] of Object.entries(FIELDS[kind as RecordingLine['kind']])) {
    const name = field.replace('?', '');
    if (record[name] === undefined ? !field.endsWith('?') : !check(record[name])) return `${kind}.${name} is wrong`;
  }
  if (kind === 'recording' && record['version'] !== RECORDING_VERSION) {
    return `a recording of version ${String(record['version'])}; this reads version ${RECORDING_VERSION}`;
  }
  return undefined;
}
