/** Checks the properties of one peer: its messages, the observations of its user, and the state that it leaves. */
import { hasParity, type Parity, ROOT } from '../../src/wire/id.js';
import type { Message } from '../../src/wire/message.js';
import type { Finding, Memory, PeerOptions } from './peer.js';
import type { Property } from './properties.js';

/** Watches one step of one peer, and keeps the memory for the next one. */
export class Monitor {
  readonly memory: { -readonly [K in keyof Memory]: Memory[K] };
  readonly #options: PeerOptions;
  #isRootOpened = false;
  /** The first finding. */
  finding: Finding | undefined;

  constructor(options: PeerOptions, memory: Memory) {
    this.#options = options;
    this.memory = { ...memory };
  }

  found(property: Property, text: string): void {
    this.finding ??= { property, text };
  }

  /** Notes a message from the peer, before its effect. */
  received(message: Message): void {
    const { memory } = this;
    if (message.type === 'ConnectionAccept') this.#answered(message.connectionId);
    if (message.type === 'ConnectionReject') this.#answered(message.connectionId);
    if (message.type === 'ConnectionOpen') {
      this.#isRootOpened = message.connectionId === ROOT;
      // The id belongs to a new connection of the peer.
      memory.closed = without(memory.closed, message.connectionId);
    }
    if (message.type === 'Pong' && message.connectionId === ROOT && String(message.nonce) === memory.ping) {
      memory.ping = undefined;
    }
  }

  /** Checks a sent message. `parity` is the session's. `ping` is the nonce of the Ping received in the same step, if any. */
  sent(message: Message, isEstablished: boolean, parity: Parity | undefined, ping: string | undefined): void {
    const { memory } = this;
    const { type, connectionId: id } = message;
    if (memory.hasAccused) this.found('last-word', `${type} after our ProtocolError`);
    // An Open of the root is rejected, on the id in that Open: 9a.03.
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
    // A Reject is no use of the id: we reject an Open even on an id of ours: 9a.03.
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

/** Returns the list without an id, and the same list if it is not in there. */
function without(ids: readonly number[], id: number): readonly number[] {
  return ids.includes(id) ? ids.filter((one) => one !== id) : ids;
}
