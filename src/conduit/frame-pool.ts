import { Fifo } from '../base/fifo.js';
import type { Codec } from '../codec/codec.js';
import type { Link } from '../link/link.js';

/** Shorter frames are not worth the trouble, in bytes. */
const LONG = 8 * 1024;

/** How many are kept track of before the link is looked at without having told that something left. */
const MANY = 32;

interface LentFrame {
  readonly frame: Uint8Array;
  /** All bytes that the link was given, with this frame the last. */
  readonly end: number;
}

/** Long frames that the link may still have; what it has sent goes back to the codec, which writes the next ones there. */
export class Lent {
  readonly #link: Link;
  readonly #codec: Codec;
  readonly #isWanted: boolean;
  readonly #frames = new Fifo<LentFrame>();

  constructor(link: Link, codec: Codec) {
    this.#link = link;
    this.#codec = codec;
    this.#isWanted = link.releasesSent === true && codec.release !== undefined;
  }

  /** The link was given this frame; `given` are all bytes that it was given so far. */
  add(frame: Uint8Array, given: number): void {
    if (frame.length <= LONG || !this.#isWanted) return;
    this.#frames.push({ frame, end: given });
    if (this.#frames.length > MANY) this.reclaim(given);
  }

  /** Gives back what the link, which takes first what it was given first, does not have any more. */
  reclaim(given: number): void {
    if (this.#frames.length === 0) return;
    const left = given - this.#link.buffered;
    for (let first = this.#frames.at(0); first !== undefined && first.end <= left; first = this.#frames.at(0)) {
      this.#frames.shift();
      this.#codec.release?.(first.frame);
    }
  }
}
