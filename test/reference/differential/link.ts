import { LinkError } from '../../../src/base/errors.js';
import type { Link, LinkEvents } from '../../../src/link/link.js';

/** A link whose other end is a script. It delivers the script's frames at once, and reports the frames that are sent. */
export class ScriptLink implements Link {
  readonly buffered = 0;
  readonly #onSent: (bytes: Uint8Array) => void;
  #isRefusing: boolean;
  #events: LinkEvents | undefined;
  /** The events of the script that come before the session listens. */
  readonly #early: ((events: LinkEvents) => void)[] = [];
  #isOver = false;

  constructor(onSent: (bytes: Uint8Array) => void, isRefusing: boolean) {
    this.#onSent = onSent;
    this.#isRefusing = isRefusing;
  }

  start(events: LinkEvents): void {
    queueMicrotask(() => {
      this.#events = events;
      for (const tell of this.#early.splice(0)) tell(events);
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#isOver) throw new LinkError('the link is closed');
    if (this.#isRefusing) throw new LinkError('refused');
    this.#onSent(bytes);
  }

  pause(): void {}

  resume(): void {}

  close(): void {
    queueMicrotask(() => this.end());
  }

  abort(): void {
    this.#isOver = true;
  }

  // ---- For the script ----

  receive(bytes: Uint8Array): void {
    this.#tell((events) => events.message(bytes));
  }

  end(): void {
    this.#tell((events) => {
      this.#isOver = true;
      events.ended();
    });
  }

  fail(): void {
    this.#tell((events) => {
      this.#isOver = true;
      events.failed(new LinkError('the link broke'));
    });
  }

  refuse(): void {
    this.#isRefusing = true;
  }

  #tell(tell: (events: LinkEvents) => void): void {
    if (this.#isOver) return;
    if (this.#events === undefined) this.#early.push(tell);
    else tell(this.#events);
  }
}
