import { InvalidArgument, LinkError } from '../base/errors.js';
import type { Link, LinkEvents } from '../link/link.js';

/**
 * A link around another one, for tests. The test controls its sending side: it can refuse messages or hold them back, as a
 * socket does when its peer does not read. It never hinders messages that arrive. Around a `memoryLinkPair`, whose ends can
 * fail, it has all faults that a link can have.
 *
 * @example
 * const [near, far] = memoryLinkPair();
 * const link = new ControlledLink(near);
 * const session = await initiate(link, { clock });
 * link.hold(); // the peer does not read any more
 * far.fail(); // the cable is pulled
 */
export class ControlledLink implements Link {
  readonly #inner: Link;
  readonly #held: Uint8Array[] = [];
  #events: LinkEvents | undefined;
  #sending: 'taking' | 'holding' | 'refusing' = 'taking';
  #isClosing = false;
  #wasLetGo = false;
  #isOver = false;

  constructor(inner: Link) {
    if (typeof inner?.start !== 'function') throw new InvalidArgument('a controlled link goes around a link');
    this.#inner = inner;
  }

  /** True if its user has closed or aborted it, and nothing of it is left. */
  get isClosed(): boolean {
    return this.#wasLetGo && this.#isOver;
  }

  /** True if it was ever started. */
  get isStarted(): boolean {
    return this.#events !== undefined;
  }

  get buffered(): number {
    return this.#held.reduce((sum, bytes) => sum + bytes.length, this.#inner.buffered);
  }

  start(events: LinkEvents): void {
    this.#events = events;
    this.#inner.start({
      message: events.message,
      drained: events.drained,
      frameLimit: events.frameLimit,
      ended: () => {
        this.#isOver = true;
        events.ended();
      },
      failed: (error) => {
        this.#isOver = true;
        events.failed(error);
      },
      interrupted: () => events.interrupted?.(),
      restored: () => events.restored?.(),
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#sending === 'refusing') throw new LinkError('refused');
    if (this.#sending === 'holding' && !this.#isOver && !this.#wasLetGo) this.#held.push(bytes);
    else this.#inner.send(bytes);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  close(): void {
    this.#wasLetGo = true;
    if (this.#held.length > 0) this.#isClosing = true;
    else this.#inner.close();
  }

  abort(): void {
    this.#wasLetGo = true;
    this.#isOver = true;
    this.#held.length = 0;
    this.#inner.abort();
  }

  /** Makes `send` throw from now on. */
  refuse(): void {
    this.#sending = 'refusing';
  }

  /** Makes sent messages wait from now on. */
  hold(): void {
    this.#sending = 'holding';
  }

  /** Sends the first of the waiting messages. The others go on waiting. */
  takeFirst(): void {
    const bytes = this.#held.shift();
    if (bytes === undefined) return;
    this.#inner.send(bytes);
    queueMicrotask(() => this.#isOver || this.#events?.drained());
  }

  /** Sends the waiting messages, and all later ones at once. */
  take(): void {
    this.#sending = 'taking';
    if (this.#held.length === 0) return;
    for (const bytes of this.#held.splice(0)) this.#inner.send(bytes);
    if (this.#isClosing) this.#inner.close();
    else queueMicrotask(() => this.#isOver || this.#events?.drained());
  }

  /** Reports that the link has no connection for now, as a link that outlives its connections does. It goes with `hold`. */
  interrupt(): void {
    this.#events?.interrupted?.();
  }

  /** Reports that the link has a connection again. It goes with `take`. */
  restore(): void {
    this.#events?.restored?.();
  }
}
