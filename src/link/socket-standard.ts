import { CLOSED, closeFailure, OPEN, SocketLink } from './socket.js';

/** The members that a link needs of a WebSocket with the standard interface: the browser's own. */
export interface StandardWebSocket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  binaryType: string;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: 'error', listener: () => void): void;
  removeEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  removeEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  removeEventListener(type: 'error', listener: () => void): void;
}

/** The interval at which `bufferedAmount` is checked while it is not zero. */
const POLL_INTERVAL_MS = 16;

/** A browser lets a page send only the code 1000 and the codes 3000 to 4999. */
const ABORTED = 4000;

/** A link over a WebSocket with the standard interface. It can't be paused, and it doesn't report when it has drained. */
export class StandardLink extends SocketLink {
  readonly #socket: StandardWebSocket;
  #poll: ReturnType<typeof setTimeout> | undefined;
  /** All bytes that the socket was given, and the number of them that had left at the last check. */
  #given = 0;
  #left = 0;

  constructor(socket: StandardWebSocket, closeTimeout: number, maxFrame: number | undefined) {
    super(closeTimeout, maxFrame);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', this.#onMessage);
    socket.addEventListener('close', this.#onClose);
    socket.addEventListener('error', this.#onError);
    if (socket.readyState === CLOSED) this.gone(closeFailure(1006));
  }

  get buffered(): number {
    return this.state === 'over' ? 0 : this.#socket.bufferedAmount;
  }

  // A browser's WebSocket can't be paused. Messages that arrive during a pause are allowed.
  pause(): void {}
  resume(): void {}

  protected transmit(bytes: Uint8Array): void {
    // The connection is ending and our event is under way: the bytes are lost, as on a network.
    if (this.#socket.readyState !== OPEN) return;
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
    this.#given += bytes.byteLength;
    if (this.#poll === undefined) this.#pollLater();
  }

  protected finishSending(): void {
    this.#socket.close(1000, '');
  }

  protected hangUp(code: number, reason: string): void {
    this.#socket.close(3000 + code, reason);
  }

  protected cut(): void {
    this.#socket.close(ABORTED, 'aborted');
    // We don't wait for the browser's event: its closing handshake may take any time.
    this.gone(closeFailure(1006));
  }

  protected release(): void {
    clearTimeout(this.#poll);
    this.#poll = undefined;
    this.#socket.removeEventListener('message', this.#onMessage);
    this.#socket.removeEventListener('close', this.#onClose);
    this.#socket.removeEventListener('error', this.#onError);
  }

  #pollLater(): void {
    const buffered = this.#socket.bufferedAmount;
    this.#left = this.#given - buffered;
    if (buffered > 0) this.#poll = setTimeout(this.#onPoll, POLL_INTERVAL_MS);
  }

  readonly #onPoll = (): void => {
    this.#poll = undefined;
    const left = this.#left;
    this.#pollLater();
    if (this.#left > left) this.drained();
  };

  readonly #onMessage = (event: { readonly data: unknown }): void => {
    const { data } = event;
    // Checked by tag, since an ArrayBuffer of another realm (a frame, a test's sandbox) is no instance of our ArrayBuffer.
    if (Object.prototype.toString.call(data) === '[object ArrayBuffer]') {
      this.received(new Uint8Array(data as ArrayBuffer));
    } else {
      this.receivedOther(typeof data === 'string' ? 'a text message' : 'a message that is no ArrayBuffer');
    }
  };

  // A browser's 'error' event has no information that 'close' lacks, and 'close' always follows.
  readonly #onError = (): void => {};

  readonly #onClose = (event: { readonly code: number; readonly reason: string }): void => {
    this.gone(closeFailure(event.code, event.reason));
  };
}
