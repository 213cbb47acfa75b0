import { Fifo } from '../base/fifo.js';
import { nextTask } from '../base/turn.js';
import { detached } from './detach.js';

/** What is no frame, and yet comes after the frames that arrived before it. */
class Streamed<Local> {
  readonly input: Local;

  constructor(input: Local) {
    this.input = input;
  }
}

/** What a frame that waits costs beside its bytes: an empty one is not free, or a peer could send them for ever. */
const FRAME_COST = 64;

/** How long a session may work off its stream before the other sessions of the process have their turn. */
export interface TurnBudget {
  /** Milliseconds, by the clock of the session. */
  now(): number;
  readonly milliseconds: number;
  /** Calls back in a task of its own. */
  nextTask?(callback: () => void): void;
  /** The stream has gone on, and all that waited for it was taken. */
  resumed?(): void;
}

/** Frames that a turn takes without a look at the clock, and frames between two looks: each look costs as much as a frame. */
const UNTIMED_FRAMES = 8;
const FRAMES_PER_LOOK = 2;

/**
 * The one queue of a session's inputs: what the peer sent, what the user asks, what became of the link. Each input is
 * handed on only when everything that the one before it set off has run out: an input takes effect whole. Row "5 queue".
 *
 * What comes from the link, the stream, can be paused. It then waits here, undecoded and in its order; local inputs go on.
 * A frame for whose message there is no room pauses the stream, and is its first again when that goes on.
 *
 * What one read of a socket has brought can take seconds. So the stream also waits when it has used up its budget for one turn of
 * the event loop, and goes on in the next one.
 */
export class Gate<Local extends object> {
  readonly #takeFrame: (frame: Uint8Array) => boolean;
  readonly #takeLocal: (input: Local) => void;
  readonly #crashed: (error: unknown) => void;
  /** Belongs to the step under way, and comes before everything else. */
  readonly #next = new Fifo<Local>();
  /** Came when there was no room for its message: older than everything else of the stream. */
  #refused: Uint8Array | undefined;
  /** The stream, while it is paused; older than whatever is in `queue` once it flows again. */
  readonly #held = new Fifo<Uint8Array | Streamed<Local>>();
  readonly #queue = new Fifo<Uint8Array | Streamed<Local> | Local>();
  #state: 'waiting' | 'open' | 'closed' = 'waiting';
  #isBusy = false;
  #isPaused = false;
  /** The stream waits for the next turn. */
  #isYielding = false;
  /** Frames taken since a turn began, as far as that is known. */
  #frames = 0;
  #turnStarted = 0;
  #bytes = 0;
  readonly #budget: TurnBudget | undefined;

  /**
   * `takeFrame` says whether it has taken the frame. If not, it has paused the stream.
   *
   * `crashed` hears of what neither of the other two may throw, and yet can: an inspector that does, in the midst of a step,
   * leaves the actors stuck for good. The gate is closed then.
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

  /** What the frames that wait cost, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether the stream waits for the next turn of the event loop. */
  get isYielding(): boolean {
    return this.#isYielding;
  }

  /** Begins to hand on; until then everything waits. */
  open(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'open';
    this.#drain();
  }

  /** Forgets what waits, and takes nothing any more. */
  close(): void {
    this.#state = 'closed';
    this.#next.truncate(0);
    this.#refused = undefined;
    this.#held.truncate(0);
    this.#queue.truncate(0);
    this.#bytes = 0;
  }

  /** A frame from the link. */
  frame(frame: Uint8Array): void {
    if (this.#state === 'open' && !this.#isBusy && !this.#isWaiting) {
      this.#isBusy = true;
      try {
        if (!this.#takeFrame(frame)) {
          this.#bytes += frame.length + FRAME_COST;
          this.#refuse(frame);
        }
        this.#spend();
      } catch (error) {
        this.#crash(error);
      }
      this.#isBusy = false;
      this.#drain();
    } else if (this.#state !== 'closed') {
      this.#bytes += frame.length + FRAME_COST;
      this.#stream(frame);
    }
  }

  /** What takes effect after every frame that arrived before it. */
  afterFrames(input: Local): void {
    if (this.#state !== 'closed') this.#stream(new Streamed(input));
  }

  /** A local input, in its turn. */
  push(input: Local): void {
    if (this.#state === 'closed') return;
    this.#queue.push(input);
    this.#drain();
  }

  /** A local input that belongs to the step under way: nothing else comes in between. */
  pushNext(input: Local): void {
    if (this.#state === 'closed') return;
    this.#next.push(input);
    this.#drain();
  }

  /** Runs a user's callback: what it asks for comes in its turn, after the step that called it. */
  hold(callback: () => void): void {
    if (this.#isBusy) {
      callback();
      return;
    }
    // A step that a timer set off: the actors are still at work when the callback returns, and done by the next microtask.
    this.#isBusy = true;
    callback();
    queueMicrotask(() => {
      this.#isBusy = false;
      this.#drain();
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#drain();
  }

  /** Behind everything that waits: also while paused, since older frames may still stand in the queue. */
  #stream(entry: Uint8Array | Streamed<Local>): void {
    this.#queue.push(entry);
    this.#drain();
  }

  #drain(): void {
    if (this.#isBusy || this.#state !== 'open') return;
    this.#isBusy = true;
    try {
      while (this.#takeOne());
    } catch (error) {
      this.#crash(error);
    }
    this.#isBusy = false;
  }

  #crash(error: unknown): void {
    this.close();
    this.#crashed(error);
  }

  /** A view would keep what the link has read alive, and may do so for long. */
  #refuse(frame: Uint8Array): void {
    if (this.#state !== 'closed') this.#refused = detached(frame);
  }

  #takeOne(): boolean {
    const next = this.#next.shift();
    if (next !== undefined) {
      this.#takeLocal(next);
      return true;
    }
    const entry = (this.#isWaiting ? undefined : this.#shiftHeld()) ?? this.#queue.shift();
    if (entry === undefined) return false;
    if (this.#isWaiting && (isFrame(entry) || entry instanceof Streamed)) {
      this.#held.push(entry);
    } else if (isFrame(entry)) {
      const cost = entry.length + FRAME_COST;
      // Before it is taken: a step that ends the session forgets what waits.
      this.#bytes -= cost;
      if (!this.#takeFrame(entry)) {
        this.#bytes += cost;
        this.#refuse(entry);
      }
      this.#spend();
    } else {
      this.#takeLocal(entry instanceof Streamed ? entry.input : entry);
    }
    return true;
  }

  /** Whether the stream waits, for room or for the next turn. */
  get #isWaiting(): boolean {
    return this.#isPaused || this.#isYielding;
  }

  /** A frame was taken. Where the budget of the turn is used up, the next one waits for another turn. */
  #spend(): void {
    const budget = this.#budget;
    if (budget === undefined) return;
    this.#frames++;
    if (this.#frames < UNTIMED_FRAMES) return;
    if (this.#frames === UNTIMED_FRAMES) {
      this.#turnStarted = budget.now();
      (budget.nextTask ?? nextTask)(() => this.#beginTurn());
    } else if (this.#frames % FRAMES_PER_LOOK === 0 && budget.now() - this.#turnStarted >= budget.milliseconds) {
      this.#isYielding = true;
    }
  }

  /** Goes on at once, as if a turn began: more waits than may. */
  hurry(): void {
    if (!this.#isYielding) return;
    this.#isYielding = false;
    this.#turnStarted = this.#budget?.now() ?? 0;
    this.#drain();
  }

  #beginTurn(): void {
    this.#frames = 0;
    if (!this.#isYielding) return;
    this.#isYielding = false;
    this.#drain();
    if (!this.#isWaiting) this.#budget?.resumed?.();
  }

  #shiftHeld(): Uint8Array | Streamed<Local> | undefined {
    const refused = this.#refused;
    if (refused === undefined) return this.#held.shift();
    this.#refused = undefined;
    return refused;
  }
}

/** Also one of another realm, which is no instance of our Uint8Array. */
function isFrame(entry: object): entry is Uint8Array {
  return ArrayBuffer.isView(entry);
}
