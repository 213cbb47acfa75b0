import { Fifo } from '../base/fifo.js';
import { nextTask } from '../base/turn.js';
import { FRAME_COST } from './costs.js';
import { detached } from './receive-queue.js';

/** An input that is no frame, but takes effect only after the frames that arrived before it. */
class Streamed<Local> {
  readonly input: Local;

  constructor(input: Local) {
    this.input = input;
  }
}

/** The time that a session may spend on its stream in one turn, before the other sessions of the process get their turn. */
export interface TurnBudget {
  /** Milliseconds, by the clock of the session. */
  now(): number;
  readonly milliseconds: number;
  /** Runs `callback` in a task of its own. */
  nextTask?(callback: () => void): void;
  /** Called when the stream has gone on in a new turn, and all frames that waited were taken. */
  resumed?(): void;
}

/**
 * Frames that a turn takes before it reads the clock, and frames between two readings after that. A reading costs as
 * much as a frame.
 */
const UNTIMED_FRAMES = 8;
const FRAMES_PER_LOOK = 2;

/**
 * The one queue of a session's inputs: messages of the peer, inputs of the application, and events of the link. The
 * queue hands an input on only when all effects of the input before it are complete. So an input takes effect whole.
 * Row "5 queue".
 *
 * The stream, which is all that comes from the link, can be paused. Its entries then wait here in order, and its frames
 * are not decoded. Local inputs go on. If there is no room for the message of a frame, the frame pauses the stream.
 * That frame comes first when the stream goes on.
 *
 * One read of a socket can bring frames that take seconds to process. So the stream also waits when it has used up its
 * budget for one turn of the event loop. It goes on in the next turn.
 */
export class InputQueue<Local extends object> {
  readonly #takeFrame: (frame: Uint8Array) => boolean;
  readonly #takeLocal: (input: Local) => void;
  readonly #crashed: (error: unknown) => void;
  /** Inputs that belong to the step under way. They come before everything else. */
  readonly #next = new Fifo<Local>();
  /** The frame whose message found no room. It is older than everything else of the stream. */
  #refused: Uint8Array | undefined;
  /** Entries of the stream whose turn came while it was paused. They are older than the entries of the stream in `#queue`. */
  readonly #held = new Fifo<Uint8Array | Streamed<Local>>();
  readonly #queue = new Fifo<Uint8Array | Streamed<Local> | Local>();
  #state: 'waiting' | 'open' | 'closed' = 'waiting';
  /** Inputs that wait, in all of these queues. */
  #waiting = 0;
  #isBusy = false;
  /** True while the stream is paused. Only this class sets it; a field costs less than a getter for each frame. */
  isPaused = false;
  /** True while the stream is paused for its frames only. Only this class sets it. */
  passesEvents = false;
  /** True while the stream waits for the next turn of the event loop. Only this class sets it. */
  isYielding = false;
  /** The cost of the frames that wait, in bytes. Only this class sets it. */
  bytes = 0;
  /** Frames taken since the current turn began, as far as that is known. */
  #frames = 0;
  #turnStarted = 0;
  readonly #budget: TurnBudget | undefined;

  /**
   * `takeFrame` returns true if it has taken the frame. If it returns false, it has paused the stream.
   *
   * `crashed` gets an error that the other two must not throw, but can: an inspector that throws in the middle of a
   * step leaves the actors stuck for good. The queue is closed before the call.
   */
  constructor(
    takeFrame: (frame: Uint8Array) => boolean,
    takeLocal: (input: Local) => void,
    crashed: (error: unknown) => void,
    budget?: TurnBudget,
  ) {
    this.#budget = budget;
    this.#takeFrame = takeFrame;
    this.#takeLocal = takeLocal;
    this.#crashed = crashed;
  }

  /** Starts to hand on inputs. Until then all inputs wait. */
  open(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'open';
    this.#drain();
  }

  /** Drops the inputs that wait, and takes no more. */
  close(): void {
    this.#state = 'closed';
    this.#next.truncate(0);
    this.#refused = undefined;
    this.#held.truncate(0);
    this.#queue.truncate(0);
    this.#waiting = 0;
    this.bytes = 0;
  }

  /** Takes a frame from the link. */
  frame(frame: Uint8Array): void {
    if (this.#state === 'open' && !this.#isBusy && !this.isPaused && !this.isYielding) {
      this.#isBusy = true;
      try {
        if (!this.#takeFrame(frame)) {
          this.bytes += frame.length + FRAME_COST;
          this.#refuse(frame);
        }
        if (++this.#frames >= UNTIMED_FRAMES) this.#spend();
      } catch (error) {
        this.#crash(error);
      }
      this.#isBusy = false;
      if (this.#waiting > 0) this.#drain();
    } else if (this.#state !== 'closed') {
      this.bytes += frame.length + FRAME_COST;
      this.#stream(frame);
    }
  }

  /** Adds an input that takes effect after every frame that arrived before it. */
  afterFrames(input: Local): void {
    if (this.#state !== 'closed') this.#stream(new Streamed(input));
  }

  /** Adds a local input. It takes effect in its turn. */
  push(input: Local): void {
    if (this.#state === 'closed') return;
    this.#queue.push(input);
    this.#waiting++;
    this.#drain();
  }

  /** Adds a local input that belongs to the step under way. No other input comes in between. */
  pushNext(input: Local): void {
    if (this.#state === 'closed') return;
    this.#next.push(input);
    this.#waiting++;
    this.#drain();
  }

  /** Runs a callback of the application. Inputs made by the callback are queued. They take effect after the current step. */
  hold(callback: () => void): void {
    if (this.#isBusy) {
      callback();
      return;
    }
    // A timer started this step. The actors still work when the callback returns, and have finished by the next
    // microtask.
    this.#isBusy = true;
    callback();
    queueMicrotask(() => {
      this.#isBusy = false;
      this.#drain();
    });
  }

  /**
   * Pauses the stream. With `passesEvents` only frames wait: an event of the link is handed on before frames that arrived
   * before it.
   */
  pause(passesEvents = false): void {
    this.isPaused = true;
    this.passesEvents = passesEvents;
  }

  resume(): void {
    this.isPaused = false;
    this.passesEvents = false;
    this.#drain();
  }

  /**
   * Adds an entry of the stream behind everything that waits. It does so also while paused, since older frames may
   * still stand in the queue.
   */
  #stream(entry: Uint8Array | Streamed<Local>): void {
    this.#queue.push(entry);
    this.#waiting++;
    this.#drain();
  }

  #drain(): void {
    if (this.#isBusy || this.#waiting === 0 || this.#state !== 'open') return;
    this.#isBusy = true;
    try {
      while (this.#waiting > 0 && this.#takeOne());
    } catch (error) {
      this.#crash(error);
    }
    this.#isBusy = false;
  }

  #crash(error: unknown): void {
    this.close();
    this.#crashed(error);
  }

  /** Keeps a refused frame, detached. It may wait for long, and a view would keep alive all that the link read with it. */
  #refuse(frame: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#refused = detached(frame);
    this.#waiting++;
  }

  #takeOne(): boolean {
    const next = this.#next.shift();
    if (next !== undefined) {
      this.#waiting--;
      this.#takeLocal(next);
      return true;
    }
    // The stream waits, for room or for the next turn.
    const isHeld = this.isPaused || this.isYielding;
    const entry = (isHeld ? undefined : this.#shiftHeld()) ?? this.#queue.shift();
    if (entry === undefined) return false;
    this.#waiting--;
    if (isHeld && (isFrame(entry) || (entry instanceof Streamed && !this.passesEvents))) {
      this.#held.push(entry);
      this.#waiting++;
    } else if (isFrame(entry)) {
      const cost = entry.length + FRAME_COST;
      // Subtract before the frame is taken: a step that ends the session sets the count to 0.
      this.bytes -= cost;
      if (!this.#takeFrame(entry)) {
        this.bytes += cost;
        this.#refuse(entry);
      }
      if (++this.#frames >= UNTIMED_FRAMES) this.#spend();
    } else {
      this.#takeLocal(entry instanceof Streamed ? entry.input : entry);
    }
    return true;
  }

  /** Looks at the clock. When the budget of the turn is used up, the next frame waits for another turn. */
  #spend(): void {
    const budget = this.#budget;
    if (budget === undefined) return;
    if (this.#frames === UNTIMED_FRAMES) {
      this.#turnStarted = budget.now();
      (budget.nextTask ?? nextTask)(() => this.#beginTurn());
    } else if (this.#frames % FRAMES_PER_LOOK === 0 && budget.now() - this.#turnStarted >= budget.milliseconds) {
      this.isYielding = true;
    }
  }

  /** Goes on at once with a new budget, as if a turn began: more bytes wait than may. */
  hurry(): void {
    if (!this.isYielding) return;
    this.isYielding = false;
    this.#turnStarted = this.#budget?.now() ?? 0;
    this.#drain();
  }

  #beginTurn(): void {
    this.#frames = 0;
    if (!this.isYielding) return;
    this.isYielding = false;
    this.#drain();
    if (!this.isPaused && !this.isYielding) this.#budget?.resumed?.();
  }

  #shiftHeld(): Uint8Array | Streamed<Local> | undefined {
    const refused = this.#refused;
    if (refused === undefined) return this.#held.shift();
    this.#refused = undefined;
    return refused;
  }
}

/** Also true for a frame of another realm, which is no instance of our Uint8Array. */
function isFrame(entry: object): entry is Uint8Array {
  return ArrayBuffer.isView(entry);
}
