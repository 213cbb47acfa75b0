/** The properties of one peer: what it sends, what reaches its user, what it leaves behind. */
import { hasParity, type Parity, ROOT } from '../src/wire/id.js';
import type { Message } from '../src/wire/message.js';
import type { Finding, Memory, PeerOptions } from './peer.js';
import type { Property } from './properties.js';

/** Watches one step of one peer, and carries over to the next what it has to remember. */
export class Monitor {
  readonly memory: { -readonly [K in keyof Memory]: Memory[K] };
  readonly #options: PeerOptions;
  #isRootOpened = false;
  /** The first that was found. */
  finding: Finding | undefined;

  constructor(options: PeerOptions, memory: Memory) {
    this.#options = options;
    this.memory = { ...memory };
  }

  found(property: Property, text: string): void {
    this.finding ??= { property, text };
  }

  /** Takes note of a message from the peer, before it takes effect. */
  received(message: Message): void {
    const { memory } = this;
    if (message.type === 'ConnectionAccept') this.#answered(message.connectionId);
    if (message.type === 'ConnectionReject') this.#answered(message.connectionId);
    if (message.type === 'ConnectionOpen') {
      this.#isRootOpened = message.connectionId === ROOT;
      // An id of the peer's begins anew.
      memory.closed = without(memory.closed, message.connectionId);
    }
    if (message.type === 'Pong' && message.connectionId === ROOT && String(message.nonce) === memory.ping) {
      memory.ping = undefined;
    }
  }

  /** `parity` is the session's; `ping` what was received in this very step, if that was one. */
  sent(message: Message, isEstablished: boolean, parity: Parity | undefined, ping: string | undefined): void {
    const { memory } = this;
    const { type, connectionId: id } = message;
    if (memory.hasAccused) this.found('last-word', `${type} after our ProtocolError`);
    // Whoever opens the root is rejected, on the id that they named: 9a.03.
    const isRefusal = type === 'ConnectionReject' && this.#isRootOpened;
    if (id === ROOT && type.startsWith('Connection') && !isRefusal) this.found('root-unspoken', `${type} on the root`);
    const greeting = this.#options.role === 'initiator' ? 'Hello' : 'HelloYourself';
    if (type === greeting) {
      if (memory.hasGreeted) this.found('handshake-first', `a second ${type}`);
      memory.hasGreeted = true;
    } else if (!(isEstablished && memory.hasGreeted) && type !== 'ProtocolError') {
      this.found('handshake-first', `${type} before the handshake is over`);
    }
    if (type === 'ProtocolError') {
      memory.hasAccused = true;
      return;
    }
    if (type === 'Ping') {
      if (memory.ping !== undefined) this.found('one-ping', `Ping ${message.nonce} while ${memory.ping} is out`);
      memory.ping = String(message.nonce);
    }
    if (type === 'Pong' && String(message.nonce) !== ping) {
      this.found('one-ping', `Pong ${message.nonce} does not answer Ping ${ping}`);
    }
    if (type === 'ConnectionOpen') this.#opened(id, parity);
    else if (id !== ROOT) this.#spoken(type, id);
  }

  #opened(id: number, parity: Parity | undefined): void {
    const { memory } = this;
    if (parity === undefined || !hasParity(id, parity)) this.found('ids-parity', `Open with id ${id}`);
    if (id <= memory.lastOpened) this.found('ids-grow', `Open with id ${id} after ${memory.lastOpened}`);
    memory.lastOpened = id;
    memory.unanswered = [...memory.unanswered, id];
  }

  #spoken(type: Message['type'], id: number): void {
    const { memory } = this;
    // What the peer offers and we refuse is answered even on an id of ours: 9a.03. That is no use of the id.
    if (type === 'ConnectionReject' || type === 'Pong' || type === 'Ping') return;
    if (memory.closed.includes(id)) this.found('silence-after-close', `${type} on ${id} after our Close`);
    if (type === 'ConnectionClose') {
      memory.closed = [...memory.closed, id].sort();
      this.#answered(id);
    } else if (memory.unanswered.includes(id)) {
      this.found('silence-before-accept', `${type} on ${id} before its Accept`);
    }
  }

  #answered(id: number): void {
    this.memory.unanswered = without(this.memory.unanswered, id);
  }
}

/** The same list where nothing is taken out. */
function without(ids: readonly number[], id: number): readonly number[] {
  return ids.includes(id) ? ids.filter((one) => one !== id) : ids;
}
