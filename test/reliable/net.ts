import { InvalidArgument, LinkError } from '../../src/base/errors.js';
import type { Link, LinkEvents } from '../../src/link/link.js';
import { VirtualClock } from '../../src/testing/index.js';

// Links that a test breaks, delays and delivers one message at a time. Nothing happens by itself.

/** One end of a simulated link. */
export class NetEnd implements Link {
  readonly incoming: Uint8Array[] = [];
  /** What follows the messages. */
  ending: 'ended' | Error | undefined;
  isOver = false;
  isPaused = false;
  isClosed = false;
  /** A test delivers the messages of slow links rarely. */
  isSlow = false;
  peer!: NetEnd;
  #events: LinkEvents | undefined;
  /** Bytes that wait at this end: everything that was sent, until it is delivered. */
  buffered = 0;

  get isStarted(): boolean {
    return this.#events !== undefined;
  }

  start(events: LinkEvents): void {
    if (this.#events !== undefined) throw new InvalidArgument('started twice');
    this.#events = events;
  }

  send(bytes: Uint8Array): void {
    if (this.isOver || this.isClosed) throw new LinkError('the link is closed');
    if (this.ending instanceof Error || this.peer.isOver) return;
    // A copy, as over a network: frames are reused.
    this.peer.incoming.push(bytes.slice());
    this.buffered += bytes.length;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(): void {
    if (this.isOver || this.isClosed) return;
    this.isClosed = true;
    this.isPaused = false;
    this.peer.ending ??= 'ended';
  }

  /** What was sent may still arrive: a late greeting of an abandoned attempt. */
  abort(): void {
    this.isOver = true;
    this.incoming.length = 0;
    this.peer.ending = new LinkError('aborted');
  }

  /** The connection is gone. Each end notices it later. */
  cut(): void {
    for (const end of [this, this.peer]) {
      if (end.isOver) continue;
      end.incoming.length = 0;
      end.ending = new LinkError('cut');
    }
  }

  get canDeliver(): boolean {
    if (this.isOver || this.#events === undefined || this.isPaused) return false;
    return this.incoming.length > 0 || this.ending !== undefined;
  }

  /** Delivers the next message, or the end. */
  deliver(): void {
    const events = this.#events as LinkEvents;
    const bytes = this.incoming.shift();
    if (bytes !== undefined) {
      this.peer.buffered -= bytes.length;
      events.message(bytes);
      if (!this.peer.isOver && this.peer.isStarted) this.peer.#events?.drained();
      return;
    }
    this.isOver = true;
    const { ending } = this;
    this.peer.ending ??= 'ended';
    if (ending === 'ended') events.ended();
    else events.failed(ending as Error);
  }
}

export class Net {
  readonly clock = new VirtualClock();
  readonly ends: NetEnd[] = [];

  pair(): [NetEnd, NetEnd] {
    const [left, right] = [new NetEnd(), new NetEnd()];
    left.peer = right;
    right.peer = left;
    this.ends.push(left, right);
    return [left, right];
  }

  get ready(): readonly NetEnd[] {
    // Links that are over at both ends are never looked at again.
    const living = this.ends.filter(({ isOver, peer }) => !isOver || !peer.isOver);
    this.ends.splice(0, this.ends.length, ...living);
    return this.ends.filter((end) => end.canDeliver);
  }

  get living(): readonly NetEnd[] {
    return this.ends.filter((end) => !end.isOver && !(end.ending instanceof Error));
  }

  /** Delivers everything, in the order of the links, for as long as anything comes of it. */
  async calm(): Promise<void> {
    for (;;) {
      await tick();
      const { ready } = this;
      if (ready.length === 0) return;
      for (const end of ready) if (end.canDeliver) end.deliver();
    }
  }
}

/** Lets the microtasks run: a promise of `connect` takes the most. */
export async function tick(): Promise<void> {
  for (let count = 0; count < 6; count++) await Promise.resolve();
}
