/**
 * The messages of one link, from the records of both its ends. Two records of the same message make one row. A row with both
 * records has arrived. Until then the message is under way. A link that outlives its connections has a row for each cut and
 * each resume, at the end that has noticed it.
 */
import type { ActorKey, InspectionRecord, WireRecord } from '../../inspect/record.js';
import { countBelow, cutOf } from './recording.js';

/** One message, or several similar ones if only a sample is reported. */
export interface Exchanged {
  /** True if the left end sent it. */
  readonly fromLeft: boolean;
  /** The positions of the sender's and the receiver's record. At least one of them is set. */
  sent?: number;
  received?: number;
  /** The record that came first. */
  readonly record: WireRecord;
  /** The position of that record. Rows are in this order. */
  readonly position: number;
  /** The times when it was sent and received, as far as recorded. */
  sentAt?: number;
  receivedAt?: number;
}

/** A cut of the connection beneath the link, or a new connection, as one end has noticed it. */
export interface Cut {
  readonly cut: 'interrupted' | 'restored';
  /** True for the left end. */
  readonly isLeft: boolean;
  readonly position: number;
  readonly at: number;
}

export type Row = Exchanged | Cut;

/** The maximum number of rows that wait for the record of their other end. Beyond it the oldest no longer wait. */
const MOST_OPEN = 2_000;

/** The rows of one link. `left` is the end on the left side. */
export class Exchange {
  readonly rows: Row[] = [];
  readonly #left: ActorKey;
  readonly #right: ActorKey | undefined;
  /** Rows with a record of one end, by the key of the record that the other end will send. */
  readonly #open = new Map<string, Exchanged[]>();
  #openCount = 0;
  /** The first position of both ends' lists that is not in the rows yet. */
  #next: number;

  constructor(left: ActorKey, right: ActorKey | undefined, start: number) {
    this.#left = left;
    this.#right = right;
    this.#next = start;
  }

  /** True if it is the exchange of these two ends. */
  isOf(left: ActorKey, right: ActorKey | undefined): boolean {
    return left === this.#left && right === this.#right;
  }

  /** Adds the records that have come since the last call. */
  advance(
    end: number,
    positionsOf: (session: ActorKey) => readonly number[],
    recordAt: (position: number) => InspectionRecord | undefined,
  ): void {
    for (const position of merged(positionsOf(this.#left), this.#right && positionsOf(this.#right), this.#next)) {
      const record = recordAt(position);
      const cut = cutOf(record);
      if (record?.kind === 'wire') this.#add(record, position);
      else if (record?.kind === 'snapshot' && cut !== undefined)
        this.rows.push({ cut, isLeft: record.actor === this.#left, position, at: record.at });
    }
    this.#next = end;
  }

  #add(record: WireRecord, position: number): void {
    const isSent = record.direction === 'sent';
    const fromLeft = isSent === (record.session === this.#left);
    const mine = keyOf(record, fromLeft, isSent);
    const open = this.#right === undefined ? undefined : this.#open.get(mine);
    const row = open?.shift();
    if (row !== undefined) {
      this.#openCount--;
      if (open?.length === 0) this.#open.delete(mine);
      place(row, isSent, position, record.at);
      return;
    }
    const fresh: Exchanged = { fromLeft, record, position };
    place(fresh, isSent, position, record.at);
    this.rows.push(fresh);
    if (this.#right === undefined) return;
    const theirs = keyOf(record, fromLeft, !isSent);
    const waiting = this.#open.get(theirs);
    if (waiting === undefined) this.#open.set(theirs, [fresh]);
    else waiting.push(fresh);
    this.#openCount++;
    if (this.#openCount > MOST_OPEN) {
      this.#open.clear();
      this.#openCount = 0;
    }
  }
}

function place(row: Exchanged, isSent: boolean, position: number, at: number): void {
  if (isSent) {
    row.sent = position;
    row.sentAt = at;
  } else {
    row.received = position;
    row.receivedAt = at;
  }
}

function keyOf({ connection, message, id, count }: WireRecord, fromLeft: boolean, isSent: boolean): string {
  return `${fromLeft}|${isSent}|${connection}|${message}|${id ?? ''}|${count}`;
}

/** Yields the members of two ascending lists from `from` on, in ascending order. */
function* merged(one: readonly number[], other: readonly number[] | undefined, from: number): Generator<number> {
  let [i, j] = [countBelow(one, from), countBelow(other ?? [], from)];
  while (i < one.length || j < (other?.length ?? 0)) {
    const [a, b] = [one[i] ?? Number.POSITIVE_INFINITY, other?.[j] ?? Number.POSITIVE_INFINITY];
    if (a <= b) {
      i++;
      yield a;
    } else {
      j++;
      yield b;
    }
  }
}

/** The kinds of message that the user can show or hide. */
export const KINDS = ['session', 'connection', 'request', 'channel', 'keepalive'] as const;
export type Kind = (typeof KINDS)[number];

const KIND_OF: Readonly<Record<string, Kind>> = {
  Hello: 'session',
  HelloYourself: 'session',
  ProtocolError: 'session',
  ConnectionOpen: 'connection',
  ConnectionAccept: 'connection',
  ConnectionReject: 'connection',
  ConnectionClose: 'connection',
  Call: 'request',
  Response: 'request',
  Cancel: 'request',
  Item: 'channel',
  Close: 'channel',
  Reset: 'channel',
  GrantCredit: 'channel',
  Ping: 'keepalive',
  Pong: 'keepalive',
};

export function kindOf(message: string): Kind {
  return KIND_OF[message] ?? 'session';
}

/** The choice of rows that are shown. */
export interface Filter {
  /** The only connection to show. Undefined shows all. */
  readonly connection: number | undefined;
  readonly hidden: ReadonlySet<Kind>;
  /** Words that must all occur in a row's text, in upper or lower case. */
  readonly text: string;
}

/** The rows of an exchange that pass a filter. Each row is checked only once. */
export class Filtered {
  readonly rows: Row[] = [];
  readonly exchange: Exchange;
  readonly filter: Filter;
  readonly #words: readonly string[];
  #next = 0;

  constructor(exchange: Exchange, filter: Filter) {
    this.exchange = exchange;
    this.filter = filter;
    this.#words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  }

  advance(): readonly Row[] {
    const { rows } = this.exchange;
    for (; this.#next < rows.length; this.#next++) {
      const row = rows[this.#next] as Row;
      if ('cut' in row ? this.#passesCut(row) : this.#passes(row.record)) this.rows.push(row);
    }
    return this.rows;
  }

  /** A cut concerns every connection. */
  #passesCut(cut: Cut): boolean {
    const text = textOfCut(cut);
    return !this.filter.hidden.has('session') && this.#words.every((word) => text.includes(word));
  }

  #passes(record: WireRecord): boolean {
    const { connection, hidden } = this.filter;
    if (connection !== undefined && record.connection !== connection) return false;
    if (hidden.has(kindOf(record.message))) return false;
    if (this.#words.length === 0) return true;
    const text = `${textOf(record)} ${JSON.stringify(record.detail ?? '')}`.toLowerCase();
    return this.#words.every((word) => text.includes(word));
  }
}

/** Returns the text of a cut or a resume. */
export function textOfCut({ cut }: Cut): string {
  return cut === 'interrupted' ? 'the connection is lost' : 'a connection is there again';
}

/** Returns the text of an arrow: the message's name with its ids and size. */
export function textOf({ message, connection, id, count, bytes }: WireRecord): string {
  const parts = [message];
  if (id !== undefined) parts.push(`#${id}`);
  parts.push(`on ${connection}`);
  if (count > 1) parts.push(`× ${count}`);
  if (bytes > 0) parts.push(`${bytes} B`);
  return parts.join(' ');
}
