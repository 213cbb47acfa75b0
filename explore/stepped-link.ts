import { LinkError } from '../src/errors.js';
import type { Link, LinkEvents } from '../src/link/link.js';

/**
 * One end of a link between two sessions in which nothing moves by itself: whoever holds both ends says when the next
 * message arrives, when an end is heard of, and when all of it breaks. Otherwise it does as src/link/memory.ts does.
 */
export class SteppedLink implements Link {
  readonly buffered = 0;
  /** What has been sent since it was last asked for. */
  readonly #sent: Uint8Array[] = [];
  #peer: SteppedLink = this;
  #events: LinkEvents | undefined;
  readonly #inbox: Uint8Array[] = [];
  #ending: 'ended' | Error | undefined;
  #state: 'open' | 'closing' | 'over' = 'open';
  /** Nothing arrives any more, and nobody hears of it. */
  #hasVanished = false;

  static pair(): [SteppedLink, SteppedLink] {
    const left = new SteppedLink();
    const right = new SteppedLink();
    left.connect(right);
    right.connect(left);
    return [left, right];
  }

  connect(peer: SteppedLink): void {
    this.#peer = peer;
  }

  start(events: LinkEvents): void {
    this.#events = events;
  }

  send(bytes: Uint8Array): void {
    if (this.#state !== 'open') throw new LinkError('the link is closed');
    this.#sent.push(bytes);
    if (!this.#hasVanished && this.#peer.#state !== 'over') this.#peer.#inbox.push(bytes);
  }

  pause(): void {}

  resume(): void {}

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#peer.#endOrderly();
  }

  abort(): void {
    if (this.#state === 'over') return;
    this.#finish();
    if (this.#hasVanished || this.#peer.#state === 'over') return;
    if (!(this.#peer.#ending instanceof Error)) this.#peer.#ending = new LinkError('the peer aborted the link');
  }

  // ---- For whoever holds both ends ----

  /** What has been sent since the last time. */
  takeSent(): Uint8Array[] {
    return this.#sent.splice(0);
  }

  /** The next message arrives. */
  deliver(): void {
    const bytes = this.#inbox.shift();
    if (bytes === undefined) throw new Error('there is nothing to deliver');
    this.#events?.message(bytes);
  }

  /** The end is heard of. */
  hear(): void {
    const ending = this.#ending;
    if (ending === undefined) throw new Error('there is no end to be heard of');
    const isAnswered = this.#state === 'closing';
    this.#finish();
    if (ending instanceof Error) {
      this.#events?.failed(ending);
      return;
    }
    if (!isAnswered) this.#peer.#endOrderly();
    this.#events?.ended();
  }

  /** What befalls the link befalls both ends. */
  befall(what: 'fail' | 'close' | 'vanish'): void {
    this.#suffer(what);
    this.#peer.#suffer(what);
  }

  #suffer(what: 'fail' | 'close' | 'vanish'): void {
    if (this.#state === 'over') return;
    if (what !== 'close') this.#inbox.length = 0;
    if (what === 'vanish') {
      this.#hasVanished = true;
      this.#ending = undefined;
      return;
    }
    this.#state = 'closing';
    if (what === 'fail') this.#ending = new LinkError('the link broke');
    else this.#ending ??= 'ended';
  }

  #endOrderly(): void {
    if (this.#state !== 'over' && !this.#hasVanished) this.#ending ??= 'ended';
  }

  #finish(): void {
    this.#state = 'over';
    this.#inbox.length = 0;
    this.#ending = undefined;
  }
}
