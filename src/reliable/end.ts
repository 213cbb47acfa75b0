import {
  type ReliableEnd as EndReason,
  type ReliableContext,
  type ReliableEvent,
  type ReliablePort,
  type ReliableTimer,
  reliableMachine,
} from '../../machines/reliable.js';
import { InvalidArgument, LinkError } from '../base/errors.js';
import { Fifo } from '../base/fifo.js';
import { allocate, copy, withHeader } from '../base/frame-memory.js';
import { SENT } from '../base/promise.js';
import { Stepper, tableOf } from '../compile/stepper.js';
import { DEFAULT_FRAME, type Link, type LinkEvents, type LinkFacts } from '../link/link.js';
import {
  ABORT,
  ACK,
  ANSWER,
  CLOSE,
  DATA,
  type Frame,
  frame,
  HEADER,
  header,
  headerSize,
  PROBE,
  putHeader,
  readData,
  readFrame,
  SETTINGS,
} from './frames.js';
import { fullCount } from './hello.js';

const TABLE = tableOf(reliableMachine);

/** Messages wait in the reliable link, not beneath it, when the link beneath buffers more bytes than this. */
const ENOUGH = 128 * 1024;

/** An abort is told to the peer only if it can leave soon. */
const SOON = 64 * 1024;

/** The clock of a reliable link, for example a simulated one. */
export interface ReliableClock {
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** The state of a reliable link, for those who watch it. */
export interface ReliableState {
  /** The state of `reliableMachine`: `dialing`, `greeting`, `backingOff`, `waiting`, `fresh`, `settled`, `owing`, … */
  readonly state: string;
  /** The number of the current link, or of the last one. */
  readonly epoch: number;
  /** Links dialled since the last one that has brought something forward. */
  readonly attempts: number;
  /** Messages that the peer has not acknowledged, and their bytes; those that wait to be written included. */
  readonly unacknowledged: number;
  readonly unacknowledgedBytes: number;
}

/** A link that outlives the links beneath it. */
export interface ReliableLink extends Link {
  readonly state: ReliableState;
}

/** The options of both ends, complete. */
export interface EndConfig {
  readonly isDialer: boolean;
  readonly retriesFirst: boolean;
  readonly windowFrames: number;
  readonly windowBytes: number;
  /** The milliseconds of each timer. That of `backoff` is computed for each attempt. */
  readonly times: Readonly<Record<Exclude<ReliableTimer, 'backoff'>, number>>;
  /** Returns the milliseconds until the next attempt. */
  readonly backoff: (attempts: number) => number;
  /** Told to the peer, in milliseconds; 0 for the dialer. */
  readonly grace: number;
  readonly clock: ReliableClock;
}

/** The role-specific half of a reliable link. */
export interface EndOwner {
  /** Opens a link beneath, and answers with `opened` or `notOpened`. */
  dial(epoch: number): void;
  /** Returns the bytes of our greeting. */
  greeting(received: number): Uint8Array;
  /** Reads the acceptor's greeting. Returns its count modulo 2^32, or why there is none. */
  welcomed(bytes: Uint8Array): number | 'rejected' | 'malformed';
  /** Refuses a link beneath that is not wanted. */
  refuse(link: Link): void;
  /** Returns true if there is memory for `size` more bytes under way. */
  hasShare(size: number): boolean;
  /** The number of bytes that the end holds has changed, or the end has gained or lost its link. */
  changed(): void;
  ended(end: EndReason): void;
  /** The text of the error for an end, with the option that sets it. */
  explain(end: EndReason): string;
}

/** A link beneath. */
export class Beneath {
  readonly link: Link;
  readonly epoch: number;
  isOver = false;
  /** False for a link of the dialer until the machine takes it. */
  isStarted: boolean;
  /** Releases the frames that this link has carried for their reuse. */
  readonly releases: boolean;

  constructor(link: Link, epoch: number, isStarted: boolean) {
    this.link = link;
    this.isStarted = isStarted;
    this.epoch = epoch;
    this.releases = link.releasesSent === true;
  }
}

/**
 * One end of a reliable link: the host of `reliableMachine`. It keeps the messages and the links beneath; the machine
 * decides.
 */
export class End implements ReliableLink, ReliablePort {
  name: string | undefined;
  isStream = false;
  /** Messages are kept by reference until they are acknowledged; see `retained`. */
  get releasesSent(): boolean {
    return this.#isAllReleasing;
  }
  readonly #config: EndConfig;
  readonly #owner: EndOwner;
  readonly #stepper: Stepper<typeof reliableMachine>;
  readonly #timers = new Map<ReliableTimer, unknown>();
  /** Messages that the peer has not acknowledged, from the count `acked` on. */
  readonly #kept = new Fifo<Uint8Array>();
  /**
   * The messages from the count `sent` on, with free bytes for a header before them; undefined where there are none. An older
   * link may still hold a frame that has left once, so its memory can't get another header.
   */
  readonly #headed = new Fifo<Uint8Array | undefined>();
  /** The last of the messages: the machine has not counted them yet. One step counts all of a turn. */
  #uncounted = 0;
  #isPumpDue = false;
  /** Messages that arrived in this turn, one behind the other, with the same ack. One step receives all. */
  #arrived: Uint8Array[] = [];
  #arrivedOn: Beneath | undefined;
  #arrivedSeq = 0;
  #arrivedAck = 0;
  /** Bytes of all messages that were taken from the application, written to the current link, and acknowledged. */
  #taken = 0;
  #written = 0;
  #acked = 0;
  /** The count of the bytes that no link needs any more. */
  #released = 0;
  #events: LinkEvents | undefined;
  #current: Beneath | undefined;
  /** The link that the machine is asked about: it becomes the current one, or is refused. */
  #offered: Beneath | undefined;
  /** Frames that arrived before `start`, and whether the link beneath is paused for that. */
  readonly #early = new Fifo<{ readonly beneath: Beneath; readonly bytes: Uint8Array }>();
  #isHeld = false;
  #delivers = false;
  /** What the application is told after the step, in order. */
  readonly #news = new Fifo<'interrupted' | 'restored'>();
  /** True while there is no link for messages. An application that starts the link meanwhile is told when it listens. */
  #isInterrupted = false;
  #isListening = false;
  #isClosed = false;
  #isAborted = false;
  #end: EndReason | undefined;
  #ending: 'ended' | Error | undefined;
  /** True if a frame has arrived since the timer `probe` or `answer` began. */
  #hasHeard = false;
  #isAllReleasing = true;
  /** Why the last link beneath was lost, for the error at the end. */
  cause: unknown;
  /** The time within which the peer takes us back. */
  #peerGrace = Number.POSITIVE_INFINITY;

  constructor(config: EndConfig, owner: EndOwner) {
    this.#config = config;
    this.#owner = owner;
    const { isDialer, retriesFirst, windowFrames, windowBytes } = config;
    this.#stepper = new Stepper(TABLE, { port: this, isDialer, retriesFirst, windowFrames, windowBytes });
    this.#stepper.start();
  }

  // ---- For the application

  get state(): ReliableState {
    const { epoch, attempts } = this.#context;
    return {
      state: this.#stepper.value,
      epoch,
      attempts,
      unacknowledged: this.#kept.length,
      unacknowledgedBytes: this.bytes,
    };
  }

  /** Those of the newest link; undefined while there is none. */
  facts(): LinkFacts | undefined {
    return this.#current?.link.facts?.();
  }

  get buffered(): number {
    if (this.#end !== undefined) return 0;
    return this.#taken - this.#written + (this.#current?.link.buffered ?? 0);
  }

  get retained(): number {
    return this.#taken - this.#released;
  }

  start(events: LinkEvents): void {
    if (this.#events !== undefined) throw new InvalidArgument('the link has been started already');
    this.#events = events;
    queueMicrotask(() => {
      if (this.#isAborted) return;
      for (let early = this.#early.shift(); early !== undefined; early = this.#early.shift()) {
        this.#receive(early.beneath, early.bytes);
        if (this.#isAborted) return;
      }
      this.#receiveArrived();
      if (this.#isHeld) {
        this.#isHeld = false;
        if (!this.#context.isPaused) this.#current?.link.resume();
      }
      this.#isListening = true;
      if (this.#isInterrupted) this.#tell('interrupted');
      this.#tellEnd();
    });
  }

  send(bytes: Uint8Array): void {
    if (!ArrayBuffer.isView(bytes)) throw new InvalidArgument('a link sends a Uint8Array');
    const isOver = this.#end !== undefined;
    if (this.#isClosed || this.#isAborted || (isOver && this.#ending === undefined)) {
      throw new LinkError('the link is closed');
    }
    // The link ends, and the event of that is under way: the bytes are lost, as on a network.
    if (isOver || this.#context.isClosing) return;
    this.#taken += bytes.byteLength;
    this.#kept.push(bytes);
    const { next, expected } = this.#context;
    this.#headed.push(withHeader(bytes, headerSize(next + this.#uncounted, expected)));
    this.#uncounted++;
    if (this.#isPumpDue) return;
    // The messages of a turn leave together.
    this.#isPumpDue = true;
    void SENT.then(this.#pumpAll);
  }

  pause(): void {
    if (this.#isClosed || this.#end !== undefined) return;
    this.#step({ type: 'app.pause' });
    this.#current?.link.pause();
  }

  resume(): void {
    if (this.#end !== undefined) return;
    this.#step({ type: 'app.resume' });
    if (!this.#isHeld) this.#current?.link.resume();
  }

  close(): void {
    if (this.#isClosed || this.#end !== undefined) return;
    this.#pump();
    this.resume();
    this.#isClosed = true;
    this.#step({ type: 'app.close' });
  }

  abort(): void {
    this.#pump();
    this.#isAborted = true;
    this.#arrived = [];
    if (this.#end === undefined) this.#step({ type: 'app.abort' });
    else if (this.#current !== undefined && !this.#current.isOver) this.#abort(this.#current);
  }

  // ---- For the owner

  get bytes(): number {
    return this.#end === undefined ? this.#taken - this.#acked : 0;
  }

  /** Messages received, and messages taken from the application. */
  get counts(): { readonly received: number; readonly total: number } {
    return { received: this.#context.expected, total: this.#context.next };
  }

  /** The number of the next link beneath. */
  get nextEpoch(): number {
    return this.#context.epoch + 1;
  }

  get isDetached(): boolean {
    return this.#stepper.value === 'waiting';
  }

  /** Begins to dial. */
  dialFirst(): void {
    this.#step({ type: 'app.dial' });
  }

  opened(link: Link, epoch: number): void {
    this.#offer(link, epoch, { type: 'dial.opened', epoch });
  }

  notOpened(epoch: number, cause: unknown): void {
    this.cause = cause;
    this.#step({ type: 'dial.failed', epoch });
  }

  /** Takes a link beneath whose peer has greeted us with our key. `low`: its count, modulo 2^32. */
  attach(beneath: Beneath, low: number): void {
    this.#receiveArrived();
    if (this.#end !== undefined) {
      // A message has ended the session.
      this.#owner.refuse(beneath.link);
      return;
    }
    this.#offered = beneath;
    this.#step({ type: 'attach', epoch: beneath.epoch, received: fullCount(low, this.#context.acked) });
    this.#offered = undefined;
    this.#pump();
  }

  evict(): void {
    this.#step({ type: 'app.evict' });
  }

  /** Writes what waits, after memory has become free. */
  pump(): void {
    this.#pump();
  }

  // ---- The events of links beneath

  lost(beneath: Beneath, error: Error | undefined): void {
    this.#receiveArrived();
    beneath.isOver = true;
    if (error !== undefined && beneath === this.#current) this.cause = error;
    if (this.#end !== undefined) {
      if (beneath === this.#current) this.#leave();
      return;
    }
    this.#step({ type: 'link.lost', epoch: beneath.epoch, isOrderly: error === undefined });
  }

  frameLimit(beneath: Beneath): number {
    if (beneath !== this.#current || this.#stepper.value === 'greeting') return HEADER;
    return this.#limit + HEADER;
  }

  drained(beneath: Beneath): void {
    if (beneath !== this.#current || this.#end !== undefined) return;
    this.#pump();
    this.#tell('drained');
  }

  message(beneath: Beneath, bytes: Uint8Array): void {
    if (beneath.isOver || this.#end !== undefined) return;
    if (beneath === this.#current && this.#stepper.value === 'greeting') this.#readGreeting(beneath, bytes);
    else if (this.#events === undefined || this.#early.length > 0) this.#early.push({ beneath, bytes });
    else this.#receive(beneath, bytes);
  }

  // ---- Effects of the machine

  dial({ epoch }: { epoch: number }): void {
    this.#owner.dial(epoch);
  }

  take(): void {
    const older = this.#current;
    this.#current = this.#offered;
    if (older !== undefined && !older.isOver) this.#abort(older);
    const current = this.#current as Beneath;
    const { link, releases } = current;
    if (!releases) this.#isAllReleasing = false;
    this.isStream = link.isStream === true;
    if (current.isStarted) return;
    current.isStarted = true;
    link.start({
      message: (bytes) => this.message(current, bytes),
      drained: () => this.drained(current),
      ended: () => this.lost(current, undefined),
      failed: (error) => this.lost(current, error),
      frameLimit: () => this.frameLimit(current),
    });
  }

  refuse(): void {
    if (this.#offered !== undefined) this.#owner.refuse(this.#offered.link);
  }

  hello(): void {
    this.#put(this.#owner.greeting(this.#context.expected));
  }

  welcome(): void {
    this.hello();
  }

  settings(): void {
    const { windowFrames, windowBytes, grace } = this.#config;
    this.#put(frame(SETTINGS, windowFrames, windowBytes, grace));
    this.#isHeld = this.#events === undefined;
    if (this.#isHeld || this.#context.isPaused) this.#current?.link.pause();
  }

  restored(): void {
    this.#news.push('restored');
  }

  interrupted(): void {
    this.#news.push('interrupted');
  }

  write({ count }: { count: number }): void {
    const { written, acked, sent, expected } = this.#context;
    for (let seq = written; seq < written + count; seq++) {
      const message = this.#kept.at(seq - acked) as Uint8Array;
      const head = headerSize(seq, expected);
      let bytes = seq < sent ? undefined : this.#headed.shift();
      if (bytes?.length !== head + message.length) {
        bytes = allocate(head + message.length);
        copy(message, 0, bytes, head, message.length);
      }
      putHeader(bytes, seq, expected);
      this.#written += message.length;
      this.#put(bytes);
    }
  }

  deliver(): void {
    this.#delivers = true;
  }

  trim(): void {
    const { acked, written } = this.#context;
    const first = this.#context.next - this.#kept.length;
    if (first >= acked && written > acked) return;
    for (let count = first; count < acked; count++) {
      this.#acked += (this.#kept.shift() as Uint8Array).length;
    }
    // A link that passes frames on by reference leaves them to the peer.
    if (this.#isAllReleasing) this.#released = this.#acked;
    if (written === acked) this.#written = this.#acked;
    this.#owner.changed();
  }

  acknowledge(): void {
    this.#put(frame(ACK, this.#context.expected));
  }

  bye(): void {
    this.#put(frame(CLOSE, this.#context.next, this.#context.expected));
  }

  probe(): void {
    this.#put(frame(PROBE));
  }

  answer(): void {
    this.#put(frame(ANSWER));
  }

  cut(): void {
    const current = this.#current;
    if (current === undefined) return;
    if (!current.isOver) this.#abort(current);
    this.#stepper.send({ type: 'link.lost', epoch: current.epoch, isOrderly: false });
  }

  abandon(): void {
    const current = this.#current;
    if (current === undefined || current.isOver || current.link.buffered > SOON) return;
    this.#put(frame(ABORT));
    current.isOver = true;
    current.link.close();
  }

  startTimer({ timer }: { timer: ReliableTimer }): void {
    if (timer === 'giveUp' || timer === 'ack') {
      if (this.#timers.has(timer)) return;
    } else this.stopTimer({ timer });
    if (timer === 'probe' || timer === 'answer') this.#hasHeard = false;
    const { times, backoff, clock } = this.#config;
    const time = timer === 'backoff' ? backoff(this.#context.attempts) : times[timer];
    const milliseconds = timer === 'giveUp' ? Math.min(time, this.#peerGrace) : time;
    this.#timers.set(
      timer,
      clock.setTimeout(() => this.#onTime(timer), milliseconds),
    );
  }

  stopTimer({ timer }: { timer: ReliableTimer }): void {
    const running = this.#timers.get(timer);
    if (running === undefined) return;
    this.#timers.delete(timer);
    this.#config.clock.clearTimeout(running);
  }

  finish({ end }: { end: EndReason }): void {
    this.#end = end;
    for (const timer of [...this.#timers.keys()]) this.stopTimer({ timer });
    this.#kept.truncate(0);
    this.#headed.truncate(0);
    this.#arrived = [];
    this.#early.truncate(0);
    this.#ending = end === 'closed' ? 'ended' : new LinkError(this.#owner.explain(end), this.cause);
    const current = this.#current;
    this.#owner.ended(end);
    if (current !== undefined && !current.isOver) {
      if (end === 'closed') {
        // `ended` follows when the link beneath is over.
        current.link.resume();
        current.link.close();
        return;
      }
      this.#abort(current);
    }
    this.#leave();
  }

  // ---- Inside

  get #context(): ReliableContext {
    return this.#stepper.context;
  }

  get #limit(): number {
    return this.#events?.frameLimit?.() ?? DEFAULT_FRAME;
  }

  /** Makes a step, and tells the application of it. */
  #step(event: ReliableEvent): void {
    if (this.#uncounted > 0) {
      const count = this.#uncounted;
      this.#uncounted = 0;
      this.#stepper.send({ type: 'app.send', count });
    }
    this.#stepper.send(event);
    if (this.#news.length === 0) return;
    for (let news = this.#news.shift(); news !== undefined; news = this.#news.shift()) {
      this.#isInterrupted = news === 'interrupted';
      if (this.#isAborted || !this.#isListening) continue;
      this.#tell(news);
    }
    this.#owner.changed();
  }

  #tell(news: 'drained' | 'interrupted' | 'restored'): void {
    try {
      this.#events?.[news]?.();
    } catch (error) {
      throwLater(error);
    }
  }

  #offer(link: Link, epoch: number, event: ReliableEvent): void {
    if (this.#end !== undefined) {
      this.#owner.refuse(link);
      return;
    }
    this.#offered = new Beneath(link, epoch, false);
    this.#step(event);
    this.#offered = undefined;
  }

  #abort(beneath: Beneath): void {
    beneath.isOver = true;
    beneath.link.abort();
  }

  /** Gives bytes to the current link. A link that refuses them is lost. */
  #put(bytes: Uint8Array): void {
    const current = this.#current;
    if (current === undefined || current.isOver) return;
    try {
      current.link.send(bytes);
    } catch (error) {
      this.cause = error;
      this.cut();
    }
  }

  #readGreeting(beneath: Beneath, bytes: Uint8Array): void {
    const { epoch } = beneath;
    const low = this.#owner.welcomed(bytes);
    if (low === 'malformed') this.#step({ type: 'rx.Malformed', epoch });
    else if (low === 'rejected') this.#step({ type: 'rx.Rejected', epoch });
    else this.#step({ type: 'rx.Welcome', epoch, received: fullCount(low, this.#context.acked) });
    this.#pump();
  }

  #receive(beneath: Beneath, bytes: Uint8Array): void {
    if (beneath.isOver || this.#end !== undefined) return;
    this.#hasHeard = true;
    const message = readData(bytes);
    if (message !== undefined && message.length <= 2 * this.#limit) {
      this.#arrive(beneath, message);
      return;
    }
    this.#receiveArrived();
    if (beneath.isOver || this.#end !== undefined) return;
    const { epoch } = beneath;
    const read = readFrame(bytes);
    if (read === undefined) {
      this.cause = new LinkError('the peer sent bytes that are no frame of a reliable link');
      this.#step({ type: 'rx.Malformed', epoch });
    } else if (read.kind === DATA) this.#step({ type: 'rx.Oversize', epoch });
    else this.#receiveOther(epoch, read);
    this.#goOn();
  }

  /** Takes a message whose header was read last. */
  #arrive(beneath: Beneath, message: Uint8Array): void {
    const { seq, ack } = header;
    const { length } = this.#arrived;
    if (length > 0) {
      if (beneath === this.#arrivedOn && seq === this.#arrivedSeq + length && ack === this.#arrivedAck) {
        this.#arrived.push(message);
        return;
      }
      this.#receiveArrived();
      if (beneath.isOver || this.#end !== undefined) return;
    }
    this.#arrived.push(message);
    this.#arrivedOn = beneath;
    this.#arrivedSeq = seq;
    this.#arrivedAck = ack;
    // The answer to the application's first message may change its limit for the messages behind it.
    if (this.#context.expected === 0) this.#receiveArrived();
    else void SENT.then(this.#receiveDue);
  }

  readonly #receiveDue = (): void => this.#receiveArrived();

  /** Receives the messages of this turn in one step, or in a step for each if the machine does not take all. */
  #receiveArrived(): void {
    const messages = this.#arrived;
    if (messages.length === 0) return;
    this.#arrived = [];
    const { epoch } = this.#arrivedOn as Beneath;
    const seq = this.#arrivedSeq;
    const ack = this.#arrivedAck;
    if (!this.#receiveData(epoch, seq, ack, messages) && messages.length > 1) {
      for (const [index, message] of messages.entries()) this.#receiveData(epoch, seq + index, ack, [message]);
    }
    this.#goOn();
  }

  /** Returns true if the machine has taken the messages. */
  #receiveData(epoch: number, seq: number, ack: number, messages: readonly Uint8Array[]): boolean {
    if (this.#end !== undefined) return false;
    const size = bytesOf(messages);
    this.#step({ type: 'rx.Data', epoch, seq, count: messages.length, ack, size, freed: this.#freedBy(ack) });
    if (!this.#delivers) return false;
    this.#delivers = false;
    // The machine has counted all of them: an error of the application must not lose those behind it.
    for (const message of messages) {
      if (this.#isAborted) break;
      try {
        this.#events?.message(message);
      } catch (error) {
        throwLater(error);
      }
    }
    return true;
  }

  #receiveOther(epoch: number, read: Exclude<Frame, { kind: typeof DATA }>): void {
    switch (read.kind) {
      case ACK:
        this.#step({ type: 'rx.Ack', epoch, ack: read.ack, freed: this.#freedBy(read.ack) });
        break;
      case CLOSE: {
        const { total, ack } = read;
        this.#step({ type: 'rx.Close', epoch, total, ack, freed: this.#freedBy(ack) });
        break;
      }
      case SETTINGS:
        if (this.#config.isDialer) {
          const isFirst = this.#peerGrace === Number.POSITIVE_INFINITY;
          this.#peerGrace = Math.max(1, read.grace);
          // It has run since the first attempt, when the grace was not known.
          if (isFirst && this.#timers.has('giveUp')) {
            this.stopTimer({ timer: 'giveUp' });
            this.startTimer({ timer: 'giveUp' });
          }
        }
        this.#step({ type: 'rx.Settings', epoch, frames: read.frames, bytes: read.bytes });
        break;
      case PROBE:
        this.#step({ type: 'rx.Probe', epoch });
        break;
      case ABORT:
        this.#step({ type: 'rx.Abort', epoch });
        break;
      default:
      // An Answer proves that the peer lives, as any frame does.
    }
  }

  /** Returns the bytes of our messages that an ack acknowledges anew. */
  #freedBy(ack: number): number {
    const { acked, written } = this.#context;
    let freed = 0;
    if (ack <= written)
      for (let seq = acked; seq < ack; seq++) freed += (this.#kept.at(seq - acked) as Uint8Array).length;
    return freed;
  }

  /** Writes on after an ack, and tells the application that fewer bytes wait. */
  #goOn(): void {
    if (this.#written === this.#taken || this.#end !== undefined) return;
    const before = this.#written;
    this.#pump();
    if (this.#written > before) this.#tell('drained');
  }

  readonly #pumpAll = (): void => {
    this.#isPumpDue = false;
    this.#owner.changed();
    const before = this.buffered;
    this.#pump();
    // A link beneath that takes all at once tells nothing of it.
    if (this.buffered < before) this.#tell('drained');
  };

  /** Writes messages: as many as the link beneath should hold and the machine allows. */
  #pump(): void {
    const context = this.#context;
    let most = this.#config.windowFrames;
    for (let current = this.#current; current !== undefined && !current.isOver; current = this.#current) {
      const { written, acked } = context;
      const room = ENOUGH - current.link.buffered;
      let count = 0;
      let size = 0;
      for (let next = this.#kept.at(written - acked); next !== undefined && size <= room && count < most; ) {
        size += next.length;
        next = this.#kept.at(written - acked + ++count);
      }
      if (count === 0) return;
      this.#step({ type: 'tx.ready', count, size, hasShare: this.#owner.hasShare(size) });
      if (context.written > written) continue;
      if (count === 1) return;
      most = Math.ceil(count / 2);
    }
  }

  #onTime(timer: ReliableTimer): void {
    this.#timers.delete(timer);
    if (timer === 'probe' || timer === 'answer') {
      this.#step({ type: `time.${timer}`, hasHeard: this.#hasHeard });
    } else this.#step({ type: `time.${timer}` });
    this.#goOn();
  }

  /** The link beneath is gone, or there was none: the application hears the end. */
  #leave(): void {
    this.#current = undefined;
    queueMicrotask(() => this.#tellEnd());
  }

  #tellEnd(): void {
    const ending = this.#ending;
    if (this.#events === undefined || ending === undefined || this.#isAborted || this.#current !== undefined) return;
    this.#ending = undefined;
    if (ending === 'ended') this.#events.ended();
    else this.#events.failed(ending);
  }
}

function bytesOf(messages: readonly Uint8Array[]): number {
  let size = 0;
  for (const { length } of messages) size += length;
  return size;
}

/** Lets an error of the application's handler reach the process as an uncaught one, while the link goes on. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
