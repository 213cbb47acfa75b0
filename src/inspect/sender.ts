import type { InspectionRecord } from './record.js';
import { isGreeting, StatelyDialect } from './stately.js';
import { weightOf } from './weight.js';

/** The part of a WebSocket that the sender needs. It keeps no process alive. */
export interface InspectSocket {
  /** The bytes that were passed to `send` and have not left the process. */
  readonly bufferedAmount: number;
  send(text: string): void;
  close(): void;
}

export interface SocketEvents {
  opened(): void;
  message(data: unknown): void;
  /**
   * Called once, also for a socket that never opened. `refusal` is the reason of a final refusal: the sender does not try
   * again.
   */
  closed(refusal?: string): void;
}

export type Connect = (url: string, events: SocketEvents) => InspectSocket;

export interface SenderHost {
  /** Called with true when records are wanted from now on, and with false when they are not. */
  listen(isListening: boolean): void;
  /**
   * Called when a new server listens (`isNew`), or a server has missed `lost` records. The host pushes the whole present
   * state again.
   */
  tellAll(isNew: boolean, lost: number): void;
  /** Called just before records are sent, so that the host can push its last ones. */
  flushing(): void;
  report(text: string): void;
}

/** The time for which records are gathered. At its end a process may stay alive for this long. Milliseconds. */
const GATHER = 10;
/** The maximum number of gathered records, and the approximate number of characters in a frame. */
const MOST_GATHERED = 512;
const FRAME = 256 * 1024;

/** The maximum number of records, and of bytes, that are kept until the first attempt to connect has succeeded. */
const MOST_EARLY = 5_000;
const MOST_EARLY_BYTES = 16 * 2 ** 20;

/** The time to wait for the greeting of a server of ours, which sends it at once. Milliseconds. */
const GREETING_TIMEOUT = 250;

const FIRST_RETRY = 500;
const LAST_RETRY = 30_000;

/** Above CHOKED_ABOVE bytes of unsent data no more records are sent. Below FREE_BELOW the whole state is sent anew. */
const CHOKED_ABOVE = 4 * 2 ** 20;
const FREE_BELOW = 64 * 1024;
const LOOK_INTERVAL = 50;

const STOP_TIMEOUT = 1_000;

type Timer = ReturnType<typeof setTimeout>;

/**
 * Sends records to a server. Without a server it tries to connect at growing intervals, and wants no records meanwhile. Its
 * timers and sockets keep no process alive, except for the moment before a send. A slow server misses records. It is told
 * how many, and then gets the whole present state again.
 */
export class Sender {
  readonly #url: string;
  readonly #connect: Connect;
  readonly #host: SenderHost;
  #state: 'connecting' | 'greeting' | 'open' | 'choked' | 'waiting' | 'stopped' = 'waiting';
  #socket: InspectSocket | undefined;
  /** The translation to Stately's protocol. Absent for a server that understands our records. */
  #dialect: StatelyDialect | undefined;
  #queue: InspectionRecord[] = [];
  #earlyBytes = 0;
  #lost = 0;
  #isListening = false;
  #retry = FIRST_RETRY;
  #timer: Timer | undefined;
  #flush: Timer | undefined;
  #closed: (() => void) | undefined;
  #settled: (() => void) | undefined;

  constructor(url: string, connect: Connect, host: SenderHost) {
    this.#url = url;
    this.#connect = connect;
    this.#host = host;
  }

  /** Starts to connect. Records that are pushed from now on are kept for the first server. */
  start(): void {
    this.#listen(true);
    this.#attempt();
  }

  push(record: InspectionRecord): void {
    if (!this.#isListening) return;
    this.#queue.push(record);
    if (this.#state !== 'open') {
      this.#earlyBytes += weightOf(record);
      if (this.#queue.length > MOST_EARLY || this.#earlyBytes > MOST_EARLY_BYTES) this.#giveUpQueue();
    } else if (this.#queue.length >= MOST_GATHERED) {
      this.#send();
    } else {
      // This timer keeps an ending process alive until its records are sent.
      this.#flush ??= setTimeout(() => this.#send(), GATHER);
    }
  }

  /** Sends the pushed records and closes the socket. Resolves when they have left, or can't. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    if (this.#isListening && (this.#state === 'connecting' || this.#state === 'greeting')) {
      // Waits for the connection: actors that began and ended before it opened are reported all the same.
      await new Promise<void>((resolve) => {
        this.#settled = resolve;
        setTimeout(resolve, STOP_TIMEOUT);
      });
    }
    if (this.#state === 'open') this.#send();
    const socket = this.#socket;
    this.#state = 'stopped';
    this.#listen(false);
    clearTimeout(this.#timer);
    clearTimeout(this.#flush);
    this.#queue = [];
    if (socket === undefined) return;
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      this.#timer = setTimeout(resolve, STOP_TIMEOUT);
      socket.close();
    });
    clearTimeout(this.#timer);
  }

  #attempt(): void {
    this.#state = 'connecting';
    let isOver = false;
    this.#socket = this.#connect(this.#url, {
      opened: () => {
        if (isOver || this.#state !== 'connecting') return;
        this.#state = 'greeting';
        this.#timer = unheld(setTimeout(() => this.#ready(false), GREETING_TIMEOUT));
      },
      message: (data) => {
        if (!isOver && this.#state === 'greeting') this.#ready(isGreeting(data));
      },
      closed: (refusal) => {
        if (isOver) return;
        isOver = true;
        this.#hungUp(refusal);
      },
    });
  }

  #ready(isOurs: boolean): void {
    clearTimeout(this.#timer);
    this.#state = 'open';
    this.#retry = FIRST_RETRY;
    this.#dialect = isOurs ? undefined : new StatelyDialect();
    if (this.#isListening) this.#send();
    else this.#begin(true);
    this.#settled?.();
  }

  #begin(isNew: boolean): void {
    const lost = this.#lost;
    this.#lost = 0;
    this.#listen(true);
    this.#host.tellAll(isNew, lost);
  }

  #hungUp(refusal: string | undefined): void {
    this.#socket = undefined;
    clearTimeout(this.#timer);
    this.#closed?.();
    this.#settled?.();
    if (this.#state === 'stopped') return;
    this.#state = 'waiting';
    this.#lost = 0;
    this.#listen(false);
    this.#queue = [];
    if (refusal !== undefined) {
      this.#state = 'stopped';
      this.#host.report(refusal);
      return;
    }
    this.#timer = unheld(setTimeout(() => this.#attempt(), this.#retry));
    this.#retry = Math.min(LAST_RETRY, this.#retry * 2);
  }

  #send(): void {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    const socket = this.#socket;
    if (this.#state !== 'open' || socket === undefined) return;
    this.#host.flushing();
    const records = this.#queue;
    this.#queue = [];
    if (socket.bufferedAmount > CHOKED_ABOVE) {
      this.#queue = records;
      this.#choke(socket);
      return;
    }
    for (const text of this.#dialect === undefined
      ? framesOf(records, JSON.stringify, FRAME)
      : this.#translated(records))
      socket.send(text);
  }

  *#translated(records: readonly InspectionRecord[]): Iterable<string> {
    for (const record of records) {
      const event = this.#dialect?.of(record);
      if (event !== undefined) yield JSON.stringify(event);
    }
  }

  #choke(socket: InspectSocket): void {
    this.#state = 'choked';
    this.#giveUpQueue();
    const look = (): void => {
      if (this.#state !== 'choked' || this.#socket !== socket) return;
      if (socket.bufferedAmount > FREE_BELOW) {
        this.#timer = unheld(setTimeout(look, LOOK_INTERVAL));
        return;
      }
      this.#state = 'open';
      this.#begin(false);
    };
    this.#timer = unheld(setTimeout(look, LOOK_INTERVAL));
  }

  #giveUpQueue(): void {
    this.#lost += this.#queue.length;
    this.#queue = [];
    this.#listen(false);
  }

  #listen(isListening: boolean): void {
    if (this.#isListening === isListening) return;
    this.#isListening = isListening;
    this.#host.listen(isListening);
  }
}

/** Joins the texts of records to JSON arrays, each of which ends with the record that makes it `most` characters long. */
export function* framesOf<T>(records: Iterable<T>, textOf: (record: T) => string, most: number): Iterable<string> {
  let parts: string[] = [];
  let length = 0;
  for (const record of records) {
    const text = textOf(record);
    parts.push(text);
    length += text.length;
    if (length < most) continue;
    yield `[${parts.join(',')}]`;
    parts = [];
    length = 0;
  }
  if (parts.length > 0) yield `[${parts.join(',')}]`;
}

/** Makes a timer that keeps no process alive. In a browser a timer is a number, and never does. */
function unheld(timer: Timer): Timer {
  (timer as { unref?(): void }).unref?.();
  return timer;
}
