import { LinkError } from '../../src/base/errors.js';
import type { Link, LinkEvents } from '../../src/link/link.js';

/**
 * One end of a link between two sessions that moves nothing by itself. The test decides when the next message arrives, when
 * an end is reported, and when the link breaks. Otherwise it works like src/link/memory.ts.
 */
export class SteppedLink implements Link {
  readonly #capacity: number;
  /** The messages sent since the last `takeSent`. */
  readonly #sent: Uint8Array[] = [];
  #peer: SteppedLink = this;
  #events: LinkEvents | undefined;
  readonly #inbox: Uint8Array[] = [];
  #ending: 'ended' | Error | undefined;
  #state: 'open' | 'closing' | 'over' = 'open';
  /** True if nothing arrives any more, and neither end reports it. */
  #hasVanished = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Returns a pair. Each end holds `capacity` messages. Further ones are buffered at the sender. */
  static pair(capacity = Number.POSITIVE_INFINITY): [SteppedLink, SteppedLink] {
    const left = new SteppedLink(capacity);
    const right = new SteppedLink(capacity);
    left.connect(right);
    right.connect(left);
    return [left, right];
  }

  connect(peer: SteppedLink): void {
    this.#peer = peer;
  }

  get buffered(): number {
    return this.#peer.#inbox.slice(this.#capacity).reduce((bytes, { length }) => bytes + length, 0);
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
    this.#peer.#inbox.splice(this.#capacity);
    if (!(this.#peer.#ending instanceof Error)) this.#peer.#ending = new LinkError('the peer aborted the link');
  }

  // ---- For the test, which holds both ends ----

  /** Returns the messages sent since the last call. */
  takeSent(): Uint8Array[] {
    return this.#sent.splice(0);
  }

  /** True if a message waits here for its delivery. */
  get hasMore(): boolean {
    return this.#inbox.length > 0;
  }

  /** Delivers the next message. */
  deliver(): Uint8Array {
    const bytes = this.#inbox.shift();
    if (bytes === undefined) throw new Error('there is nothing to deliver');
    this.#events?.message(bytes);
    return bytes;
  }

  /** Reports that some of the buffered messages have left. */
  drain(): void {
    this.#events?.drained();
  }

  /** Reports the end. If `isHeld`, an orderly end waits behind the messages here, for {@link hearHeld}. */
  hear(isHeld: boolean): void {
    const ending = this.#ending;
    if (ending === undefined) throw new Error('there is no end to be heard of');
    if (ending === 'ended' && this.#state !== 'closing') this.#peer.#endOrderly();
    if (ending === 'ended' && isHeld) {
      this.#state = 'over';
      return;
    }
    this.#finish();
    if (ending instanceof Error) this.#events?.failed(ending);
    else this.#events?.ended();
  }

  hearHeld(): void {
    this.#events?.ended();
  }

  /** Breaks the link, and reports that at this end. */
  breakOff(): void {
    this.#finish();
    this.#events?.failed(new LinkError('the link broke'));
  }

  /** Makes this end refuse messages without a report. */
  refuse(): void {
    if (this.#state === 'open') this.#state = 'closing';
  }

  /** Applies an event of the link to both ends. */
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
