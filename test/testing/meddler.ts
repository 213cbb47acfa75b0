import { DEFAULT_LIMITS, type Message, messagePack } from '../../src/index.js';
import type { Link, LinkEvents } from '../../src/link/link.js';

type Change = (message: Message, meddler: Meddler) => readonly Message[] | Message | undefined;

/** The changes to a peer's messages. Messages that a change leaves out are lost; undefined loses the message itself. */
export interface Meddling {
  /** Changes the messages that the peer sends. */
  readonly out?: Change;
  /** Changes the messages that the peer gets. */
  readonly in?: Change;
  /** The fate of bytes that do not decode. By default the peer gets them. */
  readonly garbage?: 'lost';
  /** Runs when the peer's link breaks. Replaces the end of the session. */
  readonly failed?: () => void;
  /** True if the peer never closes its link. */
  readonly stays?: boolean;
}

/** The link of a session that breaks the protocol. It changes the messages between the session and the wire. */
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

  /** Sends a message that the session does not know of. */
  say(message: Message): void {
    try {
      this.#inner.send(messagePack.encode(message));
    } catch {
      // The other side is gone already.
    }
  }

  /** Gives the session a message that the other side has not sent. */
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
