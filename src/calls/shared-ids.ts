import { type ConnectionId, hasParity, nextId, type Parity, ROOT } from '../wire/id.js';
import type { DataMessage } from '../wire/message.js';

/** The ids of one kind, calls or channels, that are in use, and the connection that each belongs to. */
class Owners {
  readonly #last: Record<Parity, number> = { odd: 0, even: 0 };
  readonly #owners = new Map<number, ConnectionId>();

  /** Allocates an id that none of our connections has had yet. */
  allocate(parity: Parity, owner: ConnectionId): number {
    const id = nextId(this.#last[parity], parity);
    this.#last[parity] = id;
    this.#owners.set(id, owner);
    return id;
  }

  /** Notes an id of the peer. The first owner stays: a peer may name an id twice. */
  own(id: number, owner: ConnectionId): void {
    if (!this.#owners.has(id)) this.#owners.set(id, owner);
  }

  free(id: number, owner: ConnectionId): void {
    if (this.#owners.get(id) === owner) this.#owners.delete(id);
  }

  /** Returns the owner of an id. An unknown id belongs to the root. Returns undefined for an id of ours that is over. */
  of(id: number): ConnectionId | undefined {
    const owner = this.#owners.get(id);
    if (owner !== undefined) return owner;
    return id <= this.#last[hasParity(id, 'odd') ? 'odd' : 'even'] ? undefined : ROOT;
  }
}

/**
 * The ids of calls and channels on all connections of a session. They are for a peer that answers the calls of all
 * connections on the root: no id of ours is allocated twice, and a message on the root finds the connection that it is
 * for.
 */
export class SharedIds {
  readonly requests = new Owners();
  readonly channels = new Owners();

  /**
   * Returns the connection that a message on the root is for. Returns undefined when the message comes too late for a
   * call or channel of ours.
   */
  connectionOf(message: DataMessage): ConnectionId | undefined {
    if (message.type === 'ChannelMessage') return this.channels.of(message.id);
    // The peer makes its own calls on the root.
    return message.body.type === 'Response' ? this.requests.of(message.id) : ROOT;
  }
}
