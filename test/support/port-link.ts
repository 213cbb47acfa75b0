import { InvalidArgument, type Link, LinkError, type LinkEvents } from '../../src/index.js';

/** The values on the port: a message, the number of bytes that the receiver has taken, an orderly end, any other end. */
type Posted = Uint8Array | { readonly taken: number } | 'end' | 'abort';

/** A link over one of the two ports of a MessageChannel, such as that to a worker. */
export class PortLink implements Link {
  readonly #port: MessagePort;
  readonly #incoming: (Uint8Array | 'end' | 'abort')[] = [];
  #events: LinkEvents | undefined;
  #state: 'open' | 'closing' | 'over' = 'open';
  #isPaused = false;
  #buffered = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Posted>) => this.#receive(data);
    port.addEventListener('close', () => this.#receive('abort'));
  }

  get buffered(): number {
    return this.#buffered;
  }

  start(events: LinkEvents): void {
    if (this.#events !== undefined) throw new InvalidArgument('the link has been started already');
    this.#events = events;
    // The link must call no handler from within one of its own methods.
    queueMicrotask(() => this.#deliver());
  }

  send(bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) throw new InvalidArgument('a link sends a Uint8Array');
    if (this.#state !== 'open') throw new LinkError('the link is closed');
    this.#buffered += bytes.length;
    // Copy only the view: the port would clone the whole memory behind it.
    this.#port.postMessage(bytes.slice());
  }

  pause(): void {
    if (this.#state === 'open') this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    queueMicrotask(() => this.#deliver());
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    this.#port.postMessage('end');
    this.resume();
  }

  abort(): void {
    if (this.#state === 'over') return;
    this.#port.postMessage('abort');
    this.#finish();
  }

  #receive(posted: Posted): void {
    if (this.#state === 'over') return;
    if (typeof posted !== 'string' && 'taken' in posted) {
      this.#buffered -= posted.taken;
      this.#events?.drained();
    } else {
      this.#incoming.push(posted);
      this.#deliver();
    }
  }

  #deliver(): void {
    const events = this.#events;
    if (events === undefined) return;
    // A handler may pause the link, or abort it.
    while (!this.#isPaused && this.#state !== 'over') {
      const next = this.#incoming.shift();
      if (next === undefined) return;
      if (next === 'end') this.#end(events);
      else if (next === 'abort') this.#fail(events, 'the peer aborted the link');
      else if (next.length > 2 * (events.frameLimit?.() ?? Number.POSITIVE_INFINITY)) {
        this.#port.postMessage('abort');
        this.#fail(events, `the peer sent a message of ${next.length} bytes`);
      } else {
        this.#port.postMessage({ taken: next.length });
        events.message(next);
      }
    }
  }

  #end(events: LinkEvents): void {
    if (this.#state === 'open') this.#port.postMessage('end');
    this.#finish();
    events.ended();
  }

  #fail(events: LinkEvents, text: string): void {
    this.#finish();
    events.failed(new LinkError(text));
  }

  #finish(): void {
    this.#state = 'over';
    this.#buffered = 0;
    this.#incoming.length = 0;
    this.#port.close();
  }
}
