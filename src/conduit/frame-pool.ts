import { Fifo } from '../base/fifo.js';
import { SHORT_FRAME } from '../base/frame-memory.js';
import type { Codec } from '../codec/codec.js';
import type { Link } from '../link/link.js';

/**
 * When more frames than this are tracked, `add` checks what the link has sent. It does not wait for the link to report
 * that.
 */
const MANY = 32;

interface LentFrame {
  readonly frame: Uint8Array;
  /** The count of all bytes given to the link, up to the end of this frame. */
  readonly end: number;
}

/**
 * Tracks the long frames that the link may still hold. Frames that the link has sent go back to the codec, which writes
 * the next frames into their memory.
 */
export class FramePool {
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #isWanted: boolean;
  readonly #frames = new Fifo<LentFrame>();
  /** True if no frame is tracked. Only this class sets it. */
  isEmpty = true;

  constructor(link: Link, codec: Codec) {
    this.#link = link;
    this.#codec = codec;
    this.#isWanted = codec.release !== undefined;
  }

  /** Notes a frame that was given to the link. `given` counts all bytes given to the link so far. */
  add(frame: Uint8Array, given: number): void {
    if (frame.length <= SHORT_FRAME || !this.#isWanted) return;
    if (this.#link.releasesSent !== true) {
      // The link goes on over another one, which keeps frames by reference.
      this.#frames.truncate(0);
      this.isEmpty = true;
      return;
    }
    this.#frames.push({ frame, end: given });
    this.isEmpty = false;
    if (this.#frames.length > MANY) this.reclaim(given);
  }

  /**
   * Gives the codec the frames back that the link no longer holds. The link sends frames in the order in which it got
   * them.
   */
  reclaim(given: number): void {
    const { retained = this.#link.buffered } = this.#link;
    const left = given - retained;
    for (let first = this.#frames.at(0); first !== undefined && first.end <= left; first = this.#frames.at(0)) {
      this.#frames.shift();
      this.#codec.release?.(first.frame);
    }
    this.isEmpty = this.#frames.length === 0;
  }
}
