/**
 * What went over one link, as both of its ends tell it. A message that both tell of is one row: where the one has sent it
 * and the other has received it, it has arrived; between the two it is on its way.
 */
import type { ActorKey, InspectionRecord, WireRecord } from '../../inspect/record.js';
import { countBelow } from './recording.js';

/** One message, or several alike where only a sample is told. */
export interface Exchanged {
  /** Whether the left end sent it. */
  readonly fromLeft: boolean;
  /** Where the sender told of it, and where the receiver did; at least one of them. */
  sent?: number;
  received?: number;
  /** The record that came first. */
  readonly record: WireRecord;
  /** Where that was: rows are in the order of this. */
  readonly position: number;
  /** When it was sent, and when it was received, as far as told. */
  sentAt?: number;
  receivedAt?: number;
}

/** What has been told by one end only and may still be told by the other, the oldest first; more of it is given up. */
const MOST_OPEN = 2_000;

/** The rows of one link; `left` is the end that is drawn on the left. */
export class Exchange {
  readonly rows: Exchanged[] = [];
  readonly #left: ActorKey;
  readonly #right: ActorKey | undefined;
  /** Rows that one end has told of, by what the other will say. */
  readonly #open = new Map<string, Exchanged[]>();
  #openCount = 0;
  /** How much of each end's list is in the rows, by the first position that is not. */
  #next: number;

  constructor(left: ActorKey, right: ActorKey | undefined, start: number) {
    this.#left = left;
    this.#right = right;
    this.#next = start;
  }

  /** Whether it is the exchange of these two. */
  isOf(left: ActorKey, right: ActorKey | undefined): boolean {
    return left === this.#left && right === this.#right;
  }

  /** Takes in what has come since the last time. */
  advance(
    end: number,
    positionsOf: (session: ActorKey) => readonly number[],
    recordAt: (position: number) => InspectionRecord | undefined,
  ): void {
    for (const position of merged(positionsOf(this.#left), this.#right && positionsOf(this.#right), this.#next)) {
      const record = recordAt(position);
      if (record?.kind === 'wire') this.#add(record, position);
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

/** The members of two ascending lists from `from` on, in one. */
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

/** The kinds of message that can be shown or not. */
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

/** Which rows are shown. */
export interface Filter {
  /** Of one connection alone; undefined for all. */
  readonly connection: number | undefined;
  readonly hidden: ReadonlySet<Kind>;
  /** Words that all have to occur in what a row says, in any case. */
  readonly text: string;
}

/** The rows of an exchange that pass a filter; a row that was looked at once is not looked at again. */
export class Filtered {
  readonly rows: Exchanged[] = [];
  readonly exchange: Exchange;
  readonly filter: Filter;
  readonly #words: readonly string[];
  #next = 0;

  constructor(exchange: Exchange, filter: Filter) {
    this.exchange = exchange;
    this.filter = filter;
    this.#words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  }

  advance(): readonly Exchanged[] {
    const { rows } = this.exchange;
    for (; this.#next < rows.length; this.#next++) {
      const row = rows[this.#next] as Exchanged;
      if (this.#passes(row.record)) this.rows.push(row);
    }
    return this.rows;
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

/** What an arrow says behind the message's name. */
export function textOf({ message, connection, id, count, bytes }: WireRecord): string {
  const parts = [message];
  if (id !== undefined) parts.push(`#${id}`);
  parts.push(`on ${connection}`);
  if (count > 1) parts.push(`× ${count}`);
  if (bytes > 0) parts.push(`${bytes} B`);
  return parts.join(' ');
}
