import { type ConnectionId, hasParity, opposite, ROOT } from '../wire/id.js';
import type { Message, MessageOf } from '../wire/message.js';
import { DRAINING, noticeOf } from '../wire/metadata.js';
import type { Offence, World } from './vocabulary.js';

/**
 * The state of a connection as the tester knows it. `closing`: the tester has closed it, and the peer may not know that yet.
 */
type Phase = 'opening' | 'asked' | 'active' | 'closing' | 'closed';

/**
 * Tracks every connection, and finds messages that are wrong in any case: an open of an id that is not the peer's, data on a
 * connection that is not open, a second answer to one open, a message after the peer's last one, an open or a call of a peer
 * that has answered ok to the notice of a drain.
 */
export class Ledger {
  readonly #world: World;
  readonly #phases = new Map<ConnectionId, Phase>();
  /** The tester's opens without an answer yet, including those that break a rule. */
  readonly #unanswered = new Map<ConnectionId, number>();
  /** The ids under which the tester has said that it drains. */
  readonly #drains = new Set<ConnectionId>();
  #isEstablished = false;
  #hasAccused = false;
  /** True once the peer knows that the tester drains. */
  #knowsOfDrain = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** Notes that the peer has received all messages of the tester. It knew them when it sends its next messages. */
  settle(): void {
    for (const [id, phase] of this.#phases) if (phase === 'closing') this.#phases.set(id, 'closed');
  }

  /** True if data on this id is allowed at any time. */
  isOpen(id: ConnectionId): boolean {
    const phase = this.#phases.get(id);
    return this.#isEstablished && (id === ROOT || phase === 'active' || phase === 'closing');
  }

  /** Notes a message of the tester. */
  tell(message: Message): void {
    const { connectionId: id } = message;
    const phase = this.#phases.get(id);
    if (message.type === 'HelloYourself') this.#isEstablished = true;
    const isLive = phase === 'opening' || phase === 'active' || phase === 'asked';
    if (message.type === 'ConnectionOpen') {
      this.#unanswered.set(id, (this.#unanswered.get(id) ?? 0) + 1);
      if (noticeOf(message.metadata) === DRAINING) this.#drains.add(id);
      if (!isLive && hasParity(id, this.#world.parity)) this.#phases.set(id, 'opening');
    } else if (message.type === 'ConnectionAccept' && phase === 'asked') {
      this.#phases.set(id, 'active');
    } else if (message.type === 'ConnectionReject' && phase === 'asked') {
      this.#phases.set(id, 'closed');
    } else if (message.type === 'ConnectionClose' && isLive) {
      this.#phases.set(id, 'closing');
    }
  }

  /** Notes a message of the peer. Returns its offence, if it has one. */
  hear(message: Message): Offence | undefined {
    const { connectionId: id } = message;
    if (this.#hasAccused) return offence('session.message', '9a', 'it goes on after its ProtocolError');
    switch (message.type) {
      case 'ProtocolError':
        this.#hasAccused = true;
        return id === ROOT ? undefined : offence('session.message', '9a.11', 'its ProtocolError is not on id 0');
      case 'Hello':
      case 'HelloYourself':
        return this.#hearHello(message.type);
      case 'Ping':
        return id === ROOT ? undefined : offence('session.keepalive', '9a.11', `it pings on id ${id}`);
      case 'Pong':
        return undefined;
      case 'ConnectionOpen':
        return this.#hearOpen(id);
      case 'ConnectionAccept':
        return this.#hearAnswer(message.type, id);
      case 'ConnectionReject':
        if (this.#drains.has(id) && noticeOf(message.metadata) === 'ok') this.#knowsOfDrain = true;
        return this.#hearAnswer(message.type, id);
      case 'ConnectionClose':
        return this.#hearClose(id);
      default:
        return this.isOpen(id) ? this.#hearData(message) : this.#strayData(id);
    }
  }

  #hearData({ connectionId: id, body }: MessageOf<'RequestMessage' | 'ChannelMessage'>): Offence | undefined {
    if (!this.#knowsOfDrain || body.type !== 'Call') return undefined;
    return offence('connection.open.rejection', '5.31', `it calls on id ${id}, though it knows that the tester drains`);
  }

  #hearHello(type: 'Hello' | 'HelloYourself'): Offence | undefined {
    if (this.#isEstablished) return offence('session.handshake', '9a.09', `it sends ${type} after the handshake`);
    this.#isEstablished = type === 'HelloYourself';
    return undefined;
  }

  #hearOpen(id: ConnectionId): Offence | undefined {
    if (!hasParity(id, opposite(this.#world.parity))) {
      return offence('session.parity', '9a.03', `it opens id ${id}, which is not of its parity`);
    }
    const phase = this.#phases.get(id);
    if (phase === 'asked' || phase === 'active') {
      return offence('connection.open', '9a.03', `it opens id ${id}, which is in use`);
    }
    if (this.#knowsOfDrain) {
      return offence('connection.open.rejection', '5.31', `it opens id ${id}, though it knows that the tester drains`);
    }
    this.#phases.set(id, 'asked');
    return undefined;
  }

  #hearAnswer(type: 'ConnectionAccept' | 'ConnectionReject', id: ConnectionId): Offence | undefined {
    const count = this.#unanswered.get(id) ?? 0;
    if (count === 0) return offence('connection.open', '9a.04', `its ${type} on id ${id} answers no open`);
    this.#unanswered.set(id, count - 1);
    if (this.#phases.get(id) === 'opening') this.#phases.set(id, type === 'ConnectionAccept' ? 'active' : 'closed');
    return undefined;
  }

  #hearClose(id: ConnectionId): Offence | undefined {
    if (id === ROOT) return offence('connection.close', '9a.08', 'it closes the root');
    const phase = this.#phases.get(id);
    if (phase === undefined) return offence('connection.close', '9a.06', `it closes id ${id}, which was never opened`);
    if (phase === 'closed') return offence('connection.close', '9a.05', `it closes id ${id}, which is closed`);
    this.#phases.set(id, 'closed');
    return undefined;
  }

  #strayData(id: ConnectionId): Offence {
    const where: Partial<Record<Phase | 'none', string>> = {
      opening: 'which it has not accepted',
      asked: 'which the tester has not accepted',
      closed: 'which is closed',
    };
    const phase = this.#phases.get(id) ?? 'none';
    const why = where[phase] ?? 'which was never opened';
    if (phase === 'closed') return offence('connection.close', '9b.01', `it sends data on id ${id}, ${why}`);
    return offence('session.message', '9a.06', `it sends data on id ${id}, ${why}`);
  }
}

function offence(rule: string, row: string, reason: string): Offence {
  return { rule, row, reason };
}
