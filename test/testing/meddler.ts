import { DEFAULT_LIMITS, type Message, messagePack } from '../../src/index.js';
import type { Link, LinkEvents } from '../../src/link/link.js';

type Change = (message: Message, meddler: Meddler) => readonly Message[] | Message | undefined;

/** What is done to a peer's messages. What a change leaves out is lost; undefined loses the message itself. */
export interface Meddling {
  /** What it says. */
  readonly out?: Change;
  /** What it gets to hear. */
  readonly in?: Change;
  /** What becomes of bytes that do not decode. By default it hears them. */
  readonly garbage?: 'lost';
  /** What it does when its link breaks, instead of ending. */
  readonly failed?: () => void;
  /** Whether it never closes its link. */
  readonly stays?: boolean;
}

/** The link of a session that breaks the protocol: between the session and the wire it changes what it is told to. */
export class Meddler implements Link {
  readonly #inner: Link;
  readonly #meddling: Meddling;
  #events: LinkEvents | undefined;

  constructor(inner: Link, meddling: Meddling) {
    this.#inner = inner;
    this.#meddling = meddling;
  }

  get buffered(): number {
    return this.#inner.buffered;
  }

  start(events: LinkEvents): void {
    this.#events = events;
    const failed = this.#meddling.failed ?? ((error: Error) => events.failed(error));
    this.#inner.start({ ...bound(events), failed, message: (bytes) => this.#hear(bytes) });
  }

  send(bytes: Uint8Array): void {
    for (const message of changed(this.#meddling.out, messagePack.decode(bytes, DEFAULT_LIMITS), this)) {
      this.say(message);
    }
  }

  /** Says something that the session knows nothing of. */
  say(message: Message): void {
    try {
      this.#inner.send(messagePack.encode(message));
    } catch {
      // The other side is gone already.
    }
  }

  /** Has the session hear something that nobody said. */
  hear(message: Message): void {
    this.#events?.message(messagePack.encode(message));
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  close(): void {
    if (this.#meddling.stays !== true) this.#inner.close();
  }

  abort(): void {
    if (this.#meddling.stays !== true) this.#inner.abort();
  }

  #hear(bytes: Uint8Array): void {
    let message: Message;
    try {
      message = messagePack.decode(bytes, DEFAULT_LIMITS);
    } catch {
      if (this.#meddling.garbage !== 'lost') this.#events?.message(bytes);
      return;
    }
    for (const one of changed(this.#meddling.in, message, this)) this.hear(one);
  }
}

function bound(events: LinkEvents): LinkEvents {
  return {
    message: (bytes) => events.message(bytes),
    drained: () => events.drained(),
    ended: () => events.ended(),
    failed: (error) => events.failed(error),
  };
}

function changed(change: Change | undefined, message: Message, meddler: Meddler): readonly Message[] {
  if (change === undefined) return [message];
  const result = change(message, meddler);
  if (result === undefined) return [];
  return Array.isArray(result) ? (result as readonly Message[]) : [result as Message];
}
