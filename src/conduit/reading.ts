import type { Limits } from '../base/limits.js';
import { afterTurn } from '../base/turn.js';
import type { ConnectionId } from '../wire/id.js';
import type { Conduit } from './conduit.js';
import type { Stock } from './stock.js';

/**
 * Stops reading while an inbox is full. The machines hear of it only when it lasts beyond a turn of the event loop: a
 * reader that keeps up empties an inbox many times in each turn, and no timer can fire within one.
 */
export class Reading {
  readonly stock: Stock;
  readonly #conduit: Conduit;
  #full: ConnectionId | undefined;
  #isTold = false;
  #isLooking = false;
  #loose: { fasten(): void }[] = [];

  constructor(conduit: Conduit, limits: Limits) {
    this.#conduit = conduit;
    this.stock = {
      maxMessages: limits.inboxMessages,
      maxBytes: limits.inboxBytes,
      bytes: 0,
      leftBytes: 0,
      full: undefined,
      filled: (id) => this.#stop(id),
      drained: () => this.#goOn(),
      loose: (inbox) => this.#fastenLater(inbox),
    };
  }

  /**
   * Fastens an inbox after this turn of the event loop. A copy costs as much as a message, and most messages are read
   * before then.
   */
  #fastenLater(inbox: { fasten(): void }): void {
    this.#loose.push(inbox);
    if (this.#loose.length > 1) return;
    afterTurn(() => {
      const inboxes = this.#loose;
      this.#loose = [];
      for (const loose of inboxes) loose.fasten();
    });
  }

  #stop(id: ConnectionId): void {
    this.#conduit.pause();
    this.#full = id;
    if (this.#isLooking) return;
    this.#isLooking = true;
    afterTurn(() => {
      this.#isLooking = false;
      if (this.#full === undefined || this.#isTold) return;
      this.#isTold = true;
      this.#conduit.gate.push({ type: 'inbox.filled', id: this.#full });
    });
  }

  #goOn(): void {
    this.#full = undefined;
    if (!this.#isTold) {
      this.#conduit.resume();
      return;
    }
    this.#isTold = false;
    this.#conduit.gate.push({ type: 'inbox.drained' });
  }
}
