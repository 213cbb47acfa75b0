import type { SessionEvent } from '../../machines/index.js';
import type { DataMessage, Message } from '../../src/wire/message.js';
import type { ModelQueue } from './input-queue.js';
import type { Monitor } from './monitor.js';
import type { PeerOptions, PortState } from './peer.js';

/** A model of the outbox of src/conduit/outbox.ts. It counts messages where that counts bytes. */
export class ModelOutbox {
  readonly sent: Message[] = [];
  readonly #state: PortState;
  readonly #limits: PeerOptions['limits'];
  readonly #queue: ModelQueue;
  readonly #monitor: Monitor;
  readonly #watch: (message: Message) => void;
  /** The number of messages that the link holds back. If negative, the number that it would still take. */
  #backlog: number;

  constructor(
    state: PortState,
    limits: PeerOptions['limits'],
    queue: ModelQueue,
    backlog: number,
    monitor: Monitor,
    watch: (message: Message) => void,
  ) {
    this.#state = state;
    this.#limits = limits;
    this.#queue = queue;
    this.#backlog = backlog;
    this.#monitor = monitor;
    this.#watch = watch;
  }

  /** Sends a message of the protocol at once. Only a Close waits behind the messages accepted for its connection. */
  transmit(message: Message): void {
    const state = this.#state;
    const isParked = state.parked.some(({ connectionId }) => connectionId === message.connectionId);
    if (message.type === 'ConnectionClose' && isParked) state.parked = [...state.parked, message];
    else this.#write(message);
    const { outbox = 0, replies = Number.POSITIVE_INFINITY } = this.#limits;
    const beyond = this.#backlog - outbox - replies;
    if (state.isFull && beyond > 1) this.#monitor.found('bounded', `${this.#backlog} messages wait to leave`);
    if (state.isFull && beyond > 0) this.#queue.push({ type: 'outbox.overflowed' });
  }

  /** Sends a message of the user, which may have to wait. */
  send(message: DataMessage): void {
    if (this.#state.isFull) this.#state.parked = [...this.#state.parked, message];
    else this.#write(message);
  }

  /** Handles progress: some messages that the link held back have left. */
  drained(): void {
    const state = this.#state;
    if (!state.isFull) return;
    while (this.#hasRoom()) {
      const [parked, ...rest] = state.parked;
      if (parked === undefined) {
        state.isFull = false;
        this.#queue.push({ type: 'outbox.drained' });
        return;
      }
      state.parked = rest;
      this.#write(parked);
    }
    this.#queue.push({ type: 'outbox.progressed' });
  }

  /** Ends the outbox with the session. After an orderly end the waiting messages are sent, otherwise dropped. */
  finish(isOrderly: boolean): void {
    const { parked } = this.#state;
    this.#state.parked = [];
    if (isOrderly) for (const message of parked) this.#write(message);
  }

  #write(message: Message): void {
    const state = this.#state;
    if (state.isBroken) return;
    if (state.link !== 'open') {
      state.isBroken = true;
      this.#queue.pushNext({ type: 'link.unsendable', error: new Error('the link is closed') } as SessionEvent);
      return;
    }
    this.#watch(message);
    this.sent.push(message);
    this.#backlog++;
    if (!state.isFull && !this.#hasRoom()) {
      state.isFull = true;
      this.#queue.push({ type: 'outbox.filled' });
    }
  }

  #hasRoom(): boolean {
    return this.#backlog < (this.#limits.outbox ?? Number.POSITIVE_INFINITY);
  }
}
