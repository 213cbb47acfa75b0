import type { DataMessage } from '../wire/message.js';
import { payloadSize, told } from './message.js';
import type { WireRecord } from './record.js';

/** The data messages that are reported: all, none, or one record for every so many. */
export type Messages = 'all' | 'none' | number;

type Direction = WireRecord['direction'];
type Tell = (
  wire: Pick<WireRecord, 'direction' | 'connection' | 'message' | 'id' | 'count' | 'bytes' | 'detail'>,
) => void;

/** Similar messages that no record has reported yet. */
interface Pending {
  count: number;
  bytes: number;
}

/**
 * Reports the data messages of one session. The counts add up: a record stands for all messages of its kind, connection and
 * direction since the record before.
 */
export class Sampler {
  readonly #every: number;
  readonly #tell: Tell;
  /** The pending counts by connection, direction and name. No string is made for each message. */
  readonly #pending = new Map<number, Record<Direction, Map<string, Pending>>>();

  constructor(messages: Messages, tell: Tell) {
    this.#every = messages === 'all' ? 1 : messages === 'none' ? Number.POSITIVE_INFINITY : messages;
    this.#tell = tell;
  }

  take(direction: Direction, message: DataMessage): void {
    if (this.#every === Number.POSITIVE_INFINITY) return;
    if (this.#every === 1) {
      this.#tell({ direction, count: 1, ...told(message) });
      return;
    }
    const { connectionId, body } = message;
    const pending = this.#pendingOf(connectionId, direction, body.type);
    pending.count++;
    pending.bytes += payloadSize(message);
    if (pending.count < this.#every) return;
    this.#tell({ direction, ...told(message), ...pending });
    pending.count = 0;
    pending.bytes = 0;
  }

  /** Reports the rest of a connection that has ended. */
  end(connection: number): void {
    const kinds = this.#pending.get(connection);
    if (kinds === undefined) return;
    this.#pending.delete(connection);
    for (const direction of ['sent', 'received'] as const) {
      for (const [message, { count, bytes }] of kinds[direction]) {
        if (count > 0) this.#tell({ direction, connection, message, count, bytes });
      }
    }
  }

  endAll(): void {
    for (const connection of [...this.#pending.keys()]) this.end(connection);
  }

  #pendingOf(connection: number, direction: Direction, message: string): Pending {
    let kinds = this.#pending.get(connection);
    if (kinds === undefined) {
      kinds = { sent: new Map(), received: new Map() };
      this.#pending.set(connection, kinds);
    }
    let pending = kinds[direction].get(message);
    if (pending === undefined) {
      pending = { count: 0, bytes: 0 };
      kinds[direction].set(message, pending);
    }
    return pending;
  }
}
