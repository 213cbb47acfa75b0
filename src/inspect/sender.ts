import type { InspectionRecord } from './record.js';
import { isGreeting, StatelyTongue } from './stately.js';
import { weightOf } from './weight.js';

/** A WebSocket, as far as the sender needs one. It keeps no process alive. */
export interface InspectSocket {
  /** Bytes that were sent and have not left. */
  readonly bufferedAmount: number;
  send(text: string): void;
  close(): void;
}

export interface SocketEvents {
  opened(): void;
  message(data: unknown): void;
  /** Once, whether it was open or not. `refusal` is why a server does not want us, which no second attempt will change. */
  closed(refusal?: string): void;
}

export type Connect = (url: string, events: SocketEvents) => InspectSocket;

export interface SenderHost {
  /** Whether records are wanted from now on. */
  listen(isListening: boolean): void;
  /** Somebody listens who is new, or has missed so many records: everything is to be pushed that still matters. */
  tellAll(isNew: boolean, lost: number): void;
  /** Just before something is sent: a last chance to push. */
  flushing(): void;
  report(text: string): void;
}

/** How long records are gathered. Whatever it is, it is what a process may stay alive for at its end. Milliseconds. */
const GATHER = 10;
/** How many are gathered at most, and how many characters a frame has, about. */
const MOST_GATHERED = 512;
const FRAME = 256 * 1024;

/** What is kept from the beginning on, until the first attempt has succeeded: records, and bytes. */
const MOST_EARLY = 5_000;
const MOST_EARLY_BYTES = 16 * 2 ** 20;

/** A server of ours says what it is at once. Milliseconds. */
const GREETING_TIMEOUT = 250;

const FIRST_RETRY = 500;
const LAST_RETRY = 30_000;

/** Above the one, nothing is told any more; below the other, everything is told anew. Bytes. */
const CHOKED_ABOVE = 4 * 2 ** 20;
const FREE_BELOW = 64 * 1024;
const LOOK_INTERVAL = 50;

const STOP_TIMEOUT = 1_000;

type Timer = ReturnType<typeof setTimeout>;

/**
 * Brings records to a server. While there is none it tries again, ever less often, and nothing is wanted in the meantime;
 * no timer and no socket of it keeps a process alive, but for the moment in which something is still to be sent. A server
 * that does not keep up misses something, is told how much, and then everything that still matters.
 */
export class Sender {
  readonly #url: string;
  readonly #connect: Connect;
  readonly #host: SenderHost;
  #state: 'connecting' | 'greeting' | 'open' | 'choked' | 'waiting' | 'stopped' = 'waiting';
  #socket: InspectSocket | undefined;
  /** Absent for a server that knows our records. */
  #tongue: StatelyTongue | undefined;
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

  /** Begins to connect; what is pushed from now on is kept for the first server. */
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
      // Holds a process that ends until it is told.
      this.#flush ??= setTimeout(() => this.#send(), GATHER);
    }
  }

  /** Sends what was pushed, and hangs up. Resolves when it has left, or can't. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    if (this.#isListening && (this.#state === 'connecting' || this.#state === 'greeting')) {
      // What began and ended before anybody could hear of it is to be heard of all the same.
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
    this.#tongue = isOurs ? undefined : new StatelyTongue();
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
    for (const text of this.#tongue === undefined ? framesOf(records) : this.#translated(records)) socket.send(text);
  }

  *#translated(records: readonly InspectionRecord[]): Iterable<string> {
    for (const record of records) {
      const event = this.#tongue?.of(record);
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

function* framesOf(records: readonly InspectionRecord[]): Iterable<string> {
  let parts: string[] = [];
  let length = 0;
  for (const record of records) {
    const text = JSON.stringify(record);
    parts.push(text);
    length += text.length;
    if (length < FRAME) continue;
    yield `[${parts.join(',')}]`;
    parts = [];
    length = 0;
  }
  if (parts.length > 0) yield `[${parts.join(',')}]`;
}

/** Keeps no process alive; a browser's timer is a number, and never does. */
function unheld(timer: Timer): Timer {
  (timer as { unref?(): void }).unref?.();
  return timer;
}
