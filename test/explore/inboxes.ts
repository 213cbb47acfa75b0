import type { SessionEvent } from '../../machines/index.js';
import type { Message } from '../../src/wire/message.js';
import type { ModelQueue } from './input-queue.js';
import type { Event } from './local.js';
import type { Monitor } from './monitor.js';
import type { Handle, PeerOptions, PortState } from './peer.js';

/**
 * Models the unread messages: the queues of src/conduit/receive-queue.ts, and the messages that the input queue holds back from the
 * first one without room in its inbox. The model counts messages where those count bytes.
 */
export class ModelInboxes {
  readonly #state: PortState;
  readonly #limits: PeerOptions['limits'];
  readonly #queue: ModelQueue;
  readonly #monitor: Monitor;

  constructor(state: PortState, limits: PeerOptions['limits'], queue: ModelQueue, monitor: Monitor) {
    this.#state = state;
    this.#limits = limits;
    this.#queue = queue;
    this.#monitor = monitor;
  }

  /** Returns true if a message has room, or needs none. */
  admits({ type, connectionId }: Message): boolean {
    const { inbox } = this.#limits;
    if (inbox === undefined || (type !== 'RequestMessage' && type !== 'ChannelMessage')) return true;
    const handle = this.#state.handles.find(({ id }) => id === connectionId);
    return handle === undefined || handle.hasLeft || handle.unread < inbox;
  }

  /** Handles a message without room: it waits before everything else, and reading stops. */
  refuse(message: Message): void {
    this.#state.held = [message];
    this.#queue.pushNext(this.#filled(message));
  }

  #filled({ connectionId: id }: Message): Event {
    this.#state.full = id;
    return { type: 'inbox.filled', id } as SessionEvent;
  }

  /** Holds a message that arrives while reading is paused. One is always taken. */
  hold(message: Message): void {
    const { intake = Number.POSITIVE_INFINITY } = this.#limits;
    this.#state.held = [...this.#state.held, message];
    const count = this.#state.held.length;
    if (count > Math.max(intake, 1) + 1) this.#monitor.found('bounded', `${count} messages are held back`);
    if (count > intake && count > 1) this.#queue.pushNext({ type: 'conduit.overflowed' });
  }

  /** Returns the next held message once reading goes on. After the messages follows the end behind them. */
  release(received: (message: Message) => Event): Event | undefined {
    const state = this.#state;
    if (state.isPaused) return undefined;
    const [first, ...rest] = state.held;
    if (first !== undefined) {
      if (!this.admits(first)) return this.#filled(first);
      state.held = rest;
      return received(first);
    }
    // On a link that can be paused the end comes after the messages that the link holds back.
    if (!state.isEndHeld || this.#limits.intake === undefined) return undefined;
    state.isEndHeld = false;
    return { type: 'link.ended' };
  }

  /** Counts a message for a connection with a reader. */
  put(id: number): void {
    const { inbox } = this.#limits;
    if (inbox === undefined) return;
    this.#change(id, (handle) => ({ ...handle, unread: handle.unread + 1 }));
    if (this.#unread(id) > inbox)
      this.#monitor.found('bounded', `${this.#unread(id)} messages lie in an inbox of ${inbox}`);
  }

  read(id: number): void {
    this.#change(id, (handle) => ({ ...handle, unread: handle.unread - 1 }));
    const { inbox = 0 } = this.#limits;
    if (this.#unread(id) <= inbox / 2) this.relieve(id);
  }

  /** Removes the reader with its unread messages. */
  leave(id: number): void {
    this.#change(id, (handle) => ({ ...handle, unread: 0, hasLeft: true }));
    this.relieve(id);
  }

  /** Reports that an inbox is half empty, or will not be filled again. If it has stopped the reading, reading goes on. */
  relieve(id: number): void {
    if (this.#state.full !== id) return;
    this.#state.full = undefined;
    this.#queue.push({ type: 'inbox.drained' });
  }

  #unread(id: number): number {
    return this.#state.handles.find((handle) => handle.id === id)?.unread ?? 0;
  }

  #change(id: number, how: (handle: Handle) => Handle): void {
    this.#state.handles = this.#state.handles.map((handle) => (handle.id === id ? how(handle) : handle));
  }
}
